//! `trunkline contract infer` of XML documents: an XSD that says what they show, and under which they are valid.

use std::fmt::Write as _;

use proptest::prelude::*;
use trunkline::contract::infer::xml::{Proposal, Samples};
use trunkline::contract::{Files, Registry};
use trunkline::diagnostic::SourceFile;
use trunkline::format::xml;
use trunkline::message::Limits;

use super::{root, shared};
use crate::program::trunkline;

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

fn propose(documents: &[String]) -> Vec<Proposal> {
    let mut samples = Samples::default();
    for document in documents {
        let tree =
            xml::read(document.as_bytes(), &Limits::default()).unwrap_or_else(|error| panic!("{document} {error:?}"));
        samples.add(&tree).unwrap_or_else(|refused| panic!("{document} {refused:?}"));
    }
    samples.proposals()
}

/// Why a document is not valid under the proposal for its namespace.
fn refused(proposals: &[Proposal], namespace: &str, document: &str) -> Option<String> {
    let file = |one: &Proposal| (format!("{}.xsd", one.name), one.text.clone());
    let files = proposals.iter().map(file).map(|(name, text)| (name.as_str().into(), SourceFile::new(name, text)));
    let registry = Registry::new(files.collect::<Files>());
    let name = &proposals.iter().find(|one| one.namespace == namespace).expect("a schema of the root").name;
    let contract = registry.resolve(name).unwrap_or_else(|error| panic!("{proposals:#?} {:#?}", error.diagnostics));
    contract.read(&document.to_owned().into(), &Limits::default()).err().map(|violations| format!("{violations:?}"))
}

/// The one schema of documents that have no namespace.
fn schema(documents: &[&str]) -> String {
    let documents: Vec<String> = documents.iter().map(|document| (*document).to_owned()).collect();
    let proposals = propose(&documents);
    assert_eq!(proposals.len(), 1, "{proposals:#?}");
    for document in &documents {
        assert_eq!(refused(&proposals, "", document), None, "{document}\n{}", proposals[0].text);
    }
    proposals[0].text.clone()
}

/// Without the comment at the top.
fn body(schema: &str) -> &str {
    schema.split_once("<xs:schema").expect("a schema").1.split_once('\n').expect("lines").1
}

#[test]
fn orders_of_a_shop() {
    let documents = [
        r#"<o:Order xmlns:o="urn:shop:order" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" o:channel="web" version="1">
  <o:Number>0042</o:Number><o:Placed>2026-01-05</o:Placed>
  <o:Line no="1"><o:Sku>LAMP-7</o:Sku><o:Count>2</o:Count><o:Price currency="EUR">19.90</o:Price></o:Line>
  <o:Line no="2"><o:Sku>DESK-1</o:Sku><o:Count>1</o:Count><o:Price currency="EUR">240</o:Price></o:Line>
  <Remark xsi:nil="true"/>
  <o:Note xml:lang="de">Bitte <o:Bold>bald</o:Bold>!</o:Note>
</o:Order>"#,
        r#"<Order xmlns="urn:shop:order" version="2">
  <Number>7</Number><Customer>ada@example.org</Customer><Placed>2026-01-06</Placed>
  <Line no="1"><Sku>LAMP-7</Sku><Count>3</Count><Price currency="EUR">19.85</Price><Gift/></Line>
  <Remark xmlns="">as a present</Remark>
</Order>"#,
        r#"<Order xmlns="urn:shop:order" version="3">
  <Number>1</Number><Placed>2026-02-01</Placed>
  <Line no="3"><Count>10</Count><Sku>X</Sku><Price currency="USD">1.00</Price></Line>
</Order>"#,
    ];
    let proposals = propose(&documents.map(str::to_owned));
    for document in documents {
        assert_eq!(refused(&proposals, "urn:shop:order", document), None, "{document}");
    }
    insta::assert_snapshot!(proposals[0].text);
    assert_eq!(proposals.len(), 1);
    // It says no less than the documents show.
    for (change, to) in
        [("<Number>1</Number>", ""), ("version=\"3\"", ""), ("2026-02-01", "soon"), ("<Count>10", "<Count>x")]
    {
        let other = documents[2].replace(change, to);
        assert!(refused(&proposals, "urn:shop:order", &other).is_some(), "{other}");
    }
}

