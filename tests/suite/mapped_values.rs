//! The mapping checker over single values: what stands in a program, or is made of what stands there, and never is what the
//! target allows.

use std::fmt::Write;

use trunkline::contract::Registry;
use trunkline::diagnostic::{Diagnostic, SourceFile};
use trunkline::transform::Transform;

const SCHEMAS: &[(&str, &str)] = &[
    (
        "source.json",
        r#"{ "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false,
        "required": ["id", "kind", "flag", "n"], "properties": { "id": { "type": "string" },
        "kind": { "enum": ["a", "b"] }, "flag": { "type": "boolean" }, "n": { "type": "integer", "maximum": 5 } } }"#,
    ),
    (
        "target.json",
        r#"{ "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false,
        "properties": { "code": { "type": "string", "pattern": "^[A-Z]{3}$" },
        "name": { "type": "string", "minLength": 2, "maxLength": 5 }, "day": { "type": "string", "format": "date" },
        "level": { "type": "integer", "minimum": 1, "maximum": 5 }, "rate": { "type": "number", "exclusiveMinimum": 0 },
        "step": { "type": "number", "multipleOf": 0.5 }, "kind": { "const": "order" }, "version": { "enum": [1, 2] },
        "either": { "anyOf": [{ "type": "string", "pattern": "^[0-9]+$" }, { "type": "string", "maxLength": 2 }] },
        "items": { "type": "array", "items": { "type": "object", "additionalProperties": false,
            "required": ["sku", "quantity"],
            "properties": { "sku": { "type": "string" }, "quantity": { "type": "integer", "minimum": 1 } } } } } }"#,
    ),
    (
        "line.xsd",
        r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="Line"><xs:complexType><xs:sequence>
        <xs:element name="Percent"><xs:simpleType><xs:restriction base="xs:decimal"><xs:minInclusive value="0"/>
            <xs:maxInclusive value="100"/></xs:restriction></xs:simpleType></xs:element>
        <xs:element name="Unit"><xs:simpleType><xs:restriction base="xs:string"><xs:enumeration value="KGM"/>
            <xs:enumeration value="MTR"/></xs:restriction></xs:simpleType></xs:element>
        <xs:element name="Code" minOccurs="0"><xs:simpleType><xs:restriction base="xs:token">
            <xs:pattern value="[A-Z]{3}"/><xs:pattern value="\d{1,4}"/></xs:restriction></xs:simpleType></xs:element>
        <xs:element name="Name" minOccurs="0"><xs:simpleType><xs:restriction base="xs:string">
            <xs:minLength value="2"/><xs:maxLength value="5"/></xs:restriction></xs:simpleType></xs:element>
        <xs:element name="Hash" minOccurs="0"><xs:simpleType><xs:restriction base="xs:hexBinary">
            <xs:length value="2"/></xs:restriction></xs:simpleType></xs:element>
        </xs:sequence></xs:complexType></xs:element></xs:schema>"#,
    ),
];

/// Never right.
const WRONG: &[&str] = &[
    r#"{ code: "EURO" }"#,
    r#"{ code: (if .flag then "EUR" else "euro" end) }"#,
    r#"{ code: ("EU" + "RO") }"#,
    r#"{ code: "EU\("RO")" }"#,
    r#""RO" as $end | { code: "EU\($end)" }"#,
    r#"{ code: "\(.kind)-X" }"#,
    r#"{ code: (.kind | if . == "a" then "EUR" else "U" + "SDT" end) }"#,
    r#"{ name: "" }"#,
    r#"{ name: "abcdef" }"#,
    r#"{ day: "tomorrow" }"#,
    r#"{ day: "2026-02-30" }"#,
    r#"{ level: 9 }"#,
    r#"{ level: 2.5 }"#,
    r#"{ level: (if .flag then 3 else 7 end) }"#,
    r#"{ rate: 0 }"#,
    r#"{ step: 0.7 }"#,
    r#"{ kind: "ordr" }"#,
    r#"{ version: 3 }"#,
    r#"{ level: (if .kind == "aa" then 1 else 2 end) }"#,
    r#"{ level: (if .n == 9 then 1 else "2" end) }"#,
    r#"{ items: [{ sku: .id, quantity: 0 }] }"#,
    r#"[{ sku: .id, quantity: 1 }, { sku: .id, qantity: 2 }] as $items | { items: $items }"#,
    r#"[{ sku: "a", quantity: 1 }, { sku: "b", qantity: 2 }] as $items | { items: $items }"#,
    r#"([{ sku: .id, quantity: 1 }] + [{ sku: .id, amount: 2 }]) as $items | { items: $items }"#,
    r#"{ lines: [{ sku: .id, quantity: 1 }, { sku: .id }] } as $all | { items: $all.lines }"#,
];

