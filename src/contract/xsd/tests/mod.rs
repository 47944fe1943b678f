//! Loading and validation against small schemas, each showing one part of XML Schema.

mod differential;

use std::sync::Arc;

use super::Schema;
use super::validate::Found;
use crate::contract::Files;
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::format::xml::{Tree, read};
use crate::message::Limits;

fn files(files: &[(&str, &str)]) -> Arc<Files> {
    let file = |(path, text): &(&str, &str)| ((*path).into(), SourceFile::new(format!("schemas/{path}"), *text));
    Arc::new(files.iter().map(file).collect())
}

fn schema(body: &str) -> String {
    format!(r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{body}</xs:schema>"#)
}

fn load(all: &[(&str, &str)]) -> Result<Schema, Vec<Diagnostic>> {
    Schema::load(&files(all), all[0].0)
}

/// A tree of well-formed XML.
#[track_caller]
fn tree(xml: &str) -> Tree {
    read(xml.as_bytes(), &Limits::default()).unwrap()
}

fn validate(schema: &Schema, xml: &str) -> Vec<String> {
    let show = |(violation, _): Found| {
        let value = violation.value.map(|value| format!(" {value:?}")).unwrap_or_default();
        let place = violation.schema_location.map(|place| format!(" ({place})")).unwrap_or_default();
        format!("{} [{}] {}{value}{place}", violation.path, violation.rule, violation.message)
    };
    schema.validate(&tree(xml), None).into_iter().map(show).collect()
}

/// Asserts that documents are valid.
#[track_caller]
fn valid(schema: &Schema, documents: &[&str]) {
    for xml in documents {
        assert_eq!(validate(schema, xml), [""; 0], "{xml}");
    }
}

/// What is said about invalid documents, for a snapshot.
#[track_caller]
fn invalid(schema: &Schema, documents: &[&str]) -> String {
    let mut said = String::new();
    for xml in documents {
        let violations = validate(schema, xml);
        assert!(!violations.is_empty(), "{xml}");
        said.push_str(&format!("{xml}\n  {}\n", violations.join("\n  ")));
    }
    said
}

/// What is said about a schema that does not load, for a snapshot.
#[track_caller]
fn refused(all: &[(&str, &str)]) -> String {
    let show = |one: &Diagnostic| {
        let (line, column) = one.file.line_column(one.span.start);
        let hint = one.hint.as_ref().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
        let source = one.file.text.get(one.span.clone()).unwrap_or_default();
        format!("{}:{line}:{column} {} {}\n  `{source}`{hint}\n", one.file.path, one.code, one.message)
    };
    load(all).unwrap_err().iter().map(show).collect()
}

#[test]
fn occurrence_and_order() {
    let text = schema(
        r#"<xs:element name="Order"><xs:complexType><xs:sequence>
             <xs:element name="Id" type="xs:string"/>
             <xs:element name="Line" maxOccurs="2"><xs:complexType>
               <xs:attribute name="quantity" type="xs:positiveInteger" use="required"/>
             </xs:complexType></xs:element>
           </xs:sequence></xs:complexType></xs:element>"#,
    );
    let schema = load(&[("a.xsd", &text)]).unwrap();
    valid(
        &schema,
        &[r#"<Order><Id>1</Id><Line quantity="1"/></Order>"#, "<Order>\n<Id/>\n<Line quantity=' 1 '/></Order>"],
    );
    insta::assert_snapshot!(invalid(
        &schema,
        &[
            "<Order/>",
            "<Order><Id>1</Id><Line quantity='0'/><Line quantity='2'/><Line quantity='2'/></Order>",
            "<Order><Id>1</Id><Lime quantity='1'/></Order>",
            "<Order><Id>1</Id><Line quantty='1'/></Order>",
            "<Order>text<Id>1</Id><Line quantity='1'>x</Line></Order>",
            "<Order><Id>1</Id><Line quantity='1' nobody='' knows='' these=''/><Unknown/></Order>",
            "<Ordr/>",
            "<Order xmlns='urn:x'/>",
        ],
    ));
}

#[test]
fn files_that_are_not_there() {
    let xs = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">"#;
    let main =
        format!("{xs}\n  <xs:include schemaLocation=\"parts/comon.xsd\"/>\n  <xs:element name=\"a\"/>\n</xs:schema>");
    let common = format!("{xs}</xs:schema>");
    insta::assert_snapshot!("missing", refused(&[("erp/order.xsd", &main), ("erp/parts/common.xsd", &common)]));
    let network = main.replace("parts/comon.xsd", "http://example.com/x.xsd");
    let disk = main.replace("parts/comon.xsd", "file:///etc/passwd");
    let outside = main.replace("parts/comon.xsd", "../../../etc/passwd");
    let said = [network, disk, outside].map(|text| refused(&[("erp/order.xsd", &text)])).join("");
    insta::assert_snapshot!("outside", said);
    let include = main.replace("parts/comon.xsd", "b.xsd");
    let broken = main.replace("parts/comon.xsd", "nowhere.xsd");
    insta::assert_snapshot!("transitive", refused(&[("a.xsd", &include), ("b.xsd", &broken)]));
}

#[test]
fn schemas_that_are_wrong() {
    let cases = [
        ("<xs:element name='a' type='xs:strnig'/>", "an unknown type"),
        ("<xs:element name='a'><xs:complexType>", "not well-formed"),
        ("<xs:elemnt name='a'/>", "an unknown element"),
        ("<xs:element name='a' minOcurs='1'/>", "an unknown attribute"),
        ("<xs:element name='a'/>\n<xs:element name='a'/>", "a name twice"),
        (
            "<xs:simpleType name='t'><xs:restriction base='xs:int'><xs:pattern value='['/></xs:restriction></xs:simpleType>",
            "a pattern",
        ),
        ("<xs:element name='a' type='b:t'/>", "an unbound prefix"),
        (
            "<xs:element name='a'><xs:complexType><xs:sequence><xs:element name='b' minOccurs='0'/><xs:element name='b'/></xs:sequence></xs:complexType></xs:element>",
            "an ambiguous model",
        ),
    ];
    let said = cases.map(|(body, title)| format!("{title}:\n{}", refused(&[("a.xsd", &schema(body))]))).join("");
    insta::assert_snapshot!(said);
}

#[test]
fn include_import_redefine() {
    let xs = r#"xmlns:xs="http://www.w3.org/2001/XMLSchema""#;
    let main = format!(
        r#"<xs:schema {xs} xmlns="urn:a" xmlns:b="urn:b" targetNamespace="urn:a" elementFormDefault="qualified">
             <xs:include schemaLocation="../shared/chameleon.xsd"/>
             <xs:import namespace="urn:b" schemaLocation="b.xsd"/>
             <xs:redefine schemaLocation="base.xsd">
               <xs:simpleType name="code"><xs:restriction base="code"><xs:maxLength value="3"/></xs:restriction></xs:simpleType>
             </xs:redefine>
             <xs:element name="a"><xs:complexType><xs:sequence>
               <xs:element name="size" type="size"/><xs:element ref="b:item"/><xs:element name="code" type="code"/>
             </xs:sequence></xs:complexType></xs:element>
           </xs:schema>"#
    );
    let chameleon = schema(r#"<xs:simpleType name="size"><xs:restriction base="xs:int"/></xs:simpleType>"#);
    let b = format!(
        r#"<xs:schema {xs} targetNamespace="urn:b"><xs:import namespace="http://www.w3.org/XML/1998/namespace" schemaLocation="http://www.w3.org/2001/xml.xsd"/>
           <xs:element name="item"><xs:complexType><xs:attribute ref="xml:lang"/></xs:complexType></xs:element></xs:schema>"#
    );
    let base = format!(
        r#"<xs:schema {xs} targetNamespace="urn:a"><xs:simpleType name="code"><xs:restriction base="xs:string"/></xs:simpleType></xs:schema>"#
    );
    let all = [
        ("erp/a.xsd", main.as_str()),
        ("erp/b.xsd", &b),
        ("erp/base.xsd", &base),
        ("shared/chameleon.xsd", &chameleon),
    ];
    let schema = load(&all).unwrap();
    let valid_document =
        r#"<x:a xmlns:x="urn:a"><x:size>1</x:size><item xmlns="urn:b" xml:lang="de"/><x:code>abc</x:code></x:a>"#;
    valid(&schema, &[valid_document]);
    let documents = ["size>1<", "xml:lang='de'", "abc"].map(|part| {
        valid_document
            .replace('"', "'")
            .replace(part, &part.replace(['1', 'd'], "x").replace("abc", "abcd").replace("xml:lang='xe'", "lang='x'"))
    });
    insta::assert_snapshot!(invalid(&schema, &documents.each_ref().map(String::as_str)));
}

#[test]
fn substitution_types_and_nil() {
    let text = schema(
        r#"<xs:element name="order"><xs:complexType><xs:sequence>
             <xs:element ref="party" maxOccurs="unbounded"/>
             <xs:element name="note" type="xs:date" nillable="true" minOccurs="0"/>
             <xs:element name="plain" type="xs:int" minOccurs="0"/>
           </xs:sequence></xs:complexType></xs:element>
           <xs:element name="party" type="party" abstract="true"/>
           <xs:element name="buyer" substitutionGroup="party" type="party"/>
           <xs:complexType name="party"><xs:sequence><xs:element name="name" type="xs:string"/></xs:sequence></xs:complexType>
           <xs:complexType name="company"><xs:complexContent><xs:extension base="party"><xs:sequence>
             <xs:element name="vat" type="xs:string"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>"#,
    );
    let schema = load(&[("a.xsd", &text)]).unwrap();
    let xsi = "xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'";
    valid(
        &schema,
        &[
            "<order><buyer><name/></buyer></order>",
            &format!("<order {xsi}><buyer xsi:type='company'><name/><vat/></buyer><note xsi:nil='true'/></order>"),
            &format!(
                "<order {xsi}><buyer xsi:type=' party '><name/></buyer><note xsi:nil='0'>2026-11-21</note></order>"
            ),
            &format!(
                "<order {xsi}><buyer><name xmlns:x='http://www.w3.org/2001/XMLSchema' xsi:type='x:token'/></buyer></order>"
            ),
        ],
    );
    insta::assert_snapshot!(invalid(
        &schema,
        &[
            "<order><party><name/></party></order>",
            "<order><seller><name/></seller></order>",
            "<order><buyer><name/><vat/></buyer></order>",
            &format!("<order {xsi}><buyer xsi:type='company'><name/></buyer></order>"),
            &format!("<order {xsi}><buyer xsi:type='compny'><name/></buyer></order>"),
            &format!("<order {xsi}><buyer xsi:type='x:company'><name/></buyer></order>"),
            &format!("<order {xsi} xmlns='urn:z'/>"),
            &format!("<order {xsi}><buyer xmlns:z='urn:z' xsi:type='z:company'><name/></buyer></order>"),
            &format!("<order {xsi}><buyer><name/></buyer><note xsi:nil='true'>2026-11-21</note></order>"),
            &format!("<order {xsi}><buyer><name/></buyer><note xsi:nil='yes'/></order>"),
            &format!("<order {xsi}><buyer><name/></buyer><plain xsi:nil='true'/></order>"),
        ],
    ));
}

#[test]
fn keys_and_references() {
    let text = schema(
        r#"<xs:element name="order"><xs:complexType><xs:sequence>
             <xs:element name="line" maxOccurs="unbounded"><xs:complexType>
               <xs:attribute name="no" type="xs:int"/><xs:attribute name="sku"/><xs:attribute name="after" type="xs:int"/>
               <xs:attribute name="id" type="xs:ID"/><xs:attribute name="ref" type="xs:IDREF"/>
             </xs:complexType></xs:element></xs:sequence></xs:complexType>
             <xs:key name="lines"><xs:selector xpath="line"/><xs:field xpath="@no"/></xs:key>
             <xs:unique name="skus"><xs:selector xpath="line"/><xs:field xpath="@sku"/></xs:unique>
             <xs:keyref name="afters" refer="lines"><xs:selector xpath="line"/><xs:field xpath="@after"/></xs:keyref>
           </xs:element>"#,
    );
    let schema = load(&[("a.xsd", &text)]).unwrap();
    valid(&schema, &["<order><line no='1' sku='a' id='x'/><line no='2' sku='b' after='01' ref='x'/></order>"]);
    insta::assert_snapshot!(invalid(
        &schema,
        &[
            "<order><line no='1'/><line no='01'/></order>",
            "<order><line/></order>",
            "<order><line no='1' sku='a'/><line no='2' sku='a'/></order>",
            "<order><line no='1' after='3'/></order>",
            "<order><line no='1' id='x'/><line no='2' id='x'/></order>",
            "<order><line no='1'/><line no='2' ref='y'/></order>",
        ],
    ));
}

#[test]
fn simple_types_and_wildcards() {
    let text = schema(
        r###"<xs:element name="a"><xs:complexType><xs:sequence>
             <xs:element name="sizes" minOccurs="0"><xs:simpleType><xs:list itemType="xs:int"/></xs:simpleType></xs:element>
             <xs:element name="either" minOccurs="0"><xs:simpleType><xs:union memberTypes="xs:int xs:boolean"/></xs:simpleType></xs:element>
             <xs:element name="code" minOccurs="0"><xs:simpleType><xs:restriction base="xs:string">
               <xs:pattern value="[A-Z]{2}\d+"/></xs:restriction></xs:simpleType></xs:element>
             <xs:element name="status" minOccurs="0"><xs:simpleType><xs:restriction base="xs:token">
               <xs:enumeration value="open"/><xs:enumeration value="shipped"/></xs:restriction></xs:simpleType></xs:element>
             <xs:element name="amount" minOccurs="0"><xs:simpleType><xs:restriction base="xs:decimal">
               <xs:maxInclusive value="12345678901234567890.5"/><xs:fractionDigits value="2"/></xs:restriction></xs:simpleType></xs:element>
             <xs:element name="fixed" type="xs:string" fixed="yes" minOccurs="0"/>
             <xs:element name="mixed" minOccurs="0"><xs:complexType mixed="true"><xs:sequence>
               <xs:element name="b" type="xs:string" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>
             <xs:element name="lax" minOccurs="0"><xs:complexType><xs:sequence>
               <xs:any namespace="##any" processContents="lax" minOccurs="0" maxOccurs="unbounded"/></xs:sequence>
               <xs:anyAttribute processContents="lax"/></xs:complexType></xs:element>
             <xs:element name="skip" minOccurs="0"><xs:complexType><xs:sequence>
               <xs:any namespace="##other" processContents="skip"/></xs:sequence></xs:complexType></xs:element>
             <xs:element name="qname" type="xs:QName" minOccurs="0"/>
           </xs:sequence></xs:complexType></xs:element>
           <xs:element name="known" type="xs:int"/>"###,
    );
    let schema = load(&[("a.xsd", &text)]).unwrap();
    valid(
        &schema,
        &[
            "<a><sizes>1 2\n3</sizes><either>true</either><code>AB1</code><status> open </status></a>",
            "<a><amount>12345678901234567890.50</amount><fixed/><mixed>x<b>y</b>z</mixed></a>",
            "<a><lax p='1' q='2' r='3'><known>1</known><x:y xmlns:x='urn:x' x:p='' x:q=''><z/></x:y></lax></a>",
            "<a><skip><x:known xmlns:x='urn:x'><known>x</known></x:known></skip><qname xmlns:q='urn:q'>q:name</qname></a>",
        ],
    );
    insta::assert_snapshot!(invalid(
        &schema,
        &[
            "<a><sizes>1 x 3</sizes></a>",
            "<a><either>maybe</either></a>",
            "<a><code>ab1</code></a>",
            "<a><status>lost</status></a>",
            "<a><amount>12345678901234567890.51</amount></a>",
            "<a><amount>1.105</amount></a>",
            "<a><fixed>no</fixed></a>",
            "<a><mixed><c/></mixed></a>",
            "<a><lax><known>x</known></lax></a>",
            "<a><skip><known/></skip></a>",
            "<a><qname>q:name</qname></a>",
        ],
    ));
}

/// The engine keeps names for ever; documents with new names must not feed it.
#[test]
fn hostile_names_leave_no_trace() {
    let text = schema(
        r#"<xs:element name="a"><xs:complexType><xs:sequence>
             <xs:any processContents="lax" minOccurs="0" maxOccurs="unbounded"/></xs:sequence>
             <xs:anyAttribute processContents="lax"/></xs:complexType></xs:element>"#,
    );
    let schema = load(&[("a.xsd", &text)]).unwrap();
    let hostile = |n: usize| {
        format!(
            "<a p{n}='' q{n}=''><x{n}:e{n} xmlns:x{n}='urn:{n}' x{n}:r='' x{n}:s=''/><f{n} xmlns='urn:d{n}'/>
             <t xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xmlns:y{n}='urn:y{n}' xsi:type='y{n}:t{n}'/></a>"
        )
    };
    schema.validate(&tree(&hostile(0)), None);
    let before = schema.name_bytes();
    for n in 1..20_000 {
        schema.validate(&tree(&hostile(n)), None);
    }
    assert_eq!(schema.name_bytes(), before);
}

#[test]
fn each_thread_has_an_engine_and_drops_it() {
    let text = schema("<xs:element name='a' type='xs:int'/>");
    let schema = Arc::new(load(&[("a.xsd", &text)]).unwrap());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| valid(&schema, &["<a>1</a>", "<a>2</a>"]));
        }
    });
    // The spare set went to a thread; reading the model compiles another.
    assert!(schema.with_set(|set| set.lookup_element(None, set.name_table.get("a").unwrap()).is_some()).unwrap());
}

