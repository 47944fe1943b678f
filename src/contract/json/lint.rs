//! What is wrong in a schema file that the engine accepts or cannot place: misspelt keywords, references that lead
//! nowhere, numbers that it cannot hold.

use serde_json::Value as Json;

use super::node::to_serde_number;
use super::source::{Base, Source, Sources};
use crate::contract::xsd::from_location;
use crate::diagnostic::{Diagnostic, codes, did_you_mean};
use crate::format::json::pointer;
use crate::message::{Number, Value};

/// Keywords whose value is one schema.
const ONE: [&str; 12] = [
    "additionalItems",
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];
/// Keywords whose value is an array of schemas (`items` in older drafts).
const MANY: [&str; 5] = ["allOf", "anyOf", "items", "oneOf", "prefixItems"];
/// Keywords whose value is an object of schemas.
const NAMED: [&str; 6] =
    ["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"];
/// Keywords in which no schema stands, of all drafts.
const PLAIN: [&str; 42] = [
    "$anchor",
    "$comment",
    "$dynamicAnchor",
    "$dynamicRef",
    "$id",
    "$recursiveAnchor",
    "$recursiveRef",
    "$ref",
    "$schema",
    "$vocabulary",
    "const",
    "contentEncoding",
    "contentMediaType",
    "default",
    "dependentRequired",
    "deprecated",
    "description",
    "discriminator",
    "enum",
    "example",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "id",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "readOnly",
    "required",
    "title",
    "type",
    "uniqueItems",
];

/// The drafts, without the `#` that older ones end in.
const DRAFTS: [&str; 5] = [
    "http://json-schema.org/draft-04/schema",
    "http://json-schema.org/draft-06/schema",
    "http://json-schema.org/draft-07/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "https://json-schema.org/draft/2020-12/schema",
];

/// What a schema file says besides.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The paths of the files to which it refers.
    pub(crate) files: Vec<String>,
}

/// Looks through a schema file.
pub(crate) fn lint(sources: &Sources, path: &str, source: &Source) -> Findings {
    let mut lint = Lint { sources, source, findings: Findings::default(), base: base(path, &source.json) };
    lint.schema(&source.value, &mut String::new());
    lint.findings
}

pub(super) fn base(path: &str, json: &Json) -> Base {
    let id = json.get("$id").or_else(|| json.get("id")).and_then(Json::as_str).filter(|id| id.contains("://"));
    Base { path: path.to_owned(), id: id.map(ToOwned::to_owned) }
}

struct Lint<'a> {
    sources: &'a Sources,
    source: &'a Source,
    findings: Findings,
    base: Base,
}

