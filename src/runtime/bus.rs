//! The running bus, and the handle to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::endpoint::Adapter;
use crate::endpoint::store::Store;
use crate::telemetry::events;

use super::reload::Running;
use super::settings::Settings;
use super::status::{Report, RouteStatus};
use super::supervisor::Shared;
use super::tap::Tap;
use super::threads::Places;
use super::work::Work;

/// How long the session may take to close.
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);

/// The bus.
pub struct Bus;

/// The running bus. It runs until [`Handle::shutdown`]; dropped, it stops at once and the broker gives again
/// what was in flight.
pub struct Handle {
    pub(super) shared: Arc<Shared>,
    pub(super) routes: JoinSet<()>,
    /// The routes as of the last reload, by name.
    pub(super) running: BTreeMap<String, Running>,
    /// Those before it that may still finish something.
    pub(super) retired: Vec<Arc<RouteStatus>>,
}

impl Bus {
    /// Starts every route; returns before they are up. Must be called in a tokio runtime.
    pub fn start<W: Work>(
        plans: impl IntoIterator<Item = Arc<W>>,
        adapter: Arc<dyn Adapter>,
        settings: Settings,
    ) -> Handle {
        Self::start_with(plans, adapter, None, settings)
    }

    /// Starts every route, with a store for the keys of those that recognise duplicates.
    pub fn start_with<W: Work>(
        plans: impl IntoIterator<Item = Arc<W>>,
        adapter: Arc<dyn Adapter>,
        store: Option<Arc<dyn Store>>,
        settings: Settings,
    ) -> Handle {
        Self::start_at(Places::here(), plans, adapter, store, settings)
    }

    /// Starts every route at these places instead of the runtime that this is called in.
    pub fn start_at<W: Work>(
        places: Places,
        plans: impl IntoIterator<Item = Arc<W>>,
        adapter: Arc<dyn Adapter>,
        store: Option<Arc<dyn Store>>,
        settings: Settings,
    ) -> Handle {
        Self::start_all(places, plans.into_iter().map(|plan| plan as Arc<dyn Work>).collect(), adapter, store, settings)
    }

    pub(super) fn start_all(
        places: Places,
        works: Vec<Arc<dyn Work>>,
        adapter: Arc<dyn Adapter>,
        store: Option<Arc<dyn Store>>,
        settings: Settings,
    ) -> Handle {
        events::starting(adapter.name(), works.len());
        let shared = Arc::new(Shared::new(adapter, store, settings, places));
        if shared.status.note().is_some() {
            events::not_durable();
        }
        let mut handle = Handle { shared, routes: JoinSet::new(), running: BTreeMap::new(), retired: Vec::new() };
        handle.reload_all(works, None);
        handle
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

    /// Waits until every route takes messages.
    pub async fn ready(&self) {
        let mut changes = self.shared.status.changes();
        while !self.report().ready {
            // The sender lives as long as this probe.
            let _changed = changes.changed().await;
        }
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
        self.probe().ready().await;
    }

    fn in_flight(&self) -> usize {
        let running = self.running.values().map(|one| &one.status);
        running.chain(&self.retired).map(|status| status.in_flight()).sum()
    }

    /// Stops taking messages, finishes those in flight, acknowledges them, closes the session. Gives how many
    /// messages were still in flight at the deadline: the broker will give these again.
    pub async fn shutdown(mut self) -> usize {
        events::draining(self.in_flight());
        self.shared.stop.cancel();
        let drain = async { while self.routes.join_next().await.is_some() {} };
        let in_time = tokio::time::timeout(self.shared.settings.drain_deadline, drain).await;
        if in_time.is_err() {
            self.routes.shutdown().await;
        }
        let left = self.in_flight();
        if let Some(session) = self.shared.status.session() {
            // A session that cannot be closed in time is dropped.
            let _closed = tokio::time::timeout(CLOSE_DEADLINE, session.close()).await;
        }
        events::drained(left);
        left
    }
}
