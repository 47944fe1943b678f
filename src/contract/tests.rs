//! Contracts through the registry: references, both kinds of schema, and what is said about wrong ones.

use bytes::Bytes;

use super::{Files, Registry, ResolveError};
use crate::diagnostic::{Diagnostic, Severity, SourceFile};
use crate::message::{Limits, Violations};

fn registry(files: &[(&str, &str)]) -> Registry {
    let file = |(path, text): &(&str, &str)| ((*path).into(), SourceFile::new(format!("schemas/{path}"), *text));
    Registry::new(files.iter().map(file).collect::<Files>())
}

fn show(one: &Diagnostic) -> String {
    let (line, column) = one.file.line_column(one.span.start);
    let hint = one.hint.as_ref().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
    let source = one.file.text.get(one.span.clone()).unwrap_or_default();
    let severity = if one.severity == Severity::Warning { "warning: " } else { "" };
    format!("{}:{line}:{column} {} {severity}{}\n  `{source}`{hint}\n", one.file.path, one.code, one.message)
}

fn show_error(error: &ResolveError) -> String {
    let hint = error.hint.as_ref().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
    let diagnostics: String = error.diagnostics.iter().map(show).collect();
    format!("{} {}{hint}\n{diagnostics}", error.code, error.message)
}

fn show_violations(violations: &Violations) -> String {
    let show = |one: &crate::message::Violation| {
        let value = one.value.as_ref().map(|value| format!(" value {value:?}")).unwrap_or_default();
        let place = one.schema_location.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
        format!("  {one}{value}{place}\n")
    };
    violations.iter().map(show).collect()
}

/// What a contract says about bodies, for a snapshot.
fn say(registry: &Registry, reference: &str, bodies: &[&str]) -> String {
    let contract = match registry.resolve(reference) {
        Ok(contract) => contract,
        Err(error) => return show_error(&error),
    };
    let mut said = String::new();
    for body in bodies {
        let result = contract.read(&Bytes::from((*body).to_owned()), &Limits::default());
        let verdict = result.map_or_else(|violations| show_violations(&violations), |_| "  valid\n".to_owned());
        said.push_str(&format!("{body}\n{verdict}"));
    }
    said
}

const ORDER: &str = r##"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "required": ["order_id", "lines"],
  "additionalProperties": false,
  "properties": {
    "order_id": { "type": "string", "pattern": "^[0-9]{3}$" },
    "channel": { "enum": ["web", "whatsapp"] },
    "email": { "type": "string", "format": "email" },
    "customer": { "$ref": "common.json#/$defs/customer" },
    "lines": { "type": "array", "minItems": 1, "uniqueItems": true, "items": { "$ref": "#/$defs/line" } }
  },
  "$defs": {
    "line": {
      "type": "object",
      "required": ["sku"],
      "properties": {
        "sku": { "type": "string" },
        "quantity": { "type": "integer", "minimum": 1 },
        "price": { "type": "number", "multipleOf": 0.01, "maximum": 12345678901234567890 }
      }
    }
  }
}"##;

const COMMON: &str = r#"{
  "$defs": { "customer": { "type": "object", "properties": { "vip": { "const": true } },
    "oneOf": [ { "required": ["id"] }, { "required": ["name"], "properties": { "name": { "minLength": 2 } } } ] } }
}"#;

const SHOP: &[(&str, &str)] = &[
    ("chat/order.json", ORDER),
    ("chat/common.json", COMMON),
    (
        "erp/order.xsd",
        r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="Order"/><xs:element name="Line"/></xs:schema>"#,
    ),
    ("both.json", "{}"),
    ("both.xsd", "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'/>"),
];

