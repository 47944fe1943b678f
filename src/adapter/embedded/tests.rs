use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::Broker;
use crate::endpoint::topology::{Binding, Exchange, Queue, Topology};
use crate::endpoint::{Adapter, Address, Delivery, EndpointError, SendError, Session, Settlement, Source};
use crate::message::{Field, Message};

fn queue(name: &'static str, arguments: &[(&'static str, Field)]) -> Queue {
    let arguments: BTreeMap<_, _> = arguments.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
    Queue { name: name.into(), arguments, declare: true }
}

fn queues(queues: Vec<Queue>) -> Topology {
    Topology { queues, ..Topology::default() }
}

fn to(queue: &'static str) -> Address {
    Address { exchange: "".into(), routing_key: queue.into() }
}

fn message(body: &'static str) -> Message {
    Message { body: body.into(), ..Message::default() }
}

async fn session(broker: &Broker, topology: Topology) -> Arc<dyn Session> {
    let session = broker.client().open().await.unwrap();
    session.declare(&topology).await.unwrap();
    session
}

async fn send(session: &Arc<dyn Session>, queue: &'static str, body: &'static str) -> Result<(), SendError> {
    session.sink().await.unwrap().send(&to(queue), message(body)).await
}

/// Waits, within a deadline, until the broker is as it should be.
async fn until(reached: impl Fn() -> bool) {
    let waiting = async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(Duration::from_secs(5), waiting).await.expect("the condition is reached in time");
}

/// The next delivery, within a deadline.
async fn next(source: &mut Box<dyn Source>) -> Delivery {
    timeout(Duration::from_secs(5), source.receive(1)).await.unwrap().unwrap().remove(0)
}

fn bodies(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|delivery| std::str::from_utf8(&delivery.message.body).unwrap()).collect()
}

#[tokio::test]
async fn delivers_in_order_up_to_the_prefetch() {
    let broker = Broker::default();
    let session = session(&broker, queues(vec![queue("q", &[])])).await;
    for body in ["1", "2", "3"] {
        send(&session, "q", body).await.unwrap();
    }
    let mut source = session.source("q", 2).await.unwrap();
    let first = source.receive(10).await.unwrap();
    assert_eq!(bodies(&first), ["1", "2"]);
    assert!(timeout(Duration::from_millis(20), source.receive(10)).await.is_err());
    source.settle(Settlement::AckThrough(first[1].tag)).await.unwrap();
    assert_eq!(bodies(&source.receive(10).await.unwrap()), ["3"]);
    assert_eq!((broker.depth("q"), broker.unsettled("q")), (Some(0), 1));
}

#[tokio::test]
async fn what_is_unsettled_comes_again_in_its_place() {
    let broker = Broker::default();
    let session = session(&broker, queues(vec![queue("q", &[])])).await;
    for body in ["1", "2", "3"] {
        send(&session, "q", body).await.unwrap();
    }
    let mut source = session.source("q", 0).await.unwrap();
    let got = source.receive(10).await.unwrap();
    source.settle(Settlement::Requeue(got[1].tag)).await.unwrap();
    source.settle(Settlement::Ack(got[2].tag)).await.unwrap();
    drop(source);
    let mut source = session.source("q", 0).await.unwrap();
    let again = source.receive(10).await.unwrap();
    assert_eq!(bodies(&again), ["1", "2"]);
    assert!(again.iter().all(|delivery| delivery.redelivered));
}

#[tokio::test]
async fn an_unknown_tag_ends_the_source() {
    let broker = Broker::default();
    let session = session(&broker, queues(vec![queue("q", &[])])).await;
    send(&session, "q", "1").await.unwrap();
    let mut source = session.source("q", 0).await.unwrap();
    let tag = next(&mut source).await.tag;
    source.settle(Settlement::Ack(tag)).await.unwrap();
    assert!(source.settle(Settlement::AckThrough(tag)).await.is_err());
    assert!(source.receive(1).await.is_err());
}

#[tokio::test]
async fn a_stopped_source_gives_nothing_more() {
    let broker = Broker::default();
    let session = session(&broker, queues(vec![queue("q", &[])])).await;
    let mut source = session.source("q", 0).await.unwrap();
    source.stop().await.unwrap();
    send(&session, "q", "1").await.unwrap();
    assert_eq!(source.receive(1).await.unwrap().len(), 0);
    assert_eq!(broker.depth("q"), Some(1));
}

#[tokio::test]
async fn the_end_of_a_session_ends_its_parts_and_returns_its_messages() {
    let broker = Broker::default();
    let client = broker.client();
    let session = client.open().await.unwrap();
    session.declare(&queues(vec![queue("q", &[])])).await.unwrap();
    let sink = session.sink().await.unwrap();
    sink.send(&to("q"), message("1")).await.unwrap();
    let mut source = session.source("q", 0).await.unwrap();
    let tag = next(&mut source).await.tag;
    let replies = session.replies().await.unwrap();
    let reply_queue = replies.address().to_owned();
    broker.disconnect_all();
    assert!(matches!(source.settle(Settlement::Ack(tag)).await, Err(EndpointError::Unavailable(_))));
    assert!(matches!(source.receive(1).await, Err(EndpointError::Unavailable(_))));
    assert!(matches!(sink.send(&to("q"), message("2")).await, Err(SendError::Unknown(_))));
    assert_eq!(broker.depth(&reply_queue), None);
    let session = client.open().await.unwrap();
    let mut source = session.source("q", 0).await.unwrap();
    assert!(next(&mut source).await.redelivered);
}

