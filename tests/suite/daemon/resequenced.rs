//! Sequences of messages, with a bus that is killed again and again while it puts them in order.

use std::collections::BTreeMap;

use trunkline::endpoint::Source;

use super::process::{Start, keeping};
use crate::broker::{message, soon, to_queue};
use crate::runtime::take;

const IN_LINE: &str = "from: { amqp: { queue: in, prefetch: 50 } }
ordered_by: .group
steps:
  - resequence: { key: .group, number: .number, timeout: 1h }
  - to: { amqp: { routing_key: out } }
";
const GROUPS: usize = 30;
const SIZE: usize = 16;
const KILLS: usize = 3;

/// The numbers of each group in the order in which they came out first.
#[derive(Default)]
struct Seen(BTreeMap<String, Vec<usize>>);

impl Seen {
    async fn take(&mut self, out: &mut dyn Source) {
        let body = take(out, 1).await.remove(0).message.body;
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        let number = body["number"].as_u64().and_then(|number| usize::try_from(number).ok()).expect("a number");
        let numbers = self.0.entry(body["group"].as_str().expect("a text").to_owned()).or_default();
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }

    fn count(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }
}

/// Every message comes out, and none of a group before one with a smaller number.
#[tokio::test(flavor = "multi_thread")]
async fn sequences_outlive_kills() {
    let (host, folder, session) = keeping("line", IN_LINE).await;
    let start = || Start::project(folder.path()).at(host.url()).ready();
    let mut daemon = start().await;
    let sink = session.sink().await.expect("a lane");
    let send = |(number, group): (usize, usize)| {
        let body = format!(r#"{{"group": "g{group}", "number": {number}}}"#);
        sink.send(&to_queue(&"in".into()), message(&format!("g{group}-{number}"), &body))
    };
    // Far from their places: 7 and 16 have no divisor in common. The first of each comes in the last quarter.
    let numbers: Vec<usize> = (0..SIZE).map(|at| (at + 1) * 7 % SIZE + 1).collect();
    let mut out = session.source("out", 100).await.expect("a consumer");
    let mut seen = Seen::default();
    for (kill, some) in numbers.chunks(SIZE / (KILLS + 1)).enumerate() {
        let all = some.iter().flat_map(|number| (0..GROUPS).map(move |group| (*number, group)));
        let sends: Vec<_> = all.map(send).collect();
        for sent in soon("confirms", futures_util::future::join_all(sends)).await {
            sent.expect("confirmed");
        }
        if kill == KILLS {
            // The last ones close all gaps: one more kill, while everything goes out.
            for _ in 0..GROUPS {
                seen.take(&mut *out).await;
            }
        }
        daemon.signal("-KILL");
        assert_eq!(daemon.ended().await, None);
        daemon = start().await;
    }
    while seen.count() < GROUPS * SIZE {
        seen.take(&mut *out).await;
    }
    daemon.stop().await;
    for (group, numbers) in &seen.0 {
        assert_eq!(numbers, &(1..=SIZE).collect::<Vec<_>>(), "{group}");
    }
}
