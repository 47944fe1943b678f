//! A new set of routes in place of the running one, without a gap.
//!
//! What did not change is not touched. What changed runs beside its predecessor until it takes messages, and only then
//! is the old one drained: each message sees one plan from start to end. A changed route that the broker refuses thus
//! leaves the old one at work. Where order is kept, the new one has all but its consumer when the old one is drained.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::endpoint::Adapter;
use crate::endpoint::topology::Topology;
use crate::telemetry::{events, metrics};

use super::bus::Handle;
use super::status::{RouteStatus, State};
use super::supervisor::{Route, supervise};
use super::work::Work;

/// A route with the task that runs it.
pub(super) struct Running {
    pub(super) work: Arc<dyn Work>,
    pub(super) status: Arc<RouteStatus>,
    stop: CancellationToken,
}

/// What a reload did, by the routes' names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reloaded {
    /// New ones.
    pub added: Vec<String>,
    /// Those that run by a new plan.
    pub changed: Vec<String>,
    /// Those that end.
    pub removed: Vec<String>,
    /// Those that were not touched.
    pub unchanged: Vec<String>,
}

impl Handle {
    /// Runs these routes from now on, all of them over another adapter if one is given. Returns before new ones are up
    /// and old ones have ended.
    pub fn reload<W: Work>(
        &mut self,
        plans: impl IntoIterator<Item = Arc<W>>,
        adapter: Option<Arc<dyn Adapter>>,
    ) -> Reloaded {
        let reloaded = self.reload_all(plans.into_iter().map(|plan| plan as Arc<dyn Work>).collect(), adapter);
        events::reloaded(&reloaded.added, &reloaded.changed, &reloaded.removed);
        metrics::reloaded(true);
        self.shared.status.set_refused(None);
        reloaded
    }

    /// Says that the files are wrong, and that what runs goes on.
    pub fn refuse_reload(&self, errors: usize, first: &str) {
        events::reload_refused(errors, first);
        metrics::reloaded(false);
        self.shared.status.set_refused(Some(first.to_owned()));
    }

    pub(super) fn reload_all(&mut self, works: Vec<Arc<dyn Work>>, adapter: Option<Arc<dyn Adapter>>) -> Reloaded {
        let same_broker = adapter.is_none();
        if let Some(adapter) = adapter {
            self.shared.set_adapter(adapter);
        }
        let mut topology = Topology::default();
        works.iter().for_each(|work| topology.merge(work.topology()));
        self.shared.set_topology(topology);
        let mut before = std::mem::take(&mut self.running);
        let mut reloaded = Reloaded::default();
        let mut running = BTreeMap::new();
        for work in works {
            let name = work.name().to_owned();
            let now = match before.remove(&name) {
                Some(old) if same_broker && old.work.version() == work.version() => {
                    reloaded.unchanged.push(name.clone());
                    old
                }
                Some(old) => {
                    reloaded.changed.push(name.clone());
                    let before = work.ordered().then(|| Arc::clone(&old.status));
                    let new = self.start(work, before);
                    self.hand_over(old, &new);
                    new
                }
                None => {
                    reloaded.added.push(name.clone());
                    self.start(work, None)
                }
            };
            running.insert(name, now);
        }
        for (name, old) in before {
            reloaded.removed.push(name);
            old.stop.cancel();
            self.retired.push(old.status);
        }
        self.shared.status.set_routes(running.values().map(|one| Arc::clone(&one.status)).collect());
        self.running = running;
        reloaded
    }

    fn start(&mut self, work: Arc<dyn Work>, before: Option<Arc<RouteStatus>>) -> Running {
        let status = self.shared.status.of_route(&*work);
        let stop = self.shared.stop.child_token();
        let route = Route { work: Arc::clone(&work), status: Arc::clone(&status), stop: stop.clone(), before };
        self.routes.spawn_on(supervise(Arc::clone(&self.shared), route), &self.shared.places.routes);
        Running { work, status, stop }
    }

    /// Drains the old one when the new one takes messages or waits for that, or when it has a successor that does.
    fn hand_over(&mut self, old: Running, new: &Running) {
        old.status.retire();
        self.retired.retain(|status| !status.has_stopped());
        self.retired.push(Arc::clone(&old.status));
        let (taken_over, replaced) = (Arc::clone(&new.status), new.stop.clone());
        let replace = async move {
            tokio::select! {
                () = taken_over.reaches(&[State::Up, State::Waiting]) => {}
                () = replaced.cancelled() => {}
            }
            old.stop.cancel();
        };
        self.routes.spawn_on(replace, &self.shared.places.routes);
    }
}
