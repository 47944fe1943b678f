//! Loading and validation against small schemas, each showing one part of XML Schema.

use std::sync::Arc;

use super::Schema;
use super::validate::Found;
use crate::contract::Files;
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::format::xml::{Attribute, Binding, Tree};
use crate::message::Text;

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
fn tree(xml: &str) -> Tree {
    use quick_xml::events::Event;
    use quick_xml::name::ResolveResult;
    use quick_xml::reader::NsReader;

    let mut reader = NsReader::from_str(xml);
    reader.config_mut().expand_empty_elements = true;
    let mut tree = Tree::default();
    loop {
        let offset = reader.buffer_position() as u32;
        match reader.read_event().unwrap() {
            Event::Start(tag) => {
                let (namespace, local) = reader.resolver().resolve_element(tag.name());
                let uri = |result: ResolveResult<'_>| match result {
                    ResolveResult::Bound(uri) => Text::from(uri.as_ref()),
                    _ => Text::new(),
                };
                let prefix = |name: quick_xml::name::QName<'_>| {
                    name.prefix().map(|prefix| Text::from(prefix.as_ref())).unwrap_or_default()
                };
                let name = tree.intern(&uri(namespace), &Text::from(local.as_ref()));
                let (mut attributes, mut bindings) = (Vec::new(), Vec::new());
                for attribute in tag.attributes().map(Result::unwrap) {
                    let value = Text::from(attribute.value.as_ref());
                    let key = attribute.key;
                    if key.as_ref() == "xmlns" {
                        bindings.push(Binding { prefix: Text::new(), uri: value });
                    } else if key.prefix().is_some_and(|prefix| prefix.as_ref() == "xmlns") {
                        bindings.push(Binding { prefix: Text::from(key.local_name().as_ref()), uri: value });
                    } else {
                        let (namespace, local) = reader.resolver().resolve_attribute(key);
                        let name = tree.intern(&uri(namespace), &Text::from(local.as_ref()));
                        attributes.push(Attribute { name, prefix: prefix(key), value });
                    }
                }
                tree.start(name, prefix(tag.name()), attributes, bindings, offset);
            }
            Event::End(_) => tree.end(),
            Event::Text(text) => {
                if tree.depth() > 0 {
                    tree.text(Text::from(text.as_ref()), offset);
                }
            }
            Event::Eof => return tree,
            _ => {}
        }
    }
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
