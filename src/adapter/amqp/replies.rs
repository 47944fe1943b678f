//! The private queue for answers: exclusive, and acknowledged at once, because an answer without its asker is
//! worthless.

use std::collections::VecDeque;

use super::source::AmqpSource;
use crate::endpoint::{BoxFuture, EndpointError, Replies, Settlement, Source};
use crate::message::Message;

/// Answers taken at a time.
const BATCH: usize = 256;

/// A consumer of an exclusive queue, which lives as long as the connection.
pub(super) struct AmqpReplies {
    address: String,
    source: AmqpSource,
    /// Taken and acknowledged, not yet given.
    ready: VecDeque<Message>,
}

impl AmqpReplies {
    pub(super) fn new(address: String, source: AmqpSource) -> Self {
        Self { address, source, ready: VecDeque::new() }
    }

    async fn next(&mut self) -> Result<Message, EndpointError> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Ok(message);
            }
            let batch = self.source.receive(BATCH).await?;
            let last = batch.last().map(|delivery| delivery.tag);
            self.ready.extend(batch.into_iter().map(|delivery| delivery.message));
            if let Some(tag) = last {
                self.source.settle(Settlement::AckThrough(tag)).await?;
            }
        }
    }
}

impl Replies for AmqpReplies {
    fn address(&self) -> &str {
        &self.address
    }

    fn receive(&mut self) -> BoxFuture<'_, Result<Message, EndpointError>> {
        Box::pin(self.next())
    }
}
