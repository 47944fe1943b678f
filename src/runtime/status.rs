//! What state the bus and its routes are in, for probes and metrics.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use serde::Serialize;
use tokio::sync::watch;

use crate::endpoint::Session;
use crate::telemetry::events;
use crate::telemetry::metrics::{BusMetrics, RouteMetrics};

use super::breaker::{BreakerReport, Breakers};
use super::budget::Budget;
use super::pace::Pace;
use super::work::Work;

/// What a route is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Connects for the first time.
    Starting,
    /// Is connected, and lets its predecessor finish first because it keeps order.
    Waiting,
    /// Takes messages.
    Up,
    /// Has lost its session, or got none, and tries again.
    Down,
    /// The broker refuses what it needs: somebody must change something.
    Refused,
    /// Takes nothing because a dead letter cannot be published, the store does not work, or an endpoint fails.
    Paused,
    /// Finishes what is in flight and takes nothing more.
    Draining,
    /// Has ended.
    Stopped,
}

/// A route's state as a probe shows it.
#[derive(Clone, Debug, Serialize)]
pub struct RouteReport {
    /// The route's name.
    pub name: String,
    /// What it is doing.
    pub state: State,
    /// Why, if it is not up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Messages taken and not settled.
    pub in_flight: usize,
    /// The circuit breakers that are not closed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub breakers: Vec<BreakerReport>,
}

/// The broker's state as a probe shows it.
#[derive(Clone, Debug, Serialize)]
pub struct BrokerReport {
    /// The kind of broker.
    pub adapter: &'static str,
    /// Whether there is a session.
    pub connected: bool,
    /// Why it takes no messages, if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<String>,
    /// What an operator should know of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
}

/// The bus' state as a probe shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whether all routes take messages.
    pub ready: bool,
    /// The broker.
    pub broker: BrokerReport,
    /// Every route.
    pub routes: Vec<RouteReport>,
    /// Why the files as they are now are not in effect, if the last reload was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reload_refused: Option<String>,
}

/// The state of one route, written by its task.
pub(super) struct RouteStatus {
    pub(super) name: Arc<str>,
    pub(super) metrics: RouteMetrics,
    pub(super) breakers: Arc<Breakers>,
    pub(super) pace: Pace,
    state: Mutex<(State, Option<String>)>,
    in_flight: AtomicUsize,
    /// Told of each change of a route's state.
    changes: watch::Sender<()>,
    /// How many messages pause the route, and why the last one does.
    stuck: watch::Sender<(usize, String)>,
    /// Whether another one stands in the metrics for the route of this name.
    retired: AtomicBool,
}

impl RouteStatus {
    pub(super) fn new(work: &dyn Work, changes: &watch::Sender<()>) -> Self {
        let name = Arc::from(work.name());
        Self {
            changes: changes.clone(),
            metrics: RouteMetrics::new(&name),
            breakers: Arc::new(Breakers::new(&name, work)),
            pace: Pace::default(),
            name,
            state: Mutex::new((State::Starting, None)),
            in_flight: AtomicUsize::new(0),
            stuck: watch::Sender::default(),
            retired: AtomicBool::new(false),
        }
    }

    fn state(&self) -> MutexGuard<'_, (State, Option<String>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the state; whether that changed anything worth a line in the log.
    pub(super) fn set(&self, state: State, reason: Option<String>) -> bool {
        let new = (state, reason);
        let mut current = self.state();
        let changed = *current != new;
        *current = new;
        drop(current);
        self.changes.send_replace(());
        if self.is_retired() {
            return changed;
        }
        self.metrics.up.set(if matches!(state, State::Up | State::Draining) { 1.0 } else { 0.0 });
        changed
    }

    pub(super) fn set_in_flight(&self, messages: usize, bytes: usize) {
        self.in_flight.store(messages, Ordering::Relaxed);
        if self.is_retired() {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        {
            self.metrics.in_flight.set(messages as f64);
            self.metrics.in_flight_bytes.set(bytes as f64);
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Follows the pauses of this route; the number is how many messages are stuck.
    pub(super) fn pauses(&self) -> watch::Receiver<(usize, String)> {
        self.stuck.subscribe()
    }

    /// Pauses the route until the guard is dropped.
    pub(super) fn pause(self: &Arc<Self>, reason: String) -> Pause {
        if self.stuck.borrow().0 == 0 {
            events::route_paused(&self.name, &reason);
        }
        self.stuck.send_modify(|stuck| *stuck = (stuck.0 + 1, reason));
        self.metrics.paused.set(1.0);
        self.changes.send_replace(());
        Pause { status: Arc::clone(self) }
    }

    /// Counts a message as waiting in its place until the guard is dropped.
    pub(super) fn hold(self: &Arc<Self>) -> Held {
        self.metrics.held.increment(1.0);
        Held { status: Arc::clone(self) }
    }

    /// How many messages were left to the broker when the bus ended.
    pub(super) fn leave(&self, messages: usize) {
        self.in_flight.store(messages, Ordering::Relaxed);
    }

    /// Leaves the metrics to a successor.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
        self.breakers.retire();
    }

    fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Relaxed)
    }