#[test]
fn places_of_violations() {
    let schema = load(&[("a.xsd", &schema("<xs:element name='a' type='xs:int'/><xs:element name='b'/>"))]).unwrap();
    let text = "<!-- ä -->\n  <a>x</a>";
    let violations = schema.check(&tree(text), None, Some(text.as_bytes())).unwrap_err();
    let first = violations.iter().next().unwrap();
    assert_eq!((first.line, first.column), (Some(2), Some(3)));
    assert_eq!((first.path.as_str(), first.rule.as_str()), ("/a[1]", "cvc-datatype-valid"));
    let only_b = schema.roots().iter().find(|root| root.local == "b");
    let made = schema.check(&tree("<a>1</a>"), only_b, None).unwrap_err();
    assert_eq!(made.to_string(), "/a[1]: the root element is `a`; expected `b` [cvc-elt.1]");
}

/// Resident memory in KiB, where the system tells.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or_default() * 4
}

#[test]
fn ubl_samples_are_valid() {
    let folders = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let Some(root) = folders.map(|folder| folder.join("shared/fixtures/ubl-2.1")).find(|root| root.exists()) else {
        eprintln!("skipped: shared/fixtures/ubl-2.1 is not there");
        return;
    };
    let mut all = Files::new();
    for folder in ["maindoc", "common"] {
        for entry in std::fs::read_dir(root.join("xsd").join(folder)).unwrap().map(Result::unwrap) {
            let path = format!("{folder}/{}", entry.file_name().into_string().unwrap());
            let text = std::fs::read_to_string(entry.path()).unwrap();
            all.insert(path.as_str().into(), SourceFile::new(path.as_str(), text));
        }
    }
    let samples = std::fs::read_dir(root.join("xml")).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        (path, tree(&text))
    });
    let samples: Vec<_> = samples.collect();
    // One schema over all kinds of document, so that what they share is loaded once.
    let name = |tree: &Tree| tree.name(super::walk::root(tree).unwrap().1.name).clone();
    let mut roots: Vec<_> = samples.iter().map(|(_, tree)| name(tree)).collect();
    roots.sort_by_key(|root| root.local.to_string());
    roots.dedup();
    let imports = roots.iter().map(|root| {
        format!("<xs:import namespace='{}' schemaLocation='maindoc/UBL-{}-2.1.xsd'/>", root.namespace, root.local)
    });
    let text = schema(&imports.collect::<String>());
    all.insert("all.xsd".into(), SourceFile::new("all.xsd", text));

    let (start, before) = (std::time::Instant::now(), resident());
    let schema = Schema::load(&Arc::new(all), "all.xsd").unwrap();
    eprintln!("{} kinds of document: loaded in {:?}", roots.len(), start.elapsed());
    for (path, tree) in &samples {
        let found = schema.validate(tree, Some(&name(tree)));
        assert!(found.is_empty(), "{}: {found:?}", path.display());
    }
    let grown = resident().saturating_sub(before);
    eprintln!("{} samples validated {:?} after the start, {grown} KiB", samples.len(), start.elapsed());
    assert!(samples.len() > 10);
}
