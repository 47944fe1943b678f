//! From bytes to characters: the byte order mark, the declared encoding and the bytes must agree.

use std::borrow::Cow;

use super::Fault;

/// Decodes a document, without its byte order mark.
pub(super) fn decode(body: &[u8]) -> Result<Cow<'_, str>, Fault> {
    if let Some(rest) = body.strip_prefix(b"\xFE\xFF") {
        return utf16(rest, u16::from_be_bytes);
    }
    if let Some(rest) = body.strip_prefix(b"\xFF\xFE") {
        return utf16(rest, u16::from_le_bytes);
    }
    let marked = body.starts_with(b"\xEF\xBB\xBF");
    let bytes = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let declared = declared(bytes).map(|name| name.to_ascii_uppercase());
    match declared.as_deref() {
        None | Some("UTF-8") => utf8(bytes),
        Some("US-ASCII" | "ASCII") if !marked => match bytes.iter().position(|byte| !byte.is_ascii()) {
            None => utf8(bytes),
            Some(at) => Err(Fault::new("xml-encoding", at, "a byte that US-ASCII does not have")),
        },
        Some("ISO-8859-1") if !marked => Ok(Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect())),
        Some("UTF-16" | "UTF-16BE" | "UTF-16LE") => {
            Err(Fault::new("xml-encoding", 0, "UTF-16 is declared, but the byte order mark of UTF-16 is missing"))
        }
        Some(other) if marked => Err(Fault::new(
            "xml-encoding",
            0,
            format!("`{other}` is declared, but the byte order mark is that of UTF-8"),
        )),
        Some(other) => {
            let accepted = "accepted are UTF-8, UTF-16, US-ASCII and ISO-8859-1";
            Err(Fault::new("xml-encoding", 0, format!("the encoding `{other}` is not accepted; {accepted}")))
        }
    }
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, Fault> {
    std::str::from_utf8(bytes)
        .map(Cow::Borrowed)
        .map_err(|error| Fault::new("xml-encoding", error.valid_up_to(), "the bytes are not UTF-8"))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'_, str>, Fault> {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let not_utf16 = || Fault::new("xml-encoding", 0, "the bytes are not UTF-16");
    if !odd.is_empty() {
        return Err(not_utf16());
    }
    let text: Result<String, _> = char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect();
    let text = text.map_err(|_| not_utf16())?;
    match declared(text.as_bytes()).map(|name| name.to_ascii_uppercase()).as_deref() {
        None | Some("UTF-16") => Ok(Cow::Owned(text)),
        Some(other) => Err(Fault::new(
            "xml-encoding",
            0,
            format!("`{other}` is declared, but the byte order mark is that of UTF-16"),
        )),
    }
}

/// The encoding that an XML declaration names, as far as bytes can be looked at before they are decoded. Whether the
/// declaration is well-formed is checked afterwards, on characters.
fn declared(bytes: &[u8]) -> Option<&str> {
    let rest = bytes.strip_prefix(b"<?xml")?;
    let end = memchr::memmem::find(rest, b"?>")?;
    let declaration = rest.get(..end)?;
    let at = memchr::memmem::find(declaration, b"encoding")?;
    let value = declaration.get(at + b"encoding".len()..)?;
    let open = value.iter().position(|byte| matches!(byte, b'"' | b'\''))?;
    let quote = *value.get(open)?;
    let value = value.get(open + 1..)?;
    let close = value.iter().position(|byte| *byte == quote)?;
    std::str::from_utf8(value.get(..close)?).ok()
}
