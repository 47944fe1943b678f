//! Headers and properties as values of the mapping language, and back.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::endpoint::Delivery;
use crate::message::{Field, Headers, Number, Properties, Text, Value};

use super::target::SHORT_STRING;

/// Tables and arrays of headers nest no deeper than this: what is deeper is left out of `$headers`, and refused in `set`.
const DEPTH: usize = 32;

/// `$headers`: by name. Bytes that are no UTF-8 stand as base64.
pub(crate) fn headers(headers: &Headers) -> Value {
    table(headers, DEPTH)
}

fn table(headers: &Headers, depth: usize) -> Value {
    headers.iter().map(|(name, field)| (name.clone(), value(field, depth))).collect()
}

fn value(field: &Field, depth: usize) -> Value {
    let bytes = |bytes: &Bytes| match std::str::from_utf8(bytes) {
        Ok(text) => Value::from(text),
        Err(_) => Value::from(STANDARD.encode(bytes).as_str()),
    };
    let Some(inner) = depth.checked_sub(1) else { return Value::Null };
    match field {
        Field::Void => Value::Null,
        Field::Bool(bool) => Value::Bool(*bool),
        Field::I8(int) => i64::from(*int).into(),
        Field::U8(int) => i64::from(*int).into(),
        Field::I16(int) => i64::from(*int).into(),
        Field::U16(int) => i64::from(*int).into(),
        Field::I32(int) => i64::from(*int).into(),
        Field::U32(int) => i64::from(*int).into(),
        Field::I64(int) => (*int).into(),
        Field::F32(float) => number(&float.to_string()),
        Field::F64(float) => number(&float.to_string()),
        Field::Decimal { scale, value } => number(&format!("{value}e-{scale}")),
        Field::Timestamp(seconds) => number(&seconds.to_string()),
        Field::ShortString(text) => text.clone().into(),
        Field::LongString(long) | Field::Bytes(long) => bytes(long),
        Field::Array(items) => items.iter().map(|item| value(item, inner)).collect(),
        Field::Table(members) => table(members, inner),
    }
}

/// Infinities and NaN, which no document knows, are null.
fn number(text: &str) -> Value {
    Number::parse(text).map_or(Value::Null, Value::Number)
}

/// A value as a header: text as a long string, integers with 64 bits, other numbers as doubles. `None` for null.
///
/// # Errors
/// What a header cannot hold as it is, and what to do.
pub(crate) fn field(value: &Value) -> Result<Option<Field>, String> {
    bounded_field(value, DEPTH).map(|field| Some(field).filter(|field| *field != Field::Void))
}

fn bounded_field(value: &Value, depth: usize) -> Result<Field, String> {
    let inner = depth.checked_sub(1).ok_or_else(|| format!("a table of headers nests at most {DEPTH} levels"))?;
    Ok(match value {
        Value::Null => Field::Void,
        Value::Bool(bool) => Field::Bool(*bool),
        Value::Number(number) => numeric_field(number)?,
        Value::String(text) => Field::text(text.as_str()),
        Value::Array(items) => {
            Field::Array(items.iter().map(|item| bounded_field(item, inner)).collect::<Result<_, _>>()?)
        }
        Value::Object(members) => {
            let member = |(name, member): (&Text, &Value)| {
                if name.len() > SHORT_STRING {
                    return Err("a name in a table of headers has more than 255 bytes".to_owned());
                }
                Ok((name.clone(), bounded_field(member, inner)?))
            };
            Field::Table(members.iter().map(member).collect::<Result<_, _>>()?)
        }
    })
}

/// No type of a header has more digits than these two.
fn numeric_field(number: &Number) -> Result<Field, String> {
    if let Some(int) = number.as_i64() {
        return Ok(Field::I64(int));
    }
    let double = number.to_f64();
    let exact = Number::parse(&double.to_string()).is_some_and(|read_back| read_back == *number);
    if exact {
        return Ok(Field::F64(double));
    }
    let shown: String = number.to_text().chars().take(60).collect();
    Err(format!("no number of a header has all digits of {shown}; write it as text, with `tostring`"))
}

