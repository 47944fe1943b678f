//! Numbers as written (RFC 8259 section 6): every digit is kept until somebody computes with them.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use super::decimal::Decimal;
use super::text::Text;

/// The largest magnitude of a written exponent; beyond it no number of a message means anything.
pub const MAX_EXPONENT: i64 = 999_999_999;

/// A JSON number. Equality and order are by value (`1.0 == 1.00`); [`Number::to_text`] gives it as written.
#[derive(Clone, Debug)]
pub struct Number(Repr);

#[derive(Clone, Debug)]
enum Repr {
    /// Written in the canonical form of an integer: no `-0`, no leading zero, no exponent.
    Int(i64),
    /// Written with so many digits behind a point, and with at most 18 in all, without an exponent; not `-0.0`.
    Scaled(i64, u8),
    /// Written in the canonical form of an integer that no `i64` holds: beyond all of the above.
    Large(Text),
    /// Any other lexical form that JSON's grammar allows.
    Written(Text),
}

impl Number {
    /// Takes a lexical form. `None` if it is not a number of JSON's grammar, or its exponent is beyond
    /// [`MAX_EXPONENT`].
    pub fn parse(text: &str) -> Option<Self> {
        match Self::leading(text) {
            Some((number, length)) if length == text.len() => Some(number),
            _ => is_json_number(text).then(|| Self(Repr::Written(Text::from(text)))),
        }
    }

    /// The number that a text begins with, and its length. Nothing if it is not one of the plain forms that most
    /// numbers have.
    pub(crate) fn leading(text: &str) -> Option<(Self, usize)> {
        let bytes = text.as_bytes();
        let negative = bytes.first() == Some(&b'-');
        let start = usize::from(negative);
        let mut mantissa = 0;
        let point = take_digits(bytes, start, &mut mantissa);
        let whole = point - start;
        let (end, places) = match bytes.get(point) {
            Some(b'.') => {
                let end = take_digits(bytes, point + 1, &mut mantissa);
                (end, end - point - 1)
            }
            _ => (point, 0),
        };
        let leads = whole == 1 || (whole > 1 && bytes.get(start) != Some(&b'0'));
        let goes_on = matches!(bytes.get(end), Some(b'-' | b'+' | b'.' | b'e' | b'E'));
        if !leads || goes_on || (end > point && places == 0) || (negative && mantissa == 0) {
            return None;
        }
        let repr = if places > 0 {
            // Up to 18 digits do not overflow.
            let mantissa = i64::try_from(mantissa).ok().filter(|_| whole + places <= 18)?;
            Repr::Scaled(if negative { -mantissa } else { mantissa }, u8::try_from(places).ok()?)
        } else {
            let int = if negative { 0_i64.checked_sub_unsigned(mantissa) } else { i64::try_from(mantissa).ok() };
            match int.filter(|_| whole <= 19) {
                Some(int) => Repr::Int(int),
                None => Repr::Large(Text::from(text.get(..end)?)),
            }
        };
        Some((Self(repr), end))
    }

    /// `mantissa × 10^-scale` with all its digits, as `1.10`. Nothing where that has no room.
    pub(crate) fn fixed(mantissa: i64, scale: u8) -> Option<Self> {
        let repr = if scale == 0 { Repr::Int(mantissa) } else { Repr::Scaled(mantissa, scale) };
        (scale <= 18 && mantissa.unsigned_abs() < 10_u64.pow(18)).then_some(Self(repr))
    }

    /// `mantissa × 10^-scale` in its shortest form. Nothing where that has no room.
    pub(crate) fn of_word(mut mantissa: i64, mut scale: u8) -> Option<Self> {
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        if scale == 0 { Some(Self(Repr::Int(mantissa))) } else { Self::fixed(mantissa, scale) }
    }