    pub(super) fn has_stopped(&self) -> bool {
        self.state().0 == State::Stopped
    }

    /// Waits until the route is in one of these states.
    pub(super) async fn reaches(&self, states: &[State]) {
        let mut changes = self.changes.subscribe();
        while !states.contains(&self.state().0) {
            // The sender is held by this status.
            let _changed = changes.changed().await;
        }
    }

    fn report(&self) -> RouteReport {
        let (state, reason) = self.state().clone();
        let stuck = self.stuck.borrow();
        let breakers = self.breakers.report();
        let (state, reason) = match (state, stuck.0, breakers.first()) {
            (State::Up | State::Draining, 1.., _) => (State::Paused, Some(stuck.1.clone())),
            (State::Up, _, Some(BreakerReport { endpoint, reason, .. })) => {
                (State::Paused, Some(format!("`{endpoint}` fails again and again: {reason}")))
            }
            _ => (state, reason),
        };
        RouteReport { name: self.name.to_string(), state, reason, in_flight: self.in_flight(), breakers }
    }
}

/// Counts a message as waiting in its place.
pub(super) struct Held {
    status: Arc<RouteStatus>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.status.metrics.held.decrement(1.0);
    }
}

/// Keeps a route paused.
pub(super) struct Pause {
    status: Arc<RouteStatus>,
}

impl Drop for Pause {
    fn drop(&mut self) {
        let mut left = 0;
        self.status.stuck.send_modify(|stuck| {
            stuck.0 = stuck.0.saturating_sub(1);
            left = stuck.0;
        });
        if left == 0 {
            self.status.metrics.paused.set(0.0);
            events::route_resumed(&self.status.name);
            self.status.changes.send_replace(());
        }
    }
}

/// The state of the bus.
pub(super) struct Status {
    adapter: &'static str,
    metrics: BusMetrics,
    /// What all routes together have in flight.
    pub(super) budget: Arc<Budget>,
    session: Mutex<Option<Weak<dyn Session>>>,
    changes: watch::Sender<()>,
    routes: Mutex<Vec<Arc<RouteStatus>>>,
    refused: Mutex<Option<String>>,
}

impl Status {
    /// The state of a bus without routes.
    pub(super) fn new(adapter: &'static str, budget: Budget) -> Self {
        Self {
            adapter,
            metrics: BusMetrics::new(adapter),
            budget: Arc::new(budget),
            session: Mutex::default(),
            changes: watch::Sender::default(),
            routes: Mutex::default(),
            refused: Mutex::default(),
        }
    }

    /// The state of a route that starts.
    pub(super) fn of_route(&self, work: &dyn Work) -> Arc<RouteStatus> {
        Arc::new(RouteStatus::new(work, &self.changes))
    }

    /// Reports these routes from now on.
    pub(super) fn set_routes(&self, routes: Vec<Arc<RouteStatus>>) {
        *self.routes.lock().unwrap_or_else(PoisonError::into_inner) = routes;
        self.changes.send_replace(());
    }

    /// Why the last reload was refused, if it was.
    pub(super) fn set_refused(&self, reason: Option<String>) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }

    /// What an operator should know of this kind of broker.
    pub(super) fn note(&self) -> Option<&'static str> {
        (self.adapter == "embedded").then_some("embedded broker: not durable")
    }

    /// Follows the changes of all routes' states.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    pub(super) fn set_session(&self, session: &Arc<dyn Session>) {
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::downgrade(session));
    }

    /// The session that the routes share, if one is alive.
    pub(super) fn session(&self) -> Option<Arc<dyn Session>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(Weak::upgrade)
    }

    /// The state now; the metrics of the bus as a whole are set by it.
    pub(super) fn report(&self) -> Report {
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let routes: Vec<RouteReport> = routes.iter().map(|route| route.report()).collect();
        let connected = routes
            .iter()
            .any(|route| !matches!(route.state, State::Starting | State::Down | State::Refused | State::Stopped));
        let blocked = self.session().and_then(|session| session.blocked());
        let ready = blocked.is_none() && routes.iter().all(|route| route.state == State::Up);
        let number = |yes: bool| if yes { 1.0 } else { 0.0 };
        let (messages, bytes) = self.budget.used();
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        {
            self.metrics.in_flight.set(messages as f64);
            self.metrics.in_flight_bytes.set(bytes as f64);
        }
        self.metrics.ready.set(number(ready));
        self.metrics.broker_up.set(number(connected));
        self.metrics.broker_blocked.set(number(blocked.is_some()));
        let broker = BrokerReport { adapter: self.adapter, connected, blocked, note: self.note() };
        let reload_refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Report { ready, broker, routes, reload_refused }
    }
}
