//! The ports: how a plan reaches the world. The runtime implements them on adapters, tests on fakes.

use std::time::{Duration, SystemTime};

use crate::endpoint::store::{Change, Claim, Key, Name, Record};
use crate::endpoint::{Address, BoxFuture, SendError};
use crate::message::{Class, Failure, Kind, Message, Stage, Text};

use super::watch::Watch;

/// Everything that a step may ask of the world. No step opens a socket, reads a clock or draws a number itself.
pub trait Ports: Send + Sync {
    /// Sends a message; resolves when the broker has confirmed it. The order of the calls is the order of
    /// publishing, so a step may hold the future and go on.
    fn send(&self, to: &Address, message: Message) -> BoxFuture<'static, Result<(), Failure>>;

    /// Sends a request and waits for its answer. Reply address and correlation are the port's business.
    fn call(&self, to: &Address, message: Message, timeout: Duration) -> BoxFuture<'static, Result<Message, Failure>>;

    /// Claims a key. While a message with this key is under way, it waits a little for the end of that.
    fn claim<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Claim, Failure>>;

    /// Remembers for so long that the message with this claimed key is processed; resolves when that is durable.
    fn complete<'a>(&'a self, key: &'a Key, keep: Duration) -> BoxFuture<'a, Result<(), Failure>>;

    /// Gives a claimed key free.
    fn release(&self, key: &Key);

    /// The record of this name, if there is one.
    fn load<'a>(&'a self, name: &'a Name) -> BoxFuture<'a, Result<Option<Record>, Failure>>;

    /// Makes all changes of records together, or none and `false` if one finds not what it expects; resolves when they
    /// are durable. Where the store had to be asked again, changes that were made can look like a conflict.
    fn commit<'a>(&'a self, changes: &'a [Change]) -> BoxFuture<'a, Result<bool, Failure>>;

    /// A step that has failed for the moment is tried again at once.
    fn tries_again(&self, failure: &Failure);

    /// Resolves after so long.
    fn wait(&self, time: Duration) -> BoxFuture<'static, ()>;

    /// Resolves when the message may pass a step that messages pass no sooner than so long after each other.
    fn pass<'a>(&'a self, step: &'a str, every: Duration) -> BoxFuture<'a, ()>;

    /// The time.
    fn now(&self) -> SystemTime;

    /// A new unique id for a message.
    fn new_id(&self) -> Text;

    /// Writes a line to the log on behalf of the route's author.
    fn log(&self, level: tracing::Level, text: &str);

    /// Who looks on.
    fn watch(&self) -> Option<&dyn Watch> {
        None
    }
}

/// A publisher's error as a failure of the message.
pub fn not_sent(error: &SendError) -> Failure {
    let (class, kind) = match error {
        SendError::Unroutable { .. } => (Class::Permanent, Kind::Unroutable),
        SendError::Invalid(_) => (Class::Permanent, Kind::Limit),
        SendError::Nack => (Class::Transient, Kind::Nack),
        SendError::Unknown(_) => (Class::Transient, Kind::Connection),
    };
    Failure::new(class, Stage::Send, kind, error.to_string())
}

/// No answer came to a request.
pub fn not_answered(timeout: Duration) -> Failure {
    let reason = format!("no answer within {timeout:?}");
    Failure::new(Class::Transient, Stage::Process, Kind::Timeout, reason)
}