#[test]
fn numbers_that_might_lose_digits_stay_text() {
    let schema = schema(&["<a><b>007</b><b>8</b><b>9</b><c>1</c><c>2</c><c>3</c></a>"]);
    assert!(schema.contains(r#"<xs:element name="b" type="xs:string" maxOccurs="unbounded"/>"#), "{schema}");
    assert!(schema.contains(r#"<xs:element name="c" type="xs:integer" maxOccurs="unbounded"/>"#), "{schema}");
}

#[test]
fn where_the_order_differs_there_is_none() {
    let all = schema(&["<a><b/><c/></a>", "<a><c/><b/><d/></a>", "<a><d/><b/></a>"]);
    assert_eq!(
        body(&all),
        r#"  <xs:element name="a" type="a"/>
  <xs:complexType name="a">
    <!-- The documents have these in different orders. -->
    <xs:all>
      <xs:element name="b" type="xs:string"/>
      <xs:element name="c" type="xs:string" minOccurs="0"/>
      <xs:element name="d" type="xs:string" minOccurs="0"/>
    </xs:all>
  </xs:complexType>
</xs:schema>
"#
    );
    let choice = schema(&["<a><x/><b/><c/><b/><y/></a>", "<a><x/></a>"]);
    assert_eq!(
        body(&choice),
        r#"  <xs:element name="a" type="a"/>
  <xs:complexType name="a">
    <xs:sequence>
      <xs:element name="x" type="xs:string"/>
      <!-- The documents have these in different orders. -->
      <xs:choice minOccurs="0" maxOccurs="unbounded">
        <xs:element name="b" type="xs:string"/>
        <xs:element name="c" type="xs:string"/>
      </xs:choice>
      <xs:element name="y" type="xs:string" minOccurs="0"/>
    </xs:sequence>
  </xs:complexType>
</xs:schema>
"#
    );
}

/// Two elements of one name at two places have two types, with names of their own.
#[test]
fn types_have_names_of_their_own() {
    let text = schema(&["<a><b><b><b k='1'/></b></b><c><b k='x'>t</b></c></a>"]);
    for name in ["a", "b", "b.b", "b-2", "c", "c.b"] {
        assert_eq!(text.matches(&format!("<xs:complexType name=\"{name}\"")).count(), 1, "{name}\n{text}");
    }
}

#[test]
fn what_no_schema_can_be_made_of_is_refused() {
    let refused = |document: &str| {
        let tree = xml::read(document.as_bytes(), &Limits::default()).expect("XML");
        Samples::default().add(&tree).expect_err(document).violation
    };
    let violation = refused(&format!("<a xmlns:xsi='{XSI}'><b/><b xsi:type='c'/></a>"));
    assert_eq!((violation.path.as_str(), violation.rule.as_str()), ("/a[1]/b[2]", "infer-xsi"));
    assert_eq!(refused("<a xml:more='1'/>").rule, "infer-xml");
    assert_eq!(refused("<xml:a/>").rule, "infer-namespace");
    let many = |count: usize| (0..count).fold(String::new(), |all, at| all + &format!("<n{at}/>"));
    assert_eq!(refused(&format!("<a>{}</a>", many(1_001))).rule, "infer-many");
    let places = (0..11).fold(String::new(), |all, at| all + &format!("<p{at}>{}</p{at}>", many(1_000)));
    assert_eq!(refused(&format!("<a>{places}</a>")).rule, "infer-many");
}

/// A document as deep as any that is read has a schema that is read as well.
#[test]
fn deep_documents_have_flat_schemas() {
    let depth = Limits::default().depth;
    schema(&[&format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth))]);
}

/// Real documents, of several namespaces each.
#[test]
fn invoices_of_the_world_are_valid_under_their_proposal() {
    let Some(folder) = shared("ubl") else { return };
    let mut open = vec![folder];
    let mut documents = Vec::new();
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "xml") {
                documents.extend(std::fs::read_to_string(&path).ok());
            }
        }
    }
    let is_invoice = |document: &String| document.contains("xsd:Invoice-2\"") && !document.contains("<!DOCTYPE");
    let invoices: Vec<String> = documents.into_iter().filter(is_invoice).collect();
    assert!(!invoices.is_empty(), "there are examples");
    let proposals = propose(&invoices);
    assert!(proposals.len() >= 3, "{}", proposals.len());
    for invoice in &invoices {
        let namespace = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2";
        assert_eq!(refused(&proposals, namespace, invoice), None);
    }
}

#[derive(Clone, Debug)]
enum Piece {
    Text(&'static str),
    Element(Element),
}

#[derive(Clone, Debug)]
struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, &'static str)>,
    content: Vec<Piece>,
}

impl Element {
    fn write(&self, out: &mut String, is_root: bool) {
        let _ = write!(out, "<{}", self.name);
        if is_root {
            let _ = write!(out, " xmlns:x='urn:x' xmlns:y='urn:y' xmlns:xsi='{XSI}'");
        }
        for (at, (name, value)) in self.attributes.iter().enumerate() {
            if self.attributes[..at].iter().all(|(other, _)| other != name) {
                let _ = write!(out, " {name}='{value}'");
            }
        }
        out.push('>');
        for piece in &self.content {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Element(element) => element.write(out, false),
            }
        }
        let _ = write!(out, "</{}>", self.name);
    }

    fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, true);
        out
    }
}

