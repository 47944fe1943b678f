//! Dates and times, always in UTC: seconds since 1970 and broken down time, as jq has them.

use jiff::civil::DateTime;
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::{Timestamp, tz};

use super::num;
use super::ops;
use super::stop::{Flow, Stop, fail};
use crate::message::{Number, Value};

fn out_of_range(error: impl std::fmt::Display) -> Stop {
    fail(format!("this is not a time: {error}"))
}

fn seconds(value: &Value) -> Flow<Timestamp> {
    let Value::Number(number) = value else {
        return Err(fail(format!("a time is a number of seconds since 1970, not {}", ops::described(value))));
    };
    match number.as_i64() {
        Some(seconds) => Timestamp::from_second(seconds).map_err(out_of_range),
        None => {
            let micros = num::index(&num::multiply(number, &Number::from(1_000_000))?);
            Timestamp::from_microsecond(micros).map_err(out_of_range)
        }
    }
}

fn of_timestamp(time: Timestamp) -> Flow<Value> {
    let micros = Number::from(time.as_microsecond());
    Ok(Value::Number(num::divide(&micros, &Number::from(1_000_000))?))
}

/// RFC 3339, with fraction and offset.
pub(super) fn from_iso8601(text: &str) -> Flow<Value> {
    let time = text.parse::<Timestamp>();
    of_timestamp(time.map_err(|error| fail(format!("this is not a time of the form 2026-01-31T12:00:00Z: {error}")))?)
}

/// RFC 3339 to the second.
pub(super) fn to_iso8601(value: &Value) -> Flow<Value> {
    let time = Timestamp::from_second(floor_second(seconds(value)?)).map_err(out_of_range)?;
    Ok(Value::from(time.to_string().as_str()))
}

fn floor_second(time: Timestamp) -> i64 {
    time.as_second() - i64::from(time.subsec_nanosecond() < 0)
}

/// The parts of a time: year, month from 0, day, hours, minutes, seconds, day of the week, day of the year from 0.
pub(super) fn to_parts(value: &Value) -> Flow<Value> {
    parts(tz::Offset::UTC.to_datetime(seconds(value)?))
}

fn parts(time: DateTime) -> Flow<Value> {
    let second = if time.subsec_nanosecond() > 0 {
        let nanos = Number::from(i64::from(time.second()) * 1_000_000_000 + i64::from(time.subsec_nanosecond()));
        num::divide(&nanos, &Number::from(1_000_000_000))?
    } else {
        Number::from(i64::from(time.second()))
    };
    let int = |value: i64| Value::from(value);
    Ok(Value::array(vec![
        int(time.year().into()),
        int(i64::from(time.month()) - 1),
        int(time.day().into()),
        int(time.hour().into()),
        int(time.minute().into()),
        Value::Number(second),
        int(time.weekday().to_sunday_zero_offset().into()),
        int(i64::from(time.day_of_year()) - 1),
    ]))
}

fn from_parts(value: &Value) -> Flow<DateTime> {
    let wrong = || fail("a broken down time is an array of year, month from 0, day, hours, minutes and seconds");
    let Value::Array(items) = value else { return Err(wrong()) };
    let part = |at: usize| match items.get(at) {
        Some(Value::Number(number)) => Ok(num::index(number)),
        _ => Err(wrong()),
    };
    let small = |at: usize| i8::try_from(part(at)?).map_err(|_| wrong());
    let year = i16::try_from(part(0)?).map_err(|_| wrong())?;
    let month = small(1)?.checked_add(1).ok_or_else(wrong)?;
    let nanos = match items.get(5) {
        Some(Value::Number(number)) => {
            let fraction = num::subtract(number, &Number::from(num::index(number)))?;
            i32::try_from(num::index(&num::multiply(&fraction, &Number::from(1_000_000_000))?)).map_err(|_| wrong())?
        }
        _ => return Err(wrong()),
    };
    DateTime::new(year, month, small(2)?, small(3)?, small(4)?, small(5)?, nanos).map_err(out_of_range)
}

/// Seconds since 1970 of a broken down time.
pub(super) fn of_parts(value: &Value) -> Flow<Value> {
    let time = from_parts(value)?.to_zoned(tz::TimeZone::UTC).map_err(out_of_range)?;
    Ok(Value::from(floor_second(time.timestamp())))
}

/// `strftime`: of seconds or of a broken down time.
pub(super) fn format(value: &Value, format: &str) -> Flow<Value> {
    let time = match value {
        Value::Array(_) => from_parts(value)?.to_zoned(tz::TimeZone::UTC).map_err(out_of_range)?,
        other => seconds(other)?.to_zoned(tz::TimeZone::UTC),
    };
    let text =
        strtime::format(format, &time).map_err(|error| fail(format!("the time cannot be written so: {error}")))?;
    Ok(Value::from(text.as_str()))
}

/// `strptime`: to a broken down time.
pub(super) fn parse(text: &str, format: &str) -> Flow<Value> {
    let wrong = |error: jiff::Error| fail(format!("the time is not of the form \"{format}\": {error}"));
    let mut time = BrokenDownTime::parse(format, text).map_err(wrong)?;
    if time.offset().is_none() && time.iana_time_zone().is_none() {
        time.set_offset(Some(tz::Offset::UTC));
    }
    let time = time.to_timestamp().map_err(wrong)?;
    parts(tz::Offset::UTC.to_datetime(time))
}
