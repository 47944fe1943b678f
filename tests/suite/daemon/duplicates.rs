//! Of several messages with one key one is processed, also if the bus is killed on the way.

use std::collections::BTreeMap;
use std::path::Path;

use trunkline::endpoint::topology::Topology;
use trunkline::endpoint::{Adapter, Session, Source};

use super::process::{Start, VirtualHost, metric, project};
use crate::broker::{message, queue, soon, to_queue, unique, variable};
use crate::runtime::take;

const PREFETCH: usize = 50;
const ONCE: &str = "from: { amqp: { queue: in, prefetch: 50 } }
steps:
  - idempotent: { key: ., keep: 1h }
  - to: { amqp: { routing_key: out } }
";
const COUNT: usize = 1_500;

/// A project with one route that lets each number through once, and a store.
fn once(store: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let (folder, path) = project(&[("once", ONCE)]);
    std::fs::write(path.join("trunkline.yaml"), format!("store: {{ {store} }}\n")).expect("is written");
    (folder, path)
}

async fn publish(session: &dyn Session, numbers: impl IntoIterator<Item = usize>) {
    let sink = session.sink().await.expect("a lane");
    let send = |number: usize| sink.send(&to_queue(&"in".into()), message("", &number.to_string()));
    let sends: Vec<_> = numbers.into_iter().map(send).collect();
    for sent in soon("confirms", futures_util::future::join_all(sends)).await {
        sent.expect("confirmed");
    }
}

/// How often each number came out, without those after the one that is waited for.
async fn until(out: &mut dyn Source, last: usize) -> BTreeMap<usize, usize> {
    let mut seen = BTreeMap::new();
    loop {
        let body = take(out, 1).await.remove(0).message.body;
        let number = std::str::from_utf8(&body).ok().and_then(|text| text.parse().ok()).expect("a number");
        *seen.entry(number).or_default() += 1;
        if number == last {
            return seen;
        }
    }
}

async fn a_killed_bus_doubles_only_what_was_in_flight(path: &Path, host: &VirtualHost, kills: usize) {
    let session = host.adapter().open().await.expect("a session");
    let queues = vec![queue(&"out".into(), &[])];
    session.declare(&Topology { queues, ..Topology::default() }).await.expect("declared");
    let start = || Start::project(path).at(host.url()).ready();
    let mut daemon = start().await;
    // Each number twice, the second time while the first may still be under way.
    let twice = (0..COUNT).flat_map(|number| [number, number.saturating_sub(20)]).chain(COUNT - 20..COUNT);
    let load = publish(&*session, twice);
    let mut out = session.source("out", 500).await.expect("a consumer");
    let killing = async move {
        let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
        for _ in 0..kills {
            for delivery in take(&mut *out, COUNT / (kills + 2)).await {
                let number = std::str::from_utf8(&delivery.message.body).expect("UTF-8").parse().expect("a number");
                *seen.entry(number).or_default() += 1;
            }
            daemon.signal("-KILL");
            assert_eq!(daemon.ended().await, None);
            daemon = start().await;
        }
        (seen, daemon, out)
    };
    let ((), (mut seen, daemon, mut out)) = tokio::join!(load, killing);
    // Behind all others: when it comes out, they are finished or in flight, and a stop finishes those.
    let (end, second_end) = (COUNT, COUNT + 1);
    publish(&*session, [end]).await;
    for (number, times) in until(&mut *out, end).await {
        *seen.entry(number).or_default() += times;
    }
    daemon.stop().await;
    let mark = session.sink().await.expect("a lane");
    mark.send(&to_queue(&"out".into()), message("", &second_end.to_string())).await.expect("confirmed");
    for (number, times) in until(&mut *out, second_end).await {
        *seen.entry(number).or_default() += times;
    }
    let lost: Vec<_> = (0..COUNT).filter(|number| !seen.contains_key(number)).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    let doubled: usize = seen.values().map(|times| times - 1).sum();
    assert!(doubled <= kills * PREFETCH, "{doubled} doubled by {kills} kills");

    // All is remembered: nothing of it comes out any more.
    let daemon = start().await;
    publish(&*session, (0..=COUNT).chain([COUNT + 2])).await;
    assert_eq!(until(&mut *out, COUNT + 2).await, BTreeMap::from([(COUNT + 2, 1)]));
    let text = soon("all are counted", async {
        loop {
            let (_, text) = daemon.get("/metrics").await;
            if metric(&text, "trunkline_route_completed_total", &[]) == (COUNT + 2) as f64 {
                break text;
            }
        }
    })
    .await;
    assert_eq!(metric(&text, "trunkline_route_completed_total", &["outcome=\"delivered\""]), 1.0);
    assert_eq!(metric(&text, "trunkline_route_dead_letters_total", &[]), 0.0);
    assert_eq!(metric(&text, "trunkline_store_pending", &[]), 0.0);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_in_a_file_outlive_kills() {
    let host = VirtualHost::new().await;
    let (_folder, path) = once("path: state/keys.redb");
    a_killed_bus_doubles_only_what_was_in_flight(&path, &host, 4).await;
    assert!(path.join("state/keys.redb").is_file());
}

/// The keys that a killed bus has claimed are free when their leases are over.
#[tokio::test(flavor = "multi_thread")]
async fn keys_in_redis_outlive_kills() {
    let host = VirtualHost::new().await;
    let (_folder, path) = once(&format!("redis: \"{}\"", variable("TRUNKLINE_TEST_REDIS_URL")));
    // Keys go by the route's name, and this Redis has them of other runs too.
    let name = unique("once").replace('.', "-");
    std::fs::rename(path.join("routes/once.yaml"), path.join(format!("routes/{name}.yaml"))).expect("is there");
    a_killed_bus_doubles_only_what_was_in_flight(&path, &host, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_under_the_store_pauses_the_route_and_loses_nothing() {
    let host = VirtualHost::new().await;
    let (_folder, path) = once("path: keys");
    let session = host.adapter().open().await.expect("a session");
    let queues = vec![queue(&"out".into(), &[])];
    session.declare(&Topology { queues, ..Topology::default() }).await.expect("declared");
    let mut out = session.source("out", 500).await.expect("a consumer");
    let daemon = Start::project(&path).at(host.url()).limited().ready().await;
    publish(&*session, [0]).await;
    until(&mut *out, 0).await;
    // Less than it has already: the pages of any write are beyond.
    daemon.limit_files("4096");
    publish(&*session, 1..5_000).await;
    let report = daemon.reports("paused", |report| report["routes"][0]["state"] == "paused").await;
    let reason = report["routes"][0]["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("the store does not work: "), "{reason}");
    daemon.limit_files("unlimited");
    daemon.reports("ready again", |report| report["ready"] == true).await;
    publish(&*session, [5_000]).await;
    let mut seen = until(&mut *out, 5_000).await;
    daemon.stop().await;
    session.sink().await.expect("a lane").send(&to_queue(&"out".into()), message("", "5001")).await.expect("confirmed");
    seen.append(&mut until(&mut *out, 5_001).await);
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), (1..=5_001).collect::<Vec<_>>());
    assert!(seen.values().all(|times| *times == 1));
}
