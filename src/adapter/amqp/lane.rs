//! One publishing lane: one task that owns one confirm channel.
//!
//! Why one task: lapin takes the delivery tag and enqueues the frames under two locks; two tasks that publish on one
//! channel get each other's confirms. Why pipelined: lapin writes what waits in one go; awaiting each publish costs
//! a write and a wake-up for every message. How each confirm is proven is told in [`super::window`].

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use lapin::message::BasicReturnMessage;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Confirmation};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::yield_now;
use tokio::time::MissedTickBehavior;

use super::acceptance;
use super::error::{is_not_found, within, words};
use super::exchanges::Exchanges;
use super::session::Link;
use super::sink::{Job, Outcome};
use super::table::{self, short};
use super::window::{Confirmed, Publish, Returned, Window};
use crate::adapter::wire;
use crate::endpoint::{EndpointError, SendError};

/// How often overdue confirms are looked for.
const TICK: Duration = Duration::from_millis(500);
/// Messages taken from the queue at a time.
const BATCH: usize = 256;
/// A channel on which messages were refused is replaced after this time at the earliest.
///
/// A quorum queue tells a channel once that it is full, and once that it has room again; until then the broker refuses on
/// the channel's behalf. When the limit itself is lifted, RabbitMQ 3.10 does not tell (`rabbit_fifo:is_below_soft_limit`),
/// and the channel is refused for ever; a new one begins anew.
const RENEWAL: Duration = Duration::from_secs(2);

/// Opens a channel on which the broker confirms what is published.
pub(super) async fn confirm_channel(link: &Link) -> Result<Channel, EndpointError> {
    let channel = within("opening a channel", link.publish.create_channel()).await?;
    within("confirm.select", channel.confirm_select(ConfirmSelectOptions::default())).await?;
    Ok(channel)
}

/// Why publishing on a channel came to an end, with what is not settled.
enum End {
    /// Nobody can send any more, and all is settled.
    Idle,
    /// Messages were refused, and all are settled.
    Refused,
    /// A confirm did not come in time.
    Overdue(Vec<Job>),
    /// The channel failed.
    Failed(Vec<Job>, lapin::Error),
}

/// What the wire needs of a job, checked.
struct Envelope {
    exchange: ShortString,
    routing_key: ShortString,
    properties: BasicProperties,
}

pub(super) struct Lane {
    link: Arc<Link>,
    channel: Channel,
    exchanges: Exchanges,
}

impl Lane {
    pub(super) fn new(link: Arc<Link>, channel: Channel) -> Self {
        Self { link, channel, exchanges: Exchanges::default() }
    }

    /// Publishes what comes until nobody can send any more or the session is of no use.
    pub(super) async fn work(mut self, mut queue: UnboundedReceiver<Job>) {
        loop {
            let channel = self.channel.clone();
            let unsettled = match self.pipeline(&channel, &mut queue).await {
                End::Idle => return,
                End::Refused => {
                    self.renew().await;
                    continue;
                }
                End::Overdue(jobs) => {
                    let reason = format!("no confirm within {:?}", self.link.confirm_timeout);
                    return self.give_up(jobs, &reason);
                }
                End::Failed(jobs, error) if !self.only_the_channel_failed() => {
                    return self.give_up(jobs, &words(&error));
                }
                End::Failed(jobs, _) => jobs,
            };
            // The broker closed the channel because of one message, and does not tell which.
            self.exchanges = Exchanges::default();
            for job in unsettled {
                self.send_alone(job).await;
            }
            if !self.reopen().await {
                return;
            }
        }
    }

    async fn pipeline(&mut self, channel: &Channel, queue: &mut UnboundedReceiver<Job>) -> End {
        let mut window = Window::default();
        let mut taken = Vec::with_capacity(BATCH);
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut open = true;
        let renewal = Instant::now() + RENEWAL;
        while open || !window.is_empty() {
            if let Some(error) = window.take_error() {
                return End::Failed(window.into_jobs(), error);
            }
            tokio::select! {
                biased;
                more = poll_fn(|context| stirred(&mut window, queue, &mut taken, (open, renewal), context)) => {
                    open = more;
                    if open && taken.is_empty() && window.is_empty() && is_worn(&window, renewal) {
                        return End::Refused;
                    }
                    // Whoever sends, and whatever is confirmed, wakes this task at once. Others have their turn first:
                    // what they send is written in one go, and what is confirmed meanwhile is settled in one go.
                    yield_now().await;
                    let room = window.room().min(BATCH);
                    while !taken.is_empty() && taken.len() < room && let Ok(job) = queue.try_recv() {
                        taken.push(job);
                    }
                    for job in taken.drain(..) {
                        if let Some((job, envelope)) = self.prepare(job).await {
                            let publish = publish(channel, &job, envelope);
                            window.push(job, publish);
                        }
                    }
                    window.advance();
                }
                _ = ticks.tick(), if !window.is_empty() => {
                    if window.oldest().is_some_and(|since| self.link.is_overdue(since)) {
                        return End::Overdue(window.into_jobs());
                    }
                }
            }
        }
        End::Idle
    }

    /// Settles what cannot be published at once, so that it does not harm its neighbours on the channel.
    async fn prepare(&mut self, job: Job) -> Option<(Job, Envelope)> {
        if job.is_abandoned() {
            return None;
        }
        let error = match self.envelope(&job) {
            Err(invalid) => SendError::Invalid(invalid.to_string()),
            Ok(envelope) => match self.exchanges.exists(&self.link, &job.to.exchange).await {
                Ok(true) => return Some((job, envelope)),
                Ok(false) => job.unroutable("no such exchange"),
                Err(error) => SendError::Unknown(error.to_string()),
            },
        };
        job.settle(Err(error));
        None
    }

