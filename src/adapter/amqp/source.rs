//! The receiving side: one consumer on a channel of its own, settled by tags of that same channel.

use std::ops::Deref;

use futures_util::{FutureExt, StreamExt};
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicRejectOptions};
use lapin::{Channel, Consumer};
use tokio::runtime::Handle;

use super::error::{unavailable, within};
use super::table;
use crate::endpoint::{Address, BoxFuture, Delivery, EndpointError, Settlement, Source, Tag};
use crate::message::{Message, Text};

/// A channel that is closed when nobody needs it any more, also where a future is dropped while the broker makes a
/// consumer: it would deliver to that one, and nobody would read it.
pub(super) struct Owned(Channel);

impl Owned {
    pub(super) fn new(channel: Channel) -> Self {
        Self(channel)
    }
}

impl Deref for Owned {
    type Target = Channel;

    fn deref(&self) -> &Channel {
        &self.0
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if let (true, Ok(runtime)) = (self.0.status().connected(), Handle::try_current()) {
            let channel = self.0.clone();
            // Whatever comes of it: it ends with its connection at the latest.
            runtime.spawn(async move { within("channel.close", channel.close(200, "done".into())).await });
        }
    }
}

/// A consumer and its channel. They live and die together, so a tag never reaches another channel.
pub(super) struct AmqpSource {
    queue: String,
    channel: Owned,
    consumer: Consumer,
    stopped: bool,
    /// How the consumer ended. Kept, because lapin's stream says it once, and is silent for ever after.
    end: Option<Result<(), EndpointError>>,
}

impl AmqpSource {
    pub(super) fn new(queue: &str, channel: Owned, consumer: Consumer) -> Self {
        Self { queue: queue.to_owned(), channel, consumer, stopped: false, end: None }
    }

    async fn receive_batch(&mut self, max: usize) -> Result<Vec<Delivery>, EndpointError> {
        let mut batch = Vec::new();
        while self.end.is_none() && batch.len() < max {
            let next = if batch.is_empty() {
                self.consumer.next().await
            } else {
                let Some(ready) = self.consumer.next().now_or_never() else { break };
                ready
            };
            match next {
                Some(Ok(delivery)) => batch.push(delivered(delivery)),
                Some(Err(error)) => self.end = Some(Err(unavailable(&self.what(), &error))),
                None if self.stopped => self.end = Some(Ok(())),
                None => {
                    let reason = format!("{}: ended by the broker; was the queue deleted?", self.what());
                    self.end = Some(Err(EndpointError::Unavailable(reason)));
                }
            }
        }
        match &self.end {
            Some(Err(error)) if batch.is_empty() => Err(error.clone()),
            _ => Ok(batch),
        }
    }

    fn what(&self) -> String {
        format!("consuming queue `{}`", self.queue)
    }
}

impl Source for AmqpSource {
    fn receive(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Delivery>, EndpointError>> {
        Box::pin(self.receive_batch(max.max(1)))
    }

    fn settle(&mut self, settlement: Settlement) -> BoxFuture<'_, Result<(), EndpointError>> {
        Box::pin(async move {
            let acknowledge = async {
                match settlement {
                    Settlement::AckThrough(Tag(tag)) => {
                        self.channel.basic_ack(tag, BasicAckOptions { multiple: true }).await
                    }
                    Settlement::Ack(Tag(tag)) => self.channel.basic_ack(tag, BasicAckOptions::default()).await,
                    Settlement::Requeue(Tag(tag)) => {
                        self.channel.basic_reject(tag, BasicRejectOptions { requeue: true }).await
                    }
                }
            };
            // Whatever the broker says of it: a new session has new deliveries.
            within("acknowledging", acknowledge).await.map_err(|error| EndpointError::Unavailable(error.to_string()))
        })
    }

    fn stop(&mut self) -> BoxFuture<'_, Result<(), EndpointError>> {
        Box::pin(async move {
            self.stopped = true;
            let tag = self.consumer.tag();
            within("basic.cancel", self.channel.basic_cancel(tag, BasicCancelOptions::default())).await
        })
    }

    fn close(&mut self) -> BoxFuture<'_, Result<(), EndpointError>> {
        Box::pin(async move { within("channel.close", self.channel.close(200, "done".into())).await })
    }
}

fn delivered(delivery: lapin::message::Delivery) -> Delivery {
    let (properties, headers) = table::from_lapin(&delivery.properties);
    Delivery {
        tag: Tag(delivery.delivery_tag),
        redelivered: delivery.redelivered,
        address: Address {
            exchange: Text::from(delivery.exchange.as_str()),
            routing_key: Text::from(delivery.routing_key.as_str()),
        },
        message: Message { headers, properties: properties.into(), body: delivery.data.into() },
    }
}
