//! Every line that the running bus logs: fixed text, and fields from [`super::names::LOG_FIELDS`].

use std::time::Duration;

use tracing::{Level, debug, error, info, warn};

use crate::message::{Failure, Properties};

fn id(value: Option<&crate::message::Text>) -> &str {
    value.map_or("", |text| text.as_str())
}

/// The bus starts.
pub fn starting(adapter: &str, routes: usize) {
    info!(adapter, version = env!("CARGO_PKG_VERSION"), "starting {routes} routes");
}

/// The embedded broker is used.
pub fn not_durable() {
    warn!("embedded broker: not durable; messages in it are lost when the process ends");
}

/// All routes are up for the first time.
pub fn ready() {
    info!("ready");
}

/// A route takes messages.
pub fn route_up(route: &str, queue: &str) {
    info!(route, queue, "route is up");
}

/// A route has lost its session, or got none.
pub fn route_down(route: &str, reason: &str, delay: Duration) {
    warn!(route, reason, delay = ?delay, "route is down; trying again until it is up");
}

/// The broker refuses what the route needs; somebody must change something.
pub fn route_refused(route: &str, reason: &str, delay: Duration) {
    error!(
        route,
        reason,
        delay = ?delay,
        "the broker refuses what the route needs; correct the route or the broker, it is tried again until then"
    );
}

/// A dead letter cannot be published.
pub fn route_paused(route: &str, reason: &str) {
    error!(route, reason, "a dead letter cannot be published; the route takes nothing until it can");
}

/// Dead letters can be published again.
pub fn route_resumed(route: &str) {
    info!(route, "dead letters can be published again; the route goes on");
}

/// An attempt failed and is repeated at once.
pub fn retrying(route: &str, properties: &Properties, failure: &Failure, attempts: u32) {
    debug!(
        route,
        message_id = id(properties.message_id.as_ref()),
        correlation_id = id(properties.correlation_id.as_ref()),
        step = failure.step.as_deref().unwrap_or_default(),
        kind = failure.kind.name(),
        reason = failure.reason,
        attempts,
        "attempt failed; trying again at once"
    );
}

/// A message is in the dead-letter queue.
pub fn dead_lettered(route: &str, properties: &Properties, failure: &Failure, attempts: u32) {
    warn!(
        route,
        message_id = id(properties.message_id.as_ref()),
        correlation_id = id(properties.correlation_id.as_ref()),
        step = failure.step.as_deref().unwrap_or_default(),
        kind = failure.kind.name(),
        stage = failure.stage.name(),
        reason = failure.reason,
        attempts,
        "message dead-lettered"
    );
}

/// A step of a route has a defect.
pub fn panicked(route: &str, reason: &str) {
    error!(route, reason, "a step panicked; this is a defect of the bus");
}

/// An answer came for which nobody waits.
pub fn late_answer(route: &str, properties: &Properties) {
    debug!(route, correlation_id = id(properties.correlation_id.as_ref()), "answer dropped: nobody waits for it");
}

/// What a route's author wants to have in the log.
pub fn of_route(route: &str, level: Level, text: &str) {
    match level {
        Level::ERROR => error!(route, "{text}"),
        Level::WARN => warn!(route, "{text}"),
        Level::INFO => info!(route, "{text}"),
        Level::DEBUG => debug!(route, "{text}"),
        Level::TRACE => tracing::trace!(route, "{text}"),
    }
}

/// The bus is to end.
pub fn draining(in_flight: usize) {
    info!(in_flight, "stopping: no more messages are taken, those in flight are finished");
}

/// The bus has ended; what was in flight at the deadline comes again.
pub fn drained(in_flight: usize) {
    if in_flight == 0 {
        info!("stopped; all messages in flight were finished");
    } else {
        warn!(in_flight, "stopped at the deadline; the messages in flight will be delivered again");
    }
}

/// The listener for metrics and probes is up.
pub fn listening(address: &str) {
    info!(address, "metrics and probes are served");
}
