//! Lexical forms: XML Schema's in, JSON's out, and back.

use crate::contract::plan::types::Whitespace;
use crate::format::xml::not_char;
use crate::message::{Number, Text};

/// A number with an exponent is written out for `xs:decimal` up to this many digits.
const MAX_DIGITS: usize = 1_000;

/// The white space of XML.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn is_space_char(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// Applies a type's white space rule, sharing the text where nothing but its ends changes.
pub(crate) fn normalized(text: &Text, whitespace: Whitespace) -> Text {
    match whitespace {
        Whitespace::Preserve => text.clone(),
        _ if !text.bytes().any(|byte| byte <= b' ') => text.clone(),
        Whitespace::Replace => {
            if text.bytes().any(|byte| matches!(byte, b'\t' | b'\n' | b'\r')) {
                Text::from(text.replace(['\t', '\n', '\r'], " "))
            } else {
                text.clone()
            }
        }
        Whitespace::Collapse => {
            let trimmed = text.as_str().trim_matches(is_space_char);
            let mut before = b'x';
            let collapsed = trimmed.bytes().all(|byte| {
                let fine = !is_space(byte) || (byte == b' ' && before != b' ');
                before = byte;
                fine
            });
            if !collapsed {
                let words: Vec<&str> = words(trimmed).collect();
                return Text::from(words.join(" "));
            }
            if trimmed.len() == text.len() {
                return text.clone();
            }
            text.try_slice_ref(trimmed).unwrap_or_else(|| Text::from(trimmed))
        }
    }
}

/// The items of an `xs:list`.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space_char).filter(|word| !word.is_empty())
}

/// The number of an `xs:decimal` or `xs:integer` in its lexical form. Every digit stays, but for a plus sign and
/// leading zeros, which JSON cannot write; a zero is added where JSON needs one (`.5`, `5.`).
pub(crate) fn decimal(text: &str, integer: bool) -> Option<Number> {
    if let Some(number) = Number::parse(text) {
        let refused = |byte: u8| matches!(byte, b'e' | b'E') || (integer && byte == b'.');
        return Some(number).filter(|number| number.as_i64().is_some() || !text.bytes().any(refused));
    }
    let (sign, unsigned) = sign(text);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some(_) if integer => return None,
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !fraction.is_none_or(digits) || (whole.is_empty() && fraction.unwrap_or_default().is_empty()) {
        return None;
    }
    json_number(text, sign, whole, fraction, "")
}

/// The number of an `xs:double` or `xs:float`, but for the three that JSON has no number for.
pub(crate) fn double(text: &str) -> Option<Number> {
    let (sign, unsigned) = sign(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => unsigned.split_at_checked(at)?,
        None => (unsigned, ""),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !fraction.is_none_or(digits) || (whole.is_empty() && fraction.unwrap_or_default().is_empty()) {
        return None;
    }
    json_number(text, sign, whole, fraction, exponent)
}

/// The values of `xs:double` that are strings in JSON.
pub(crate) fn is_special_double(text: &str) -> bool {
    matches!(text, "INF" | "-INF" | "NaN")
}

fn sign(text: &str) -> (&str, &str) {
    match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    }
}

fn json_number(text: &str, sign: &str, whole: &str, fraction: Option<&str>, exponent: &str) -> Option<Number> {
    if let Some(number) = Number::parse(text) {
        return Some(number);
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let mut written = String::with_capacity(text.len() + 2);
    written.push_str(sign);
    written.push_str(whole);
    if let Some(fraction) = fraction {
        written.push('.');
        written.push_str(if fraction.is_empty() { "0" } else { fraction });
    }
    written.push_str(exponent);
    Number::parse(&written)
}

/// A JSON number as `xs:decimal` or `xs:integer` writes it: as it stands, or without its exponent. `None` if the type
/// cannot hold it: a fraction in an integer, or more digits than anybody means.
pub(crate) fn decimal_text(number: &Number, integer: bool) -> Option<Text> {
    let written = number.to_text();
    let has_exponent = || written.bytes().any(|byte| matches!(byte, b'e' | b'E'));
    if number.as_i64().is_some() || (!integer && !has_exponent()) {
        return Some(written);
    }
    let (mantissa, exponent) = match written.as_str().split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None if !written.contains('.') => return Some(written),
        None => (written.as_str(), 0),
    };
    let (sign, unsigned) = sign(mantissa);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let all: String = [whole, fraction].concat();
    let point = i64::try_from(whole.len()).ok()?.checked_add(exponent)?;
    let mut digits = all;
    let point = if point <= 0 {
        let zeros = usize::try_from(1 - point).ok().filter(|zeros| *zeros <= MAX_DIGITS)?;
        digits.insert_str(0, &"0".repeat(zeros));
        1
    } else {
        usize::try_from(point).ok().filter(|point| *point <= MAX_DIGITS.max(digits.len()))?
    };
    while digits.len() < point {
        digits.push('0');
    }
    let (whole, fraction) = digits.split_at_checked(point)?;
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    if integer {
        return fraction.bytes().all(|digit| digit == b'0').then(|| Text::from([sign, whole].concat()));
    }
    Some(Text::from(if fraction.is_empty() { [sign, whole].concat() } else { [sign, whole, ".", fraction].concat() }))
}