impl Lint<'_> {
    /// One schema. The depth is that of the file, which reading it has bounded.
    fn schema(&mut self, schema: &Value, at: &mut String) {
        let Value::Object(members) = schema else { return };
        for (key, value) in members.iter() {
            let length = at.len();
            pointer::push(at, key);
            match key.as_str() {
                "$ref" | "$dynamicRef" | "$recursiveRef" => {
                    if let Some(reference) = value.as_str() {
                        self.reference(reference, at);
                    }
                }
                "$schema" => {
                    if let Some(draft) = value.as_str() {
                        self.draft(draft, at);
                    }
                }
                "const" | "enum" | "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => {
                    self.numbers(value, at);
                }
                key => self.nested(key, value, at),
            }
            at.truncate(length);
        }
    }

    fn nested(&mut self, key: &str, value: &Value, at: &mut String) {
        match value {
            Value::Array(items) if MANY.contains(&key) => {
                for (index, item) in items.iter().enumerate() {
                    let length = at.len();
                    pointer::push(at, &index.to_string());
                    self.schema(item, at);
                    at.truncate(length);
                }
            }
            Value::Object(members) if NAMED.contains(&key) => {
                for (name, member) in members.iter() {
                    let length = at.len();
                    pointer::push(at, name);
                    self.schema(member, at);
                    at.truncate(length);
                }
            }
            value if ONE.contains(&key) => self.schema(value, at),
            _ if PLAIN.contains(&key) || MANY.contains(&key) || NAMED.contains(&key) || key.starts_with("x-") => {}
            _ => self.unknown(key, at),
        }
    }

    fn unknown(&mut self, key: &str, at: &str) {
        let known = || ONE.iter().chain(&MANY).chain(&NAMED).chain(&PLAIN).copied();
        let span = self.source.key_span(at, key);
        let message = format!("JSON Schema has no keyword `{key}`, so it checks nothing");
        let diagnostic = Diagnostic::warning(codes::CONTRACT_KEYWORD, &self.source.file, span, message);
        self.findings.diagnostics.push(match did_you_mean(key, known()) {
            Some(meant) => diagnostic.hint(format!("did you mean `{meant}`?")),
            None => diagnostic.hint("if it is a note, write it as `$comment`, or begin its name with `x-`"),
        });
    }

    /// Bounds and constants must be numbers that the engine holds with every digit.
    fn numbers(&mut self, value: &Value, at: &mut String) {
        match value {
            Value::Number(number) => {
                let held = Number::parse(&to_serde_number(number).to_string());
                if held.as_ref() != Some(number) {
                    let message = format!("the number `{number}` has more digits than the checker can hold exactly");
                    let span = self.source.span(at);
                    self.findings.diagnostics.push(
                        Diagnostic::error(codes::CONTRACT_UNSUPPORTED, &self.source.file, span, message)
                            .hint("write at most 17 significant digits, or an integer below 18446744073709551616"),
                    );
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let length = at.len();
                    pointer::push(at, &index.to_string());
                    self.numbers(item, at);
                    at.truncate(length);
                }
            }
            _ => {}
        }
    }

    fn draft(&mut self, draft: &str, at: &str) {
        if DRAFTS.contains(&draft.trim_end_matches('#')) {
            return;
        }
        let message = format!("`{draft}` is no draft of JSON Schema");
        let diagnostic = Diagnostic::error(codes::CONTRACT_INVALID, &self.source.file, self.source.span(at), message);
        let meant = did_you_mean(draft, DRAFTS).unwrap_or("https://json-schema.org/draft/2020-12/schema");
        self.findings.diagnostics.push(diagnostic.hint(format!("write `{meant}`")));
    }

    fn reference(&mut self, reference: &str, at: &str) {
        let (file, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        if ["http://json-schema.org/", "https://json-schema.org/"].iter().any(|known| file.starts_with(known)) {
            return;
        }
        let error = |message: String| {
            Diagnostic::error(codes::CONTRACT_REFERENCE, &self.source.file, self.source.span(at), message)
        };
        let Some(path) = self.sources.path_of(&self.base, file) else {
            let diagnostic = error(format!("`{file}` is not a file below `schemas/`"));
            let name = file.rsplit('/').next().unwrap_or(file);
            let others = || self.sources.paths().filter(|path| *path != self.base.path);
            let meant = || did_you_mean(name, others().filter_map(|path| path.rsplit('/').next()));
            let known = others().find(|path| path.rsplit('/').next() == Some(name));
            let diagnostic = match (known.or_else(meant), file.contains("://")) {
                (Some(known), _) => diagnostic.hint(format!("did you mean `{known}`?")),
                (None, true) => {
                    diagnostic.hint("nothing is fetched from a network or the disk: put a copy below `schemas/`")
                }
                (None, false) => diagnostic.hint("the path is relative to this file and has its ending `.json`"),
            };
            self.findings.diagnostics.push(diagnostic);
            return;
        };
        // A file that is itself broken is reported by itself.
        let Some(Ok(target)) = self.sources.get(path) else {
            self.findings.files.push(path.to_owned());
            return;
        };
        if fragment.starts_with('/') && pointer::resolve(&target.value, &decoded(fragment)).is_none() {
            let diagnostic = error(format!("`{path}` has nothing at `{fragment}`"));
            let meant = || {
                let (parent, last) = fragment.rsplit_once('/')?;
                let Some(Value::Object(members)) = pointer::resolve(&target.value, parent) else { return None };
                let name = did_you_mean(last, members.keys().map(|key| key.as_str()))?;
                Some(format!("{file}#{parent}/{name}"))
            };
            self.findings.diagnostics.push(match meant() {
                Some(meant) => diagnostic.hint(format!("did you mean `{meant}`?")),
                None => diagnostic,
            });
        }
        let is_anchor = !fragment.is_empty() && !fragment.starts_with('/');
        if is_anchor && !has_anchor(&target.value, fragment) {
            let diagnostic = error(format!("`{path}` has no `$anchor` with the name `{fragment}`"));
            let named = ["$defs", "definitions"]
                .iter()
                .find(|defs| target.value.get(defs).is_some_and(|definitions| definitions.get(fragment).is_some()));
            self.findings.diagnostics.push(match named {
                Some(defs) => diagnostic.hint(format!("write `{file}#/{defs}/{fragment}`")),
                None => diagnostic,
            });
        }
        if path != self.base.path {
            self.findings.files.push(path.to_owned());
        }
    }
}

/// Whether a schema somewhere in this value declares an anchor, in the way of any draft.
fn has_anchor(value: &Value, name: &str) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| has_anchor(item, name)),
        Value::Object(members) => members.iter().any(|(key, value)| match (key.as_str(), value.as_str()) {
            ("$anchor" | "$dynamicAnchor", Some(anchor)) => anchor == name,
            ("$id" | "id", Some(id)) => id.strip_prefix('#') == Some(name),
            _ => has_anchor(value, name),
        }),
        _ => false,
    }
}

/// A fragment of a URI without its percent-encoding.
pub(super) fn decoded(fragment: &str) -> String {
    from_location(&format!("{}{fragment}", super::source::SCHEME)).unwrap_or_else(|| fragment.to_owned())
}
