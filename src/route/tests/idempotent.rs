//! Of several messages with one key, one is processed.

use std::time::Duration;

use futures_util::FutureExt;

use crate::endpoint::store::{Claim, Key};
use crate::endpoint::{Address, Delivery};
use crate::message::{Class, Failure, Field, Kind, Stage};
use crate::route::Outcome;
use crate::route::fake::Fake;
use crate::route::ports::Ports;

use super::{delivery, plan, process};

const ONCE: &str = "from: { amqp: { queue: q } }
steps:
  - id: once
    idempotent: { key: .id, keep: 1h }
  - to: { amqp: { routing_key: out } }
on_error: { retry: { immediate: 0 } }";

fn run(route: &str, delivery: &Delivery, ports: &Fake) -> Result<Outcome, Failure> {
    process(&plan(route), delivery, ports).result
}

fn order(body: &'static str) -> Delivery {
    delivery(body.as_bytes())
}

fn key(key: &'static str) -> Key {
    Key { route: "test".into(), key: key.into() }
}

fn claim(ports: &Fake, key: &Key) -> Claim {
    ports.claim(key).now_or_never().expect("fakes never wait").expect("fakes never fail")
}

fn duplicate() -> Outcome {
    Outcome::Duplicate { step: "once".into() }
}

#[test]
fn one_of_several_is_processed_as_long_as_it_is_remembered() {
    let ports = Fake::new();
    let a = order(r#"{"id": "a"}"#);
    assert_eq!(run(ONCE, &a, &ports).expect("no failure"), Outcome::Delivered);
    assert_eq!(run(ONCE, &a, &ports).expect("no failure"), duplicate());
    assert_eq!(run(ONCE, &order(r#"{"id": "b"}"#), &ports).expect("no failure"), Outcome::Delivered);
    ports.advance(Duration::from_secs(3599));
    assert_eq!(run(ONCE, &a, &ports).expect("no failure"), duplicate());
    assert_eq!(ports.sent().len(), 2);
    ports.advance(Duration::from_secs(1));
    assert_eq!(run(ONCE, &a, &ports).expect("no failure"), Outcome::Delivered);
    assert_eq!(ports.sent().len(), 3);
    assert!(ports.claimed().is_empty());
}

#[test]
fn what_is_not_confirmed_is_not_processed() {
    let ports = Fake::new();
    let a = order(r#"{"id": "a"}"#);
    for class in [Class::Transient, Class::Permanent] {
        ports.confirm(Err(Failure::new(class, Stage::Send, Kind::Nack, "refused")));
        run(ONCE, &a, &ports).expect_err("not confirmed");
        assert!(ports.claimed().is_empty());
    }
    assert_eq!(run(ONCE, &a, &ports).expect("no failure"), Outcome::Delivered);
    assert_eq!(run(ONCE, &a, &ports).expect("no failure"), duplicate());
}

#[test]
fn an_attempt_at_once_takes_the_key_again() {
    let ports = Fake::new();
    ports.confirm(Err(Failure::new(Class::Transient, Stage::Send, Kind::Nack, "refused")));
    let processed = process(&plan(&ONCE.replace("immediate: 0", "immediate: 1")), &order(r#"{"id": "a"}"#), &ports);
    assert_eq!((processed.result.expect("no failure"), processed.attempts), (Outcome::Delivered, 2));
}

#[test]
fn a_step_that_fails_gives_the_key_free() {
    let ports = Fake::new();
    let route = ONCE.replace("  - to:", "  - log: error(\"no\")\n  - to:");
    run(&route, &order(r#"{"id": "a"}"#), &ports).expect_err("fails");
    assert!(ports.claimed().is_empty());
    assert_eq!(claim(&ports, &key("a")), Claim::New);
}

#[test]
fn what_is_filtered_behind_it_is_processed() {
    let ports = Fake::new();
    let route = ONCE.replace("  - to:", "  - filter: { when: .wanted }\n  - to:");
    let unwanted = order(r#"{"id": "a"}"#);
    assert!(matches!(run(&route, &unwanted, &ports), Ok(Outcome::Filtered { .. })));
    assert_eq!(run(&route, &unwanted, &ports).expect("no failure"), duplicate());
}

#[test]
fn what_stands_before_it_is_done_for_duplicates_too() {
    let ports = Fake::new();
    let route = ONCE.replace("  - id:", "  - to: { amqp: { routing_key: audit } }\n  - id:");
    for _ in 0..2 {
        run(&route, &order(r#"{"id": "a"}"#), &ports).expect("no failure");
    }
    let keys: Vec<_> = ports.sent().into_iter().map(|(Address { routing_key, .. }, _)| routing_key).collect();
    assert_eq!(keys, ["audit", "out", "audit"]);
}

#[test]
fn a_twin_under_way_is_a_failure_for_the_moment() {
    let ports = Fake::new();
    assert_eq!(claim(&ports, &key("a")), Claim::New);
    let failure = run(ONCE, &order(r#"{"id": "a"}"#), &ports).expect_err("has to wait");
    assert_eq!((failure.class, failure.kind, failure.step.as_deref()), (Class::Transient, Kind::Timeout, Some("once")));
    // The key is the other one's.
    assert_eq!(ports.claimed(), [key("a")]);
    ports.release(&key("a"));
    assert_eq!(run(ONCE, &order(r#"{"id": "a"}"#), &ports).expect("no failure"), Outcome::Delivered);
}

#[test]
fn a_key_is_text_or_a_number() {
    let ports = Fake::new();
    let cases = [
        (r#"{"id": 12345678901234567890}"#, Ok("12345678901234567890")),
        (r#"{"id": "ä"}"#, Ok("ä")),
        (r#"{"id": 1.10}"#, Ok("1.10")),
        ("{}", Err("the key must be text or a number, and is null: the message has no key")),
        (r#"{"id": ""}"#, Err("the key must be text or a number, and is empty")),
        (r#"{"id": true}"#, Err("the key must be text or a number, and is a boolean")),
        (r#"{"id": [1]}"#, Err("the key must be text or a number, and is an array")),
        (r#"{"id": {}}"#, Err("the key must be text or a number, and is an object")),
    ];
    for (body, expected) in cases {
        let result = run(ONCE, &order(body), &ports);
        match expected {
            Ok(text) => {
                assert_eq!(result.expect("no failure"), Outcome::Delivered, "{body}");
                assert_eq!(claim(&ports, &key(text)), Claim::Done, "{body}");
            }
            Err(reason) => {
                let failure = result.expect_err("no key");
                assert_eq!((failure.reason.as_str(), failure.class), (reason, Class::Permanent), "{body}");
            }
        }
    }
    let mut long = order("{}");
    let route = ONCE.replace(".id", "$headers.key");
    for (length, fits) in [(512, true), (513, false)] {
        long.message.headers.insert("key".into(), Field::text("k".repeat(length)));
        assert_eq!(run(&route, &long, &ports).is_ok(), fits, "{length}");
    }
}

#[test]
fn each_route_has_keys_of_its_own() {
    let ports = Fake::new();
    let other = Key { route: "other".into(), key: "a".into() };
    assert_eq!(claim(&ports, &other), Claim::New);
    assert_eq!(run(ONCE, &order(r#"{"id": "a"}"#), &ports).expect("no failure"), Outcome::Delivered);
}
