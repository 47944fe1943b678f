//! `trunkline contract infer`: a JSON Schema from JSON documents, an XSD from XML documents.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::contract::infer::xml::{Proposal, Samples};
use crate::contract::infer::{Formats, Seen};
use crate::contract::{Contract, Files, Registry};
use crate::diagnostic::SourceFile;
use crate::format::xml::{Node, Tree, locate};
use crate::format::{json, xml};
use crate::message::{Limits, Text};

use super::super::convert::format_of;
use super::super::{End, Format, files, input, output};

/// A document with its file.
type Body<'a> = (&'a Path, Bytes);

pub(super) fn run(paths: &[PathBuf], out: Option<&Path>) -> Result<End, End> {
    let limits = Limits::default();
    let read = |path: &'_ PathBuf| Ok((path.clone(), input::document(path, &limits)?));
    let bodies: Vec<(PathBuf, Bytes)> = paths.iter().map(read).collect::<Result<_, End>>()?;
    let bodies: Vec<Body<'_>> = bodies.iter().map(|(path, body)| (path.as_path(), body.clone())).collect();
    let of_xml = |(_, body): &&Body<'_>| format_of(body) == Format::Xml;
    match (bodies.iter().find(of_xml), bodies.iter().find(|body| !of_xml(body))) {
        (Some((xml, _)), Some((json, _))) => {
            let message = format!("`{}` is XML, and `{}` is not", input::shown(xml), input::shown(json));
            Err(output::misuse(&message, Some("name documents of one format; a contract is of one")))
        }
        (Some(_), None) => of_xml_documents(&bodies, out, &limits),
        (None, _) if out.is_some() => {
            let hint = "leave `--out` out: a JSON Schema is one file, which is printed";
            Err(output::misuse("`--out` is for XML documents", Some(hint)))
        }
        (None, _) => of_json_documents(&bodies, &limits),
    }
}

fn of_json_documents(bodies: &[Body<'_>], limits: &Limits) -> Result<End, End> {
    let formats = Formats::new().ok_or_else(|| output::misuse("the formats of JSON Schema cannot be told", None))?;
    let mut seen = Seen::default();
    for (file, body) in bodies {
        let document = json::read(body, limits).map_err(|violation| output::violations(file, &violation.into()))?;
        seen.add(&document, &formats);
    }
    let schema = json::pretty(&seen.schema());
    let registry = registry([("inferred.json".to_owned(), schema.clone())]);
    let contract = contract(&registry, "inferred")?;
    bodies.iter().try_for_each(|body| holds(&contract, body, limits))?;
    Ok(output::line(schema.as_bytes()))
}

fn of_xml_documents(bodies: &[Body<'_>], out: Option<&Path>, limits: &Limits) -> Result<End, End> {
    let mut samples = Samples::default();
    let mut roots: Vec<Text> = Vec::new();
    for (file, body) in bodies {
        let tree = xml::read(body, limits).map_err(|violation| output::violations(file, &violation.into()))?;
        samples.add(&tree).map_err(|refused| {
            let (line, column) = locate(body, refused.offset);
            output::violations(file, &refused.violation.at(line, column).into())
        })?;
        roots.push(root(&tree));
    }
    let proposals = samples.proposals();
    let path = |proposal: &Proposal| format!("{}.xsd", proposal.name);
    let registry = registry(proposals.iter().map(|proposal| (path(proposal), proposal.text.clone())));
    for (body, root) in bodies.iter().zip(&roots) {
        let name = proposals.iter().find(|one| one.namespace == *root).map_or("", |proposal| proposal.name.as_str());
        holds(&*contract(&registry, name)?, body, limits)?;
    }
    match (proposals.as_slice(), out) {
        (proposals, Some(folder)) => {
            let made: Vec<(PathBuf, String)> =
                proposals.iter().map(|proposal| (folder.join(path(proposal)), proposal.text.clone())).collect();
            files::write_new(&made)?;
            Ok(output::data(&made.iter().map(|(path, _)| format!("{}\n", path.display())).collect::<String>()))
        }
        ([only], None) => Ok(output::data(&only.text)),
        (several, None) => {
            let count = several.len();
            let message = format!("the documents have names of {count} namespaces, and a schema file describes one");
            Err(output::misuse(&message, Some("name a folder for the files with `--out`")))
        }
    }
}

/// The namespace of the root element.
fn root(tree: &Tree) -> Text {
    let start = tree.nodes().iter().find_map(|node| match node {
        Node::Start(element) => Some(element.name),
        _ => None,
    });
    start.map(|name| tree.name(name).namespace.clone()).unwrap_or_default()
}

fn registry(files: impl IntoIterator<Item = (String, String)>) -> Registry {
    let file = |(path, text): (String, String)| (Arc::from(path.as_str()), SourceFile::new(path, text));
    Registry::new(files.into_iter().map(file).collect::<Files>())
}

fn contract(registry: &Registry, name: &str) -> Result<Arc<Contract>, End> {
    registry.resolve(name).map_err(|error| {
        output::diagnostics(&error.diagnostics);
        output::misuse("no schema could be proposed", None)
    })
}

/// A proposal that refuses what it was made from would be worse than none.
fn holds(contract: &Contract, (file, body): &Body<'_>, limits: &Limits) -> Result<(), End> {
    contract.read(body, limits).map(drop).map_err(|violations| output::violations(file, &violations))
}
