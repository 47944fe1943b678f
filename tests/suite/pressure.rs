//! Back pressure at both brokers: a flood waits in its queue, and a slow route takes nothing from the others.

use std::sync::Arc;
use std::time::Duration;

use trunkline::endpoint::topology::Topology;
use trunkline::endpoint::{Session, Source};
use trunkline::message::Message;
use trunkline::runtime::{Bus, Handle, Settings};

use crate::broker::{message, queue, soon, to_queue, unique};
use crate::runtime::{Names, brokers, numbered, plan, take};

const BODY: usize = 10 << 10;
const BOUND: usize = 64 << 10;
const FLOOD: usize = 300;

/// Its participant answers when the test wants it to.
const SLOW: &str = "
from: { amqp: { queue: IN, prefetch: 200, prefetch_bytes: 64KiB } }
steps:
  - call: { amqp: { routing_key: OTHER }, timeout: 10m }
  - to: { amqp: { routing_key: OUT } }
on_error: { breaker: off }
";

const FAST: &str = "from: { amqp: { queue: IN } }\nsteps: [ { to: { amqp: { routing_key: OUT } } } ]\n";

async fn names(client: &Arc<dyn Session>) -> Names {
    let names = Names { source: unique("in"), target: unique("out"), other: unique("other") };
    let queues = vec![queue(&names.target, &[]), queue(&names.other, &[])];
    client.declare(&Topology { queues, ..Topology::default() }).await.expect("declared");
    names
}

async fn publish(client: &Arc<dyn Session>, to: &Names, messages: impl Iterator<Item = Message>) {
    let sink = client.sink().await.expect("a lane");
    let confirms: Vec<_> = messages.map(|message| sink.send(&to_queue(&to.source), message)).collect();
    for confirm in soon("confirms", futures_util::future::join_all(confirms)).await {
        confirm.expect("confirmed");
    }
}

fn flood() -> impl Iterator<Item = Message> {
    (0..FLOOD).map(|number| message(&format!("f{number}"), &format!("{number:0BODY$}")))
}

/// Answers each request with its own body.
async fn answer_all(client: &Arc<dyn Session>, requests: &mut dyn Source) {
    let sink = client.sink().await.expect("a lane");
    loop {
        for request in take(requests, 1).await {
            let mut answer = request.message;
            let to = answer.properties.reply_to.take().expect("a reply address");
            sink.send(&to_queue(&to), answer).await.expect("confirmed");
        }
    }
}

fn in_flight(bus: &Handle, route: &Names) -> usize {
    let report = bus.status().routes.into_iter().find(|one| one.name == route.source.as_str());
    report.expect("the route").in_flight
}

async fn until(what: &str, reached: impl Fn() -> bool) {
    let reaching = async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    soon(what, reaching).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_into_a_stopped_participant_is_bounded_and_slows_nobody_else() {
    for (client, adapter) in brokers().await {
        let (slow, fast) = (names(&client).await, names(&client).await);
        let bus = Bus::start([plan(&slow, SLOW), plan(&fast, FAST)], adapter, Settings::default());
        soon("ready", bus.ready()).await;
        publish(&client, &slow, flood()).await;
        let most = BOUND / BODY + 1;
        until("the bound is reached", || in_flight(&bus, &slow) >= most - 1).await;

        publish(&client, &fast, numbered(2_000)).await;
        let mut out = client.source(&fast.target, 1000).await.expect("a consumer");
        for (number, delivery) in take(&mut *out, 2_000).await.into_iter().enumerate() {
            assert_eq!(delivery.message.body, number.to_string());
            assert!(in_flight(&bus, &slow) <= most);
        }

        let mut requests = client.source(&slow.other, 100).await.expect("a consumer");
        let mut out = client.source(&slow.target, 1000).await.expect("a consumer");
        let mut arrived: Vec<_> = tokio::select! {
            arrived = take(&mut *out, FLOOD) => arrived,
            () = answer_all(&client, &mut *requests) => unreachable!("it answers for ever"),
        };
        arrived.sort_by(|a, b| a.message.body.cmp(&b.message.body));
        arrived.dedup_by(|a, b| a.message.body == b.message.body);
        assert_eq!(arrived.len(), FLOOD);
        assert_eq!(soon("drained", bus.shutdown()).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_keeps_its_part_of_the_process_whatever_the_others_hold() {
    const TOTAL: usize = 12;
    for (client, adapter) in brokers().await {
        let (slow, other) = (names(&client).await, names(&client).await);
        let settings = Settings { total_messages: TOTAL, drain_deadline: Duration::ZERO, ..Settings::default() };
        let unbounded = SLOW.replace(", prefetch_bytes: 64KiB", "");
        let bus = Bus::start([plan(&slow, &unbounded), plan(&other, &unbounded)], adapter, settings);
        soon("ready", bus.ready()).await;
        publish(&client, &slow, numbered(100)).await;
        until("one holds all", || in_flight(&bus, &slow) >= TOTAL).await;
        publish(&client, &other, numbered(100)).await;
        until("the other has its part", || in_flight(&bus, &other) >= TOTAL / 2).await;
        assert!(in_flight(&bus, &slow) + in_flight(&bus, &other) <= 2 * TOTAL);
        // With its part it does all its work, while the first one stands still.
        let mut requests = client.source(&other.other, 100).await.expect("a consumer");
        let mut out = client.source(&other.target, 1000).await.expect("a consumer");
        tokio::select! {
            moved = take(&mut *out, 100) => assert_eq!(moved.len(), 100),
            () = answer_all(&client, &mut *requests) => unreachable!("it answers for ever"),
        }
        assert_eq!(in_flight(&bus, &slow), TOTAL);
        assert!(soon("stopped", bus.shutdown()).await >= TOTAL);
    }
}
