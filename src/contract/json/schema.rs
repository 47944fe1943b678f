//! A compiled JSON Schema, whole or from a pointer on.

use std::fmt;
use std::sync::Arc;

use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::{PatternOptions, Retrieve, Uri, ValidationError, Validator};
use serde_json::{Value as Json, json};

use super::exact::{KEYWORDS, keyword};
use super::lint::lint;
use super::message::message;
use super::node::Document;
use super::refs::start;
use super::source::{SCHEME, Source, Sources};
use crate::contract::Outline;
use crate::contract::xsd::to_location;
use crate::diagnostic::{Diagnostic, Severity, codes, did_you_mean};
use crate::format::json::pointer;
use crate::message::{MAX_VIOLATIONS, Value, Violation};

/// A compiled JSON Schema. Any number of threads may validate with it at once.
pub struct JsonSchema {
    validator: Validator<Document>,
    sources: Arc<Sources>,
    /// The file.
    path: String,
    /// The pointer into it.
    at: String,
}

impl JsonSchema {
    /// Compiles the schema of a file, or the one at a pointer into it. The file must have passed [`diagnose`].
    pub(crate) fn compile(sources: &Arc<Sources>, source: &Source, path: &str, at: &str) -> Result<Self, Diagnostic> {
        let location = format!("{}#{}", sources.uri_of(path), encoded(at));
        let mut schema = json!({ "$ref": location });
        if let (Some(draft), Some(schema)) = (source.json.get("$schema"), schema.as_object_mut()) {
            schema.insert("$schema".to_owned(), draft.clone());
        }
        let mut options = jsonschema::options_for::<Document>()
            .with_base_uri(SCHEME)
            .with_retriever(FromSources(Arc::clone(sources)))
            .with_pattern_options(PatternOptions::regex())
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false);
        for name in KEYWORDS {
            options = options.with_keyword(name, keyword(name));
        }
        let validator = options.build(&schema).map_err(|error| of_error(sources, source, &error))?;
        Ok(Self { validator, sources: Arc::clone(sources), path: path.to_owned(), at: at.to_owned() })
    }

    /// All schema files, and where this schema stands in them.
    pub(crate) fn place(&self) -> (&Sources, &str, &str) {
        (&self.sources, &self.path, &self.at)
    }

    /// The schema, to be read.
    pub(crate) fn outline(&self) -> Option<Outline> {
        start(self).map(|at| Outline::in_files(&self.sources, &at))
    }

    /// What is wrong in a document: the first violations, without places in the text.
    pub(crate) fn validate(&self, value: &Value) -> Vec<Violation> {
        if self.validator.is_valid(value) {
            return Vec::new();
        }
        let errors = self.validator.iter_errors(value).take(MAX_VIOLATIONS);
        errors.map(|error| self.violation(value, &error)).collect()
    }

    fn violation(&self, document: &Value, error: &ValidationError<'_>) -> Violation {
        let path = error.instance_path().as_str();
        let value = pointer::resolve(document, path).unwrap_or(document);
        let location = error.absolute_keyword_location().and_then(|uri| {
            let (file, at) = uri.as_str().split_once('#')?;
            Some((self.sources.of_uri(file)?, at.to_owned()))
        });
        let known = location.as_ref().map(|(file, at)| self.properties(file, at)).unwrap_or_default();
        let rule = error.schema_path().as_str().rsplit('/').next().filter(|rule| KEYWORDS.contains(rule));
        let rule = rule.unwrap_or_else(|| error.kind().keyword());
        let mut violation = Violation::new(rule, path, message(error, &known));
        if !matches!(value, Value::Object(_) | Value::Array(_)) {
            violation = violation.with_value(&shown(value));
        }
        violation.schema_location = location.map(|(file, at)| format!("{file}#{at}"));
        violation
    }

    /// The names of the `properties` beside a keyword.
    fn properties(&self, file: &str, at: &str) -> Vec<String> {
        let parent = at.rsplit_once('/').map(|(parent, _)| format!("{parent}/properties"));
        let Some((parent, Some(Ok(source)))) = parent.map(|parent| (parent, self.sources.get(file))) else {
            return Vec::new();
        };
        match pointer::resolve(&source.value, &parent) {
            Some(Value::Object(members)) => members.keys().map(ToString::to_string).collect(),
            _ => Vec::new(),
        }
    }
}

impl fmt::Debug for JsonSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonSchema").finish_non_exhaustive()
    }
}

/// What is wrong in a schema file and in those that it refers to.
pub(crate) fn diagnose(sources: &Sources, path: &str) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    let mut next = vec![path.to_owned()];
    while let Some(path) = next.pop() {
        if seen.contains(&path) {
            continue;
        }
        match sources.get(&path) {
            Some(Ok(source)) => {
                let findings = lint(sources, &path, source);
                next.extend(findings.files);
                found.extend(findings.diagnostics);
                match jsonschema::meta::validate(&source.json) {
                    Ok(()) => {}
                    // Of an unknown draft: the lint has said so.
                    Err(error) if matches!(error.kind(), Kind::Referencing(_)) && is_fatal(&found) => {}
                    Err(error) => found.push(of_meta(source, &error)),
                }
            }
            Some(Err(diagnostic)) => found.push(diagnostic.clone()),
            None => {}
        }
        seen.push(path);
    }
    found
}

