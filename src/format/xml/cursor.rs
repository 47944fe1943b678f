//! A place in the text of a document, and what can be read from there: white space, names, values in quotes.

use super::chars::{is_name, is_name_start, is_space};
use super::recent::Written;
use crate::format::position::Refusal;
use crate::message::Text;

/// What stops the reader is a [`Refusal`].
pub(super) type Result<T, E = Refusal> = std::result::Result<T, E>;

/// The rule of everything that a production of XML 1.0 or of Namespaces does not derive.
const WELL_FORMED: &str = "xml-well-formed";

/// A byte of a text, always at the beginning of a character.
pub(super) struct Cursor<'t> {
    shared: &'t Text,
    text: &'t str,
    /// Byte offset of what comes next.
    pub(super) at: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(shared: &'t Text) -> Self {
        Self { shared, text: shared.as_str(), at: 0 }
    }

    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The byte that comes so many bytes ahead.
    pub(super) fn ahead(&self, bytes: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + bytes).copied()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.ahead(0)
    }

    /// How many bytes come before the next of this byte.
    pub(super) fn until_byte(&self, byte: u8) -> Option<usize> {
        memchr::memchr(byte, self.rest().as_bytes())
    }

    /// How many bytes come before the next of this token.
    pub(super) fn until(&self, token: &str) -> Option<usize> {
        memchr::memmem::find(self.rest().as_bytes(), token.as_bytes())
    }

    /// A part of the text, shared and not copied.
    pub(super) fn slice(&self, start: usize, end: usize) -> Text {
        self.shared.try_slice(start..end).unwrap_or_default()
    }

    /// The same, borrowed.
    pub(super) fn part(&self, start: usize, end: usize) -> &'t str {
        self.text.get(start..end).unwrap_or_default()
    }

    /// The place as the tape keeps it.
    pub(super) fn offset(&self) -> u32 {
        u32::try_from(self.at).unwrap_or(u32::MAX)
    }

    /// Refuses the document for what comes next.
    pub(super) fn refused<T>(&self, message: impl Into<String>) -> Result<T> {
        self.refused_at(self.at, message)
    }

    /// Refuses the document for what stands at an offset.
    pub(super) fn refused_at<T>(&self, offset: usize, message: impl Into<String>) -> Result<T> {
        Err(Refusal::new(WELL_FORMED, offset, message))
    }

    pub(super) fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    /// Goes over white space, if there is any.
    pub(super) fn skip_space(&mut self) -> bool {
        let start = self.at;
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
        self.at > start
    }

    /// Goes over a value in quotes and gives its range.
    pub(super) fn quoted(&mut self) -> Result<(usize, usize)> {
        let Some(quote @ (b'"' | b'\'')) = self.peek() else { return self.refused("a value stands in quotes") };
        let start = self.at + 1;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let Some(length) = memchr::memchr(quote, rest) else { return self.refused("the closing quote is missing") };
        self.at = start + length + 1;
        Ok((start, start + length))
    }

    /// Production 7 of Namespaces, `QName`.
    pub(super) fn qname(&mut self) -> Result<Written> {
        let start = self.at;
        self.ncname()?;
        if self.peek() != Some(b':') {
            return Ok(Written { start, colon: None, end: self.at });
        }
        let colon = self.at;
        self.at += 1;
        self.ncname()?;
        if self.peek() == Some(b':') {
            return self.refused("a name has one colon at the most");
        }
        Ok(Written { start, colon: Some(colon), end: self.at })
    }

    /// Goes over production 4 of Namespaces, `NCName`.
    pub(super) fn ncname(&mut self) -> Result<()> {
        let rest = self.rest();
        let mut bytes = rest.bytes();
        let plain = bytes.position(|byte| !is_plain(byte)).unwrap_or(rest.len());
        let begins = rest.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_');
        if begins && rest.as_bytes().get(plain).is_none_or(u8::is_ascii) {
            self.at += plain;
            return Ok(());
        }
        let mut characters = rest.char_indices();
        match characters.next() {
            Some((_, first)) if is_name_start(first) => {}
            Some((_, space)) if space.is_whitespace() => return self.refused("a name cannot begin with white space"),
            Some((_, other)) => return self.refused(format!("a name cannot begin with `{other}`")),
            None => return self.refused("a name is missing at the end of the document"),
        }
        self.at += characters.find(|(_, character)| !is_name(*character)).map_or(rest.len(), |(at, _)| at);
        Ok(())
    }
}

/// The characters of ASCII that a name has behind its first.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}
