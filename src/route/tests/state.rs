//! What several messages know together.

use std::time::Duration;

use futures_util::FutureExt;

use crate::endpoint::Delivery;
use crate::endpoint::store::Name;
use crate::message::{Class, Failure, Kind, Limits, Stage};
use crate::route::conversation::Conversation;
use crate::route::fake::Fake;
use crate::route::run::Run;

use super::{delivery, plan, process};

const COUNT: &str = "from: { amqp: { queue: q } }
steps:
  - state: { load: chat, key: .session }
  - state: { save: '{asked: (($state.asked // 0) + 1)}', keep: 1h }
  - set: { headers: { asked: $state.asked } }
  - to: { amqp: { routing_key: out } }
on_error: { retry: { immediate: 0 } }";

fn asked(route: &str, id: &str, ports: &Fake) -> Result<Option<i64>, Failure> {
    let mut delivery = delivery(br#"{"session": "s"}"#);
    delivery.message.properties.message_id = Some(id.into());
    process(&plan(route), &delivery, ports).result?;
    let sent = ports.sent().pop().expect("something is sent").1;
    Ok(sent.headers.get("asked").map(|field| match field {
        crate::message::Field::I64(asked) => *asked,
        other => panic!("{other:?}"),
    }))
}

#[test]
fn each_message_finds_what_the_one_before_it_has_saved() {
    let ports = Fake::new();
    let found: Vec<_> = ["a", "b", "c"].map(|id| asked(COUNT, id, &ports).expect("no failure")).into();
    assert_eq!(found, [None, Some(1), Some(2)]);
    // One that only loads sees it too, and does not end the time to live later.
    let load = COUNT.replacen("  - state: { save: '{asked: (($state.asked // 0) + 1)}', keep: 1h }\n", "", 1);
    ports.advance(Duration::from_secs(3599));
    assert_eq!(asked(&load, "d", &ports).expect("no failure"), Some(3));
    ports.advance(Duration::from_secs(1));
    assert_eq!(asked(&load, "e", &ports).expect("no failure"), None);
    let other = COUNT.replace("load: chat", "load: other");
    assert_eq!(asked(&other, "f", &ports).expect("no failure"), None);
}

#[test]
fn a_message_that_comes_again_counts_once() {
    let ports = Fake::new();
    asked(COUNT, "a", &ports).expect("no failure");
    // It has saved, and was not sent.
    ports.confirm(Err(Failure::new(Class::Transient, Stage::Send, Kind::Nack, "refused")));
    asked(COUNT, "b", &ports).expect_err("refused");
    assert_eq!(asked(COUNT, "b", &ports).expect("no failure"), Some(1), "as it was before");
    assert_eq!(asked(COUNT, "c", &ports).expect("no failure"), Some(2));
    // Another one has saved meanwhile: what it sees has changed, and it counts once all the same.
    assert_eq!(asked(COUNT, "b", &ports).expect("no failure"), Some(3));
    assert_eq!(asked(COUNT, "d", &ports).expect("no failure"), Some(3));
}

#[test]
fn a_message_that_fails_saves_nothing() {
    let ports = Fake::new();
    asked(&COUNT.replace("  - to:", "  - log: error(\"no\")\n  - to:"), "a", &ports).expect_err("fails");
    assert!(ports.records().is_empty());
    let branch = "  - choice: [{ when: .unheard, steps: [state: { load: chat, key: .session }] }]";
    let route = COUNT.replace("  - state: { load: chat, key: .session }", branch);
    let failure = asked(&route, "a", &ports).expect_err("nothing is loaded");
    assert_eq!((failure.kind, failure.class), (Kind::State, Class::Permanent));
}

#[test]
fn of_two_that_have_loaded_the_same_one_saves() {
    let (ports, plan) = (Fake::new(), plan(COUNT));
    let name = Name { space: "state/chat".into(), key: "s".into() };
    let load = |id: &'static str| {
        let mut message = delivery(b"{}").message;
        message.properties.message_id = Some(id.into());
        let delivery = Delivery { message, ..delivery(b"{}") };
        let run = Run::begin(&plan, &delivery, &ports).expect("begins");
        let loaded = Conversation::load(&run, name.clone()).now_or_never().expect("fakes never wait");
        let mut loaded = loaded.expect("no failure");
        loaded.set(id.as_bytes().into(), Duration::from_secs(60));
        loaded
    };
    let save = |loaded: Conversation| loaded.save(&ports).now_or_never().expect("fakes never wait");
    let (one, other) = (load("1"), load("2"));
    save(one).expect("is the first");
    let failure = save(other).expect_err("is late");
    assert_eq!((failure.class, failure.kind), (Class::Transient, Kind::State));
    // It sees, and saves, when it is tried again.
    let again = load("2");
    assert_eq!(again.seen(), &crate::format::json::read(b"1", &Limits::default()).expect("JSON"));
    save(again).expect("nobody was faster");
}
