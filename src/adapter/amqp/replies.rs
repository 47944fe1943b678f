//! The private queue for answers: exclusive and not acknowledged, because an answer without its asker is worthless.

use futures_util::StreamExt;
use lapin::{Channel, Consumer};

use super::error::lost;
use super::source::delivered;
use crate::endpoint::{BoxFuture, EndpointError, Replies};
use crate::message::Message;

/// A consumer of an exclusive queue.
pub(super) struct AmqpReplies {
    address: String,
    /// Held: the queue lives as long as its channel.
    _channel: Channel,
    consumer: Consumer,
}

impl AmqpReplies {
    pub(super) fn new(address: String, channel: Channel, consumer: Consumer) -> Self {
        Self { address, _channel: channel, consumer }
    }
}

impl Replies for AmqpReplies {
    fn address(&self) -> &str {
        &self.address
    }

    fn receive(&mut self) -> BoxFuture<'_, Result<Message, EndpointError>> {
        Box::pin(async move {
            match self.consumer.next().await {
                Some(Ok(delivery)) => Ok(delivered(delivery).message),
                Some(Err(error)) => Err(lost(&error)),
                None => Err(EndpointError::Unavailable("the broker ended the queue for answers".to_owned())),
            }
        })
    }
}
