//! The ports of a plan on a live session.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use uuid::Uuid;

use crate::endpoint::store::{Change, Claim, Key, Name, Record};
use crate::endpoint::{Address, BoxFuture, Sink};
use crate::message::{Class, Failure, Kind, Message, Stage, Text};
use crate::route::ports::{Ports, not_answered, not_sent};
use crate::route::step::error_of;
use crate::telemetry::events;

use super::caller::Caller;
use super::keys::Keys;
use super::status::RouteStatus;
use super::tap::{Event, Tap, What};

/// A route's way to the world, as long as its session lives.
pub(super) struct LivePorts {
    pub(super) sink: Arc<dyn Sink>,
    pub(super) caller: Option<Arc<Caller>>,
    pub(super) keys: Keys,
    pub(super) status: Arc<RouteStatus>,
    pub(super) tap: Tap,
}

impl LivePorts {
    fn tell(&self, what: impl FnOnce() -> What) {
        tell(&self.tap, &self.status, what);
    }
}

fn tell(tap: &Tap, status: &RouteStatus, what: impl FnOnce() -> What) {
    tap.tell(|| Event { route: Arc::clone(&status.name), message_id: None, what: what() });
}

/// A new unique id: version 7, so that ids sort by time.
pub(super) fn new_id() -> Text {
    Text::from(Uuid::now_v7().hyphenated().to_string())
}

impl LivePorts {
    /// Publishes. A nack tells that the endpoint fails; a confirm, that it works, unless it has to answer yet.
    fn publish(
        &self,
        to: &Address,
        message: Message,
        answers: bool,
    ) -> impl Future<Output = Result<(), Failure>> + Send + 'static {
        self.tell(|| What::Sent { to: to.clone(), message: message.clone() });
        let started = Instant::now();
        let confirmed = self.sink.send(to, message);
        let (status, to) = (Arc::clone(&self.status), to.clone());
        async move {
            let confirmed = confirmed.await.map_err(|error| not_sent(&error));
            match &confirmed {
                Ok(()) => status.metrics.confirm.record(started.elapsed()),
                Err(failure) if failure.kind == Kind::Nack => status.breakers.failed(&to, &failure.reason),
                Err(_) => {}
            }
            if confirmed.is_ok() && !answers {
                status.breakers.succeeded(&to);
            }
            confirmed
        }
    }
}

impl Ports for LivePorts {
    fn send(&self, to: &Address, message: Message) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(self.publish(to, message, false))
    }

    fn call(
        &self,
        to: &Address,
        mut message: Message,
        timeout: Duration,
    ) -> BoxFuture<'static, Result<Message, Failure>> {
        let Some(caller) = &self.caller else {
            let failure = Failure::permanent(Kind::Internal, "the route was compiled without calls but makes one");
            return Box::pin(std::future::ready(Err(failure)));
        };
        let correlation_id = message.properties.correlation_id.take();
        let Some(mut pending) = caller.begin(&mut message, new_id()) else {
            let failure = transient(Stage::Process, Kind::Participant, "too many requests wait for their answers");
            return Box::pin(std::future::ready(Err(failure)));
        };
        let started = Instant::now();
        let sent = self.publish(to, message, true);
        let (status, tap, to) = (Arc::clone(&self.status), self.tap.clone(), to.clone());
        Box::pin(async move {
            let answered = tokio::time::timeout(timeout, async {
                sent.await?;
                (&mut pending.answer).await.map_err(|_| {
                    transient(Stage::Process, Kind::Connection, "the queue for answers was lost with its session")
                })
            });
            let late = |_| {
                let late = not_answered(timeout);
                status.breakers.failed(&to, &late.reason);
                Err(late)
            };
            let mut answer = answered.await.unwrap_or_else(late)?;
            status.metrics.call.record(started.elapsed());
            match error_of(&answer).filter(|error| error.class == Class::Transient) {
                Some(error) => status.breakers.failed(&to, &error.reason),
                None => status.breakers.succeeded(&to),
            }
            tell(&tap, &status, || What::Answered(answer.clone()));
            answer.properties.correlation_id = correlation_id;
            Ok(answer)
        })
    }

    fn claim<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Claim, Failure>> {
        Box::pin(self.keys.claim(key))
    }

    fn complete<'a>(&'a self, key: &'a Key, keep: Duration) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.keys.complete(key, keep))
    }

    fn release(&self, key: &Key) {
        self.keys.release(key);
    }

    fn load<'a>(&'a self, name: &'a Name) -> BoxFuture<'a, Result<Option<Record>, Failure>> {
        Box::pin(self.keys.load(name))
    }

    fn commit<'a>(&'a self, changes: &'a [Change]) -> BoxFuture<'a, Result<bool, Failure>> {
        Box::pin(self.keys.commit(changes))
    }

    fn tries_again(&self, failure: &Failure) {
        self.status.metrics.retries.increment(1);
        self.status.metrics.failed(failure);
    }

    fn wait(&self, time: Duration) -> BoxFuture<'static, ()> {
        let status = Arc::clone(&self.status);
        Box::pin(async move {
            let _held = status.hold();
            tokio::time::sleep(time).await;
        })
    }

    fn pass<'a>(&'a self, step: &'a str, every: Duration) -> BoxFuture<'a, ()> {
        Box::pin(self.status.pace.pass(step, every))
    }

    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn new_id(&self) -> Text {
        new_id()
    }

    fn log(&self, level: tracing::Level, text: &str) {
        events::of_route(&self.status.name, level, text);
    }
}

fn transient(stage: Stage, kind: Kind, reason: impl Into<String>) -> Failure {
    Failure::new(Class::Transient, stage, kind, reason)
}
