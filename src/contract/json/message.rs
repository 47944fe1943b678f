//! What the engine reports, in plain words.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::Value as Json;

use crate::diagnostic::did_you_mean;

/// What is wrong, in one sentence, without the value itself: the violation carries it.
pub(crate) fn message(error: &ValidationError<'_>, known: &[String]) -> String {
    match error.kind() {
        Kind::Custom { message, .. } => message.clone(),
        Kind::Required { property } => format!("the member {} is missing", name(property)),
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            unexpected_members(unexpected, known)
        }
        Kind::Type { kind } => format!("{} is not {}", type_of(error.instance()), types(kind)),
        Kind::Enum { options } => match options.as_array().map(Vec::as_slice) {
            Some(options) if options.len() <= 12 => {
                let options: Vec<String> = options.iter().map(name).collect();
                format!("the value is none of {}", options.join(", "))
            }
            _ => "the value is none of the allowed ones".to_owned(),
        },
        Kind::Constant { expected_value } => format!("the value is not {}", name(expected_value)),
        Kind::Format { format } => format!("the string is no `{format}`"),
        Kind::Pattern { pattern } => format!("the string does not match `{pattern}`"),
        Kind::MinLength { limit } => format!("the string is shorter than {limit}"),
        Kind::MaxLength { limit } => format!("the string is longer than {limit}"),
        Kind::MinItems { limit } => format!("the array has fewer items than {limit}"),
        Kind::MaxItems { limit } => format!("the array has more items than {limit}"),
        Kind::AdditionalItems { limit } => format!("the array has more items than {limit}"),
        Kind::MinProperties { limit } => format!("the object has fewer members than {limit}"),
        Kind::MaxProperties { limit } => format!("the object has more members than {limit}"),
        Kind::UniqueItems => "two items of the array are equal".to_owned(),
        Kind::Contains => "no item of the array is what `contains` asks for".to_owned(),
        Kind::FalseSchema => "nothing is allowed here".to_owned(),
        Kind::Not { .. } => "the value is what `not` excludes".to_owned(),
        Kind::OneOfMultipleValid { .. } => "the value fits more than one alternative of `oneOf`".to_owned(),
        Kind::AnyOf { context } => alternatives("anyOf", context),
        Kind::OneOfNotValid { context } => alternatives("oneOf", context),
        Kind::PropertyNames { error } => format!("a member's name is not allowed: {}", message(error, known)),
        _ => error.masked_with("the value").to_string(),
    }
}

/// The members that are too many, with what may have been meant.
fn unexpected_members(unexpected: &[String], known: &[String]) -> String {
    let names: Vec<String> = unexpected.iter().take(5).map(|name| format!("`{name}`")).collect();
    let more = if unexpected.len() > names.len() { ", …" } else { "" };
    let meant = match unexpected {
        [one] => did_you_mean(one, known.iter().map(String::as_str).filter(|known| known != one)),
        _ => None,
    };
    let (members, are) = if unexpected.len() == 1 { ("member", "is") } else { ("members", "are") };
    let hint = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
    format!("the {members} {}{more} {are} not allowed{hint}", names.join(", "))
}

/// None of the alternatives fits: tells of the one that came nearest, by how deep into the value its first error is.
fn alternatives(keyword: &str, context: &[Vec<ValidationError<'static>>]) -> String {
    let depth = |errors: &[ValidationError<'_>]| {
        errors.iter().map(|error| error.instance_path().as_str().matches('/').count()).min().unwrap_or_default()
    };
    let ranked = context.iter().enumerate().filter(|(_, errors)| !errors.is_empty());
    let nearest = ranked
        .max_by_key(|(index, errors)| (depth(errors), std::cmp::Reverse(errors.len()), std::cmp::Reverse(*index)));
    let base = format!("the value fits none of the {} alternatives of `{keyword}`", context.len());
    match nearest.and_then(|(index, errors)| Some((index, errors.first()?))) {
        Some((index, first)) => {
            let path = first.instance_path().as_str();
            let place = if path.is_empty() { String::new() } else { format!("{path}: ") };
            format!("{base}; nearest is number {}: {place}{}", index + 1, message(first, &[]))
        }
        None => base,
    }
}

fn name(value: &Json) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    format!("`{text}`")
}

fn type_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}

fn types(kind: &TypeKind) -> String {
    let article = |name: String| match name.as_str() {
        "null" => name,
        "integer" | "array" | "object" => format!("an {name}"),
        _ => format!("a {name}"),
    };
    match kind {
        TypeKind::Single(one) => article(one.to_string()),
        TypeKind::Multiple(many) => {
            let names: Vec<String> = many.iter().map(|one| article(one.to_string())).collect();
            names.join(" or ")
        }
    }
}
