//! A queue: messages in order of arrival, with its bounds and its deadline.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::endpoint::Address;
use crate::message::{Field, Headers, Message};

use super::arguments::{Arguments, Overflow};

/// A message in a queue, or delivered and not settled.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) message: Message,
    /// Where it was published to.
    pub(super) address: Address,
    /// Its place in the queue; kept when a classic queue gets it back.
    pub(super) position: u64,
    /// How often it was delivered before.
    pub(super) deliveries: u32,
    expires: Option<Instant>,
}

impl Stored {
    pub(super) fn body_bytes(&self) -> usize {
        self.message.body.len()
    }
}

/// What one message costs in memory, roughly.
pub(super) fn weight(message: &Message) -> usize {
    fn table<'a>(headers: &'a Headers, fields: &mut Vec<&'a Field>) -> usize {
        fields.extend(headers.values());
        headers.keys().map(|name| name.len().saturating_add(64)).sum()
    }
    let mut fields = Vec::new();
    let mut bytes = message.body.len().saturating_add(512);
    bytes = bytes.saturating_add(table(&message.headers, &mut fields));
    while let Some(field) = fields.pop() {
        bytes = bytes.saturating_add(match field {
            Field::LongString(long) | Field::Bytes(long) => long.len(),
            Field::Array(items) => {
                fields.extend(items);
                items.len().saturating_mul(64)
            }
            Field::Table(inner) => table(inner, &mut fields),
            _ => 0,
        });
    }
    bytes
}

/// How a delivered message came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Back {
    /// Its consumer asked for it.
    Requeued,
    /// Its consumer is gone.
    Lost,
}

/// A queue.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) arguments: Arguments,
    /// The arguments as they were written.
    pub(super) declared: Headers,
    /// The session that alone may use it.
    pub(super) exclusive_to: Option<u64>,
    /// Woken when there may be something to take.
    pub(super) changed: Arc<Notify>,
    /// What a quorum queue got back: given again before anything else, in the order in which it came back.
    returned: VecDeque<Stored>,
    ready: VecDeque<Stored>,
    body_bytes: usize,
    next_position: u64,
}

impl Queue {
    pub(super) fn new(arguments: Arguments, declared: Headers, exclusive_to: Option<u64>) -> Self {
        Self {
            arguments,
            declared,
            exclusive_to,
            changed: Arc::default(),
            returned: VecDeque::new(),
            ready: VecDeque::new(),
            body_bytes: 0,
            next_position: 0,
        }
    }

    /// How many messages are ready.
    pub(super) fn len(&self) -> usize {
        self.returned.len() + self.ready.len()
    }

    /// Whether a publisher must be told that there is no room.
    pub(super) fn rejects(&self, body: usize) -> bool {
        self.arguments.overflow == Overflow::RejectPublish && self.exceeds(1, body)
    }

    fn exceeds(&self, more: usize, more_bytes: usize) -> bool {
        self.arguments.max_length.is_some_and(|max| self.len().saturating_add(more) > max)
            || self.arguments.max_length_bytes.is_some_and(|max| self.body_bytes.saturating_add(more_bytes) > max)
    }

    /// Appends a message. The caller then takes what [`Queue::overflow`] gives.
    pub(super) fn push(&mut self, message: Message, address: Address, ttl: Option<Duration>) {
        let ttl = match (ttl, self.arguments.message_ttl) {
            (Some(own), Some(all)) => Some(own.min(all)),
            (own, all) => own.or(all),
        };
        let expires = ttl.and_then(|ttl| Instant::now().checked_add(ttl));
        self.append(Stored { message, address, position: 0, deliveries: 0, expires });
    }

    fn append(&mut self, mut stored: Stored) {
        stored.position = self.next_position;
        self.next_position += 1;
        self.body_bytes = self.body_bytes.saturating_add(stored.body_bytes());
        self.ready.push_back(stored);
        self.changed.notify_waiters();
    }

    /// Takes the next message off the head while the queue is over its bounds.
    pub(super) fn overflow(&mut self) -> Option<Stored> {
        if self.exceeds(0, 0) { self.pop() } else { None }
    }

    /// Takes the message at the head.
    pub(super) fn pop(&mut self) -> Option<Stored> {
        let stored = self.returned.pop_front().or_else(|| self.ready.pop_front())?;
        self.body_bytes = self.body_bytes.saturating_sub(stored.body_bytes());
        Some(stored)
    }

    /// Takes the message at the head if its time is over.
    pub(super) fn pop_expired(&mut self, now: Instant) -> Option<Stored> {
        if self.deadline()? <= now { self.pop() } else { None }
    }

    /// When the message at the head expires; those behind it wait for their turn, as with RabbitMQ.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.returned.front().or_else(|| self.ready.front())?.expires
    }

    /// Puts a delivered message back: in its place, or where RabbitMQ's quorum queues put it. Those give it again
    /// next; without a delivery limit a requeued message comes last instead, so that it holds nobody up for ever.
    pub(super) fn put_back(&mut self, stored: Stored, how: Back) {
        if !self.arguments.quorum {
            let at = self.ready.partition_point(|other| other.position < stored.position);
            self.body_bytes = self.body_bytes.saturating_add(stored.body_bytes());
            self.ready.insert(at, stored);
        } else if how == Back::Requeued && self.arguments.delivery_limit.is_none() {
            self.append(stored);
        } else {
            self.body_bytes = self.body_bytes.saturating_add(stored.body_bytes());
            self.returned.push_back(stored);
        }
        self.changed.notify_waiters();
    }

    /// Keeps a message at the head that nobody takes yet, until `later`.
    pub(super) fn keep_until(&mut self, mut stored: Stored, later: Instant) {
        stored.expires = Some(later);
        self.body_bytes = self.body_bytes.saturating_add(stored.body_bytes());
        self.returned.push_front(stored);
        self.changed.notify_waiters();
    }

    /// Empties the queue.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Stored> + '_ {
        self.body_bytes = 0;
        self.returned.drain(..).chain(self.ready.drain(..))
    }
}
