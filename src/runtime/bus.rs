//! The running bus, and the handle to it.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::endpoint::Adapter;
use crate::endpoint::topology::Topology;
use crate::telemetry::events;

use super::settings::Settings;
use super::status::{Report, Status};
use super::supervisor::{Shared, supervise};
use super::tap::Tap;
use super::work::Work;

/// How long the session may take to close.
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);

/// The bus.
pub struct Bus;

/// The running bus. It runs until [`Handle::shutdown`]; dropped, it stops at once and the broker gives again
/// what was in flight.
pub struct Handle {
    shared: Arc<Shared>,
    routes: JoinSet<()>,
}

impl Bus {
    /// Starts every route; returns before they are up. Must be called in a tokio runtime.
    pub fn start<W: Work>(
        plans: impl IntoIterator<Item = Arc<W>>,
        adapter: Arc<dyn Adapter>,
        settings: Settings,
    ) -> Handle {
        Self::start_all(plans.into_iter().map(|plan| plan as Arc<dyn Work>).collect(), adapter, settings)
    }

    pub(super) fn start_all(works: Vec<Arc<dyn Work>>, adapter: Arc<dyn Adapter>, settings: Settings) -> Handle {
        let mut topology = Topology::default();
        works.iter().for_each(|work| topology.merge(work.topology()));
        events::starting(adapter.name(), works.len());
        let status = Status::new(adapter.name(), works.iter().map(|work| work.name()));
        if status.note().is_some() {
            events::not_durable();
        }
        let shared = Arc::new(Shared {
            adapter,
            settings,
            status,
            tap: Tap::default(),
            stop: CancellationToken::new(),
            topology,
            declared: tokio::sync::Mutex::default(),
        });
        let mut routes = JoinSet::new();
        for (work, status) in works.into_iter().zip(&shared.status.routes) {
            routes.spawn(supervise(Arc::clone(&shared), work, Arc::clone(status)));
        }
        Handle { shared, routes }
    }
}

/// Reads the state of a running bus; keeps working, and says so, when the bus has stopped.
#[derive(Clone)]
pub struct Probe {
    shared: Arc<Shared>,
}

impl Probe {
    /// The state now.
    pub fn report(&self) -> Report {
        self.shared.status.report()
    }
}

impl Handle {
    /// The state now.
    pub fn status(&self) -> Report {
        self.shared.status.report()
    }

    /// For those who look at the state while the handle is elsewhere.
    pub fn probe(&self) -> Probe {
        Probe { shared: Arc::clone(&self.shared) }
    }

    /// Where to listen to what passes through.
    pub fn tap(&self) -> &Tap {
        &self.shared.tap
    }

    /// Waits until every route takes messages.
    pub async fn ready(&self) {
        let mut changes = self.shared.status.changes();
        while !self.status().ready {
            // The sender lives as long as this handle.
            let _changed = changes.changed().await;
        }
    }

    /// Stops taking messages, finishes those in flight, acknowledges them, closes the session. Gives how many
    /// messages were still in flight at the deadline: the broker will give these again.
    pub async fn shutdown(mut self) -> usize {
        let status = &self.shared.status;
        events::draining(status.in_flight());
        self.shared.stop.cancel();
        let drain = async { while self.routes.join_next().await.is_some() {} };
        let in_time = tokio::time::timeout(self.shared.settings.drain_deadline, drain).await;
        let left = if in_time.is_ok() { 0 } else { status.in_flight() };
        self.routes.shutdown().await;
        if let Some(session) = status.session() {
            // A session that cannot be closed in time is dropped.
            let _closed = tokio::time::timeout(CLOSE_DEADLINE, session.close()).await;
        }
        events::drained(left);
        left
    }
}
