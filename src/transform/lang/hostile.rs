//! Totality: no source panics the compiler, every accepted program ends within its bounds.

use proptest::prelude::*;

use super::*;
use crate::message::Number;

fn compile(source: &str) -> Result<Program, Vec<CompileError>> {
    Program::compile(source, &["headers"], &Tables::new())
}

fn small() -> Limits {
    Limits { steps: 200_000, nodes: 10_000, output_bytes: 100_000, ..Limits::default() }
}

/// Runs on a thread with the stack that a worker of the runtime has.
fn on_a_worker_stack(test: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(2 << 20).spawn(test).unwrap().join().unwrap();
}

#[test]
fn ends_what_would_run_for_ever() {
    on_a_worker_stack(|| {
        let hostile = [
            "[range(1000000000)]",
            "last(range(1000000000))",
            "reduce range(1000000000) as $x (0; . + $x)",
            "reduce range(1000000) as $x (0; [.])",
            "reduce range(1000000) as $x (null; {a: .})",
            "reduce range(100000) as $x (2; . * .)",
            "reduce range(100) as $x (\"aaaaaaaaaa\"; . + .)",
            "reduce range(100) as $x ([1]; . + .)",
            "[range(1000) | [range(1000) | [range(1000)]]]",
            "[range(10)] | [combinations(9)]",
            "setpath([range(5000) | \"a\"]; 1)",
            "setpath([1000000000]; 1)",
            ".[1000000000] = 1",
            "getpath([range(100000) | \"a\"])",
            "1e999999999 + 1",
            "[limit(1000000000; range(1000000000))]",
            "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" | [gsub(\"a\"; (\"b\", \"c\"))]",
            "foreach range(1000000000) as $x (0; .; empty)",
            "[..] | [.., ..] | [.., ..] | [.., ..] | [range(1000000)]",
            "def a: .,.; def b: a|a; def c: b|b; def d: c|c; def e: d|d; def f: e|e; [f|f]",
            "{a: range(100), b: range(100), c: range(100), d: range(100)}",
            "\"\\(range(1000))\\(range(1000))\\(range(1000))\"",
            "[[range(100)]|combinations(10)]",
            "try (reduce range(1000000000) as $x (0; 1)) catch 1",
            "(reduce range(1000000000) as $x (0; 1)) // 1",
            "[(last(range(1000000000)))?]",
            "([limit(90000; range(1000000000))] | map(\"a\") | add) as $t | [range(9000) | $t | ascii_upcase]",
            "([range(9000)] | map(0)) as $t | $t | indices($t[:4000])",
            "([range(9000)] | map(\"a\") | add) as $t | [range(9) | $t | indices($t[:4000])]",
        ];
        for source in hostile {
            let program = compile(source).unwrap_or_else(|errors| panic!("{source}: {errors:?}"));
            let began = std::time::Instant::now();
            let outcome = program.run(&Value::Null, &[], &small());
            let limited = outcome.as_ref().is_err_and(|error| error.limit);
            assert!(limited, "{source}: {:?}", outcome.map(|outputs| outputs.len()));
            assert!(began.elapsed().as_secs() < 20, "{source}: {:?}", began.elapsed());
        }
    });
}

#[test]
fn what_grows_piece_by_piece_costs_its_length() {
    let lengths = [
        "[range(100000) | \"item\"] | add | length",
        "reduce range(100000) as $x (\"\"; . + \"item\") | length",
        "[range(100000) | \"item\"] | join(\"\") | length",
        "([range(100000) | \"item\"] | add | gsub(\"i\"; \"ii\") | length) - 100000",
        "([range(100000) | \"item\"] | add | indices(\"te\") | length) * 4",
    ];
    for source in lengths {
        let program = compile(source).unwrap_or_else(|errors| panic!("{source}: {errors:?}"));
        let outputs = program.run(&Value::Null, &[], &Limits { steps: 3_000_000, ..Limits::default() });
        assert_eq!(outputs, Ok(vec![Value::from(400_000)]), "{source}");
    }
}

#[test]
fn keeps_the_stack_for_the_deepest_programs() {
    on_a_worker_stack(|| {
        let deep = |open: &str, close: &str, n: usize| format!("{}.{}", open.repeat(n), close.repeat(n));
        let sources = [
            deep("[", "]", 190),
            deep("{a: ", "}", 190),
            deep("-(", ")", 120),
            deep("(. as $x | ", ")", 120),
            deep("map(", ")", 100),
            deep("(.[] | ", ")", 120),
            deep("(.[] |= ", ")", 120),
            deep("first(", ")", 120),
            deep("\"\\(", ")\"", 90),
            deep("if . then ", " else . end", 200),
            deep("try ", "", 200),
            deep("reduce .[] as $x (.; ", ")", 100),
            deep("[label $a | ", "]", 100),
            deep("def f: ", "; f", 100),
            deep("path(", ")", 100),
            ". | ".repeat(200) + ".",
            ".[]? | ".repeat(200) + ".",
            ". + ".repeat(200) + ".",
            ".[]? , ".repeat(2000) + ".",
            ".a".repeat(2000),
            (0..200).fold("def f0: .; ".to_owned(), |text, n| text + &format!("def f{}: [f{n}]; ", n + 1)) + "f200",
            (0..150).fold("def f0(g): g; ".to_owned(), |text, n| text + &format!("def f{}(g): f{n}(g | g); ", n + 1))
                + "f150(.[]?)",
        ];
        let mut input = Value::from(1);
        for _ in 0..64 {
            input = Value::array(vec![input]);
        }
        for source in sources {
            match compile(&source) {
                Ok(program) => drop(program.run(&input, &[], &small())),
                Err(errors) => assert!(errors.iter().all(|error| error.code != "TL302"), "{source}: {errors:?}"),
            }
        }
        let program = compile("[..] | [.[] | tojson | length] | add").unwrap();
        assert!(program.run(&input, &[], &Limits::default()).is_ok());
        let program = compile("walk([.]) | walk([.]) | walk([.])").unwrap();
        assert!(program.run(&input, &[], &Limits::default()).unwrap_err().limit);
    });
}

#[test]
fn refuses_programs_that_nest_too_deep() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{a:", "}"),
        ("\"\\(", ")\""),
        ("-", ""),
        ("try ", ""),
        ("if . then ", " end"),
        ("def f: ", "; f"),
    ] {
        for n in [1_000, 20_000] {
            let errors = compile(&format!("{}.{}", open.repeat(n), close.repeat(n))).unwrap_err();
            assert!(!errors.is_empty());
        }
    }
    for chain in ["| .", "+ .", "// .", ", .", "as $x | .", "= .", "and ."] {
        drop(compile(&format!(".{}", chain.repeat(20_000))));
        drop(compile(&format!(".{}", chain.repeat(3_000))));
    }
}

