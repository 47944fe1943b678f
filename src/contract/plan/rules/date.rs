//! The common lexical forms of dates and times (XML Schema part 2, sections 3.2.7 to 3.2.9): years of four digits, no
//! hour 24. The others are the engine's.

/// `xs:date`
pub(in crate::contract) fn is_date(text: &str) -> bool {
    date(text.as_bytes()).is_some_and(zone)
}

/// `xs:time`
pub(in crate::contract) fn is_time(text: &str) -> bool {
    time(text.as_bytes()).is_some_and(zone)
}

/// `xs:dateTime`
pub(in crate::contract) fn is_date_time(text: &str) -> bool {
    let time_of = |rest: &'_ [u8]| rest.strip_prefix(b"T").and_then(time).is_some_and(zone);
    date(text.as_bytes()).is_some_and(time_of)
}

/// A number of so many digits, and what follows it.
fn number(text: &[u8], digits: usize) -> Option<(u32, &[u8])> {
    let (number, rest) = text.split_at_checked(digits)?;
    let add = |sum: u32, digit: &u8| digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0'));
    Some((number.iter().try_fold(0, add)?, rest))
}

fn date(text: &[u8]) -> Option<&[u8]> {
    let (year, rest) = number(text, 4)?;
    let (month, rest) = number(rest.strip_prefix(b"-")?, 2)?;
    let (day, rest) = number(rest.strip_prefix(b"-")?, 2)?;
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return None,
    };
    (year > 0 && (1..=days).contains(&day)).then_some(rest)
}

fn time(text: &[u8]) -> Option<&[u8]> {
    let (hour, rest) = number(text, 2)?;
    let (minute, rest) = number(rest.strip_prefix(b":")?, 2)?;
    let (second, rest) = number(rest.strip_prefix(b":")?, 2)?;
    let rest = match rest.strip_prefix(b".") {
        None => rest,
        Some(fraction) => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            fraction.get(digits..).filter(|_| digits > 0)?
        }
    };
    (hour < 24 && minute < 60 && second < 60).then_some(rest)
}

fn zone(text: &[u8]) -> bool {
    let offset = |rest: &[u8]| {
        let (hours, rest) = number(rest, 2)?;
        let (minutes, rest) = number(rest.strip_prefix(b":")?, 2)?;
        Some(rest.is_empty() && hours < 14 && minutes < 60)
    };
    match text.split_first() {
        None => true,
        Some((b'Z', rest)) => rest.is_empty(),
        Some((b'+' | b'-', rest)) => offset(rest).unwrap_or(false),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_in_the_calendar() {
        for text in ["2026-11-21", "2024-02-29", "2000-02-29Z", "0001-01-01+13:59", "9999-12-31-05:00"] {
            assert!(is_date(text), "{text}");
        }
        for text in [
            "2026-2-1",
            "2026-02-29",
            "1900-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-04-31",
            "0000-01-01",
            "2026-01-01z",
            "2026-01-01+14:01",
            "",
            "2026-01-01 ",
        ] {
            assert!(!is_date(text), "{text}");
        }
        for text in ["2026-11-21T00:00:00", "2026-11-21T23:59:59.999999999999Z", "2026-11-21T09:30:00+01:00"] {
            assert!(is_date_time(text), "{text}");
        }
        for text in [
            "2026-11-21",
            "2026-11-21T24:00:01",
            "2026-11-21T09:60:00",
            "2026-11-21T09:30:00.",
            "2026-11-21t09:30:00",
            "2026-11-21T09:30",
        ] {
            assert!(!is_date_time(text), "{text}");
        }
        assert!(is_time("09:30:00Z") && !is_time("9:30:00"));
    }
}
