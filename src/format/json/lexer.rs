//! The tokens of RFC 8259: white space, strings, numbers, literals.

use crate::format::position::Refusal;
use crate::format::scan;
use crate::message::Number;

/// Where the first character is that does not stand for itself in a string.
pub(super) fn special(bytes: &[u8]) -> Option<usize> {
    scan::find(bytes, |word| word.is_or_below(QUOTES, b' '), is_special)
}

const QUOTES: [u8; 2] = [b'"', b'\\'];

fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..b' ')
}

/// A place in a text that is known to be UTF-8.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0 }
    }

    /// Byte offset of what comes next.
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Steps over one byte that [`Lexer::peek`] gave.
    pub(super) fn bump(&mut self) {
        self.at += 1;
    }

    /// Skips white space and gives the byte after it.
    #[inline]
    pub(super) fn next_token(&mut self) -> Option<u8> {
        match self.peek() {
            Some(byte) if byte > b' ' => Some(byte),
            _ => self.skip_blank(),
        }
    }

    fn skip_blank(&mut self) -> Option<u8> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let blank = rest.iter().position(|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t'));
        self.at += blank.unwrap_or(rest.len());
        self.peek()
    }

    /// Takes a string, `"` first, if all of its characters stand for themselves.
    #[inline]
    pub(super) fn plain_string(&mut self) -> Option<&'a str> {
        let start = self.at + 1;
        let soon = scan::find_soon(self.bytes.get(start..)?, |word| word.is_or_below(QUOTES, b' '), is_special);
        let end = start + soon?;
        if self.bytes.get(end) != Some(&b'"') {
            return None;
        }
        self.at = end + 1;
        self.text.get(start..end)
    }

    /// Steps over a string, `"` first, if it is this one, whose characters stand for themselves.
    pub(super) fn skip_plain(&mut self, string: &str) -> bool {
        let rest = self.bytes.get(self.at + 1..).and_then(|rest| rest.strip_prefix(string.as_bytes()));
        let found = rest.is_some_and(|rest| rest.first() == Some(&b'"'));
        if found {
            self.at += string.len() + 2;
        }
        found
    }

    /// Takes a string, `"` first, and resolves its escapes.
    pub(super) fn string(&mut self) -> Result<String, Refusal> {
        let open = self.at;
        self.at += 1;
        let mut decoded = String::from(self.run(open)?);
        loop {
            // A run ends only at a quote or a backslash.
            let escape = self.at;
            self.at += 1;
            if self.bytes.get(escape) == Some(&b'"') {
                return Ok(decoded);
            }
            decoded.push(self.escape(escape)?);
            decoded.push_str(self.run(open)?);
        }
    }

    /// The characters up to the next quote or backslash.
    fn run(&mut self, open: usize) -> Result<&'a str, Refusal> {
        let start = self.at;
        let rest = self.bytes.get(start..).unwrap_or_default();
        let Some(len) = special(rest) else {
            return Err(Refusal::new("json-syntax", open, "the string has no closing `\"`"));
        };
        self.at += len;
        if let Some(control) = self.peek().filter(|byte| *byte < 0x20) {
            let message =
                format!("a string holds the control character U+{control:04X}; write it as `\\u{control:04x}`");
            return Err(Refusal::new("json-control-character", self.at, message));
        }
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    /// The character of an escape; the backslash at `start` is taken already.
    fn escape(&mut self, start: usize) -> Result<char, Refusal> {
        let letter = self.peek();
        self.at += 1;
        match letter {
            Some(literal @ (b'"' | b'\\' | b'/')) => Ok(char::from(literal)),
            Some(b'b') => Ok('\u{8}'),
            Some(b'f') => Ok('\u{c}'),
            Some(b'n') => Ok('\n'),
            Some(b'r') => Ok('\r'),
            Some(b't') => Ok('\t'),
            Some(b'u') => self.unicode_escape(start),
            _ => Err(Refusal::new(
                "json-escape",
                start,
                "JSON has no such escape; it knows `\\\"`, `\\\\`, `\\/`, `\\b`, `\\f`, `\\n`, `\\r`, `\\t`, `\\uXXXX`",
            )
            .of(self.snippet(start))),
        }
    }

    fn unicode_escape(&mut self, start: usize) -> Result<char, Refusal> {
        let lone = |lexer: &Self| {
            Refusal::new("json-surrogate", start, "a surrogate escape without its other half is no character")
                .of(lexer.text.get(start..start + 6).unwrap_or_default())
        };
        let high = self.hex4(start)?;
        if let Some(character) = char::from_u32(high) {
            return Ok(character);
        }
        let is_high = (0xD800..0xDC00).contains(&high);
        if !is_high || self.bytes.get(self.at..self.at + 2) != Some(b"\\u") {
            return Err(lone(self));
        }
        self.at += 2;
        let low = self.hex4(start)?;
        if !(0xDC00..0xE000).contains(&low) {
            return Err(lone(self));
        }
        char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)).ok_or_else(|| lone(self))
    }

    fn hex4(&mut self, start: usize) -> Result<u32, Refusal> {
        let digits = self.text.get(self.at..self.at + 4).filter(|four| four.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some(code) = digits.and_then(|four| u32::from_str_radix(four, 16).ok()) else {
            return Err(
                Refusal::new("json-escape", start, "`\\u` needs four hexadecimal digits").of(self.snippet(start))
            );
        };
        self.at += 4;
        Ok(code)
    }

    /// Takes a number as written.
    pub(super) fn number(&mut self) -> Result<Number, Refusal> {
        let start = self.at;
        if let Some((number, length)) = Number::leading(self.text.get(start..).unwrap_or_default()) {
            self.at += length;
            return Ok(number);
        }
        let rest = self.bytes.get(start..).unwrap_or_default();
        let len = rest.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
        self.at += len.unwrap_or(rest.len());
        let token = self.text.get(start..self.at).unwrap_or_default();
        Number::parse(token).ok_or_else(|| {
            let digits = token.trim_start_matches('-');
            let leading_zero = digits.len() > 1 && digits.starts_with('0');
            let message = match leading_zero && digits.bytes().all(|byte| byte.is_ascii_digit()) {
                true => "a number has no leading zeros; quote it if it is a code",
                false => "this is not a number of JSON: `-`, digits, `.` digits, `e` digits",
            };
            Refusal::new("json-number", start, message).of(token)
        })
    }

    /// Takes this literal, if it is what comes next.
    pub(super) fn literal(&mut self, literal: &str) -> bool {
        let found = self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(literal.as_bytes()));
        if found {
            self.at += literal.len();
        }
        found
    }

    /// Steps over a number or literal, at least one byte.
    pub(super) fn skip_word(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'-' | b'+' | b'.' | b'E'));
        self.at += end.unwrap_or(rest.len()).max(1);
    }

    /// What stands at an offset, for a message: a word, or one character.
    pub(super) fn snippet(&self, offset: usize) -> String {
        let rest = self.text.get(offset..).unwrap_or_default();
        let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').take(20).collect();
        if word.is_empty() { rest.chars().take(2).take_while(|c| !c.is_whitespace()).collect() } else { word }
    }
}