/// Pieces of programs in any order.
fn soup() -> impl Strategy<Value = String> {
    let words = [
        ".",
        "..",
        ".a",
        ".[",
        "]",
        "[",
        "(",
        ")",
        "{",
        "}",
        "|",
        ",",
        ";",
        ":",
        "\"",
        "\\(",
        "$x",
        "$headers",
        "as",
        "def",
        "f",
        "if",
        "then",
        "else",
        "elif",
        "end",
        "try",
        "catch",
        "reduce",
        "foreach",
        "label",
        "break",
        "?",
        "//",
        "?//",
        "=",
        "|=",
        "+=",
        "+",
        "-",
        "*",
        "/",
        "%",
        "==",
        "<",
        "and",
        "or",
        "not",
        "map",
        "select",
        "1",
        "1e",
        "0.5",
        "@uri",
        "@nope",
        "é",
        "💣",
        "'",
        "#",
        "\n",
        "\\",
        "import",
        "env",
        "range",
        "path",
        "del",
        "test",
        "table",
        "error",
        "empty",
        "1e999999999",
        "$__loc__",
        "::",
        "a::b",
        " ",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..40).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn never_panics_on_a_source(source in prop_oneof![soup(), ".{0,60}", soup().prop_map(|text| text.replace("", " "))]) {
        match compile(&source) {
            Ok(program) => drop(program.run(&Value::from(1), &[Value::Null], &small())),
            Err(errors) => for error in errors {
                prop_assert!(source.get(error.span.clone()).is_some(), "{source:?}: {error:?}");
            },
        }
    }

    #[test]
    fn sums_and_products_are_exact(a in any::<i64>(), b in any::<i64>(), scale in 0u32..12) {
        let decimal = |value: i64| {
            let digits = format!("{:0>13}", value.unsigned_abs());
            let (whole, fraction) = digits.split_at(digits.len() - scale as usize);
            let whole = whole.trim_start_matches('0');
            let text = format!("{}{}{}{}", if value < 0 { "-" } else { "" }, if whole.is_empty() { "0" } else { whole },
                if scale > 0 { "." } else { "" }, fraction);
            Number::parse(&text).unwrap()
        };
        let big = |number: &Number| number.to_text().parse::<bigdecimal::BigDecimal>().unwrap();
        let (a, b) = (decimal(a), decimal(b));
        prop_assert_eq!(big(&num::add(&a, &b).unwrap()), big(&a) + big(&b));
        prop_assert_eq!(big(&num::subtract(&a, &b).unwrap()), big(&a) - big(&b));
        prop_assert_eq!(big(&num::multiply(&a, &b).unwrap()), big(&a) * big(&b));
    }
}
