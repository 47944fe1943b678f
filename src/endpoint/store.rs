//! Where the bus remembers what outlives a message: the keys of processed messages, and records of any bytes.
//!
//! Keys are the state of the Idempotent Receiver. Records are what the other stateful steps are made of: bodies, contexts
//! of conversations, answers, parts that wait for one another.

use std::time::SystemTime;

use bytes::Bytes;

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

/// Where a record stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// Whose it is: a step, or what several routes share. Without a colon.
    pub space: Text,
    /// Which it is there; at most [`LONGEST_KEY`] bytes.
    pub key: Text,
}

/// A record as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The bytes.
    pub value: Bytes,
    /// Another one after each change, also if the record was removed in between.
    pub version: u64,
    /// When it is forgotten; `None` if never.
    pub until: Option<SystemTime>,
}

/// What must be there for a change to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Whatever is there.
    Anything,
    /// No record.
    Nothing,
    /// The record of this version.
    Version(u64),
}

/// A change of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The record.
    pub name: Name,
    /// What must be there.
    pub expect: Expect,
    /// What is there then, and until when; no record if `None`.
    pub to: Option<(Bytes, Option<SystemTime>)>,
}

/// The store does not work at the moment; what was asked may or may not have happened, and may be asked again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

/// Remembers keys and records.
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

    /// The record of this name, if there is one.
    fn load<'a>(&'a self, name: &'a Name, now: SystemTime) -> BoxFuture<'a, Result<Option<Record>, StoreError>>;

    /// Makes all changes together, or none and `false` if one of them finds not what it expects. Resolves when they are
    /// durable. After an error they may have been made.
    fn commit<'a>(&'a self, changes: &'a [Change], now: SystemTime) -> BoxFuture<'a, Result<bool, StoreError>>;
}
