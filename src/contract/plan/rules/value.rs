//! Simple types as checks of text.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::super::types::Whitespace;
use super::Beyond;
use super::date;
use super::decimal::Decimal;
use super::pattern::Pattern;
use crate::format::scan;
use crate::message::Text;

/// A simple type.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    pub(crate) whitespace: Whitespace,
    pub(crate) form: Form,
    /// One of each list must match.
    pub(crate) patterns: Vec<Vec<Pattern>>,
    /// The text must be in each list; sorted.
    pub(crate) enumerations: Vec<Vec<Text>>,
    pub(crate) min_length: usize,
    pub(crate) max_length: usize,
    pub(crate) bounds: Vec<Bound>,
    pub(crate) total_digits: usize,
    pub(crate) fraction_digits: usize,
}

/// The lexical space.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// Any text.
    Text,
    Language,
    Boolean,
    Decimal,
    Integer,
    Double,
    Date,
    Time,
    DateTime,
    Uri,
    NmToken,
    NcName,
    HexBinary,
    Base64Binary,
    List(Box<Check>),
    /// One of these.
    Union(Vec<Check>),
    /// Only the engine can tell; here is what the schema says.
    Unknown(Box<Beyond>),
}

/// A bound of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    pub(crate) value: Text,
    pub(crate) inclusive: bool,
    pub(crate) is_lower: bool,
}

/// A value as identity constraints compare it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Identity<'t> {
    Text(Cow<'t, str>),
    /// Without leading zeros, nor trailing ones of the fraction.
    Number {
        negative: bool,
        whole: &'t str,
        fraction: &'t str,
    },
}

impl Check {
    /// A type that only the engine can tell.
    pub(crate) fn beyond(beyond: Beyond) -> Self {
        Self::of(Form::Unknown(Box::new(beyond)), Whitespace::Preserve)
    }

    pub(super) fn of(form: Form, whitespace: Whitespace) -> Self {
        Self {
            whitespace,
            form,
            patterns: Vec::new(),
            enumerations: Vec::new(),
            min_length: 0,
            max_length: usize::MAX,
            bounds: Vec::new(),
            total_digits: usize::MAX,
            fraction_digits: usize::MAX,
        }
    }

    /// Whether the text certainly is a value of the type.
    pub(crate) fn holds(&self, text: &str) -> bool {
        // Most texts have no white space to normalize, and to most types it is the form that tells so.
        if self.is_dense() {
            return self.holds_normal(text) || (!is_collapsed(text) && self.holds_normal(&self.normal(text)));
        }
        self.takes_any() || self.holds_normal(&self.normal(text))
    }

    /// Whether no text of the form has white space.
    fn is_dense(&self) -> bool {
        !matches!(self.form, Form::Text | Form::Base64Binary | Form::List(_) | Form::Union(_) | Form::Unknown(_))
    }

    /// Whether every text is a value.
    fn takes_any(&self) -> bool {
        matches!(self.form, Form::Text)
            && self.patterns.is_empty()
            && self.enumerations.is_empty()
            && self.min_length == 0
            && self.max_length == usize::MAX
    }

