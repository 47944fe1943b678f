//! The rules of conversion are told in examples, and each example goes through the program.

use std::path::Path;

use bytes::Bytes;

use trunkline::format::json;
use trunkline::message::Limits;

use super::{Block, blocks, root};
use crate::program::{Output, trunkline};

/// What a block is in its example.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    /// A piece of an XSD, for the examples until the next one.
    Schema,
    /// The document as the program writes it.
    Form,
    /// Another way to write the same.
    Or,
    /// A document that is not converted.
    Refused,
}

/// The part that a block is, and its text without the mark.
fn part(block: &Block) -> (Part, &str) {
    let (first, rest) = block.text.split_once('\n').unwrap_or_default();
    match first.trim_start_matches("<!-- ").trim_end_matches(" -->").trim_start_matches("// ") {
        "or" => (Part::Or, rest),
        "refused" => (Part::Refused, rest),
        _ if first.starts_with("<xs:") => (Part::Schema, block.text.as_str()),
        _ => (Part::Form, block.text.as_str()),
    }
}

/// Writes a schema, framed where it is a piece only.
fn write_schema(path: &Path, piece: &str) {
    let framed = format!("<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\">\n{piece}</xs:schema>\n");
    std::fs::write(path, if piece.starts_with("<xs:schema") { piece } else { &framed }).expect("written");
}

/// The root that the JSON form of a document names.
fn root_of(form: &str) -> String {
    let read: serde_json::Value = serde_json::from_str(form).expect("JSON");
    let members = read.as_object().expect("an object");
    members.keys().next().expect("has a key").clone()
}

/// XML as the program writes it: without the page's indentation.
fn joined(xml: &str) -> String {
    xml.lines().map(str::trim_start).collect()
}

/// JSON in one layout, with every digit.
fn laid_out(text: &str) -> String {
    let value = json::read(&Bytes::copy_from_slice(text.as_bytes()), &Limits::default());
    json::pretty(&value.unwrap_or_else(|error| panic!("{error}: {text}")))
}

fn convert(contract: &str, document: &str) -> Output {
    trunkline().args(["convert", contract, "-"]).input(document).run()
}

fn gives(contract: &str, block: &Block, document: &str, expected: &str) {
    let out = convert(contract, document);
    assert_eq!((out.code, out.stderr.as_str()), (0, ""), "line {}: {out:?}", block.line);
    match out.stdout.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n") {
        Some(written) => assert_eq!(written.trim_end(), joined(expected), "line {}", block.line),
        None => assert_eq!(laid_out(&out.stdout), laid_out(expected), "line {}", block.line),
    }
}

/// What the program says of a refused document, without the place in front of each line.
fn is_refused(contract: &str, block: &Block, document: &str, expected: &str) {
    let out = convert(contract, document);
    assert_eq!((out.code, out.stdout.as_str()), (1, ""), "line {}: {out:?}", block.line);
    let said = out.stderr.lines().map(|line| line.trim_start_matches("<stdin>").split_once(": ").expect("a place").1);
    assert_eq!(said.collect::<Vec<_>>().join("\n"), expected.trim_end(), "line {}", block.line);
}

/// Runs the examples of one section; returns how many documents it converted and had refused.
fn examples(section: &[Block], schema: &Path) -> (usize, usize) {
    let (mut converted, mut refused) = (0, 0);
    let mut contract = String::new();
    // The forms of the current example, as far as they have come.
    let (mut xml, mut json) = ("", "");
    let mut blocks = section.iter().filter(|block| block.language != "sh");
    while let Some(block) = blocks.next() {
        match (part(block), block.language.as_str()) {
            ((Part::Schema, text), _) => {
                write_schema(schema, text);
                contract = schema.display().to_string();
                (xml, json) = ("", "");
            }
            ((Part::Form, text), "xml") => (xml, json) = (text, ""),
            ((Part::Form, text), "json") => {
                json = text;
                contract = format!("{}#{}", schema.display(), root_of(json));
                gives(&contract, block, xml, json);
                gives(&contract, block, json, xml);
                converted += 2;
            }
            ((Part::Or, text), language) => {
                gives(&contract, block, text, if language == "xml" { json } else { xml });
                converted += 1;
            }
            ((Part::Refused, text), _) => {
                let said = blocks.next().filter(|said| said.language == "text");
                let said = said.unwrap_or_else(|| panic!("line {}: what does the program say?", block.line));
                is_refused(&contract, block, text, &said.text);
                refused += 1;
            }
            _ => panic!("line {}: this block is no part of an example", block.line),
        }
    }
    (converted, refused)
}

/// Without a contract, the second block is what the first becomes.
fn examples_without_contract(section: &[Block]) {
    assert_eq!(section.len() % 2, 0, "two blocks are an example");
    for pair in section.chunks(2) {
        gives("--no-contract", &pair[1], &pair[0].text, &pair[1].text);
    }
}

#[test]
fn every_example_of_conversion_is_what_the_program_does() {
    let page = std::fs::read_to_string(root().join("docs/reference/conversion.md")).expect("readable");
    let folder = tempfile::tempdir().expect("a folder");
    let schema = folder.path().join("schema.xsd");
    let (mut converted, mut refused) = (0, 0);
    let mut line = 0;
    for section in page.split_inclusive("\n## ") {
        let mut blocks = blocks(section);
        blocks.iter_mut().for_each(|block| block.line += line);
        line += section.matches('\n').count();
        if section.starts_with("Without a contract") {
            examples_without_contract(&blocks);
        } else {
            let (more, less) = examples(&blocks, &schema);
            converted += more;
            refused += less;
        }
    }
    assert!(converted >= 60 && refused >= 15, "{converted} converted, {refused} refused");
}
