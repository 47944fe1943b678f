//! What is wrong in a program: code, place, words and hint, as a user reads them.

use super::*;

const WRONG: &[&str] = &[
    // TL301
    "",
    ".a |",
    "{ a: 1",
    "[1, 2",
    "\"abc",
    "\"a\\q\"",
    ".a.[",
    "if .a then 1",
    "if .a 1 else 2 end",
    "reduce .[] as $x (0)",
    "foreach .[] as $x (1; 2; 3; 4)",
    ". as x | x",
    "{a: 1 b: 2}",
    ".a 'b'",
    "1 2",
    "map(.a, )",
    "{(1): 2}",
    "{1: 2}",
    "a & b",
    "\"\\u12\"",
    "1e",
    ".items[] | { sku: .id, qty: .quantity, }, )",
    // TL302
    "lenght",
    ".a | maap(.b)",
    "order_id",
    "$header.kind",
    "$nothing",
    "length(1)",
    "map",
    "split",
    "sub(\"a\")",
    "break $out",
    "@urll",
    "def f($x): $x; f",
    "def total: 1; totl",
    "decimal(2; \"half_evn\")",
    // TL303
    "def f: f; f",
    "def f(g): def h: f(g); h; f(.)",
    "repeat(.)",
    "[limit(3; repeat(1))]",
    "until(. > 10; . + 1)",
    "while(true; .)",
    "recurse(.children[]?)",
    "range(infinite)",
    "nan",
    "env.HOME",
    "$ENV.HOME",
    "input",
    "[inputs]",
    "halt",
    "halt_error",
    "debug",
    "now",
    "localtime",
    "\"x\" * .n",
    "\"\\(.a)\" * .n",
    "\"x\" * 1000000",
    "$__loc__",
    "import \"a\" as a; a::f",
    "include \"a\"; f",
    ". as [$a] ?// $a | $a",
    // TL304
    "test(.pattern)",
    "test(\"(a\")",
    "test(\"(?=a)\")",
    "test(\"a\"; \"q\")",
    "gsub(\"(a)\\\\1\"; \"b\")",
    // TL305
    "table(\"chanel\")",
    "table(\"zzz\")",
    "table(.name)",
];

#[test]
fn says_what_is_wrong_and_what_to_do() {
    let mut report = String::new();
    let tables: Tables = [("channel".to_owned(), BTreeMap::new()), ("status".to_owned(), BTreeMap::new())].into();
    for source in WRONG {
        let errors = match Program::compile(source, &["headers", "properties", "route", "message"], &tables) {
            Ok(_) => panic!("{source} is accepted"),
            Err(errors) => errors,
        };
        report.push_str(&format!("{}\n", source.replace('\n', "\\n")));
        for error in errors {
            let column = source[..error.span.start].chars().count();
            let width = source[error.span.clone()].chars().count().max(1);
            report.push_str(&format!("{}{} {} {}\n", " ".repeat(column), "^".repeat(width), error.code, error.message));
            if let Some(hint) = error.hint {
                report.push_str(&format!("    hint: {hint}\n"));
            }
        }
        report.push('\n');
    }
    insta::assert_snapshot!(report);
}

#[test]
fn names_the_place_of_a_failure() {
    let place = |source: &str| {
        let program = Program::compile(source, &[], &Tables::new()).unwrap();
        let error = program.run(&Value::from("text"), &[], &Limits::default()).unwrap_err();
        (source[error.span].to_owned(), error.message)
    };
    assert_eq!(place("1 | .a.b"), (".a.b".into(), "number 1 cannot be indexed with \"a\"".into()));
    assert_eq!(place("{ x: 1, y: (. + 1) }"), ("1".into(), "string and number 1 cannot be added".into()));
    assert_eq!(place("[1] | map(tonumber + {})"), ("tonumber".into(), "number 1 and object cannot be added".into()));
    assert_eq!(place("{a: 1} | error(\"no \\(.a)\")"), ("error(\"no \\(.a)\")".into(), "no 1".into()));
    assert_eq!(place("error({code: 7})").1, "{\"code\":7}");
    assert_eq!(place("tonumber | . + 1"), ("tonumber".into(), "\"text\" is not a number".into()));
    assert_eq!(place("with_entries(.)").0, "with_entries");
}

#[test]
fn every_shipped_mapping_compiles() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("transforms");
    let folders = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let files = folders.flat_map(|folder| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    let mut count = 0;
    for path in files {
        let file = crate::diagnostic::SourceFile::new("x.yaml", std::fs::read_to_string(&path).unwrap());
        let model: crate::transform::Model = crate::diagnostic::yaml::parse(&file).unwrap();
        let tables = model.tables.keys().map(|name| (name.clone(), BTreeMap::new())).collect();
        let compiled = Program::compile(&model.map, &crate::transform::VARIABLES, &tables);
        assert!(compiled.is_ok(), "{}: {compiled:?}", path.display());
        assert!(compiled.unwrap().reads_input());
        count += 1;
    }
    assert!(count >= 7);
}

#[test]
fn knows_which_variables_are_used() {
    let uses = |source: &str| {
        let program = Program::compile(source, &["headers", "message"], &Tables::new()).unwrap();
        (program.uses(0), program.uses(1), program.uses(2))
    };
    assert_eq!(uses(". # $headers"), (false, false, false));
    assert_eq!(uses("\"$message\" | length"), (false, false, false));
    assert_eq!(uses("1 as $headers | $headers"), (false, false, false));
    assert_eq!(uses("def f: {a: \"\\($headers.x)\"}; f"), (true, false, false));
    assert_eq!(uses(".[$message.size]? // $headers"), (true, true, false));
}

#[test]
fn knows_whether_the_input_is_read() {
    let reads = |source: &str| Program::compile(source, &["headers"], &Tables::new()).unwrap().reads_input();
    for constant in
        ["1", "{a: [1, \"x\"]}", "$headers.kind", "$headers | .a.b | length", "def f: 1; f + 2", "1 as $x | $x"]
    {
        assert!(!reads(constant), "{constant}");
    }
    for reading in [".", ".a", "length", "$headers + .a", "def f: .a; f", "def f(g): g; f(.a)", "[..]", "$headers[.a]"]
    {
        assert!(reads(reading), "{reading}");
    }
}
