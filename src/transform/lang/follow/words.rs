//! How findings name things.

use super::scalars::{Numbers, Which};
use super::shape::Shape;
use crate::contract::Outline;
use crate::diagnostic::did_you_mean;
use crate::message::Value;

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

/// The types, or the texts or numbers where there are no other values.
pub(super) fn values(shape: &Shape) -> String {
    let shown = |mut all: Vec<String>| {
        if all.len() > MAX_NAMES {
            all.truncate(MAX_NAMES);
            all.push("…".to_owned());
        }
        all.join(", ")
    };
    match (&shape.text, &shape.number, shape.types().len()) {
        (Some(Which::OneOf(texts)), None, 1) => shown(texts.keys().map(|text| format!("\"{text}\"")).collect()),
        (None, Some(Numbers { which: Which::OneOf(all), .. }), 1) => {
            shown(all.keys().map(ToString::to_string).collect())
        }
        (None, Some(numbers), 1) if !numbers.broken => "an integer".to_owned(),
        _ => types(shape),
    }
}

/// What keywords say of texts and numbers, where those that are known are of the right type: ` of at most 3 characters`.
pub(super) fn rules(made: &Shape, wanted: &Shape) -> String {
    let rules = match (&made.text, &wanted.text, &made.number, &wanted.number) {
        (Some(Which::OneOf(_)), Some(Which::Ruled(rules)), ..) => rules,
        (.., Some(Numbers { which: Which::OneOf(_), .. }), Some(Numbers { which: Which::Ruled(rules), .. })) => rules,
        _ => return String::new(),
    };
    let members = |rules: &Value| match rules {
        Value::Object(members) => {
            let translated = members.get(Outline::PATTERN).is_some();
            let told = members.iter().filter(|(key, _)| !translated || key.as_str() != "pattern");
            told.map(|(key, value)| (key.clone(), value.clone())).collect()
        }
        _ => Vec::new(),
    };
    let said = rules.iter().flat_map(members);
    let said = said.filter_map(|(keyword, value)| {
        let shown = match value {
            Value::String(text) => text.to_string(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        Some(match keyword.as_str() {
            "pattern" | Outline::PATTERN => format!("that matches `{shown}`"),
            "minLength" => format!("of at least {shown} characters"),
            "maxLength" => format!("of at most {shown} characters"),
            "format" => format!("of the format `{shown}`"),
            "minimum" => format!("from {shown} on"),
            "maximum" => format!("up to {shown}"),
            "exclusiveMinimum" => format!("above {shown}"),
            "exclusiveMaximum" => format!("below {shown}"),
            _ => format!("that is a multiple of {shown}"),
        })
    });
    format!(" {}", said.collect::<Vec<_>>().join(" and "))
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
