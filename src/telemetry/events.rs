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

/// A dead letter cannot be published, or the store does not work.
pub fn route_paused(route: &str, reason: &str) {
    error!(route, reason, "the route is paused: it takes nothing until this works again");
}

/// What had paused the route works again.
pub fn route_resumed(route: &str) {
    info!(route, "the route goes on");
}

/// An event about a message that failed: what it is of all of them, and more.
macro_rules! failed {
    ($event:ident, $route:ident, $properties:ident, $failure:ident, $attempts:ident, $($more:tt)+) => {
        $event!(
            route = $route,
            message_id = id($properties.message_id.as_ref()),
            correlation_id = id($properties.correlation_id.as_ref()),
            step = $failure.step.as_deref().unwrap_or_default(),
            kind = $failure.kind.name(),
            stage = $failure.stage.name(),
            reason = $failure.reason,
            attempts = $attempts,
            $($more)+
        )
    };
}

/// A message is in the dead-letter queue.
pub fn dead_lettered(route: &str, properties: &Properties, failure: &Failure, attempts: u32) {
    failed!(warn, route, properties, failure, attempts, "message dead-lettered");
}

/// A message waits for a delayed retry.
pub fn postponed(route: &str, properties: &Properties, failure: &Failure, attempts: u32, queue: &str) {
    failed!(info, route, properties, failure, attempts, queue, "message waits for another attempt");
}

/// A message waits for a retry without leaving its place.
pub fn held(route: &str, properties: &Properties, failure: &Failure, attempts: u32, delay: Duration) {
    failed!(info, route, properties, failure, attempts, delay = ?delay, "message waits in its place for another attempt");
}

/// An endpoint fails again and again.
pub fn breaker_opened(route: &str, endpoint: &str, reason: &str, pause: Duration) {
    warn!(
        route,
        endpoint,
        reason,
        delay = ?pause,
        "circuit breaker open: the route takes nothing until a message that is tried after each delay passes"
    );
}

/// An endpoint works again.
pub fn breaker_closed(route: &str, endpoint: &str) {
    info!(route, endpoint, "circuit breaker closed: the route goes on");
}

/// A message is dropped: one with the same key was processed.
pub fn duplicate(route: &str, properties: &Properties, step: &str) {
    debug!(
        route,
        message_id = id(properties.message_id.as_ref()),
        correlation_id = id(properties.correlation_id.as_ref()),
        step,
        "message dropped: a duplicate"
    );
}

/// The store holds as many keys as it may, so that those that would be forgotten first are forgotten now.
pub fn store_full(keys: u64) {
    warn!(keys, "the store of keys is full: keys are forgotten before their time; raise `store.keys`");
}

/// A step of a route has a defect.
pub fn panicked(route: &str, reason: &str) {
    error!(route, reason, "a step panicked; this is a defect of the bus");
}

/// An answer came for which nobody waits.
pub fn late_answer(route: &str, properties: &Properties) {
    debug!(route, correlation_id = id(properties.correlation_id.as_ref()), "answer dropped: nobody waits for it");
}

/// Who asked could not be told that the request failed. The request is a dead letter already.
pub fn unanswered(route: &str, properties: &Properties, failure: &Failure) {
    let reason = failure.reason.as_str();
    info!(route, correlation_id = id(properties.correlation_id.as_ref()), reason, "the error cannot be answered");
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

/// Another set of routes runs from now on.
pub fn reloaded(added: &[String], changed: &[String], removed: &[String]) {
    info!(?added, ?changed, ?removed, "reloaded");
}

/// The files are wrong: what ran goes on.
pub fn reload_refused(errors: usize, first: &str) {
    error!(errors, reason = first, "not reloaded: the project is broken, what ran goes on");
}

/// Something of the settings changed that only a restart can put into effect.
pub fn restart_needed(section: &str) {
    warn!(section, "this section of the settings changed; it takes effect with the next start");
}

/// The bus is to end.
pub fn draining(in_flight: usize) {
    info!(in_flight, "stopping: no more messages are taken, those in flight are finished");
}

/// The bus has ended; what was not finished comes again.
pub fn drained(in_flight: usize) {
    if in_flight == 0 {
        info!("stopped; all messages in flight were finished");
    } else {
        warn!(in_flight, "stopped; the messages that were not finished will be delivered again");
    }
}

/// The listener for metrics and probes is up.
pub fn listening(address: &str) {
    info!(address, "metrics and probes are served");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::message::Kind;
    use crate::telemetry::names::LOG_FIELDS;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_line_is_json_and_every_field_is_named() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::TRACE)
            .with_target(false)
            .json()
            .flatten_event(true)
            .with_writer(move || writer.clone())
            .finish();
        let failure = Failure::permanent(Kind::Mapping, "no such key").in_step("erp");
        let properties = Properties { message_id: Some("m1".into()), ..Properties::default() };
        tracing::subscriber::with_default(subscriber, || {
            starting("amqp", 6);
            postponed("chat/order", &properties, &failure, 3, "chat.order.retry.5000");
            held("chat/order", &properties, &failure, 3, Duration::from_secs(5));
            breaker_opened("chat/order", "erp/order", "no answer", Duration::from_secs(30));
            breaker_closed("chat/order", "erp/order");
            not_durable();
            reloaded(&["chat/order".to_owned()], &[], &[]);
            reload_refused(1, "routes/a.yaml:1:1: unknown key");
            restart_needed("broker");
            ready();
            route_up("chat/order", "chat.order");
            route_down("chat/order", "connection refused", Duration::from_millis(100));
            route_refused("chat/order", "other arguments", Duration::from_secs(10));
            route_paused("chat/order", "queue is full");
            route_resumed("chat/order");
            dead_lettered("chat/order", &properties, &failure, 1);
            panicked("chat/order", "index out of bounds");
            late_answer("chat/order", &properties);
            of_route("chat/order", Level::INFO, "a customer's order");
            draining(3);
            drained(0);
            drained(2);
            duplicate("chat/order", &properties, "once");
            store_full(1_000_000);
            listening("127.0.0.1:9640");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let mut fields = BTreeSet::new();
        for line in text.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            fields.extend(line.as_object().unwrap().keys().cloned());
        }
        for (name, _) in LOG_FIELDS {
            assert!(fields.remove(*name), "no event has the field `{name}`");
        }
        assert_eq!(fields.into_iter().collect::<Vec<_>>(), ["level", "message", "timestamp"]);
    }
}
