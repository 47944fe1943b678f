//! Arithmetic: exact over decimals, with bounds on what it may cost.

use std::cmp::Ordering;
use std::str::FromStr;

use bigdecimal::num_bigint::BigInt;
use bigdecimal::{BigDecimal, RoundingMode, ToPrimitive, Zero};
use jaq_core::ops::Math;

use crate::message::{Number, power};

/// Digits, and zeros that an exponent stands for, of a number that is computed with.
const MAX_DIGITS: i64 = 4_096;
/// Digits after which a quotient is given up as not terminating.
const QUOTIENT_DIGITS: usize = 40;

/// Why a computation has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    /// Bounded, so that `1e999999999 + 1` does not write a billion digits.
    #[error("a number has more than {MAX_DIGITS} digits to compute with")]
    TooLarge,
    #[error("division by zero")]
    DivisionByZero,
    #[error("the result is not a finite number")]
    NotFinite,
}

/// A number of these digits, the last `scale` of them behind the point.
fn written(mut digits: String, negative: bool, scale: usize) -> Number {
    if scale > 0 {
        if digits.len() <= scale {
            digits.insert_str(0, &"0".repeat(scale + 1 - digits.len()));
        }
        digits.insert(digits.len() - scale, '.');
    }
    if negative {
        digits.insert(0, '-');
    }
    parsed(&digits)
}

/// The text is made here and always a number; zero stands for the impossible.
fn parsed(text: &str) -> Number {
    Number::parse(text).unwrap_or_else(|| Number::from(0))
}

fn big(number: &Number) -> Result<BigDecimal, Error> {
    let written = number.to_text();
    let text = written.as_str();
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let exponent = text.split(['e', 'E']).nth(1).map_or(Ok(0), str::parse::<i64>).unwrap_or(i64::MAX);
    let digits = i64::try_from(mantissa.len()).unwrap_or(i64::MAX);
    if digits.saturating_add(exponent.saturating_abs()) > MAX_DIGITS {
        return Err(Error::TooLarge);
    }
    BigDecimal::from_str(text).map_err(|_| Error::TooLarge)
}

fn of_big(value: &BigDecimal) -> Result<Number, Error> {
    let (mantissa, scale) = value.normalized().into_bigint_and_exponent();
    let text = mantissa.magnitude().to_string();
    let digits = i64::try_from(text.len()).unwrap_or(i64::MAX);
    if digits.saturating_add(scale.saturating_abs()) > 2 * MAX_DIGITS {
        return Err(Error::TooLarge);
    }
    let negative = mantissa < BigInt::ZERO;
    Ok(match usize::try_from(scale) {
        Ok(scale) if scale <= 64 => written(text, negative, scale),
        Err(_) if scale >= -64 => written(text + &"0".repeat(usize::try_from(-scale).unwrap_or(0)), negative, 0),
        _ => parsed(&format!("{}{text}e{}", if negative { "-" } else { "" }, -scale)),
    })
}

/// `a op b`.
pub(super) fn math(op: Math, a: &Number, b: &Number) -> Result<Number, Error> {
    match op {
        Math::Add => add(a, b),
        Math::Sub => subtract(a, b),
        Math::Mul => multiply(a, b),
        Math::Div => divide(a, b),
        Math::Rem => remainder(a, b),
    }
}

pub(super) fn add(a: &Number, b: &Number) -> Result<Number, Error> {
    if let Some((a, b, scale)) = a.aligned_words(b)
        && let Some(sum) = a.checked_add(b).and_then(|sum| Number::of_word(sum, scale))
    {
        return Ok(sum);
    }
    if let Some((a, b, scale)) = a.aligned(b)
        && let Some(sum) = a.checked_add(b)
    {
        return Ok(Number::of_scaled(sum, scale));
    }
    of_big(&(big(a)? + big(b)?))
}

pub(super) fn negate(number: &Number) -> Number {
    if let Some(negated) = number.as_i64().and_then(i64::checked_neg) {
        return Number::from(negated);
    }
    // Zero with digits behind the point becomes `-0.00`, which no machine word tells from `0.00`.
    if let Some((mantissa, scale)) = number.word()
        && mantissa != 0
        && let Some(negated) = mantissa.checked_neg().and_then(|negated| Number::fixed(negated, scale))
    {
        return negated;
    }
    let text = number.to_text();
    match text.strip_prefix('-') {
        Some(rest) => parsed(&rest),
        None => parsed(&format!("-{text}")),
    }
}

pub(super) fn subtract(a: &Number, b: &Number) -> Result<Number, Error> {
    if let Some((a, b, scale)) = a.aligned_words(b)
        && let Some(difference) = a.checked_sub(b).and_then(|difference| Number::of_word(difference, scale))
    {
        return Ok(difference);
    }
    add(a, &negate(b))
}

