//! How findings name things.

use super::shape::{Shape, Texts};
use crate::diagnostic::did_you_mean;

/// Names that a hint lists.
const MAX_NAMES: usize = 8;

/// `a string or null`
pub(super) fn types(shape: &Shape) -> String {
    let named = |name: &'static str| match name {
        "null" => "null",
        "boolean" => "a boolean",
        "number" => "a number",
        "string" => "a string",
        "array" => "an array",
        _ => "an object",
    };
    let all = shape.types();
    if all.len() > 4 {
        return "anything".to_owned();
    }
    all.into_iter().map(named).collect::<Vec<_>>().join(" or ")
}

/// The types, or the texts where there are no other values.
pub(super) fn values(shape: &Shape) -> String {
    match (&shape.text, shape.types().len()) {
        (Some(Texts::OneOf(texts)), 1) => {
            let mut shown: Vec<String> = texts.keys().take(MAX_NAMES).map(|text| format!("\"{text}\"")).collect();
            shown.extend(texts.keys().nth(MAX_NAMES).map(|_| "…".to_owned()));
            shown.join(", ")
        }
        (None, 1) if shape.number.is_some_and(|numbers| !numbers.broken) => "an integer".to_owned(),
        _ => types(shape),
    }
}

/// The name that may be meant, or all of them.
pub(super) fn meant<'n, N: Iterator<Item = &'n str>>(name: &str, known: impl Fn() -> N, begin: &str) -> String {
    match did_you_mean(name, known()) {
        Some(similar) => format!("did you mean `{similar}`?"),
        None => names(begin, known()),
    }
}

/// `there is a, b, …`
pub(super) fn names<'n>(begin: &str, known: impl Iterator<Item = &'n str>) -> String {
    // Every type of an XSD has it.
    let known = known.filter(|name| *name != "@xsi:type");
    let mut known: Vec<String> = known.take(MAX_NAMES + 1).map(|name| format!("`{name}`")).collect();
    if known.len() > MAX_NAMES {
        known.truncate(MAX_NAMES);
        known.push("…".to_owned());
    }
    if known.is_empty() { format!("{begin} nothing") } else { format!("{begin} {}", known.join(", ")) }
}

/// A path as jq writes it, one step longer.
pub(super) fn longer(path: &str, key: &str) -> String {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match plain && !key.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("{path}.{key}"),
        false => format!("{path}[\"{key}\"]"),
    }
}
