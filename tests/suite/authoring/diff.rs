//! `trunkline contract diff`: nothing is called compatible that is not, and what breaks is told with its path.

use std::sync::Arc;

use fastrand::Rng;
use proptest::prelude::*;
use serde_json::{Value, json};
use trunkline::contract::diff::{Break, Difference, difference};
use trunkline::contract::{Contract, Files, Registry};
use trunkline::diagnostic::SourceFile;
use trunkline::message::Limits;

use super::{references, root, schemas, shared};
use crate::program::trunkline;

fn compile(path: &str, text: &str, reference: &str) -> Option<Arc<Contract>> {
    let registry = Registry::new(Files::from([(path.into(), SourceFile::new(path, text))]));
    registry.resolve(reference).ok()
}

fn paths(breaks: &[Break]) -> Vec<&str> {
    let mut paths: Vec<&str> = breaks.iter().map(|one| one.path.as_str()).collect();
    paths.dedup();
    paths
}

/// Everything against itself, in a copy that differs in a note alone.
fn nothing_breaks(files: &Files, references: &[String]) -> usize {
    let noted = |(path, file): (&Arc<str>, &SourceFile)| {
        let text = match path.ends_with(".xsd") {
            true => format!("{}<!-- a note -->", file.text),
            false => file.text.to_string() + "\n",
        };
        (Arc::clone(path), SourceFile::new(path.to_string(), text))
    };
    let (old, new) = (Registry::new(files.clone()), Registry::new(files.iter().map(noted).collect()));
    let mut compared = 0;
    for reference in references {
        let (old, new) = (old.resolve(reference).expect("compiles"), new.resolve(reference).expect("compiles"));
        match difference(&old, &new) {
            Ok(found) => {
                assert_eq!(found, Difference::default(), "{reference}");
                compared += 1;
            }
            Err(error) => assert_eq!(error, trunkline::contract::diff::Error::Root, "{reference}"),
        }
    }
    compared
}

#[test]
fn a_contract_is_compatible_with_itself() {
    for folder in ["schemas", "examples/canonical/schemas", "tests/cases/conversion"] {
        let files: Files = schemas(&root().join(folder))
            .into_iter()
            .filter(|(path, _)| folder != "tests/cases/conversion" || path.ends_with(".xsd"))
            .collect();
        let references = references(&Registry::new(files.clone()));
        let compared = nothing_breaks(&files, &references);
        assert!(compared > 20, "{folder}: {compared}");
    }
    let Some(folder) = shared("ubl-2.1/xsd") else { return };
    assert_eq!(nothing_breaks(&schemas(&folder), &["maindoc/UBL-Order-2.1#Order".to_owned()]), 1);
}

#[test]
fn what_breaks_in_json_schema() {
    let base = json!({
        "type": "object",
        "properties": {
            "id": { "type": "string", "maxLength": 10 },
            "status": { "enum": ["open", "closed"] },
            "count": { "type": "integer", "minimum": 1 },
            "lines": { "type": "array", "items": { "$ref": "#/$defs/line" }, "minItems": 1 },
        },
        "required": ["id", "status"],
        "additionalProperties": false,
        "$defs": { "line": { "type": "object", "properties": { "price": { "type": "number" } }, "required": ["price"] } },
    });
    let both = |pointer: &str, value: Value| {
        let mut new = base.clone();
        let (parent, key) = pointer.rsplit_once('/').expect("a place");
        new.pointer_mut(parent).expect("is there").as_object_mut().expect("an object").insert(key.to_owned(), value);
        let [old, new] = [&base, &new].map(|schema| compile("s.json", &schema.to_string(), "s").expect("compiles"));
        let found = difference(&old, &new).expect("comparable");
        (found.backward, found.forward)
    };
    type Row<'a> = (&'a str, Value, &'a [&'a str], &'a [&'a str]);
    let rows: [Row<'_>; 15] = [
        ("/title", json!("another"), &[], &[]),
        ("/required", json!(["id"]), &[], &["/status"]),
        ("/required", json!(["id", "status", "count"]), &["/count"], &[]),
        ("/properties/note", json!({ "type": "string" }), &[], &["/note"]),
        ("/additionalProperties", json!(true), &[], &["/*"]),
        ("/properties/id/maxLength", json!(20), &[], &["/id"]),
        ("/properties/id/pattern", json!("^[0-9]+$"), &["/id"], &[]),
        ("/properties/status/enum", json!(["open", "closed", "lost"]), &[], &["/status"]),
        ("/properties/status", json!({ "type": "string", "maxLength": 6 }), &[], &["/status"]),
        ("/properties/status", json!({ "type": "string", "maxLength": 4 }), &["/status"], &["/status"]),
        ("/properties/count", json!({ "type": "number", "minimum": 1 }), &[], &["/count"]),
        ("/properties/count/minimum", json!(2), &["/count"], &[]),
        ("/$defs/line/properties/price", json!({ "type": ["number", "null"] }), &[], &["/lines/*/price"]),
        ("/properties/lines/minItems", json!(0), &[], &["/lines"]),
        (
            "/properties/lines/items",
            json!({ "anyOf": [{ "$ref": "#/$defs/line" }, { "type": "string" }] }),
            &[],
            &["/lines/*"],
        ),
    ];
    for (pointer, value, backward, forward) in rows {
        let found = both(pointer, value.clone());
        assert_eq!(
            (paths(&found.0), paths(&found.1)),
            (backward.to_vec(), forward.to_vec()),
            "{pointer}: {value} {found:#?}"
        );
    }
}