/// The first character that XML 1.0 cannot carry.
pub(crate) fn bad_character(text: &str) -> Option<char> {
    not_char(text).map(|(_, character)| character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_their_digits() {
        let json = |text: &str, integer| decimal(text, integer).map(|number| number.to_text().to_string());
        for (xml, wanted) in [
            ("1.10", "1.10"),
            ("12345678901234567890", "12345678901234567890"),
            ("+5", "5"),
            ("007", "7"),
            ("-007.50", "-7.50"),
            (".5", "0.5"),
            ("5.", "5.0"),
            ("-.50", "-0.50"),
            ("000", "0"),
            ("-0", "-0"),
        ] {
            assert_eq!(json(xml, false).as_deref(), Some(wanted), "{xml}");
        }
        for xml in ["", ".", "1e5", "1.2.3", "+-5", "0x1F", "1 2", "+"] {
            assert_eq!(json(xml, false), None, "{xml}");
        }
        assert_eq!(json("+012", true).as_deref(), Some("12"));
        assert_eq!(json("1.0", true), None);
    }

    #[test]
    fn doubles_keep_their_form() {
        let json = |text: &str| double(text).map(|number| number.to_text().to_string());
        for (xml, wanted) in [("1E5", "1E5"), ("+1.50e-03", "1.50e-03"), (".5E1", "0.5E1"), ("-01.", "-1.0")] {
            assert_eq!(json(xml).as_deref(), Some(wanted), "{xml}");
        }
        for xml in ["", "INF", "E5", "1E", "1e5.0"] {
            assert_eq!(json(xml), None, "{xml}");
        }
    }

    #[test]
    fn numbers_of_json_lose_only_their_exponent() {
        let xml =
            |text: &str, integer| decimal_text(&Number::parse(text).unwrap(), integer).map(|text| text.to_string());
        assert_eq!(xml("1.10", false).as_deref(), Some("1.10"));
        assert_eq!(xml("1E2", false).as_deref(), Some("100"));
        assert_eq!(xml("-12.5e-3", false).as_deref(), Some("-0.0125"));
        assert_eq!(xml("1.250e1", false).as_deref(), Some("12.50"));
        assert_eq!(xml("1.0", true).as_deref(), Some("1"));
        assert_eq!(xml("15e-1", true), None);
        assert_eq!(xml("1e400", true).map(|text| text.len()), Some(401));
        assert_eq!(xml("1e4000", true), None);
        assert_eq!(xml("1e-4000", false), None);
    }

    #[test]
    fn white_space_follows_the_type() {
        let text = Text::from(" a \t b\n");
        assert_eq!(normalized(&text, Whitespace::Preserve), text);
        assert_eq!(normalized(&text, Whitespace::Replace), " a   b ");
        assert_eq!(normalized(&text, Whitespace::Collapse), "a b");
    }

    #[test]
    fn finds_what_xml_cannot_carry() {
        assert_eq!(bad_character("a\u{1}b"), Some('\u{1}'));
        assert_eq!(bad_character("ä\u{FFFE}"), Some('\u{FFFE}'));
        assert_eq!(bad_character("a long text of plain characters \u{7F}~"), None);
        assert_eq!(bad_character("eight by\u{1F}tes"), Some('\u{1F}'));
        assert_eq!(bad_character("tab\t, é, 😀, \u{FFFD}"), None);
    }
}
