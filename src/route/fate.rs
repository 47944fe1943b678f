//! What becomes of a message that failed. The runtime and `trunkline test` ask the same function.

use std::time::Duration;

use crate::endpoint::Address;
use crate::message::{Class, Failure, Message};

use super::dead_letter::Origin;
use super::retry::{Ladder, Tried, postpone, wait_in_place};

/// What becomes of a failed message.
#[derive(Debug)]
pub enum Fate {
    /// It waits where it is, before all others of its key.
    InPlace {
        /// How long.
        delay: Duration,
        /// What was tried of it then.
        tried: Tried,
    },
    /// It waits in a queue of the broker.
    Postponed {
        /// That queue.
        to: Address,
        /// What waits there.
        letter: Box<Message>,
    },
    /// It is a dead letter.
    Dead,
}

/// What becomes of a message that failed so, in a route with this ladder that keeps order or does not.
pub fn fate(
    message: &Message,
    failure: &Failure,
    tried: &Tried,
    origin: &Origin<'_>,
    ladder: &Ladder,
    ordered: bool,
) -> Fate {
    let waits = match failure.class {
        Class::Permanent => None,
        Class::Transient if ordered => wait_in_place(message, failure, tried, origin.attempts, origin.time, ladder)
            .map(|(delay, tried)| Fate::InPlace { delay, tried }),
        Class::Transient => postpone(message, failure, tried, origin, ladder)
            .map(|(to, letter)| Fate::Postponed { to, letter: Box::new(letter) }),
    };
    waits.unwrap_or(Fate::Dead)
}