#[tokio::test]
async fn a_waiting_source_learns_of_the_end() {
    let broker = Broker::default();
    let session = session(&broker, queues(vec![queue("q", &[])])).await;
    let mut source = session.source("q", 0).await.unwrap();
    let waiting = tokio::spawn(async move { source.receive(1).await });
    tokio::task::yield_now().await;
    broker.disconnect_all();
    assert!(timeout(Duration::from_secs(5), waiting).await.unwrap().unwrap().is_err());
}

#[tokio::test]
async fn what_no_queue_takes_is_unroutable() {
    let broker = Broker::default();
    let session = session(&broker, Topology::default()).await;
    let sink = session.sink().await.unwrap();
    let missing = Address { exchange: "nowhere".into(), routing_key: "x".into() };
    assert!(matches!(sink.send(&to("nobody"), message("1")).await, Err(SendError::Unroutable { .. })));
    assert!(matches!(sink.send(&missing, message("1")).await, Err(SendError::Unroutable { .. })));
}

#[tokio::test]
async fn exchanges_route_by_their_kind() {
    let broker = Broker::default();
    let topology = Topology {
        exchanges: vec![Exchange { name: "erp".into(), kind: "topic".into(), declare: true }],
        queues: vec![queue("orders", &[])],
        bindings: vec![Binding { queue: "orders".into(), exchange: "erp".into(), routing_key: "order.*".into() }],
    };
    let session = session(&broker, topology).await;
    let sink = session.sink().await.unwrap();
    let address = Address { exchange: "erp".into(), routing_key: "order.new".into() };
    sink.send(&address, message("1")).await.unwrap();
    let mut source = session.source("orders", 0).await.unwrap();
    assert_eq!(next(&mut source).await.address, address);
}

#[tokio::test]
async fn a_different_declaration_is_refused() {
    let broker = Broker::default();
    let first = session(&broker, queues(vec![queue("q", &[("x-max-length", Field::I32(5))])])).await;
    first.declare(&queues(vec![queue("q", &[("x-max-length", Field::I64(5))])])).await.unwrap();
    let other = first.declare(&queues(vec![queue("q", &[])])).await;
    assert!(matches!(other, Err(EndpointError::Refused(reason)) if reason.contains("`q`")));
    let missing = Queue { declare: false, ..queue("none", &[]) };
    assert!(matches!(first.declare(&queues(vec![missing])).await, Err(EndpointError::Refused(_))));
}

#[tokio::test]
async fn a_full_queue_rejects_or_drops_its_head() {
    let broker = Broker::default();
    let full = [("x-max-length", Field::I32(1))];
    let reject = [full[0].clone(), ("x-overflow", Field::text("reject-publish"))];
    let drop_head = [
        ("x-max-length-bytes", Field::I32(3)),
        ("x-dead-letter-exchange", Field::text("")),
        ("x-dead-letter-routing-key", Field::text("dead")),
    ];
    let topology = queues(vec![queue("reject", &reject), queue("drop", &drop_head), queue("dead", &[])]);
    let session = session(&broker, topology).await;
    send(&session, "reject", "1").await.unwrap();
    assert_eq!(send(&session, "reject", "2").await, Err(SendError::Nack));
    send(&session, "drop", "11").await.unwrap();
    send(&session, "drop", "22").await.unwrap();
    let mut source = session.source("drop", 0).await.unwrap();
    assert_eq!(bodies(&[next(&mut source).await]), ["22"]);
    let mut dead = session.source("dead", 0).await.unwrap();
    let letter = next(&mut dead).await;
    assert_eq!(bodies(std::slice::from_ref(&letter)), ["11"]);
    assert_eq!(letter.message.headers["x-first-death-reason"].as_str(), Some("maxlen"));
}

#[tokio::test]
async fn a_wait_queue_gives_the_message_back_after_its_time() {
    let broker = Broker::default();
    let wait = [
        ("x-message-ttl", Field::I32(50)),
        ("x-dead-letter-exchange", Field::text("")),
        ("x-dead-letter-routing-key", Field::text("main")),
    ];
    let session = session(&broker, queues(vec![queue("main", &[]), queue("wait", &wait)])).await;
    let started = tokio::time::Instant::now();
    send(&session, "wait", "1").await.unwrap();
    let mut source = session.source("main", 0).await.unwrap();
    let back = next(&mut source).await;
    assert!(started.elapsed() >= Duration::from_millis(50));
    assert!(!back.redelivered);
    assert_eq!(back.message.headers["x-first-death-queue"].as_str(), Some("wait"));
}

