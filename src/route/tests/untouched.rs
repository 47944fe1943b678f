//! A route whose steps never look at the body.

use std::time::{Duration, UNIX_EPOCH};

use crate::endpoint::Address;
use crate::message::{Class, Failure, Field, Kind, Stage, header_names};
use crate::route::fake::Fake;
use crate::route::{Origin, Outcome, dead_letter};

use super::{delivery, plan, process};

const ROUTE: &str = "
from: { amqp: { queue: in } }
steps:
  - to:
      - amqp: { exchange: first, routing_key: a.b }
      - amqp: { routing_key: second }
";

#[test]
fn sends_the_very_bytes_in_order() {
    let plan = plan(ROUTE);
    let mut delivery = delivery(b"\xff not json, not xml <");
    delivery.message.headers.insert("shop".into(), Field::U8(7));
    delivery.message.headers.insert("traceparent".into(), Field::text("00-1-2-01"));
    delivery.message.headers.insert("x-death".into(), Field::Array(Vec::new()));
    delivery.message.headers.insert("x-delivery-count".into(), Field::I64(1));
    delivery.message.headers.insert("CC".into(), Field::Array(vec![Field::text("audit")]));
    delivery.message.headers.insert("trunkline-failure-class".into(), Field::text("permanent"));
    delivery.message.properties.priority = Some(3);
    delivery.message.properties.expiration = Some("60000".into());
    delivery.message.properties.user_id = Some("shop".into());
    let ports = Fake::new();
    let processed = process(&plan, &delivery, &ports);
    assert_eq!((processed.result.expect("delivered"), processed.attempts), (Outcome::Delivered, 1));

    let sent = ports.sent();
    let addresses: Vec<_> = sent.iter().map(|(address, _)| address.clone()).collect();
    assert_eq!(
        addresses,
        [
            Address { exchange: "first".into(), routing_key: "a.b".into() },
            Address { exchange: "".into(), routing_key: "second".into() }
        ]
    );
    let message = &sent[0].1;
    assert_eq!(message.body.as_ptr(), delivery.message.body.as_ptr());
    assert_eq!(message.properties.priority, Some(3));
    assert_eq!(message.properties.expiration.as_deref(), Some("60000"));
    assert_eq!(message.properties.delivery_mode, Some(2));
    assert_eq!(message.properties.message_id.as_deref(), Some("id-1"));
    assert_eq!(message.properties.user_id, None);
    let names: Vec<_> = message.headers.keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["shop", "traceparent", "trunkline-original-cc", "trunkline-original-user-id"]);
    assert_eq!(message.headers.get("shop"), Some(&Field::U8(7)));
}

fn nack() -> Failure {
    Failure::new(Class::Transient, Stage::Send, Kind::Nack, "refused")
}

#[test]
fn a_transient_failure_is_tried_again_at_once() {
    let plan = plan(ROUTE);
    let ports = Fake::new();
    ports.confirm(Ok(()));
    ports.confirm(Err(nack()));
    let processed = process(&plan, &delivery(b""), &ports);
    assert_eq!((processed.result.expect("delivered"), processed.attempts), (Outcome::Delivered, 2));
    assert_eq!(ports.sent().len(), 4);
}

#[test]
fn attempts_are_bounded_and_the_step_is_named() {
    let plan = plan(ROUTE);
    let ports = Fake::new();
    for _ in 0..6 {
        ports.confirm(Err(nack()));
    }
    let processed = process(&plan, &delivery(b""), &ports);
    let failure = processed.result.expect_err("refused for good");
    assert_eq!((processed.attempts, failure.kind, failure.step.as_deref()), (3, Kind::Nack, Some("1-to")));
}

