//! The circuit breaker at both brokers: an endpoint that fails stops the intake of its route, and no ladder is used up.

use std::collections::BTreeSet;
use std::sync::Arc;

use trunkline::endpoint::topology::Topology;
use trunkline::endpoint::{Session, Source};
use trunkline::message::{Field, Message};
use trunkline::runtime::{Bus, Handle, RouteReport, Settings, State};

use crate::broker::{message, queue, soon, to_queue, unique};
use crate::runtime::{Names, brokers, numbered, plan, take};

const CALL: &str = "
from: { amqp: { queue: IN, prefetch: 5 } }
steps:
  - call: { amqp: { routing_key: OTHER }, timeout: 100ms }
  - to: { amqp: { routing_key: OUT } }
on_error:
  retry: { immediate: 0, delayed: LADDER }
  breaker: BREAKER
";

const SEND: &str = "
from: { amqp: { queue: IN, prefetch: 5 } }
steps: [ { to: { amqp: { routing_key: OUT } } } ]
on_error:
  retry: { immediate: 0, delayed: [50ms, 50ms, 50ms, 50ms, 50ms, 50ms, 50ms, 50ms, 50ms, 50ms] }
  breaker: { failures: 1, pause: 100ms }
";

struct Rig {
    names: Names,
    client: Arc<dyn Session>,
    bus: Handle,
}

impl Rig {
    /// At each broker; the target holds as many messages as `arguments` say.
    async fn each(route: &str, arguments: &[(&str, Field)]) -> Vec<Self> {
        let mut rigs = Vec::new();
        for (client, adapter) in brokers().await {
            let names = Names { source: unique("in"), target: unique("out"), other: unique("other") };
            let queues = vec![queue(&names.target, arguments), queue(&names.other, &[])];
            client.declare(&Topology { queues, ..Topology::default() }).await.expect("declared");
            let bus = Bus::start([plan(&names, route)], adapter, Settings::default());
            soon("ready", bus.ready()).await;
            rigs.push(Self { names, client, bus });
        }
        rigs
    }

    async fn publish(&self, messages: impl Iterator<Item = Message>) {
        let sink = self.client.sink().await.expect("a lane");
        for message in messages {
            sink.send(&to_queue(&self.names.source), message).await.expect("confirmed");
        }
    }

    async fn source(&self, queue: &str) -> Box<dyn Source> {
        self.client.source(queue, 100).await.expect("a consumer")
    }

    /// Waits until the route is as it should be.
    async fn reaches(&self, what: &str, reached: impl Fn(&RouteReport) -> bool) {
        let changed = async {
            while !reached(&self.bus.status().routes[0]) {
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        };
        soon(what, changed).await;
    }

    /// Nothing is in the queue but what is put there now.
    async fn is_empty(&self, queue: &str) {
        let sink = self.client.sink().await.expect("a lane");
        sink.send(&to_queue(&queue.into()), message("end", "end")).await.expect("confirmed");
        assert_eq!(take(&mut *self.source(queue).await, 1).await[0].message.body, "end");
    }
}

fn opens(report: &RouteReport) -> bool {
    report.state == State::Paused && report.breakers.len() == 1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_participant_stops_the_intake_and_costs_no_message() {
    let route = CALL.replace("BREAKER", "{ failures: 3, pause: 300ms }").replace("LADDER", "[50ms]");
    for rig in Rig::each(&route, &[]).await {
        rig.publish(numbered(40)).await;
        rig.reaches("open", opens).await;
        let report = rig.bus.status().routes.remove(0);
        assert_eq!(report.breakers[0].endpoint, rig.names.other.as_str());
        assert!(report.breakers[0].reason.contains("no answer"), "{report:?}");
        assert!(report.reason.expect("a reason").contains(rig.names.other.as_str()));
        assert!(report.in_flight > 0, "what was taken is kept");

        // The participant comes back; it is asked again by all who failed, and then by all others.
        let mut requests = rig.source(&rig.names.other).await;
        let sink = rig.client.sink().await.expect("a lane");
        let answers = async {
            loop {
                for request in take(&mut *requests, 1).await {
                    let mut answer = request.message;
                    let to = answer.properties.reply_to.take().expect("a reply address");
                    // To requests of the time before, nobody listens any more.
                    sink.send(&to_queue(&to), answer).await.expect("confirmed");
                }
            }
        };
        let mut out = rig.source(&rig.names.target).await;
        let moved = tokio::select! {
            moved = take(&mut *out, 40) => moved,
            () = answers => unreachable!("it answers for ever"),
        };
        let mut moved: Vec<usize> =
            moved.iter().map(|one| std::str::from_utf8(&one.message.body).unwrap().parse().unwrap()).collect();
        moved.sort_unstable();
        assert_eq!(moved, (0..40).collect::<Vec<_>>());
        rig.reaches("closed", |report| report.state == State::Up && report.breakers.is_empty()).await;
        rig.is_empty(&format!("{}.dlq", rig.names.source)).await;
        assert_eq!(soon("drained", rig.bus.shutdown()).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_stops_the_intake_until_there_is_room() {
    let full = [("x-max-length", Field::I32(3)), ("x-overflow", Field::text("reject-publish"))];
    for rig in Rig::each(SEND, &full).await {
        rig.publish(numbered(30)).await;
        rig.reaches("open", opens).await;
        let mut out = rig.source(&rig.names.target).await;
        let mut bodies: Vec<_> = take(&mut *out, 30).await.into_iter().map(|one| one.message.body).collect();
        bodies.sort();
        bodies.dedup();
        assert_eq!(bodies.len(), 30);
        rig.is_empty(&format!("{}.dlq", rig.names.source)).await;
        assert_eq!(soon("drained", rig.bus.shutdown()).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_ends_while_its_breaker_is_open_gives_all_back() {
    let route = CALL.replace("BREAKER", "{ failures: 3, pause: 10m }").replace("LADDER", "[50ms]");
    for rig in Rig::each(&route, &[]).await {
        rig.publish(numbered(10)).await;
        rig.reaches("open", opens).await;
        let Rig { names, client, bus } = rig;
        assert!(soon("drained", bus.shutdown()).await >= 3, "those by which it opened are kept");
        let mut left = client.source(&names.source, 100).await.expect("a consumer");
        let left: BTreeSet<_> = take(&mut *left, 10).await.into_iter().map(|one| one.message.body).collect();
        assert_eq!(left.len(), 10);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_without_breaker_goes_on_whatever_fails() {
    for rig in Rig::each(&CALL.replace("BREAKER", "off").replace("LADDER", "[]"), &[]).await {
        rig.publish(numbered(30)).await;
        let mut dead = rig.source(&format!("{}.dlq", rig.names.source)).await;
        assert_eq!(take(&mut *dead, 30).await.len(), 30);
        assert!(rig.bus.status().routes[0].breakers.is_empty());
        assert_eq!(soon("drained", rig.bus.shutdown()).await, 0);
    }
}