/// `$properties`: those that are set, by their names in the protocol.
pub(crate) fn properties(properties: &Properties) -> Value {
    let text = |name: &'static str, value: &Option<Text>| value.clone().map(|text| (Text::from(name), text.into()));
    let int = |name: &'static str, value: Option<u8>| value.map(|int| (Text::from(name), i64::from(int).into()));
    let timestamp = properties.timestamp.map(|seconds| (Text::from("timestamp"), number(&seconds.to_string())));
    [
        text("content_type", &properties.content_type),
        text("content_encoding", &properties.content_encoding),
        int("delivery_mode", properties.delivery_mode),
        int("priority", properties.priority),
        text("correlation_id", &properties.correlation_id),
        text("reply_to", &properties.reply_to),
        text("expiration", &properties.expiration),
        text("message_id", &properties.message_id),
        timestamp,
        text("type", &properties.kind),
        text("user_id", &properties.user_id),
        text("app_id", &properties.app_id),
        text("cluster_id", &properties.cluster_id),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// `$route`: `name` and `queue`.
pub(crate) fn route(name: &str, queue: &Text) -> Value {
    [(Text::from("name"), Value::from(name)), (Text::from("queue"), queue.clone().into())].into_iter().collect()
}

/// `$message`: how it came. `received` is the time in seconds since 1970, as jq's `now` gives it.
pub(crate) fn message(delivery: &Delivery, now: SystemTime) -> Value {
    let size = i64::try_from(delivery.message.body.len()).unwrap_or(i64::MAX);
    [
        (Text::from("received"), seconds(now.duration_since(UNIX_EPOCH).unwrap_or_default())),
        (Text::from("exchange"), delivery.address.exchange.clone().into()),
        (Text::from("routing_key"), delivery.address.routing_key.clone().into()),
        (Text::from("redelivered"), delivery.redelivered.into()),
        (Text::from("size"), size.into()),
    ]
    .into_iter()
    .collect()
}

fn seconds(since: Duration) -> Value {
    match since.subsec_micros() {
        0 => number(&since.as_secs().to_string()),
        micros => number(format!("{}.{micros:06}", since.as_secs()).trim_end_matches('0')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_become_values_and_fields_again() {
        let fields: Headers = [
            ("text", Field::text("é")),
            ("int", Field::I64(-5)),
            ("float", Field::F64(1.5)),
            ("flag", Field::Bool(true)),
            ("list", Field::Array(vec![Field::I64(1), Field::Void])),
            ("table", Field::Table([("a".into(), Field::text("b"))].into())),
        ]
        .into_iter()
        .map(|(name, field)| (Text::from(name), field))
        .collect();
        let Value::Object(members) = headers(&fields) else { panic!("an object") };
        let back = members.iter().map(|(name, v)| (name.clone(), field(v).expect("fits").expect("is not null")));
        let back: Headers = back.collect();
        assert_eq!(back, fields);
    }

    #[test]
    fn what_json_does_not_know_has_a_form() {
        assert_eq!(value(&Field::F64(f64::NAN), DEPTH), Value::Null);
        assert_eq!(value(&Field::Decimal { scale: 2, value: 110 }, DEPTH), number("1.1"));
        assert_eq!(value(&Field::LongString(Bytes::from_static(&[0xff])), DEPTH), Value::from("/w=="));
        assert_eq!(seconds(Duration::from_millis(1_250)), number("1.25"));
        assert_eq!(seconds(Duration::from_secs(10)), number("10"));
    }

    #[test]
    fn no_digit_is_lost() {
        let field = |text: &str| field(&number(text));
        assert_eq!(field("1.10"), Ok(Some(Field::F64(1.1))));
        assert_eq!(field("1e2"), Ok(Some(Field::F64(100.0))));
        for text in [
            "9223372036854775808",
            "12345678901234567890",
            "9007199254740993.5",
            "0.1000000000000000055511151231257827",
            "1e400",
        ] {
            let refusal = field(text).expect_err("has too many digits");
            assert!(refusal.contains(text) && refusal.contains("`tostring`"), "{refusal}");
        }
    }

    #[test]
    fn what_no_header_can_hold_is_refused() {
        let mut deep = Value::from(1);
        for _ in 0..DEPTH {
            deep = Value::array(vec![deep]);
        }
        assert_eq!(field(&deep), Err("a table of headers nests at most 32 levels".into()));
        let long: Value = [(Text::from("x".repeat(256)), Value::Null)].into_iter().collect();
        assert!(field(&long).is_err());
    }

    #[test]
    fn depth_is_bounded() {
        let mut deep = Field::I64(1);
        for _ in 0..10_000 {
            deep = Field::Array(vec![deep]);
        }
        let mut levels = 0;
        let mut at = &value(&deep, DEPTH);
        while let Value::Array(items) = at {
            levels += 1;
            at = &items[0];
        }
        assert_eq!(levels, DEPTH);
    }
}
