//! Messages that belong together become one, whatever happens on the way.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::FutureExt;

use crate::endpoint::store::{Change, Claim, Key, Name, Record};
use crate::endpoint::{Address, BoxFuture, Delivery};
use crate::message::{Class, Failure, Field, Kind, Message, Stage, Text, header_names as names};
use crate::route::fake::Fake;
use crate::route::ports::Ports;
use crate::route::{Outcome, Plan};

use super::{delivery, plan};

const THREE: &str = "from: { amqp: { queue: q } }
steps:
  - id: all
    aggregate: { key: .order, count: 3, timeout: 5m }
  - to: { amqp: { routing_key: out } }
on_error: { retry: { immediate: 0 } }";

/// Ports of a process that is killed after so many effects: whoever waits for the next one waits for ever.
pub(super) struct Mortal<'a> {
    pub(super) fake: &'a Fake,
    pub(super) left: AtomicUsize,
}

impl Mortal<'_> {
    fn lives(&self) -> bool {
        let count = |left: usize| left.checked_sub(1);
        self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, count).is_ok()
    }
}

impl Ports for Mortal<'_> {
    fn send(&self, to: &Address, message: Message) -> BoxFuture<'static, Result<(), Failure>> {
        if self.lives() { self.fake.send(to, message) } else { Box::pin(std::future::pending()) }
    }
    fn call(&self, to: &Address, message: Message, timeout: Duration) -> BoxFuture<'static, Result<Message, Failure>> {
        self.fake.call(to, message, timeout)
    }
    fn claim<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Claim, Failure>> {
        self.fake.claim(key)
    }
    fn complete<'a>(&'a self, key: &'a Key, keep: Duration) -> BoxFuture<'a, Result<(), Failure>> {
        if self.lives() { self.fake.complete(key, keep) } else { Box::pin(std::future::pending()) }
    }
    fn release(&self, key: &Key) {
        self.fake.release(key);
    }
    fn load<'a>(&'a self, name: &'a Name) -> BoxFuture<'a, Result<Option<Record>, Failure>> {
        self.fake.load(name)
    }
    fn commit<'a>(&'a self, changes: &'a [Change]) -> BoxFuture<'a, Result<bool, Failure>> {
        if self.lives() { self.fake.commit(changes) } else { Box::pin(std::future::pending()) }
    }
    fn tries_again(&self, failure: &Failure) {
        self.fake.tries_again(failure);
    }
    fn wait(&self, time: Duration) -> BoxFuture<'static, ()> {
        self.fake.wait(time)
    }
    fn pass<'a>(&'a self, step: &'a str, every: Duration) -> BoxFuture<'a, ()> {
        self.fake.pass(step, every)
    }
    fn now(&self) -> SystemTime {
        self.fake.now()
    }
    fn new_id(&self) -> Text {
        self.fake.new_id()
    }
    fn log(&self, level: tracing::Level, text: &str) {
        self.fake.log(level, text);
    }
}

/// A route with its queue, its wait queue and its sink.
struct Bench {
    plan: Plan,
    ports: Fake,
    seen: usize,
    timers: Vec<Message>,
    out: Vec<Message>,
}

impl Bench {
    fn new(route: &str) -> Self {
        Self { plan: plan(route), ports: Fake::new(), seen: 0, timers: Vec::new(), out: Vec::new() }
    }

    /// One run; `None` if the process ended in it.
    fn run(&self, message: &Message, effects: usize) -> Option<Result<Outcome, Failure>> {
        let address = Address { exchange: "".into(), routing_key: "q".into() };
        let delivery = Delivery { message: message.clone(), address, ..delivery(b"") };
        let ports = Mortal { fake: &self.ports, left: effects.into() };
        self.plan.process(&delivery, &ports).now_or_never().map(|processed| processed.result)
    }

    /// Gives a message, and everything that comes back to the route's queue by it.
    fn give(&mut self, message: &Message) -> Result<Outcome, Failure> {
        let outcome = self.run(message, usize::MAX).expect("lives");
        self.come_back();
        outcome
    }

