//! Where the bus remembers which messages it has processed: the state of the Idempotent Receiver.

use std::time::SystemTime;

use crate::message::Text;

use super::BoxFuture;

/// The longest key in bytes. What is longer is no key but a document.
pub const LONGEST_KEY: usize = 512;

/// What a message is known by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The route: each has keys of its own.
    pub route: Text,
    /// What the route's author compares messages by; at most [`LONGEST_KEY`] bytes.
    pub key: Text,
}

/// What is known of a key when it is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nothing: it is claimed from now on, until [`Store::complete`] or [`Store::release`].
    New,
    /// It is claimed already: a message with this key is under way.
    Pending,
    /// A message with this key is processed.
    Done,
}

/// The store does not work at the moment; what was asked may or may not have happened, and may be asked again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

/// Remembers keys.
///
/// A claim belongs to this process and ends with it, however that ends: then the key can be claimed again, for
/// nobody can know what became of its message.
pub trait Store: Send + Sync + 'static {
    /// Claims a key of which nothing is known.
    fn claim<'a>(&'a self, key: &'a Key, now: SystemTime) -> BoxFuture<'a, Result<Claim, StoreError>>;

    /// Ends a claim of this process: the message is processed, and that is known until the time given. Resolves when
    /// it is durable. If the future is dropped before, the key must be released.
    fn complete<'a>(&'a self, key: &'a Key, until: SystemTime) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Ends a claim of this process: the message is not processed.
    fn release(&self, key: &Key);

    /// Waits until a claim may have ended, if there is one. May resolve for nothing.
    fn changed<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, ()>;
}
