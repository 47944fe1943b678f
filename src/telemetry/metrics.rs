//! The metrics: the process's one recorder, and the handles of a route.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;

use crate::message::Failure;

use super::names::{self, MetricKind};

/// How often what histograms have gathered is put into buckets.
const UPKEEP: Duration = Duration::from_secs(5);

/// Where the metrics can be read.
#[derive(Clone)]
pub struct Metrics {
    recorder: PrometheusHandle,
    process: Collector,
}

/// The metrics cannot be set up.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the metrics cannot be set up: {0}")]
pub struct Error(String);

/// Sets up the metrics of this process; a second call gives what the first one made.
///
/// Without it, everything that is counted is dropped at no cost.
pub fn install() -> Result<Metrics, Error> {
    static INSTALLED: OnceLock<Result<Metrics, Error>> = OnceLock::new();
    INSTALLED.get_or_init(|| set_up().map_err(|error| Error(error.to_string()))).clone()
}

fn set_up() -> Result<Metrics, metrics_exporter_prometheus::BuildError> {
    let seconds = Matcher::Suffix("_seconds".to_owned());
    let recorder =
        PrometheusBuilder::new().set_buckets_for_metric(seconds, names::SECONDS_BUCKETS)?.install_recorder()?;
    for metric in names::METRICS {
        match metric.kind {
            MetricKind::Counter => metrics::describe_counter!(metric.name, metric.unit, metric.help),
            MetricKind::Gauge => metrics::describe_gauge!(metric.name, metric.unit, metric.help),
            MetricKind::Histogram => metrics::describe_histogram!(metric.name, metric.unit, metric.help),
        }
    }
    gauge!(names::BUILD_INFO, names::VERSION => env!("CARGO_PKG_VERSION")).set(1.0);
    let process = Collector::default();
    process.describe();
    Ok(Metrics { recorder, process })
}

impl Metrics {
    /// All metrics in Prometheus' text format.
    pub fn render(&self) -> String {
        self.process.collect();
        self.recorder.render()
    }

    /// Keeps the memory of the histograms bounded; to be run as long as the process counts.
    pub async fn upkeep(self) {
        let mut interval = tokio::time::interval(UPKEEP);
        loop {
            interval.tick().await;
            self.recorder.run_upkeep();
        }
    }
}

/// What a message's run ended in, as the label `outcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completed {
    /// All effects are confirmed.
    Delivered,
    /// The route had no use for the message.
    Filtered,
    /// The route has processed a message with the same key before.
    Duplicate,
    /// It is a part of a group, which goes on in its place.
    Gathered,
    /// It waits in the store for its turn and comes again.
    Buffered,
    /// It waits for a delayed retry and comes again.
    Postponed,
    /// It is in the dead-letter queue.
    DeadLettered,
}

/// A route's metrics, registered once so that counting costs no look-up.
pub struct RouteMetrics {
    route: String,
    /// See [`names::ROUTE_UP`].
    pub up: Gauge,
    /// See [`names::ROUTE_PAUSED`].
    pub paused: Gauge,
    /// See [`names::ROUTE_RECONNECTS`].
    pub reconnects: Counter,
    /// See [`names::ROUTE_RECEIVED`].
    pub received: Counter,
    /// See [`names::ROUTE_RECEIVED_BYTES`].
    pub received_bytes: Counter,
    /// See [`names::ROUTE_REDELIVERED`].
    pub redelivered: Counter,
    /// See [`names::ROUTE_RETRIES`].
    pub retries: Counter,
    /// See [`names::ROUTE_IN_FLIGHT`].
    pub in_flight: Gauge,
    /// See [`names::ROUTE_IN_FLIGHT_BYTES`].
    pub in_flight_bytes: Gauge,
    /// See [`names::ROUTE_HELD`].
    pub held: Gauge,
    /// See [`names::ROUTE_DURATION`].
    pub duration: Histogram,
    /// See [`names::CONFIRM_DURATION`].
    pub confirm: Histogram,
    /// See [`names::CALL_DURATION`].
    pub call: Histogram,
    /// See [`names::CALLS_PENDING`].
    pub calls_pending: Gauge,
    /// See [`names::LATE_ANSWERS`].
    pub late_answers: Counter,
    delivered: Counter,
    filtered: Counter,
    duplicate: Counter,
    gathered: Counter,
    buffered: Counter,
    postponed: Counter,
    dead_lettered: Counter,
}

