//! The receiving side: one consumer on a channel of its own, settled by tags of that same channel.

use futures_util::{FutureExt, StreamExt};
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicRejectOptions};
use lapin::{Channel, Consumer};

use super::error::{lost, unavailable, within};
use super::table;
use crate::endpoint::{Address, BoxFuture, Delivery, EndpointError, Settlement, Source, Tag};
use crate::message::{Message, Text};

/// A consumer and its channel. They live and die together, so a tag never reaches another channel.
pub(super) struct AmqpSource {
    queue: String,
    channel: Channel,
    consumer: Consumer,
    stopped: bool,
}

impl AmqpSource {
    pub(super) fn new(queue: &str, channel: Channel, consumer: Consumer) -> Self {
        Self { queue: queue.to_owned(), channel, consumer, stopped: false }
    }

    async fn receive_batch(&mut self, max: usize) -> Result<Vec<Delivery>, EndpointError> {
        let mut batch = Vec::new();
        let mut next = self.consumer.next().await;
        loop {
            match next {
                Some(Ok(delivery)) => batch.push(delivered(delivery)),
                Some(Err(error)) if batch.is_empty() => return Err(lost(&error)),
                None if batch.is_empty() && !self.stopped => {
                    let reason = format!("the broker ended the consumer of queue `{}` (deleted?)", self.queue);
                    return Err(EndpointError::Unavailable(reason));
                }
                // What has arrived is given first; the stream says the same again at the next call.
                Some(Err(_)) | None => return Ok(batch),
            }
            if batch.len() >= max {
                return Ok(batch);
            }
            match self.consumer.next().now_or_never() {
                Some(ready) => next = ready,
                None => return Ok(batch),
            }
        }
    }
}

impl Source for AmqpSource {
    fn receive(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Delivery>, EndpointError>> {
        Box::pin(self.receive_batch(max.max(1)))
    }

    fn settle(&mut self, settlement: Settlement) -> BoxFuture<'_, Result<(), EndpointError>> {
        Box::pin(async move {
            let written = match settlement {
                Settlement::AckThrough(Tag(tag)) => {
                    self.channel.basic_ack(tag, BasicAckOptions { multiple: true }).await
                }
                Settlement::Ack(Tag(tag)) => self.channel.basic_ack(tag, BasicAckOptions::default()).await,
                Settlement::Requeue(Tag(tag)) => {
                    self.channel.basic_reject(tag, BasicRejectOptions { requeue: true }).await
                }
            };
            written.map_err(|error| unavailable("acknowledging", &error))
        })
    }

    fn stop(&mut self) -> BoxFuture<'_, Result<(), EndpointError>> {
        Box::pin(async move {
            self.stopped = true;
            let tag = self.consumer.tag();
            within("basic.cancel", self.channel.basic_cancel(tag, BasicCancelOptions::default())).await
        })
    }
}

pub(super) fn delivered(delivery: lapin::message::Delivery) -> Delivery {
    let (properties, headers) = table::from_lapin(&delivery.properties);
    Delivery {
        tag: Tag(delivery.delivery_tag),
        redelivered: delivery.redelivered,
        address: Address {
            exchange: Text::from(delivery.exchange.as_str()),
            routing_key: Text::from(delivery.routing_key.as_str()),
        },
        message: Message { headers, properties, body: delivery.data.into() },
    }
}
