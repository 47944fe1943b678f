//! The circuit breakers of one route, one for each endpoint: they stop the route's intake rather than burn its retries.
//!
//! They outlive the sessions of the route. As long as nothing fails, they cost one atomic read for each message.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use metrics::Gauge;
use serde::Serialize;
use tokio::sync::watch;

use crate::endpoint::Address;
use crate::route::breaker::{Breaker, Endpoint};
use crate::telemetry::events;
use crate::telemetry::metrics::breaker_state;

use super::circuit::{Change, Circuit};
use super::work::Work;

const CLOSED: f64 = 0.0;
const HALF_OPEN: f64 = 1.0;
const OPEN: f64 = 2.0;

/// A circuit breaker that is not closed, as a probe shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BreakerReport {
    /// The queue, or exchange and routing key.
    pub endpoint: String,
    /// `open` or `half_open`.
    pub state: &'static str,
    /// The last failure.
    pub reason: String,
}

/// What a route may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intake {
    /// As much as it has room for.
    All,
    /// One message, to try the endpoint with.
    One,
    /// Nothing until then, or until something changes.
    Nothing(Option<Instant>),
}

/// The circuit breakers of one route.
pub(super) struct Breakers {
    route: Arc<str>,
    settings: Option<Breaker>,
    points: Vec<Point>,
    state: Mutex<State>,
    /// Whether any endpoint has failed since its last success.
    troubled: AtomicBool,
    /// Whether another route's metrics stand under these names.
    retired: AtomicBool,
    changes: watch::Sender<()>,
}

struct Point {
    endpoint: Endpoint,
    name: String,
    gauge: Gauge,
}

#[derive(Default)]
struct State {
    /// In the order of the endpoints.
    circuits: Vec<Circuit>,
    /// Whether a message is being tried.
    trial: bool,
}

/// The right to try the endpoints that are half open; given back when dropped.
pub(super) struct Trial {
    of: Arc<Breakers>,
}

impl Breakers {
    pub(super) fn new(route: &Arc<str>, work: &dyn Work) -> Self {
        let point = |endpoint: &Endpoint| {
            let name = endpoint.to_string();
            let gauge = breaker_state(route, &name);
            gauge.set(CLOSED);
            Point { endpoint: endpoint.clone(), name, gauge }
        };
        let settings = work.breaker().cloned();
        let watched = if settings.is_some() { work.endpoints() } else { &[] };
        // A whole address decides before an exchange that is open for any routing key.
        let (exact, open): (Vec<_>, Vec<_>) = watched.iter().partition(|endpoint| endpoint.is_exact());
        let points: Vec<Point> = exact.into_iter().chain(open).map(point).collect();
        let circuits = points.iter().map(|_| Circuit::default()).collect();
        Self {
            route: Arc::clone(route),
            settings,
            points,
            state: Mutex::new(State { circuits, trial: false }),
            troubled: AtomicBool::new(false),
            retired: AtomicBool::new(false),
            changes: watch::Sender::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An endpoint has taken a message, or answered it.
    pub(super) fn succeeded(&self, at: &Address) {
        if self.troubled.load(Ordering::Relaxed) {
            self.observe(at, Circuit::succeeded);
        }
    }

    /// An endpoint has failed.
    pub(super) fn failed(&self, at: &Address, reason: &str) {
        if let Some(Breaker { failures, pause }) = &self.settings {
            self.observe(at, |circuit| circuit.failed(Instant::now(), *failures, *pause, reason));
        }
    }

    fn observe(&self, at: &Address, what: impl FnOnce(&mut Circuit) -> Change) {
        let Some((index, point)) = self.points.iter().enumerate().find(|(_, point)| point.endpoint.is_at(at)) else {
            return;
        };
        let mut state = self.state();
        let Some(circuit) = state.circuits.get_mut(index) else { return };
        let change = what(circuit);
        let reason = circuit.reason.clone();
        self.troubled.store(state.circuits.iter().any(Circuit::is_troubled), Ordering::Relaxed);
        drop(state);
        let pause = self.settings.as_ref().map(|settings| settings.pause).unwrap_or_default();
        match change {
            Change::None => return,
            Change::Opened => events::breaker_opened(&self.route, &point.name, &reason, pause),
            Change::Reopened => {}
            Change::Closed => events::breaker_closed(&self.route, &point.name),
        }
        self.show(point, if change == Change::Closed { CLOSED } else { OPEN });
        self.changes.send_replace(());
    }

    fn show(&self, point: &Point, state: f64) {
        if !self.retired.load(Ordering::Relaxed) {
            point.gauge.set(state);
        }
    }

    /// Leaves the metrics to a successor.
    pub(super) fn retire(&self) {
        self.points.iter().for_each(|point| self.show(point, CLOSED));
        self.retired.store(true, Ordering::Relaxed);
    }

    /// Follows what changes for those who wait.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// What the route may take now.
    pub(super) fn intake(&self) -> Intake {
        if !self.troubled.load(Ordering::Relaxed) {
            return Intake::All;
        }
        self.state().intake(Instant::now())
    }

    /// Whether nothing at all passes at the moment.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.intake(), Intake::Nothing(Some(_)))
    }

    /// The right to try, if it is free and of use.
    pub(super) fn try_trial(self: &Arc<Self>) -> Option<Trial> {
        if !self.troubled.load(Ordering::Relaxed) {
            return None;
        }
        let mut state = self.state();
        let now = Instant::now();
        if state.intake(now) != Intake::One {
            return None;
        }
        state.trial = true;
        for (point, circuit) in self.points.iter().zip(&state.circuits) {
            if circuit.open_until().is_some() {
                self.show(point, HALF_OPEN);
            }
        }
        Some(Trial { of: Arc::clone(self) })
    }

    /// Waits until a message may run; with the right to try if it is tried.
    pub(super) async fn enter(self: &Arc<Self>) -> Option<Trial> {
        let mut changes = None;
        loop {
            let until = match self.intake() {
                Intake::All => return None,
                Intake::One => match self.try_trial() {
                    Some(trial) => return Some(trial),
                    None => continue,
                },
                Intake::Nothing(until) => until,
            };
            // Followed before looking again, so that no change in between is missed.
            let Some(changes) = &mut changes else {
                changes = Some(self.changes());
                continue;
            };
            wait(changes, until).await;
        }
    }

    /// Those that are not closed.
    pub(super) fn report(&self) -> Vec<BreakerReport> {
        let now = Instant::now();
        let state = self.state();
        let circuits = self.points.iter().zip(&state.circuits);
        let open = circuits.filter_map(|(point, circuit)| Some((point, circuit, circuit.open_until()?)));
        open.map(|(point, circuit, until)| BreakerReport {
            endpoint: point.name.clone(),
            state: if until <= now { "half_open" } else { "open" },
            reason: circuit.reason.clone(),
        })
        .collect()
    }
}

/// Waits for a change, or for that time.
pub(super) async fn wait(changes: &mut watch::Receiver<()>, until: Option<Instant>) {
    let time = async {
        match until {
            Some(until) => tokio::time::sleep_until(until.into()).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        // The sender outlives who waits.
        _changed = changes.changed() => {}
        () = time => {}
    }
}

impl State {
    fn intake(&self, now: Instant) -> Intake {
        match self.circuits.iter().filter_map(Circuit::open_until).max() {
            None => Intake::All,
            Some(until) if until > now => Intake::Nothing(Some(until)),
            Some(_) if self.trial => Intake::Nothing(None),
            Some(_) => Intake::One,
        }
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        self.of.state().trial = false;
        self.of.changes.send_replace(());
    }
}
