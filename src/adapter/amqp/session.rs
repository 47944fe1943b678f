//! One live pair of connections: one to consume, one to publish, because RabbitMQ blocks a publishing connection
//! during an alarm, and acknowledgements on it would hang with it.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt;
use lapin::options::{
    BasicConsumeOptions, BasicQosOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, Event, ExchangeKind};
use tokio_util::sync::CancellationToken;

use super::error::within;
use super::lane::AmqpSink;
use super::replies::AmqpReplies;
use super::source::AmqpSource;
use super::table::{short, table_to_lapin};
use crate::endpoint::topology::{Exchange, Queue, Topology};
use crate::endpoint::{BoxFuture, EndpointError, Replies, Session, Sink, Source};

/// Both connections and what is known of them.
pub(super) struct Link {
    pub(super) consume: Connection,
    pub(super) publish: Connection,
    pub(super) frame_max: usize,
    /// Cancelled when the session is of no use any more.
    pub(super) dead: CancellationToken,
    blocked: Mutex<Option<String>>,
}

impl Link {
    pub(super) fn new(consume: Connection, publish: Connection, frame_max: usize) -> Arc<Self> {
        let dead = CancellationToken::new();
        let link = Arc::new(Self { consume, publish, frame_max, dead, blocked: Mutex::new(None) });
        for events in [link.consume.events_listener().boxed(), link.publish.events_listener().boxed()] {
            tokio::spawn(watch(Arc::downgrade(&link), events, link.dead.clone()));
        }
        link
    }

    pub(super) fn is_live(&self) -> bool {
        !self.dead.is_cancelled() && self.consume.status().connected() && self.publish.status().connected()
    }

    fn set_blocked(&self, reason: Option<String>) {
        *self.blocked.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }
}

async fn watch(
    link: std::sync::Weak<Link>,
    mut events: futures_util::stream::BoxStream<'static, Event>,
    dead: CancellationToken,
) {
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            () = dead.cancelled() => return,
        };
        let Some(link) = link.upgrade() else { return };
        match event {
            Some(Event::ConnectionBlocked(reason)) => link.set_blocked(Some(reason)),
            Some(Event::ConnectionUnblocked) => link.set_blocked(None),
            // Errors of single channels come here, too: only a connection that is down ends the session.
            Some(Event::Error(_)) if link.is_live() => {}
            Some(Event::Error(_)) | None => {
                link.dead.cancel();
                return;
            }
            Some(_) => {}
        }
    }
}

/// A session at RabbitMQ.
pub(super) struct AmqpSession {
    pub(super) link: Arc<Link>,
}

impl AmqpSession {
    async fn consume_channel(&self) -> Result<Channel, EndpointError> {
        within("opening a channel", self.link.consume.create_channel()).await
    }

    async fn declare_exchange(&self, exchange: &Exchange) -> Result<(), EndpointError> {
        let channel = self.consume_channel().await?;
        let kind = match exchange.kind.as_str() {
            "direct" => ExchangeKind::Direct,
            "fanout" => ExchangeKind::Fanout,
            "topic" => ExchangeKind::Topic,
            "headers" => ExchangeKind::Headers,
            other => ExchangeKind::Custom(other.to_owned()),
        };
        let options =
            ExchangeDeclareOptions { durable: true, passive: !exchange.declare, ..ExchangeDeclareOptions::default() };
        let what = format!("declaring exchange `{}`", exchange.name);
        let name = short("exchange", &exchange.name).map_err(refused)?;
        within(&what, channel.exchange_declare(name, kind, options, FieldTable::default())).await?;
        within("closing a channel", channel.close(200, "".into())).await
    }

    async fn declare_queue(&self, queue: &Queue) -> Result<(), EndpointError> {
        let channel = self.consume_channel().await?;
        let options = QueueDeclareOptions { durable: true, passive: !queue.declare, ..QueueDeclareOptions::default() };
        let arguments =
            if queue.declare { table_to_lapin(&queue.arguments).map_err(refused)? } else { FieldTable::default() };
        let what = format!("declaring queue `{}`", queue.name);
        let name = short("queue", &queue.name).map_err(refused)?;
        within(&what, channel.queue_declare(name, options, arguments)).await?;
        within("closing a channel", channel.close(200, "".into())).await
    }

