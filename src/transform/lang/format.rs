//! Values as text: JSON, and the encodings of `@name`.

use std::collections::BTreeMap;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::node::Format;
use super::ops;
use super::run::Run;
use super::stop::{Flow, fail, limit};
use crate::message::{Text, Value};

/// Levels of a value that is written as text.
const MAX_DEPTH: usize = 600;

/// The encoding of a name without `@`.
pub(super) fn named(name: &str) -> Option<Format> {
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
}

/// Every encoding.
pub(super) const NAMES: &[(&str, Format)] = &[
    ("text", Format::Text),
    ("json", Format::Json),
    ("csv", Format::Csv),
    ("tsv", Format::Tsv),
    ("html", Format::Html),
    ("uri", Format::Uri),
    ("urid", Format::Urid),
    ("sh", Format::Sh),
    ("base64", Format::Base64),
    ("base64d", Format::Base64d),
];

/// A value in an encoding.
pub(super) fn encode(run: &Run<'_>, format: Format, value: &Value) -> Flow<Text> {
    if let (Format::Text, Value::String(text)) = (format, value) {
        return Ok(text.clone());
    }
    let text = match format {
        Format::Text | Format::Json => plain(value, format == Format::Json)?,
        Format::Csv => row(value, ",", |text| format!("\"{}\"", text.replace('"', "\"\"")))?,
        Format::Tsv => row(value, "\t", |text| {
            text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
        })?,
        Format::Html => escaped(&plain(value, false)?, |c| match c {
            '<' => Some("&lt;"),
            '>' => Some("&gt;"),
            '&' => Some("&amp;"),
            '\'' => Some("&#39;"),
            '"' => Some("&quot;"),
            _ => None,
        }),
        Format::Uri => {
            let mut text = String::new();
            for byte in plain(value, false)?.bytes() {
                if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                    text.push(char::from(byte));
                } else {
                    let _ = write!(text, "%{byte:02X}");
                }
            }
            text
        }
        Format::Urid => decode_uri(&plain(value, false)?)?,
        Format::Sh => shell(value)?,
        Format::Base64 => STANDARD.encode(plain(value, false)?),
        Format::Base64d => {
            let text = plain(value, false)?;
            let bytes = STANDARD_NO_PAD.decode(text.trim_end_matches('='));
            let bytes = bytes.map_err(|_| fail("the string is not base64"))?;
            String::from_utf8(bytes).map_err(|_| fail("the decoded bytes are not UTF-8"))?
        }
    };
    run.charge_text(text.len(), text.len())?;
    Ok(Text::from(text))
}

/// A string as it stands, anything else as JSON.
fn plain(value: &Value, quoted: bool) -> Flow<String> {
    match value {
        Value::String(text) if !quoted => Ok(text.as_str().to_owned()),
        other => {
            let mut text = String::new();
            write_json(other, &mut text, 0)?;
            Ok(text)
        }
    }
}

fn escaped(text: &str, escape: impl Fn(char) -> Option<&'static str>) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match escape(c) {
            Some(escape) => out.push_str(escape),
            None => out.push(c),
        }
    }
    out
}

fn row(value: &Value, separator: &str, string: impl Fn(&str) -> String) -> Flow<String> {
    let Value::Array(items) = value else {
        return Err(fail(format!("a row is an array, not {}", ops::described(value))));
    };
    let cell = |item: &Value| match item {
        Value::Null => Ok(String::new()),
        Value::Bool(_) | Value::Number(_) => plain(item, false),
        Value::String(text) => Ok(string(text)),
        other => Err(fail(format!("{} does not fit a cell of a row", ops::described(other)))),
    };
    Ok(items.iter().map(cell).collect::<Flow<Vec<_>>>()?.join(separator))
}

fn shell(value: &Value) -> Flow<String> {
    let word = |value: &Value| match value {
        Value::String(text) => Ok(format!("'{}'", text.replace('\'', "'\\''"))),
        Value::Array(_) | Value::Object(_) => Err(fail(format!("{} is not a word of a shell", ops::described(value)))),
        other => plain(other, false),
    };
    match value {
        Value::Array(items) => Ok(items.iter().map(word).collect::<Flow<Vec<_>>>()?.join(" ")),
        other => word(other),
    }
}

fn decode_uri(text: &str) -> Flow<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        let hex = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (byte, tail) {
            (b'%', [high, low, after @ ..]) if hex(high).is_some() && hex(low).is_some() => {
                bytes.push(hex(high).unwrap_or(0) * 16 + hex(low).unwrap_or(0));
                rest = after;
            }
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| fail("the decoded bytes are not UTF-8"))
}

/// Compact JSON, keys in their order, numbers as written.
fn write_json(value: &Value, out: &mut String, depth: usize) -> Flow {
    if depth > MAX_DEPTH {
        return Err(limit(format!("a value of more than {MAX_DEPTH} levels cannot be written")));
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) => drop(write!(out, "{number}")),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_json(item, out, depth + 1)?;
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (at, (key, item)) in members.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write_json(item, out, depth + 1)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' || c == '\u{7f}' => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Whether a value has more levels than this.
pub(super) fn deeper_than(value: &Value, levels: usize) -> bool {
    let Some(inner) = levels.checked_sub(1) else { return true };
    let deeper = |item: &Value| match item {
        Value::Array(_) | Value::Object(_) => deeper_than(item, inner),
        _ => inner == 0,
    };
    match value {
        Value::Array(items) => items.iter().any(deeper),
        Value::Object(members) => members.values().any(deeper),
        _ => false,
    }
}

/// What a table says for a key.
pub(super) fn lookup<'t>(name: &str, table: &'t BTreeMap<Text, Value>, key: &Value) -> Flow<&'t Value> {
    let found = match key {
        Value::String(text) => table.get(text.as_str()),
        Value::Bool(_) | Value::Number(_) => table.get(plain(key, false)?.as_str()),
        other => return Err(fail(format!("the key of table `{name}` is a string, not {}", ops::described(other)))),
    };
    found.ok_or_else(|| fail(format!("table `{name}` has no key {}", ops::key_name(key))))
}

/// A value for a message: JSON, shortened.
pub(super) fn shown(value: &Value) -> String {
    let mut text = String::new();
    if write_json(value, &mut text, 0).is_err() {
        return value.type_name().to_owned();
    }
    let mut short: String = text.chars().take(200).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
