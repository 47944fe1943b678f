//! Answers that are kept.

use std::time::Duration;

use crate::message::{Class, Failure, Field, Kind, Message, Stage, header_names as names};
use crate::route::fake::Fake;

use super::{delivery, plan, process};

const ASK: &str = "from: { amqp: { queue: q } }
steps:
  - id: stock
    call: { amqp: { routing_key: stock }, timeout: 2s, cache: { key: .sku, keep: 1m } }
  - to: { amqp: { routing_key: out } }
on_error: { retry: { immediate: 0 } }";

fn answer(body: &'static str) -> Message {
    let mut answer = delivery(body.as_bytes()).message;
    answer.properties.content_type = Some("application/json".into());
    answer
}

/// What is sent for a message, and how often the participant has been asked by then.
fn run(route: &str, sku: &str, ports: &Fake) -> Result<(String, usize), Failure> {
    let mut asked = delivery(b"");
    asked.message.body = format!(r#"{{"sku": "{sku}"}}"#).into();
    process(&plan(route), &asked, ports).result?;
    let (_, sent) = ports.sent().pop().expect("something is sent");
    assert_eq!(sent.properties.content_type.as_deref(), Some("application/json"));
    Ok((String::from_utf8_lossy(&sent.body).into_owned(), ports.called().len()))
}

fn timeout() -> Failure {
    Failure::new(Class::Transient, Stage::Process, Kind::Timeout, "late")
}

#[test]
fn an_answer_is_used_until_its_time_is_over() {
    let ports = Fake::new();
    ports.answer(Ok(answer(r#"{"left": 1.10}"#)));
    for (after, asked) in [(0, 1), (0, 1), (59, 1)] {
        ports.advance(Duration::from_secs(after));
        assert_eq!(run(ASK, "a", &ports).expect("no failure"), (r#"{"left": 1.10}"#.to_owned(), asked));
    }
    ports.answer(Ok(answer("2")));
    assert_eq!(run(ASK, "b", &ports).expect("no failure"), ("2".to_owned(), 2), "another key");
    ports.advance(Duration::from_secs(1));
    ports.answer(Ok(answer("3")));
    assert_eq!(run(ASK, "a", &ports).expect("no failure"), ("3".to_owned(), 3));
    ports.advance(Duration::from_secs(3600));
    assert!(ports.records().is_empty(), "nothing is kept for longer");
}

#[test]
fn a_failure_is_not_kept() {
    let ports = Fake::new();
    let mut error = answer("{}");
    error.headers.insert(names::ERROR.into(), Field::text("no such thing"));
    ports.answer(Ok(error));
    assert_eq!(run(ASK, "a", &ports).expect_err("an error").kind, Kind::Participant);
    ports.answer(Err(timeout()));
    assert_eq!(run(ASK, "a", &ports).expect_err("late").kind, Kind::Timeout);
    assert!(ports.records().is_empty());
    ports.answer(Ok(answer("1")));
    assert_eq!(run(ASK, "a", &ports).expect("no failure"), ("1".to_owned(), 3));
}

#[test]
fn an_old_answer_is_used_while_a_new_one_is_asked_for() {
    let ports = Fake::new();
    let route = ASK.replace("keep: 1m", "keep: 1m, stale: 1h");
    ports.answer(Ok(answer("1")));
    run(&route, "a", &ports).expect("no failure");
    ports.advance(Duration::from_secs(60));
    // The one who finds it old asks, after its message was sent; the next one has the new answer.
    ports.answer(Ok(answer("2")));
    assert_eq!(run(&route, "a", &ports).expect("no failure"), ("1".to_owned(), 2));
    assert_eq!(run(&route, "a", &ports).expect("no failure"), ("2".to_owned(), 2));
    // If nobody answers, or with an error, the old one stays, and nobody asks again before the call's time is over.
    ports.advance(Duration::from_secs(60));
    ports.answer(Err(Failure::new(Class::Transient, Stage::Process, Kind::Participant, "no")));
    assert_eq!(run(&route, "a", &ports).expect("no failure"), ("2".to_owned(), 3));
    assert_eq!(run(&route, "a", &ports).expect("no failure"), ("2".to_owned(), 3));
    ports.advance(Duration::from_secs(2));
    ports.answer(Ok(answer("4")));
    assert_eq!(run(&route, "a", &ports).expect("no failure"), ("2".to_owned(), 4));
    assert_eq!(run(&route, "a", &ports).expect("no failure"), ("4".to_owned(), 4));
    // Too old is too old.
    ports.advance(Duration::from_secs(3660));
    ports.answer(Err(timeout()));
    run(&route, "a", &ports).expect_err("late");
}

#[test]
fn what_cannot_be_sent_is_not_asked_for_anew() {
    let ports = Fake::new();
    let route = ASK.replace("keep: 1m", "keep: 1m, stale: 1h");
    ports.answer(Ok(answer("1")));
    run(&route, "a", &ports).expect("no failure");
    ports.advance(Duration::from_secs(60));
    ports.confirm(Err(Failure::new(Class::Transient, Stage::Send, Kind::Nack, "full")));
    run(&route, "a", &ports).expect_err("refused");
    assert_eq!(ports.called().len(), 1);
}

#[test]
fn parts_of_a_message_share_what_is_kept() {
    let ports = Fake::new();
    let route = "from: { amqp: { queue: q } }
steps:
  - split:
      by: .
      steps:
        - call: { amqp: { routing_key: stock }, cache: { key: .sku, keep: 1m, stale: 1h } }
        - to: { amqp: { routing_key: out } }";
    let ask = |ports: &Fake| {
        let body = br#"[{"sku":"a"},{"sku":"a"}]"#;
        process(&plan(route), &delivery(body), ports).result.expect("no failure");
        ports.called().len()
    };
    ports.answer(Ok(answer("1")));
    assert_eq!(ask(&ports), 1);
    ports.advance(Duration::from_secs(60));
    ports.answer(Ok(answer("2")));
    assert_eq!(ask(&ports), 2, "one of both asks for a new one");
    let bodies: Vec<_> = ports.sent().into_iter().map(|(_, message)| message.body).collect();
    assert_eq!(bodies, ["1", "1", "1", "1"]);
}