impl RouteMetrics {
    /// Registers the metrics of a route.
    pub fn new(route: &str) -> Self {
        let name = || route.to_owned();
        let completed =
            |outcome: &'static str| counter!(names::ROUTE_COMPLETED, names::ROUTE => name(), names::OUTCOME => outcome);
        Self {
            up: gauge!(names::ROUTE_UP, names::ROUTE => name()),
            paused: gauge!(names::ROUTE_PAUSED, names::ROUTE => name()),
            reconnects: counter!(names::ROUTE_RECONNECTS, names::ROUTE => name()),
            received: counter!(names::ROUTE_RECEIVED, names::ROUTE => name()),
            received_bytes: counter!(names::ROUTE_RECEIVED_BYTES, names::ROUTE => name()),
            redelivered: counter!(names::ROUTE_REDELIVERED, names::ROUTE => name()),
            retries: counter!(names::ROUTE_RETRIES, names::ROUTE => name()),
            in_flight: gauge!(names::ROUTE_IN_FLIGHT, names::ROUTE => name()),
            in_flight_bytes: gauge!(names::ROUTE_IN_FLIGHT_BYTES, names::ROUTE => name()),
            held: gauge!(names::ROUTE_HELD, names::ROUTE => name()),
            duration: histogram!(names::ROUTE_DURATION, names::ROUTE => name()),
            confirm: histogram!(names::CONFIRM_DURATION, names::ROUTE => name()),
            call: histogram!(names::CALL_DURATION, names::ROUTE => name()),
            calls_pending: gauge!(names::CALLS_PENDING, names::ROUTE => name()),
            late_answers: counter!(names::LATE_ANSWERS, names::ROUTE => name()),
            delivered: completed("delivered"),
            filtered: completed("filtered"),
            duplicate: completed("duplicate"),
            gathered: completed("gathered"),
            buffered: completed("buffered"),
            postponed: completed("postponed"),
            dead_lettered: completed("dead_lettered"),
            route: name(),
        }
    }

    /// Counts settled messages.
    pub fn completed(&self, outcome: Completed) {
        match outcome {
            Completed::Delivered => self.delivered.increment(1),
            Completed::Filtered => self.filtered.increment(1),
            Completed::Duplicate => self.duplicate.increment(1),
            Completed::Gathered => self.gathered.increment(1),
            Completed::Buffered => self.buffered.increment(1),
            Completed::Postponed => self.postponed.increment(1),
            Completed::DeadLettered => self.dead_lettered.increment(1),
        }
    }

    /// Counts a failed attempt and the rules that the document broke.
    pub fn failed(&self, failure: &Failure) {
        counter!(
            names::ROUTE_FAILURES,
            names::ROUTE => self.route.clone(),
            names::KIND => failure.kind.name(),
            names::STAGE => failure.stage.name(),
        )
        .increment(1);
        for violation in failure.violations.iter().flat_map(|violations| violations.iter()) {
            let contract = violation.contract.clone().unwrap_or_default();
            counter!(names::ROUTE_VIOLATIONS, names::ROUTE => self.route.clone(), names::CONTRACT => contract)
                .increment(1);
        }
    }

    /// Counts a published dead letter.
    pub fn dead_letter(&self, failure: &Failure) {
        counter!(
            names::ROUTE_DEAD_LETTERS,
            names::ROUTE => self.route.clone(),
            names::KIND => failure.kind.name(),
        )
        .increment(1);
    }
}

