//! Routes that keep order, at both brokers: a failed message is overtaken by nothing that it should precede.

use std::collections::BTreeMap;
use std::sync::Arc;

use trunkline::adapter::embedded::Broker;
use trunkline::endpoint::topology::Topology;
use trunkline::endpoint::{Adapter, Address, Delivery, Session, Sink, Source};
use trunkline::message::{Field, Message};
use trunkline::route::Plan;
use trunkline::runtime::{Bus, Settings, State};

use crate::broker::{message, queue, soon, to_queue, unique};
use crate::runtime::{Names, brokers, header, plan, take};

const STRICT: &str = "
from: { amqp: { queue: IN } }
ordered: true
steps:
  - call: { amqp: { routing_key: OTHER } }
  - to: { amqp: { routing_key: OUT } }
on_error: { retry: { immediate: 0, delayed: [100ms, 50ms] } }
";

const BY_KEY: &str = "
from: { amqp: { queue: IN } }
ordered_by: $headers.customer
steps:
  - call: { amqp: { routing_key: OTHER } }
  - to: { amqp: { routing_key: OUT } }
on_error: { retry: { immediate: 0, delayed: [10m] } }
";

const PASS: &str = "
from: { amqp: { queue: IN } }
ORDER
steps: [ { to: { amqp: { routing_key: OUT } } } ]
";

/// The other side of a `call`.
struct Participant {
    requests: Box<dyn Source>,
    sink: Arc<dyn Sink>,
}

impl Participant {
    async fn new(client: &Arc<dyn Session>, names: &Names) -> Self {
        let requests = client.source(&names.other, 100).await.expect("a consumer");
        Self { requests, sink: client.sink().await.expect("a lane") }
    }

    async fn asked(&mut self) -> Message {
        take(&mut *self.requests, 1).await.remove(0).message
    }

    async fn answer(&self, request: &Message, error: Option<&str>) {
        let mut answer = message("a", std::str::from_utf8(&request.body).expect("a text"));
        answer.properties.correlation_id = request.properties.correlation_id.clone();
        answer.headers.extend(error.map(|error| ("trunkline-error".into(), Field::text(error))));
        let reply_to = request.properties.reply_to.clone().expect("a reply address");
        let to = Address { exchange: "".into(), routing_key: reply_to };
        self.sink.send(&to, answer).await.expect("confirmed");
    }
}

fn of_customer(customer: &str, body: &str) -> Message {
    let mut message = message(body, body);
    message.headers.insert("customer".into(), Field::text(customer));
    message
}

async fn publish(client: &Arc<dyn Session>, names: &Names, messages: impl IntoIterator<Item = Message>) {
    let sink = client.sink().await.expect("a lane");
    for message in messages {
        soon("a confirm", sink.send(&to_queue(&names.source), message)).await.expect("confirmed");
    }
}

async fn names(client: &Arc<dyn Session>) -> Names {
    let names = Names { source: unique("in"), target: unique("out"), other: unique("other") };
    let queues = vec![queue(&names.target, &[]), queue(&names.other, &[])];
    client.declare(&Topology { queues, ..Topology::default() }).await.expect("declared");
    names
}

async fn bodies(client: &Arc<dyn Session>, queue: &str, count: usize) -> Vec<String> {
    let mut source = client.source(queue, 1000).await.expect("a consumer");
    texts(take(&mut *source, count).await)
}