/// Alternatives, names by pattern, schemas that contain themselves.
#[test]
fn hard_json_schemas() {
    let verdict = |old: Value, new: Value| {
        let [old, new] = [old, new].map(|schema| compile("s.json", &schema.to_string(), "s").expect("compiles"));
        let found = difference(&old, &new).expect("comparable");
        (found.backward.is_empty(), found.forward.is_empty())
    };
    let list = |item: Value| json!({ "type": "object", "properties": { "value": item, "next": { "$ref": "#" } } });
    assert_eq!(verdict(list(json!({ "type": "integer" })), list(json!({ "type": "number" }))), (true, false));
    let kinds = |kinds: &[&str]| {
        let of = |kind: &&str| json!({ "type": "object", "properties": { "kind": { "const": kind } }, "required": ["kind"] });
        json!({ "oneOf": kinds.iter().map(of).collect::<Vec<_>>() })
    };
    assert_eq!(verdict(kinds(&["a", "b"]), kinds(&["a", "b", "c"])), (true, false));
    // What both branches admit, `oneOf` refuses.
    let open = json!({ "oneOf": [{ "type": "string" }, { "maxLength": 3 }] });
    assert_eq!(verdict(json!({ "type": "string" }), open), (false, false));
    let by_pattern = |schema: Value| json!({ "type": "object", "patternProperties": { "^x-": schema }, "additionalProperties": false });
    assert_eq!(
        verdict(by_pattern(json!({ "type": "integer" })), by_pattern(json!({ "type": "number" }))),
        (true, false)
    );
    assert_eq!(
        verdict(
            json!({ "type": "object", "properties": { "x-a": { "type": "string" } }, "additionalProperties": false }),
            by_pattern(json!({}))
        ),
        (true, false)
    );
    assert_eq!(
        verdict(json!({ "type": ["string", "null"] }), json!({ "anyOf": [{ "type": "null" }, { "type": "string" }] })),
        (true, true)
    );
    // In old drafts nothing counts beside a reference.
    let beside = |draft: &str| {
        let text = json!({ "text": { "type": "string" } });
        json!({ "$schema": draft, "$ref": "#/definitions/text", "maxLength": 3, "definitions": text })
    };
    let itself = json!({ "$schema": "http://json-schema.org/draft-07/schema#", "allOf": [{ "$ref": "#" }] });
    assert!(!verdict(itself, json!({ "type": "null" })).0);
    let short = json!({ "type": "string", "maxLength": 3 });
    assert!(!verdict(beside("http://json-schema.org/draft-07/schema#"), short.clone()).0);
    assert!(verdict(beside("https://json-schema.org/draft/2020-12/schema"), short).0);
    assert_eq!(verdict(json!({ "not": { "type": "null" } }), json!({})), (true, false));
    assert_eq!(verdict(json!(false), json!({ "type": "string" })), (true, false));
    assert_eq!(
        verdict(json!({ "exclusiveMinimum": 0, "type": "number" }), json!({ "minimum": 0, "type": "number" })),
        (true, false)
    );
}

const ORDER: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:element name="Order"><xs:complexType>
    <xs:sequence>
      <xs:element name="Id" type="xs:string"/>
      <xs:element name="Line" type="Line" maxOccurs="5"/>
      <xs:choice minOccurs="0"><xs:element name="Mail" type="xs:string"/><xs:element name="Phone" type="Phone"/></xs:choice>
    </xs:sequence>
    <xs:attribute name="channel" type="xs:string"/>
  </xs:complexType></xs:element>
  <xs:complexType name="Line"><xs:sequence>
    <xs:element name="Price" type="xs:decimal"/><xs:element name="Note" type="xs:string" minOccurs="0"/>
  </xs:sequence></xs:complexType>
  <xs:simpleType name="Phone"><xs:restriction base="xs:string">
    <xs:pattern value="[0-9]+"/><xs:maxLength value="15"/>
  </xs:restriction></xs:simpleType>
