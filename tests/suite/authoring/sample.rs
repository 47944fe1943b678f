//! `trunkline contract sample`: what it gives is valid, whatever the contract.

use trunkline::contract::sample::Error;
use trunkline::contract::{Files, Registry};
use trunkline::diagnostic::SourceFile;
use trunkline::message::Limits;

use super::{references, root, schemas, shared};
use crate::program::trunkline;

/// Variants of each contract.
const VARIANTS: u64 = 6;

/// Gives how many examples there are, and which contracts have none.
fn all(files: Files) -> (usize, Vec<String>) {
    let registry = Registry::new(files);
    let limits = Limits::default();
    let (mut found, mut none) = (0, Vec::new());
    for reference in references(&registry) {
        let contract = registry.resolve(&reference).unwrap_or_else(|error| panic!("{reference}: {}", error.message));
        for variant in 0..VARIANTS {
            match contract.sample(variant, &limits) {
                Ok(body) => {
                    assert!(body.len() < 100_000, "{reference}: {} bytes", body.len());
                    contract.read(&body, &limits).unwrap_or_else(|error| panic!("{reference}: {error}"));
                    found += 1;
                }
                Err(Error::Root) => {}
                Err(error) => none.push(format!("{reference} ({variant}): {error} {error:?}")),
            }
        }
    }
    (found, none)
}

#[test]
fn every_shipped_contract_has_one() {
    for folder in ["schemas", "examples/canonical/schemas"] {
        let (found, none) = all(schemas(&root().join(folder)));
        assert!(found > 100, "{folder}: {found}");
        assert_eq!(none, Vec::<String>::new(), "{folder}");
    }
}

/// Wildcards, recursion, `xsi:type`, unions, lists, substitution: one small schema for each of them.
#[test]
fn every_schema_of_the_conversion_cases_has_one() {
    let (found, none) = all(schemas(&root().join("tests/cases/conversion"))
        .into_iter()
        .filter(|(path, _)| path.ends_with(".xsd"))
        .collect());
    assert!(found > 100, "{found}");
    assert_eq!(none, Vec::<String>::new());
}

#[test]
fn documents_of_ubl_have_one() {
    let Some(folder) = shared("ubl-2.1/xsd") else { return };
    let registry = Registry::new(schemas(&folder));
    let limits = Limits::default();
    for kind in ["Order", "Invoice"] {
        let reference = format!("maindoc/UBL-{kind}-2.1#{kind}");
        let contract = registry.resolve(&reference).expect("a contract");
        let body = contract.sample(0, &limits).unwrap_or_else(|error| panic!("{reference}: {error:?}"));
        let elements = body.iter().filter(|byte| **byte == b'<').count();
        assert!(elements > 20, "{}", String::from_utf8_lossy(&body));
    }
}

/// Rules that work against each other, and such that make documents without end.
#[test]
fn hard_schemas() {
    let limits = Limits::default();
    let sample = |text: &str| {
        let file = SourceFile::new("s.json", text);
        let registry = Registry::new(Files::from([("s.json".into(), file)]));
        let contract = registry.resolve("s").unwrap_or_else(|error| panic!("{text}: {}", error.message));
        contract.sample(0, &limits).map(|body| String::from_utf8_lossy(&body).split_whitespace().collect::<String>())
    };
    for (schema, expected) in [
        (r##"{"type":"object","properties":{"next":{"$ref":"#"}},"required":["a"]}"##, r#""a":"a""#),
        (r#"{"type":"array","items":{"type":"integer"},"minItems":3,"uniqueItems":true}"#, "[1,"),
        (
            r#"{"oneOf":[{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]},
             {"type":"object","properties":{"b":{"type":"string"}},"required":["b"]}]}"#,
            r#"{"a":"a"}"#,
        ),
        (r#"{"type":"integer","minimum":7,"multipleOf":5}"#, "10"),
        (r#"{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":0.01}"#, "0.005"),
        (r#"{"type":"string","pattern":"^[A-Z]{2}-\\d+$","minLength":8}"#, r#""AB-"#),
        (
            r#"{"if":{"properties":{"kind":{"const":"a"}}},"then":{"required":["x"]},"properties":{"kind":{"enum":["b","a"]}},
             "required":["kind"]}"#,
            "kind",
        ),
        (r#"{"not":{"type":"string"},"type":["string","integer"]}"#, "1"),
        (r#"{"allOf":[{"type":"object","required":["a"]},{"properties":{"a":{"maxLength":1}}}]}"#, r#"{"a":"a"}"#),
        (r#"{"type":"object","additionalProperties":{"type":"boolean"},"minProperties":2}"#, "true"),
        (r#"{"type":"array","prefixItems":[{"const":1},{"const":"two"}],"items":false,"minItems":2}"#, r#"[1,"two"]"#),
        (r#"{"type":"array","contains":{"const":7}}"#, "[7]"),
        ("true", r#""text""#),
    ] {
        let made = sample(schema).unwrap_or_else(|error| panic!("{schema}: {error:?}"));
        assert!(made.contains(expected), "{schema}: {made}");
    }
    for schema in [
        "false",
        r##"{"type":"object","properties":{"next":{"$ref":"#"}},"required":["next"]}"##,
        r#"{"type":"integer","minimum":2,"maximum":1}"#,
        r#"{"type":"array","items":{"type":"null"},"minItems":1000000000}"#,
        r##"{"$ref":"#"}"##,
    ] {
        assert!(sample(schema).is_err(), "{schema}");
    }
}

#[test]
fn the_command_prints_a_document() {
    let out = trunkline().args(["contract", "sample", "chat/order-status-request"]).run();
    assert_eq!((out.code, out.stderr.as_str()), (0, ""), "{out:?}");
    insta::assert_snapshot!("json", out.stdout);
    let out = trunkline().args(["contract", "sample", "erp/order-status#OrderStatusRequest"]).run();
    assert_eq!((out.code, out.stderr.as_str()), (0, ""), "{out:?}");
    insta::assert_snapshot!("xml", out.stdout);
    let again = trunkline().args(["validate", "erp/order-status#OrderStatusRequest", "-"]).input(out.stdout).run();
    assert_eq!(again.code, 0, "{again:?}");
    let other = trunkline().args(["contract", "sample", "schemas/chat/lead.json", "--variant", "3"]).run();
    assert_eq!((other.code, other.stderr.as_str()), (0, ""), "{other:?}");
}

#[test]
fn the_command_says_why_there_is_none() {
    let out = trunkline().args(["contract", "sample", "erp/order-status"]).run();
    assert_eq!((out.code, out.stdout.as_str()), (2, ""), "{out:?}");
    assert!(out.stderr.contains("hint: name one, as `erp/order-status#"), "{out:?}");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("never.json");
    std::fs::write(&path, r#"{"type":"integer","minimum":2,"maximum":1}"#).expect("written");
    let out = trunkline().args(["contract", "sample"]).arg(&path).run();
    assert_eq!((out.code, out.stdout.as_str()), (1, ""), "{out:?}");
    assert!(out.stderr.contains("no document could be made from its rules alone"), "{out:?}");
}
