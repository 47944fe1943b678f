//! The editor's JSON Schema of route files, which comes from the settings themselves.

use serde_json::Value;

use crate::diagnostic::SourceFile;
use crate::diagnostic::yaml;
use crate::route::model::Route;
use crate::route::step::NAMES;

fn schema() -> Value {
    schemars::schema_for!(Route).to_value()
}

/// The schema of a step's settings, without the reference.
fn settings<'a>(schema: &'a Value, name: &str) -> &'a Value {
    let patterns = schema.pointer("/$defs/Step/oneOf").and_then(Value::as_array).expect("patterns");
    let at = patterns.iter().find_map(|one| one.pointer(&format!("/properties/{name}"))).expect(name);
    match at.get("$ref").and_then(Value::as_str) {
        Some(reference) => schema.pointer(reference.trim_start_matches('#')).expect(reference),
        None => at,
    }
}

#[test]
fn every_pattern_is_documented() {
    let schema = schema();
    for name in NAMES {
        let description = settings(&schema, name).get("description").and_then(Value::as_str).unwrap_or_default();
        assert!(description.len() > 20, "{name}: {description:?}");
    }
}

#[test]
fn every_key_is_documented() {
    let schema = schema();
    for (name, definition) in schema["$defs"].as_object().expect("definitions") {
        for (key, value) in definition["properties"].as_object().into_iter().flatten() {
            assert!(value.get("description").is_some(), "{name}.{key} has no description");
        }
    }
}

#[test]
fn the_schema_is_right_about_routes() {
    let validator = jsonschema::validator_for(&schema()).expect("a valid schema");
    for (route, valid) in [
        ("from: { amqp: { queue: q } }\nsteps: [{ id: a, to: { amqp: { exchange: e, routing_key: k } } }]", true),
        ("from: { amqp: { queue: q } }\nsteps: [to: [amqp: { routing_key_from: .a }, amqp: { routing_key: b }]]", true),
        (
            "from: { amqp: { queue: q } }\nsteps: [choice: [{ when: .a, steps: [log: .a] }, { otherwise: [] }]]\nreply: {}",
            true,
        ),
        ("from: { amqp: { queue: q } }\nsteps: [call: { amqp: { routing_key: k }, timeout: 3s, accepts: a }]", true),
        ("from: { amqp: { queue: q } }\nsteps: [set: { headers: { a: .b }, properties: { type: .c } }]", true),
        ("from: { amqp: { queue: q, prefech: 1 } }", false),
        ("from: { http: {} }", false),
        ("from: { amqp: { queue: q } }\nsteps: [banana: 1]", false),
        ("from: { amqp: { queue: q } }\nsteps: [{ log: .a, filter: { when: .a } }]", false),
        ("from: { amqp: { queue: q } }\nsteps: [choice: [{ when: .a, steps: [banana: 1] }]]", false),
    ] {
        let instance: Value = serde_saphyr::from_str(route).expect("YAML");
        assert_eq!(validator.is_valid(&instance), valid, "{route}");
        if valid {
            let read = yaml::parse::<Route>(&SourceFile::new("routes/a.yaml", route));
            assert!(read.is_ok(), "{route}: {read:?}");
        }
    }
}
