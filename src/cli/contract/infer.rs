//! `trunkline contract infer`: a JSON Schema from example documents.

use std::path::PathBuf;
use std::sync::Arc;

use crate::contract::infer::{Formats, Seen};
use crate::contract::{Files, Registry};
use crate::diagnostic::SourceFile;
use crate::format::json;
use crate::message::Limits;

use super::super::{End, input, output};

pub(super) fn run(files: &[PathBuf]) -> Result<End, End> {
    let limits = Limits::default();
    let formats = Formats::new().ok_or_else(|| output::misuse("the formats of JSON Schema cannot be told", None))?;
    let mut seen = Seen::default();
    let mut bodies = Vec::new();
    for file in files {
        let body = input::document(file, &limits)?;
        if body.trim_ascii_start().starts_with(b"<") {
            let message = format!("`{}` is XML, and a JSON Schema says nothing of XML", input::shown(file));
            return Err(output::misuse(&message, Some("name JSON documents")));
        }
        let document = json::read(&body, &limits).map_err(|violation| output::violations(file, &violation.into()))?;
        seen.add(&document, &formats);
        bodies.push((file, body));
    }
    let schema = json::pretty(&seen.schema());
    // A proposal that refuses what it was made from would be worse than none.
    let source = SourceFile::new("inferred.json", schema.clone());
    let registry = Registry::new(Files::from([(Arc::from("inferred.json"), source)]));
    let contract = registry.resolve("inferred").map_err(|error| {
        output::diagnostics(&error.diagnostics);
        output::misuse("no schema could be proposed", None)
    })?;
    for (file, body) in &bodies {
        contract.read(body, &limits).map_err(|violations| output::violations(file, &violations))?;
    }
    Ok(output::line(schema.as_bytes()))
}