const NAMES: [&str; 6] = ["a", "b", "x:a", "x:b", "x:c", "y:a"];
const TEXTS: [&str; 14] = [
    "",
    " ",
    "1",
    "2",
    "30",
    "-4.50",
    "007",
    "true",
    "false",
    "2026-01-05",
    "2026-01-06",
    "2026-12-31",
    "&lt;&quot;&amp;",
    "open",
];
const ATTRIBUTES: [&str; 5] = ["k", "l", "x:k", "y:k", "xml:lang"];

fn attributes() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let one = (prop::sample::select(&ATTRIBUTES[..]), prop::sample::select(&TEXTS[..]));
    let one = one.prop_map(|(name, value)| if name == "xml:lang" { (name, "de") } else { (name, value) });
    prop::collection::vec(one, 0..3)
}

fn element() -> impl Strategy<Value = Element> {
    let name = || prop::sample::select(&NAMES[..]);
    let leaf = (name(), attributes(), prop::sample::select(&TEXTS[..]), 0..8_u8).prop_map(
        |(name, mut attributes, text, nil)| {
            let content = match nil {
                0 => {
                    attributes.push(("xsi:nil", "true"));
                    Vec::new()
                }
                1 => {
                    attributes.push(("xsi:nil", "0"));
                    vec![Piece::Text(text)]
                }
                _ => vec![Piece::Text(text)],
            };
            Element { name, attributes, content }
        },
    );
    leaf.prop_recursive(4, 24, 5, move |inner| {
        let piece = prop_oneof![
            6 => inner.prop_map(Piece::Element),
            1 => prop::sample::select(&[" ", "\n", "word"][..]).prop_map(Piece::Text),
        ];
        (name(), attributes(), prop::collection::vec(piece, 0..6)).prop_map(|(name, attributes, content)| Element {
            name,
            attributes,
            content,
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever the documents are: the schemas load, and the documents are valid under them.
    #[test]
    fn the_examples_are_valid(elements in prop::collection::vec(element(), 1..6)) {
        let documents: Vec<String> = elements.iter().map(Element::text).collect();
        let proposals = propose(&documents);
        for (element, document) in elements.iter().zip(&documents) {
            let namespace = match element.name.split_once(':') {
                Some((prefix, _)) => format!("urn:{prefix}"),
                None => String::new(),
            };
            let why = refused(&proposals, &namespace, document);
            prop_assert!(why.is_none(), "{document}\n{why:?}\n{proposals:#?}");
        }
        prop_assert_eq!(propose(&documents), proposals);
    }
}

#[test]
fn the_command_prints_one_schema_or_writes_several() {
    let messages = root().join("examples/messages");
    let first = messages.join("order-status-response.xml");
    let out = trunkline().args(["contract", "infer"]).arg(&first).run();
    assert_eq!((out.code, out.stderr.as_str()), (0, ""), "{out:?}");
    assert!(out.stdout.contains("<!-- A proposal, made from 1 document by"), "{}", out.stdout);

    let folder = tempfile::tempdir().expect("a folder");
    let soap =
        r#"<s:Envelope xmlns:s="urn:soap"><s:Body><Ask xmlns="urn:ask"><Sku>007</Sku></Ask></s:Body></s:Envelope>"#;
    let out = trunkline().args(["contract", "infer", "-"]).input(soap).run();
    assert_eq!((out.code, out.stdout.as_str()), (2, ""), "{out:?}");
    assert!(out.stderr.contains("2 namespaces") && out.stderr.contains("--out"), "{out:?}");
    let infer = || trunkline().args(["contract", "infer", "-", "--out"]).arg(folder.path()).input(soap).run();
    let out = infer();
    assert_eq!((out.code, out.stderr.as_str()), (0, ""), "{out:?}");
    let schema = folder.path().join("Envelope.xsd");
    assert_eq!(
        out.stdout.lines().collect::<Vec<_>>(),
        [schema.display().to_string(), folder.path().join("Envelope-2.xsd").display().to_string()]
    );
    let out = trunkline().arg("validate").arg(&schema).arg("-").input(soap).run();
    assert_eq!(out.code, 0, "{out:?}");
    let out = trunkline().arg("validate").arg(&schema).arg("-").input(soap.replace("Sku", "Sky")).run();
    assert_eq!(out.code, 1, "{out:?}");
    let again = infer();
    assert_eq!(again.code, 2, "nothing is overwritten: {again:?}");

    let out = trunkline().args(["contract", "infer", "examples/messages/lead.json"]).arg(&first).run();
    assert_eq!((out.code, out.stdout.as_str()), (2, ""), "{out:?}");
    let out = trunkline().args(["contract", "infer", "examples/messages/lead.json", "--out", "x"]).run();
    assert_eq!((out.code, out.stdout.as_str()), (2, ""), "{out:?}");
    let typed = format!("<a xmlns:xsi='{XSI}'>\n<b xsi:type='c'/></a>");
    let out = trunkline().args(["contract", "infer", "-"]).input(typed).run();
    assert_eq!(out.code, 1, "{out:?}");
    assert!(out.stderr.starts_with("<stdin>:2:1: /a[1]/b[1]: "), "{out:?}");
}
