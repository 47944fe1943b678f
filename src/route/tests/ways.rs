//! Several ways of one message: copies, recipients, and the ends of a way.

use crate::endpoint::Delivery;
use crate::message::{Class, Failure, Field, Kind, Message, Stage};
use crate::route::fake::Fake;
use crate::route::left::mark;
use crate::route::{Outcome, explain};

use super::{compiled, delivery, keys, plan, process, route, run};

fn incoming() -> Delivery {
    let mut delivery = delivery(br#"{"id": 7, "channels": ["web", "mail", "web"]}"#);
    delivery.message.properties.message_id = Some("m".into());
    delivery.message.properties.reply_to = Some("answers".into());
    delivery
}

fn nack() -> Failure {
    Failure::new(Class::Transient, Stage::Send, Kind::Nack, "refused")
}

fn again(failure: &Failure) -> Delivery {
    let mut delivery = incoming();
    mark(&mut delivery.message.headers, failure.left.as_ref().expect("something is left"));
    delivery
}

const WAYS: &str = "steps:
  - id: ways
    multicast:
      branches:
        - steps: [set: { headers: { way: '1' } }, to: { amqp: { routing_key: a } }]
        - steps: [call: { amqp: { routing_key: ask } }, to: { amqp: { routing_key: b } }]
        - steps: [filter: { when: 'false == .id' }, to: { amqp: { routing_key: c } }]
  - to: { amqp: { routing_key: after } }";

#[test]
fn each_branch_has_a_copy() {
    let ports = Fake::new();
    ports.answer(Ok(Message { body: "answer".into(), ..Message::default() }));
    assert_eq!(run(WAYS, &incoming(), &ports).result.expect("no failure"), Outcome::Delivered);
    assert_eq!(keys(&ports), ["a", "b", "after"]);
    let sent = ports.sent();
    assert_eq!(sent[0].1.headers.get("way"), Some(&Field::I64(1)));
    assert_eq!(&sent[1].1.body[..], b"answer");
    assert!(sent[2].1.headers.is_empty() && sent[2].1.body == incoming().message.body);
}

#[test]
fn branches_fail_together_or_apart() {
    let refuse = || Err(Failure::permanent(Kind::Participant, "no"));
    let ports = Fake::new();
    ports.answer(refuse());
    let failure = run(WAYS, &incoming(), &ports).result.expect_err("one fails");
    assert_eq!((failure.step.as_deref(), failure.left), (Some("ways.2.1-call"), None));
    assert_eq!(failure.reason, "branch 2 of 3: no");
    assert!(ports.sent().is_empty());

    let apart = WAYS.replace("multicast:", "multicast:\n      on_failure: apart");
    let ports = Fake::new();
    ports.answer(refuse());
    let failure = run(&apart, &incoming(), &ports).result.expect_err("one fails");
    assert_eq!(keys(&ports), ["a"]);
    let ports = Fake::new();
    ports.answer(Ok(Message::default()));
    process(&plan(&route(&apart)), &again(&failure), &ports).result.expect("no failure");
    assert_eq!(keys(&ports), ["b", "after"]);
}

const TAP: &str = "steps:
  - id: tap
    wire_tap:
      steps:
        - set: { headers: { copy: 'if .id == 7 then \"yes\" else error(\"no\") end' } }
        - to: { amqp: { routing_key: audit } }
  - to: { amqp: { routing_key: out } }
reply: {}";

#[test]
fn a_tap_takes_a_copy() {
    let ports = Fake::new();
    run(TAP, &incoming(), &ports).result.expect("no failure");
    assert_eq!(keys(&ports), ["audit", "out", "answers"]);
    assert!(ports.sent()[0].1.headers.contains_key("copy") && !ports.sent()[1].1.headers.contains_key("copy"));
}

#[test]
fn a_tap_that_fails_holds_nothing_up() {
    // In its steps.
    let ports = Fake::new();
    let failure = run(&TAP.replace(".id == 7", ".id == 8"), &incoming(), &ports).result.expect_err("the tap fails");
    assert_eq!(keys(&ports), ["out", "answers"]);
    assert!(failure.reason.starts_with("the copy: "), "{}", failure.reason);
    assert_eq!(failure.left.as_deref(), Some(r#"{"route":"test","parts":{"tap":"1"}}"#));
    let ports = Fake::new();
    process(&plan(&route(TAP)), &again(&failure), &ports).result.expect("no failure");
    assert_eq!(keys(&ports), ["audit"]);

    // On its way out.
    let ports = Fake::new();
    ports.confirm(Err(nack()));
    let failure = run(TAP, &incoming(), &ports).result.expect_err("the tap is refused");
    assert_eq!((keys(&ports).len(), failure.class), (3, Class::Transient));
    assert_eq!(failure.left.as_deref(), Some(r#"{"route":"test","parts":{"tap":"1"}}"#));

    let ports = Fake::new();
    let together = TAP.replace("wire_tap:", "wire_tap:\n      on_failure: together").replace(".id == 7", ".id == 8");
    assert_eq!(run(&together, &incoming(), &ports).result.expect_err("the tap fails").left, None);
    assert!(ports.sent().is_empty());
}

#[test]
fn a_tap_and_a_split_are_left_both() {
    let steps = "steps:
  - { id: tap, wire_tap: { steps: [to: { amqp: { routing_key: audit } }] } }
  - { id: each, split: { by: .channels, steps: [to: { amqp: { routing_key_from: 'if . == \"mail\" then 1 else . end' } }] } }
  - to: { amqp: { routing_key: after } }";
    let ports = Fake::new();
    ports.confirm(Err(nack()));
    let failure = run(steps, &incoming(), &ports).result.expect_err("both fail");
    assert_eq!(keys(&ports), ["audit", "web", "web"]);
    assert_eq!(failure.left.as_deref(), Some(r#"{"route":"test","at":"each","parts":{"each":"2","tap":"1"}}"#));
    let ports = Fake::new();
    let mended = steps.replace("then 1", "then \"mail\"");
    process(&plan(&route(&mended)), &again(&failure), &ports).result.expect("no failure");
    assert_eq!(keys(&ports), ["audit", "mail", "after"]);
}

const LIST: &str = "steps:
  - id: list
    recipient_list:
      names: .channels
      allow:
        mail: { amqp: { exchange: notify, routing_key: mail } }
        sms: { amqp: { routing_key: sms } }
        web: { amqp: { routing_key_from: '\"web.\\(.id)\"' } }";

#[test]
fn recipients_are_those_that_are_named_and_allowed() {
    let ports = Fake::new();
    run(LIST, &incoming(), &ports).result.expect("no failure");
    assert_eq!(keys(&ports), ["web.7", "mail"]);
    let failure = |names: &str| {
        let ports = Fake::new();
        let failure = run(&LIST.replace(".channels", names), &incoming(), &ports).result.expect_err("no list");
        assert!(ports.sent().is_empty());
        assert_eq!((failure.kind, failure.class), (Kind::Mapping, Class::Permanent));
        failure.reason
    };
    assert_eq!(failure("'[\"web\", \"amq.topic\"]'"), "`amq.topic` is not among the recipients that are allowed");
    assert_eq!(failure(".id"), "an array of names is needed, not number");
    assert_eq!(failure("'[.id]'"), "an array of names is needed, not one with number");
}

#[test]
fn a_recipient_that_is_refused_may_be_left_alone() {
    let ports = Fake::new();
    ports.confirm(Ok(()));
    ports.confirm(Err(nack()));
    let apart = LIST.replace("names:", "on_failure: apart\n      names:");
    let failure = run(&apart, &incoming(), &ports).result.expect_err("refused");
    assert_eq!(failure.left.as_deref(), Some(r#"{"route":"test","parts":{"list":"2"}}"#));
    let ports = Fake::new();
    process(&plan(&route(&apart)), &again(&failure), &ports).result.expect("no failure");
    assert_eq!(keys(&ports), ["mail"]);
}

#[test]
fn an_author_may_fail_a_message() {
    for (class, expected) in [("permanent", Class::Permanent), ("transient", Class::Transient)] {
        let ports = Fake::new();
        let steps = format!(
            "steps:\n  - to: {{ amqp: {{ routing_key: k }} }}\n  - fail: {{ class: {class}, reason: '\"no \\(.id)\"' }}"
        );
        let failure = run(&steps, &incoming(), &ports).result.expect_err("it fails");
        assert_eq!((failure.class, failure.kind, failure.reason.as_str()), (expected, Kind::Rejected, "no 7"));
        assert_eq!((failure.step.as_deref(), ports.sent().len()), (Some("2-fail"), 0));
    }
    let failure = run("steps: [fail: { reason: .channels }]", &incoming(), &Fake::new()).result.expect_err("it fails");
    assert_eq!((failure.class, failure.reason.as_str()), (Class::Permanent, r#"["web","mail","web"]"#));
}

#[test]
fn an_author_may_stop_a_message() {
    let steps = "steps:
  - to: { amqp: { routing_key: before } }
  - choice:
      - { when: .id == 7, steps: [stop: {}] }
  - to: { amqp: { routing_key: after } }
reply: {}";
    let ports = Fake::new();
    assert_eq!(run(steps, &incoming(), &ports).result.expect("no failure"), Outcome::Delivered);
    assert_eq!(keys(&ports), ["before", "answers"]);
    let ports = Fake::new();
    run(&steps.replace("== 7", "== 8"), &incoming(), &ports).result.expect("no failure");
    assert_eq!(keys(&ports), ["before", "after", "answers"]);
    let ports = Fake::new();
    run(
        "steps: [split: { by: .channels, steps: [stop: {}] }, to: { amqp: { routing_key: after } }]",
        &incoming(),
        &ports,
    )
    .result
    .expect("no failure");
    assert_eq!(keys(&ports), ["after"], "a part ends alone");
}

#[test]
fn mistakes_are_named() {
    for (steps, expected) in [
        ("multicast: { branches: [] }", "`multicast` has 0 branches"),
        ("multicast: { branches: [{ steps: [] }] }", "`multicast` has no steps"),
        ("wire_tap: { steps: [] }", "`wire_tap` has no steps"),
        ("recipient_list: { names: .a, allow: {} }", "`recipient_list` allows no recipient"),
        ("stop: {}", "no message reaches this step: `stop` ends every message's way before it"),
        ("fail: { reason: '\"no\"' }", "no message reaches this step: `fail` ends every message's way before it"),
    ] {
        let (plan, diagnostics) = compiled(&route(&format!("steps: [{steps}, to: {{ amqp: {{ routing_key: k }} }}]")));
        assert!(plan.is_none(), "{steps}");
        assert_eq!(diagnostics[0].message, expected, "{steps}");
    }
}

#[test]
fn ways_are_explained() {
    let all = format!(
        "{}{}{}\n  - choice: [{{ when: .id == 8, steps: [stop: {{}}] }}]\n  - fail: {{ reason: .id }}",
        WAYS,
        TAP.strip_prefix("steps:").and_then(|rest| rest.strip_suffix("reply: {}")).map(|rest| rest.trim_end()).unwrap(),
        LIST.strip_prefix("steps:").unwrap()
    );
    let text = explain(&plan(&route(&all)));
    for line in [
        "[ways] go 3 ways side by side; all fail together",
        "+-- branch 2",
        "[tap] a copy goes aside; each fails apart",
        "[list] send to each of .channels among mail (exchange notify, routing key mail), sms (queue sms), web (the queue named by \"web.\\(.id)\"); all fail together",
        "stop here",
        "fail, permanent: .id",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}
