//! Each step on messages without a contract.

use std::time::Duration;

use crate::endpoint::{Address, Delivery};
use crate::message::{Class, Failure, Field, Kind, Message, Properties, Stage};
use crate::route::fake::Fake;
use crate::route::{Outcome, Processed, error_reply};

use super::{delivery, plan, process};

/// Runs a route over `steps` for a message with the header `channel: web`.
fn run(steps: &str, ports: &Fake) -> Processed {
    run_on(&incoming(), steps, ports)
}

fn incoming() -> Delivery {
    let mut delivery = delivery(br#"{"id": 12345678901234567890, "price": 1.10}"#);
    delivery.message.headers.insert("channel".into(), Field::text("web"));
    delivery.message.headers.insert("count".into(), Field::I32(3));
    delivery.message.properties =
        Properties { reply_to: Some("answers".into()), message_id: Some("m".into()), ..Properties::default() }.into();
    delivery
}

fn run_on(delivery: &Delivery, steps: &str, ports: &Fake) -> Processed {
    let plan = plan(&format!("from: {{ amqp: {{ queue: q }} }}\n{steps}"));
    process(&plan, delivery, ports)
}

fn outcome(processed: Processed) -> Outcome {
    processed.result.expect("no failure")
}

fn failure(processed: Processed) -> Failure {
    processed.result.expect_err("a failure")
}

fn keys(ports: &Fake) -> Vec<String> {
    ports.sent().iter().map(|(address, _)| address.routing_key.to_string()).collect()
}

#[test]
fn filter_ends_what_is_of_no_interest() {
    let steps = "steps:
  - to: { amqp: { routing_key: before } }
  - id: web-only
    filter: { when: $headers.channel == \"whatsapp\" }
  - to: { amqp: { routing_key: after } }
reply: {}";
    let ports = Fake::new();
    assert_eq!(outcome(run(steps, &ports)), Outcome::Filtered { step: "web-only".into() });
    assert_eq!(keys(&ports), ["before"], "no step after it, no reply");
    let ports = Fake::new();
    assert_eq!(outcome(run(&steps.replace("whatsapp", "web"), &ports)), Outcome::Delivered);
    assert_eq!(keys(&ports), ["before", "after", "answers"]);
}

#[test]
fn a_filter_in_a_branch_ends_the_route() {
    let steps = "steps:
  - choice:
      - when: $headers.count == 3
        steps: [{ id: inner, filter: { when: $headers.none } }]
  - to: { amqp: { routing_key: after } }";
    let ports = Fake::new();
    assert_eq!(outcome(run(steps, &ports)), Outcome::Filtered { step: "inner".into() });
    assert!(ports.sent().is_empty());
}

#[test]
fn choice_takes_the_first_branch_that_holds() {
    let steps = |channel: &str| {
        format!(
            "steps:
  - choice:
      - {{ when: $headers.channel == \"{channel}\", steps: [to: {{ amqp: {{ routing_key: first }} }}] }}
      - {{ when: $headers.count == 3, steps: [to: {{ amqp: {{ routing_key: second }} }}] }}
      - otherwise: [to: {{ amqp: {{ routing_key: rest }} }}]
  - to: {{ amqp: {{ routing_key: after }} }}"
        )
    };
    let ports = Fake::new();
    outcome(run(&steps("web"), &ports));
    assert_eq!(keys(&ports), ["first", "after"]);
    let ports = Fake::new();
    outcome(run(&steps("sms"), &ports));
    assert_eq!(keys(&ports), ["second", "after"]);
    let ports = Fake::new();
    outcome(run_on(&delivery(b"x"), &steps("sms"), &ports));
    assert_eq!(keys(&ports), ["rest", "after"]);
}

#[test]
fn set_loses_no_digit() {
    let steps = "steps:
  - set: { headers: { id: .id } }
  - to: { amqp: { routing_key: k } }";
    let ports = Fake::new();
    let failure = failure(run(steps, &ports));
    assert_eq!(
        failure.reason,
        "the header `id`: no number of a header has all digits of 12345678901234567890; write it as text, with `tostring`"
    );
    assert!(ports.sent().is_empty());
    outcome(run(&steps.replace(".id", ".id | tostring"), &ports));
    assert_eq!(ports.sent()[0].1.headers.get("id"), Some(&Field::text("12345678901234567890")));
}

#[test]
fn set_changes_headers_and_properties_with_their_types() {
    let steps = "steps:
  - set:
      headers:
        channel: '$headers.channel + \"!\"'
        count: $headers.count + 1
        flag: 'true'
        table: '{ a: [1, \"b\"] }'
        gone: 'null'
      properties: { type: '\"order\"', priority: '5', expiration: '60000', correlation_id: $properties.message_id, reply_to: 'null' }
  - to: { amqp: { routing_key: k } }";
    let ports = Fake::new();
    let mut delivery = incoming();
    delivery.message.headers.insert("gone".into(), Field::Bool(true));
    outcome(run_on(&delivery, steps, &ports));
    let message = ports.sent().remove(0).1;
    let header = |name: &str| message.headers.get(name).cloned();
    assert_eq!(header("channel"), Some(Field::text("web!")));
    assert_eq!(header("count"), Some(Field::I64(4)));
    assert_eq!(header("flag"), Some(Field::Bool(true)));
    let list = Field::Array(vec![Field::I64(1), Field::text("b")]);
    assert_eq!(header("table"), Some(Field::Table([("a".into(), list)].into())));
    assert_eq!(header("gone"), None);
    let properties = &message.properties;
    assert_eq!(properties.kind.as_deref(), Some("order"));
    assert_eq!((properties.priority, properties.expiration.as_deref()), (Some(5), Some("60000")));
    assert_eq!((properties.correlation_id.as_deref(), properties.reply_to.as_deref()), (Some("m"), None));
    assert_eq!(message.body, delivery.message.body);
}

#[test]
fn set_refuses_what_a_property_cannot_hold() {
    for property in [
        "priority: '256'",
        "priority: '\"high\"'",
        "expiration: '\"abc\"'",
        "expiration: '-1'",
        "timestamp: '1.5'",
        "type: '[]'",
    ] {
        let ports = Fake::new();
        let failure =
            failure(run(&format!("steps:\n  - set: {{ properties: {{ {property} }} }}\nreply: {{}}"), &ports));
        assert_eq!((failure.kind, failure.step.as_deref()), (Kind::Mapping, Some("1-set")), "{property}");
        assert!(ports.sent().is_empty());
    }
}

#[test]
fn to_computes_routing_keys() {
    let steps = "steps: [to: { amqp: { exchange: chat, routing_key_from: '\"notify.\" + $headers.channel' } }]";
    let ports = Fake::new();
    outcome(run(steps, &ports));
    assert_eq!(ports.sent()[0].0, Address { exchange: "chat".into(), routing_key: "notify.web".into() });
    let ports = Fake::new();
    let failure = failure(run_on(&delivery(b""), "steps: [to: { amqp: { routing_key_from: $headers.none } }]", &ports));
    assert_eq!(failure.kind, Kind::Mapping);
}

#[test]
fn sends_are_published_after_the_last_step() {
    let steps = "steps:
  - to: { amqp: { routing_key: a } }
  - set: { headers: { n: '1' } }
  - to: { amqp: { routing_key: b } }
  - filter: { when: '$headers.channel | error(\"no\")' }";
    let ports = Fake::new();
    let failure = failure(run(steps, &ports));
    assert_eq!((failure.kind, failure.stage, failure.class), (Kind::Mapping, Stage::Process, Class::Permanent));
    assert!(failure.reason.starts_with("routes/test.yaml:6:"), "{}", failure.reason);
    assert!(ports.sent().is_empty(), "a message that fails in a step has sent nothing");

    let ports = Fake::new();
    outcome(run(&steps.replace("error(\"no\")", "."), &ports));
    assert_eq!(keys(&ports), ["a", "b"]);
    let sent = ports.sent();
    assert!(!sent[0].1.headers.contains_key("n") && sent[1].1.headers.contains_key("n"), "each as it stood then");
}

#[test]
fn call_takes_the_answer_in_place_of_the_body() {
    let steps = "steps:
  - id: erp
    call: { amqp: { exchange: erp, routing_key: status }, timeout: 3s }
reply: {}";
    let ports = Fake::new();
    let properties = Properties { content_type: Some("application/xml".into()), ..Properties::default() };
    ports.answer(Ok(Message { body: "<a/>".into(), properties: properties.into(), ..Message::default() }));
    outcome(run(steps, &ports));
    let (address, request) = ports.called().remove(0);
    assert_eq!(address, Address { exchange: "erp".into(), routing_key: "status".into() });
    assert_eq!(request.body, incoming().message.body);
    assert_ne!(request.properties.message_id.as_deref(), Some("m"), "a request is a message of its own");
    let (address, answer) = ports.sent().remove(0);
    assert_eq!(address, Address { exchange: "".into(), routing_key: "answers".into() });
    assert_eq!((&answer.body[..], answer.properties.content_type.as_deref()), (&b"<a/>"[..], Some("application/xml")));
    assert_eq!(answer.headers.get("count"), Some(&Field::I32(3)));
    let properties = &answer.properties;
    assert_eq!((properties.correlation_id.as_deref(), properties.reply_to.as_deref()), (Some("m"), None));
}

#[test]
fn a_call_without_answer_is_tried_again_and_then_fails() {
    let ports = Fake::new();
    let processed = run("steps: [{ id: erp, call: { amqp: { routing_key: k }, timeout: 3s } }]", &ports);
    assert_eq!((processed.attempts, ports.called().len()), (3, 3));
    let failure = failure(processed);
    assert_eq!((failure.kind, failure.class, failure.step.as_deref()), (Kind::Timeout, Class::Transient, Some("erp")));
}

#[test]
fn a_step_that_is_tried_again_on_its_own_repeats_nothing_before_it() {
    let steps = "steps:
  - { id: first, call: { amqp: { routing_key: a } } }
  - { id: second, call: { amqp: { routing_key: b } }, retry: { immediate: 3 } }
  - { id: third, to: { amqp: { routing_key: c } }, retry: { immediate: 1 } }";
    let nack = || Failure::new(Class::Transient, Stage::Send, Kind::Nack, "full");
    let keys = |sent: Vec<(Address, Message)>| sent.into_iter().map(|(to, _)| to.routing_key).collect::<Vec<_>>();

    let ports = Fake::new();
    ports.answer(Ok(Message::default()));
    (0..2).for_each(|_| ports.answer(Err(nack())));
    ports.answer(Ok(Message::default()));
    ports.confirm(Err(nack()));
    let processed = run(steps, &ports);
    assert_eq!((processed.attempts, ports.logged().len()), (1, 3));
    outcome(processed);
    assert_eq!(keys(ports.called()), ["a", "b", "b", "b"]);
    assert_eq!(keys(ports.sent()), ["c", "c"]);

    // Used up, it is not multiplied by what the route says.
    let ports = Fake::new();
    ports.answer(Ok(Message::default()));
    let processed = run(steps, &ports);
    assert_eq!((processed.attempts, keys(ports.called()).len()), (1, 5));
    assert_eq!(failure(processed).step.as_deref(), Some("second"));

    // What is permanent is not tried again, and a step without a number of its own is the route's matter.
    let ports = Fake::new();
    ports.answer(Ok(Message::default()));
    ports.answer(Err(Failure::permanent(Kind::Participant, "no such order")));
    assert_eq!(failure(run(steps, &ports)).class, Class::Permanent);
    assert_eq!(keys(ports.called()), ["a", "b"]);
    let ports = Fake::new();
    assert_eq!(run(steps, &ports).attempts, 3);
    assert_eq!(keys(ports.called()), ["a", "a", "a"]);
}

#[test]
fn an_error_answer_is_a_transient_failure() {
    let steps = "steps: [{ id: erp, call: { amqp: { routing_key: k } } }]\non_error: { retry: { immediate: 0 } }";
    let ports = Fake::new();
    let headers = [("trunkline-error".into(), Field::text("no such order"))].into();
    ports.answer(Ok(Message { headers, ..Message::default() }));
    let failure = failure(run(steps, &ports));
    assert_eq!((failure.kind, failure.class), (Kind::Participant, Class::Transient));
    assert!(failure.reason.contains("no such order"), "{}", failure.reason);
}

/// One route asks another: what the second one says of a failure, the first one understands.
#[test]
fn the_error_reply_of_a_route_is_an_error_answer() {
    let refused = Failure::permanent(Kind::Contract, "`qty` is missing");
    let mut asked = incoming().message;
    asked.properties.correlation_id = Some("c".into());
    let (to, answer) = error_reply(&asked, &refused, "erp/orders", "a1".into()).expect("somebody asked");
    assert_eq!(to, Address { exchange: "".into(), routing_key: "answers".into() });
    let properties = &answer.properties;
    assert_eq!((properties.correlation_id.as_deref(), properties.message_id.as_deref()), (Some("c"), Some("a1")));
    assert!(answer.body.is_empty() && !answer.headers.contains_key("channel"));
    let ports = Fake::new();
    ports.answer(Ok(answer));
    let failure = failure(run("steps: [{ id: erp, call: { amqp: { routing_key: k } } }]", &ports));
    assert_eq!((failure.kind, failure.class), (Kind::Participant, Class::Permanent));
    assert!(failure.reason.contains("`qty` is missing"), "{}", failure.reason);
    asked.properties.reply_to = None;
    assert_eq!(error_reply(&asked, &refused, "erp/orders", "a2".into()), None);
}

#[test]
fn nobody_to_answer_to_is_a_failure() {
    let ports = Fake::new();
    let failure = failure(run_on(&delivery(b""), "reply: {}", &ports));
    assert_eq!((failure.kind, failure.class, failure.stage), (Kind::Participant, Class::Permanent, Stage::Send));
    assert_eq!(failure.step.as_deref(), Some("reply"));
}

#[test]
fn a_direct_reply_that_the_broker_returns_is_delivered() {
    let unroutable = || Err(Failure::new(Class::Permanent, Stage::Send, Kind::Unroutable, "no queue"));
    let ports = Fake::new();
    ports.confirm(unroutable());
    let mut delivery = incoming();
    delivery.message.properties.reply_to = Some("amq.rabbitmq.reply-to.g1h2.x".into());
    assert_eq!(outcome(run_on(&delivery, "reply: {}", &ports)), Outcome::Delivered);
    let ports = Fake::new();
    ports.confirm(unroutable());
    assert_eq!(failure(run("reply: {}", &ports)).kind, Kind::Unroutable);
}

#[test]
fn a_permanent_failure_of_one_send_decides() {
    let ports = Fake::new();
    ports.confirm(Err(Failure::new(Class::Transient, Stage::Send, Kind::Nack, "full")));
    ports.confirm(Err(Failure::new(Class::Permanent, Stage::Send, Kind::Unroutable, "no queue")));
    let processed = run("steps: [to: [amqp: { routing_key: a }, amqp: { routing_key: b }]]", &ports);
    assert_eq!((processed.attempts, failure(processed).kind), (1, Kind::Unroutable));
}

#[test]
fn variables_tell_how_the_message_came() {
    let steps = "steps:
  - log: '$route.name + \" \" + $route.queue + \" \" + $message.exchange + \" \" + $message.routing_key'
  - log: '[$message.received, $message.size, $message.redelivered]'
reply: {}";
    let ports = Fake::new();
    ports.advance(Duration::from_millis(1_763_690_000_250));
    outcome(run(steps, &ports));
    assert_eq!(ports.logged()[0], "test q shop order.create");
    assert_eq!(ports.logged()[1], "[1763690000.25,43,false]");
}

#[test]
fn an_expression_gives_one_value() {
    for (expression, count) in [("$headers.count, 1", 2), ("empty", 0)] {
        let failure = failure(run(&format!("steps: [log: '{expression}']\nreply: {{}}"), &Fake::new()));
        assert!(failure.reason.ends_with(&format!("must give one value, and gave {count}")), "{}", failure.reason);
    }
}
