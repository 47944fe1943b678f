//! Random programs over random documents: what jaq gives, we give.
//!
//! The grammar keeps to what both define alike; the named differences have their cases in `tests`.

use proptest::prelude::*;

use super::tests::{json, oracle, written};
use super::*;

/// A small document.
pub(super) fn document() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        (-20i64..20).prop_map(|number| number.to_string()),
        prop::sample::select(vec!["\"\"", "\"a\"", "\"b c\"", "\"äß\"", "\"a,b\"", "12345678901234567890", "1.5"])
            .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::btree_map(prop::sample::select(vec!["a", "b", "c"]), inner, 0..3).prop_map(|members| {
                let members: Vec<_> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

/// A path of constant steps.
fn path() -> impl Strategy<Value = String> {
    let step = prop::sample::select(vec![
        ".a",
        ".b",
        ".a?",
        ".[]",
        ".[]?",
        ".c.a",
        ".a[]?",
        "(arrays | .[0])",
        "(arrays | .[-1])",
        "(arrays | .[1:])",
        "(strings | .[:1])",
        "..",
    ]);
    prop::collection::vec(step, 1..3).prop_map(|steps| format!("({})", steps.join(" | ")))
}

/// An expression with exactly one output, where it does not fail.
fn single() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        ".",
        "1",
        "2",
        "-3",
        "\"a\"",
        "\"x y\"",
        "null",
        "true",
        "[]",
        "{}",
        ".a?",
        "length",
        "type",
        "tojson",
        "tostring",
        "keys",
        "add",
        "sort",
        "[.[]?]",
        "[.. | numbers]",
        "[..] | length",
        "to_entries",
        "[.[]?] | reverse",
        "unique",
        "not",
        "ascii_downcase",
        "explode",
        "any",
        "all",
        "min",
        "max",
        "[paths]",
        "isempty(.[])",
        "[leaf]",
    ]);
    let leaf = leaf.prop_map(|text| if text == "[leaf]" { "[.]".to_owned() } else { format!("({text})") });
    // `.a?` gives one output only on objects and null.
    let leaf = leaf.prop_map(|text| text.replace("(.a?)", "([.a?])"));
    leaf.prop_recursive(3, 24, 3, |inner| {
        prop_oneof![
            (
                inner.clone(),
                prop::sample::select(vec!["+", "-", "==", "!=", "<", "<=", ">", ">=", "and", "or"]),
                inner.clone()
            )
                .prop_map(|(l, op, r)| format!("({l} {op} {r})")),
            (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("({l} | {r})")),
            (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("((try {l} catch null) // {r})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(c, t, e)| format!("(if {c} then {t} else {e} end)")),
            (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("[{l}, {r}]")),
            (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("{{a: {l}, b: {r}}}")),
            (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("({l} as $x | {r} | [., $x])")),
            (path(), inner.clone()).prop_map(|(path, f)| format!("[{path} | {f}]")),
            inner.clone().prop_map(|f| format!("(try {f} catch \"caught\")")),
            inner.clone().prop_map(|f| format!("(map({f})? // [])")),
            inner.clone().prop_map(|f| format!("([.[]?, 1, 2] | sort_by({f}))")),
            inner.clone().prop_map(|f| format!("([.[]?, 1, 2] | group_by({f}))")),
            inner.clone().prop_map(|f| format!("([.[]?, 1, 2] | [min_by({f}), max_by({f})])")),
            (path(), inner.clone()).prop_map(|(path, f)| format!("(reduce {path} as $x (0; [., $x] | {f}))")),
            (path(), inner.clone()).prop_map(|(path, f)| format!("[foreach {path} as $x (.; {f}; [$x, .])]")),
            inner.clone().prop_map(|f| format!("(def f(g): [g, (g | g)]; f({f}))")),
            inner.clone().prop_map(|f| format!("(def f($x): [$x, {f}]; f(.))")),
            inner.clone().prop_map(|f| format!("([.[]?] | .[] |= {f})")),
            inner.clone().prop_map(|f| format!("(objects // {{}} | .a |= {f} | .c = 1)")),
            inner.clone().prop_map(|f| format!("(objects // {{}} | with_entries(.value |= {f}))")),
            inner.clone().prop_map(|f| format!("[limit(2; .[]?, {f})]")),
            inner.clone().prop_map(|f| format!("[first(.[]?, {f})]")),
            inner.clone().prop_map(|f| format!("[label $out | {f}, break $out, 1]")),
            inner.clone().prop_map(|f| format!("\"<\\({f})>\"")),
            inner.prop_map(|f| format!("[path(.. | select(({f}) == 1))]")),
        ]
    })
}

/// An expression with any number of outputs.
pub(super) fn program() -> impl Strategy<Value = String> {
    prop_oneof![
        single(),
        (single(), single()).prop_map(|(l, r)| format!("{l}, {r}")),
        (path(), single()).prop_map(|(path, f)| format!("{path} | {f}")),
        (path(), single()).prop_map(|(path, f)| format!("{path} | select({f})")),
        (path(), path()).prop_map(|(l, r)| format!("[{l}] == [{r}]")),
    ]
}

/// JSON by value: jaq and we may write the same number in two ways.
fn same(ours: &[String], theirs: &[String]) -> bool {
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| a == b || json(a) == json(b))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_jaq(source in program(), input in document()) {
        let limits = Limits::default();
        let compiled = Program::compile(&source, &[], &Tables::new());
        prop_assert!(compiled.is_ok(), "{source}: {compiled:?}");
        let mut ours = Vec::new();
        let outcome = compiled.unwrap().each(&json(&input), &[], &limits, |value| {
            ours.push(written(&value));
            true
        });
        prop_assume!(!outcome.as_ref().is_err_and(|error| error.limit));
        let (theirs, failed) = oracle::run(&source, &input).expect("jaq compiles it");
        let agree = failed == outcome.is_err() && same(&ours, &theirs);
        prop_assert!(agree, "{source}\n on {input}\n ours {ours:?} {outcome:?}\n jaq  {theirs:?} failed: {failed}");
    }
}