#[test]
fn json_documents() {
    let registry = registry(SHOP);
    insta::assert_snapshot!(say(
        &registry,
        "chat/order",
        &[
            r#"{"order_id":"007","lines":[{"sku":"A","quantity":1,"price":1.10}]}"#,
            r#"{"order_id":"07","channel":"wep","lines":[]}"#,
            r#"{"order_id":7,"lines":[{"sku":"A","quantity":0.5},{"quantity":0,"price":1.105}],"email":"x"}"#,
            r#"{"orderid":"007"}"#,
            r#"{"order_id":"007","lines":[{"sku":"A"},{"sku":"A"}]}"#,
            r#"{"order_id":"007","lines":[{"sku":"A","price":12345678901234567891}]}"#,
            r#"{"order_id":"007","lines":[{"sku":"A","price":12345678901234567890.00}]}"#,
            r#"{"order_id":"007","lines":[{"sku":"A"}],"customer":{"name":"x","vip":false}}"#,
            "[]",
            "{",
        ],
    ));
    insta::assert_snapshot!("from_a_pointer", say(&registry, "chat/order#/$defs/line", &[r#"{"sku":"A"}"#, "{}"]));
}

#[test]
fn references_that_mean_nothing() {
    let registry = registry(SHOP);
    let references = [
        "chat/ordr",
        "order",
        "chat/order.json",
        "schemas/chat/order",
        "both",
        "nowhere/to/be/found",
        "erp/order#Ordr",
        "erp/order#Banana",
        "chat/order#/$defs/lime",
        "chat/order#line",
        "chat/order#/required",
        "both#/x",
    ];
    let said = references.map(|reference| format!("{reference}: {}", say(&registry, reference, &[]))).join("");
    insta::assert_snapshot!(said);
    assert_eq!(registry.roots("chat/order").unwrap(), ["/$defs/line"]);
    assert_eq!(registry.roots("erp/order").unwrap(), ["Line", "Order"]);
}

#[test]
fn json_schemas_that_are_wrong() {
    let cases = [
        ("not well-formed", "{ \"type\": }"),
        ("a wrong type", "{\n  \"type\": \"strnig\"\n}"),
        ("a misspelt keyword", "{\n  \"requried\": [\"a\"],\n  \"x-note\": 1\n}"),
        ("an unknown format", "{\n  \"properties\": { \"a\": { \"format\": \"emial\" } }\n}"),
        ("a pattern beyond a linear engine", "{\n  \"pattern\": \"^(?!a)\"\n}"),
        ("a pattern with an error", "{\n  \"properties\": { \"a\": { \"pattern\": \"[\" } }\n}"),
        ("a file that is not there", "{\n  \"$ref\": \"comon.json\"\n}"),
        ("a pointer that is not there", "{\n  \"$ref\": \"common.json#/$defs/custmer\"\n}"),
        ("a network", "{\n  \"$ref\": \"https://example.com/a.json\"\n}"),
        ("the disk", "{\n  \"$ref\": \"file:///etc/passwd\"\n}"),
        ("too many digits", "{\n  \"maximum\": 123456789012345678901234567890\n}"),
        ("an anchor that is not there", "{\n  \"$ref\": \"#nowhere\"\n}"),
        ("an unknown draft", "{\n  \"$schema\": \"https://example.com/draft\"\n}"),
        ("a wrong bound", "{\n  \"minLength\": -1\n}"),
        ("an error in another file", "{\n  \"$ref\": \"broken.json\"\n}"),
    ];
    let mut said = String::new();
    for (title, text) in cases {
        let registry = registry(&[("a.json", text), ("common.json", COMMON), ("broken.json", "{ \"type\": 1 }")]);
        let found = registry.check();
        let ours: String = found
            .iter()
            .filter(|one| title.contains("another") || !one.file.path.contains("broken"))
            .map(show)
            .collect();
        assert!(!ours.is_empty(), "{title}");
        said.push_str(&format!("{title}:\n{ours}"));
    }
    insta::assert_snapshot!(said);
}

#[test]
fn older_drafts() {
    let draft4 = r#"{"$schema":"http://json-schema.org/draft-04/schema#","minimum":1,"exclusiveMinimum":true,"definitions":{"a":{"type":"string"}}}"#;
    let draft7 = r##"{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"a":{"$ref":"#/definitions/a"},"b":{"items":[{"type":"string"}],"additionalItems":false}},"definitions":{"a":{"type":"string"}},"dependencies":{"a":["b"]}}"##;
    let draft2019 = r##"{"$schema":"https://json-schema.org/draft/2019-09/schema","properties":{"next":{"$recursiveRef":"#"}},"$recursiveAnchor":true,"required":["n"]}"##;
    let registry = registry(&[("d4.json", draft4), ("d7.json", draft7), ("d2019.json", draft2019)]);
    assert_eq!(registry.check(), []);
    let said = [
        say(&registry, "d4", &["1", "1.0000000000000000000001"]),
        say(&registry, "d7", &[r#"{"a":1}"#, r#"{"a":"","b":["",1]}"#]),
        say(&registry, "d2019", &[r#"{"n":1,"next":{"n":1}}"#, r#"{"n":1,"next":{}}"#]),
    ];
    insta::assert_snapshot!(said.join(""));
}

#[test]
fn files_refer_to_each_other_by_id() {
    let a = r#"{"$id":"https://example.com/shop/a.json","properties":{"b":{"$ref":"parts/b.json"},"c":{"$ref":"https://example.com/c"}}}"#;
    let b = r#"{"$id":"https://example.com/shop/parts/b.json","type":"string"}"#;
    let c = r#"{"$id":"https://example.com/c","type":"integer"}"#;
    let b = b.replace("}", r#","$ref":"beside.json"}"#);
    let beside = r#"{"minLength":1}"#;
    let files = [("x/a.json", a), ("y/b.json", b.as_str()), ("y/beside.json", beside), ("c.json", c)];
    let registry = registry(&files);
    assert_eq!(registry.check(), []);
    insta::assert_snapshot!(say(&registry, "x/a", &[r#"{"b":"b","c":1}"#, r#"{"b":"","c":1}"#, r#"{"b":1,"c":""}"#]));
}

#[test]
fn one_contract_for_one_reference() {
    let registry = registry(SHOP);
    let first = registry.resolve("chat/order").unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &registry.resolve("chat/order").unwrap()));
    let is_shared = |_: &(dyn Send + Sync)| {};
    is_shared(&*first);
}

#[test]
fn the_shipped_schemas_have_nothing_to_say_about() {
    let schemas = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let files = gather(&schemas);
    assert!(!files.is_empty());
    let registry = Registry::new(files);
    assert_eq!(registry.check().iter().map(show).collect::<Vec<_>>(), [""; 0]);
    for name in registry.names() {
        registry.resolve(name).unwrap();
    }
}

/// The schemas of a folder.
fn gather(schemas: &std::path::Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![schemas.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "json" || ending == "xsd") {
                let name = path.strip_prefix(schemas).unwrap().to_str().unwrap().to_owned();
                let text = std::fs::read_to_string(&path).unwrap();
                files.insert(name.as_str().into(), SourceFile::new(format!("schemas/{name}"), text));
            }
        }
    }
    files
}

#[test]
fn xml_messages_become_documents_and_messages_again() {
    let project = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let registry = Registry::new(gather(&project.join("schemas")));
    let limits = Limits::default();
    for (message, reference) in [
        ("shipment-notice", "erp/shipment#ShipmentNotice"),
        ("order-status-response", "erp/order-status#OrderStatusResponse"),
        ("inventory-report", "erp/inventory"),
    ] {
        let body = Bytes::from(std::fs::read(project.join(format!("examples/messages/{message}.xml"))).unwrap());
        let contract = registry.resolve(reference).unwrap();
        let document = contract.read(&body, &limits).unwrap();
        let written = contract.write(&document, &limits).unwrap();
        assert_eq!(contract.read(&written, &limits).unwrap(), document, "{message}");
    }
}

#[test]
fn xml_messages_that_are_wrong() {
    let registry = registry(&[(
        "order.xsd",
        r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:o="urn:o" targetNamespace="urn:o" elementFormDefault="qualified">
             <xs:element name="Order"><xs:complexType><xs:sequence>
               <xs:element name="Line" type="xs:int" maxOccurs="unbounded"/></xs:sequence>
               <xs:attribute name="id" type="xs:int"/></xs:complexType></xs:element>
             <xs:element name="Note" type="xs:string"/></xs:schema>"#,
    )]);
    let said = say(
        &registry,
        "order#Order",
        &[
            "<o:Order xmlns:o='urn:o' id='1'>\n  <o:Line>1</o:Line>\n</o:Order>",
            "<o:Order xmlns:o='urn:o'>\n  <o:Line>1</o:Line>\n  <o:Line>x</o:Line><o:Lime/>\n</o:Order>",
            "<Note xmlns='urn:o'/>",
            "<Order",
            "<!DOCTYPE a><a/>",
            "<o:Order xmlns:o='urn:o'>\n  <?target x?><o:Line>1</o:Line></o:Order>",
        ],
    );
    let either = say(&registry, "order", &["<Note xmlns='urn:o'>x</Note>", "<Nope/>"]);
    let contract = registry.resolve("order#Order").unwrap();
    let write = |text: &str| {
        let document = crate::format::json::read(text.as_bytes(), &Limits::default()).unwrap();
        let result = contract.write(&document, &Limits::default());
        let verdict = result.map_or_else(
            |violations| show_violations(&violations),
            |body| format!("  {}\n", String::from_utf8_lossy(&body).replace('\n', "\n  ")),
        );
        format!("{text}\n{verdict}")
    };
    let written = [
        r#"{"Order":{"@id":1,"Line":[1,2]}}"#,
        r#"{"Order":{"Line":[]}}"#,
        r#"{"Order":{"Line":[1.5],"Lime":1}}"#,
        r#"{"Ordr":{}}"#,
        "[]",
    ];
    insta::assert_snapshot!(format!("{said}{either}{}", written.map(write).join("")));
}

#[test]
fn names_of_several_foreign_namespaces_in_one_element() {
    let schema = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' targetNamespace='urn:q' xmlns:n1='urn:q'>\
        <xs:simpleType name='names'><xs:list itemType='xs:QName'/></xs:simpleType>\
        <xs:element name='Q'><xs:complexType><xs:simpleContent><xs:extension base='n1:names'>\
        <xs:attribute name='of' type='xs:QName'/></xs:extension></xs:simpleContent></xs:complexType></xs:element>\
        </xs:schema>";
    let registry = registry(&[("q.xsd", schema)]);
    let contract = registry.resolve("q#Q").unwrap();
    let limits = Limits::default();
    let json = br##"{"Q":{"@of":"Q{urn:x}a","#text":["Q{urn:y}b","Q{urn:x}c","n1:d","Q{urn:y}e"]}}"##;
    let document = crate::format::json::read(json, &limits).unwrap();
    let body = contract.write(&document, &limits).unwrap();
    let text = std::str::from_utf8(&body).unwrap();
    assert!(text.contains(r#"xmlns:n2="urn:x" xmlns:n3="urn:y""#), "{text}");
    assert!(text.ends_with(r#"of="n2:a">n3:b n2:c n1:d n3:e</n1:Q>"#), "{text}");
    assert_eq!(contract.read(&body, &limits).unwrap(), document);
}
