//! Keeps one route running: whatever ends it, it is started again, for ever, on a fresh session.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use crate::endpoint::store::Store;
use crate::endpoint::topology::Topology;
use crate::endpoint::{Adapter, EndpointError, Session};
use crate::telemetry::events;

use super::backoff::Backoff;
use super::budget::Budget;
use super::caller::Caller;
use super::intake::Bounds;
use super::keys::Keys;
use super::lane;
use super::ports::LivePorts;
use super::process::Context;
use super::settings::Settings;
use super::status::{RouteStatus, State, Status};
use super::tap::Tap;
use super::threads::Places;
use super::work::Work;

/// A route that ran this long was well: its next failure begins with the shortest delay again.
const WELL: Duration = Duration::from_secs(5);

/// What stands at the broker, as far as a session knows.
type Declared = (Weak<dyn Session>, Arc<Topology>);

/// What all routes share.
pub(super) struct Shared {
    adapter: Mutex<Arc<dyn Adapter>>,
    /// Where keys are remembered, if the bus has such a place.
    store: Option<Arc<dyn Store>>,
    pub(super) settings: Settings,
    pub(super) places: Places,
    pub(super) status: Status,
    pub(super) tap: Tap,
    pub(super) stop: CancellationToken,
    /// What all routes together need at the broker.
    topology: tokio::sync::watch::Sender<Arc<Topology>>,
    /// The session for which that topology is declared.
    declared: tokio::sync::Mutex<Option<Declared>>,
}

impl Shared {
    pub(super) fn new(
        adapter: Arc<dyn Adapter>,
        store: Option<Arc<dyn Store>>,
        settings: Settings,
        places: Places,
    ) -> Self {
        let budget = Budget::new(settings.total_messages, settings.total_bytes);
        let status = Status::new(adapter.name(), budget);
        Self {
            adapter: Mutex::new(adapter),
            store,
            settings,
            places,
            status,
            tap: Tap::default(),
            stop: CancellationToken::new(),
            topology: tokio::sync::watch::Sender::default(),
            declared: tokio::sync::Mutex::default(),
        }
    }

    /// Opens sessions with this adapter from now on.
    pub(super) fn set_adapter(&self, adapter: Arc<dyn Adapter>) {
        *self.adapter.lock().unwrap_or_else(PoisonError::into_inner) = adapter;
    }

