//! Steps that let messages wait.

use std::time::Duration;

use crate::endpoint::{Address, Delivery};
use crate::message::{Class, Failure, Field, Kind, Stage, header_names};
use crate::route::fake::Fake;
use crate::route::ports::Ports;
use crate::route::retry::{Tried, delayed, resume};
use crate::route::{Origin, Outcome, Plan};

use super::{compiled, delivery, plan, process};

const DELAY: &str = "from: { amqp: { queue: q } }
on_error: { retry: { immediate: 0, delayed: [5s] } }
steps:
  - to: { amqp: { routing_key: before } }
  - { id: short, delay: { for: 30s } }
  - choice:
      - when: .late
        steps:
          - { id: long, delay: { for: 2h } }
  - call: { amqp: { routing_key: ask } }
  - to: { amqp: { routing_key: after } }";

/// What comes from the queue in which the message has waited.
fn waited(plan: &Plan, from: &Delivery, tried: &Tried, outcome: &Outcome, ports: &Fake) -> (Address, Delivery, Tried) {
    let Outcome::Delayed { step, time } = outcome else { panic!("{outcome:?}") };
    let origin = Origin {
        route: plan.name(),
        queue: plan.queue(),
        exchange: &from.address.exchange,
        routing_key: &from.address.routing_key,
        attempts: tried.attempts + 1,
        time: ports.now(),
    };
    let (to, letter) = delayed(&from.message, step, *time, tried, &origin);
    let address = Address { exchange: "".into(), routing_key: "q".into() };
    let (again, tried) = resume(Delivery { address, message: letter, ..from.clone() }, plan.name());
    (to, again, tried)
}

#[test]
fn a_message_waits_in_queues_and_comes_again_as_it_came_first() {
    let plan = plan(DELAY);
    let queues: Vec<_> = plan.topology().queues.iter().map(|queue| queue.name.to_string()).collect();
    for queue in ["q.retry.5000", "q.retry.30000", "q.retry.7200000"] {
        assert!(queues.contains(&queue.to_owned()), "{queue} is not among {queues:?}");
    }
    let ports = Fake::new();
    let mut first = delivery(br#"{"late": true}"#);
    first.message.properties.expiration = Some("1000".into());
    first.message.properties.delivery_mode = Some(2);
    first.message.properties.message_id = Some("m".into());
    first.message.headers.insert("own".into(), Field::Bool(true));
    let outcome = process(&plan, &first, &ports).result.expect("no failure");
    assert_eq!(outcome, Outcome::Delayed { step: "short".into(), time: Duration::from_secs(30) });
    let (to, second, tried) = waited(&plan, &first, &Tried::default(), &outcome, &ports);
    assert_eq!((to.routing_key.as_str(), tried.waits), ("q.retry.30000", 0));
    let outcome = process(&plan, &second, &ports).result.expect("no failure");
    assert_eq!(outcome, Outcome::Delayed { step: "long".into(), time: Duration::from_secs(7200) });
    let (to, third, tried) = waited(&plan, &second, &tried, &outcome, &ports);
    assert_eq!((to.routing_key.as_str(), tried.attempts), ("q.retry.7200000", 2));
    assert!(ports.sent().is_empty(), "nothing is sent before the last wait is over");
    assert_eq!((&third.address, &third.message.body), (&first.address, &first.message.body));
    assert_eq!(third.message.properties, first.message.properties);

    ports.answer(Err(Failure::new(Class::Transient, Stage::Process, Kind::Timeout, "late")));
    assert_eq!(process(&plan, &third, &ports).result.expect_err("late").kind, Kind::Timeout);
    ports.answer(Ok(crate::message::Message { body: "{}".into(), ..Default::default() }));
    assert_eq!(process(&plan, &third, &ports).result.expect("no failure"), Outcome::Delivered);
    let sent: Vec<_> = ports.sent().into_iter().map(|(to, message)| (to.routing_key.to_string(), message)).collect();
    assert_eq!(sent.iter().map(|(to, _)| to.as_str()).collect::<Vec<_>>(), ["before", "after"]);
    for (_, message) in sent {
        assert_eq!(message.headers, first.message.headers, "no header of ours leaves with it");
    }
    assert!(third.message.headers.contains_key(header_names::WAITED));
}

#[test]
fn a_message_may_wait_in_its_place() {
    let ports = Fake::new();
    let route = "from: { amqp: { queue: q } }
ordered: true
steps: [delay: { for: 10s, hold: true }, to: { amqp: { routing_key: k } }]";
    assert_eq!(process(&plan(route), &delivery(b"{}"), &ports).result.expect("no failure"), Outcome::Delivered);
    assert_eq!(ports.now(), std::time::UNIX_EPOCH + Duration::from_secs(10));
}

#[test]
fn messages_are_spread_evenly() {
    let ports = Fake::new();
    let plan = plan(
        "from: { amqp: { queue: q } }
steps: [throttle: { messages: 4, per: 2s }, to: { amqp: { routing_key: k } }]",
    );
    for passed in [0, 500, 1000] {
        process(&plan, &delivery(b"{}"), &ports).result.expect("no failure");
        assert_eq!(ports.now(), std::time::UNIX_EPOCH + Duration::from_millis(passed));
    }
    ports.advance(Duration::from_secs(9));
    for passed in [10_000, 10_500] {
        process(&plan, &delivery(b"{}"), &ports).result.expect("no failure");
        assert_eq!(ports.now(), std::time::UNIX_EPOCH + Duration::from_millis(passed), "nothing is made up for");
    }
}

#[test]
fn mistakes_are_named() {
    for (route, expected) in [
        ("steps: [delay: { for: 8d }]", "`8d` is not a duration from 1ms to 168h"),
        ("steps: [delay: { for: 11s, hold: true }]", "`11s` is not a duration from 1ms to 10s"),
        ("ordered: true\nsteps: [delay: { for: 1s }]", "loses its place, and the route keeps order"),
        ("steps: [call: { amqp: { routing_key: k } }, delay: { for: 1s }]", "would be called again"),
        (
            "steps: [split: { by: .a, steps: [delay: { for: 1s }] }]",
            "`delay` cannot stand among the steps of `split`: a message waits once",
        ),
        (
            "steps: [loop: { while: .a, at_most: 3, steps: [delay: { for: 1s, hold: true }] }]",
            "`delay` cannot stand among the steps of `loop`: a message waits once",
        ),
        ("steps: [throttle: { messages: 0, per: 1s }]", "0 is out of range"),
        ("steps: [throttle: { messages: 1, per: 1h }]", "`1h` is not a duration from 10ms to 10m"),
        ("steps: [throttle: { messages: 100000, per: 10ms }]", "are more than any route processes"),
        (
            "steps: [throttle: { messages: 1, per: 1m }]",
            "of 250 messages in flight the last one would wait 4h10m, and may 10m",
        ),
        (
            "steps: [multicast: { branches: [{ steps: [throttle: { messages: 1, per: 1s }] }] }]",
            "`throttle` cannot stand among the steps of `multicast`",
        ),
    ] {
        let (plan, diagnostics) = compiled(&format!("from: {{ amqp: {{ queue: q }} }}\n{route}\nreply: {{}}"));
        assert!(plan.is_none(), "{route}");
        let said: Vec<_> = diagnostics.iter().map(|one| one.message.as_str()).collect();
        assert!(said.iter().any(|said| said.contains(expected)), "{route}: {said:?}");
    }
}
