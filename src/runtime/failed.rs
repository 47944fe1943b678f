//! What becomes of a message that failed: it waits for another attempt, or it is a dead letter.
//!
//! Either is published by the bus and confirmed before the message is settled. As long as that cannot be done, the
//! route takes nothing more and keeps the message.

use std::time::SystemTime;

use crate::endpoint::{Address, Delivery, SendError};
use crate::message::{Class, Failure, Message};
use crate::route::ports::Ports;
use crate::route::retry::{Tried, postpone};
use crate::route::run::is_direct_reply;
use crate::route::{Origin, dead_letter, error_reply};
use crate::telemetry::events;
use crate::telemetry::metrics::Completed;

use super::backoff::Backoff;
use super::process::Context;
use super::tap::What;

/// A message that failed, and everything that was tried.
pub(super) struct Failed<'a> {
    pub(super) delivery: &'a Delivery,
    pub(super) failure: Failure,
    /// Before this delivery.
    pub(super) tried: Tried,
    /// With this delivery.
    pub(super) attempts: u32,
}

/// What becomes of a message that the broker can never take as it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Else {
    /// It does not wait for another attempt.
    DeadLetter,
    /// The route waits until somebody changes the broker. A dead letter is the message as it came, so the broker took it
    /// once: its largest message was made smaller since.
    Wait,
}

/// The broker was lost before it confirmed: it will give the message again.
pub(super) struct Lost(pub(super) String);

impl Context {
    /// Brings a failed message to its place.
    pub(super) async fn failed(&self, failed: Failed<'_>) -> Result<Completed, Lost> {
        let Failed { delivery, failure, tried, attempts } = failed;
        self.status.metrics.failed(&failure);
        let origin = Origin {
            route: self.work.name(),
            queue: self.work.queue(),
            exchange: &delivery.address.exchange,
            routing_key: &delivery.address.routing_key,
            attempts,
            time: SystemTime::now(),
        };
        let message = &delivery.message;
        if failure.class == Class::Transient
            && let Some((wait, letter)) = postpone(message, &failure, &tried, &origin, self.work.retries())
            && self.place(&wait, letter, Else::DeadLetter).await?
        {
            events::postponed(&self.status.name, &message.properties, &failure, attempts, &wait.routing_key);
            self.tell(message, || What::Postponed { failure: failure.clone(), queue: wait.routing_key.clone() });
            return Ok(Completed::Postponed);
        }
        let letter = dead_letter(message, &failure, &tried.past, &origin);
        self.place(&self.work.dead_letters(), letter, Else::Wait).await?;
        self.status.metrics.dead_letter(&failure);
        events::dead_lettered(&self.status.name, &message.properties, &failure, attempts);
        self.tell(message, || What::DeadLettered { failure: failure.clone(), message: message.clone() });
        if self.work.answers() {
            self.answer(message, &failure).await;
        }
        Ok(Completed::DeadLettered)
    }

    /// Tells who asked. The request is safe already, so an answer that nobody takes changes nothing.
    async fn answer(&self, asked: &Message, failure: &Failure) {
        if let Some((to, answer)) = error_reply(asked, failure, self.work.name(), self.ports.new_id())
            && let Err(lost) = self.ports.send(&to, answer).await
            && !is_direct_reply(&to)
        {
            events::unanswered(&self.status.name, &asked.properties, &lost);
        }
    }

    /// Publishes, however long that takes: until then the route is paused and the message kept. `false` if the
    /// message cannot be written to this broker, and there is another way.
    async fn place(&self, to: &Address, letter: Message, otherwise: Else) -> Result<bool, Lost> {
        let mut backoff = Backoff::default();
        let mut pause = None;
        loop {
            let error = match self.ports.sink.send(to, letter.clone()).await {
                Ok(()) => return Ok(true),
                Err(SendError::Invalid(_)) if otherwise == Else::DeadLetter => return Ok(false),
                Err(SendError::Unknown(reason)) => return Err(Lost(reason)),
                Err(error) => error,
            };
            if pause.is_none() {
                let reason = format!("a failed message cannot be put into `{}`: {error}", to.routing_key);
                pause = Some(self.status.pause(reason));
            }
            tokio::time::sleep(backoff.next()).await;
            if let SendError::Unroutable { .. } = error {
                // The queue may have been deleted. If it cannot be declared either, the next attempt tells why.
                let _declared = self.session.declare(self.work.topology()).await;
            }
        }
    }
}
