//! Headers and properties of AMQP 0-9-1, type and value kept.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::text::Text;

/// One value of a field table (AMQP 0-9-1 section 4.2.5.5, with RabbitMQ's type letters).
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names are the protocol's")]
pub enum Field {
    Void,
    Bool(bool),
    I8(i8),
    U8(u8),
    I16(i16),
    U16(u16),
    I32(i32),
    U32(u32),
    I64(i64),
    F32(f32),
    F64(f64),
    /// `value × 10^-scale`
    Decimal {
        scale: u8,
        value: u32,
    },
    /// A short string, as a few clients write them.
    ShortString(Text),
    /// A long string: bytes, mostly UTF-8.
    LongString(Bytes),
    /// Seconds since 1970.
    Timestamp(u64),
    Bytes(Bytes),
    Array(Vec<Field>),
    Table(Headers),
}

impl Field {
    /// A long string.
    pub fn text(text: impl Into<String>) -> Self {
        Self::LongString(Bytes::from(text.into()))
    }

    /// The text of a string that is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::ShortString(text) => Some(text),
            Self::LongString(bytes) | Self::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }
}

/// The headers of a message by name.
pub type Headers = BTreeMap<Text, Field>;

/// The basic properties of AMQP 0-9-1 (section 1.8.3 of the class `basic`), without the headers.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the names are the protocol's")]
pub struct Properties {
    pub content_type: Option<Text>,
    pub content_encoding: Option<Text>,
    pub delivery_mode: Option<u8>,
    pub priority: Option<u8>,
    pub correlation_id: Option<Text>,
    pub reply_to: Option<Text>,
    /// Milliseconds, as text.
    pub expiration: Option<Text>,
    pub message_id: Option<Text>,
    /// Seconds since 1970.
    pub timestamp: Option<u64>,
    /// The property `type`.
    pub kind: Option<Text>,
    pub user_id: Option<Text>,
    pub app_id: Option<Text>,
    pub cluster_id: Option<Text>,
}
