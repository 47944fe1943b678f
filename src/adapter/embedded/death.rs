//! What RabbitMQ writes into the headers of a message that a queue dead-letters.

use std::time::SystemTime;

use crate::endpoint::Address;
use crate::message::{Field, Headers, Message, Text};

/// Why a queue gives a message up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Expired,
    MaxLen,
    DeliveryLimit,
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::MaxLen => "maxlen",
            Self::DeliveryLimit => "delivery_limit",
        }
    }
}

/// Adds the death to `x-death` (one entry per queue and reason, newest first) and to `x-first-death-…`,
/// and takes the expiration away.
pub(super) fn record(message: &mut Message, queue: &Text, reason: Reason, address: &Address) {
    let expiration = message.properties.expiration.take();
    let mut deaths = match message.headers.remove("x-death") {
        Some(Field::Array(deaths)) => deaths,
        _ => Vec::new(),
    };
    let same =
        |death: &Field| text_of(death, "queue") == Some(queue) && text_of(death, "reason") == Some(reason.name());
    let entry = match deaths.iter().position(same).map(|at| deaths.remove(at)) {
        Some(Field::Table(mut entry)) => {
            let count = match entry.get("count") {
                Some(Field::I64(count)) => *count,
                _ => 0,
            };
            entry.insert("count".into(), Field::I64(count.saturating_add(1)));
            entry
        }
        _ => first_entry(queue, reason, address, expiration),
    };
    deaths.insert(0, Field::Table(entry));
    message.headers.insert("x-death".into(), Field::Array(deaths));
    if !message.headers.contains_key("x-first-death-queue") {
        let mut first = |name: &'static str, value: &str| message.headers.insert(name.into(), Field::text(value));
        first("x-first-death-queue", queue);
        first("x-first-death-reason", reason.name());
        first("x-first-death-exchange", &address.exchange);
    }
}

fn first_entry(queue: &Text, reason: Reason, address: &Address, expiration: Option<Text>) -> Headers {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut entry = Headers::from([
        ("count".into(), Field::I64(1)),
        ("queue".into(), Field::text(queue.as_str())),
        ("reason".into(), Field::text(reason.name())),
        ("exchange".into(), Field::text(address.exchange.as_str())),
        ("routing-keys".into(), Field::Array(vec![Field::text(address.routing_key.as_str())])),
        ("time".into(), Field::Timestamp(now)),
    ]);
    if let Some(expiration) = expiration {
        entry.insert("original-expiration".into(), Field::text(expiration.as_str()));
    }
    entry
}

/// Whether the message was in this queue before and came back without ever being rejected by a consumer.
/// Such a message would go round for ever; RabbitMQ drops it, and so does this broker.
pub(super) fn goes_round(message: &Message, queue: &str) -> bool {
    let Some(Field::Array(deaths)) = message.headers.get("x-death") else { return false };
    let Some(last) = deaths.iter().position(|death| text_of(death, "queue") == Some(queue)) else { return false };
    deaths.iter().take(last + 1).all(|death| text_of(death, "reason").is_some_and(|reason| reason != "rejected"))
}

fn text_of<'a>(death: &'a Field, key: &str) -> Option<&'a str> {
    match death {
        Field::Table(entry) => entry.get(key)?.as_str(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(routing_key: &'static str) -> Address {
        Address { exchange: Text::new(), routing_key: routing_key.into() }
    }

    #[test]
    fn counts_one_entry_per_queue_and_reason_newest_first() {
        let mut message = Message::default();
        message.properties.expiration = Some("200".into());
        record(&mut message, &"wait".into(), Reason::Expired, &address("wait"));
        assert_eq!(message.properties.expiration, None);
        record(&mut message, &"main".into(), Reason::MaxLen, &address("main"));
        record(&mut message, &"wait".into(), Reason::Expired, &address("wait"));
        let Some(Field::Array(deaths)) = message.headers.get("x-death") else { panic!("no x-death") };
        assert_eq!(deaths.len(), 2);
        let Field::Table(newest) = &deaths[0] else { panic!("no table") };
        assert_eq!(newest.get("queue").and_then(Field::as_str), Some("wait"));
        assert_eq!(newest.get("count"), Some(&Field::I64(2)));
        assert_eq!(newest.get("original-expiration").and_then(Field::as_str), Some("200"));
        assert_eq!(message.headers.get("x-first-death-queue").and_then(Field::as_str), Some("wait"));
        assert_eq!(message.headers.get("x-first-death-reason").and_then(Field::as_str), Some("expired"));
    }

    #[test]
    fn a_cycle_without_rejection_is_seen() {
        let mut message = Message::default();
        assert!(!goes_round(&message, "wait"));
        record(&mut message, &"wait".into(), Reason::Expired, &address("wait"));
        assert!(goes_round(&message, "wait"));
        assert!(!goes_round(&message, "main"));
    }
}
