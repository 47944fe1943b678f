//! Writers: compact for the wire, indented for people. Numbers leave as they were written.

use std::io::Write as _;

use super::lexer::special;
use crate::message::{Limits, Number, Value, Violation};

/// Writes a body without white space.
///
/// # Errors
/// Rule `limit-output` if it would be longer than the limits allow.
pub fn write(value: &Value, limits: &Limits) -> Result<Vec<u8>, Violation> {
    let mut writer = Writer { out: Vec::with_capacity(1024), indent: None, limit: limits.output_bytes };
    writer.value(value).map_err(|TooLong| {
        let message = format!("the document would have more than {} bytes", limits.output_bytes);
        Violation::new("limit-output", "", message)
    })?;
    Ok(writer.out)
}

/// The compact text of a value that is known to be small: for messages and tests.
pub fn compact(value: &Value) -> String {
    unlimited(value, None)
}

/// Indented text for people, without a line break at its end.
pub fn pretty(value: &Value) -> String {
    unlimited(value, Some(2))
}

fn unlimited(value: &Value, indent: Option<usize>) -> String {
    let mut writer = Writer { out: Vec::new(), indent, limit: usize::MAX };
    // Without a limit there is nothing to refuse.
    let _ = writer.value(value);
    String::from_utf8(writer.out).unwrap_or_default()
}

/// The output would pass the limit.
struct TooLong;

/// A container that is being written.
enum Open<'a> {
    Array(std::slice::Iter<'a, Value>),
    Object(crate::message::MembersIter<'a>),
}

struct Writer {
    out: Vec<u8>,
    indent: Option<usize>,
    limit: usize,
}

impl Writer {
    fn value(&mut self, root: &Value) -> Result<(), TooLong> {
        let mut stack: Vec<Open<'_>> = Vec::with_capacity(8);
        let mut value = root;
        loop {
            let opened = match value {
                Value::Array(items) if !items.is_empty() => {
                    self.out.push(b'[');
                    stack.push(Open::Array(items.iter()));
                    true
                }
                Value::Object(members) if !members.is_empty() => {
                    self.out.push(b'{');
                    stack.push(Open::Object(members.iter()));
                    true
                }
                scalar => {
                    self.scalar(scalar);
                    false
                }
            };
            if self.out.len() > self.limit {
                return Err(TooLong);
            }
            let mut is_first = opened;
            value = loop {
                let depth = stack.len();
                let Some(open) = stack.last_mut() else { return Ok(()) };
                let (item, close) = match open {
                    Open::Array(items) => (items.next().map(|item| (None, item)), b']'),
                    Open::Object(members) => (members.next().map(|(key, item)| (Some(key), item)), b'}'),
                };
                let Some((key, item)) = item else {
                    stack.pop();
                    self.line_break(depth - 1);
                    self.out.push(close);
                    is_first = false;
                    continue;
                };
                if !is_first {
                    self.out.push(b',');
                }
                self.line_break(depth);
                if let Some(key) = key {
                    self.string(key);
                    self.out.extend_from_slice(if self.indent.is_some() { b": " } else { b":" });
                }
                break item;
            };
        }
    }

    /// Begins a line inside containers of this number, where lines are wanted.
    fn line_break(&mut self, depth: usize) {
        if let Some(indent) = self.indent {
            self.out.push(b'\n');
            self.out.extend(std::iter::repeat_n(b' ', indent * depth));
        }
    }

    fn scalar(&mut self, value: &Value) {
        match value {
            Value::Null => self.out.extend_from_slice(b"null"),
            Value::Bool(true) => self.out.extend_from_slice(b"true"),
            Value::Bool(false) => self.out.extend_from_slice(b"false"),
            Value::Number(number) => self.number(number),
            Value::String(text) => self.string(text),
            Value::Array(_) => self.out.extend_from_slice(b"[]"),
            Value::Object(_) => self.out.extend_from_slice(b"{}"),
        }
    }

    fn number(&mut self, number: &Number) {
        self.out.extend_from_slice(number.to_text().as_bytes());
    }

    fn string(&mut self, text: &str) {
        self.out.push(b'"');
        let mut rest = text.as_bytes();
        while let Some(at) = special(rest) {
            let (plain, special) = rest.split_at(at);
            self.out.extend_from_slice(plain);
            if let Some((byte, after)) = special.split_first() {
                self.escape(*byte);
                rest = after;
            }
        }
        self.out.extend_from_slice(rest);
        self.out.push(b'"');
    }

    fn escape(&mut self, byte: u8) {
        match byte {
            b'"' => self.out.extend_from_slice(b"\\\""),
            b'\\' => self.out.extend_from_slice(b"\\\\"),
            b'\n' => self.out.extend_from_slice(b"\\n"),
            b'\r' => self.out.extend_from_slice(b"\\r"),
            b'\t' => self.out.extend_from_slice(b"\\t"),
            other => {
                // Writing to memory does not fail.
                let _ = write!(self.out, "\\u{other:04x}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn writes_what_was_read() {
        let text = r#"{"a":[1.10,{"b":[]},{}],"c":"\"\\\n\u0001é","d":null,"e":[[true],false]}"#;
        let value = read(text.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(compact(&value), text);
        assert_eq!(read(pretty(&value).as_bytes(), &Limits::default()).unwrap(), value);
        let limits = Limits { output_bytes: 10, ..Limits::default() };
        assert_eq!(write(&value, &limits).unwrap_err().rule, "limit-output");
    }

    #[test]
    fn indents_for_people() {
        let value = read(br#"{"a":[1,{}],"b":2}"#, &Limits::default()).unwrap();
        assert_eq!(pretty(&value), "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": 2\n}");
    }
}
