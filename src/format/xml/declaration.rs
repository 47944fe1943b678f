//! The XML declaration (XML 1.0, production 23), strictly: version, encoding, standalone, in this order.

use super::chars::is_space;
use super::cursor::{Cursor, Result};

/// Whether a document begins with a declaration, and not with a processing instruction as `<?xml-stylesheet …?>`.
pub(super) fn begins(bytes: &[u8]) -> bool {
    bytes.strip_prefix(b"<?xml").and_then(<[u8]>::first).copied().is_some_and(is_space)
}

/// Goes over the declaration at the beginning of a document. Whether its encoding is that of the bytes was checked
/// when they were decoded.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<()> {
    cursor.at += "<?xml".len();
    cursor.skip_space();
    if !value(cursor, "version", is_version, "the version of the document is not `1.0`")? {
        return cursor.refused("the XML declaration begins with `version=\"1.0\"`");
    }
    let spaced = cursor.skip_space();
    let spaced = match spaced && value(cursor, "encoding", is_encoding, "this is not the name of an encoding")? {
        true => cursor.skip_space(),
        false => spaced,
    };
    let is_standalone = |text: &str| matches!(text, "yes" | "no");
    if spaced && value(cursor, "standalone", is_standalone, "`standalone` is `yes` or `no`")? {
        cursor.skip_space();
    }
    if cursor.eat("?>") { Ok(()) } else { cursor.refused("the XML declaration is not well-formed") }
}

/// Goes over a pseudo attribute, if it is what comes next, and whose value is one.
fn value(cursor: &mut Cursor<'_>, name: &str, is_one: fn(&str) -> bool, refusal: &str) -> Result<bool> {
    if !cursor.eat(name) {
        return Ok(false);
    }
    cursor.skip_space();
    if !cursor.eat("=") {
        return cursor.refused(format!("`=` is missing after `{name}`"));
    }
    cursor.skip_space();
    let (start, end) = cursor.quoted()?;
    if is_one(cursor.part(start, end)) { Ok(true) } else { cursor.refused_at(start, refusal) }
}

/// Production 26 `VersionNum`.
fn is_version(version: &str) -> bool {
    let minor = version.strip_prefix("1.").unwrap_or_default();
    !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit())
}

/// Production 81 `EncName`.
fn is_encoding(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}
