//! Headers and properties between our types and lapin's: lossless both ways.

use std::collections::BTreeMap;

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, ByteArray, DecimalValue, FieldArray, FieldTable, LongString, ShortString};

use crate::adapter::wire::{self, Error};
use crate::message::{Field, Headers, Properties, Text};

/// A short string, if it is one.
pub fn short(name: &'static str, text: &str) -> Result<ShortString, Error> {
    ShortString::try_new(text).map_err(|_| Error::TooLong { name, bytes: text.len() })
}

/// Properties and headers for a publish.
pub fn to_lapin(properties: &Properties, headers: &Headers, frame_max: usize) -> Result<BasicProperties, Error> {
    wire::check(properties, headers, frame_max)?;
    let mut lapin = BasicProperties::default();
    macro_rules! text {
        ($($field:ident => $with:ident;)*) => {$(
            if let Some(value) = &properties.$field {
                lapin = lapin.$with(short(stringify!($field), value)?);
            }
        )*};
    }
    text! {
        content_type => with_content_type;
        content_encoding => with_content_encoding;
        correlation_id => with_correlation_id;
        reply_to => with_reply_to;
        expiration => with_expiration;
        message_id => with_message_id;
        kind => with_type;
        user_id => with_user_id;
        app_id => with_app_id;
        cluster_id => with_cluster_id;
    }
    if let Some(mode) = properties.delivery_mode {
        lapin = lapin.with_delivery_mode(mode);
    }
    if let Some(priority) = properties.priority {
        lapin = lapin.with_priority(priority);
    }
    if let Some(timestamp) = properties.timestamp {
        lapin = lapin.with_timestamp(timestamp);
    }
    if !headers.is_empty() {
        lapin = lapin.with_headers(table_to_lapin(headers)?);
    }
    Ok(lapin)
}

/// Properties and headers of a delivery.
pub fn from_lapin(lapin: &BasicProperties) -> (Properties, Headers) {
    let text = |value: &Option<ShortString>| value.as_ref().map(|value| Text::from(value.as_str()));
    let properties = Properties {
        content_type: text(lapin.content_type()),
        content_encoding: text(lapin.content_encoding()),
        delivery_mode: *lapin.delivery_mode(),
        priority: *lapin.priority(),
        correlation_id: text(lapin.correlation_id()),
        reply_to: text(lapin.reply_to()),
        expiration: text(lapin.expiration()),
        message_id: text(lapin.message_id()),
        timestamp: *lapin.timestamp(),
        kind: text(lapin.kind()),
        user_id: text(lapin.user_id()),
        app_id: text(lapin.app_id()),
        cluster_id: text(lapin.cluster_id()),
    };
    (properties, lapin.headers().as_ref().map(table_from_lapin).unwrap_or_default())
}

/// A field table for a publish or a declaration. Deeper than [`wire::MAX_DEPTH`] it must not be.
pub fn table_to_lapin(headers: &Headers) -> Result<FieldTable, Error> {
    let entries: Result<BTreeMap<ShortString, AMQPValue>, Error> =
        headers.iter().map(|(name, field)| Ok((short("a header's name", name)?, to_value(field)?))).collect();
    Ok(entries?.into())
}

fn table_from_lapin(table: &FieldTable) -> Headers {
    table.into_iter().map(|(name, value)| (Text::from(name.as_str()), from_value(value))).collect()
}

fn to_value(field: &Field) -> Result<AMQPValue, Error> {
    Ok(match field {
        Field::Void => AMQPValue::Void,
        Field::Bool(value) => AMQPValue::Boolean(*value),
        Field::I8(value) => AMQPValue::ShortShortInt(*value),
        Field::U8(value) => AMQPValue::ShortShortUInt(*value),
        Field::I16(value) => AMQPValue::ShortInt(*value),
        Field::U16(value) => AMQPValue::ShortUInt(*value),
        Field::I32(value) => AMQPValue::LongInt(*value),
        Field::U32(value) => AMQPValue::LongUInt(*value),
        Field::I64(value) => AMQPValue::LongLongInt(*value),
        Field::F32(value) => AMQPValue::Float(*value),
        Field::F64(value) => AMQPValue::Double(*value),
        Field::Decimal { scale, value } => AMQPValue::DecimalValue(DecimalValue { scale: *scale, value: *value }),
        // RabbitMQ has no short strings in tables, and closes the connection on one.
        Field::ShortString(text) => AMQPValue::LongString(LongString::from(text.as_bytes().to_vec())),
        Field::LongString(bytes) => AMQPValue::LongString(LongString::from(bytes.to_vec())),
        Field::Timestamp(seconds) => AMQPValue::Timestamp(*seconds),
        Field::Bytes(bytes) => AMQPValue::ByteArray(ByteArray::from(bytes.to_vec())),
        Field::Array(items) => {
            let items: Result<Vec<AMQPValue>, Error> = items.iter().map(to_value).collect();
            AMQPValue::FieldArray(FieldArray::from(items?))
        }
        Field::Table(table) => AMQPValue::FieldTable(table_to_lapin(table)?),
    })
}

