//! `xs:decimal` as digits: compared and measured without a number type, so that no digit is ever lost.

use std::cmp::Ordering;

/// The parts of a lexical form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decimal<'t> {
    negative: bool,
    /// Without leading zeros.
    whole: &'t str,
    /// As written.
    fraction: &'t str,
    has_point: bool,
    /// Digits as written.
    digits: usize,
}

impl<'t> Decimal<'t> {
    /// `None` if the text is not of the lexical space of `xs:decimal`.
    pub(crate) fn parse(text: &'t str) -> Option<Self> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, text.get(1..)?),
            b'+' => (false, text.get(1..)?),
            _ => (false, text),
        };
        let mut point = None;
        for (at, byte) in rest.bytes().enumerate() {
            match byte {
                b'0'..=b'9' => {}
                b'.' if point.is_none() => point = Some(at),
                _ => return None,
            }
        }
        let (whole, fraction) = match point {
            Some(at) => (rest.get(..at)?, rest.get(at + 1..)?),
            None => (rest, ""),
        };
        let digits = whole.len() + fraction.len();
        let zeros = whole.bytes().take_while(|byte| *byte == b'0').count();
        let whole = whole.get(zeros..)?;
        (digits > 0).then_some(Self { negative, whole, fraction, has_point: point.is_some(), digits })
    }

    pub(crate) fn is_integer(&self) -> bool {
        !self.has_point
    }

    pub(crate) fn digits(&self) -> usize {
        self.digits
    }

    pub(crate) fn fraction_digits(&self) -> usize {
        self.fraction.len()
    }

    fn short_fraction(&self) -> &'t str {
        let zeros = self.fraction.bytes().rev().take_while(|byte| *byte == b'0').count();
        self.fraction.get(..self.fraction.len() - zeros).unwrap_or_default()
    }

    fn is_zero(&self) -> bool {
        self.whole.is_empty() && self.short_fraction().is_empty()
    }

    /// One for each value: whether it is below zero, its whole digits and those of its fraction.
    pub(crate) fn value(&self) -> (bool, &'t str, &'t str) {
        (self.negative && !self.is_zero(), self.whole, self.short_fraction())
    }

    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        let sign = |one: &Self| if one.is_zero() { 0 } else { 1 - 2 * i8::from(one.negative) };
        let signs = sign(self).cmp(&sign(other));
        if signs != Ordering::Equal || self.is_zero() {
            return signs;
        }
        let size = (self.whole.len().cmp(&other.whole.len()))
            .then_with(|| self.whole.cmp(other.whole))
            .then_with(|| self.short_fraction().cmp(other.short_fraction()));
        if self.negative { size.reverse() } else { size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_of_values() {
        let ascending = ["-12345678901234567890", "-10.5", "-10.49", "-0.1", "0", "0.09", "0.1", "9", "10", "10.01"];
        let parsed: Vec<Decimal<'_>> = ascending.iter().map(|text| Decimal::parse(text).expect("a decimal")).collect();
        for (at, one) in parsed.iter().enumerate() {
            for (other_at, other) in parsed.iter().enumerate() {
                assert_eq!(one.compare(other), at.cmp(&other_at), "{one:?} {other:?}");
            }
        }
        for (a, b) in [("0", "-0.00"), ("007", "7"), ("+1.50", "1.5"), (".5", "0.5"), ("5.", "5")] {
            let both = Decimal::parse(a).zip(Decimal::parse(b)).expect("decimals");
            assert_eq!(both.0.compare(&both.1), Ordering::Equal, "{a} {b}");
            assert_eq!(both.0.value(), both.1.value());
        }
        for text in ["", "+", ".", "1e3", "1 ", "--1", "1.2.3", "١"] {
            assert!(Decimal::parse(text).is_none(), "{text}");
        }
    }
}
