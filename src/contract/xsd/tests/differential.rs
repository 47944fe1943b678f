//! The same verdict as `xmllint` on mutations of the example messages, where it is installed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use super::super::Schema;
use super::tree;
use crate::contract::Files;
use crate::diagnostic::SourceFile;

/// A piece of a document: a whole element with its content, or text.
#[derive(Clone, Debug)]
enum Piece {
    Element { name: String, attributes: Vec<(String, String)>, content: Vec<Piece> },
    Text(String),
}

fn utf8(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn parse(xml: &str) -> Piece {
    use quick_xml::events::Event;
    let mut reader = quick_xml::reader::Reader::from_str(xml);
    reader.config_mut().expand_empty_elements = true;
    let mut open: Vec<Piece> = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) => {
                let attributes = tag.attributes().map(Result::unwrap);
                open.push(Piece::Element {
                    name: utf8(tag.name().as_ref()),
                    attributes: attributes.map(|one| (utf8(one.key.as_ref()), utf8(&one.value))).collect(),
                    content: Vec::new(),
                });
            }
            Event::End(_) => {
                let closed = open.pop().unwrap();
                match open.last_mut() {
                    Some(Piece::Element { content, .. }) => content.push(closed),
                    _ => return closed,
                }
            }
            Event::Text(text) => {
                if let Some(Piece::Element { content, .. }) = open.last_mut() {
                    content.push(Piece::Text(utf8(&text)));
                }
            }
            _ => {}
        }
    }
}

fn write(piece: &Piece, out: &mut String) {
    match piece {
        Piece::Text(text) => out.push_str(text),
        Piece::Element { name, attributes, content } => {
            out.push_str(&format!("<{name}"));
            for (name, value) in attributes {
                out.push_str(&format!(" {name}=\"{value}\""));
            }
            out.push('>');
            for piece in content {
                write(piece, out);
            }
            out.push_str(&format!("</{name}>"));
        }
    }
}

/// Every element, the root first.
fn count(piece: &Piece) -> usize {
    match piece {
        Piece::Text(_) => 0,
        Piece::Element { content, .. } => 1 + content.iter().map(count).sum::<usize>(),
    }
}

fn nth<'a>(piece: &'a mut Piece, n: &mut usize) -> Option<&'a mut Piece> {
    if matches!(piece, Piece::Text(_)) {
        return None;
    }
    if *n == 0 {
        return Some(piece);
    }
    *n -= 1;
    let Piece::Element { content, .. } = piece else { return None };
    content.iter_mut().find_map(|child| nth(child, n))
}

fn mutate(root: &mut Piece, random: &mut fastrand::Rng) {
    let mut n = random.usize(..count(root));
    let Some(Piece::Element { name, attributes, content }) = nth(root, &mut n) else { return };
    let values = ["", "x", "0", "-1", "1.10", "2026-11-21", "true", "EUR", " 7 ", "12345678901234567890"];
    match random.u8(..9) {
        0 if !content.is_empty() => drop(content.remove(random.usize(..content.len()))),
        1 if !content.is_empty() => {
            let copy = content[random.usize(..content.len())].clone();
            content.insert(random.usize(..=content.len()), copy);
        }
        2 if content.len() > 1 => {
            let (a, b) = (random.usize(..content.len()), random.usize(..content.len()));
            content.swap(a, b);
        }
        3 | 4 => *content = vec![Piece::Text((*random.choice(&values).unwrap()).to_owned())],
        5 if !attributes.is_empty() => {
            let at = random.usize(..attributes.len());
            if !attributes[at].0.starts_with("xmlns") {
                attributes.remove(at);
            }
        }
        6 if !attributes.is_empty() => {
            let at = random.usize(..attributes.len());
            if !attributes[at].0.starts_with("xmlns") {
                attributes[at].1 = (*random.choice(&values).unwrap()).to_owned();
            }
        }
        7 => attributes.push(("unknown".to_owned(), "x".to_owned())),
        _ => name.push('X'),
    }
}

/// Whether `xmllint` finds each file valid.
fn xmllint(schema: &Path, files: &[PathBuf]) -> Vec<bool> {
    let output = Command::new("xmllint").arg("--noout").arg("--schema").arg(schema).args(files).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let verdict = |path: &PathBuf| {
        let path = path.display();
        assert!(said.contains(&format!("{path} validates")) || said.contains(&format!("{path} fails to validate")));
        said.contains(&format!("{path} validates"))
    };
    files.iter().map(verdict).collect()
}

#[test]
fn agrees_with_xmllint() {
    if Command::new("xmllint").arg("--version").output().is_err() {
        eprintln!("skipped: xmllint is not installed");
        return;
    }
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Files::new();
    for entry in std::fs::read_dir(project.join("schemas/erp")).unwrap().map(Result::unwrap) {
        let name = format!("erp/{}", entry.file_name().into_string().unwrap());
        let text = std::fs::read_to_string(entry.path()).unwrap();
        files.insert(name.as_str().into(), SourceFile::new(name.as_str(), text));
    }
    let files = Arc::new(files);
    let folder = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(7);
    let mut verdicts = [0, 0];
    for (schema, message) in
        [("shipment", "shipment-notice"), ("order-status", "order-status-response"), ("inventory", "inventory-report")]
    {
        let original =
            parse(&std::fs::read_to_string(project.join(format!("examples/messages/{message}.xml"))).unwrap());
        let documents: Vec<String> = (0..400)
            .map(|n| {
                let mut document = original.clone();
                for _ in 0..n % 4 {
                    mutate(&mut document, &mut random);
                }
                let mut text = String::new();
                write(&document, &mut text);
                text
            })
            .collect();
        let paths: Vec<PathBuf> =
            (0..documents.len()).map(|n| folder.path().join(format!("{schema}-{n}.xml"))).collect();
        for (path, text) in paths.iter().zip(&documents) {
            std::fs::write(path, text).unwrap();
        }
        let theirs = xmllint(&project.join(format!("schemas/erp/{schema}.xsd")), &paths);
        let ours = Schema::load(&files, &format!("erp/{schema}.xsd")).unwrap();
        for (text, theirs) in documents.iter().zip(theirs) {
            let found = ours.validate(&tree(text), None);
            assert_eq!(found.is_empty(), theirs, "{text}\n{found:?}");
            verdicts[usize::from(theirs)] += 1;
        }
    }
    // Both kinds must come up for the agreement to mean anything.
    assert!(verdicts.iter().all(|count| *count > 100), "{verdicts:?}");
}
