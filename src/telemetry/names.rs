//! Every name that operators see: metrics with help, unit and labels, and log fields. The reference is made from it.
//!
//! Labels hold names from the project's files and fixed words only: never an id, an address, a customer's value.

use metrics::Unit;

/// What kind of metric it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Only rises.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Distribution, in buckets.
    Histogram,
}

impl MetricKind {
    /// The name in Prometheus' text format.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// The full name.
    pub name: &'static str,
    /// What kind it is.
    pub kind: MetricKind,
    /// The unit.
    pub unit: Unit,
    /// The labels' names.
    pub labels: &'static [&'static str],
    /// What it says, in one sentence.
    pub help: &'static str,
}

macro_rules! metrics_table {
    ($($ident:ident = $name:literal, $kind:ident, $unit:ident, [$($label:ident),*], $help:literal;)*) => {
        $(#[doc = $help] pub const $ident: &str = $name;)*
        /// Every metric, in the order of the reference.
        pub const METRICS: &[Metric] = &[$(Metric {
            name: $name,
            kind: MetricKind::$kind,
            unit: Unit::$unit,
            labels: &[$($label),*],
            help: $help,
        }),*];
    };
}

/// The route's name.
pub const ROUTE: &str = "route";
/// What a message's run ended in.
pub const OUTCOME: &str = "outcome";
/// The kind of a failure, as in the header `trunkline-failure-kind`.
pub const KIND: &str = "kind";
/// The stage of a failure: `receive`, `process`, `send`.
pub const STAGE: &str = "stage";
/// A contract's reference.
pub const CONTRACT: &str = "contract";
/// An endpoint that a route sends to or calls, as it stands in the route.
pub const ENDPOINT: &str = "endpoint";
/// What a reload ended in: `done`, `refused`.
pub const RESULT: &str = "result";
/// The version of the bus.
pub const VERSION: &str = "version";
/// The kind of broker.
pub const ADAPTER: &str = "adapter";

metrics_table! {
    BUILD_INFO = "trunkline_build_info", Gauge, Count, [VERSION], "Always 1; the label says which version runs.";
    READY = "trunkline_ready", Gauge, Count, [], "1 if all routes take messages, else 0.";
    BROKER_UP = "trunkline_broker_up", Gauge, Count, [ADAPTER], "1 if there is a session with the broker, else 0.";
    BROKER_BLOCKED = "trunkline_broker_blocked", Gauge, Count, [ADAPTER], "1 while the broker takes no messages because of an alarm.";
    IN_FLIGHT = "trunkline_in_flight_messages", Gauge, Count, [], "Messages taken and not settled, of all routes.";
    IN_FLIGHT_BYTES = "trunkline_in_flight_bytes", Gauge, Bytes, [], "Bytes of the bodies taken and not settled, of all routes.";
    RELOADS = "trunkline_reloads_total", Counter, Count, [RESULT], "Reloads, by result: done, or refused because a file is wrong.";
    ROUTE_UP = "trunkline_route_up", Gauge, Count, [ROUTE], "1 while the route is connected to its endpoints, else 0.";
    ROUTE_PAUSED = "trunkline_route_paused", Gauge, Count, [ROUTE], "1 while the route takes nothing because a dead letter cannot be published or the store does not work.";
    ROUTE_RECONNECTS = "trunkline_route_reconnects_total", Counter, Count, [ROUTE], "How often the route lost its session or could not get one.";
    ROUTE_RECEIVED = "trunkline_route_received_total", Counter, Count, [ROUTE], "Messages taken from the source.";
    ROUTE_RECEIVED_BYTES = "trunkline_route_received_bytes_total", Counter, Bytes, [ROUTE], "Bytes of the bodies taken from the source.";
    ROUTE_REDELIVERED = "trunkline_route_redelivered_total", Counter, Count, [ROUTE], "Messages that the broker gave before: each may be a duplicate.";
    ROUTE_COMPLETED = "trunkline_route_completed_total", Counter, Count, [ROUTE, OUTCOME], "Messages settled, by outcome.";
    ROUTE_RETRIES = "trunkline_route_retries_total", Counter, Count, [ROUTE], "Attempts at once after a first one; delayed ones are counted as received.";
    ROUTE_FAILURES = "trunkline_route_failures_total", Counter, Count, [ROUTE, KIND, STAGE], "Failed attempts, by kind and stage.";
    ROUTE_VIOLATIONS = "trunkline_route_contract_violations_total", Counter, Count, [ROUTE, CONTRACT], "Broken rules of contracts, up to ten of a document.";
    ROUTE_DEAD_LETTERS = "trunkline_route_dead_letters_total", Counter, Count, [ROUTE, KIND], "Messages in the dead-letter queue, by the kind of failure.";
    ROUTE_IN_FLIGHT = "trunkline_route_in_flight_messages", Gauge, Count, [ROUTE], "Messages taken and not settled.";
    ROUTE_IN_FLIGHT_BYTES = "trunkline_route_in_flight_bytes", Gauge, Bytes, [ROUTE], "Bytes of the bodies taken and not settled.";
    ROUTE_HELD = "trunkline_route_held_messages", Gauge, Count, [ROUTE], "Messages in flight that wait in their place: for another attempt where order is kept, or for a circuit breaker.";
    ROUTE_DURATION = "trunkline_route_duration_seconds", Histogram, Seconds, [ROUTE], "From taking a message to its outcome.";
    CONFIRM_DURATION = "trunkline_confirm_duration_seconds", Histogram, Seconds, [ROUTE], "From publishing a message to the broker's confirm.";
    CALL_DURATION = "trunkline_call_duration_seconds", Histogram, Seconds, [ROUTE], "From a request to its answer, of calls that were answered.";
    CALLS_PENDING = "trunkline_calls_pending", Gauge, Count, [ROUTE], "Requests that wait for their answer.";
    BREAKER_STATE = "trunkline_breaker_state", Gauge, Count, [ROUTE, ENDPOINT], "The circuit breaker of an endpoint: 0 closed, 1 half open (one message is tried), 2 open (the route takes nothing).";
    LATE_ANSWERS = "trunkline_late_answers_total", Counter, Count, [ROUTE], "Answers that nobody waited for: late, doubled, or with an unknown correlation id.";
    STORE_KEYS = "trunkline_store_keys", Gauge, Count, [], "Keys of processed messages in the embedded store.";
    STORE_RECORDS = "trunkline_store_records_bytes", Gauge, Bytes, [], "Bytes of the records in the embedded store, of at most `store.bytes`.";
    STORE_SIZE = "trunkline_store_file_bytes", Gauge, Bytes, [], "Size of the embedded store's file.";
    STORE_EVICTED = "trunkline_store_evicted_total", Counter, Count, [], "Keys forgotten before their time because the embedded store was full.";
    STORE_PENDING = "trunkline_store_pending", Gauge, Count, [], "Keys claimed by messages that are under way.";
    STORE_WRITE = "trunkline_store_write_duration_seconds", Histogram, Seconds, [], "From the first key of a write to its place on disk.";
}

/// Upper bounds of the buckets of every histogram of seconds.
pub const SECONDS_BUCKETS: &[f64] =
    &[0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Every field of the log, with its meaning. The events themselves are in [`super::events`].
pub const LOG_FIELDS: &[(&str, &str)] = &[
    ("route", "the route's name"),
    ("message_id", "the message's id"),
    ("correlation_id", "the message's correlation id"),
    ("step", "a step's id"),
    ("kind", "the kind of failure"),
    ("stage", "the stage of failure"),
    ("reason", "why, in words"),
    ("attempts", "how often the message was tried"),
    ("queue", "a queue's name"),
    ("adapter", "the kind of broker"),
    ("delay", "how long until the next attempt"),
    ("in_flight", "messages taken and not settled"),
    ("address", "the address that the HTTP listener is bound to"),
    ("version", "the version of the bus"),
    ("added", "routes that a reload started"),
    ("changed", "routes that a reload gave a new plan"),
    ("removed", "routes that a reload ended"),
    ("errors", "how many mistakes a project has"),
    ("section", "a section of the settings"),
    ("endpoint", "a queue, or an exchange with its routing key, that a route sends to"),
    ("keys", "how many keys the store holds"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_prometheus_conventions() {
        for metric in METRICS {
            assert!(metric.name.starts_with("trunkline_"), "{}", metric.name);
            assert_eq!(metric.name.ends_with("_total"), metric.kind == MetricKind::Counter, "{}", metric.name);
            assert_eq!(metric.unit == Unit::Seconds, metric.name.contains("_seconds"), "{}", metric.name);
            assert_eq!(metric.unit == Unit::Bytes, metric.name.contains("_bytes"), "{}", metric.name);
            assert!(metric.help.ends_with('.'), "{}", metric.help);
            assert_eq!(METRICS.iter().filter(|other| other.name == metric.name).count(), 1, "{}", metric.name);
        }
    }
}