/// See [`names::BREAKER_STATE`].
pub fn breaker_state(route: &str, endpoint: &str) -> Gauge {
    gauge!(names::BREAKER_STATE, names::ROUTE => route.to_owned(), names::ENDPOINT => endpoint.to_owned())
}

/// Counts a reload; see [`names::RELOADS`].
pub fn reloaded(done: bool) {
    counter!(names::RELOADS, names::RESULT => if done { "done" } else { "refused" }).increment(1);
}

/// The metrics of the bus as a whole.
pub struct BusMetrics {
    /// See [`names::READY`].
    pub ready: Gauge,
    /// See [`names::BROKER_UP`].
    pub broker_up: Gauge,
    /// See [`names::BROKER_BLOCKED`].
    pub broker_blocked: Gauge,
    /// See [`names::IN_FLIGHT`].
    pub in_flight: Gauge,
    /// See [`names::IN_FLIGHT_BYTES`].
    pub in_flight_bytes: Gauge,
}

impl BusMetrics {
    /// Registers the metrics of the bus with this kind of broker.
    pub fn new(adapter: &'static str) -> Self {
        Self {
            ready: gauge!(names::READY),
            broker_up: gauge!(names::BROKER_UP, names::ADAPTER => adapter),
            broker_blocked: gauge!(names::BROKER_BLOCKED, names::ADAPTER => adapter),
            in_flight: gauge!(names::IN_FLIGHT),
            in_flight_bytes: gauge!(names::IN_FLIGHT_BYTES),
        }
    }
}

/// The metrics of the store of keys.
#[derive(Clone)]
pub struct StoreMetrics {
    /// See [`names::STORE_EVICTED`].
    pub evicted: Counter,
    /// See [`names::STORE_WRITE`].
    pub write: Histogram,
    keys: Gauge,
    records: Gauge,
    size: Gauge,
    pending: Gauge,
}

impl StoreMetrics {
    /// Registers the metrics of the store.
    pub fn register() -> Self {
        Self {
            evicted: counter!(names::STORE_EVICTED),
            write: histogram!(names::STORE_WRITE),
            keys: gauge!(names::STORE_KEYS),
            records: gauge!(names::STORE_RECORDS),
            size: gauge!(names::STORE_SIZE),
            pending: gauge!(names::STORE_PENDING),
        }
    }

    /// How many keys are held by messages under way.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    pub fn pending(&self, keys: usize) {
        self.pending.set(keys as f64);
    }

    /// How many keys are remembered, how many bytes of records, in how many bytes of file.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    pub fn holds(&self, keys: u64, records: u64, file: u64) {
        self.keys.set(keys as f64);
        self.records.set(records as f64);
        self.size.set(file as f64);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::message::{Kind, Violation, Violations};

    #[test]
    fn promtool_finds_nothing_to_say() {
        let installed = install().unwrap();
        let route = RouteMetrics::new("promtool");
        let violations = Violations::from(Violation::new("type", "/a", "wrong")).of_contract("chat/order");
        let failure = Failure::of_violations(crate::message::Stage::Receive, Kind::Contract, violations);
        route.failed(&failure);
        route.dead_letter(&failure);
        route.completed(Completed::DeadLettered);
        route.duration.record(0.01);
        BusMetrics::new("embedded").ready.set(1.0);
        let text = installed.render();
        assert!(
            text.contains("trunkline_route_completed_total{route=\"promtool\",outcome=\"dead_lettered\"} 1"),
            "{text}"
        );
        assert!(text.contains("process_resident_memory_bytes"), "{text}");
        let command =
            Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let Ok(mut promtool) = command else {
            eprintln!("skipped: promtool is not installed (Debian package `prometheus`)");
            return;
        };
        promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let said = promtool.wait_with_output().unwrap();
        let complaints = format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
        assert!(said.status.success() && complaints.is_empty(), "{complaints}\n{text}");
    }
}