    fn come_back(&mut self) {
        self.come_back_killed(usize::MAX);
    }

    /// The process is killed so many effects after it has taken a complete group, and the broker gives that again.
    fn come_back_killed(&mut self, effects: usize) {
        while let Some((Address { routing_key, .. }, message)) = self.ports.sent().get(self.seen).cloned() {
            self.seen += 1;
            match routing_key.as_str() {
                "q.retry.300000" => self.timers.push(message),
                "out" => self.out.push(message),
                _ => {
                    assert_eq!(routing_key, "q");
                    if self.run(&message, effects).is_none() {
                        self.run(&message, usize::MAX).expect("lives").expect("no failure");
                    }
                }
            }
        }
    }

    fn groups(&self) -> Vec<&[u8]> {
        self.out.iter().map(|message| message.body.as_ref()).collect()
    }
}

fn part(id: &str, body: &str) -> Message {
    let mut message = delivery(b"").message;
    message.headers.insert("shop".into(), Field::text("a"));
    message.properties.message_id = Some(id.into());
    message.properties.reply_to = Some("nobody".into());
    message.body = Bytes::from(body.to_owned());
    message
}

fn gathered() -> Outcome {
    Outcome::Gathered { step: "all".into() }
}

#[test]
fn a_group_is_complete_by_count_and_goes_on_as_one_message() {
    let mut bench = Bench::new(THREE);
    let parts =
        [part("a", r#"{"order":1,"x":1.10}"#), part("b", r#"{"order":1}"#), part("c", r#"{"order":1,"y":"ä"}"#)];
    for one in &parts {
        assert_eq!(bench.give(&part("other", r#"{"order":2}"#)).expect("no failure"), gathered());
        assert_eq!(bench.give(one).expect("no failure"), gathered());
    }
    let [whole] = &*bench.out else { panic!("one group: {:?}", bench.out) };
    assert_eq!(whole.body, r#"[{"order":1,"x":1.10},{"order":1},{"order":1,"y":"ä"}]"#);
    assert_eq!(whole.headers, [(names::AGGREGATE_BY.into(), Field::text("count"))].into());
    assert_eq!(whole.properties.reply_to, None);
    assert_eq!(whole.properties.correlation_id.as_deref(), Some("1"));
    assert_eq!(whole.properties.content_type.as_deref(), Some("application/json"));
    // One that comes again is known for an hour, whatever groups of its key have come and gone.
    let again = Outcome::Duplicate { step: "all".into() };
    assert_eq!(bench.give(&parts[1]).expect("no failure"), again);
    for id in ["d", "e", "f"] {
        assert_eq!(bench.give(&part(id, r#"{"order":1}"#)).expect("no failure"), gathered());
    }
    assert_eq!(bench.out.len(), 2);
    bench.ports.advance(Duration::from_secs(3599));
    assert_eq!(bench.give(&parts[2]).expect("no failure"), again);
    // Another body is another part, whatever its id.
    assert_eq!(bench.give(&part("a", r#"{"order":1}"#)).expect("no failure"), gathered());
    bench.ports.advance(Duration::from_secs(1));
    assert_eq!(bench.give(&parts[2]).expect("no failure"), gathered(), "nothing is known for ever");
    assert_eq!(bench.out.len(), 2);
}

#[test]
fn a_group_is_complete_when_its_time_is_over() {
    let mut bench = Bench::new(THREE);
    for id in ["a", "b"] {
        bench.give(&part(id, r#"{"order":1}"#)).expect("no failure");
    }
    let [timer] = &*bench.timers.clone() else { panic!("one timer") };
    for _ in 0..2 {
        assert_eq!(bench.give(timer).expect("no failure"), gathered());
        assert_eq!(bench.groups(), [br#"[{"order":1},{"order":1}]"#]);
    }
    // The next group has a timer of its own; that of a group which was complete earlier finds nothing.
    for id in ["c", "d", "e"] {
        bench.give(&part(id, r#"{"order":1}"#)).expect("no failure");
    }
    assert_eq!((bench.out.len(), bench.timers.len()), (2, 2));
    bench.give(&bench.timers[1].clone()).expect("no failure");
    assert_eq!(bench.out.len(), 2);
}

#[test]
fn a_group_is_complete_when_a_condition_holds_for_its_parts() {
    let when = "count: 3, when: 'map(.n) | add >= 10', part: '{n: .n, by: $headers.shop}'";
    let mut bench = Bench::new(&THREE.replace("count: 3", when));
    bench.give(&part("a", r#"{"order":1,"n":4}"#)).expect("no failure");
    bench.give(&part("b", r#"{"order":1,"n":6}"#)).expect("no failure");
    assert_eq!(bench.groups(), [br#"[{"n":4,"by":"a"},{"n":6,"by":"a"}]"#]);
}

#[test]
fn a_group_whose_timer_was_lost_ends_when_somebody_comes() {
    let mut bench = Bench::new(THREE);
    bench.give(&part("a", r#"{"order":1}"#)).expect("no failure");
    bench.ports.advance(Duration::from_secs(300));
    // The same message again: its acknowledgement was lost, and the timer too.
    bench.give(&part("a", r#"{"order":1}"#)).expect("no failure");
    assert_eq!(bench.groups(), [br#"[{"order":1}]"#]);
    bench.give(&part("b", r#"{"order":1}"#)).expect("no failure");
    bench.ports.advance(Duration::from_secs(360));
    bench.give(&part("c", r#"{"order":1,"late":true}"#)).expect("no failure");
    assert_eq!(bench.groups()[1], br#"[{"order":1}]"#);
}

/// The process is killed after each number of effects, in the last part of a group and in its timer. The message comes
/// again, and then all parts are in one group, which comes out once.
#[test]
fn a_kill_at_any_point_loses_nothing_and_doubles_nothing() {
    let mut cuts = 0;
    for by_timer in [false, true] {
        for effects in 0.. {
            let mut bench = Bench::new(THREE);
            for id in ["a", "b"] {
                bench.give(&part(id, r#"{"order":1}"#)).expect("no failure");
            }
            let last = if by_timer { bench.timers[0].clone() } else { part("c", r#"{"order":1}"#) };
            let cut = bench.run(&last, effects).is_none();
            bench.come_back();
            bench.give(&last).expect("no failure");
            let parts = if by_timer { 2 } else { 3 };
            let expected = format!("[{}]", vec![r#"{"order":1}"#; parts].join(","));
            assert_eq!(bench.groups(), [expected.as_bytes()], "after {effects} effects");
            // Nothing but the memory of the group's parts is left.
            let left = bench.ports.records();
            assert!(left.len() == parts && left.iter().all(|(_, record)| record.value.is_empty()), "{left:?}");
            if !cut {
                break;
            }
            cuts += 1;
        }
    }
    assert_eq!(cuts, 6, "each time: completed, published, removed");
}

/// A complete group is a message like others: what it has sent comes twice if the process ends before it is known that
/// the broker has it.
#[test]
fn a_kill_while_a_group_goes_on_repeats_what_it_has_sent_at_most() {
    for (effects, sent) in [(0, 1), (1, 2), (2, 1)] {
        let mut bench = Bench::new(THREE);
        for id in ["a", "b", "c"] {
            let ended = bench.run(&part(id, r#"{"order":1}"#), usize::MAX).expect("lives");
            assert_eq!(ended.expect("no failure"), gathered());
        }
        bench.come_back_killed(effects);
        assert_eq!(bench.out.len(), sent, "after {effects} effects");
        let ids: BTreeSet<_> = bench.out.iter().map(|message| message.properties.message_id.clone()).collect();
        assert_eq!(ids.len(), 1);
    }
}

#[test]
fn the_first_part_is_killed_at_any_point_and_has_a_timer_all_the_same() {
    for effects in 0..2 {
        let mut bench = Bench::new(THREE);
        let first = part("a", r#"{"order":1}"#);
        assert!(bench.run(&first, effects).is_none());
        bench.give(&first).expect("no failure");
        for timer in bench.timers.clone() {
            bench.give(&timer).expect("no failure");
        }
        assert_eq!(bench.groups(), [br#"[{"order":1}]"#], "after {effects} effects");
    }
}

#[test]
fn what_cannot_be_published_stays_in_the_store() {
    let mut bench = Bench::new(THREE);
    for id in ["a", "b"] {
        bench.give(&part(id, r#"{"order":1}"#)).expect("no failure");
    }
    bench.ports.confirm(Err(Failure::new(Class::Transient, Stage::Send, Kind::Nack, "full")));
    let failure = bench.run(&part("c", r#"{"order":1}"#), usize::MAX).expect("lives").expect_err("refused");
    assert_eq!((failure.kind, failure.step.as_deref()), (Kind::Nack, Some("all")));
    bench.seen = bench.ports.sent().len();
    // Meanwhile the next group begins.
    bench.give(&part("d", r#"{"order":1,"next":true}"#)).expect("no failure");
    assert!(bench.out.is_empty());
    bench.give(&part("c", r#"{"order":1}"#)).expect("no failure");
    assert_eq!(bench.groups(), [br#"[{"order":1},{"order":1},{"order":1}]"#]);
    bench.give(&bench.timers[1].clone()).expect("no failure");
    assert_eq!(bench.groups()[1], br#"[{"order":1,"next":true}]"#);
}

#[test]
fn only_what_the_route_sends_itself_is_a_group() {
    let mut bench = Bench::new(THREE);
    let mut forged = part("a", r#"{"order":1}"#);
    forged.headers.insert(names::AGGREGATE.into(), Field::text("test#all"));
    let published = Delivery { message: forged.clone(), ..delivery(b"") };
    let outcome = bench.plan.process(&published, &bench.ports);
    let outcome = outcome.now_or_never().expect("fakes never wait").result;
    assert_eq!(outcome.expect("no failure"), gathered(), "published to an exchange it is a part");
    forged.headers.insert(names::AGGREGATE.into(), Field::text("test#gone"));
    let failure = bench.give(&forged).expect_err("no such step");
    assert_eq!((failure.class, failure.kind), (Class::Permanent, Kind::State));
    assert_eq!(failure.reason, "this is a message of the step `gone`, which the route does not have any more");
}

#[test]
fn a_group_that_is_a_dead_letter_can_be_sent_back_by_another_route() {
    let bench = Bench::new(&THREE.replace("  - to:", "  - filter: { when: error(\"no\") }\n  - to:"));
    for id in ["a", "b", "c"] {
        let ended = bench.run(&part(id, r#"{"order":1}"#), usize::MAX).expect("lives");
        assert_eq!(ended.expect("no failure"), gathered());
    }
    let (_, group) = bench.ports.sent().pop().expect("the group");
    bench.run(&group, usize::MAX).expect("lives").expect_err("fails in the step behind");
    let replay = plan("from: { amqp: { queue: q.dlq } }\nsteps: [to: { amqp: { routing_key: q } }]");
    let address = Address { exchange: "".into(), routing_key: "q.dlq".into() };
    // The other route has another name.
    let mut letter = group;
    letter.headers.insert(names::AGGREGATE.into(), Field::text("shop/parcels#all"));
    let delivery = Delivery { message: letter.clone(), address, ..delivery(b"") };
    let outcome = replay.process(&delivery, &bench.ports).now_or_never().expect("fakes never wait").result;
    assert_eq!(outcome.expect("no failure"), Outcome::Delivered);
    assert_eq!(bench.ports.sent().pop().expect("is sent back").1.headers, letter.headers);
}

#[test]
fn a_group_is_no_larger_than_a_body() {
    let mut bench = Bench::new(THREE);
    let half = format!(r#"{{"order":1,"text":"{}"}}"#, "x".repeat(bench.plan.limits().body_bytes / 2));
    bench.give(&part("a", &half)).expect("no failure");
    let failure = bench.give(&part("b", &half)).expect_err("too large");
    assert_eq!((failure.class, failure.kind), (Class::Permanent, Kind::Limit));
    bench.give(&bench.timers[0].clone()).expect("no failure");
    assert_eq!(bench.out.len(), 1);
}
