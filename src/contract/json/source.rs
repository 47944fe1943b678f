//! The JSON Schema files of a project, parsed strictly, with the places of what stands in them.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value as Json;

use super::node::to_serde;
use crate::contract::Files;
use crate::contract::place::{join, offset};
use crate::contract::xsd::{from_location, to_location};
use crate::diagnostic::{Diagnostic, SourceFile, codes};
use crate::format::json::{locate, read};
use crate::message::{Limits, Value};

/// Every file of the map is known to the engine by this scheme, which names no file of the disk and no host.
pub(crate) const SCHEME: &str = "contract:///";

/// A parsed schema file.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) file: SourceFile,
    /// With every digit.
    pub(crate) value: Value,
    /// As the engine takes it.
    pub(crate) json: Json,
}

impl Source {
    /// The bytes of the value that a pointer names.
    pub(crate) fn span(&self, pointer: &str) -> Range<usize> {
        let text = &self.file.text;
        let Some((line, column)) = locate(text.as_bytes(), pointer) else { return 0..0 };
        let start = offset(text, line as usize, column as usize);
        let rest = text.get(start..).unwrap_or_default();
        start..start + token_length(rest)
    }

    /// The bytes of the key of the member that a pointer names.
    pub(crate) fn key_span(&self, pointer: &str, key: &str) -> Range<usize> {
        let value = self.span(pointer);
        let quoted = Json::from(key).to_string();
        let before = self.file.text.get(..value.start).unwrap_or_default();
        before.rfind(&quoted).map_or(value, |start| start..start + quoted.len())
    }
}

/// The length of a string, number or literal; of a bracket alone where an object or array begins.
fn token_length(text: &str) -> usize {
    let mut escaped = false;
    let mut characters = text.char_indices();
    match characters.next() {
        Some((_, '"')) => characters
            .find(|(_, c)| {
                let ends = *c == '"' && !escaped;
                escaped = *c == '\\' && !escaped;
                ends
            })
            .map_or(text.len(), |(at, _)| at + 1),
        Some((_, '{' | '[')) => 1,
        _ => text.find([',', '}', ']', ' ', '\t', '\r', '\n']).unwrap_or(text.len()),
    }
}

/// All parsed schema files, and which `$id` is which file.
#[derive(Debug)]
pub(crate) struct Sources {
    parsed: HashMap<Arc<str>, Result<Arc<Source>, Diagnostic>>,
    ids: HashMap<String, Arc<str>>,
}

impl Sources {
    /// Parses every `.json` file of the map.
    pub(crate) fn new(files: &Files) -> Self {
        let files = files.iter().filter(|(path, _)| path.ends_with(".json"));
        let parsed: HashMap<_, _> = files.map(|(path, file)| (path.clone(), parse(file).map(Arc::new))).collect();
        let ids = parsed.iter().filter_map(|(path, source)| {
            let json = &source.as_ref().ok()?.json;
            let id = json.get("$id").or_else(|| json.get("id"))?.as_str()?;
            id.contains("://").then(|| (id.trim_end_matches('#').to_owned(), path.clone()))
        });
        Self { ids: ids.collect(), parsed }
    }

    /// The parsed file of a path, or why it is not well-formed.
    pub(crate) fn get(&self, path: &str) -> Option<&Result<Arc<Source>, Diagnostic>> {
        self.parsed.get(path)
    }

    /// The paths of all files.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.parsed.keys().map(AsRef::as_ref)
    }

    /// The path that a reference without fragment means, written below the base of a schema.
    pub(crate) fn path_of(&self, base: &Base, reference: &str) -> Option<&str> {
        if reference.is_empty() {
            return self.parsed.get_key_value(base.path.as_str()).map(|(path, _)| &**path);
        }
        if reference.contains("://") {
            return self.of_uri(reference);
        }
        match &base.id {
            Some(id) => self.of_uri(&resolve(id, reference)),
            None => self.beside(base, reference),
        }
    }

    /// The path of a URI that the engine asks for: ours, a file's `$id`, or one that lies to another file's `$id` as
    /// its path lies to that file's.
    pub(crate) fn of_uri(&self, uri: &str) -> Option<&str> {
        let uri = uri.split('#').next().unwrap_or_default();
        if let Some(path) = self.ids.get(uri) {
            return Some(path);
        }
        if let Some(path) = from_location(uri) {
            return self.parsed.get_key_value(path.as_str()).map(|(path, _)| &**path);
        }
        self.ids.iter().find_map(|(id, path)| {
            let (folder, _) = id.rsplit_once('/')?;
            let rest = uri.strip_prefix(folder)?.strip_prefix('/')?;
            let path = join(path, rest)?;
            self.parsed.get_key_value(path.as_str()).map(|(path, _)| &**path)
        })
    }

    /// The URI under which the engine knows a file.
    pub(crate) fn uri_of(&self, path: &str) -> String {
        let id = self.ids.iter().find(|(_, known)| &***known == path);
        id.map_or_else(|| to_location(path), |(id, _)| id.clone())
    }

    fn beside(&self, base: &Base, reference: &str) -> Option<&str> {
        let path = join(&base.path, reference)?;
        self.parsed.get_key_value(path.as_str()).map(|(path, _)| &**path)
    }
}

/// Against what a relative reference is read: the file, and its absolute `$id` if it has one.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    pub(crate) path: String,
    pub(crate) id: Option<String>,
}

/// A relative reference against an absolute URI (RFC 3986 section 5.2, paths only).
fn resolve(id: &str, reference: &str) -> String {
    let Some((scheme, rest)) = id.split_once("://") else { return reference.to_owned() };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = join(path, reference).unwrap_or_default();
    format!("{scheme}://{host}/{path}")
}

fn parse(file: &SourceFile) -> Result<Source, Diagnostic> {
    let limits = Limits { body_bytes: usize::MAX, ..Limits::default() };
    let value = read(file.text.as_bytes(), &limits).map_err(|violation| {
        let (line, column) = (violation.line.unwrap_or(1), violation.column.unwrap_or(1));
        let start = offset(&file.text, line as usize, column as usize);
        let end = start + file.text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        Diagnostic::error(codes::CONTRACT_SYNTAX, file, start..end, violation.message)
            .hint("correct the JSON here; it has no comments and no trailing commas")
    })?;
    Ok(Source { file: file.clone(), json: to_serde(&value), value })
}