    /// `mantissa × 10^-scale` in its shortest form.
    pub fn of_scaled(mantissa: i128, mut scale: u32) -> Self {
        if let (Ok(mantissa), Ok(scale)) = (i64::try_from(mantissa), u8::try_from(scale))
            && let Some(short) = Self::of_word(mantissa, scale)
        {
            return short;
        }
        let mut digits = mantissa.unsigned_abs();
        while scale > 0 && digits.is_multiple_of(10) {
            digits /= 10;
            scale -= 1;
        }
        let negative = mantissa < 0;
        if scale == 0
            && let Ok(magnitude) = i64::try_from(digits)
        {
            return Self(Repr::Int(if negative { -magnitude } else { magnitude }));
        }
        if scale == 0 && negative && digits == u128::from(i64::MIN.unsigned_abs()) {
            return Self(Repr::Int(i64::MIN));
        }
        let mut text = String::with_capacity(23);
        if negative {
            text.push('-');
        }
        let digits = digits.to_string();
        let scale = scale as usize;
        match digits.len().checked_sub(scale).filter(|whole| *whole > 0) {
            Some(whole) => {
                let (whole, fraction) = digits.split_at_checked(whole).unwrap_or((&digits, ""));
                text.push_str(whole);
                if !fraction.is_empty() {
                    text.push('.');
                    text.push_str(fraction);
                }
            }
            None => {
                text.push_str("0.");
                text.extend(std::iter::repeat_n('0', scale - digits.len()));
                text.push_str(&digits);
            }
        }
        let text = Text::from(text.as_str());
        Self(if scale == 0 { Repr::Large(text) } else { Repr::Written(text) })
    }

    /// The number as written, or in its shortest form where it was computed.
    pub fn to_text(&self) -> Text {
        match &self.0 {
            Repr::Int(int) => {
                let short = short_decimal(*int < 0, int.unsigned_abs(), 0);
                short.unwrap_or_else(|| Text::from(int.to_string()))
            }
            Repr::Scaled(mantissa, scale) => {
                short_decimal(*mantissa < 0, mantissa.unsigned_abs(), u32::from(*scale)).unwrap_or_default()
            }
            Repr::Large(text) | Repr::Written(text) => text.clone(),
        }
    }

    /// The number as a machine integer, if it was written as one that fits.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Int(int) => Some(*int),
            Repr::Scaled(..) | Repr::Large(_) | Repr::Written(_) => None,
        }
    }

    /// The nearest double; infinite if beyond its range.
    pub fn to_f64(&self) -> f64 {
        match &self.0 {
            #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
            Repr::Int(int) => *int as f64,
            Repr::Scaled(..) => self.to_text().parse().unwrap_or(f64::NAN),
            Repr::Large(text) | Repr::Written(text) => text.parse().unwrap_or(f64::NAN),
        }
    }

    /// Whether the value has no fractional part, however it is written (`1.0`, `10e-1`).
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Repr::Int(_) | Repr::Large(_) => true,
            Repr::Scaled(mantissa, scale) => power(*scale).is_some_and(|unit| mantissa % unit == 0),
            Repr::Written(text) => Decimal::of(text).is_integer(),
        }
    }

    /// `mantissa × 10^-scale` with all its digits, where a machine word has room for them.
    #[inline]
    pub(crate) fn word(&self) -> Option<(i64, u8)> {
        match self.0 {
            Repr::Int(int) => Some((int, 0)),
            Repr::Scaled(mantissa, scale) => Some((mantissa, scale)),
            Repr::Large(_) | Repr::Written(_) => None,
        }
    }

    /// Two numbers in units of the same `10^-scale`, where machine words have room.
    #[inline]
    pub(crate) fn aligned_words(&self, other: &Self) -> Option<(i64, i64, u8)> {
        let ((a, a_scale), (b, b_scale)) = self.word().zip(other.word())?;
        Some(match a_scale.cmp(&b_scale) {
            Ordering::Equal => (a, b, a_scale),
            Ordering::Less => (a.checked_mul(power(b_scale - a_scale)?)?, b, b_scale),
            Ordering::Greater => (a, b.checked_mul(power(a_scale - b_scale)?)?, a_scale),
        })
    }

    /// `mantissa × 10^-scale`, where it is written so and fits a machine's integers.
    pub(crate) fn scaled(&self) -> Option<(i128, u32)> {
        match &self.0 {
            Repr::Int(int) => Some((i128::from(*int), 0)),
            Repr::Scaled(mantissa, scale) => Some((i128::from(*mantissa), u32::from(*scale))),
            Repr::Large(text) | Repr::Written(text) if text.len() <= 30 => long(text),
            Repr::Large(_) | Repr::Written(_) => None,
        }
    }

    /// Two numbers in units of the same `10^-scale`, where a machine's integers have room.
    pub(crate) fn aligned(&self, other: &Self) -> Option<(i128, i128, u32)> {
        let ((a, a_scale), (b, b_scale)) = self.scaled().zip(other.scaled())?;
        let scale = a_scale.max(b_scale);
        Some((a.checked_mul(wide_power(scale - a_scale)?)?, b.checked_mul(wide_power(scale - b_scale)?)?, scale))
    }
}

