//! The character classes of XML 1.0, fifth edition.

use crate::format::scan::{self, Word};

/// Production 2 `Char`.
pub fn is_char(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// The first character that is not one of production 2, and where.
pub fn not_char(text: &str) -> Option<(usize, char)> {
    // In UTF-8 the characters outside `Char` are control bytes, and two sequences that begin with EF.
    let word = |word: Word| word.below(b' ') | word.is(0xEF);
    let mut from = 0;
    loop {
        let rest = text.get(from..)?;
        let at = scan::find(rest.as_bytes(), word, |byte| matches!(byte, 0..b' ' | 0xEF))?;
        let character = rest.get(at..)?.chars().next()?;
        if !is_char(character) {
            return Some((from + at, character));
        }
        from += at + character.len_utf8();
    }
}

/// What a text is to whoever writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing in it has to be escaped.
    Plain,
    /// Something may have to be.
    Marked,
    /// XML cannot carry this character of it.
    Bad(char),
}

/// Marks the bytes that have to be escaped somewhere.
pub(super) fn marked(word: Word) -> u64 {
    // `<` and `>` differ in one bit, and so do `"` and `&`.
    word.is_but(b'<', 2) | word.is_but(b'"', 4) | word.below(b' ')
}

/// The same of one byte.
pub(super) fn is_marked(byte: u8) -> bool {
    matches!(byte, b'<' | b'>' | b'"' | b'&' | 0..b' ')
}

/// Looks a text over, once if it is as most are.
pub fn look(text: &str) -> Look {
    let word = |word: Word| marked(word) | word.is(0xEF);
    match scan::find(text.as_bytes(), word, |byte| is_marked(byte) || byte == 0xEF) {
        None => Look::Plain,
        Some(_) => not_char(text).map_or(Look::Marked, |(_, bad)| Look::Bad(bad)),
    }
}

/// Production 3 `S`, one of it.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Production 4 `NameStartChar`, without the colon that namespaces use.
pub(super) fn is_name_start(character: char) -> bool {
    matches!(character,
        'A'..='Z' | '_' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

/// Production 4a `NameChar`, without the colon.
pub(super) fn is_name(character: char) -> bool {
    is_name_start(character)
        || matches!(character,
            '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// Namespaces in XML 1.0, production 4 `NCName`.
pub fn is_ncname(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(is_name_start) && characters.all(is_name)
}
