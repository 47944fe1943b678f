//! What the broker itself dead-letters, and what it writes into the headers.

use std::sync::Arc;

use trunkline::endpoint::topology::{Binding, Exchange, Topology};
use trunkline::endpoint::{Address, Delivery, Session, Settlement};
use trunkline::message::{Field, Headers, Text};

use super::expiry::{expiring, with_dead_letters};
use super::{Site, body, consume, contents, declare, send, send_one, take};
use crate::broker::{message, queue, unique};

async fn one_dead(session: &Arc<dyn Session>, dead: &Text) -> Delivery {
    let mut source = consume(session, dead, 1).await;
    let letter = take(&mut source, 1).await.remove(0);
    source.settle(Settlement::Ack(letter.tag)).await.expect("acknowledged");
    letter
}

/// The headers without the time of death, which must be there; and without the last death, which RabbitMQ 4 adds, and
/// which is the first one here.
fn facts(site: &Site, letter: &Delivery) -> Headers {
    let mut headers = letter.message.headers.clone();
    for fact in ["exchange", "queue", "reason"] {
        let last = headers.remove(format!("x-last-death-{fact}").as_str());
        let first = headers.get(format!("x-first-death-{fact}").as_str()).cloned();
        assert_eq!(last, first.filter(|_| site.is_rabbitmq_4()), "{fact}");
    }
    let Some(Field::Array(deaths)) = headers.get_mut("x-death") else { panic!("no x-death in {headers:?}") };
    for death in deaths {
        let Field::Table(death) = death else { panic!("{death:?} is no table") };
        let time = death.remove("time");
        assert!(matches!(time, Some(Field::Timestamp(seconds)) if seconds > 1_700_000_000), "{time:?}");
    }
    headers
}

