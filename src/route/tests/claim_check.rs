//! Large bodies wait in the store while their messages travel.

use std::time::Duration;

use crate::endpoint::Delivery;
use crate::message::{Class, Failure, Field, Headers, Kind, Message, Stage, header_names as names};
use crate::route::Outcome;
use crate::route::fake::Fake;

use super::{delivery, plan, process};

const CHECK_IN: &str = "from: { amqp: { queue: q } }
steps:
  - claim_check: { above: 16B, keep: 1h }
  - to: { amqp: { routing_key: next } }
on_error: { retry: { immediate: 0 } }";
const PASS: &str = "from: { amqp: { queue: next } }\nsteps: [to: { amqp: { routing_key: out } }]";
const FETCH: &str = "from: { amqp: { queue: next } }\nsteps: [claim_check: fetch, to: { amqp: { routing_key: out } }]";
const LARGE: &[u8] = br#"{"text": "more than sixteen bytes"}"#;

fn run(route: &str, message: &Message, ports: &Fake) -> Result<Message, Failure> {
    let delivery = Delivery { message: message.clone(), ..delivery(b"") };
    let outcome = process(&plan(route), &delivery, ports).result?;
    assert_eq!(outcome, Outcome::Delivered);
    Ok(ports.sent().pop().expect("something is sent").1)
}

fn message(body: &'static [u8]) -> Message {
    let mut message = delivery(body).message;
    message.headers.insert("shop".into(), Field::text("a"));
    message.properties.content_type = Some("application/json".into());
    message.properties.message_id = Some("1".into());
    message
}

fn checked_in(ports: &Fake) -> Message {
    run(CHECK_IN, &message(LARGE), ports).expect("no failure")
}

#[test]
fn a_large_body_waits_and_whoever_looks_gets_it_back() {
    let ports = Fake::new();
    let small = message(br#"{"sixteen": "b"}"#);
    assert_eq!(run(CHECK_IN, &small, &ports).expect("no failure").body, small.body);
    assert!(ports.records().is_empty());

    let sent = checked_in(&ports);
    assert!(sent.body.is_empty());
    assert_eq!(sent.headers[names::CLAIM_BYTES], Field::I64(LARGE.len() as i64));
    assert_eq!(sent.headers[names::CLAIM_UNTIL].as_str(), Some("1970-01-01T01:00:00.000Z"));
    assert_eq!(sent.properties.content_type.as_deref(), Some("application/json"));
    let [(_, record)] = &*ports.records() else { panic!("one record") };
    assert_eq!(record.value, LARGE);

    // Who does not look hands the claim on; who looks, or is told so, has the message as it was.
    assert_eq!(run(PASS, &sent, &ports).expect("no failure"), sent);
    let looks = FETCH.replace("claim_check: fetch", "filter: { when: .text }");
    for route in [FETCH, &looks] {
        let whole = run(route, &sent, &ports).expect("no failure");
        assert_eq!(whole, Message { body: LARGE.into(), headers: message(LARGE).headers, ..sent.clone() });
    }
}

#[test]
fn the_body_is_in_the_store_before_the_claim_is_sent() {
    let ports = Fake::new();
    ports.confirm(Err(Failure::new(Class::Transient, Stage::Send, Kind::Nack, "refused")));
    run(CHECK_IN, &message(LARGE), &ports).expect_err("not confirmed");
    assert_eq!(ports.records().len(), 1);
    // Tried again, it takes no further room, and the clock begins anew.
    ports.advance(Duration::from_secs(1800));
    checked_in(&ports);
    let [(_, record)] = &*ports.records() else { panic!("one record") };
    assert_eq!(record.until, Some(std::time::UNIX_EPOCH + Duration::from_secs(5400)));
    // One that keeps it for less does not end it earlier.
    run(&CHECK_IN.replace("1h", "1s"), &message(LARGE), &ports).expect("no failure");
    assert_eq!(ports.records()[0].1, *record);
}

#[test]
fn a_body_whose_time_is_over_is_a_dead_letter_with_the_reason() {
    let ports = Fake::new();
    let sent = checked_in(&ports);
    ports.advance(Duration::from_secs(3599));
    run(FETCH, &sent, &ports).expect("still there");
    ports.advance(Duration::from_secs(1));
    let failure = run(FETCH, &sent, &ports).expect_err("gone");
    assert_eq!((failure.class, failure.stage, failure.kind), (Class::Permanent, Stage::Receive, Kind::Claim));
    assert_eq!(
        failure.reason,
        "the body is not in the store of this bus: it was kept until 1970-01-01T01:00:00.000Z at least; keep bodies for \
         longer, or let both buses use the same store"
    );
    let mut strange = sent.clone();
    strange.headers.insert(names::CLAIM.into(), Field::text("../etc"));
    let failure = run(FETCH, &strange, &ports).expect_err("no name");
    assert_eq!(failure.reason, "the header `trunkline-claim` does not name a body in the store");
    let keyed = plan(&FETCH.replace("steps:", "ordered_by: .text\nsteps:"));
    let failure = keyed.key(&Delivery { message: sent, ..delivery(b"") }, &ports).expect_err("no body");
    assert_eq!(failure.kind, Kind::Claim);
}

#[test]
fn a_claim_outlives_retries_and_dead_letters() {
    let mut headers: Headers = [(names::ROUTE.into(), Field::text("a"))].into();
    headers.extend(checked_in(&Fake::new()).headers);
    names::strip_traces(&mut headers);
    let left: Vec<_> = headers.keys().map(|name| name.as_str()).collect();
    assert_eq!(left, ["shop", names::CLAIM, names::CLAIM_BYTES, names::CLAIM_UNTIL]);
}

#[test]
fn steps_behind_it_see_the_document() {
    let ports = Fake::new();
    let route = CHECK_IN.replace("  - to:", "  - set: { headers: { text: .text } }\n  - to:");
    let sent = run(&route, &message(LARGE), &ports).expect("no failure");
    assert_eq!(sent.headers["text"].as_str(), Some("more than sixteen bytes"));
    assert!(sent.body.is_empty());
    // An answer has a body of its own.
    let answered = CHECK_IN.replace("  - to:", "  - call: { amqp: { routing_key: ask } }\n  - to:");
    ports.answer(Ok(message(b"{}")));
    let sent = run(&answered, &message(LARGE), &ports).expect("no failure");
    assert_eq!((sent.body.as_ref(), sent.headers.contains_key(names::CLAIM)), (&b"{}"[..], false));
    assert!(ports.called()[0].1.body.is_empty());
}
