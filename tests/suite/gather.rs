//! Groups of messages on running buses, with the embedded broker and with RabbitMQ.

use std::collections::BTreeMap;
use std::sync::Arc;

use trunkline::adapter::store::{FileStore, RedisStore};
use trunkline::endpoint::store::Store;
use trunkline::endpoint::topology::Topology;
use trunkline::runtime::{Bus, Settings};

use crate::broker::{message, queue, soon, to_queue, unique, variable};
use crate::runtime::{Names, brokers, header, plan, take};

const GATHER: &str = "
from: { amqp: { queue: IN, prefetch: 20 } }
steps:
  - aggregate: { key: .group, count: 3, timeout: 1h, part: .number }
  - to: { amqp: { routing_key: OUT } }
";
const GROUPS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_gather_together() {
    for (client, adapter) in brokers().await {
        let names = Names { source: unique("in"), target: unique("out"), other: unique("other") };
        let queues = vec![queue(&names.target, &[])];
        client.declare(&Topology { queues, ..Topology::default() }).await.expect("declared");
        let start = || {
            let store = RedisStore::new(&variable("TRUNKLINE_TEST_REDIS_URL")).expect("an address");
            let store: Arc<dyn Store> = Arc::new(store);
            Bus::start_with([plan(&names, GATHER)], Arc::clone(&adapter), Some(store), Settings::default())
        };
        let buses = [start(), start()];
        for bus in &buses {
            soon("ready", bus.ready()).await;
        }
        let sink = client.sink().await.expect("a lane");
        for number in 0..3 * GROUPS {
            let body = format!(r#"{{"group": {}, "number": {number}}}"#, number % GROUPS);
            let sent = sink.send(&to_queue(&names.source), message(&number.to_string(), &body));
            soon("a confirm", sent).await.expect("confirmed");
        }
        let mut out = client.source(&names.target, 100).await.expect("a consumer");
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for delivery in take(&mut *out, GROUPS).await {
            let parts: Vec<usize> = serde_json::from_slice(&delivery.message.body).expect("an array of numbers");
            let key = delivery.message.properties.correlation_id.clone().expect("a key").parse().expect("a number");
            assert!(groups.insert(key, parts).is_none(), "twice");
        }
        for bus in buses {
            assert_eq!(soon("drained", bus.shutdown()).await, 0);
        }
        sink.send(&to_queue(&names.target), message("last", "last")).await.expect("confirmed");
        assert_eq!(take(&mut *out, 1).await[0].message.body, "last");
        for (key, mut parts) in groups {
            parts.sort_unstable();
            assert_eq!(parts, [key, key + GROUPS, key + 2 * GROUPS]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_outlives_its_bus_and_goes_on_when_its_time_is_over() {
    for (client, adapter) in brokers().await {
        let names = Names { source: unique("in"), target: unique("out"), other: unique("other") };
        let queues = vec![queue(&names.target, &[])];
        client.declare(&Topology { queues, ..Topology::default() }).await.expect("declared");
        let folder = tempfile::tempdir().expect("a folder");
        let store = Arc::new(FileStore::open(&folder.path().join("store"), 10, 1 << 20).expect("opens"));
        let start = || {
            let route = plan(&names, &GATHER.replace("1h", "1s"));
            Bus::start_with([route], Arc::clone(&adapter), Some(store.clone()), Settings::default())
        };
        let bus = start();
        soon("ready", bus.ready()).await;
        let sink = client.sink().await.expect("a lane");
        let part = message("1", r#"{"group": "g", "number": 1}"#);
        soon("a confirm", sink.send(&to_queue(&names.source), part)).await.expect("confirmed");
        // It finishes what it has taken; whatever it has not taken by then, the next one takes.
        assert_eq!(soon("drained", bus.shutdown()).await, 0);
        let bus = start();
        let mut out = client.source(&names.target, 10).await.expect("a consumer");
        let group = take(&mut *out, 1).await.remove(0).message;
        assert_eq!((group.body.as_ref(), header(&group, "trunkline-aggregate-by")), (&b"[1]"[..], "timeout"));
        assert_eq!(soon("drained", bus.shutdown()).await, 0);
    }
}
