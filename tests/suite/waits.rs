//! Messages that wait for a step `delay`, at both brokers and in the cases of a test file.

use std::sync::Arc;

use trunkline::endpoint::topology::Topology;
use trunkline::message::Field;
use trunkline::runtime::{Bus, Settings};

use crate::broker::{message, queue, soon, to_queue, unique};
use crate::program::trunkline;
use crate::runtime::{Names, brokers, plan, take};

const DELAYED: &str = "
from: { amqp: { queue: IN } }
steps:
  - delay: { for: 300ms }
  - to: { amqp: { routing_key: OUT } }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_message_waits_in_the_broker_and_a_restart_forgets_nothing() {
    for (client, adapter) in brokers().await {
        let names = Names { source: unique("in"), target: unique("out"), other: unique("other") };
        let queues = vec![queue(&names.target, &[])];
        client.declare(&Topology { queues, ..Topology::default() }).await.expect("declared");
        let work = plan(&names, DELAYED);
        let mut sent = message("m1", "patience");
        sent.headers.insert("shop".into(), Field::U8(7));
        sent.properties.expiration = Some("3600000".into());

        let bus = Bus::start([Arc::clone(&work)], Arc::clone(&adapter), Settings::default());
        soon("ready", bus.ready()).await;
        let sink = client.sink().await.expect("a lane");
        sink.send(&to_queue(&names.source), sent.clone()).await.expect("confirmed");
        assert_eq!(soon("drained", bus.shutdown()).await, 0);

        // Wherever it was when the first bus ended, it comes out of the second one, and once.
        let bus = Bus::start([work], Arc::clone(&adapter), Settings::default());
        let mut out = client.source(&names.target, 10).await.expect("a consumer");
        let delivered = take(&mut *out, 1).await.remove(0).message;
        assert_eq!(delivered.body, "patience");
        assert_eq!(delivered.headers, sent.headers, "no header of ours leaves with it");
        assert_eq!(delivered.properties.expiration, sent.properties.expiration);
        assert_eq!(soon("drained", bus.shutdown()).await, 0);
    }
}

#[test]
fn a_case_takes_no_time() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("routes")).expect("made");
    let route = "\
from: { amqp: { queue: in } }
steps:
  - delay: { for: 2h }
  - throttle: { messages: 1, per: 1s }
  - id: ask
    call: { amqp: { routing_key: ask } }
on_error: { retry: { immediate: 0, delayed: [5s] } }
";
    let cases = "\
- name: in time
  send: { json: {} }
  participants: { ask: { reply: { json: {} } } }
  expect: { delays: [2h], attempts: 2 }
- name: late
  send: { json: {} }
  participants: { ask: { fail: timeout } }
  expect:
    outcome: dead_lettered
    delays: [2h, 5s]
    attempts: 3
    failure: { step: ask, type: timeout }
";
    std::fs::write(folder.path().join("routes/order.yaml"), route).expect("written");
    std::fs::write(folder.path().join("routes/order.test.yaml"), cases).expect("written");
    let out = trunkline().args(["test", "--dir"]).arg(folder.path()).run();
    assert_eq!(out.code, 0, "{}{}", out.stdout, out.stderr);
}
