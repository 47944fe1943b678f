//! From bytes to characters: the byte order mark, the declared encoding and the bytes must agree.

use std::borrow::Cow;

use super::declaration;
use crate::format::position::Refusal;
use crate::message::Violation;

/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Decodes a document, without its byte order mark.
///
/// # Errors
/// Rule `xml-encoding`, with its line and column.
pub(super) fn decode(body: &[u8]) -> Result<Cow<'_, str>, Violation> {
    if let Some(rest) = body.strip_prefix(b"\xFE\xFF") {
        return utf16(rest, u16::from_be_bytes);
    }
    if let Some(rest) = body.strip_prefix(b"\xFF\xFE") {
        return utf16(rest, u16::from_le_bytes);
    }
    if body.starts_with(b"\0<") || body.starts_with(b"<\0") {
        return Err(refused(body, 0, "UTF-16 begins with a byte order mark, which is missing"));
    }
    let marked = body.starts_with(MARK);
    let bytes = body.strip_prefix(MARK).unwrap_or(body);
    let declared = declared(bytes);
    match declared.map(|(name, _)| name.to_ascii_uppercase()).as_deref() {
        None | Some("UTF-8") => utf8(bytes),
        Some("US-ASCII" | "ASCII") if !marked => match bytes.iter().position(|byte| !byte.is_ascii()) {
            None => utf8(bytes),
            Some(at) => Err(refused(bytes, at, "a byte that US-ASCII does not have")),
        },
        Some("ISO-8859-1") if !marked => Ok(Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect())),
        Some(upper) => {
            let (name, at) = declared.unwrap_or_default();
            let message = match upper {
                _ if marked => format!("`{name}` is declared, but the byte order mark is that of UTF-8"),
                "UTF-16" | "UTF-16BE" | "UTF-16LE" => {
                    format!("`{name}` is declared, but the byte order mark of UTF-16 is missing")
                }
                _ => {
                    let accepted = "accepted are UTF-8, UTF-16, US-ASCII and ISO-8859-1";
                    format!("the encoding `{name}` is not accepted; {accepted}")
                }
            };
            Err(refused(bytes, at, message))
        }
    }
}

fn refused(text: &[u8], at: usize, message: impl Into<String>) -> Violation {
    Refusal::new("xml-encoding", at, message).into_violation(String::new(), text)
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, Violation> {
    std::str::from_utf8(bytes)
        .map(Cow::Borrowed)
        .map_err(|error| refused(bytes, error.valid_up_to(), "the bytes are not UTF-8"))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'_, str>, Violation> {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(bytes.len());
    for character in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        match character {
            Ok(character) => text.push(character),
            Err(_) => return Err(refused(text.as_bytes(), text.len(), "the bytes are not UTF-16: half a character")),
        }
    }
    if !odd.is_empty() {
        return Err(refused(text.as_bytes(), text.len(), "the bytes are not UTF-16: an odd number of them"));
    }
    match declared(text.as_bytes()) {
        Some((name, at)) if !name.eq_ignore_ascii_case("UTF-16") => {
            let message = format!("`{name}` is declared, but the byte order mark is that of UTF-16");
            Err(refused(text.as_bytes(), at, message))
        }
        _ => Ok(Cow::Owned(text)),
    }
}

/// The encoding that an XML declaration names, and where; as far as bytes can be looked at before they are decoded.
/// Whether the declaration is well-formed is checked afterwards, on characters.
fn declared(bytes: &[u8]) -> Option<(&str, usize)> {
    if !declaration::begins(bytes) {
        return None;
    }
    let end = memchr::memmem::find(bytes, b"?>")?;
    let key = memchr::memmem::find(bytes.get(..end)?, b"encoding")?;
    let open = key + bytes.get(key..end)?.iter().position(|byte| matches!(byte, b'"' | b'\''))?;
    let value = bytes.get(open + 1..end)?;
    let close = value.iter().position(|byte| Some(byte) == bytes.get(open))?;
    let name = std::str::from_utf8(value.get(..close)?).ok()?;
    Some((name, open + 1))
}