pub(super) fn multiply(a: &Number, b: &Number) -> Result<Number, Error> {
    if let (Some((a, a_scale)), Some((b, b_scale))) = (a.word(), b.word())
        && let Some(product) = a.checked_mul(b).and_then(|product| Number::of_word(product, a_scale + b_scale))
    {
        return Ok(product);
    }
    if let (Some((a, a_scale)), Some((b, b_scale))) = (a.scaled(), b.scaled())
        && let Some(product) = a.checked_mul(b)
    {
        return Ok(Number::of_scaled(product, a_scale + b_scale));
    }
    of_big(&(big(a)? * big(b)?))
}

/// Exact where the quotient ends within 40 digits, else the nearest double.
pub(super) fn divide(a: &Number, b: &Number) -> Result<Number, Error> {
    if is_zero(b) {
        return Err(Error::DivisionByZero);
    }
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64())
        && a.checked_rem(b) == Some(0)
    {
        return Ok(Number::from(a / b));
    }
    let (a_big, a_scale) = big(a)?.into_bigint_and_exponent();
    let (b_big, b_scale) = big(b)?.into_bigint_and_exponent();
    let (mut top, mut bottom) = (a_big, b_big);
    let shift = u32::try_from((b_scale - a_scale).unsigned_abs()).map_err(|_| Error::TooLarge)?;
    let by = BigInt::from(10).pow(shift);
    if b_scale >= a_scale {
        top *= by;
    } else {
        bottom *= by;
    }
    let mut digits = &top / &bottom;
    let mut rest = &top % &bottom;
    let mut scale = 0;
    while !rest.is_zero() && scale < QUOTIENT_DIGITS {
        rest *= 10;
        digits = digits * 10 + &rest / &bottom;
        rest = &rest % &bottom;
        scale += 1;
    }
    if rest.is_zero() {
        return of_big(&BigDecimal::from_bigint(digits, i64::try_from(scale).unwrap_or(0)));
    }
    of_f64(a.to_f64() / b.to_f64())
}

/// The remainder of the integer parts, with the sign of the dividend.
pub(super) fn remainder(a: &Number, b: &Number) -> Result<Number, Error> {
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64())
        && b != 0
    {
        return Ok(Number::from(a.checked_rem(b).unwrap_or(0)));
    }
    let whole = |number: &Number| Ok(big(number)?.with_scale_round(0, RoundingMode::Down).into_bigint_and_exponent().0);
    let (a, b) = (whole(a)?, whole(b)?);
    if b.is_zero() {
        return Err(Error::DivisionByZero);
    }
    of_big(&BigDecimal::from(a % b))
}

/// A double in its shortest form that reads back the same.
pub(super) fn of_f64(value: f64) -> Result<Number, Error> {
    if !value.is_finite() {
        return Err(Error::NotFinite);
    }
    if value == 0.0 {
        return Ok(Number::from(0));
    }
    let plain = (1e-7..1e17).contains(&value.abs());
    Ok(parsed(&if plain { format!("{value}") } else { format!("{value:e}") }))
}

/// The nearest integer in this direction.
pub(super) fn round(number: &Number, mode: RoundingMode) -> Result<Number, Error> {
    if number.as_i64().is_some() || number.is_integer() {
        return Ok(number.clone());
    }
    of_big(&big(number)?.with_scale_round(0, mode))
}

/// Rounds to so many digits behind the point and writes them all, as in `1.10`.
pub(super) fn fixed(number: &Number, scale: u8, mode: RoundingMode) -> Result<Number, Error> {
    match fixed_small(number, scale, mode) {
        Some(fixed) => Ok(fixed),
        None => fixed_big(number, scale, mode),
    }
}

fn fixed_big(number: &Number, scale: u8, mode: RoundingMode) -> Result<Number, Error> {
    let rounded = big(number)?.with_scale_round(i64::from(scale), mode);
    let (mantissa, _) = rounded.into_bigint_and_exponent();
    let negative = mantissa < BigInt::ZERO;
    Ok(written(mantissa.magnitude().to_string(), negative, usize::from(scale)))
}

/// The integer at or below a number, for indices; beyond the machine's range its end.
pub(super) fn index(number: &Number) -> i64 {
    number.as_i64().unwrap_or_else(|| {
        let floor = number.to_f64().floor();
        floor.to_i64().unwrap_or(if floor > 0.0 { i64::MAX } else { i64::MIN })
    })
}

fn is_zero(number: &Number) -> bool {
    match number.scaled() {
        Some((mantissa, _)) => mantissa == 0,
        None => {
            let text = number.to_text();
            !text.bytes().take_while(|byte| !matches!(byte, b'e' | b'E')).any(|byte| (b'1'..=b'9').contains(&byte))
        }
    }
}

