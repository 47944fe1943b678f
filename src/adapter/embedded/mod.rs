//! An in-process broker with RabbitMQ's behaviour, for a first look, for tests, for machines without RabbitMQ.
//!
//! Nothing is durable: what is in it is lost with the process.

mod arguments;
mod broker;
mod death;
mod exchange;
mod publish;
mod queue;
mod session;
pub(crate) mod topic;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::endpoint::{Adapter, BoxFuture, EndpointError, Session};

use broker::State;
use session::EmbeddedSession;

/// The memory that messages may take if nobody says otherwise.
pub const DEFAULT_MAX_BYTES: usize = 256 << 20;

/// The broker. Clones are the same broker; it lives as long as one of them or one of its sessions.
#[derive(Clone)]
pub struct Broker {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Live sessions by id, to end them from outside.
    sessions: Mutex<HashMap<u64, Weak<EmbeddedSession>>>,
    expiry: Mutex<Option<tokio::task::AbortHandle>>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(task) = self.expiry.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

impl Default for Broker {
    fn default() -> Self {
        Self::new(DEFAULT_MAX_BYTES)
    }
}

impl Broker {
    /// A broker whose messages take at most this much memory; beyond it, it refuses to take more.
    pub fn new(max_bytes: usize) -> Self {
        let state = Mutex::new(State::new(max_bytes));
        Self { shared: Arc::new(Shared { state, sessions: Mutex::default(), expiry: Mutex::default() }) }
    }

    /// A client of this broker: its sessions are apart from those of other clients.
    pub fn client(&self) -> Embedded {
        Embedded { broker: self.clone(), live: tokio::sync::Mutex::default() }
    }

    /// How many messages of a queue are ready; `None` if there is no such queue.
    pub fn depth(&self, queue: &str) -> Option<usize> {
        self.shared.state().depth(queue)
    }

    /// How many messages of a queue are delivered and not settled.
    pub fn unsettled(&self, queue: &str) -> usize {
        self.shared.state().unsettled(queue)
    }

    /// The memory that messages take, in bytes.
    pub fn bytes(&self) -> usize {
        self.shared.state().bytes()
    }

    /// Deletes a queue with its messages; its consumers end.
    pub fn delete_queue(&self, queue: &str) {
        self.shared.state().delete_queue(queue);
    }

    /// Ends all sessions, as when the connection is lost: nothing more is settled, what was unsettled comes again.
    pub fn disconnect_all(&self) {
        let sessions: Vec<_> = self.sessions().drain().filter_map(|(_, session)| session.upgrade()).collect();
        sessions.iter().for_each(|session| session.end());
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<u64, Weak<EmbeddedSession>>> {
        self.shared.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts, once, the task that gives up messages whose time is over.
    fn start_expiry(&self) {
        let mut expiry = self.shared.expiry.lock().unwrap_or_else(PoisonError::into_inner);
        if expiry.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let shared = Arc::downgrade(&self.shared);
        let deadlines = Arc::clone(&self.shared.state().deadlines);
        let task = tokio::spawn(async move {
            loop {
                let Some(next) = shared.upgrade().map(|shared| shared.state().expire()) else { return };
                match next {
                    Some(deadline) => {
                        let _either = tokio::time::timeout_at(deadline, deadlines.notified()).await;
                    }
                    None => deadlines.notified().await,
                }
            }
        });
        *expiry = Some(task.abort_handle());
    }
}

/// A client of a [`Broker`], behind the traits of [`crate::endpoint`].
pub struct Embedded {
    broker: Broker,
    live: tokio::sync::Mutex<Weak<EmbeddedSession>>,
}

impl Embedded {
    /// The broker behind it.
    pub fn broker(&self) -> &Broker {
        &self.broker
    }
}

impl Adapter for Embedded {
    fn name(&self) -> &'static str {
        "embedded"
    }

    fn open(&self) -> BoxFuture<'_, Result<Arc<dyn Session>, EndpointError>> {
        Box::pin(async move {
            let mut live = self.live.lock().await;
            if let Some(session) = live.upgrade().filter(|session| session.is_alive()) {
                return Ok(session as Arc<dyn Session>);
            }
            self.broker.start_expiry();
            let session = EmbeddedSession::begin(&self.broker);
            *live = Arc::downgrade(&session);
            Ok(session as Arc<dyn Session>)
        })
    }
}