#[test]
fn permanent_failures_and_lost_connections_are_not_tried_again_at_once() {
    let plan = plan(ROUTE);
    for failure in [
        Failure::new(Class::Permanent, Stage::Send, Kind::Unroutable, "no queue"),
        Failure::new(Class::Transient, Stage::Send, Kind::Connection, "lost"),
    ] {
        let ports = Fake::new();
        ports.confirm(Err(nack()));
        ports.confirm(Err(failure.clone()));
        let processed = process(&plan, &delivery(b""), &ports);
        if failure.class == Class::Permanent {
            assert_eq!((processed.attempts, processed.result.expect_err("failed").kind), (1, Kind::Unroutable));
        }
        let ports = Fake::new();
        ports.confirm(Err(failure.clone()));
        let processed = process(&plan, &delivery(b""), &ports);
        assert_eq!((processed.attempts, processed.result.expect_err("failed").kind), (1, failure.kind));
    }
}

#[test]
fn a_body_over_the_limit_is_refused_before_any_step() {
    let mut plan = plan(ROUTE);
    plan.version.limits.body_bytes = 3;
    let ports = Fake::new();
    let failure = process(&plan, &delivery(b"four"), &ports).result.expect_err("too large");
    assert_eq!((failure.kind, failure.stage, failure.class), (Kind::Limit, Stage::Receive, Class::Permanent));
    assert!(ports.sent().is_empty());
}

#[test]
fn a_dead_letter_is_the_original_with_its_reason() {
    let mut original = delivery(b"body").message;
    original.properties.expiration = Some("1000".into());
    original.properties.correlation_id = Some("c".into());
    original.headers.insert("kept".into(), Field::F32(1.5));
    original.headers.insert("x-first-death-queue".into(), Field::text("q"));
    let failure = Failure::permanent(Kind::Contract, "é".repeat(3_000)).in_step("erp");
    let time = UNIX_EPOCH + Duration::from_millis(1_500);
    let origin = Origin { route: "chat/a", queue: "in", exchange: "shop", routing_key: "order", attempts: 3, time };
    let letter = dead_letter(&original, &failure, &[], &origin);
    let text = |name: &str| letter.headers.get(name).and_then(Field::as_str).map(str::to_owned);
    assert_eq!(letter.body, original.body);
    assert_eq!(letter.properties.correlation_id, original.properties.correlation_id);
    assert_eq!(letter.properties.expiration, None);
    assert_eq!(text(header_names::EXPIRATION).as_deref(), Some("1000"));
    assert_eq!(letter.headers.get("kept"), Some(&Field::F32(1.5)));
    assert!(!letter.headers.contains_key("x-first-death-queue"));
    assert_eq!(text(header_names::FAILURE_CLASS).as_deref(), Some("permanent"));
    assert_eq!(text(header_names::FAILURE_STEP).as_deref(), Some("erp"));
    assert_eq!(text(header_names::FAILED_AT).as_deref(), Some("1970-01-01T00:00:01.500Z"));
    assert_eq!(letter.headers.get(header_names::ATTEMPTS), Some(&Field::I64(3)));
    let reason = text(header_names::FAILURE_REASON).expect("a reason");
    assert!(reason.len() <= 2048 && reason.ends_with('…'), "{}", reason.len());
}

#[test]
fn a_dead_letter_fits_into_a_frame() {
    let mut original = delivery(b"body").message;
    original.headers.insert("small".into(), Field::text("kept"));
    original.headers.insert("huge".into(), Field::text("x".repeat(27_000)));
    let failure = Failure::permanent(Kind::Mapping, "r".repeat(2_000));
    let origin = Origin { route: "a", queue: "in", exchange: "", routing_key: "in", attempts: 1, time: UNIX_EPOCH };
    let letter = dead_letter(&original, &failure, &[], &origin);
    assert!(letter.headers.contains_key("huge"), "a shorter reason makes room");
    original.headers.insert("huge".into(), Field::text("x".repeat(40_000)));
    let letter = dead_letter(&original, &failure, &[], &origin);
    assert!(letter.headers.contains_key("small") && !letter.headers.contains_key("huge"));
    assert_eq!(letter.headers.get(header_names::DROPPED).and_then(Field::as_str), Some("huge"));
}