/// Whether a file cannot be used.
pub(crate) fn is_fatal(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|one| one.severity == Severity::Error)
}

/// A schema is not what its meta-schema says.
fn of_meta(source: &Source, error: &ValidationError<'_>) -> Diagnostic {
    let at = error.instance_path().as_str();
    let words = reason(error);
    let message = match at.rsplit('/').next() {
        Some(key) if !key.is_empty() => format!("`{key}` is not valid in JSON Schema: {words}"),
        _ => format!("the file is no valid JSON Schema: {words}"),
    };
    let diagnostic = Diagnostic::error(codes::CONTRACT_INVALID, &source.file, source.span(at), message);
    match meant(error) {
        Some(meant) => diagnostic.hint(format!("did you mean `{meant}`?")),
        None => diagnostic.hint("correct it, or write it as `$comment` if it is a note"),
    }
}

/// The allowed word that is most like the given one.
fn meant(error: &ValidationError<'_>) -> Option<String> {
    let given = error.instance().as_str()?;
    match error.kind() {
        Kind::Enum { options } => {
            did_you_mean(given, options.as_array()?.iter().filter_map(Json::as_str)).map(str::to_owned)
        }
        Kind::AnyOf { context } => context.iter().flatten().find_map(meant),
        _ => None,
    }
}

const CORRECT: &str = "correct this keyword, or take it out";

/// The engine cannot compile a schema: an unknown format, a pattern that its linear engine does not have, …
fn of_error(sources: &Sources, source: &Source, error: &ValidationError<'_>) -> Diagnostic {
    let location = error.absolute_keyword_location().and_then(|uri| {
        let (file, at) = uri.as_str().split_once('#')?;
        let Some(Ok(source)) = sources.get(sources.of_uri(file)?) else { return None };
        Some((Arc::clone(source), at.to_owned()))
    });
    let place = |source: &Source, at: &str| {
        let (file, span) = (&source.file, source.span(at));
        let Json::String(given) = &**error.instance() else {
            return Diagnostic::error(codes::CONTRACT_INVALID, file, span, reason(error)).hint(CORRECT);
        };
        if error.to_string().starts_with("Unknown format") {
            let message = format!("JSON Schema has no format `{given}`");
            let diagnostic = Diagnostic::error(codes::CONTRACT_INVALID, file, span, message);
            return match did_you_mean(given, FORMATS) {
                Some(meant) => diagnostic.hint(format!("did you mean `{meant}`?")),
                None => diagnostic.hint(format!("the formats are {}", FORMATS.join(", "))),
            };
        }
        Diagnostic::error(codes::CONTRACT_INVALID, file, span, reason(error)).hint(CORRECT)
    };
    match location {
        Some((source, at)) => place(&source, &at),
        None => place(source, error.schema_path().as_str()),
    }
}

/// The formats that are checked.
const FORMATS: [&str; 18] = [
    "date",
    "date-time",
    "duration",
    "email",
    "hostname",
    "idn-email",
    "ipv4",
    "ipv6",
    "iri",
    "iri-reference",
    "json-pointer",
    "regex",
    "relative-json-pointer",
    "time",
    "uri",
    "uri-reference",
    "uri-template",
    "uuid",
];

/// Why a schema is refused, in words for its author.
fn reason(error: &ValidationError<'_>) -> String {
    match error.kind() {
        Kind::Format { format } if format == "regex" => {
            let pattern = error.instance().as_str().unwrap_or_default();
            format!(
                "`{pattern}` is no regular expression that runs in linear time (no look-around, no back-references)"
            )
        }
        Kind::AnyOf { context } => match context.iter().flatten().next() {
            Some(first) => reason(first),
            None => message(error, &[]),
        },
        Kind::Referencing(error) => error.to_string().replace(SCHEME, ""),
        Kind::Custom { message, .. } => message.clone(),
        _ => message(error, &[]),
    }
}

/// A scalar as it stands in the document, without quotes.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| crate::format::json::compact(value), ToOwned::to_owned)
}

/// A JSON Pointer as a fragment of a URI.
fn encoded(pointer: &str) -> String {
    to_location(pointer).trim_start_matches(SCHEME).to_owned()
}

/// Gives the engine the parsed files and nothing else.
struct FromSources(Arc<Sources>);

impl Retrieve for FromSources {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Json, Box<dyn std::error::Error + Send + Sync>> {
        let path = self.0.of_uri(uri.as_str());
        match path.and_then(|path| self.0.get(path)) {
            Some(Ok(source)) => Ok(source.json.clone()),
            Some(Err(diagnostic)) => Err(diagnostic.message.clone().into()),
            None => Err(format!("`{uri}` is not a file below `schemas/`").into()),
        }
    }
}