fn texts(deliveries: Vec<Delivery>) -> Vec<String> {
    let text = |delivery: Delivery| String::from_utf8(delivery.message.body.to_vec()).expect("a text");
    deliveries.into_iter().map(text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_message_holds_up_all_others_of_a_strict_route() {
    for (client, adapter) in brokers().await {
        let names = names(&client).await;
        let bus = Bus::start([plan(&names, STRICT)], adapter, Settings::default());
        let mut participant = Participant::new(&client, &names).await;
        soon("ready", bus.ready()).await;
        publish(&client, &names, (0..8).map(|number| message(&format!("m{number}"), &number.to_string()))).await;
        // The third one passes at the last attempt, the sixth never.
        let script = ["0", "1", "2", "3 fails", "3 fails", "3", "4", "5", "6 fails", "6 fails", "6 fails", "7"];
        for (expected, fails) in script.map(|one| (&one[..1], one.ends_with("fails"))) {
            let request = participant.asked().await;
            assert_eq!(request.body, expected);
            participant.answer(&request, fails.then_some("not now")).await;
        }
        assert_eq!(bodies(&client, &names.target, 7).await, ["0", "1", "2", "3", "4", "5", "7"]);
        let mut dead = client.source(&format!("{}.dlq", names.source), 10).await.expect("a consumer");
        let letter = take(&mut *dead, 1).await.remove(0).message;
        assert_eq!(letter.body, "6");
        assert_eq!(letter.headers.get("trunkline-attempts"), Some(&Field::I64(3)));
        let past: serde_json::Value = serde_json::from_str(header(&letter, "trunkline-past-failures")).expect("JSON");
        assert_eq!(past.as_array().map(Vec::len), Some(2));
        assert_eq!(soon("drained", bus.shutdown()).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_message_holds_up_its_key_alone_and_comes_first_after_a_restart() {
    for (client, adapter) in brokers().await {
        let names = names(&client).await;
        let work = plan(&names, BY_KEY);
        let bus = Bus::start([Arc::clone(&work)], Arc::clone(&adapter), Settings::default());
        let mut participant = Participant::new(&client, &names).await;
        soon("ready", bus.ready()).await;
        publish(&client, &names, ["a1", "b1", "a2", "b2", "b3"].map(|body| of_customer(&body[..1], body))).await;
        // `a1` waits ten minutes; all of `b` passes.
        for _ in 0..4 {
            let request = participant.asked().await;
            participant.answer(&request, (request.body == "a1").then_some("not now")).await;
        }
        assert_eq!(bodies(&client, &names.target, 3).await, ["b1", "b2", "b3"]);
        publish(&client, &names, [of_customer("a", "a3")]).await;
        assert_eq!(soon("drained", bus.shutdown()).await, 3, "all of `a` stays with the broker");

        let bus = Bus::start([work], adapter, Settings::default());
        for expected in ["a1", "a2", "a3"] {
            let request = participant.asked().await;
            assert_eq!(request.body, expected);
            participant.answer(&request, None).await;
        }
        assert_eq!(bodies(&client, &names.target, 3).await, ["a1", "a2", "a3"]);
        assert_eq!(soon("drained", bus.shutdown()).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_keeps_the_order_of_what_waits() {
    for (client, adapter) in brokers().await {
        let names = names(&client).await;
        let mut bus = Bus::start([plan(&names, BY_KEY)], adapter, Settings::default());
        let mut participant = Participant::new(&client, &names).await;
        soon("ready", bus.ready()).await;
        publish(&client, &names, ["a1", "a2", "a3"].map(|body| of_customer("a", body))).await;
        let request = participant.asked().await;
        assert_eq!(request.body, "a1");
        participant.answer(&request, Some("not now")).await;
        let reloaded = bus.reload([plan(&names, &BY_KEY.replace("10m", "9m"))], None);
        assert_eq!(reloaded.changed.len(), 1);
        soon("ready", bus.ready()).await;
        publish(&client, &names, [of_customer("a", "a4")]).await;
        for expected in ["a1", "a2", "a3", "a4"] {
            let request = participant.asked().await;
            assert_eq!(request.body, expected);
            participant.answer(&request, None).await;
        }
        assert_eq!(bodies(&client, &names.target, 4).await, ["a1", "a2", "a3", "a4"]);
        assert_eq!(soon("drained", bus.shutdown()).await, 0);
    }
}

fn pass(names: &Names, order: &str) -> Arc<Plan> {
    plan(names, &PASS.replace("ORDER", order))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_stops_under_load_hands_over_in_order() {
    const COUNT: usize = 600;
    for order in ["ordered: true", "ordered_by: $headers.customer"] {
        let embedded = Broker::default();
        let amqp = brokers().await.remove(1);
        let instances: [[Arc<dyn Adapter>; 2]; 2] =
            [[Arc::new(embedded.client()), Arc::new(embedded.client())], [amqp.1, brokers().await.remove(1).1]];
        let clients = [embedded.client().open().await.expect("a session"), amqp.0];
        for (client, [first, second]) in clients.into_iter().zip(instances) {
            let names = names(&client).await;
            let active = Bus::start([pass(&names, order)], first, Settings::default());
            soon("ready", active.ready()).await;
            let standby = Bus::start([pass(&names, order)], second, Settings::default());
            soon("ready", standby.ready()).await;
            let customer = |number: usize| format!("c{}", number % 5);
            let load = publish(&client, &names, (0..COUNT).map(|n| of_customer(&customer(n), &n.to_string())));
            let mut out = client.source(&names.target, 1000).await.expect("a consumer");
            let moved = async {
                let mut moved = texts(take(&mut *out, COUNT / 3).await);
                assert_eq!(soon("drained", active.shutdown()).await, 0);
                moved.extend(texts(take(&mut *out, COUNT - COUNT / 3).await));
                moved
            };
            let ((), moved) = tokio::join!(load, moved);
            let mut of_key: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            for number in moved.iter().map(|body| body.parse::<usize>().expect("a number")) {
                of_key.entry(if order == "ordered: true" { 0 } else { number % 5 }).or_default().push(number);
            }
            assert_eq!(of_key.values().map(Vec::len).sum::<usize>(), COUNT);
            for numbers in of_key.values() {
                assert!(numbers.is_sorted_by(|a, b| a < b), "{order}: {numbers:?}");
            }
            assert_eq!(standby.status().routes[0].state, State::Up);
            assert_eq!(soon("drained", standby.shutdown()).await, 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_stops_while_messages_wait_hands_over_in_order() {
    let embedded = Broker::default();
    let [amqp, another] = [brokers().await.remove(1), brokers().await.remove(1)];
    let instances: [[Arc<dyn Adapter>; 2]; 2] =
        [[Arc::new(embedded.client()), Arc::new(embedded.client())], [amqp.1, another.1]];
    let clients = [embedded.client().open().await.expect("a session"), amqp.0];
    for (client, [first, second]) in clients.into_iter().zip(instances) {
        let names = names(&client).await;
        let work = plan(&names, BY_KEY);
        let active = Bus::start([Arc::clone(&work)], first, Settings::default());
        let mut participant = Participant::new(&client, &names).await;
        soon("ready", active.ready()).await;
        let standby = Bus::start([work], second, Settings::default());
        soon("ready", standby.ready()).await;
        publish(&client, &names, ["a1", "b1", "a2"].map(|body| of_customer(&body[..1], body))).await;
        for _ in 0..2 {
            let request = participant.asked().await;
            participant.answer(&request, (request.body == "a1").then_some("not now")).await;
        }
        assert_eq!(bodies(&client, &names.target, 1).await, ["b1"]);
        let more = publish(&client, &names, (3..400).map(|number| of_customer("a", &format!("a{number}"))));
        let handed_over = async {
            assert!(soon("drained", active.shutdown()).await >= 2, "`a1` and `a2` stay with the broker");
            for number in 1..400 {
                let request = participant.asked().await;
                assert_eq!(request.body, format!("a{number}"));
                participant.answer(&request, None).await;
            }
        };
        tokio::join!(more, handed_over);
        assert_eq!(bodies(&client, &names.target, 399).await.len(), 399);
        assert_eq!(soon("drained", standby.shutdown()).await, 0);
    }
}

/// RabbitMQ's quorum queue takes many returns at once in the order of a hash table (`rabbit_fifo:return/5`).
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_when_the_route_ends_comes_back_in_its_order() {
    const COUNT: usize = 200;
    let route = BY_KEY.replace("queue: IN", "queue: IN, prefetch: 500");
    for (client, adapter) in brokers().await {
        let names = names(&client).await;
        let bus = Bus::start([plan(&names, &route)], adapter, Settings::default());
        let mut participant = Participant::new(&client, &names).await;
        soon("ready", bus.ready()).await;
        let of_its_own = |number: usize| of_customer(&format!("c{number}"), &number.to_string());
        publish(&client, &names, (0..COUNT).map(of_its_own)).await;
        for _ in 0..COUNT {
            let request = participant.asked().await;
            let even = request
                .headers
                .get("customer")
                .and_then(Field::as_str)
                .is_some_and(|name| name.ends_with(['0', '2', '4', '6', '8']));
            participant.answer(&request, even.then_some("not now")).await;
        }
        assert_eq!(bodies(&client, &names.target, COUNT / 2).await.len(), COUNT / 2);
        assert_eq!(soon("drained", bus.shutdown()).await, COUNT / 2);
        let left = bodies(&client, &names.source, COUNT / 2).await;
        let numbers: Vec<usize> = left.iter().map(|body| body.parse().expect("a number")).collect();
        assert!(numbers.is_sorted(), "{numbers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_a_key_is_a_dead_letter() {
    for (client, adapter) in brokers().await {
        let names = names(&client).await;
        let bus = Bus::start([pass(&names, "ordered_by: .customer.id")], adapter, Settings::default());
        soon("ready", bus.ready()).await;
        let json = |id: &str, body: &str| {
            let mut message = message(id, body);
            message.properties.content_type = Some("application/json".into());
            message
        };
        publish(&client, &names, [json("m1", "{\"customer\": 5}"), json("m2", "{\"customer\": {\"id\": 5}}")]).await;
        assert_eq!(bodies(&client, &names.target, 1).await, ["{\"customer\": {\"id\": 5}}"]);
        let mut dead = client.source(&format!("{}.dlq", names.source), 10).await.expect("a consumer");
        let letter = take(&mut *dead, 1).await.remove(0).message;
        assert_eq!(letter.properties.message_id.as_deref(), Some("m1"));
        assert_eq!(header(&letter, "trunkline-failure-type"), "mapping");
        assert_eq!(soon("drained", bus.shutdown()).await, 0);
    }
}