    fn envelope(&self, job: &Job) -> Result<Envelope, wire::Error> {
        let bytes = job.message.body.len();
        if let Some(limit) = self.link.largest().filter(|limit| bytes > *limit) {
            return Err(wire::Error::BodyTooLarge { bytes, limit });
        }
        Ok(Envelope {
            exchange: short("exchange", &job.to.exchange)?,
            routing_key: short("routing_key", &job.to.routing_key)?,
            properties: table::to_lapin(&job.message.properties, &job.message.headers, self.link.frame_max)?,
        })
    }

    /// Sends a message with nothing else in flight, so that what happens is its own doing. It may have been accepted
    /// before, and comes twice then.
    async fn send_alone(&mut self, job: Job) {
        let Some((job, envelope)) = self.prepare(job).await else { return };
        let outcome = self.confirm_alone(&job, envelope).await;
        job.settle(outcome);
    }

    async fn confirm_alone(&mut self, job: &Job, envelope: Envelope) -> Outcome {
        let lost = || SendError::Unknown("the connection to the broker was lost".to_owned());
        if !self.reopen().await {
            return Err(lost());
        }
        match self.in_time(publish(&self.channel, job, envelope)).await {
            None => {
                self.link.dead.cancel();
                Err(lost())
            }
            Some(Ok(Confirmed { returned: Some(back), .. })) => Err(job.unroutable(&back.reason)),
            Some(Ok(Confirmed { accepted: true, .. })) => Ok(()),
            Some(Ok(Confirmed { accepted: false, .. })) => Err(SendError::Nack),
            Some(Err(error)) if !self.only_the_channel_failed() => Err(SendError::Unknown(words(&error))),
            Some(Err(error)) if is_not_found(&error) => Err(job.unroutable(&words(&error))),
            Some(Err(error)) => Err(SendError::Invalid(match acceptance::limit(&words(&error)) {
                None => words(&error),
                Some(limit) => {
                    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                    self.link.set_largest(limit);
                    wire::Error::BodyTooLarge { bytes: job.message.body.len(), limit }.to_string()
                }
            })),
        }
    }

    /// Waits for one confirm; `None` if it is overdue.
    async fn in_time<T>(&self, publish: impl Future<Output = T>) -> Option<T> {
        let since = Instant::now();
        tokio::pin!(publish);
        loop {
            match tokio::time::timeout(TICK, &mut publish).await {
                Ok(confirmed) => return Some(confirmed),
                Err(_) if self.link.is_overdue(since) => return None,
                Err(_) => {}
            }
        }
    }

    /// Replaces the channel. Where that cannot be done, as during an alarm, the old one has to do.
    async fn renew(&mut self) {
        if let Ok(channel) = confirm_channel(&self.link).await {
            self.channel = channel;
        }
    }

    /// Makes sure of a channel; without one the session is of no use.
    async fn reopen(&mut self) -> bool {
        if self.channel.status().connected() {
            return true;
        }
        match confirm_channel(&self.link).await {
            Ok(channel) => self.channel = channel,
            Err(_) => self.link.dead.cancel(),
        }
        self.channel.status().connected()
    }

    fn only_the_channel_failed(&self) -> bool {
        self.link.is_live() && !self.channel.status().connected()
    }

    fn give_up(&self, jobs: Vec<Job>, reason: &str) {
        self.link.dead.cancel();
        for job in jobs {
            job.settle(Err(SendError::Unknown(reason.to_owned())));
        }
    }
}

/// Whether the channel should be replaced.
fn is_worn(window: &Window<'_>, renewal: Instant) -> bool {
    window.was_refused() && Instant::now() >= renewal
}

/// Waits for jobs, and takes them, or for something to be done in the window; whether anybody can still send. Also
/// when the channel is worn and nothing is with the broker.
fn stirred(
    window: &mut Window<'_>,
    queue: &mut UnboundedReceiver<Job>,
    taken: &mut Vec<Job>,
    (open, renewal): (bool, Instant),
    context: &mut Context<'_>,
) -> Poll<bool> {
    // What is with the broker comes to its end before the channel is replaced.
    let worn = is_worn(window, renewal);
    let room = if worn { 0 } else { window.room().min(BATCH) };
    if open
        && room > 0
        && let Poll::Ready(count) = queue.poll_recv_many(context, taken, room)
    {
        return Poll::Ready(count > 0);
    }
    if worn && window.is_empty() || window.is_stirred(context) { Poll::Ready(open) } else { Poll::Pending }
}

fn publish<'a>(channel: &'a Channel, job: &Job, envelope: Envelope) -> Publish<'a> {
    let Envelope { exchange, routing_key, properties } = envelope;
    let body = job.message.body.clone();
    Box::pin(async move {
        let mandatory = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let published = channel.basic_publish(exchange, routing_key, mandatory, &body, properties).await?;
        let (accepted, back) = match published.await? {
            Confirmation::Ack(back) => (true, back),
            Confirmation::Nack(back) => (false, back),
            // Never, on a channel of `confirm_channel`; as a nack it is sent again rather than lost.
            Confirmation::NotRequested => (false, None),
        };
        Ok(Confirmed { accepted, returned: back.map(returned) })
    })
}

fn returned(back: BasicReturnMessage) -> Returned {
    let reason = back.reply_text.to_string();
    let lapin::message::Delivery { exchange, routing_key, properties, data, .. } = back.delivery;
    Returned {
        exchange: exchange.to_string(),
        routing_key: routing_key.to_string(),
        message_id: properties.message_id().as_ref().map(ToString::to_string),
        body: data,
        reason,
    }
}
