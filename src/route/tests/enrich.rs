//! Steps that ask others and go on with what is made of the answers, and the history of a message.

use std::time::Duration;

use crate::endpoint::Delivery;
use crate::message::{Class, Failure, Field, Kind, Message, Stage, header_names};
use crate::route::fake::Fake;
use crate::route::{Outcome, Processed};

use super::{compiled, delivery, plan, process};

fn incoming() -> Delivery {
    delivery(br#"{"sku": "a", "price": 1.10}"#)
}

fn route(steps: &str) -> String {
    format!("from: {{ amqp: {{ queue: q }} }}\non_error: {{ retry: {{ immediate: 0 }} }}\nsteps:\n{steps}")
}

fn run(steps: &str, ports: &Fake) -> Processed {
    process(&plan(&route(steps)), &incoming(), ports)
}

fn said(body: &'static str) -> Result<Message, Failure> {
    Ok(Message { body: body.into(), ..Message::default() })
}

fn late() -> Result<Message, Failure> {
    Err(Failure::new(Class::Transient, Stage::Process, Kind::Timeout, "late"))
}

const MERGE: &str = "
  - id: ask
    call:
      amqp: { routing_key: stock }
      merge: '.message + { left: .reply.n, by: $route.name }'
  - to: { amqp: { routing_key: after } }";

#[test]
fn an_answer_is_merged_into_the_document() {
    let ports = Fake::new();
    ports.answer(said(r#"{"n": 3.0}"#));
    assert_eq!(run(MERGE, &ports).result.expect("no failure"), Outcome::Delivered);
    assert_eq!(&ports.sent()[0].1.body[..], br#"{"sku":"a","price":1.10,"left":3.0,"by":"test"}"#);
    assert_eq!(ports.called()[0].1.body, incoming().message.body, "the request is the message as it is");
}

#[test]
fn what_cannot_be_merged_is_a_failure() {
    for (answer, kind) in [(said("{"), Kind::Syntax), (said("7"), Kind::Mapping), (late(), Kind::Timeout)] {
        let ports = Fake::new();
        ports.answer(answer);
        let failure = run(MERGE, &ports).result.expect_err("it fails");
        assert_eq!((failure.kind, failure.step.as_deref()), (kind, Some("ask")));
        assert!(ports.sent().is_empty());
    }
}

const BEST: &str = "
  - id: ask
    scatter_gather:
      ask:
        north: { amqp: { routing_key: north } }
        south: { amqp: { routing_key: south } }
        west: { amqp: { exchange: w, routing_key_from: .sku } }
      timeout: 2s
      at_least: 2
      gather: '.replies | to_entries | min_by(.value.price) | { from: .key, price: .value.price, was: $x.price }'
  - to: { amqp: { routing_key: after } }";

fn best() -> String {
    BEST.replace("$x.price", "1.10")
}

#[test]
fn several_are_asked_and_the_best_is_taken() {
    let ports = Fake::new();
    ports.answer(said(r#"{"price": 1.30}"#));
    ports.answer(late());
    ports.answer(said(r#"{"price": 1.20}"#));
    assert_eq!(run(&best(), &ports).result.expect("no failure"), Outcome::Delivered);
    let called: Vec<_> = ports.called().iter().map(|(to, _)| format!("{}/{}", to.exchange, to.routing_key)).collect();
    assert_eq!(called, ["/north", "/south", "w/a"]);
    let ids: std::collections::BTreeSet<_> =
        ports.called().into_iter().map(|(_, request)| request.properties.message_id.clone()).collect();
    assert_eq!(ids.len(), 3, "each request has an id of its own");
    assert_eq!(&ports.sent()[0].1.body[..], br#"{"from":"west","price":1.20,"was":1.10}"#);
}

#[test]
fn too_few_answers_are_a_failure_of_the_worst_class() {
    let refused = || {
        let headers = [
            (header_names::ERROR.into(), Field::text("no")),
            (header_names::FAILURE_CLASS.into(), Field::text("permanent")),
        ];
        Ok(Message { headers: headers.into_iter().collect(), ..Message::default() })
    };
    for (second, third, class, kind) in [
        (late(), refused(), Class::Transient, Kind::Timeout),
        (refused(), said("{"), Class::Permanent, Kind::Participant),
    ] {
        let ports = Fake::new();
        ports.answer(said(r#"{"price": 1.30}"#));
        ports.answer(second);
        ports.answer(third);
        let failure = run(&best(), &ports).result.expect_err("two are needed");
        assert_eq!((failure.class, failure.kind, failure.step.as_deref()), (class, kind, Some("ask")));
        assert!(failure.reason.starts_with("1 of 3 have answered, and 2 are needed; south: "), "{failure}");
    }
    let ports = Fake::new();
    ports.answer(Err(Failure::new(Class::Transient, Stage::Process, Kind::Connection, "lost")));
    assert_eq!(run(&best(), &ports).result.expect_err("lost").kind, Kind::Connection);
}

#[test]
fn the_first_answer_is_the_document() {
    let steps = "
  - scatter_gather:
      ask: { north: { amqp: { routing_key: north } }, south: { amqp: { routing_key: south } } }
      until: first
  - to: { amqp: { routing_key: after } }";
    let ports = Fake::new();
    ports.answer(late());
    ports.answer(said(r#"{"price": 1.20}"#));
    run(steps, &ports).result.expect("no failure");
    assert_eq!(&ports.sent()[0].1.body[..], br#"{"price":1.20}"#);
}

#[test]
fn the_history_grows_to_its_bound() {
    let steps = "
  - message_history: { at_most: 2 }
  - to: { amqp: { routing_key: after } }";
    let ports = Fake::new();
    ports.advance(Duration::from_millis(1500));
    let mut passing = incoming();
    for _ in 0..3 {
        let ports_sent = ports.sent().len();
        process(&plan(&route(steps)), &passing, &ports).result.expect("no failure");
        passing.message = ports.sent().swap_remove(ports_sent).1;
        ports.advance(Duration::from_secs(1));
    }
    let entry = |at: &str| Field::text(format!("1970-01-01T00:00:{at} test"));
    let history = passing.message.headers.get(header_names::HISTORY);
    assert_eq!(history, Some(&Field::Array(vec![entry("02.500Z"), entry("03.500Z")])));
    passing.message.headers.insert(header_names::HISTORY.into(), Field::text("not a list"));
    process(&plan(&route(steps)), &passing, &ports).result.expect("no failure");
    let last = ports.sent().pop().expect("sent").1;
    assert_eq!(last.headers.get(header_names::HISTORY), Some(&Field::Array(vec![entry("04.500Z")])));
}

#[test]
fn mistakes_are_named() {
    let two = "ask: { a: { amqp: { routing_key: a } }, b: { amqp: { routing_key: b } } }";
    for (steps, expected) in [
        ("call: { amqp: { routing_key: k }, contract: none }".to_owned(), "`contract` is that of what `merge` gives"),
        ("call: { amqp: { routing_key: k }, request: t }".to_owned(), "`request` keeps the document for `merge`"),
        ("call: { amqp: { routing_key: k }, merge: '.reply |' }".to_owned(), "expected"),
        ("scatter_gather: { ask: {} }".to_owned(), "`scatter_gather` asks 0 participants"),
        (format!("scatter_gather: {{ {two} }}"), "nothing says how one document is made"),
        (format!("scatter_gather: {{ {two}, at_least: 3, gather: .replies }}"), "3 is out of range"),
        (format!("scatter_gather: {{ {two}, timeout: 0s, until: first }}"), "`0s` is not a timeout"),
        (format!("scatter_gather: {{ {two}, until: first, contract: none }}"), "no contract `none`"),
        ("message_history: { at_most: 0 }".to_owned(), "0 is out of range"),
    ] {
        let (plan, diagnostics) = compiled(&route(&format!("  - {steps}\n  - to: {{ amqp: {{ routing_key: k }} }}")));
        assert!(plan.is_none(), "{steps}");
        let said: Vec<_> = diagnostics.iter().map(|one| one.message.as_str()).collect();
        assert!(said.iter().any(|said| said.contains(expected)), "{steps}: {said:?}");
    }
}
