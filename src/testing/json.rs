//! JSON as it stands in a YAML file: a value whose numbers keep their digits.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::config::tree::Raw;
use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{Diagnostic, SourceFile, codes};
use crate::message::{Members, Number, Text, Value};

/// Any value of JSON.
#[derive(Debug)]
pub struct Json(Raw);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Raw::deserialize(deserializer).map(Self)
    }
}

impl JsonSchema for Json {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Json".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!(true)
    }
}

/// The value that is written in a file.
///
/// # Errors
/// A number that JSON does not know, as `007` or `0x1F`.
pub(super) fn value(file: &SourceFile, written: &Spanned<Json>) -> Result<Value, Diagnostic> {
    convert(file, &written.value.0, &written.span)
}

/// Nesting is bounded by the reader of YAML.
fn convert(file: &SourceFile, raw: &Raw, span: &std::ops::Range<usize>) -> Result<Value, Diagnostic> {
    let inner = |item: &Spanned<Raw>| convert(file, &item.value, &item.span);
    Ok(match raw {
        Raw::Null => Value::Null,
        Raw::Bool(value) => Value::Bool(*value),
        Raw::Int(_) | Raw::Float(_) => match number(file, span) {
            Some(number) => Value::Number(number),
            None => {
                let written = file.text.get(span.clone()).unwrap_or_default();
                let message = format!("`{written}` is not a number of JSON");
                let hint =
                    format!("write `\"{written}\"` if it is text, else the number without leading zeros or signs");
                return Err(Diagnostic::error(codes::VALUE_INVALID, file, span.clone(), message).hint(hint));
            }
        },
        // What is too long for the reader of YAML comes as text, and stands without quotes.
        Raw::Text(text) => match number(file, span).filter(|number| number.to_text() == *text) {
            Some(number) => Value::Number(number),
            None => Value::String(Text::from(text.as_str())),
        },
        Raw::List(items) => Value::array(items.iter().map(inner).collect::<Result<_, _>>()?),
        Raw::Map(entries) => {
            let mut members = Members::with_capacity(entries.len());
            for (key, item) in entries {
                members.append(Text::from(key.value.as_str()), inner(item)?);
            }
            Value::object(members)
        }
    })
}

/// The digits as they stand in the file.
fn number(file: &SourceFile, span: &std::ops::Range<usize>) -> Option<Number> {
    file.text.get(span.clone()).and_then(|written| Number::parse(written.trim()))
}
