//! The way of one message: run the plan; what fails goes to the dead-letter queue.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use futures_util::FutureExt;

use crate::endpoint::{Delivery, SendError, Session};
use crate::message::{Failure, Kind, Message};
use crate::route::{Origin, Outcome, Processed, dead_letter};
use crate::telemetry::events;
use crate::telemetry::metrics::Completed;

use super::backoff::Backoff;
use super::ports::LivePorts;
use super::status::RouteStatus;
use super::tap::{Event, What};
use super::work::Work;

/// What one route's messages share, as long as the session lives.
pub(super) struct Context {
    pub(super) work: Arc<dyn Work>,
    pub(super) session: Arc<dyn Session>,
    pub(super) ports: LivePorts,
    pub(super) status: Arc<RouteStatus>,
}

/// Whether a message may be acknowledged.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Its outcome is durable.
    Settle,
    /// The broker was lost before all was confirmed: it will give the message again.
    Lost(String),
}

impl Context {
    /// Brings a message to a durable outcome, or learns that the broker is lost.
    pub(super) async fn bring(&self, delivery: Delivery, taken: Instant) -> Verdict {
        self.tell(&delivery.message, || What::Received(delivery.message.clone()));
        let run = AssertUnwindSafe(self.work.process(&delivery, &self.ports)).catch_unwind();
        let Processed { result, attempts } = run.await.unwrap_or_else(|panic| self.panicked(&*panic));
        self.status.metrics.retries.increment(attempts.saturating_sub(1).into());
        let completed = match result {
            Ok(Outcome::Delivered) => Completed::Delivered,
            Ok(Outcome::Filtered { .. }) => Completed::Filtered,
            Err(failure) if failure.kind == Kind::Connection => return Verdict::Lost(failure.reason),
            Err(failure) => {
                self.status.metrics.failed(&failure);
                if let Err(lost) = self.dead_letter(&delivery, &failure, attempts).await {
                    return Verdict::Lost(lost);
                }
                Completed::DeadLettered
            }
        };
        self.status.metrics.completed(completed);
        self.status.metrics.duration.record(taken.elapsed());
        self.tell(&delivery.message, || What::Completed(completed));
        Verdict::Settle
    }

    /// Publishes the dead letter, however long that takes: until then the route is paused and the message kept.
    async fn dead_letter(&self, delivery: &Delivery, failure: &Failure, attempts: u32) -> Result<(), String> {
        let letter = self.letter(&delivery.message, delivery, failure, attempts);
        let to = self.work.dead_letters();
        let mut backoff = Backoff::default();
        let mut pause = None;
        loop {
            let error = match self.ports.sink.send(&to, letter.clone()).await {
                Ok(()) => break,
                Err(SendError::Unknown(reason)) => return Err(reason),
                Err(error) => error,
            };
            if pause.is_none() {
                let reason = format!("dead letter for `{}` cannot be published: {error}", to.routing_key);
                pause = Some(self.status.pause(reason));
            }
            tokio::time::sleep(backoff.next()).await;
            if let SendError::Unroutable { .. } = error {
                // The queue may have been deleted. If it cannot be declared either, the next attempt tells why.
                let _declared = self.session.declare(self.work.topology()).await;
            }
        }
        drop(pause);
        self.status.metrics.dead_letter(failure);
        events::dead_lettered(&self.status.name, &delivery.message.properties, failure, attempts);
        self.tell(&delivery.message, || What::DeadLettered {
            failure: failure.clone(),
            message: delivery.message.clone(),
        });
        Ok(())
    }

    fn letter(&self, original: &Message, delivery: &Delivery, failure: &Failure, attempts: u32) -> Message {
        let origin = Origin {
            route: self.work.name(),
            queue: self.work.queue(),
            exchange: &delivery.address.exchange,
            routing_key: &delivery.address.routing_key,
            attempts,
            time: SystemTime::now(),
        };
        dead_letter(original, failure, &origin)
    }

    /// A panic is a defect of ours; the message that met it must not stop the others.
    fn panicked(&self, panic: &(dyn Any + Send)) -> Processed {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason given");
        events::panicked(&self.status.name, text);
        let failure = Failure::permanent(Kind::Internal, format!("a step panicked: {text}"));
        Processed { result: Err(failure), attempts: 1 }
    }

    fn tell(&self, message: &Message, what: impl FnOnce() -> What) {
        self.ports.tap.tell(|| Event {
            route: Arc::clone(&self.status.name),
            message_id: message.properties.message_id.clone(),
            what: what(),
        });
    }
}
