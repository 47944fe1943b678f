//! The simple type that texts prove.

use super::super::texts::{DIFFERENT, Texts};
use crate::contract::plan::rules::date::{is_date, is_date_time, is_time};
use crate::message::Text;

/// The most digits of what is proposed as a number: those that any reader of JSON holds exactly.
const MOST_DIGITS: usize = 15;

/// A type, how many different texts prove it, and whether a text has it.
type Kind = (&'static str, usize, fn(&str) -> bool);

/// From narrow to wide. A text has a type only if the type's own writing of the value is this text: `007` and `+7` are
/// no numbers here, since what they are may be lost in one.
const KINDS: [Kind; 6] = [
    ("xs:boolean", 2, |text| text == "true" || text == "false"),
    ("xs:integer", DIFFERENT, |text| is_number(text, false)),
    ("xs:decimal", DIFFERENT, |text| is_number(text, true)),
    ("xs:date", DIFFERENT, is_date),
    ("xs:dateTime", DIFFERENT, is_date_time),
    ("xs:time", DIFFERENT, is_time),
];

/// The texts of an element or attribute.
#[derive(Debug, Default)]
pub(super) struct Values {
    texts: Texts,
    /// By kind, whether all texts have it; empty before the first.
    kinds: Vec<bool>,
    /// Whether one of them is a number with more than its digits, as `007`.
    has_digits: bool,
}

/// A simple type that is proposed.
#[derive(Debug)]
pub(super) enum Simple<'a> {
    /// A built-in type.
    Named(&'static str),
    /// One of these texts.
    OneOf(Vec<&'a Text>),
}

impl Values {
    pub(super) fn add(&mut self, text: &Text) {
        let own = KINDS.iter().map(|(_, _, has)| has(text));
        if self.texts.count() == 0 {
            self.kinds = own.collect();
        } else {
            self.kinds.iter_mut().zip(own).for_each(|(all, one)| *all &= one);
        }
        self.has_digits |= !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        self.texts.add(text);
    }

    /// The built-in type.
    pub(super) fn name(&self) -> &'static str {
        let proven =
            |((name, least, _), all): (&Kind, &bool)| (*all && self.texts.are_different(*least)).then_some(*name);
        KINDS.iter().zip(&self.kinds).find_map(proven).unwrap_or("xs:string")
    }

    /// The type. Texts of digits are never a list of values: there will be others.
    pub(super) fn simple(&self) -> Simple<'_> {
        let name = self.name();
        let is_word = |text: &&Text| !text.is_empty() && !text.contains(|char: char| char.is_control());
        match self.texts.values() {
            Some(values) if name == "xs:string" && !self.has_digits => {
                let values: Vec<&Text> = values.collect();
                if values.iter().all(is_word) { Simple::OneOf(values) } else { Simple::Named(name) }
            }
            _ => Simple::Named(name),
        }
    }
}

/// Whether a text is a number in its one usual writing: no leading zeros, no `+`, no `-0`.
fn is_number(text: &str, may_be_fraction: bool) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) if may_be_fraction => (whole, Some(fraction)),
        Some(_) => return false,
        None => (unsigned, None),
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_zero = unsigned.bytes().all(|byte| byte == b'0' || byte == b'.');
    is_digits(whole)
        && fraction.is_none_or(is_digits)
        && (whole == "0" || !whole.starts_with('0'))
        && !(is_zero && text.starts_with('-'))
        && whole.len() + fraction.map_or(0, str::len) <= MOST_DIGITS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn simple(texts: &[&str]) -> String {
        let mut values = Values::default();
        texts.iter().for_each(|text| values.add(&Text::from(*text)));
        match values.simple() {
            Simple::Named(name) => name.to_owned(),
            Simple::OneOf(texts) => texts.iter().map(|text| text.as_str()).collect::<Vec<_>>().join("|"),
        }
    }

    #[test]
    fn a_type_is_as_narrow_as_the_texts_prove() {
        for (texts, name) in [
            (&["1", "2", "30"][..], "xs:integer"),
            (&["-1", "0", "12"], "xs:integer"),
            (&["1", "2.50", "0.0"], "xs:decimal"),
            (&["true", "false"], "xs:boolean"),
            (&["2026-01-05", "2026-02-28", "2024-02-29"], "xs:date"),
            (&["2026-01-05T10:00:00Z", "2026-01-05T10:00:00.5+01:00", "2026-01-05T10:00:01"], "xs:dateTime"),
            (&["10:00:00", "10:00:01", "10:00:02"], "xs:time"),
        ] {
            assert_eq!(simple(texts), name, "{texts:?}");
        }
    }

    #[test]
    fn what_might_be_lost_stays_text() {
        for texts in [
            &["1", "2"][..],
            &["1", "1", "1", "1"],
            &["007", "1", "2"],
            &["+1", "2", "3"],
            &["-0", "1", "2"],
            &["-0.00", "1", "2"],
            &["1", "2", ""],
            &["1", "2", " 3"],
            &["1.", "2", "3"],
            &[".5", "2", "3"],
            &["1e3", "2", "3"],
            &["1234567890123456", "2", "3"],
            &["0", "1", "true"],
            &["true", "true"],
            &["2026-02-30", "2026-01-05", "2026-01-06"],
            &["a", "b", "c"],
            &[],
        ] {
            assert_eq!(simple(texts), "xs:string", "{texts:?}");
        }
    }

    #[test]
    fn a_list_of_values_needs_many_examples_and_no_digits() {
        let many = |texts: &[&'static str], times: usize| texts.iter().copied().cycle().take(times).collect::<Vec<_>>();
        assert_eq!(simple(&many(&["open", "closed"], 10)), "closed|open");
        assert_eq!(simple(&many(&["open", "closed"], 8)), "xs:string");
        assert_eq!(simple(&many(&["01", "02"], 20)), "xs:string");
        assert_eq!(simple(&many(&["a\tb", "c"], 20)), "xs:string");
        assert_eq!(simple(&many(&["", "c"], 20)), "xs:string");
    }
}