/// Right, at least for some document.
const RIGHT: &[&str] = &[
    r#"{ code: "EUR", name: "abc", day: "2026-02-28", level: 5, rate: 0.1, step: 1.5, kind: "order", version: 2.0 }"#,
    r#"{ code: .id, name: .id, day: .id, level: .n, rate: .n, step: .n, kind: "order", either: .id }"#,
    r#"{ code: ("E" + "UR"), either: "12345" }"#,
    r#"{ code: "E\("UR")", either: "no" }"#,
    r#"{ either: "not known: one of two rules" }"#,
    r#"{ code: "\(.id)-X" }"#,
    r#"{ level: (3 | . + 4 | . - 2) }"#,
    r#"{ level: ([1, 2] | add) }"#,
    r#"{ level: (-3 | length) }"#,
    r#"{ level: ("3" | tonumber) }"#,
    r#"{ level: ([3, 9] | .[0]) }"#,
    r#"{ level: ([9, 3] | min) }"#,
    r#"{ level: first(3, 9) }"#,
    r#"{ level: ([limit(1; 3, 9)] | first) }"#,
    r#"{ level: (reduce (1, 2) as $one (0; . + $one)) }"#,
    r#"{ code: ("EUR", "euro" | select(. == "EUR")) }"#,
    r#"("EUR", "euro") as $code | if $code == "EUR" then { code: $code } else {} end"#,
    r#"(if .flag then "EUR" else "x" end) as $code | (if $code == "x" then error("no code") else . end) | { code: $code }"#,
    r#"("E", "U") as $one | { code: ($one + $one + "R") }"#,
    r#"[{ sku: .id, quantity: 1 }, { sku: .id, qty: 2 }] as $all | { items: $all[:1] }"#,
    r#"[{ sku: .id, quantity: 1 }, { sku: .id, qty: 2 }] as $all | { items: [$all[] | select(has("quantity"))] }"#,
    r#"(if .flag then [{ sku: .id, quantity: 1 }] else [{ qty: 2 }] end) as $all | if .flag then { items: $all } else {} end"#,
];

const WRONG_IN_XML: &[&str] = &[
    r#"{ Line: { Percent: 120, Unit: "KGM" } }"#,
    r#"{ Line: { Percent: "none", Unit: "KGM" } }"#,
    r#"{ Line: { Percent: (if .flag then 5 else "n/a" end), Unit: "KGM" } }"#,
    r#"{ Line: { Percent: 5, Unit: ("KG" + "S") } }"#,
    r#"{ Line: { Percent: 5, Unit: "KGM", Code: "EURO" } }"#,
    r#"{ Line: { Percent: 5, Unit: "KGM", Code: (if .flag then "12" else "12345" end) } }"#,
    r#"{ Line: { Percent: 5, Unit: "KGM", Name: "too long" } }"#,
];

const RIGHT_IN_XML: &[&str] = &[
    r#"{ Line: { Percent: "5.0", Unit: "KGM" } }"#,
    r#"{ Line: { Percent: .n, Unit: ("KG" + "M") } }"#,
    r#"{ Line: { Percent: 5, Unit: "KGM", Code: "EUR", Name: "abcde", Hash: "00FF" } }"#,
    r#"{ Line: { Percent: 5, Unit: "KGM", Code: " 123 ", Name: .id } }"#,
    r#"{ Line: { Percent: 5, Unit: "KGM", Code: "\u0663", Name: "\u0663\u0663" } }"#,
];

fn told(registry: &Registry, to: &str, program: &str) -> Vec<Diagnostic> {
    let text = format!("from: source\nto: {to}\nmap: |\n  {program}\n");
    let file = SourceFile::new("transforms/t.yaml", text);
    let transform = match Transform::compile("t", &file, registry) {
        Ok(transform) => transform,
        Err(wrong) => panic!("{program}: {wrong:?}"),
    };
    transform.check(false)
}

/// `TL310 12 text: message; hint`, with the place in the program.
fn line(found: &Diagnostic) -> String {
    let (_, column) = found.file.line_column(found.span.start);
    let text = found.file.text.get(found.span.clone()).unwrap_or_default().trim_end();
    format!("{} {} `{text}`: {}; {}", found.code, column - 2, found.message, found.hint.as_deref().unwrap_or("no hint"))
}

#[test]
fn values_that_never_fit_are_found() {
    let schema = |(path, text): &(&str, &str)| ((*path).into(), SourceFile::new(format!("schemas/{path}"), *text));
    let registry = Registry::new(SCHEMAS.iter().map(schema).collect());
    let mut shown = String::new();
    for (to, wrong, right) in [("target", WRONG, RIGHT), ("line#Line", WRONG_IN_XML, RIGHT_IN_XML)] {
        for program in wrong {
            let found = told(&registry, to, program);
            assert!(!found.is_empty(), "nothing is found: {program}");
            writeln!(shown, "{program}").expect("writes");
            for one in &found {
                writeln!(shown, "  {}", line(one)).expect("writes");
            }
        }
        for program in right {
            let found = told(&registry, to, program);
            assert!(found.is_empty(), "{program}: {:#?}", found.iter().map(line).collect::<Vec<_>>());
        }
    }
    insta::assert_snapshot!(shown);
}
