//! Where messages enter and leave the bus: the traits that every adapter implements, and their plain data.
//!
//! An [`Adapter`] knows one kind of broker. Its [`Session`] is one live connection: everything that was
//! got from a session dies with it, and whoever holds it opens a new one. There is no hidden recovery.

pub mod settings;
pub mod store;
pub mod topology;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::message::{Message, Text};

use topology::Topology;

/// A future that a trait object can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The sending address of AMQP 0-9-1: an exchange (`""` is the default exchange) and a routing key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The exchange's name.
    pub exchange: Text,
    /// The routing key; with the default exchange, the queue's name.
    pub routing_key: Text,
}

/// One kind of broker.
pub trait Adapter: Send + Sync + 'static {
    /// The name for logs and probes: `amqp`, `embedded`.
    fn name(&self) -> &'static str;

    /// Joins the live session, or makes one. Fails within a bounded time.
    fn open(&self) -> BoxFuture<'_, Result<Arc<dyn Session>, EndpointError>>;
}

/// One live connection to a broker.
pub trait Session: Send + Sync {
    /// Declares the topology, or verifies it where it says so. Idempotent.
    fn declare<'a>(&'a self, topology: &'a Topology) -> BoxFuture<'a, Result<(), EndpointError>>;

    /// Starts to consume a queue with manual acknowledgement.
    fn source<'a>(&'a self, queue: &'a str, prefetch: u16) -> BoxFuture<'a, Result<Box<dyn Source>, EndpointError>>;

    /// Opens a publishing lane of its own: one slow or failing lane does not hold up another.
    fn sink(&self) -> BoxFuture<'_, Result<Arc<dyn Sink>, EndpointError>>;

    /// Makes a private queue for the answers to this session's requests.
    fn replies(&self) -> BoxFuture<'_, Result<Box<dyn Replies>, EndpointError>>;

    /// Why the broker takes no messages at the moment (an alarm), if it does not.
    fn blocked(&self) -> Option<String>;

    /// Ends the session after what was written has reached the broker.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// Identifies a delivery within its source; rises with each delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u64);

/// A message as it came from a queue. Unsettled when its source ends, the broker gives it again.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// For the settlement.
    pub tag: Tag,
    /// Whether the broker gave it before.
    pub redelivered: bool,
    /// Where it was published to.
    pub address: Address,
    /// The message.
    pub message: Message,
}

/// What the broker is told of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// This delivery and all before it that are not settled yet (AMQP's `multiple`).
    AckThrough(Tag),
    /// This delivery alone.
    Ack(Tag),
    /// Give it again later.
    Requeue(Tag),
}

/// The receiving side.
pub trait Source: Send {
    /// Waits for at least one delivery and gives what has arrived, at most `max`. Safe to cancel.
    ///
    /// After [`Source::stop`] it gives what was prefetched, then an empty list for ever.
    fn receive(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Delivery>, EndpointError>>;

    /// Settles a delivery of this source.
    fn settle(&mut self, settlement: Settlement) -> BoxFuture<'_, Result<(), EndpointError>>;

    /// Asks the broker for no more deliveries.
    fn stop(&mut self) -> BoxFuture<'_, Result<(), EndpointError>>;

    /// Ends the source; resolves when the broker has back what is not settled. Whoever consumes the queue from then on
    /// gets that first.
    fn close(&mut self) -> BoxFuture<'_, Result<(), EndpointError>>;
}

/// The sending side: one publishing lane.
pub trait Sink: Send + Sync {
    /// Publishes, mandatory; resolves when the broker has confirmed. The message is enqueued in the order
    /// of the calls; the future only waits. If it is dropped before that, the message may or may not be sent.
    fn send(&self, to: &Address, message: Message) -> BoxFuture<'static, Result<(), SendError>>;
}

/// The private queue for answers.
pub trait Replies: Send {
    /// What requests carry as `reply_to`.
    fn address(&self) -> &str;

    /// Waits for the next answer. Safe to cancel.
    fn receive(&mut self) -> BoxFuture<'_, Result<Message, EndpointError>>;
}

/// Why a message was not accepted by the broker.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Returned: no queue is bound for exchange and routing key, or there is no such exchange.
    #[error("{} ({reason})", unroutable(exchange, routing_key))]
    Unroutable {
        /// The exchange.
        exchange: String,
        /// The routing key.
        routing_key: String,
        /// What the broker said.
        reason: String,
    },
    /// Refused: a full queue, an internal error of the broker.
    #[error("the broker refused the message (basic.nack)")]
    Nack,
    /// The message cannot be written: a property that is too long, a header table beyond the frame size.
    #[error("the message cannot be published: {0}")]
    Invalid(String),
    /// The connection was lost or the confirm did not come in time: it may or may not have arrived.
    #[error("the broker did not confirm: {0}")]
    Unknown(String),
}

/// Why a session, or a part of it, is of no use any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Trying again later can help: refused connection, lost connection, timeout.
    #[error("{0}")]
    Unavailable(String),
    /// Trying again does not help until somebody changes something: access refused, a queue declared otherwise.
    #[error("{0}")]
    Refused(String),
}

fn unroutable(exchange: &str, routing_key: &str) -> String {
    if exchange.is_empty() {
        format!("there is no queue `{routing_key}`")
    } else {
        format!("no queue is bound to exchange `{exchange}` for routing key `{routing_key}`")
    }
}

/// The sentence about a queue or exchange that is there already and was declared otherwise. The values stand in
/// backticks, or are `none`.
pub fn declared_otherwise(what: &str, name: &str, argument: &str, theirs: &str, ours: &str) -> String {
    format!(
        "{what} `{name}` is there already, with {argument} {theirs}; the route wants {argument} {ours}. Delete the \
         {what} when it is empty, or take it as it is with `declare: false`"
    )
}