fn table(pairs: &[(&'static str, Field)]) -> Headers {
    pairs.iter().map(|(name, value)| (Text::from(*name), value.clone())).collect()
}

/// The headers after one death in one queue.
fn one_death(queue: &Text, reason: &str, more: &[(&'static str, Field)]) -> Headers {
    let mut death = table(&[
        ("count", Field::I64(1)),
        ("exchange", Field::text("")),
        ("queue", Field::text(queue.as_str())),
        ("reason", Field::text(reason)),
        ("routing-keys", Field::Array(vec![Field::text(queue.as_str())])),
    ]);
    death.extend(table(more));
    table(&[
        ("x-death", Field::Array(vec![Field::Table(death)])),
        ("x-first-death-exchange", Field::text("")),
        ("x-first-death-queue", Field::text(queue.as_str())),
        ("x-first-death-reason", Field::text(reason)),
    ])
}

pub(super) async fn an_expired_message_tells_its_death(site: &Site) {
    let (session, name, dead) = with_dead_letters(site, &[]).await;
    let mut sent = expiring("m", "50");
    sent.headers.insert("shop".into(), Field::U8(7));
    sent.properties.correlation_id = Some("c".into());
    send_one(&session, &name, sent.clone()).await.expect("confirmed");
    let letter = one_dead(&session, &dead).await;
    let mut expected = one_death(&name, "expired", &[("original-expiration", Field::text("50"))]);
    expected.insert("shop".into(), Field::U8(7));
    assert_eq!(facts(site, &letter), expected);
    // It would expire there, too.
    sent.properties.expiration = None;
    assert_eq!((&letter.message.properties, &letter.message.body), (&sent.properties, &sent.body));
    assert_eq!(letter.address, Address { exchange: "".into(), routing_key: dead });
    assert!(!letter.redelivered);
}

pub(super) async fn an_overflown_message_tells_its_death(site: &Site) {
    let (session, name, dead) = with_dead_letters(site, &[("x-max-length", Field::I32(1))]).await;
    send(&session, &name, &["1", "2"]).await;
    let letter = one_dead(&session, &dead).await;
    assert_eq!(body(&letter), "1");
    assert_eq!(facts(site, &letter), one_death(&name, "maxlen", &[]));
}

pub(super) async fn a_message_given_too_often_tells_its_death(site: &Site) {
    let (session, name, dead) = with_dead_letters(site, &[("x-delivery-limit", Field::I32(2))]).await;
    send(&session, &name, &["1"]).await;
    let mut source = consume(&session, &name, 10).await;
    let mut counts = Vec::new();
    for _ in 0..3 {
        let delivery = take(&mut source, 1).await.remove(0);
        counts.push(delivery.message.headers.get("x-delivery-count").cloned());
        source.settle(Settlement::Requeue(delivery.tag)).await.expect("requeued");
    }
    assert_eq!(counts, [None, Some(Field::I64(1)), Some(Field::I64(2))]);
    let letter = one_dead(&session, &dead).await;
    assert_eq!(facts(site, &letter), one_death(&name, "delivery_limit", &[]));
}

pub(super) async fn the_key_may_be_another(site: &Site) {
    let session = site.session().await;
    let (name, dead) = (unique("q"), unique("dead"));
    let arguments = [("x-message-ttl", Field::I32(20)), ("x-dead-letter-exchange", Field::text(""))];
    // Without a key of its own it keeps the message's, which names the queue itself: it goes round, and is dropped.
    declare(&session, vec![queue(&name, &arguments)]).await;
    send(&session, &name, &["round"]).await;
    let keyed = [arguments.to_vec(), vec![("x-dead-letter-routing-key", Field::text(dead.as_str()))]].concat();
    let other = unique("other");
    declare(&session, vec![queue(&dead, &[]), queue(&other, &keyed)]).await;
    send(&session, &other, &["straight"]).await;
    assert_eq!(body(&one_dead(&session, &dead).await), "straight");
}

pub(super) async fn the_exchange_routes_by_the_original_key(site: &Site) {
    let session = site.session().await;
    let [inner, outer, name, dead] = ["inner", "outer", "q", "dead"].map(unique);
    let exchange = |name: &Text| Exchange { name: name.clone(), kind: "topic".into(), declare: true };
    let binding = |queue: &Text, exchange: &Text| Binding {
        queue: queue.clone(),
        exchange: exchange.clone(),
        routing_key: "order.*".into(),
        arguments: Headers::new(),
    };
    let arguments = [("x-message-ttl", Field::I32(20)), ("x-dead-letter-exchange", Field::text(outer.as_str()))];
    let topology = Topology {
        exchanges: vec![exchange(&inner), exchange(&outer)],
        queues: vec![queue(&name, &arguments), queue(&dead, &[])],
        bindings: vec![binding(&name, &inner), binding(&dead, &outer)],
    };
    session.declare(&topology).await.expect("declared");
    let to = Address { exchange: inner.clone(), routing_key: "order.new".into() };
    session.sink().await.expect("a lane").send(&to, message("m", "m")).await.expect("confirmed");
    let letter = one_dead(&session, &dead).await;
    assert_eq!(letter.address, Address { exchange: outer, routing_key: "order.new".into() });
    let headers = facts(site, &letter);
    assert_eq!(headers["x-first-death-exchange"], Field::text(inner.as_str()));
    let Field::Array(deaths) = &headers["x-death"] else { panic!("no list") };
    let Field::Table(death) = &deaths[0] else { panic!("no table") };
    assert_eq!(death["exchange"], Field::text(inner.as_str()));
    assert_eq!(death["routing-keys"], Field::Array(vec![Field::text("order.new")]));
}

/// A message that is published again with its headers: the retry of those who keep them.
pub(super) async fn deaths_are_counted(site: &Site) {
    let (session, name, dead) = with_dead_letters(site, &[("x-message-ttl", Field::I32(20))]).await;
    send(&session, &name, &["m"]).await;
    let first = one_dead(&session, &dead).await;
    send_one(&session, &name, first.message).await.expect("confirmed");
    let second = one_dead(&session, &dead).await;
    let headers = facts(site, &second);
    let Field::Array(deaths) = &headers["x-death"] else { panic!("no list") };
    assert_eq!(deaths.len(), 1);
    let Field::Table(death) = &deaths[0] else { panic!("no table") };
    // RabbitMQ 4 counts itself, and does not read what a publisher says.
    assert_eq!(death["count"], Field::I64(if site.is_rabbitmq_4() { 1 } else { 2 }));
    assert_eq!(headers["x-first-death-queue"], Field::text(name.as_str()));
}

/// Two queues with a time that point at each other lose everything. Why our retries strip these headers.
pub(super) async fn what_goes_round_is_dropped(site: &Site) {
    let session = site.session().await;
    let (one, two, probe, seen) = (unique("one"), unique("two"), unique("probe"), unique("seen"));
    let waits = |milliseconds, target: &Text| {
        vec![
            ("x-message-ttl", Field::I32(milliseconds)),
            ("x-dead-letter-exchange", Field::text("")),
            ("x-dead-letter-routing-key", Field::text(target.as_str())),
        ]
    };
    let queues = vec![
        queue(&seen, &[]),
        queue(&one, &waits(50, &two)),
        queue(&two, &waits(50, &one)),
        queue(&probe, &waits(400, &seen)),
    ];
    declare(&session, queues).await;
    send(&session, &one, &["round"]).await;
    send(&session, &probe, &["probe"]).await;
    // Several rounds have passed when the probe is through.
    assert_eq!(body(&one_dead(&session, &seen).await), "probe");
    assert_eq!(contents(&session, &one).await, [""; 0]);
    assert_eq!(contents(&session, &two).await, [""; 0]);
}