/// Rounds in machine words, where they have room.
fn fixed_small(number: &Number, scale: u8, mode: RoundingMode) -> Option<Number> {
    let (mantissa, from) = number.word()?;
    let rounded = match from.checked_sub(scale) {
        None => mantissa.checked_mul(power(scale - from)?)?,
        Some(excess) => {
            let unit = power(excess)?;
            let (kept, rest) = (mantissa / unit, mantissa % unit);
            let up = match (mode, (2 * rest.abs()).cmp(&unit)) {
                _ if rest == 0 => false,
                (RoundingMode::Down, _) => false,
                (RoundingMode::HalfUp | RoundingMode::HalfEven, Ordering::Less) => false,
                (RoundingMode::HalfUp | RoundingMode::HalfEven, Ordering::Greater) => true,
                (RoundingMode::HalfUp, Ordering::Equal) => true,
                (RoundingMode::HalfEven, Ordering::Equal) => kept % 2 != 0,
                _ => return None,
            };
            kept + i64::from(up) * mantissa.signum()
        }
    };
    Number::fixed(rounded, scale)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    #[test]
    fn computes_exactly() {
        type Operation = fn(&Number, &Number) -> Result<Number, Error>;
        let cases: [(Operation, &str, &str, &str); 23] = [
            (add, "0.1", "0.2", "0.3"),
            (add, "1.10", "2.20", "3.3"),
            (add, "12345678901234567890", "1", "12345678901234567891"),
            (add, "9223372036854775807", "1", "9223372036854775808"),
            (add, "1e30", "0.5", "1000000000000000000000000000000.5"),
            (subtract, "-9223372036854775808", "1", "-9223372036854775809"),
            (subtract, "0.3", "0.1", "0.2"),
            (multiply, "19.99", "3", "59.97"),
            (multiply, "99999999999999999999", "99999999999999999999", "9999999999999999999800000000000000000001"),
            (subtract, "1.10", "0.1", "1"),
            (subtract, "0", "9223372036854775807.5", "-9223372036854775807.5"),
            (add, "0.000000000000000001", "9", "9.000000000000000001"),
            (multiply, "-0.50", "0.5", "-0.25"),
            (multiply, "123456789012.5", "98765432.5", "12193263161880810406.25"),
            (multiply, "0.0000000001", "0.0000000001", "0.00000000000000000001"),
            (multiply, "0.5", "2", "1"),
            (divide, "1", "8", "0.125"),
            (divide, "10", "4", "2.5"),
            (divide, "1", "3", "0.3333333333333333"),
            (divide, "6", "3", "2"),
            (remainder, "5.9", "2", "1"),
            (remainder, "-5", "3", "-2"),
            (remainder, "12345678901234567890", "7", "1"),
        ];
        for (operation, a, b, expected) in cases {
            let result = operation(&number(a), &number(b)).unwrap();
            assert_eq!(result.to_text(), expected, "{a}, {b}");
        }
    }

    #[test]
    fn negates_as_written() {
        for (text, negated) in [("0", "0"), ("5.00", "-5.00"), ("-5.00", "5.00"), ("0.00", "-0.00"), ("-1e3", "1e3")] {
            assert_eq!(negate(&number(text)).to_text(), negated);
        }
    }

    #[test]
    fn refuses_what_would_explode() {
        assert_eq!(add(&number("1e999999999"), &number("1")), Err(Error::TooLarge));
        assert_eq!(multiply(&number("1e5000"), &number("1.5")), Err(Error::TooLarge));
        assert_eq!(divide(&number("1"), &number("0.0")), Err(Error::DivisionByZero));
        assert_eq!(remainder(&number("1"), &number("0.5")), Err(Error::DivisionByZero));
        assert_eq!(of_f64(f64::INFINITY), Err(Error::NotFinite));
    }

    proptest! {
        /// In machine words as without a bound.
        #[test]
        fn rounds_small_ones_as_large_ones(text in "-?(0|[1-9][0-9]{0,16})(\\.[0-9]{1,8})?", scale in 0_u8..6, half in any::<bool>()) {
            let halves = if half { "5" } else { "" };
            let text = if text.contains('.') { text + halves } else { text };
            for mode in [RoundingMode::HalfEven, RoundingMode::HalfUp, RoundingMode::Down] {
                let big = fixed_big(&number(&text), scale, mode).unwrap();
                let small = fixed_small(&number(&text), scale, mode);
                prop_assert!(small.as_ref().is_none_or(|small| small.to_text() == big.to_text()), "{small:?} {big}");
            }
        }
    }

    #[test]
    fn rounds_decimals() {
        let fixed = |text: &str, scale, mode| fixed(&number(text), scale, mode).unwrap().to_text().to_string();
        assert_eq!(fixed("1.1", 2, RoundingMode::HalfEven), "1.10");
        assert_eq!(fixed("2.345", 2, RoundingMode::HalfEven), "2.34");
        assert_eq!(fixed("2.345", 2, RoundingMode::HalfUp), "2.35");
        assert_eq!(fixed("-0.001", 2, RoundingMode::HalfEven), "0.00");
        assert_eq!(fixed("5", 0, RoundingMode::HalfEven), "5");
        assert_eq!(round(&number("-1.5"), RoundingMode::Floor).unwrap().to_text(), "-2");
        assert_eq!(round(&number("1e400"), RoundingMode::Floor).unwrap().to_text(), "1e400");
    }
}
