//! What was sent, and what has become of it.

use std::collections::BTreeMap;

use crate::message::{Text, header_names};

use super::participants::{Seen, Who};
use super::script::{Expected, Sending};

/// The books of one demonstration.
#[derive(Default)]
pub struct Ledger {
    open: BTreeMap<Text, Sending>,
    sent: BTreeMap<&'static str, usize>,
    fulfilled: BTreeMap<&'static str, usize>,
    surprises: Vec<String>,
}

fn kind(expected: Expected) -> &'static str {
    match expected {
        Expected::Answer => "answered",
        Expected::Delivery => "delivered",
        Expected::DeadLetter(_) => "dead-lettered",
    }
}

impl Ledger {
    /// A message was sent.
    pub fn sent(&mut self, sending: Sending) {
        *self.sent.entry(kind(sending.expected)).or_default() += 1;
        if let Some(id) = sending.message.properties.message_id.clone() {
            self.open.insert(id, sending);
        }
    }

    /// Somebody saw a message: an answer, a delivery or a dead letter, of this run or of another.
    pub fn saw(&mut self, seen: &Seen) {
        let properties = &seen.message.properties;
        let is_answer = seen.queue.starts_with('(');
        let id = if is_answer { &properties.correlation_id } else { &properties.message_id };
        let Some((id, sending)) = id.as_ref().and_then(|id| self.open.remove_entry(id)) else { return };
        let failure = seen.message.headers.get(header_names::FAILURE_TYPE).and_then(|field| field.as_str());
        let is_error = is_answer && seen.message.headers.contains_key(header_names::ERROR);
        if is_error && matches!(sending.expected, Expected::DeadLetter(_)) {
            // Who asked is told of it; the message itself is still to be found.
            self.open.insert(id, sending);
            return;
        }
        let is_expected = match sending.expected {
            Expected::Answer => is_answer && !is_error,
            Expected::Delivery => !is_answer && seen.who != Who::DeadLetters,
            Expected::DeadLetter(kind) => seen.who == Who::DeadLetters && failure == Some(kind),
        };
        if is_expected {
            *self.fulfilled.entry(kind(sending.expected)).or_default() += 1;
        } else if seen.who == Who::DeadLetters {
            let failure = failure.unwrap_or("no reason");
            self.surprises.push(format!(
                "{id}: in {} ({failure}), expected to be {}",
                seen.queue,
                kind(sending.expected)
            ));
        } else if sending.expected == Expected::Answer {
            // The ERP sees the request before the chat sees the answer.
            self.open.insert(id, sending);
        } else {
            self.surprises.push(format!("{id}: in {}, expected to be {}", seen.queue, kind(sending.expected)));
        }
    }

    /// Whether nothing is open.
    pub fn is_settled(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether everything went where it should.
    pub fn is_balanced(&self) -> bool {
        self.open.is_empty() && self.surprises.is_empty()
    }

    /// Per kind: how many were sent, and how many of them arrived as expected.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, usize, usize)> {
        self.sent.iter().map(|(kind, sent)| (*kind, *sent, self.fulfilled.get(kind).copied().unwrap_or_default()))
    }

    /// What went elsewhere, and what never arrived.
    pub fn faults(&self) -> impl Iterator<Item = String> {
        let missing = self.open.iter().map(|(id, sending)| format!("{id}: never {}", kind(sending.expected)));
        self.surprises.iter().cloned().chain(missing)
    }
}