</xs:schema>"#;

#[test]
fn what_breaks_in_xsd() {
    let rows: [(&str, &str, &[&str], &[&str]); 13] = [
        ("name=\"Id\" type=\"xs:string\"", "name=\"Id\" type=\"xs:token\"", &[], &[]),
        ("name=\"Id\" type=\"xs:string\"", "name=\"Id\" type=\"xs:int\"", &["/Order/Id"], &[]),
        ("type=\"xs:decimal\"", "type=\"xs:integer\"", &["/Order/Line/Price"], &[]),
        ("maxOccurs=\"5\"", "maxOccurs=\"unbounded\"", &[], &["/Order/Line"]),
        ("maxOccurs=\"5\"", "maxOccurs=\"3\"", &["/Order/Line"], &[]),
        ("type=\"xs:string\" minOccurs=\"0\"", "type=\"xs:string\"", &["/Order/Line"], &[]),
        ("<xs:choice minOccurs=\"0\">", "<xs:choice>", &["/Order"], &[]),
        ("<xs:element name=\"Mail\" type=\"xs:string\"/>", "", &["/Order/Mail"], &[]),
        ("<xs:attribute name=\"channel\" type=\"xs:string\"/>", "", &["/Order/@channel"], &[]),
        (
            "name=\"channel\" type=\"xs:string\"",
            "name=\"channel\" type=\"xs:string\" use=\"required\"",
            &["/Order/@channel"],
            &[],
        ),
        ("<xs:maxLength value=\"15\"/>", "<xs:maxLength value=\"20\"/>", &[], &["/Order/Phone"]),
        ("<xs:pattern value=\"[0-9]+\"/>", "", &[], &["/Order/Phone"]),
        (
            "name=\"Price\" type=\"xs:decimal\"",
            "name=\"Cost\" type=\"xs:decimal\"",
            &["/Order/Line/Price"],
            &["/Order/Line/Cost"],
        ),
    ];
    let old = compile("o.xsd", ORDER, "o").expect("compiles");
    for (before, after, backward, forward) in rows {
        let text = ORDER.replacen(before, after, 1);
        assert_ne!(text, ORDER, "{before}");
        let new = compile("o.xsd", &text, "o").unwrap_or_else(|| panic!("{after}"));
        let found = difference(&old, &new).expect("comparable");
        let found = (paths(&found.backward), paths(&found.forward));
        assert_eq!(found, (backward.to_vec(), forward.to_vec()), "{before} -> {after}");
    }
}

/// Changes a JSON Schema somewhere: takes something out, or makes it say more or less.
fn mutate(schema: &mut Value, rng: &mut Rng) {
    let mut places = Vec::new();
    fn collect(value: &Value, at: String, places: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (key, value) in members {
                    let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                    if !["$schema", "title", "description", "$ref"].contains(&key.as_str()) {
                        places.push(at.clone());
                        collect(value, at, places);
                    }
                }
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| collect(item, format!("{at}/{index}"), places))
            }
            _ => {}
        }
    }
    collect(schema, String::new(), &mut places);
    let Some(place) = places.get(rng.usize(0..places.len().max(1))) else { return };
    let (parent, key) = place.rsplit_once('/').expect("a place");
    let key = key.replace("~1", "/").replace("~0", "~");
    match schema.pointer_mut(parent).expect("is there") {
        Value::Object(members) => match (members.get_mut(&key).expect("is there"), rng.u8(0..3)) {
            (Value::Number(number), 0..2) => *number = (number.as_i64().unwrap_or(1) + rng.i64(-2..3)).max(0).into(),
            (Value::Bool(flag), _) => *flag = !*flag,
            (Value::Array(items), 0) if key == "required" => items.push(json!("extra")),
            (Value::Object(_), 0) if key == "properties" => members[&key]["extra"] = json!({ "type": "string" }),
            (Value::String(kind), 0) if key == "type" => {
                *kind = ["string", "number", "object", "null"][rng.usize(0..4)].into()
            }
            _ => drop(members.remove(&key)),
        },
        Value::Array(items) => drop(items.remove(key.parse::<usize>().expect("an index"))),
        _ => {}
    }
}

