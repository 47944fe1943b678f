//! The way of one message: run the plan, and see to it that its outcome is durable.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use crate::endpoint::{Delivery, Session};
use crate::message::{Class, Failure, Kind, Message, Text};
use crate::route::fate::{Fate, fate};
use crate::route::left::mark;
use crate::route::retry::{Tried, delayed, resume};
use crate::route::{Origin, Outcome, Processed};
use crate::telemetry::events;
use crate::telemetry::metrics::Completed;

use super::breaker::{Intake, Trial};
use super::failed::{Failed, Lost};
use super::ports::LivePorts;
use super::status::RouteStatus;
use super::tap::{Event, What};
use super::work::Work;

/// How long a message waits for a circuit breaker. Half of RabbitMQ's `consumer_timeout` is for the ladder of a route that
/// keeps order, and the rest for the attempts themselves.
const LONGEST_HOLD: Duration = Duration::from_secs(10 * 60);

/// What one route's messages share, as long as the session lives.
pub(super) struct Context {
    pub(super) work: Arc<dyn Work>,
    pub(super) session: Arc<dyn Session>,
    pub(super) ports: LivePorts,
    pub(super) status: Arc<RouteStatus>,
    /// Ends what waits in its place.
    pub(super) stop: CancellationToken,
}

/// A delivery with what is known of it before its run.
pub(super) struct Taken {
    delivery: Delivery,
    tried: Tried,
    at: Instant,
    /// Why it cannot be processed at all.
    refused: Option<Box<Failure>>,
    /// The endpoints that are half open are tried with it.
    pub(super) trial: Option<Trial>,
}

/// Whether a message may be acknowledged.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Its outcome is durable.
    Settle,
    /// The broker was lost before all was confirmed: it will give the message again.
    Lost(String),
    /// The route ends while the message waits in its place: the broker is to give it again.
    Kept,
}

/// How it goes on after a failed run.
enum Next {
    /// The message is tried again in its place.
    Again,
    /// It has come to its place.
    Done(Completed),
    End(Verdict),
}

impl Taken {
    /// Bytes of the body.
    pub(super) fn size(&self) -> usize {
        self.delivery.message.body.len()
    }
}

impl Context {
    /// Takes a delivery, and the key of its order if the route keeps one.
    pub(super) fn take(&self, delivery: Delivery, at: Instant) -> (Option<Text>, Taken) {
        let (delivery, tried) = resume(delivery, self.work.name());
        let mut taken = Taken { delivery, tried, at, refused: None, trial: None };
        if !self.work.ordered() {
            return (None, taken);
        }
        let key = AssertUnwindSafe(|| self.work.key(&taken.delivery, &self.ports));
        let key = std::panic::catch_unwind(key).unwrap_or_else(|panic| Err(self.panicked(&*panic)));
        let key = key.map_err(|failure| taken.refused = Some(Box::new(failure))).ok().flatten();
        (key, taken)
    }

    /// Brings a message to a durable outcome, or learns that the broker is lost.
    ///
    /// One of these waits for each message in flight: what seldom happens has its own place in memory.
    pub(super) async fn bring(&self, taken: &mut Taken) -> Verdict {
        self.tell(&taken.delivery.message, || What::Received(taken.delivery.message.clone()));
        let completed = loop {
            if taken.trial.is_none() && self.status.breakers.intake() != Intake::All {
                let Some(entered) = Box::pin(self.enter(taken.at)).await else { return Verdict::Kept };
                taken.trial = entered;
            }
            let Processed { result, attempts } = match taken.refused.take() {
                Some(failure) => Processed { result: Err(*failure), attempts: 1 },
                None => self.process(&taken.delivery).await,
            };
            drop(taken.trial.take());
            self.status.metrics.retries.increment(attempts.saturating_sub(1).into());
            let failure = match result {
                Ok(Outcome::Delivered) => break Completed::Delivered,
                Ok(Outcome::Filtered { .. }) => break Completed::Filtered,
                Ok(Outcome::Gathered { .. }) => break Completed::Gathered,
                Ok(Outcome::Buffered { .. }) => break Completed::Buffered,
                Ok(Outcome::Duplicate { step }) => {
                    events::duplicate(&self.status.name, &taken.delivery.message.properties, &step);
                    break Completed::Duplicate;
                }
                Ok(Outcome::Delayed { step, time }) => {
                    match Box::pin(self.delayed_run(taken, &step, time, attempts)).await {
                        Ok(completed) => break completed,
                        Err(Lost(reason)) => return Verdict::Lost(reason),
                    }
                }
                Err(failure) if failure.kind == Kind::Connection => return Verdict::Lost(failure.reason),
                Err(failure) => failure,
            };
            match Box::pin(self.failed_run(taken, failure, attempts)).await {
                Next::Again => {}
                Next::Done(completed) => break completed,
                Next::End(verdict) => return verdict,
            }
        };
        self.status.metrics.completed(completed);
        self.status.metrics.duration.record(taken.at.elapsed());
        self.tell(&taken.delivery.message, || What::Completed(completed));
        Verdict::Settle
    }

