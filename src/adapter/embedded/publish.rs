//! The way of a message into queues, and from queue to queue when one gives it up.

use std::time::Duration;

use tokio::time::Instant;

use crate::adapter::wire;
use crate::endpoint::{Address, SendError};
use crate::message::{Field, Headers, Message, Text};

use super::broker::State;
use super::death::{self, Reason};
use super::queue::{Queue, Stored, weight};

/// How long a message waits whose dead-letter target does not take it (`x-dead-letter-strategy: at-least-once`).
const DEAD_LETTER_RETRY: Duration = Duration::from_secs(1);
/// The largest body, as RabbitMQ 3 has it if nobody says otherwise.
const MAX_MESSAGE: usize = 128 << 20;
/// RabbitMQ's frame size: headers and properties of a message fit into one.
const FRAME_MAX: usize = 128 << 10;

impl State {
    /// The queues that an address reaches; why there are none.
    fn route(&self, to: &Address, headers: &Headers) -> Result<Vec<Text>, &'static str> {
        let exchange = self.exchanges.get(&to.exchange);
        if exchange.is_none() && !to.exchange.is_empty() {
            return Err("no such exchange");
        }
        let mut queues = Vec::new();
        for key in std::iter::once(to.routing_key.as_str()).chain(copies(headers)) {
            let found = exchange.map_or_else(|| vec![Text::from(key)], |exchange| exchange.queues(key, headers));
            queues.extend(found.into_iter().filter(|queue| !queues.contains(queue)).collect::<Vec<_>>());
        }
        queues.retain(|queue| self.queues.contains_key(queue));
        if queues.is_empty() { Err("NO_ROUTE") } else { Ok(queues) }
    }

    /// Publishes with `mandatory`. Queues that have room get the message even if another refuses it.
    pub(super) fn publish(&mut self, to: &Address, mut message: Message) -> Result<(), SendError> {
        self.check(to, &message)?;
        let expiration = message.properties.expiration.as_deref();
        let ttl = expiration.and_then(|text| text.parse().ok()).map(Duration::from_millis);
        let queues = self.route(to, &message.headers).map_err(|reason| SendError::Unroutable {
            exchange: to.exchange.to_string(),
            routing_key: to.routing_key.to_string(),
            reason: reason.to_owned(),
        })?;
        message.headers.remove(BLIND_COPIES);
        let bytes = weight(&message);
        if self.bytes.saturating_add(bytes.saturating_mul(queues.len())) > self.max_bytes {
            return Err(SendError::Nack);
        }
        let accepted = self.enqueue(&queues, message, to, ttl);
        if accepted { Ok(()) } else { Err(SendError::Nack) }
    }

    /// Refuses what RabbitMQ would refuse.
    fn check(&self, to: &Address, message: &Message) -> Result<(), SendError> {
        let (body, most) = (message.body.len(), self.max_bytes.min(MAX_MESSAGE));
        if body > most {
            return Err(SendError::Invalid(format!("message size {body} is larger than the maximum of {most}")));
        }
        let checked =
            wire::check_address(to).and_then(|()| wire::check(&message.properties, &message.headers, FRAME_MAX));
        checked.map_err(|error| SendError::Invalid(error.to_string()))
    }

    /// Puts a message into each queue that has room; whether all had.
    fn enqueue(&mut self, queues: &[Text], message: Message, to: &Address, ttl: Option<Duration>) -> bool {
        let bytes = weight(&message);
        let mut all = true;
        let mut overflown = Vec::new();
        for name in queues {
            let Some(queue) = self.queues.get_mut(name) else { continue };
            if queue.rejects(message.body.len()) {
                all = false;
                continue;
            }
            queue.push(message.clone(), to.clone(), ttl);
            self.bytes = self.bytes.saturating_add(bytes);
            while let Some(stored) = queue.overflow() {
                overflown.push((name.clone(), stored));
            }
            if queue.deadline().is_some() {
                self.deadlines.notify_one();
            }
        }
        for (name, stored) in overflown {
            self.bytes = self.bytes.saturating_sub(weight(&stored.message));
            // A head that is dropped to make room is gone, whatever its dead-letter queue says.
            let _lost = self.dead_letter(&name, stored, Reason::MaxLen);
        }
        all
    }

    /// Publishes a given-up message to its queue's dead-letter exchange. Gives it back if the queue must keep it.
    ///
    /// Recursion through overflowing dead-letter queues ends: a message never comes back to a queue that it
    /// has died in.
    pub(super) fn dead_letter(&mut self, queue: &Text, stored: Stored, reason: Reason) -> Option<Stored> {
        let arguments = &self.queues.get(queue)?.arguments;
        let exchange = arguments.dead_letter_exchange.clone()?;
        let routing_key = arguments.dead_letter_routing_key.clone();
        let must_keep = arguments.at_least_once && reason != Reason::MaxLen;
        let to = Address { exchange, routing_key: routing_key.unwrap_or_else(|| stored.address.routing_key.clone()) };
        let mut letter = stored.message.clone();
        death::record(&mut letter, queue, reason, &stored.address);
        let mut queues = self.route(&to, &letter.headers).unwrap_or_default();
        queues.retain(|target| !death::goes_round(&letter, target));
        let full = |target: &Text| self.queues.get(target).is_some_and(|queue| queue.rejects(letter.body.len()));
        if must_keep && (queues.is_empty() || queues.iter().any(full)) {
            return Some(stored);
        }
        self.enqueue(&queues, letter, &to, None);
        None
    }

    /// Gives up what is too old, and says when to look again.
    pub(super) fn expire(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let names: Vec<Text> = self.queues.keys().cloned().collect();
        for name in names {
            self.expire_queue(&name, now);
        }
        self.queues.values().filter_map(Queue::deadline).min()
    }

    pub(super) fn expire_queue(&mut self, name: &Text, now: Instant) {
        while let Some(stored) = self.queues.get_mut(name).and_then(|queue| queue.pop_expired(now)) {
            let bytes = weight(&stored.message);
            match self.dead_letter(name, stored, Reason::Expired) {
                None => self.bytes = self.bytes.saturating_sub(bytes),
                Some(kept) => {
                    if let Some(queue) = self.queues.get_mut(name) {
                        queue.keep_until(kept, now + DEAD_LETTER_RETRY);
                    }
                }
            }
        }
    }
}

/// The headers that name further routing keys, as RabbitMQ has them; the second one is taken away.
const COPIES: &str = "CC";
const BLIND_COPIES: &str = "BCC";

/// Further routing keys.
fn copies(headers: &Headers) -> impl Iterator<Item = &str> {
    let lists = [COPIES, BLIND_COPIES].into_iter().filter_map(|name| headers.get(name));
    let items = lists.filter_map(|list| if let Field::Array(items) = list { Some(items) } else { None });
    items.flatten().filter_map(Field::as_str)
}
