//! The arguments of a queue, under RabbitMQ's names. What this broker does not do, it refuses to declare.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::message::{Field, Text};

/// What happens to a message for which a full queue has no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Overflow {
    /// The oldest message goes: dead-lettered, or lost.
    #[default]
    DropHead,
    /// The publisher gets a nack.
    RejectPublish,
}

/// How a queue was declared; two declarations of one queue must be equal.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Arguments {
    pub(super) quorum: bool,
    pub(super) message_ttl: Option<Duration>,
    pub(super) dead_letter_exchange: Option<Text>,
    pub(super) dead_letter_routing_key: Option<Text>,
    pub(super) at_least_once: bool,
    pub(super) max_length: Option<usize>,
    pub(super) max_length_bytes: Option<usize>,
    pub(super) overflow: Overflow,
    pub(super) delivery_limit: Option<u32>,
    pub(super) single_active_consumer: bool,
}

impl Arguments {
    /// Reads a declaration; the error is one sentence.
    pub(super) fn parse(arguments: &BTreeMap<Text, Field>) -> Result<Self, String> {
        let mut read = Self::default();
        for (name, value) in arguments {
            let wrong = || format!("invalid value of `{name}`: {value:?}");
            match name.as_str() {
                "x-queue-type" => match value.as_str() {
                    Some("classic") => {}
                    Some("quorum") => read.quorum = true,
                    _ => return Err(wrong()),
                },
                "x-message-ttl" => {
                    read.message_ttl = Some(Duration::from_millis(unsigned(value).ok_or_else(wrong)?));
                }
                "x-dead-letter-exchange" => read.dead_letter_exchange = Some(text(value).ok_or_else(wrong)?),
                "x-dead-letter-routing-key" => read.dead_letter_routing_key = Some(text(value).ok_or_else(wrong)?),
                "x-dead-letter-strategy" => match value.as_str() {
                    Some("at-most-once") => {}
                    Some("at-least-once") => read.at_least_once = true,
                    _ => return Err(wrong()),
                },
                "x-max-length" => read.max_length = Some(size(value).ok_or_else(wrong)?),
                "x-max-length-bytes" => read.max_length_bytes = Some(size(value).ok_or_else(wrong)?),
                "x-overflow" => match value.as_str() {
                    Some("drop-head") => {}
                    Some("reject-publish") => read.overflow = Overflow::RejectPublish,
                    _ => return Err(wrong()),
                },
                "x-delivery-limit" => {
                    let limit = unsigned(value).and_then(|limit| u32::try_from(limit).ok());
                    read.delivery_limit = Some(limit.ok_or_else(wrong)?);
                }
                "x-single-active-consumer" => match value {
                    Field::Bool(single) => read.single_active_consumer = *single,
                    _ => return Err(wrong()),
                },
                _ => return Err(format!("the embedded broker does not know the queue argument `{name}`")),
            }
        }
        read.check()?;
        Ok(read)
    }

    fn check(&self) -> Result<(), String> {
        if self.dead_letter_routing_key.is_some() && self.dead_letter_exchange.is_none() {
            return Err("`x-dead-letter-routing-key` needs `x-dead-letter-exchange`".to_owned());
        }
        if !self.quorum && self.delivery_limit.is_some() {
            return Err("`x-delivery-limit` is for quorum queues".to_owned());
        }
        if !self.quorum && self.at_least_once {
            return Err("`x-dead-letter-strategy` is for quorum queues".to_owned());
        }
        Ok(())
    }
}

/// The first argument that differs between two declarations: its name and how each has it.
pub(super) fn difference(theirs: &BTreeMap<Text, Field>, ours: &BTreeMap<Text, Field>) -> (Text, String, String) {
    let show = |arguments: &BTreeMap<Text, Field>, name: &Text| match arguments.get(name) {
        None => "none".to_owned(),
        Some(value) => match (value.as_str(), unsigned(value)) {
            (Some(text), _) => format!("`{text}`"),
            (None, Some(number)) => format!("`{number}`"),
            (None, None) => format!("`{value:?}`"),
        },
    };
    let names = theirs.keys().chain(ours.keys());
    let mut differences = names.map(|name| (name.clone(), show(theirs, name), show(ours, name)));
    differences.find(|(_, theirs, ours)| theirs != ours).unwrap_or_default()
}

fn text(value: &Field) -> Option<Text> {
    value.as_str().map(Text::from)
}

fn size(value: &Field) -> Option<usize> {
    unsigned(value).and_then(|size| usize::try_from(size).ok())
}

/// A whole number that is not negative, of whatever width.
fn unsigned(value: &Field) -> Option<u64> {
    match *value {
        Field::I8(number) => u64::try_from(number).ok(),
        Field::U8(number) => Some(number.into()),
        Field::I16(number) => u64::try_from(number).ok(),
        Field::U16(number) => Some(number.into()),
        Field::I32(number) => u64::try_from(number).ok(),
        Field::U32(number) => Some(number.into()),
        Field::I64(number) => u64::try_from(number).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[(&'static str, Field)]) -> Result<Arguments, String> {
        Arguments::parse(&arguments.iter().map(|(name, value)| (Text::from(*name), value.clone())).collect())
    }

    #[test]
    fn equal_declarations_are_equal_whatever_the_width_of_their_numbers() {
        assert_eq!(parse(&[("x-max-length", Field::I32(5))]), parse(&[("x-max-length", Field::I64(5))]));
        assert_eq!(parse(&[("x-queue-type", Field::text("classic"))]), parse(&[]));
        assert_ne!(parse(&[("x-queue-type", Field::text("quorum"))]), parse(&[]));
    }

    #[test]
    fn refuses_what_it_does_not_do() {
        let cases = [
            ("x-max-priority", Field::I32(5)),
            ("x-message-ttl", Field::I32(-1)),
            ("x-queue-type", Field::text("stream")),
            ("x-dead-letter-routing-key", Field::text("dead")),
            ("x-delivery-limit", Field::I32(3)),
            ("x-dead-letter-strategy", Field::text("at-least-once")),
        ];
        for (name, value) in cases {
            let error = parse(&[(name, value)]).unwrap_err();
            assert!(error.contains(name), "{error}");
        }
    }
}
