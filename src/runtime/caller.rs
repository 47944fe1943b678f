//! Request-reply: which answer belongs to which request (EIP Correlation Identifier, Return Address).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::endpoint::{EndpointError, Replies};
use crate::message::{Message, Text};
use crate::telemetry::events;

use super::status::RouteStatus;

/// The requests of one route that wait for their answers.
pub(super) struct Caller {
    reply_to: Text,
    limit: usize,
    pending: Mutex<HashMap<Text, oneshot::Sender<Message>>>,
    status: Arc<RouteStatus>,
}

/// A request that waits; forgotten when dropped.
pub(super) struct Pending {
    caller: Arc<Caller>,
    id: Text,
    /// Resolves with the answer.
    pub(super) answer: oneshot::Receiver<Message>,
}

impl Caller {
    pub(super) fn new(reply_to: &str, limit: usize, status: Arc<RouteStatus>) -> Self {
        Self { reply_to: reply_to.into(), limit, pending: Mutex::default(), status }
    }

    /// Marks a request with its reply address and correlation id; `None` if too many wait already.
    pub(super) fn begin(self: &Arc<Self>, request: &mut Message, id: Text) -> Option<Pending> {
        let (sender, answer) = oneshot::channel();
        let mut pending = self.pending();
        if pending.len() >= self.limit {
            return None;
        }
        pending.insert(id.clone(), sender);
        self.count(pending.len());
        request.properties.reply_to = Some(self.reply_to.clone());
        request.properties.correlation_id = Some(id.clone());
        Some(Pending { caller: Arc::clone(self), id, answer })
    }

    /// Hands out answers until the reply queue fails.
    pub(super) async fn answer(self: Arc<Self>, mut replies: Box<dyn Replies>) -> EndpointError {
        loop {
            match replies.receive().await {
                Ok(answer) => self.hand_out(answer),
                Err(error) => return error,
            }
        }
    }

    fn hand_out(&self, answer: Message) {
        let sender = answer.properties.correlation_id.as_ref().and_then(|id| self.pending().remove(id));
        let dropped = match sender {
            Some(sender) => sender.send(answer).err(),
            None => Some(answer),
        };
        if let Some(late) = dropped {
            self.status.metrics.late_answers.increment(1);
            events::late_answer(&self.status.name, &late.properties);
        }
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<Text, oneshot::Sender<Message>>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    fn count(&self, pending: usize) {
        self.status.metrics.calls_pending.set(pending as f64);
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let mut pending = self.caller.pending();
        pending.remove(&self.id);
        self.caller.count(pending.len());
    }
}
