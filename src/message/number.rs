//! Numbers as written (RFC 8259 section 6): every digit is kept until somebody computes with them.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

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
    /// Any other lexical form that JSON's grammar allows.
    Written(Text),
}

impl Number {
    /// Takes a lexical form. `None` if it is not a number of JSON's grammar, or its exponent is beyond
    /// [`MAX_EXPONENT`].
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(int) = canonical_int(text) {
            return Some(Self(Repr::Int(int)));
        }
        is_json_number(text).then(|| Self(Repr::Written(Text::from(text))))
    }

    /// `mantissa × 10^-scale` in its shortest form.
    pub fn of_scaled(mantissa: i128, mut scale: u32) -> Self {
        let mut digits = mantissa.unsigned_abs();
        if let Ok(mut small) = u64::try_from(digits) {
            while scale > 0 && small.is_multiple_of(10) {
                small /= 10;
                scale -= 1;
            }
            if scale > 0
                && let Some(text) = short_decimal(mantissa < 0, small, scale)
            {
                return Self(Repr::Written(text));
            }
            digits = u128::from(small);
        }
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
        Self(Repr::Written(Text::from(text.as_str())))
    }

    /// The number as written, or in its shortest form where it was computed.
    pub fn to_text(&self) -> Text {
        match &self.0 {
            Repr::Int(int) => {
                let short = short_decimal(*int < 0, int.unsigned_abs(), 0);
                short.unwrap_or_else(|| Text::from(int.to_string()))
            }
            Repr::Written(text) => text.clone(),
        }
    }

    /// The number as a machine integer, if it was written as one that fits.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Int(int) => Some(*int),
            Repr::Written(_) => None,
        }
    }

    /// The written form of everything that [`Number::as_i64`] does not give.
    pub fn as_written(&self) -> Option<&Text> {
        match &self.0 {
            Repr::Int(_) => None,
            Repr::Written(text) => Some(text),
        }
    }

    /// The nearest double; infinite if beyond its range.
    pub fn to_f64(&self) -> f64 {
        match &self.0 {
            #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
            Repr::Int(int) => *int as f64,
            Repr::Written(text) => text.parse().unwrap_or(f64::NAN),
        }
    }

    /// Whether the value has no fractional part, however it is written (`1.0`, `10e-1`).
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Repr::Int(_) => true,
            Repr::Written(text) => Decimal::of(text).is_integer(),
        }
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
            Repr::Written(text) => f.write_str(text),
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
        if let (Repr::Int(a), Repr::Int(b)) = (&self.0, &other.0) {
            return a.cmp(b);
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

/// A decimal in normal form: `sign 0.digits × 10^exponent`, without leading or trailing zero digits.
#[derive(PartialEq, Eq, Hash)]
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    fn of(text: &str) -> Self {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().unwrap_or(0)),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = || whole.bytes().chain(fraction.bytes());
        let leading = all().take_while(|digit| *digit == b'0').count();
        let mut digits: Vec<u8> = all().skip(leading).collect();
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        if digits.is_empty() {
            return Self { negative: false, digits, exponent: 0 };
        }
        let places = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let exponent = exponent.saturating_add(places(whole.len())).saturating_sub(places(leading));
        Self { negative, digits, exponent }
    }

    fn is_integer(&self) -> bool {
        self.digits.is_empty() || i64::try_from(self.digits.len()).is_ok_and(|len| len <= self.exponent)
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |d: &Self| match (d.digits.is_empty(), d.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let magnitude = || self.exponent.cmp(&other.exponent).then_with(|| self.digits.cmp(&other.digits));
        match (sign(self), sign(other)) {
            (a, b) if a != b => a.cmp(&b),
            (0, _) => Ordering::Equal,
            (-1, _) => magnitude().reverse(),
            _ => magnitude(),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
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

fn canonical_int(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = match digits.as_bytes() {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', rest @ ..] => rest.len() < 19 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if canonical { text.parse().ok() } else { None }
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
            "9223372036854775807",
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

    #[test]
    fn refuses_what_json_cannot_write() {
        for text in ["", "-", "007", "+5", ".5", "5.", "1e", "1e+", "0x1F", "NaN", "1 ", "1e9999999999", "--1"] {
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
        assert!(number("10e-1").is_integer() && !number("1.5").is_integer());
    }
}
