//! `trunkline contract infer`: says what the examples show, and no more.

use proptest::prelude::*;
use serde_json::{Value, json};
use trunkline::contract::infer::{Formats, Seen};
use trunkline::contract::{Files, Registry};
use trunkline::diagnostic::SourceFile;
use trunkline::format::json;
use trunkline::message::Limits;

use crate::program::trunkline;

fn inferred(documents: &[Value]) -> (Value, bool) {
    let formats = Formats::new().expect("formats");
    let limits = Limits::default();
    let mut seen = Seen::default();
    for document in documents {
        seen.add(&json::read(document.to_string().as_bytes(), &limits).expect("JSON"), &formats);
    }
    let text = json::pretty(&seen.schema());
    let registry = Registry::new(Files::from([("s.json".into(), SourceFile::new("s.json", text.clone()))]));
    let contract = registry.resolve("s").expect("a schema");
    let holds = documents.iter().all(|document| contract.read(&document.to_string().into(), &limits).is_ok());
    (serde_json::from_str(&text).expect("JSON"), holds)
}

fn schema(documents: &[Value]) -> Value {
    let (mut schema, holds) = inferred(documents);
    assert!(holds, "{documents:?} {schema}");
    schema.as_object_mut().expect("an object").remove("$schema");
    schema
}

#[test]
fn says_what_all_have_in_common() {
    let documents = [
        json!({"id": "007", "count": 1, "note": null, "tags": [], "at": {"x": 1}}),
        json!({"id": "8", "count": 2.5, "note": "hot", "tags": ["a"], "more": true, "at": {"y": 1}}),
    ];
    assert_eq!(
        schema(&documents),
        json!({
            "type": "object",
            "properties": {
                "id": { "type": "string" },
                "count": { "type": "number" },
                "note": { "type": ["string", "null"] },
                "tags": { "type": "array", "items": { "type": "string" } },
                "at": { "type": "object", "properties": { "x": { "type": "integer" }, "y": { "type": "integer" } } },
                "more": { "type": "boolean" },
            },
            "required": ["at", "count", "id", "note", "tags"],
        })
    );
    assert_eq!(schema(&[json!([])]), json!({ "type": "array" }));
}

#[test]
fn a_format_needs_several_different_texts() {
    let date = |day: u32| json!(format!("2026-01-{day:02}"));
    assert_eq!(schema(&[date(1), date(1), date(1), date(2)]), json!({ "type": "string" }));
    assert_eq!(schema(&[date(1), date(2), date(3)]), json!({ "type": "string", "format": "date" }));
    assert_eq!(schema(&[date(1), date(2), date(3), json!("soon")]), json!({ "type": "string" }));
    // A colon alone makes no address.
    assert_eq!(schema(&[json!("a:b"), json!("a:c"), json!("a:d")]), json!({ "type": "string" }));
}

#[test]
fn a_list_of_values_needs_many_examples() {
    let many =
        |times: usize| ["web", "whatsapp"].iter().cycle().take(times).map(|text| json!(text)).collect::<Vec<_>>();
    assert_eq!(schema(&many(8)), json!({ "type": "string" }));
    assert_eq!(schema(&many(10)), json!({ "type": "string", "enum": ["web", "whatsapp"] }));
    let once: Vec<Value> = many(20).into_iter().chain([json!("mail")]).collect();
    assert_eq!(schema(&once), json!({ "type": "string" }));
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e6..1e6_f64).prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from),
        "2026-01-0[1-9]".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-d/~]{1,2}", inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_examples_are_valid(documents in prop::collection::vec(documents(), 1..12)) {
        let (schema, holds) = inferred(&documents);
        prop_assert!(holds, "{}", schema);
    }
}

#[test]
fn the_command_reads_files_and_stdin() {
    let first = "examples/messages/lead.json";
    let out = trunkline().args(["contract", "infer", first, "-"]).input(r#"{"name": "Ada"}"#).run();
    assert_eq!((out.code, out.stderr.as_str()), (0, ""), "{out:?}");
    let schema: Value = serde_json::from_str(&out.stdout).expect("JSON");
    assert_eq!(schema["required"], json!(["name"]), "{schema}");
    let out = trunkline().args(["contract", "infer", "-"]).input("{\"a\":1,\"a\":2}").run();
    assert_eq!((out.code, out.stdout.as_str()), (1, ""), "{out:?}");
    assert!(out.stderr.starts_with("<stdin>:1:"), "{out:?}");
}
