//! The engine's words about a schema, with the place and the hint that they lack.

use std::ops::Range;

use crate::diagnostic::{Diagnostic, SourceFile, codes, did_you_mean};

/// How the engine writes the namespace of XML Schema.
const SCHEMA_NAMESPACE: &str = "{http://www.w3.org/2001/XMLSchema}";

/// The built-in types of XML Schema 1.0 (Part 2, section 3).
const TYPES: [&str; 46] = [
    "anyType",
    "anySimpleType",
    "string",
    "boolean",
    "decimal",
    "float",
    "double",
    "duration",
    "dateTime",
    "time",
    "date",
    "gYearMonth",
    "gYear",
    "gMonthDay",
    "gDay",
    "gMonth",
    "hexBinary",
    "base64Binary",
    "anyURI",
    "QName",
    "NOTATION",
    "normalizedString",
    "token",
    "language",
    "NMTOKEN",
    "NMTOKENS",
    "Name",
    "NCName",
    "ID",
    "IDREF",
    "IDREFS",
    "ENTITY",
    "ENTITIES",
    "integer",
    "nonPositiveInteger",
    "negativeInteger",
    "long",
    "int",
    "short",
    "byte",
    "nonNegativeInteger",
    "unsignedLong",
    "unsignedInt",
    "unsignedShort",
    "unsignedByte",
    "positiveInteger",
];

/// A diagnostic of the engine's words; `span` is the element in which the mistake is.
pub(super) fn explained(code: &'static str, file: &SourceFile, span: Range<usize>, words: &str) -> Diagnostic {
    let message = words.replace(SCHEMA_NAMESPACE, "xs:");
    let Some(name) = named(words) else {
        let hint = match code {
            codes::CONTRACT_SYNTAX => "correct the XML here",
            codes::CONTRACT_REFERENCE => "name a file below `schemas/`, relative to this file",
            _ if message.ends_with(']') => "correct it as XML Schema 1.0 asks; the rule's name stands in brackets",
            _ => "correct it as XML Schema 1.0 asks",
        };
        return Diagnostic::error(code, file, span, message).hint(hint);
    };
    let local = name.rsplit(['}', ':']).next().unwrap_or(name);
    let diagnostic = Diagnostic::error(code, file, attribute(file, span, local), message);
    let declared = || file.text.split("name=\"").skip(1).filter_map(|after| after.split('"').next());
    let meant = match name.starts_with(SCHEMA_NAMESPACE) {
        true => did_you_mean(local, TYPES),
        false => did_you_mean(local, declared()),
    };
    match meant.filter(|meant| *meant != local) {
        Some(meant) => diagnostic.hint(format!("did you mean `{meant}`?")),
        None => diagnostic.hint("declare it, or check its prefix and that its file is included or imported"),
    }
}

/// The name that the words quote as one that does not resolve: `'{namespace}local'`.
fn named(words: &str) -> Option<&str> {
    let missing = ["not found", "not declared", "unresolved", "cannot be resolved"];
    if !missing.iter().any(|phrase| words.contains(phrase)) {
        return None;
    }
    let quote = words.find(['\'', '`'])?;
    let after = words.get(quote + 1..)?;
    after.split(['\'', '`']).next().filter(|name| !name.is_empty())
}

/// The attribute's value that ends in this name, within an element; else the element.
fn attribute(file: &SourceFile, element: Range<usize>, local: &str) -> Range<usize> {
    let tag = file.text.get(element.clone()).unwrap_or_default();
    let ends = |value: &&str| value.rsplit(':').next() == Some(local);
    let values = tag.split(['"', '\'']).skip(1).step_by(2);
    match values.filter(ends).last().map(|value| (value, value.as_ptr() as usize - tag.as_ptr() as usize)) {
        Some((value, at)) => element.start + at..element.start + at + value.len(),
        None => element,
    }
}