    async fn declare_all(&self, topology: &Topology) -> Result<(), EndpointError> {
        for exchange in &topology.exchanges {
            self.declare_exchange(exchange).await?;
        }
        for queue in &topology.queues {
            self.declare_queue(queue).await?;
        }
        if topology.bindings.is_empty() {
            return Ok(());
        }
        let channel = self.consume_channel().await?;
        for binding in &topology.bindings {
            let what = format!("binding queue `{}` to exchange `{}`", binding.queue, binding.exchange);
            let queue = short("queue", &binding.queue).map_err(refused)?;
            let exchange = short("exchange", &binding.exchange).map_err(refused)?;
            let key = short("routing_key", &binding.routing_key).map_err(refused)?;
            let bound = channel.queue_bind(queue, exchange, key, QueueBindOptions::default(), FieldTable::default());
            within(&what, bound).await?;
        }
        within("closing a channel", channel.close(200, "".into())).await
    }

    async fn consume(&self, queue: &str, prefetch: u16) -> Result<AmqpSource, EndpointError> {
        let channel = self.consume_channel().await?;
        within("basic.qos", channel.basic_qos(prefetch, BasicQosOptions::default())).await?;
        let what = format!("consuming queue `{queue}`");
        let name = short("queue", queue).map_err(refused)?;
        let consumer = channel.basic_consume(name, "".into(), BasicConsumeOptions::default(), FieldTable::default());
        let consumer = within(&what, consumer).await?;
        Ok(AmqpSource::new(queue, channel, consumer))
    }
}

impl Session for AmqpSession {
    fn declare<'a>(&'a self, topology: &'a Topology) -> BoxFuture<'a, Result<(), EndpointError>> {
        Box::pin(self.declare_all(topology))
    }

    fn source<'a>(&'a self, queue: &'a str, prefetch: u16) -> BoxFuture<'a, Result<Box<dyn Source>, EndpointError>> {
        Box::pin(async move { Ok(Box::new(self.consume(queue, prefetch).await?) as Box<dyn Source>) })
    }

    fn sink(&self) -> BoxFuture<'_, Result<Arc<dyn Sink>, EndpointError>> {
        Box::pin(async move {
            let channel = within("opening a channel", self.link.publish.create_channel()).await?;
            within("confirm.select", channel.confirm_select(ConfirmSelectOptions::default())).await?;
            Ok(Arc::new(AmqpSink::start(self.link.clone(), channel)) as Arc<dyn Sink>)
        })
    }

    fn replies(&self) -> BoxFuture<'_, Result<Box<dyn Replies>, EndpointError>> {
        Box::pin(async move {
            let channel = self.consume_channel().await?;
            let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
            let queue = channel.queue_declare("".into(), options, FieldTable::default());
            let queue = within("declaring a queue for answers", queue).await?;
            let name = queue.name().clone();
            let options = BasicConsumeOptions { no_ack: true, exclusive: true, ..BasicConsumeOptions::default() };
            let consumer = channel.basic_consume(name.clone(), "".into(), options, FieldTable::default());
            let consumer = within("consuming the queue for answers", consumer).await?;
            Ok(Box::new(AmqpReplies::new(name.to_string(), channel, consumer)) as Box<dyn Replies>)
        })
    }

    fn blocked(&self) -> Option<String> {
        self.link.blocked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.link.dead.cancel();
            // A close that fails or hangs leaves a connection that the broker ends by itself.
            let _ = within("closing", self.link.publish.close(200, "shutdown".into())).await;
            let _ = within("closing", self.link.consume.close(200, "shutdown".into())).await;
        })
    }
}

fn refused(error: super::table::Error) -> EndpointError {
    EndpointError::Refused(error.to_string())
}