/// Whether every document made from one is valid under the other, if the comparison says so.
fn is_sound(old: &Contract, new: &Contract) -> Result<u32, String> {
    let limits = Limits::default();
    let found = difference(old, new).map_err(|error| error.to_string())?;
    let mut compatible = 0;
    for (breaks, from, to) in [(&found.backward, old, new), (&found.forward, new, old)] {
        if !breaks.is_empty() {
            continue;
        }
        compatible += 1;
        for variant in 0..8 {
            if let Ok(body) = from.sample(variant, &limits)
                && let Err(violations) = to.read(&body, &limits)
            {
                return Err(format!("{}: {violations}", String::from_utf8_lossy(&body)));
            }
        }
    }
    Ok(compatible)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_is_called_compatible_is_so_in_json(seed: u64) {
        let mut rng = Rng::with_seed(seed);
        let files = ["chat/lead", "chat/order-status-reply", "crm/lead", "shop/order-event", "chat/notification"];
        let name = files[rng.usize(0..files.len())];
        let all = schemas(&root().join("schemas"));
        let path: Arc<str> = format!("{name}.json").into();
        let mut schema: Value = serde_json::from_str(&all[&path].text).expect("JSON");
        for _ in 0..rng.usize(1..4) {
            mutate(&mut schema, &mut rng);
        }
        let mut changed = all.clone();
        changed.insert(Arc::clone(&path), SourceFile::new(path.to_string(), schema.to_string()));
        let old = Registry::new(all).resolve(name).expect("compiles");
        if let Ok(new) = Registry::new(changed).resolve(name) {
            prop_assert!(is_sound(&old, &new).is_ok(), "{:#}\n{:?}", schema, is_sound(&old, &new));
        }
    }

    #[test]
    fn what_is_called_compatible_is_so_in_xsd(seed: u64) {
        let mut rng = Rng::with_seed(seed);
        let mut text = ORDER.to_owned();
        for _ in 0..rng.usize(1..4) {
            let (before, after) = [
                ("maxOccurs=\"5\"", "maxOccurs=\"2\""), ("maxOccurs=\"5\"", "maxOccurs=\"unbounded\""), ("maxOccurs=\"5\"", "minOccurs=\"0\""),
                ("minOccurs=\"0\"", ""), ("\"xs:decimal\"", "\"xs:int\""), ("\"xs:string\"", "\"xs:token\""), ("\"xs:string\"", "\"xs:NCName\""),
                ("value=\"15\"", "value=\"3\""), ("value=\"15\"", "value=\"30\""), ("[0-9]+", "[0-9]{1,4}"), ("\"Mail\"", "\"Email\""),
                ("<xs:choice minOccurs=\"0\">", "<xs:choice maxOccurs=\"unbounded\">"), ("name=\"channel\"", "name=\"channel\" use=\"required\""),
                ("<xs:pattern value=\"[0-9]+\"/>", ""), ("name=\"Note\"", "name=\"Note\" nillable=\"true\""),
            ][rng.usize(0..15)];
            text = text.replacen(before, after, 1);
        }
        let old = compile("o.xsd", ORDER, "o").expect("compiles");
        if let Some(new) = compile("o.xsd", &text, "o") {
            prop_assert!(is_sound(&old, &new).is_ok(), "{}\n{:?}", text, is_sound(&old, &new));
        }
    }
}

#[test]
fn the_command_tells_what_breaks() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let lead = std::fs::read_to_string(root().join("schemas/chat/inventory-request.json")).expect("readable");
    let mut changed: Value = serde_json::from_str(&lead).expect("JSON");
    changed["properties"]["note"] = json!({ "type": "string" });
    changed["required"] = json!(["session"]);
    let common = std::fs::read_to_string(root().join("schemas/chat/common.json")).expect("readable");
    for (name, text) in [("old.json", lead), ("new.json", changed.to_string()), ("common.json", common)] {
        std::fs::write(at(name), text).expect("written");
    }
    let diff =
        |more: &[&str]| trunkline().args(["contract", "diff", &at("old.json"), &at("new.json")]).args(more).run();
    let out = diff(&[]);
    assert_eq!((out.code, out.stderr.as_str()), (1, ""), "{out:?}");
    insta::assert_snapshot!("human", out.stdout);
    let json = diff(&["--format", "json", "--require", "backward"]);
    let report: Value = serde_json::from_str(&json.stdout).expect("JSON");
    let backward = report["backward"]["compatible"].as_bool().expect("a verdict");
    assert_eq!((json.code == 0, report["forward"]["compatible"].as_bool()), (backward, Some(false)), "{report}");
    let same = trunkline().args(["contract", "diff", "erp/order#Order", "erp/order#Order"]).run();
    assert_eq!((same.code, same.stderr.as_str()), (0, ""), "{same:?}");
    let other = trunkline().args(["contract", "diff", "chat/lead", "erp/order"]).run();
    assert_eq!((other.code, other.stdout.as_str()), (2, ""), "{other:?}");
}