    fn adapter(&self) -> Arc<dyn Adapter> {
        Arc::clone(&self.adapter.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What all routes together need from now on; declared when the next of them starts.
    pub(super) fn set_topology(&self, topology: Topology) {
        self.topology.send_replace(Arc::new(topology));
    }

    /// Declares what all routes need, once per session and before any of them takes a message: a message of the
    /// first route may be for the queue of the last one.
    ///
    /// Where the broker refuses a part of it, each route declares its own, so that only that one stays down.
    /// And a route that comes back declares its own again, for it may have failed because a queue was deleted.
    async fn declare(&self, session: &Arc<dyn Session>, own: &Topology, again: bool) -> Result<(), EndpointError> {
        let mut declared = self.declared.lock().await;
        let live = Arc::downgrade(session);
        let all = Arc::clone(&self.topology.borrow());
        if declared.as_ref().is_some_and(|(on, what)| on.ptr_eq(&live) && Arc::ptr_eq(what, &all)) {
            return if again { session.declare(own).await } else { Ok(()) };
        }
        match session.declare(&all).await {
            Ok(()) => {
                *declared = Some((live, all));
                Ok(())
            }
            Err(EndpointError::Refused(_)) => session.declare(own).await,
            Err(lost) => Err(lost),
        }
    }
}

/// A route that is to run.
pub(super) struct Route {
    pub(super) work: Arc<dyn Work>,
    pub(super) status: Arc<RouteStatus>,
    pub(super) stop: CancellationToken,
    /// Which must have ended before this one takes a message.
    pub(super) before: Option<Arc<RouteStatus>>,
}

/// Runs a route until it is to stop.
pub(super) async fn supervise(shared: Arc<Shared>, route: Route) {
    let Route { status, stop, .. } = &route;
    let mut backoff = Backoff::default();
    let mut again = false;
    loop {
        let started = Instant::now();
        let attempt = AssertUnwindSafe(attempt(&shared, &route, again)).catch_unwind();
        let ended = attempt.await.unwrap_or_else(|_| {
            Err(EndpointError::Unavailable("the route's task panicked; this is a defect of the bus".to_owned()))
        });
        again = true;
        status.set_in_flight(0, 0);
        let error = match ended {
            Ok(left) => {
                if shared.stop.is_cancelled() {
                    status.leave(left);
                }
                break;
            }
            Err(error) => error,
        };
        if stop.is_cancelled() {
            break;
        }
        status.metrics.reconnects.increment(1);
        if started.elapsed() >= WELL {
            backoff.reset();
        }
        let delay = match &error {
            EndpointError::Unavailable(reason) => {
                let delay = backoff.next();
                if status.set(State::Down, Some(reason.clone())) {
                    events::route_down(&status.name, reason, delay);
                }
                delay
            }
            EndpointError::Refused(reason) => {
                let delay = backoff.slow();
                if status.set(State::Refused, Some(reason.clone())) {
                    events::route_refused(&status.name, reason, delay);
                }
                delay
            }
        };
        if stop.run_until_cancelled(tokio::time::sleep(delay)).await.is_none() {
            break;
        }
    }
    if let Some(before) = &route.before {
        // Who comes after this one waits for it, and must not begin earlier.
        before.reaches(&[State::Stopped]).await;
    }
    status.set(State::Stopped, None);
}

/// One life of a route, from a session to its end, with the number of messages that are left to the broker. Stopping in
/// the middle of it is no error.
async fn attempt(shared: &Shared, route: &Route, again: bool) -> Result<usize, EndpointError> {
    let Route { work, status, stop, before } = route;
    let begun = async {
        let session = shared.adapter().open().await?;
        shared.declare(&session, work.topology(), again).await?;
        let replies = async { if work.calls() { session.replies().await.map(Some) } else { Ok(None) } };
        let source = async {
            if let Some(before) = before {
                status.set(State::Waiting, None);
                before.reaches(&[State::Stopped]).await;
            }
            session.source(work.queue(), work.prefetch()).await
        };
        let (sink, replies, source) = futures_util::try_join!(session.sink(), replies, source)?;
        Ok((session, sink, replies, source))
    };
    let Some(begun) = stop.run_until_cancelled(begun).await else { return Ok(0) };
    let (session, sink, replies, source) = begun?;
    shared.status.set_session(&session);
    let limit = shared.settings.pending_calls;
    let caller = replies.as_ref().map(|replies| Arc::new(Caller::new(replies.address(), limit, Arc::clone(status))));
    let keys = Keys { store: shared.store.clone(), status: Arc::clone(status) };
    let ports = LivePorts { sink, caller: caller.clone(), keys, status: Arc::clone(status), tap: shared.tap.clone() };
    let (work, status, stop) = (Arc::clone(work), Arc::clone(status), stop.clone());
    let context = Arc::new(Context { work, session, ports, status, stop });
    let Context { work, status, .. } = &*context;
    if status.set(State::Up, None) {
        events::route_up(&status.name, work.queue());
    }
    let bytes = work.prefetch_bytes().unwrap_or(shared.settings.in_flight_bytes);
    let bounds = Bounds { messages: usize::from(work.prefetch()).max(1), bytes };
    let lane = lane::run(Arc::clone(&context), source, bounds, &shared.status.budget, &shared.places);
    match caller.zip(replies) {
        None => lane.await,
        Some((caller, replies)) => tokio::select! {
            ended = lane => ended,
            lost = caller.answer(replies) => Err(lost),
        },
    }
}
