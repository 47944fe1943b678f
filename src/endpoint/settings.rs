//! The endpoints as they stand in route files.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, IgnoredAny, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use crate::diagnostic::yaml::Spanned;
use crate::message::Field;

/// Every kind of endpoint that a route can name.
pub const KINDS: &[&str] = &["amqp"];

/// A map whose one key is the kind of the endpoint. Other keys are kept, so that the compiler can name them.
#[derive(Clone, Debug)]
pub struct Endpoint<A> {
    /// The settings of an AMQP 0-9-1 endpoint.
    pub amqp: Option<A>,
    /// Keys that are no kind of endpoint.
    pub unknown: Vec<Spanned<String>>,
}

/// A queue to take messages from (AMQP 0-9-1).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AmqpSource {
    /// The queue. It is a durable quorum queue, and `<queue>.dlq` stands beside it for dead letters.
    pub queue: Spanned<String>,
    /// How many messages are taken before the first of them is settled, from 1 to 1000.
    #[serde(default)]
    pub prefetch: Option<Spanned<u16>>,
    /// How many bytes of bodies are processed before the first of them is settled, as `8MiB`; `in_flight.bytes` of the
    /// settings if left out.
    #[serde(default)]
    pub prefetch_bytes: Option<Spanned<String>>,
    /// Whether the bus declares the queue, its dead-letter queue and the bindings; else it verifies that the
    /// queues are there.
    #[serde(default = "yes")]
    pub declare: bool,
    /// Where the queue gets its messages from, besides the default exchange.
    #[serde(default)]
    pub bindings: Vec<AmqpBinding>,
}

/// A binding of the source queue to an exchange.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AmqpBinding {
    /// The exchange.
    pub exchange: Spanned<String>,
    /// The routing key, for a topic exchange a pattern: `*` is one word, `#` any number of words.
    #[serde(default)]
    pub routing_key: Option<Spanned<String>>,
    /// The exchange's type.
    #[serde(default)]
    pub kind: ExchangeKind,
    /// For a headers exchange: the headers that a message must have, with these values.
    #[serde(default)]
    pub headers: BTreeMap<String, HeaderValue>,
    /// For a headers exchange: whether a message must have all of the headers, or any of them.
    #[serde(default, rename = "match")]
    pub matching: Option<Spanned<Matching>>,
}

/// How many of a binding's headers must fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Matching {
    /// Every one.
    All,
    /// At least one.
    Any,
}

impl Matching {
    /// The value of the argument `x-match`.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Any => "any",
        }
    }
}

/// A value that a header is compared with: a text, a whole number, `true`, `false`.
#[derive(Clone, Debug, PartialEq)]
pub struct HeaderValue(pub Field);

impl<'de> Deserialize<'de> for HeaderValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalar;
        impl Visitor<'_> for Scalar {
            type Value = Field;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a whole number, `true` or `false`")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Field, E> {
                Ok(Field::Bool(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Field, E> {
                Ok(Field::I64(value))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Field, E> {
                let signed = i64::try_from(value).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self));
                signed.map(Field::I64)
            }

            fn visit_str<E>(self, value: &str) -> Result<Field, E> {
                Ok(Field::text(value))
            }
        }
        deserializer.deserialize_any(Scalar).map(Self)
    }
}

impl JsonSchema for HeaderValue {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "HeaderValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer", "boolean"] })
    }
}

/// An exchange and a routing key to publish to (AMQP 0-9-1). Messages are persistent, mandatory and confirmed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AmqpTarget {
    /// The exchange. Left out it is the default exchange, and the routing key is a queue's name.
    #[serde(default)]
    pub exchange: Option<Spanned<String>>,
    /// The routing key, as it stands.
    #[serde(default)]
    pub routing_key: Option<Spanned<String>>,
    /// A jq expression that gives the routing key; instead of `routing_key`.
    #[serde(default)]
    pub routing_key_from: Option<Spanned<String>>,
    /// The exchange's type.
    #[serde(default)]
    pub kind: ExchangeKind,
    /// Whether the bus declares the exchange; else it verifies that it is there.
    #[serde(default = "yes")]
    pub declare: bool,
}

/// The type of an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExchangeKind {
    /// Routing keys of dotted words, bindings with `*` and `#`.
    #[default]
    Topic,
    /// The routing key equals the binding's.
    Direct,
    /// Every bound queue.
    Fanout,
    /// The message's headers have the values that the binding names; the routing key means nothing.
    Headers,
}

impl ExchangeKind {
    /// The protocol's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Direct => "direct",
            Self::Fanout => "fanout",
            Self::Headers => "headers",
        }
    }

    /// Whether a message's routing key decides where it goes.
    pub fn uses_routing_key(self) -> bool {
        matches!(self, Self::Topic | Self::Direct)
    }
}

fn yes() -> bool {
    true
}

/// Reads a duration: digits and one of `ms`, `s`, `m`, `h`, as `250ms`, `5s`, `2m`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.find(|c: char| !c.is_ascii_digit())?)?;
    let count: u64 = digits.parse().ok()?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    count.checked_mul(millis).map(Duration::from_millis)
}

/// The units of a size, largest first.
pub const SIZE_UNITS: [(&str, usize); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Reads a number of bytes: digits and a unit, as `64KiB`; `None` if it is none, or too large for this machine.
pub fn parse_size(text: &str) -> Option<usize> {
    let (digits, unit) = text.split_at_checked(text.find(|c: char| !c.is_ascii_digit())?)?;
    let (_, factor) = SIZE_UNITS.into_iter().find(|(name, _)| *name == unit)?;
    digits.parse::<usize>().ok()?.checked_mul(factor)
}

impl<'de, A: Deserialize<'de>> Deserialize<'de> for Endpoint<A> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EndpointVisitor(PhantomData))
    }
}

struct EndpointVisitor<A>(PhantomData<A>);

impl<'de, A: Deserialize<'de>> Visitor<'de> for EndpointVisitor<A> {
    type Value = Endpoint<A>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an endpoint, as `amqp: { … }`")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut endpoint = Endpoint { amqp: None, unknown: Vec::new() };
        while let Some(kind) = map.next_key::<Spanned<String>>()? {
            if kind.value == "amqp" {
                endpoint.amqp = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
                endpoint.unknown.push(kind);
            }
        }
        Ok(endpoint)
    }
}

impl<A: JsonSchema> JsonSchema for Endpoint<A> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Endpoint_{}", A::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "properties": { "amqp": generator.subschema_for::<A>() },
            "required": ["amqp"],
            "additionalProperties": false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations() {
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse_duration("5s"), Some(Duration::from_secs(5)));
        assert_eq!(parse_duration("2m"), Some(Duration::from_secs(120)));
        for wrong in ["", "5", "s", "5 s", "-5s", "5sec", "99999999999999999999s", "18446744073709551615h"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }
}
