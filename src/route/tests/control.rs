//! Steps that run steps of their own: again, or otherwise.

use crate::endpoint::Delivery;
use crate::message::{Class, Failure, Field, Kind, Message, Stage, header_names};
use crate::route::Outcome;
use crate::route::fake::Fake;

use super::{compiled, delivery, keys, route, run};

fn incoming() -> Delivery {
    let mut delivery = delivery(br#"{"id": 7, "slip": ["b", "a", "b"]}"#);
    delivery.message.properties.message_id = Some("m".into());
    delivery
}

fn failed(kind: Kind) -> Failure {
    Failure::new(Class::Permanent, Stage::Process, kind, "no")
}

const TRY: &str = "steps:
  - to: { amqp: { routing_key: before } }
  - id: guarded
    try:
      steps:
        - to: { amqp: { routing_key: reserved } }
        - set: { headers: { tried: 'true' } }
        - { id: pay, call: { amqp: { routing_key: pay } } }
      catch:
        - on: [timeout]
          steps: [to: { amqp: { routing_key: late } }]
        - steps:
            - { id: undo, call: { amqp: { routing_key: undo } } }
            - choice:
                - when: '$headers[\"trunkline-failure-type\"] == \"contract\"'
                  steps: [fail: { reason: '$headers[\"trunkline-failure-step\"] + \" said \" + $headers[\"trunkline-failure-reason\"]' }]
  - to: { amqp: { routing_key: after } }";

#[test]
fn what_does_not_fail_is_as_if_it_were_not_tried() {
    let ports = Fake::new();
    ports.answer(Ok(Message { body: "paid".into(), ..Message::default() }));
    assert_eq!(run(TRY, &incoming(), &ports).result.expect("no failure"), Outcome::Delivered);
    assert_eq!(keys(&ports), ["before", "reserved", "after"]);
    let after = ports.sent().remove(2).1;
    assert_eq!((&after.body[..], after.headers.get("tried")), (&b"paid"[..], Some(&Field::Bool(true))));
}

#[test]
fn the_first_catch_that_fits_runs_on_the_message_as_it_was() {
    let ports = Fake::new();
    assert_eq!(run(TRY, &incoming(), &ports).result.expect("a timeout is caught"), Outcome::Delivered);
    assert_eq!(keys(&ports), ["before", "late", "after"], "nothing of what failed is sent");
    let sent = ports.sent();
    let told = &sent[1].1.headers;
    assert_eq!(told.get(header_names::FAILURE_TYPE), Some(&Field::text("timeout")));
    assert_eq!(told.get(header_names::FAILURE_STEP), Some(&Field::text("pay")));
    assert!(!told.contains_key("tried"));
    assert!(sent[2].1.headers.is_empty() && sent[2].1.body == incoming().message.body);
}

#[test]
fn a_catch_may_compensate_and_fail_all_the_same() {
    let ports = Fake::new();
    ports.answer(Err(failed(Kind::Contract)));
    ports.answer(Ok(Message { body: "{}".into(), ..Message::default() }));
    let failure = run(TRY, &incoming(), &ports).result.expect_err("it fails all the same");
    assert_eq!((failure.kind, failure.reason.as_str()), (Kind::Rejected, "pay said no"));
    let called: Vec<_> = ports.called().into_iter().map(|(to, _)| to.routing_key.to_string()).collect();
    assert_eq!(called, ["pay", "undo"]);
    assert!(ports.sent().is_empty());
}

#[test]
fn what_no_catch_fits_is_the_failure_of_the_message() {
    let only = TRY.replace(
        "        - steps:\n            - { id: undo",
        "        - on: [nack]\n          steps:\n            - { id: undo",
    );
    for (kind, steps) in [(Kind::Participant, only.as_str()), (Kind::Connection, TRY)] {
        let ports = Fake::new();
        ports.answer(Err(failed(kind)));
        let failure = run(steps, &incoming(), &ports).result.expect_err("not caught");
        assert_eq!((failure.kind, failure.step.as_deref()), (kind, Some("pay")));
        assert!(ports.sent().is_empty());
    }
}

#[test]
fn a_loop_ends_when_its_condition_does_or_at_its_bound() {
    let steps = "steps:
  - set: { headers: { n: '0' } }
  - loop:
      while: $headers.n < 3
      at_most: 3
      steps:
        - to: { amqp: { routing_key_from: '\"round.\\($headers.n)\"' } }
        - set: { headers: { n: $headers.n + 1 } }
  - to: { amqp: { routing_key: after } }";
    let ports = Fake::new();
    run(steps, &incoming(), &ports).result.expect("no failure");
    assert_eq!(keys(&ports), ["round.0", "round.1", "round.2", "after"]);
    let ports = Fake::new();
    let failure =
        run(&steps.replace("at_most: 3", "at_most: 2"), &incoming(), &ports).result.expect_err("it holds still");
    assert_eq!((failure.kind, failure.class, failure.step.as_deref()), (Kind::Limit, Class::Permanent, Some("2-loop")));
    assert!(ports.sent().is_empty());
}

#[test]
fn a_slip_names_the_stations() {
    let steps = "steps:
  - routing_slip:
      names: .slip
      stations:
        a: [to: { amqp: { routing_key: at-a } }]
        b: [to: { amqp: { routing_key: at-b } }]
  - to: { amqp: { routing_key: after } }";
    let ports = Fake::new();
    run(steps, &incoming(), &ports).result.expect("no failure");
    assert_eq!(keys(&ports), ["at-b", "at-a", "at-b", "after"]);
    for (changed, kind, reason) in [
        (steps.replace(".slip", "'.slip + [\"c\"]'"), Kind::Mapping, "the slip names `c`, which is no station"),
        (
            steps.replace("names:", "at_most: 2\n      names:"),
            Kind::Limit,
            "the slip names 3 stations, and at most 2 are passed",
        ),
    ] {
        let ports = Fake::new();
        let failure = run(&changed, &incoming(), &ports).result.expect_err(reason);
        assert_eq!((failure.kind, failure.reason.as_str()), (kind, reason));
        assert!(ports.sent().is_empty());
    }
}

#[test]
fn mistakes_are_named() {
    for (steps, expected) in [
        ("try: { steps: [], catch: [{ steps: [stop: {}] }] }", "`try` has no steps"),
        ("try: { steps: [stop: {}], catch: [] }", "`try` catches nothing"),
        (
            "try: { steps: [log: .id], catch: [{ on: [connection], steps: [log: .id] }] }",
            "`connection` is no type of failure that can be caught",
        ),
        (
            "try: { steps: [idempotent: { key: .id }], catch: [{ steps: [log: .id] }] }",
            "`idempotent` cannot stand among the steps of `try`: a message has one key",
        ),
        ("loop: { while: .id, at_most: 0, steps: [log: .id] }", "0 is out of range"),
        ("loop: { while: 'true', at_most: 3, steps: [log: .id] }", "this condition never ends the loop"),
        ("routing_slip: { names: .slip, stations: {} }", "`routing_slip` has no stations"),
        ("normalize: { to: none, inputs: [] }", "no contract `none`"),
    ] {
        let (plan, diagnostics) = compiled(&route(&format!("steps: [{steps}, to: {{ amqp: {{ routing_key: k }} }}]")));
        assert!(plan.is_none(), "{steps}");
        let said: Vec<_> = diagnostics.iter().map(|one| one.message.as_str()).collect();
        assert!(said.iter().any(|said| said.contains(expected)), "{steps}: {said:?}");
    }
}
