//! From characters as written to the text that they stand for: references, line ends, the white space of attributes.

use super::chars::{is_char, is_ncname};
use super::cursor::Result;
use crate::format::position::Refusal;
use crate::message::Text;

/// The text of character data (production 14) that begins at an offset.
pub(super) fn character_data(raw: Text, start: usize) -> Result<Text> {
    if memchr::memchr3(b'>', b'&', b'\r', raw.as_bytes()).is_none() {
        return Ok(raw);
    }
    if let Some(at) = memchr::memmem::find(raw.as_bytes(), b"]]>") {
        return Err(Refusal::new("xml-well-formed", start + at, "`]]>` cannot stand in text; write `]]&gt;`"));
    }
    if memchr::memchr(b'&', raw.as_bytes()).is_none() {
        return Ok(lines(raw));
    }
    expand(&raw, start, push_lines)
}

/// The value of an attribute that begins at an offset (section 3.3.3): references are replaced, white space becomes
/// spaces.
pub(super) fn attribute_value(raw: Text, start: usize) -> Result<Text> {
    if let Some(at) = memchr::memchr(b'<', raw.as_bytes()) {
        let message = "`<` cannot stand in an attribute's value; write `&lt;`";
        return Err(Refusal::new("xml-well-formed", start + at, message));
    }
    if !raw.bytes().any(|byte| matches!(byte, b'&' | b'\t' | b'\n' | b'\r')) {
        return Ok(raw);
    }
    expand(&raw, start, push_spaces)
}

/// Section 2.11: every line ends with a line feed.
pub(super) fn lines(raw: Text) -> Text {
    if memchr::memchr(b'\r', raw.as_bytes()).is_none() {
        return raw;
    }
    let mut normalized = String::with_capacity(raw.len());
    push_lines(&raw, &mut normalized);
    Text::from(normalized)
}

fn push_lines(text: &str, out: &mut String) {
    let mut parts = text.split('\r');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        out.push('\n');
        out.push_str(part.strip_prefix('\n').unwrap_or(part));
    }
}

fn push_spaces(text: &str, out: &mut String) {
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' => {
                characters.next_if_eq(&'\n');
                out.push(' ');
            }
            '\t' | '\n' => out.push(' '),
            other => out.push(other),
        }
    }
}

/// Text with its references replaced; `push` normalizes what stands between them.
fn expand(raw: &str, start: usize, push: fn(&str, &mut String)) -> Result<Text> {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('&') {
        push(before, &mut out);
        let (name, behind) = after.split_once(';').unwrap_or_default();
        let character = reference(name).map_err(|message| {
            let offset = start + (raw.len() - after.len()) - 1;
            Refusal::new("xml-reference", offset, message)
        })?;
        out.push(character);
        rest = behind;
    }
    push(rest, &mut out);
    Ok(Text::from(out))
}

/// Productions 66 and 68; without a document type there are five entities.
fn reference(name: &str) -> Result<char, String> {
    let digits = match name {
        "amp" => return Ok('&'),
        "lt" => return Ok('<'),
        "gt" => return Ok('>'),
        "quot" => return Ok('"'),
        "apos" => return Ok('\''),
        _ if is_ncname(name) => {
            let shown: String = name.chars().take(40).collect();
            return Err(format!("the entity `{shown}` is not defined; XML has amp, lt, gt, quot, apos and `&#…;`"));
        }
        _ => name.strip_prefix('#').filter(|digits| !digits.is_empty()),
    };
    let Some(digits) = digits else {
        return Err("`&` begins a reference, as `&lt;`; for the character itself write `&amp;`".to_owned());
    };
    let (digits, radix) = digits.strip_prefix('x').map_or((digits, 10), |hexadecimal| (hexadecimal, 16));
    let is_number = digits.chars().all(|digit| digit.is_digit(radix));
    let code = is_number.then(|| u32::from_str_radix(digits, radix).ok()).flatten();
    let character = code.and_then(char::from_u32).filter(|character| is_char(*character));
    character.ok_or_else(|| "the reference is not to a character of XML".to_owned())
}