impl From<i64> for Number {
    fn from(int: i64) -> Self {
        Self(Repr::Int(int))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Int(int) => int.fmt(f),
            Repr::Scaled(..) => f.write_str(&self.to_text()),
            Repr::Large(text) | Repr::Written(text) => f.write_str(text),
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        if let Some((a, b, _)) = self.aligned_words(other) {
            return a.cmp(&b);
        }
        let sign = |large: &Text| if large.starts_with('-') { Ordering::Less } else { Ordering::Greater };
        match (&self.0, &other.0) {
            (Repr::Large(a), Repr::Int(_) | Repr::Scaled(..)) => return sign(a),
            (Repr::Int(_) | Repr::Scaled(..), Repr::Large(b)) => return sign(b).reverse(),
            _ => {}
        }
        if let Some((a, b, _)) = self.aligned(other) {
            return a.cmp(&b);
        }
        let (a, b) = (self.to_text(), other.to_text());
        Decimal::of(&a).cmp(&Decimal::of(&b))
    }
}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Decimal::of(&self.to_text()).hash(state);
    }
}

/// `digits × 10^-scale` without allocating; nothing where that has no room.
fn short_decimal(negative: bool, mut digits: u64, scale: u32) -> Option<Text> {
    if scale > 18 {
        return None;
    }
    let mut buffer = [b'0'; 24];
    let mut free = buffer.len();
    let mut put = |byte: u8| {
        free = free.checked_sub(1)?;
        *buffer.get_mut(free)? = byte;
        Some(())
    };
    let mut place = 0;
    while digits > 0 || place <= scale {
        if place == scale && scale > 0 {
            put(b'.')?;
        }
        put(b'0' + u8::try_from(digits % 10).ok()?)?;
        digits /= 10;
        place += 1;
    }
    if negative {
        put(b'-')?;
    }
    std::str::from_utf8(buffer.get(free..)?).ok().map(Text::from)
}

/// `10^exponent`, where a machine word has room.
#[inline]
pub(crate) fn power(exponent: u8) -> Option<i64> {
    const POWERS: [i64; 19] = [
        1,
        10,
        100,
        1_000,
        10_000,
        100_000,
        1_000_000,
        10_000_000,
        100_000_000,
        1_000_000_000,
        10_000_000_000,
        100_000_000_000,
        1_000_000_000_000,
        10_000_000_000_000,
        100_000_000_000_000,
        1_000_000_000_000_000,
        10_000_000_000_000_000,
        100_000_000_000_000_000,
        1_000_000_000_000_000_000,
    ];
    POWERS.get(usize::from(exponent)).copied()
}

/// `10^exponent`, where it fits.
fn wide_power(exponent: u32) -> Option<i128> {
    10_i128.checked_pow(exponent)
}

/// Adds the digits from a place on to a number, and gives where they end. More than 19 of them wrap around.
fn take_digits(bytes: &[u8], start: usize, number: &mut u64) -> usize {
    let mut end = start;
    for byte in bytes.get(start..).unwrap_or_default() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        *number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
        end += 1;
    }
    end
}

/// The digits and the scale of a number of at most 30 characters, unless it has an exponent.
fn long(text: &str) -> Option<(i128, u32)> {
    let mut mantissa = 0_i128;
    let mut scale = None;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => {
                mantissa = mantissa * 10 + i128::from(byte - b'0');
                scale = scale.map(|scale| scale + 1);
            }
            b'.' => scale = Some(0),
            b'-' => {}
            _ => return None,
        }
    }
    Some((if text.starts_with('-') { -mantissa } else { mantissa }, scale.unwrap_or(0)))
}

