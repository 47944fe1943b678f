//! Parts of a message: what is sent, and what is left when some fail.

use crate::endpoint::Delivery;
use crate::message::{Class, Failure, Field, Kind, Message, Stage, Text, header_names};
use crate::route::fake::Fake;
use crate::route::left::mark;
use crate::route::retry::{Ladder, Tried, postpone, resume};
use crate::route::{Origin, Outcome, Processed, dead_letter};

use super::{compiled, delivery, plan, process};

const LINES: &str = "from: { amqp: { queue: q } }
steps:
  - to: { amqp: { routing_key: before } }
  - id: lines
    split:
      by: .lines
      steps:
        - { id: check, filter: { when: '.sku != null or error(\"no sku\")' } }
        - { id: line, to: { amqp: { routing_key_from: '\"line.\" + .sku' } } }
  - to: { amqp: { routing_key: after } }
on_error: { retry: { immediate: 0 } }";

fn order(skus: &str) -> Delivery {
    let lines = skus.chars().map(|sku| if sku == '!' { "{}".to_owned() } else { format!(r#"{{"sku":"{sku}"}}"#) });
    let body = format!(r#"{{"lines":[{}]}}"#, lines.collect::<Vec<_>>().join(","));
    let mut delivery = delivery(b"");
    delivery.message.body = body.into();
    delivery.message.properties.message_id = Some("m".into());
    delivery
}

fn run(route: &str, delivery: &Delivery, ports: &Fake) -> Processed {
    process(&plan(route), delivery, ports)
}

fn keys(ports: &Fake) -> Vec<String> {
    ports.sent().iter().map(|(address, _)| address.routing_key.to_string()).collect()
}

fn nack() -> Failure {
    Failure::new(Class::Transient, Stage::Send, Kind::Nack, "refused")
}

fn unroutable() -> Failure {
    Failure::new(Class::Permanent, Stage::Send, Kind::Unroutable, "no queue")
}

/// The message as it comes again after this failure.
fn again(mut delivery: Delivery, failure: &Failure) -> Delivery {
    mark(&mut delivery.message.headers, failure.left.as_ref().expect("something is left"));
    delivery
}

#[test]
fn parts_of_a_message_without_an_id_have_ids_of_their_own() {
    let (ports, mut order) = (Fake::new(), order("ab"));
    order.message.properties.message_id = None;
    for _ in 0..2 {
        assert_eq!(run(LINES, &order, &ports).result.expect("no failure"), Outcome::Delivered);
    }
    let lines = ports.sent().into_iter().filter(|(to, _)| to.routing_key.starts_with("line."));
    let ids: std::collections::BTreeSet<_> = lines.map(|(_, part)| part.properties.message_id.clone()).collect();
    assert_eq!(ids.len(), 4);
    assert!(!ids.contains(&None));
}

#[test]
fn each_part_is_a_message_and_the_whole_goes_on() {
    let ports = Fake::new();
    let order = order("abc");
    assert_eq!(run(LINES, &order, &ports).result.expect("no failure"), Outcome::Delivered);
    assert_eq!(keys(&ports), ["before", "line.a", "line.b", "line.c", "after"]);
    let sent = ports.sent();
    let part = &sent[2].1;
    assert_eq!(&part.body[..], br#"{"sku":"b"}"#);
    assert_eq!(part.properties.message_id.as_deref(), Some("m.2"));
    assert_eq!(part.properties.content_type.as_deref(), Some("application/json"));
    assert_eq!(part.headers.get(header_names::PART_OF), Some(&Field::text("m")));
    assert_eq!(part.headers.get(header_names::PART_POSITION), Some(&Field::I64(2)));
    assert_eq!(part.headers.get(header_names::PART_COUNT), Some(&Field::I64(3)));
    assert_eq!(sent[4].1.body, order.message.body);
    assert!(sent[4].1.headers.is_empty());
}

#[test]
fn no_part_is_no_failure() {
    let ports = Fake::new();
    run(LINES, &order(""), &ports).result.expect("no failure");
    assert_eq!(keys(&ports), ["before", "after"]);
}

#[test]
fn a_part_that_fails_is_left_alone() {
    let ports = Fake::new();
    let first = order("a!c");
    let failure = run(LINES, &first, &ports).result.expect_err("a part fails");
    assert_eq!((failure.class, failure.step.as_deref()), (Class::Permanent, Some("check")));
    assert!(failure.reason.starts_with("part 2 of 3: "), "{}", failure.reason);
    assert_eq!(failure.left.as_deref(), Some(r#"{"route":"test","at":"lines","parts":{"lines":"2"}}"#));
    assert_eq!(keys(&ports), ["before", "line.a", "line.c"], "what follows waits for the part");

    // Put right and given again, only that part is done, and what follows.
    let ports = Fake::new();
    let mut second = again(first, &failure);
    second.message.body = order("abc").message.body;
    run(LINES, &second, &ports).result.expect("no failure");
    assert_eq!(keys(&ports), ["line.b", "after"]);
    assert!(ports.sent().iter().all(|(_, message)| !message.headers.contains_key(header_names::PARTS_LEFT)));
}

#[test]
fn a_part_that_is_not_confirmed_is_left_alone() {
    let ports = Fake::new();
    for confirm in [Ok(()), Ok(()), Err(unroutable()), Err(nack()), Ok(())] {
        ports.confirm(confirm);
    }
    let first = order("abc");
    let failure = run(LINES, &first, &ports).result.expect_err("two parts fail");
    assert_eq!((failure.class, failure.kind), (Class::Transient, Kind::Nack), "as long as one may pass");
    assert_eq!(failure.left.as_deref(), Some(r#"{"route":"test","parts":{"lines":"2-3"}}"#));
    assert!(failure.reason.ends_with("(and 1 more failed)"), "{}", failure.reason);

    let ports = Fake::new();
    ports.confirm(Err(unroutable()));
    let second = again(first, &failure);
    let failure = run(LINES, &second, &ports).result.expect_err("one fails still");
    assert_eq!(keys(&ports), ["line.b", "line.c"]);
    assert_eq!(failure.left.as_deref(), Some(r#"{"route":"test","parts":{"lines":"2"}}"#));
    assert_eq!(failure.class, Class::Permanent);
}

#[test]
fn an_attempt_at_once_repeats_only_what_is_left() {
    let ports = Fake::new();
    for confirm in [Ok(()), Ok(()), Err(nack()), Ok(()), Ok(())] {
        ports.confirm(confirm);
    }
    let route = LINES.replace("immediate: 0", "immediate: 1");
    let processed = run(&route, &order("abc"), &ports);
    assert_eq!(processed.attempts, 2);
    processed.result.expect("no failure");
    assert_eq!(keys(&ports), ["before", "line.a", "line.b", "line.c", "after", "line.b"]);
}

#[test]
fn what_is_left_is_known_after_any_later_failure() {
    let ports = Fake::new();
    for confirm in [Ok(()), Ok(()), Err(nack()), Ok(()), Ok(())] {
        ports.confirm(confirm);
    }
    ports.confirm(Err(unroutable()));
    let route = LINES.replace("immediate: 0", "immediate: 5");
    let processed = run(&route, &order("abc"), &ports);
    assert_eq!(processed.attempts, 2);
    let failure = processed.result.expect_err("unroutable at last");
    assert_eq!(failure.left.as_deref(), Some(r#"{"route":"test","parts":{"lines":"2"}}"#));
}

#[test]
fn a_refused_send_of_the_whole_repeats_the_whole() {
    let ports = Fake::new();
    ports.confirm(Err(nack()));
    ports.confirm(Err(unroutable()));
    let failure = run(LINES, &order("abc"), &ports).result.expect_err("the first send fails");
    assert_eq!((failure.left, failure.kind), (None, Kind::Nack));
}

#[test]
fn together_nothing_is_sent_when_one_fails() {
    let route = LINES.replace("by: .lines", "by: .lines\n      on_failure: together");
    let ports = Fake::new();
    let failure = run(&route, &order("a!c"), &ports).result.expect_err("a part fails");
    assert_eq!((failure.left, failure.class), (None, Class::Permanent));
    assert!(ports.sent().is_empty());
}

#[test]
fn a_second_split_is_not_repeated_with_the_first() {
    let route = "from: { amqp: { queue: q } }
steps:
  - { id: one, split: { by: .lines, steps: [to: { amqp: { routing_key_from: '\"one.\" + .sku' } }] } }
  - to: { amqp: { routing_key: between } }
  - { id: two, split: { by: .lines, steps: [to: { amqp: { routing_key_from: '\"two.\" + .sku' } }] } }
reply: {}
on_error: { retry: { immediate: 0 } }";
    let mut first = order("ab");
    first.message.properties.reply_to = Some("answers".into());
    for (fails, left, then) in [
        (vec![0], r#"{"route":"test","parts":{"one":"1"}}"#, vec!["one.a"]),
        (vec![4], r#"{"route":"test","parts":{"two":"2"}}"#, vec!["two.b"]),
        (vec![1, 3], r#"{"route":"test","parts":{"one":"2","two":"1"}}"#, vec!["one.b", "two.a"]),
    ] {
        let ports = Fake::new();
        (0..6).for_each(|at| ports.confirm(if fails.contains(&at) { Err(nack()) } else { Ok(()) }));
        let failure = run(route, &first, &ports).result.expect_err("refused");
        assert_eq!(keys(&ports), ["one.a", "one.b", "between", "two.a", "two.b", "answers"]);
        assert_eq!(failure.left.as_deref(), Some(left));
        let ports = Fake::new();
        run(route, &again(first.clone(), &failure), &ports).result.expect("no failure");
        assert_eq!(keys(&ports), then);
    }
}

#[test]
fn parts_are_limited() {
    let route = LINES.replace("by: .lines", "by: .lines\n      at_most: 2");
    let ports = Fake::new();
    let failure = run(&route, &order("abc"), &ports).result.expect_err("too many");
    assert_eq!((failure.kind, failure.step.as_deref()), (Kind::Limit, Some("lines")));
    assert!(failure.reason.contains("3 parts") && ports.sent().is_empty(), "{}", failure.reason);
    let failure =
        run(&LINES.replace("by: .lines", "by: '.lines[0]'"), &order("a"), &ports).result.expect_err("no array");
    assert_eq!(failure.reason, "`by` must give an array of parts, not object");
}

#[test]
fn calls_of_parts_go_side_by_side() {
    let route = "from: { amqp: { queue: q } }
steps:
  - split:
      by: .lines
      parallel: 2
      steps:
        - { id: ask, call: { amqp: { routing_key: ask } } }
        - { to: { amqp: { routing_key: out } } }
on_error: { retry: { immediate: 0 } }";
    let ports = Fake::new();
    for body in ["1", "2", "3"] {
        ports.answer(Ok(Message { body: body.into(), ..Message::default() }));
    }
    run(route, &order("abc"), &ports).result.expect("no failure");
    let bodies: Vec<_> = ports.sent().into_iter().map(|(_, message)| message.body).collect();
    assert_eq!(bodies, ["1", "2", "3"]);

    // Without a session nothing can be sent, so nothing is left apart.
    let ports = Fake::new();
    ports.answer(Err(Failure::new(Class::Transient, Stage::Process, Kind::Connection, "gone")));
    let failure = run(route, &order("abc"), &ports).result.expect_err("gone");
    assert_eq!((failure.kind, failure.left), (Kind::Connection, None));
    assert!(ports.sent().is_empty());
}

#[test]
fn parts_of_parts_fail_with_their_part() {
    let route = "from: { amqp: { queue: q } }
steps:
  - id: orders
    split:
      by: .
      steps:
        - { id: lines, split: { by: ., steps: [to: { amqp: { routing_key_from: . } }] } }
on_error: { retry: { immediate: 0 } }";
    let ports = Fake::new();
    let mut message = delivery(br#"[["a","b"],["c",7],["d"]]"#);
    message.message.properties.message_id = Some("m".into());
    let failure = run(route, &message, &ports).result.expect_err("7 is no key");
    assert_eq!(keys(&ports), ["a", "b", "d"]);
    assert_eq!(failure.left.as_deref(), Some(r#"{"route":"test","at":"orders","parts":{"orders":"2"}}"#));
    assert!(failure.reason.starts_with("part 2 of 3: part 2 of 2: "), "{}", failure.reason);
    assert_eq!(ports.sent()[1].1.properties.message_id.as_deref(), Some("m.1.2"));
}

#[test]
fn a_mark_that_does_not_fit_repeats_all() {
    for text in ["{", r#"{"route":"test","parts":{"lines":"9"}}"#, r#"{"route":"test","parts":{"lines":"0"}}"#] {
        let ports = Fake::new();
        let mut order = order("ab");
        mark(&mut order.message.headers, &Text::from(text));
        run(LINES, &order, &ports).result.expect("no failure");
        assert!(keys(&ports).contains(&"line.a".to_owned()) && keys(&ports).contains(&"line.b".to_owned()), "{text}");
    }
    let ports = Fake::new();
    let mut order = order("ab");
    let other = r#"{"route":"another","parts":{"lines":"1"}}"#;
    mark(&mut order.message.headers, &Text::from(other));
    run(LINES, &order, &ports).result.expect("no failure");
    assert_eq!(keys(&ports).len(), 4);
    let passed = ports.sent().remove(0).1;
    assert_eq!(passed.headers.get(header_names::PARTS_LEFT), Some(&Field::text(other)), "it is for another route");
}

#[test]
fn mistakes_are_named() {
    for (settings, expected) in [
        ("by: .lines, steps: []", "`split` has no steps"),
        ("by: .lines, steps: [log: .], at_most: 0", "0 is out of range"),
        ("by: .lines, steps: [log: .], parallel: 101", "101 is out of range"),
        (
            "by: .lines, steps: [idempotent: { key: .id }]",
            "`idempotent` cannot stand among the steps of `split`: a message has one key",
        ),
        (
            "by: ., steps: [split: { by: ., on_failure: apart, steps: [log: .] }]",
            "this stands among the steps of a `split`, and fails as one with its part",
        ),
    ] {
        let (plan, diagnostics) = compiled(&format!(
            "from: {{ amqp: {{ queue: q }} }}\nsteps: [split: {{ {settings} }}, to: {{ amqp: {{ routing_key: k }} }}]"
        ));
        assert!(plan.is_none(), "{settings}");
        assert_eq!(diagnostics[0].message, expected, "{settings}");
    }
}

#[test]
fn what_is_left_outlives_waiting_and_dying() {
    let left = r#"{"route":"test","parts":{"lines":"2"}}"#;
    let failure = Failure { left: Some(left.into()), ..nack() };
    let origin =
        Origin { route: "test", queue: "q", exchange: "", routing_key: "q", attempts: 3, time: std::time::UNIX_EPOCH };
    let ladder = Ladder { immediate: 0, delayed: vec![std::time::Duration::from_secs(1)] };
    let first = order("abc");
    let (_, waiting) = postpone(&first.message, &failure, &Tried::default(), &origin, &ladder).expect("waits");
    let (again, tried) = resume(Delivery { message: waiting, ..first.clone() }, "test");
    assert_eq!(tried.waits, 1);
    assert_eq!(again.message.headers.get(header_names::PARTS_LEFT), Some(&Field::text(left)));
    // The next failure is not of a part: what was left then is left still.
    let letter = dead_letter(&again.message, &nack(), &[], &origin);
    assert_eq!(letter.headers.get(header_names::PARTS_LEFT), Some(&Field::text(left)));
    let ports = Fake::new();
    run(LINES, &Delivery { message: letter, ..first }, &ports).result.expect("no failure");
    assert_eq!(keys(&ports), ["line.b"]);
}