#[tokio::test]
async fn expired_messages_without_a_dead_letter_exchange_are_gone() {
    let broker = Broker::default();
    let session = session(&broker, queues(vec![queue("q", &[])])).await;
    let mut short = message("1");
    short.properties.expiration = Some("200".into());
    session.sink().await.unwrap().send(&to("q"), short).await.unwrap();
    assert_eq!(broker.depth("q"), Some(1));
    until(|| (broker.depth("q"), broker.bytes()) == (Some(0), 0)).await;
}

#[tokio::test]
async fn two_wait_queues_that_point_at_each_other_drop_the_message() {
    let broker = Broker::default();
    let wait = |target: &'static str| {
        [
            ("x-message-ttl", Field::I32(10)),
            ("x-dead-letter-exchange", Field::text("")),
            ("x-dead-letter-routing-key", Field::text(target)),
        ]
    };
    let session = session(&broker, queues(vec![queue("a", &wait("b")), queue("b", &wait("a"))])).await;
    send(&session, "a", "1").await.unwrap();
    until(|| (broker.depth("a"), broker.depth("b"), broker.bytes()) == (Some(0), Some(0), 0)).await;
}

#[tokio::test]
async fn at_least_once_keeps_the_message_until_its_target_takes_it() {
    let broker = Broker::default();
    let wait = [
        ("x-queue-type", Field::text("quorum")),
        ("x-message-ttl", Field::I32(10)),
        ("x-dead-letter-exchange", Field::text("")),
        ("x-dead-letter-routing-key", Field::text("later")),
        ("x-dead-letter-strategy", Field::text("at-least-once")),
        ("x-overflow", Field::text("reject-publish")),
    ];
    let probe = [
        ("x-message-ttl", Field::I32(20)),
        ("x-dead-letter-exchange", Field::text("")),
        ("x-dead-letter-routing-key", Field::text("seen")),
    ];
    let topology = queues(vec![queue("wait", &wait), queue("probe", &probe), queue("seen", &[])]);
    let session = session(&broker, topology).await;
    send(&session, "wait", "1").await.unwrap();
    // A later deadline has passed when the probe is through: the first one was tried before.
    send(&session, "probe", "2").await.unwrap();
    until(|| broker.depth("seen") == Some(1)).await;
    assert_eq!(broker.depth("wait"), Some(1));
    session.declare(&queues(vec![queue("later", &[])])).await.unwrap();
    let mut source = session.source("later", 0).await.unwrap();
    assert_eq!(bodies(&[next(&mut source).await]), ["1"]);
}

#[tokio::test]
async fn a_message_beyond_the_delivery_limit_is_dead_lettered() {
    let broker = Broker::default();
    let limited = [
        ("x-queue-type", Field::text("quorum")),
        ("x-delivery-limit", Field::I32(1)),
        ("x-dead-letter-exchange", Field::text("")),
        ("x-dead-letter-routing-key", Field::text("dead")),
    ];
    let session = session(&broker, queues(vec![queue("q", &limited), queue("dead", &[])])).await;
    send(&session, "q", "1").await.unwrap();
    let mut source = session.source("q", 0).await.unwrap();
    for _ in 0..2 {
        let tag = next(&mut source).await.tag;
        source.settle(Settlement::Requeue(tag)).await.unwrap();
    }
    let mut dead = session.source("dead", 0).await.unwrap();
    let letter = next(&mut dead).await;
    assert_eq!(letter.message.headers["x-first-death-reason"].as_str(), Some("delivery_limit"));
}

#[tokio::test]
async fn memory_is_bounded_and_freed() {
    let broker = Broker::new(2_000);
    let session = session(&broker, queues(vec![queue("q", &[])])).await;
    let mut sent = 0;
    while send(&session, "q", "a body").await.is_ok() {
        sent += 1;
        assert!(sent < 100);
    }
    assert!(broker.bytes() <= 2_000);
    let mut source = session.source("q", 0).await.unwrap();
    let got = source.receive(100).await.unwrap();
    assert_eq!(got.len(), sent);
    source.settle(Settlement::AckThrough(got.last().unwrap().tag)).await.unwrap();
    assert_eq!(broker.bytes(), 0);
}

#[tokio::test]
async fn a_single_active_consumer_hands_over() {
    let broker = Broker::default();
    let session = session(&broker, queues(vec![queue("q", &[("x-single-active-consumer", Field::Bool(true))])])).await;
    let first = session.source("q", 0).await.unwrap();
    let mut second = session.source("q", 0).await.unwrap();
    send(&session, "q", "1").await.unwrap();
    assert!(timeout(Duration::from_millis(20), second.receive(1)).await.is_err());
    drop(first);
    next(&mut second).await;
}

#[tokio::test]
async fn replies_come_to_the_private_queue() {
    let broker = Broker::default();
    let session = session(&broker, Topology::default()).await;
    let mut replies = session.replies().await.unwrap();
    let address = Address { exchange: "".into(), routing_key: replies.address().into() };
    session.sink().await.unwrap().send(&address, message("answer")).await.unwrap();
    assert_eq!(replies.receive().await.unwrap().body, "answer");
    let other = broker.client().open().await.unwrap();
    assert!(matches!(other.source(replies.address(), 0).await, Err(EndpointError::Refused(_))));
}