/// `[ minus ] int [ frac ] [ exp ]`, RFC 8259 section 6.
fn is_json_number(text: &str) -> bool {
    let bytes = text.as_bytes();
    let unsigned = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let (whole, rest) = digits(unsigned);
    if whole.is_empty() || (whole.len() > 1 && whole.starts_with(b"0")) {
        return false;
    }
    let rest = match rest.strip_prefix(b".").map(digits) {
        Some(([], _)) => return false,
        Some((_, rest)) => rest,
        None => rest,
    };
    match rest {
        [] => true,
        [b'e' | b'E', exponent @ ..] => {
            let bare = exponent.strip_prefix(b"+").or_else(|| exponent.strip_prefix(b"-")).unwrap_or(exponent);
            let value = std::str::from_utf8(bare).ok().and_then(|bare| bare.parse::<i64>().ok());
            digits(bare).1.is_empty() && value.is_some_and(|value| value <= MAX_EXPONENT)
        }
        _ => false,
    }
}

/// The digits at the beginning, and what follows.
fn digits(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap_or_else(|| panic!("{text} is a JSON number"))
    }

    #[test]
    fn keeps_what_was_written() {
        for text in [
            "0",
            "-7",
            "-9223372036854775808",
            "-0",
            "1.10",
            "12345678901234567890",
            "1E2",
            "1e+400",
            "-0.0",
            "0.0",
            "-0.50",
            "0.00000000000000001",
            "0.000000000000000001",
            "12345678901234567.8",
            "123456789012345678.9",
            "9223372036854775807",
            "-9223372036854775809",
        ] {
            assert_eq!(number(text).to_text(), text);
        }
    }

    #[test]
    fn writes_scaled_integers_in_their_shortest_form() {
        let text = |mantissa, scale| Number::of_scaled(mantissa, scale).to_text().to_string();
        assert_eq!(text(0, 5), "0");
        assert_eq!(text(110, 2), "1.1");
        assert_eq!(text(-5, 3), "-0.005");
        assert_eq!(text(1_999, 2), "19.99");
        assert_eq!(text(200, 2), "2");
        assert_eq!(text(i128::from(i64::MIN), 0), "-9223372036854775808");
        assert_eq!(text(i128::from(u64::MAX), 18), "18.446744073709551615");
        assert_eq!(text(1, 25), "0.0000000000000000000000001");
        assert_eq!(text(-123_456_789_012_345_678_901_234, 3), "-123456789012345678901.234");
        assert!(Number::of_scaled(i128::from(i64::MIN), 0).as_i64().is_some());
    }

    proptest! {
        /// The short way of small numbers and the long way of all others.
        #[test]
        fn compares_small_ones_as_all_others(a in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,12})?", b in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,12})?") {
            prop_assert_eq!(number(&a).cmp(&number(&b)), Decimal::of(&a).cmp(&Decimal::of(&b)));
            prop_assert_eq!(number(&b).cmp(&number("-1.5")), Decimal::of(&b).cmp(&Decimal::of("-1.5")));
            prop_assert_eq!(number(&a).is_integer(), Decimal::of(&a).is_integer());
            prop_assert_eq!(number(&a).to_text(), a.as_str());
            prop_assert_eq!(number(&a).to_string(), a.as_str());
        }
    }

    #[test]
    fn refuses_what_json_cannot_write() {
        for text in [
            "",
            "-",
            "007",
            "00.5",
            "-.5",
            "1.2.3",
            "+5",
            ".5",
            "5.",
            "1e",
            "1e+",
            "0x1F",
            "NaN",
            "1 ",
            "1e9999999999",
            "--1",
        ] {
            assert!(Number::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn compares_by_value() {
        assert_eq!(number("1.0"), number("1"));
        assert_eq!(number("100"), number("1E2"));
        assert_eq!(number("-0"), number("0"));
        assert!(number("12345678901234567890") < number("12345678901234567891"));
        assert!(number("-2") < number("-1.5"));
        assert!(number("1e-400") > number("0"));
        assert!(number("0.1") < number("0.11"));
        assert!(number("10e-1").is_integer() && number("12.000").is_integer() && !number("1.5").is_integer());
        assert!(!number("1000000000000000000000.5").is_integer() && number("100000000000000000000.0").is_integer());
    }
}