fn from_value(value: &AMQPValue) -> Field {
    match value {
        AMQPValue::Void => Field::Void,
        AMQPValue::Boolean(value) => Field::Bool(*value),
        AMQPValue::ShortShortInt(value) => Field::I8(*value),
        AMQPValue::ShortShortUInt(value) => Field::U8(*value),
        AMQPValue::ShortInt(value) => Field::I16(*value),
        AMQPValue::ShortUInt(value) => Field::U16(*value),
        AMQPValue::LongInt(value) => Field::I32(*value),
        AMQPValue::LongUInt(value) => Field::U32(*value),
        AMQPValue::LongLongInt(value) => Field::I64(*value),
        AMQPValue::Float(value) => Field::F32(*value),
        AMQPValue::Double(value) => Field::F64(*value),
        AMQPValue::DecimalValue(value) => Field::Decimal { scale: value.scale, value: value.value },
        AMQPValue::ShortString(text) => Field::ShortString(Text::from(text.as_str())),
        AMQPValue::LongString(bytes) => Field::LongString(Bytes::copy_from_slice(bytes.as_bytes())),
        AMQPValue::Timestamp(seconds) => Field::Timestamp(*seconds),
        AMQPValue::ByteArray(bytes) => Field::Bytes(Bytes::copy_from_slice(bytes.as_slice())),
        AMQPValue::FieldArray(items) => Field::Array(items.as_slice().iter().map(from_value).collect()),
        AMQPValue::FieldTable(table) => Field::Table(table_from_lapin(table)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field() -> impl Strategy<Value = Field> {
        let leaf = prop_oneof![
            Just(Field::Void),
            any::<bool>().prop_map(Field::Bool),
            any::<i8>().prop_map(Field::I8),
            any::<u8>().prop_map(Field::U8),
            any::<i16>().prop_map(Field::I16),
            any::<u16>().prop_map(Field::U16),
            any::<i32>().prop_map(Field::I32),
            any::<u32>().prop_map(Field::U32),
            any::<i64>().prop_map(Field::I64),
            (-1e9f32..1e9).prop_map(Field::F32),
            (-1e9f64..1e9).prop_map(Field::F64),
            any::<(u8, u32)>().prop_map(|(scale, value)| Field::Decimal { scale, value }),
            any::<Vec<u8>>().prop_map(|bytes| Field::LongString(bytes.into())),
            any::<Vec<u8>>().prop_map(|bytes| Field::Bytes(bytes.into())),
            any::<u64>().prop_map(Field::Timestamp),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Field::Array),
                proptest::collection::btree_map("[a-z]{1,8}".prop_map(Text::from), inner, 0..4).prop_map(Field::Table),
            ]
        })
    }

    proptest! {
        #[test]
        fn headers_survive(headers in proptest::collection::btree_map("[a-z]{1,8}".prop_map(Text::from), field(), 0..6)) {
            let lapin = to_lapin(&Properties::default(), &headers, 1 << 20).expect("fits");
            prop_assert_eq!(from_lapin(&lapin).1, headers);
        }
    }

    #[test]
    fn a_short_string_becomes_a_long_one() {
        let headers = Headers::from([("short".into(), Field::ShortString("text".into()))]);
        let lapin = to_lapin(&Properties::default(), &headers, 4_096).expect("fits");
        assert_eq!(from_lapin(&lapin).1["short"], Field::text("text"));
    }
}
