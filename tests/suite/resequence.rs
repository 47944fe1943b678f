//! Sequences of messages on running buses, with the embedded broker and with RabbitMQ.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use trunkline::adapter::store::{FileStore, RedisStore};
use trunkline::endpoint::store::{Name, Store};
use trunkline::endpoint::topology::Topology;
use trunkline::endpoint::{Delivery, Session, Sink};
use trunkline::message::{Field, Text};
use trunkline::runtime::{Bus, Settings};

use crate::broker::{message, queue, soon, to_queue, unique, variable};
use crate::runtime::{Names, brokers, header, plan, take};

const IN_LINE: &str = "
from: { amqp: { queue: IN, prefetch: 20 } }
ordered_by: .group
steps:
  - id: line
    resequence: { key: .group, number: .number, timeout: 1h }
  - to: { amqp: { routing_key: OUT } }
";
const GROUPS: usize = 6;
const SIZE: usize = 20;

async fn names(client: &Arc<dyn Session>) -> Names {
    let names = Names { source: unique("in"), target: unique("out"), other: unique("other") };
    let queues = vec![queue(&names.target, &[])];
    client.declare(&Topology { queues, ..Topology::default() }).await.expect("declared");
    names
}

async fn send(sink: &Arc<dyn Sink>, to: &Text, group: &str, number: usize) {
    let body = format!(r#"{{"group": "{group}", "number": {number}}}"#);
    let sent = sink.send(&to_queue(to), message(&format!("{group}-{number}"), &body));
    soon("a confirm", sent).await.expect("confirmed");
}

fn read(delivery: &Delivery) -> (String, usize) {
    let body: serde_json::Value = serde_json::from_slice(&delivery.message.body).expect("JSON");
    let number = body["number"].as_u64().expect("a number");
    (body["group"].as_str().expect("a text").to_owned(), usize::try_from(number).expect("is small"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_outlives_its_bus_and_goes_on_in_order() {
    for (client, adapter) in brokers().await {
        let names = names(&client).await;
        let folder = tempfile::tempdir().expect("a folder");
        let store = Arc::new(FileStore::open(&folder.path().join("store"), 10, 1 << 20).expect("opens"));
        let start = |timeout| {
            let route = plan(&names, &IN_LINE.replace("1h", timeout));
            Bus::start_with([route], Arc::clone(&adapter), Some(store.clone()), Settings::default())
        };
        let bus = start("1h");
        soon("ready", bus.ready()).await;
        let sink = client.sink().await.expect("a lane");
        for number in [3, 2] {
            send(&sink, &names.source, "g", number).await;
        }
        let record = Name { space: format!("resequence/{}/line", names.source).into(), key: "g".into() };
        soon("both wait", async {
            loop {
                let found = store.load(&record, SystemTime::now()).await.expect("works");
                let kept = found.and_then(|found| serde_json::from_slice::<serde_json::Value>(&found.value).ok());
                if kept.is_some_and(|kept| kept["kept"].as_object().is_some_and(|kept| kept.len() == 2)) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        assert_eq!(soon("drained", bus.shutdown()).await, 0);
        let bus = start("1s");
        send(&sink, &names.source, "g", 1).await;
        let mut out = client.source(&names.target, 10).await.expect("a consumer");
        let all: Vec<_> = take(&mut *out, 3).await.iter().map(read).collect();
        assert_eq!(all, [("g".to_owned(), 1), ("g".to_owned(), 2), ("g".to_owned(), 3)]);
        // The fourth does not come in time.
        send(&sink, &names.source, "g", 5).await;
        let fifth = take(&mut *out, 1).await.remove(0);
        assert_eq!(read(&fifth).1, 5);
        assert_eq!(fifth.message.headers.get("trunkline-resequence-missing"), Some(&Field::I64(1)));
        send(&sink, &names.source, "g", 4).await;
        let mut dead = client.source(&format!("{}.dlq", names.source), 10).await.expect("a consumer");
        let late = take(&mut *dead, 1).await.remove(0);
        assert_eq!((read(&late).1, header(&late.message, "trunkline-failure-type")), (4, "state"));
        assert_eq!(soon("drained", bus.shutdown()).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_put_in_order_together_and_one_goes_on_alone() {
    for (client, adapter) in brokers().await {
        let names = names(&client).await;
        let start = || {
            let store = RedisStore::new(&variable("TRUNKLINE_TEST_REDIS_URL")).expect("an address");
            let store: Arc<dyn Store> = Arc::new(store);
            Bus::start_with([plan(&names, IN_LINE)], Arc::clone(&adapter), Some(store), Settings::default())
        };
        let (first, second) = (start(), start());
        soon("ready", first.ready()).await;
        soon("ready", second.ready()).await;
        let sink = client.sink().await.expect("a lane");
        // Each number of each group, far from its place: 13 and 20 have no divisor in common.
        let numbers: Vec<usize> = (0..SIZE).map(|at| at * 13 % SIZE + 1).collect();
        let (before, after) = numbers.split_at(SIZE / 2);
        for (number, group) in before.iter().flat_map(|number| (0..GROUPS).map(move |group| (number, group))) {
            send(&sink, &names.source, &format!("g{group}"), *number).await;
        }
        assert_eq!(soon("drained", first.shutdown()).await, 0);
        for (number, group) in after.iter().flat_map(|number| (0..GROUPS).map(move |group| (number, group))) {
            send(&sink, &names.source, &format!("g{group}"), *number).await;
        }
        let mut out = client.source(&names.target, 100).await.expect("a consumer");
        let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (group, number) in take(&mut *out, GROUPS * SIZE).await.iter().map(read) {
            groups.entry(group).or_default().push(number);
        }
        assert_eq!(groups.len(), GROUPS);
        for (group, numbers) in groups {
            assert_eq!(numbers, (1..=SIZE).collect::<Vec<_>>(), "{group}");
        }
        assert_eq!(soon("drained", second.shutdown()).await, 0);
    }
}
