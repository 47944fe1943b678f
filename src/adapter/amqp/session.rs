//! One live pair of connections: one to consume, one to publish, because RabbitMQ blocks a publishing connection
//! during an alarm, and acknowledgements on it would hang with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use lapin::options::{BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, Event};
use tokio_util::sync::CancellationToken;

use super::declare::declare;
use super::error::{refused, within};
use super::lane::confirm_channel;
use super::replies::AmqpReplies;
use super::sink::AmqpSink;
use super::source::{AmqpSource, Owned};
use super::table::short;
use crate::endpoint::topology::Topology;
use crate::endpoint::{BoxFuture, EndpointError, Replies, Session, Sink, Source};

/// Answers that wait in the bus at most.
const REPLIES: u16 = 256;

/// Both connections and what is known of them.
pub(super) struct Link {
    pub(super) consume: Connection,
    pub(super) publish: Connection,
    pub(super) frame_max: usize,
    pub(super) confirm_timeout: Duration,
    /// Cancelled when the session is of no use any more.
    pub(super) dead: CancellationToken,
    alarm: Mutex<Alarm>,
    /// The largest message, as the broker said when it refused one, and when that was.
    largest: Mutex<Option<(usize, Instant)>>,
}

/// For so long, larger messages are not even published: each would close the channel under its neighbours. Then the
/// broker is asked again, for it may take more by now.
const REMEMBERED: Duration = Duration::from_secs(5);

/// Whether the broker takes messages.
struct Alarm {
    reason: Option<String>,
    /// Since when it does or does not.
    since: Instant,
}

impl Link {
    pub(super) fn new(consume: Connection, publish: Connection, confirm_timeout: Duration) -> Arc<Self> {
        let frame_max = usize::try_from(publish.configuration().frame_max()).unwrap_or(usize::MAX);
        let dead = CancellationToken::new();
        let alarm = Mutex::new(Alarm { reason: None, since: Instant::now() });
        let link =
            Arc::new(Self { consume, publish, frame_max, confirm_timeout, dead, alarm, largest: Mutex::default() });
        for events in [link.consume.events_listener().boxed(), link.publish.events_listener().boxed()] {
            tokio::spawn(watch(Arc::downgrade(&link), events, link.dead.clone()));
        }
        link
    }

    pub(super) fn is_live(&self) -> bool {
        !self.dead.is_cancelled() && self.consume.status().connected() && self.publish.status().connected()
    }

    /// Whether a confirm that is waited for since then should have come. The broker owes none during an alarm.
    pub(super) fn is_overdue(&self, since: Instant) -> bool {
        let alarm = self.alarm();
        alarm.reason.is_none() && since.max(alarm.since).elapsed() > self.confirm_timeout
    }

    /// Learns that the broker takes no larger messages.
    pub(super) fn set_largest(&self, bytes: usize) {
        *self.largest.lock().unwrap_or_else(PoisonError::into_inner) = Some((bytes, Instant::now()));
    }

    /// The largest message that the broker takes, if that was told of late.
    pub(super) fn largest(&self) -> Option<usize> {
        let largest = *self.largest.lock().unwrap_or_else(PoisonError::into_inner);
        largest.filter(|(_, told)| told.elapsed() < REMEMBERED).map(|(bytes, _)| bytes)
    }

    fn set_alarm(&self, reason: Option<String>) {
        *self.alarm() = Alarm { reason, since: Instant::now() };
    }

    fn alarm(&self) -> MutexGuard<'_, Alarm> {
        self.alarm.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn watch(link: Weak<Link>, mut events: BoxStream<'static, Event>, dead: CancellationToken) {
    while let Some(event) = dead.run_until_cancelled(events.next()).await {
        let Some(link) = link.upgrade() else { return };
        match event {
            Some(Event::ConnectionBlocked(reason)) => link.set_alarm(Some(reason)),
            Some(Event::ConnectionUnblocked) => link.set_alarm(None),
            // Errors of single channels come here, too: only a connection that is down ends the session.
            Some(Event::Error(_)) if link.is_live() => {}
            Some(Event::Error(_)) | None => return link.dead.cancel(),
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
}

impl Session for AmqpSession {
    fn declare<'a>(&'a self, topology: &'a Topology) -> BoxFuture<'a, Result<(), EndpointError>> {
        Box::pin(async move { declare(&self.consume_channel().await?, topology).await })
    }

    fn source<'a>(&'a self, queue: &'a str, prefetch: u16) -> BoxFuture<'a, Result<Box<dyn Source>, EndpointError>> {
        Box::pin(async move {
            let channel = self.consume_channel().await?;
            let consumed = consume(channel, queue, prefetch).await;
            if let Err(EndpointError::Unavailable(_)) = &consumed {
                // A broker that does not answer may do so later, for a consumer that nobody reads: nothing of it stays.
                self.link.dead.cancel();
            }
            Ok(Box::new(consumed?) as Box<dyn Source>)
        })
    }

    fn sink(&self) -> BoxFuture<'_, Result<Arc<dyn Sink>, EndpointError>> {
        Box::pin(async move {
            let opened = confirm_channel(&self.link).await;
            let channel = opened.map_err(|error| match self.blocked() {
                Some(reason) => EndpointError::Unavailable(format!("the broker takes no messages: {reason}")),
                None => error,
            })?;
            Ok(Arc::new(AmqpSink::start(self.link.clone(), channel)) as Arc<dyn Sink>)
        })
    }

    fn replies(&self) -> BoxFuture<'_, Result<Box<dyn Replies>, EndpointError>> {
        Box::pin(async move {
            let channel = self.consume_channel().await?;
            let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
            let queue = channel.queue_declare("".into(), options, FieldTable::default());
            let name = within("declaring a queue for answers", queue).await?.name().to_string();
            let source = consume(channel, &name, REPLIES).await?;
            Ok(Box::new(AmqpReplies::new(name, source)) as Box<dyn Replies>)
        })
    }

    fn blocked(&self) -> Option<String> {
        self.link.alarm().reason.clone()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.link.dead.cancel();
            let [consume, publish] = [&self.link.consume, &self.link.publish]
                .map(|connection| within("closing", connection.close(200, "shutdown".into())));
            // A close that fails or hangs leaves a connection that the broker ends by itself.
            let _closed = futures_util::join!(consume, publish);
        })
    }
}

async fn consume(channel: Channel, queue: &str, prefetch: u16) -> Result<AmqpSource, EndpointError> {
    let channel = Owned::new(channel);
    within("basic.qos", channel.basic_qos(prefetch, BasicQosOptions::default())).await?;
    let name = short("queue", queue).map_err(refused)?;
    let consumer = channel.basic_consume(name, "".into(), BasicConsumeOptions::default(), FieldTable::default());
    let consumer = within(&format!("consuming queue `{queue}`"), consumer).await?;
    Ok(AmqpSource::new(queue, channel, consumer))
}
