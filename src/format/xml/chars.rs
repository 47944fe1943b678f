//! The character classes of XML 1.0, fifth edition.

/// Production 2 `Char`.
pub fn is_char(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// The first character that is not one of production 2, and where.
pub fn not_char(text: &str) -> Option<(usize, char)> {
    // In UTF-8 the characters outside `Char` are the control bytes and two sequences that begin with EF BF.
    let fine = |byte: &u8| (b' '..0xEF).contains(byte) || *byte > 0xEF || is_space(*byte);
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let plain = |word: &[u8; 8]| is_printable(u64::from_le_bytes(*word)) || word.iter().all(fine);
    if words.iter().all(plain) && rest.iter().all(fine) {
        return None;
    }
    text.char_indices().find(|(_, character)| !is_char(*character))
}

/// Whether eight bytes are all of U+0020 to U+007F: none has its high bit, none borrows from it.
fn is_printable(word: u64) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    (word | word.wrapping_sub(0x2020_2020_2020_2020)) & HIGH == 0
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
