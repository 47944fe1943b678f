//! What becomes of a message that failed: it waits for another attempt, or it is a dead letter.
//!
//! Either is published by the bus and confirmed before the message is settled. As long as that cannot be done, the
//! route takes nothing more and keeps the message.

use crate::endpoint::{Address, SendError};
use crate::message::{Failure, Message};
use crate::route::fate::Fate;
use crate::route::ports::Ports;
use crate::route::retry::Past;
use crate::route::run::is_direct_reply;
use crate::route::{Origin, dead_letter, error_reply};
use crate::telemetry::events;
use crate::telemetry::metrics::Completed;

use super::backoff::Backoff;
use super::process::Context;
use super::tap::What;

/// A message that failed, and what becomes of it.
pub(super) struct Failed<'a> {
    pub(super) message: &'a Message,
    pub(super) failure: Failure,
    pub(super) fate: Fate,
    /// Why it had to wait before.
    pub(super) past: &'a [Past],
    pub(super) origin: Origin<'a>,
}

/// What becomes of a message that the broker can never take as it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Else {
    /// It does not wait for another attempt.
    DeadLetter,
    /// The route waits until somebody changes the broker. A dead letter is the message as it came, and so is one that is
    /// delayed, so the broker took it once: its largest message was made smaller since.
    Wait,
}

/// The broker was lost before it confirmed: it will give the message again.
pub(super) struct Lost(pub(super) String);

impl Context {
    /// Brings a failed message to its place.
    pub(super) async fn failed(&self, failed: Failed<'_>) -> Result<Completed, Lost> {
        let Failed { message, failure, fate, past, origin } = failed;
        let attempts = origin.attempts;
        self.status.metrics.failed(&failure);
        if let Fate::Postponed { to: wait, letter } = fate
            && self.place(&wait, *letter, Else::DeadLetter).await?
        {
            events::postponed(&self.status.name, &message.properties, &failure, attempts, &wait.routing_key);
            self.tell(message, || What::Postponed { failure: failure.clone(), queue: wait.routing_key.clone() });
            return Ok(Completed::Postponed);
        }
        let letter = dead_letter(message, &failure, past, &origin);
        self.place(&self.work.dead_letters(), letter, Else::Wait).await?;
        self.status.metrics.dead_letter(&failure);
        events::dead_lettered(&self.status.name, &message.properties, &failure, attempts);
        self.tell(message, || What::DeadLettered { failure: failure.clone(), message: message.clone() });
        if self.work.answers() {
            self.answer(message, &failure).await;
        }
        Ok(Completed::DeadLettered)
    }

    /// Brings a message into the queue in which it waits for a delay of its route.
    pub(super) async fn delayed(&self, (to, letter): (Address, Message)) -> Result<Completed, Lost> {
        self.place(&to, letter, Else::Wait).await?;
        Ok(Completed::Postponed)
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
                let reason = format!("a message cannot be put into `{}`: {error}", to.routing_key);
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
