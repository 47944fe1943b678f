//! The way of one message: run the plan, and see to it that its outcome is durable.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;

use crate::endpoint::{Delivery, Session};
use crate::message::{Failure, Kind, Message};
use crate::route::retry::resume;
use crate::route::{Outcome, Processed};
use crate::telemetry::events;
use crate::telemetry::metrics::Completed;

use super::failed::{Failed, Lost};
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
        let (delivery, tried) = resume(delivery, self.work.name());
        self.tell(&delivery.message, || What::Received(delivery.message.clone()));
        let run = AssertUnwindSafe(self.work.process(&delivery, &self.ports)).catch_unwind();
        let Processed { result, attempts } = run.await.unwrap_or_else(|panic| self.panicked(&*panic));
        self.status.metrics.retries.increment(attempts.saturating_sub(1).into());
        let completed = match result {
            Ok(Outcome::Delivered) => Completed::Delivered,
            Ok(Outcome::Filtered { .. }) => Completed::Filtered,
            Err(failure) if failure.kind == Kind::Connection => return Verdict::Lost(failure.reason),
            Err(failure) => {
                let attempts = tried.attempts.saturating_add(attempts);
                match self.failed(Failed { delivery: &delivery, failure, tried, attempts }).await {
                    Ok(completed) => completed,
                    Err(Lost(reason)) => return Verdict::Lost(reason),
                }
            }
        };
        self.status.metrics.completed(completed);
        self.status.metrics.duration.record(taken.elapsed());
        self.tell(&delivery.message, || What::Completed(completed));
        Verdict::Settle
    }

    /// A panic is a defect of ours; the message that met it must not stop the others.
    fn panicked(&self, panic: &(dyn Any + Send)) -> Processed {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason given");
        events::panicked(&self.status.name, text);
        let failure = Failure::permanent(Kind::Internal, format!("a step panicked: {text}"));
        Processed { result: Err(failure), attempts: 1 }
    }

    pub(super) fn tell(&self, message: &Message, what: impl FnOnce() -> What) {
        self.ports.tap.tell(|| Event {
            route: Arc::clone(&self.status.name),
            message_id: message.properties.message_id.clone(),
            what: what(),
        });
    }
}
