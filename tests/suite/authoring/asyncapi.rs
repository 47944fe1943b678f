//! `trunkline asyncapi`: a document that the published schema takes, and whose references lead somewhere.

use std::collections::BTreeSet;

use serde_json::Value;

use super::root;
use crate::program::trunkline;

fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// The published schema, if `scripts/asyncapi` could get it.
fn schema() -> Option<jsonschema::Validator> {
    let Ok(schema) = std::fs::read_to_string(root().join(".test/asyncapi-3.0.0.json")) else {
        println!("skipped: the published schema of AsyncAPI is not here; scripts/asyncapi gets it");
        return None;
    };
    Some(jsonschema::validator_for(&serde_json::from_str(&schema).expect("JSON")).expect("a schema"))
}

/// The document of a project, which the schema takes and whose references lead somewhere.
fn valid(schema: Option<&jsonschema::Validator>, project: &str, more: &[&str]) -> Value {
    let out = trunkline().args(["asyncapi", "--dir", project]).args(more).run();
    assert_eq!((out.code, out.stderr.as_str()), (0, ""), "{out:?}");
    assert!(!out.stdout.contains("guest"), "tells who logs in: {}", out.stdout);
    let document: Value = serde_json::from_str(&out.stdout).expect("JSON");
    let errors = schema.into_iter().flat_map(|schema| schema.iter_errors(&document));
    let wrong: Vec<String> = errors.map(|one| format!("{}: {one}", one.instance_path())).collect();
    assert!(wrong.is_empty(), "{project}: {wrong:#?}");
    let mut all = Vec::new();
    references(&document, &mut all);
    let mut files = BTreeSet::new();
    for reference in all {
        match reference.strip_prefix('#') {
            Some(pointer) => assert!(document.pointer(pointer).is_some(), "{project}: {reference}"),
            None => drop(files.insert(reference.split('#').next().expect("a file"))),
        }
    }
    let is_there = |file: &&str| root().join(project).join(file).exists();
    assert!(files.len() > 8 && files.iter().all(is_there), "{project}: {files:?}");
    document
}

#[test]
fn the_shipped_examples_are_valid_asyncapi() {
    let schema = schema();
    let schema = schema.as_ref();
    valid(schema, "examples/canonical", &[]);
    let document = valid(schema, ".", &["--title", "The shop", "--interface", "1.4.0"]);
    // It does refuse what is wrong.
    let mut broken = document.clone();
    broken["operations"]["chat_order-status.takes"]["action"] = "listen".into();
    assert!(schema.is_none_or(|schema| !schema.is_valid(&broken)));

    let operations = document["operations"].as_object().expect("operations");
    let routes = operations.keys().filter(|name| name.ends_with(".takes")).count();
    assert_eq!(routes, 5, "{:?}", operations.keys());
    insta::assert_snapshot!("order_status", format!("{:#}", operations["chat_order-status.erp"]));
}

/// What a call makes aside is what goes out, and not the document that waits for the answer.
#[test]
fn requests_and_answers_have_the_contracts_that_their_steps_name() {
    let out = trunkline().args(["asyncapi", "--dir", "examples/canonical"]).run();
    assert_eq!(out.code, 0, "{out:?}");
    let document: Value = serde_json::from_str(&out.stdout).expect("JSON");
    let call = &document["operations"]["inventory_queries.north"];
    let titles = |messages: &Value| {
        let names =
            messages.as_array().expect("a list").iter().map(|message| message["$ref"].as_str().expect("a name"));
        names.map(|name| name.rsplit('/').next().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    let title = |name: &str| document["components"]["messages"][name]["title"].as_str().expect("a title").to_owned();
    let titles = |messages: &Value| titles(messages).iter().map(|name| title(name)).collect::<Vec<_>>();
    assert_eq!(titles(&call["messages"]), ["north/erp#StockQuery"]);
    assert_eq!(titles(&call["reply"]["messages"]), ["north/erp#StockReport"]);
    assert_eq!(titles(&document["operations"]["orders_new.takes"]["messages"]), ["widget/order", "messenger/update"]);
}
