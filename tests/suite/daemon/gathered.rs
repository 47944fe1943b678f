//! Groups of messages, with a bus that is killed again and again while it gathers.

use std::collections::{BTreeMap, BTreeSet};

use trunkline::endpoint::Source;
use trunkline::message::Text;

use super::process::{Start, keeping};
use crate::broker::{message, soon, to_queue};
use crate::runtime::take;

const GATHER: &str = "from: { amqp: { queue: in, prefetch: 50 } }
steps:
  - aggregate: { key: .group, count: 5, timeout: 1h, part: .number }
  - to: { amqp: { routing_key: out } }
";
const SIZE: usize = 5;
const COUNT: usize = 160 * SIZE;
const KILLS: usize = 3;

/// The parts of each group as they came out, by key, with the ids under which each came.
#[derive(Default)]
struct Seen(BTreeMap<String, BTreeMap<Text, Vec<usize>>>);

impl Seen {
    async fn take(&mut self, out: &mut dyn Source) {
        let group = take(out, 1).await.remove(0).message;
        let parts: Vec<usize> = serde_json::from_slice(&group.body).expect("an array of numbers");
        let (key, id) = (
            group.properties.correlation_id.clone().expect("a key"),
            group.properties.message_id.clone().expect("an id"),
        );
        let before = self.0.entry(key.to_string()).or_default().insert(id, parts.clone());
        assert!(before.is_none_or(|before| before == parts), "one id, two groups");
    }
}

/// Every part comes out in exactly one group, which may come twice under one id.
#[tokio::test(flavor = "multi_thread")]
async fn groups_outlive_kills() {
    let (host, folder, session) = keeping("gather", GATHER).await;
    let start = || Start::project(folder.path()).at(host.url()).ready();
    let mut daemon = start().await;
    let sink = session.sink().await.expect("a lane");
    let send = |number: usize| {
        let group = number % (COUNT / SIZE);
        let body = format!(r#"{{"group": "g{group}", "number": {number}}}"#);
        sink.send(&to_queue(&"in".into()), message(&format!("m{number}"), &body))
    };
    let mut out = session.source("out", 100).await.expect("a consumer");
    let mut seen = Seen::default();
    // Of each group all parts but the last: the kills strike while they come in.
    for kill in 0..=KILLS {
        let step = COUNT / (KILLS + 1);
        let sends: Vec<_> = (kill * step..(kill + 1) * step).map(send).collect();
        for sent in soon("confirms", futures_util::future::join_all(sends)).await {
            sent.expect("confirmed");
        }
        if kill == KILLS {
            // The last parts complete the groups: one more kill, while they go out.
            for _ in 0..20 {
                seen.take(&mut *out).await;
            }
        }
        daemon.signal("-KILL");
        assert_eq!(daemon.ended().await, None);
        daemon = start().await;
    }
    while seen.0.len() < COUNT / SIZE {
        seen.take(&mut *out).await;
    }
    // It finishes what is in flight, so that whatever comes out a second time has come.
    daemon.stop().await;
    sink.send(&to_queue(&"out".into()), message("end", "")).await.expect("confirmed");
    loop {
        let left = take(&mut *out, 1).await.remove(0).message;
        if left.properties.message_id.as_deref() == Some("end") {
            break;
        }
        let key = left.properties.correlation_id.clone().expect("a key");
        let id = left.properties.message_id.clone().expect("an id");
        assert!(seen.0[key.as_str()].contains_key(&id), "a group came twice under two ids");
    }
    let mut all = BTreeSet::new();
    for (key, ids) in &seen.0 {
        assert_eq!(ids.len(), 1, "{key}: {ids:?}");
        for parts in ids.values() {
            assert_eq!(parts.len(), SIZE, "{key}: {ids:?}");
            all.extend(parts.iter().copied());
        }
    }
    assert_eq!(all, (0..COUNT).collect::<BTreeSet<_>>());
}
