use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::Broker;
use crate::endpoint::topology::{Queue, Topology};
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