    /// Brings a message that its route delays to where it waits.
    async fn delayed_run(&self, taken: &Taken, step: &Text, time: Duration, attempts: u32) -> Result<Completed, Lost> {
        let Taken { delivery, tried, .. } = taken;
        let origin = self.origin(delivery, tried.attempts.saturating_add(attempts));
        self.delayed(delayed(&delivery.message, step, time, tried, &origin)).await
    }

    /// Brings a message whose run has failed to where it waits, or is dead.
    async fn failed_run(&self, taken: &mut Taken, failure: Failure, attempts: u32) -> Next {
        let Taken { delivery, tried, at, .. } = taken;
        if let Some(left) = &failure.left {
            mark(&mut delivery.message.headers, left);
        }
        let attempts = tried.attempts.saturating_add(attempts);
        if failure.class == Class::Transient && self.status.breakers.is_open() && at.elapsed() < LONGEST_HOLD {
            // That it failed is the endpoint's matter: it loses no attempt of its ladder by it.
            self.status.metrics.failed(&failure);
            tried.attempts = attempts;
            return Next::Again;
        }
        let origin = self.origin(delivery, attempts);
        let ladder = self.work.retries();
        let fate = fate(&delivery.message, &failure, tried, &origin, ladder, self.work.ordered());
        if let Fate::InPlace { delay, tried: then } = fate {
            self.status.metrics.failed(&failure);
            events::held(&self.status.name, &delivery.message.properties, &failure, attempts, delay);
            let _held = self.status.hold();
            if self.stop.run_until_cancelled(tokio::time::sleep(delay)).await.is_none() {
                return Next::End(Verdict::Kept);
            }
            *tried = then;
            return Next::Again;
        }
        match self.failed(Failed { message: &delivery.message, failure, fate, past: &tried.past, origin }).await {
            Ok(completed) => Next::Done(completed),
            Err(Lost(reason)) => Next::End(Verdict::Lost(reason)),
        }
    }

    /// Waits while a circuit breaker is open, with the right to try if the message is tried then. `None` if the route ends
    /// meanwhile.
    async fn enter(&self, since: Instant) -> Option<Option<Trial>> {
        let _held = self.status.hold();
        let left = LONGEST_HOLD.saturating_sub(since.elapsed());
        let entered = tokio::time::timeout(left, self.status.breakers.enter());
        self.stop.run_until_cancelled(entered).await.map(|entered| entered.ok().flatten())
    }

    async fn process(&self, delivery: &Delivery) -> Processed {
        let run = AssertUnwindSafe(self.work.process(delivery, &self.ports)).catch_unwind();
        run.await.unwrap_or_else(|panic| Processed { result: Err(self.panicked(&*panic)), attempts: 1 })
    }

    fn origin<'a>(&'a self, delivery: &'a Delivery, attempts: u32) -> Origin<'a> {
        Origin {
            route: self.work.name(),
            queue: self.work.queue(),
            exchange: &delivery.address.exchange,
            routing_key: &delivery.address.routing_key,
            attempts,
            time: SystemTime::now(),
        }
    }

    /// A panic is a defect of ours; the message that met it must not stop the others.
    fn panicked(&self, panic: &(dyn Any + Send)) -> Failure {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason given");
        events::panicked(&self.status.name, text);
        Failure::permanent(Kind::Internal, format!("a step panicked: {text}"))
    }

    pub(super) fn tell(&self, message: &Message, what: impl FnOnce() -> What) {
        self.ports.tap.tell(|| Event {
            route: Arc::clone(&self.status.name),
            message_id: message.properties.message_id.clone(),
            what: what(),
        });
    }
}