    /// What two values share only if they are equal, and equal values share.
    pub(crate) fn identity<'t>(&self, text: &'t str) -> Option<Identity<'t>> {
        match self.form {
            Form::Text | Form::Language | Form::NmToken | Form::NcName => Some(Identity::Text(self.normal(text))),
            Form::Decimal | Form::Integer => {
                let (negative, whole, fraction) = Decimal::parse(text.trim_matches(is_space))?.value();
                Some(Identity::Number { negative, whole, fraction })
            }
            _ => None,
        }
    }

    fn normal<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.whitespace {
            Whitespace::Preserve => Cow::Borrowed(text),
            Whitespace::Replace if text.bytes().any(|byte| matches!(byte, b'\t' | b'\n' | b'\r')) => {
                Cow::Owned(text.replace(['\t', '\n', '\r'], " "))
            }
            Whitespace::Replace => Cow::Borrowed(text),
            Whitespace::Collapse if is_collapsed(text) => Cow::Borrowed(text),
            Whitespace::Collapse => {
                let words = text.split([' ', '\t', '\n', '\r']).filter(|word| !word.is_empty());
                Cow::Owned(words.collect::<Vec<_>>().join(" "))
            }
        }
    }

    fn holds_normal(&self, text: &str) -> bool {
        self.of_form(text)
            && self.patterns.iter().all(|any| any.iter().any(|pattern| pattern.is_match(text)))
            && self.enumerations.iter().all(|all| all.binary_search_by(|value| value.as_str().cmp(text)).is_ok())
            && ((self.min_length == 0 && self.max_length == usize::MAX) || self.of_length(text))
    }

    fn of_form(&self, text: &str) -> bool {
        match &self.form {
            Form::Text => true,
            Form::Language => is_language(text),
            Form::Boolean => matches!(text, "true" | "false" | "1" | "0"),
            Form::Decimal => Decimal::parse(text).is_some_and(|decimal| self.of_size(&decimal)),
            Form::Integer => Decimal::parse(text).is_some_and(|decimal| decimal.is_integer() && self.of_size(&decimal)),
            Form::Double => is_double(text),
            Form::Date => date::is_date(text),
            Form::Time => date::is_time(text),
            Form::DateTime => date::is_date_time(text),
            Form::Uri => is_uri(text),
            Form::NmToken => is_name(text),
            Form::NcName => is_name(text) && text.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_'),
            Form::HexBinary => text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
            Form::Base64Binary => is_base64(text),
            Form::List(item) => items(text).all(|one| item.holds_normal(one)),
            // Members may differ in how white space counts; without any to normalize that is all one.
            Form::Union(members) => is_collapsed(text) && members.iter().any(|member| member.holds_normal(text)),
            Form::Unknown(_) => false,
        }
    }

    fn of_length(&self, text: &str) -> bool {
        let length = match self.form {
            Form::List(_) => items(text).count(),
            // A character has a byte at least.
            _ if self.min_length <= 1 && text.len() <= self.max_length => return text.len() >= self.min_length,
            _ => text.chars().count(),
        };
        (self.min_length..=self.max_length).contains(&length)
    }

    fn of_size(&self, decimal: &Decimal<'_>) -> bool {
        decimal.digits() <= self.total_digits
            && decimal.fraction_digits() <= self.fraction_digits
            && self.bounds.iter().all(|bound| {
                let Some(limit) = Decimal::parse(&bound.value) else { return false };
                match (decimal.compare(&limit), bound.is_lower) {
                    (Ordering::Equal, _) => bound.inclusive,
                    (order, is_lower) => (order == Ordering::Greater) == is_lower,
                }
            })
    }
}

/// The items of a list whose white space is collapsed.
fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|item| !item.is_empty())
}

fn is_space(char: char) -> bool {
    matches!(char, ' ' | '\t' | '\n' | '\r')
}

/// Whether collapsing white space changes nothing.
fn is_collapsed(text: &str) -> bool {
    let bytes = text.as_bytes();
    if scan::find(bytes, |word| word.below(b' ' + 1), |byte| byte <= b' ').is_none() {
        return true;
    }
    !bytes.iter().any(|byte| matches!(byte, b'\t' | b'\n' | b'\r'))
        && bytes.first() != Some(&b' ')
        && bytes.last() != Some(&b' ')
        && !bytes.windows(2).any(|pair| pair == b"  ")
}

fn is_language(text: &str) -> bool {
    let part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let first = text.split('-').next().unwrap_or_default();
    text.split('-').all(part) && first.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_double(text: &str) -> bool {
    if matches!(text, "INF" | "-INF" | "NaN") {
        return true;
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let is_exponent = |text: &str| Decimal::parse(text).is_some_and(|exponent| exponent.is_integer());
    Decimal::parse(mantissa).is_some() && exponent.is_none_or(is_exponent)
}

/// A name of ASCII without a colon.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Groups of four with padding at the end (RFC 4648), spaces in between; the bits that padding leaves over are zero.
fn is_base64(text: &str) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let mut digits = 0_usize;
    let mut padding = 0_usize;
    let mut last = 0;
    for byte in text.bytes().filter(|byte| *byte != b' ') {
        match byte {
            b'=' => padding += 1,
            _ if padding > 0 || !is_digit(&byte) => return false,
            _ => (digits, last) = (digits + 1, byte),
        }
    }
    let is_rounded = match padding {
        0 => true,
        1 => b"AEIMQUYcgkosw048".contains(&last),
        2 => b"AQgw".contains(&last),
        _ => false,
    };
    is_rounded && (digits + padding).is_multiple_of(4)
}

/// A URI of plain ASCII, with nothing that needs a closer look.
pub(crate) fn is_uri(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#=&,;+@!$*".contains(&byte);
    let before_colon =
        text.split_once([':', '/', '?', '#']).filter(|(before, _)| text.as_bytes().get(before.len()) == Some(&b':'));
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|char: char| char.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    text.bytes().all(is_plain)
        && text.bytes().filter(|byte| *byte == b'#').count() < 2
        && before_colon.is_none_or(|(scheme, _)| is_scheme(scheme))
}
