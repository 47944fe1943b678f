//! The numeric keywords by value: the engine's own compare doubles, in which `12345678901234567891` is not more than
//! `12345678901234567890`.

use jsonschema::paths::Location;
use jsonschema::{Keyword, ValidationError};
use serde_json::{Map, Value as Json};

use super::node::Document;
use crate::message::{Number, Value};

/// The keywords that [`keyword`] makes.
pub(crate) const KEYWORDS: [&str; 5] = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];

type Made<'a> = Result<Box<dyn for<'i> Keyword<'i, Document>>, ValidationError<'a>>;

/// Makes one of the keywords from its schema.
pub(crate) fn keyword(name: &'static str) -> impl for<'a> Fn(&'a Map<String, Json>, &'a Json, Location) -> Made<'a> {
    move |schema, limit, _| {
        // In draft 4 the exclusive keywords are flags of the others.
        let flag = |name: &str| schema.get(name) == Some(&Json::Bool(true));
        let rule = match name {
            "minimum" if flag("exclusiveMinimum") => "exclusiveMinimum",
            "maximum" if flag("exclusiveMaximum") => "exclusiveMaximum",
            name => name,
        };
        let limit = limit.is_number().then(|| Number::parse(&limit.to_string())).flatten();
        Ok(Box::new(Bound { rule, limit }))
    }
}

struct Bound {
    rule: &'static str,
    limit: Option<Number>,
}

impl Bound {
    fn allows(&self, value: &Value) -> bool {
        let (Value::Number(number), Some(limit)) = (value, &self.limit) else {
            return true;
        };
        match self.rule {
            "minimum" => number >= limit,
            "maximum" => number <= limit,
            "exclusiveMinimum" => number > limit,
            "exclusiveMaximum" => number < limit,
            _ => is_multiple(number, limit),
        }
    }
}

impl<'i> Keyword<'i, Document> for Bound {
    fn validate(&self, value: &'i Value) -> Result<(), ValidationError<'i>> {
        if self.allows(value) {
            return Ok(());
        }
        let limit = self.limit.as_ref().map(ToString::to_string).unwrap_or_default();
        let words = match self.rule {
            "minimum" => "is less than the minimum",
            "maximum" => "is more than the maximum",
            "exclusiveMinimum" => "is not more than",
            "exclusiveMaximum" => "is not less than",
            _ => "is not a multiple of",
        };
        let number = match value {
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        Err(ValidationError::custom(format!("{number} {words} {limit}")))
    }

    fn is_valid(&self, value: &'i Value) -> bool {
        self.allows(value)
    }
}

/// Whether a number is a whole multiple of another, for every exponent without large arithmetic.
fn is_multiple(number: &Number, of: &Number) -> bool {
    let (number, of) = (number.to_text(), of.to_text());
    let (digits, exponent) = scientific(&number);
    let (divisor, divisor_exponent) = scientific(&of);
    let Ok(divisor) = divisor.parse::<u128>() else {
        return digits.is_empty();
    };
    if digits.is_empty() {
        return true;
    }
    // The digits end in no zero: with more decimal places than the divisor it cannot divide them.
    let Ok(mut power) = u64::try_from(exponent.saturating_sub(divisor_exponent)) else {
        return false;
    };
    let mut remainder = digits.bytes().fold(0, |rest, digit| (rest * 10 + u128::from(digit - b'0')) % divisor);
    let mut ten = 10 % divisor;
    while power > 0 && remainder != 0 {
        if power & 1 == 1 {
            remainder = multiply(remainder, ten, divisor);
        }
        ten = multiply(ten, ten, divisor);
        power >>= 1;
    }
    remainder == 0
}

/// `a × b` modulo a number of at most twenty digits, by doubling.
fn multiply(mut a: u128, mut b: u128, modulus: u128) -> u128 {
    let mut product = 0;
    while b > 0 {
        if b & 1 == 1 {
            product = (product + a) % modulus;
        }
        a = a * 2 % modulus;
        b >>= 1;
    }
    product
}

/// The digits of a number without zeros at either end, and the exponent of the last one. No digits for zero.
fn scientific(text: &str) -> (String, i64) {
    let text = text.trim_start_matches('-');
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_end_matches('0');
    let places = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    let exponent = exponent.parse::<i64>().unwrap_or(0);
    let last = exponent.saturating_sub(places(fraction.len())).saturating_add(places(all.len() - digits.len()));
    (digits.trim_start_matches('0').to_owned(), last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiples_are_exact() {
        let is = |number: &str, of: &str| is_multiple(&Number::parse(number).unwrap(), &Number::parse(of).unwrap());
        for (number, of) in [
            ("0", "0.01"),
            ("1.10", "0.01"),
            ("19.99", "0.01"),
            ("4.35", "0.01"),
            ("-0.30", "0.1"),
            ("1e400", "0.01"),
            ("1e999999999", "64"),
            ("12345678901234567890", "10"),
            ("36893488147419103232", "18446744073709551616"),
            ("1E2", "25"),
            ("0.000001", "1e-7"),
        ] {
            assert!(is(number, of), "{number} is a multiple of {of}");
        }
        for (number, of) in [
            ("1.105", "0.01"),
            ("0.001", "0.01"),
            ("12345678901234567891", "10"),
            ("1e999999999", "3"),
            ("1e-999999999", "3"),
            ("36893488147419103233", "18446744073709551616"),
        ] {
            assert!(!is(number, of), "{number} is no multiple of {of}");
        }
    }
}
