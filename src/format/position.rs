//! Where a byte of a text stands, for people.

use crate::message::Violation;

/// Line and column, both from 1, of a byte offset; the column counts characters of UTF-8.
pub fn line_column(text: &[u8], offset: usize) -> (u32, u32) {
    let before = text.get(..offset).unwrap_or(text);
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    let is_char_start = |byte: &&u8| **byte & 0b1100_0000 != 0b1000_0000;
    let column = before.get(line_start..).unwrap_or_default().iter().filter(is_char_start).count() + 1;
    (count(line), count(column))
}

/// What a reader stops at: the broken rule and the byte at which it is broken. Path and place are found afterwards,
/// so that a good body pays nothing for them; nor for its size, which every result has room for.
#[derive(Debug)]
pub(crate) struct Refusal(Box<Refused>);

#[derive(Debug)]
struct Refused {
    /// The rule, as `json-duplicate-key`.
    rule: &'static str,
    /// Byte offset of the offender.
    offset: usize,
    /// What is wrong, in one sentence.
    message: String,
    /// The offender itself.
    value: Option<String>,
}

impl Refusal {
    pub(crate) fn new(rule: &'static str, offset: usize, message: impl Into<String>) -> Self {
        Self(Box::new(Refused { rule, offset, message: message.into(), value: None }))
    }

    /// Adds the offender itself.
    #[must_use]
    pub(crate) fn of(mut self, value: impl Into<String>) -> Self {
        self.0.value = Some(value.into());
        self
    }

    /// The record for people: with its path, and its place in the text.
    pub(crate) fn into_violation(self, path: String, text: &[u8]) -> Violation {
        let Refused { rule, offset, message, value } = *self.0;
        let (line, column) = line_column(text, offset);
        let violation = Violation::new(rule, path, message).at(line, column);
        match value {
            Some(value) => violation.with_value(&value),
            None => violation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_characters_not_bytes() {
        assert_eq!(line_column("aä\nöb".as_bytes(), 0), (1, 1));
        assert_eq!(line_column("aä\nöb".as_bytes(), 3), (1, 3));
        assert_eq!(line_column("aä\nöb".as_bytes(), 6), (2, 2));
        assert_eq!(line_column("a".as_bytes(), 99), (1, 2));
    }
}
