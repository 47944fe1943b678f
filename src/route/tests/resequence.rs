//! Messages go on in the order of their numbers, whatever happens on the way.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;

use crate::endpoint::store::{Change, Expect, Name, Record};
use crate::endpoint::{Address, Delivery};
use crate::message::{Class, Failure, Field, Kind, Message, Stage, header_names as names};
use crate::route::fake::Fake;
use crate::route::ports::Ports;
use crate::route::retry::resume;
use crate::route::{Outcome, Plan};

use super::aggregate::Mortal;
use super::{delivery, plan};

pub(super) const ROUTE: &str = "from: { amqp: { queue: q } }
ordered_by: .order
steps:
  - id: line
    resequence: { key: .order, number: .n, timeout: 5m }
  - to: { amqp: { routing_key: out } }
on_error: { retry: { immediate: 0 } }";

/// A route with its queue, its wait queue and its sink.
struct Bench {
    plan: Plan,
    ports: Fake,
    seen: usize,
    timers: Vec<Message>,
    out: Vec<Message>,
    /// How many of those that came back were known.
    doubles: usize,
}

impl Bench {
    fn new(settings: &str) -> Self {
        let route = ROUTE.replace("timeout: 5m", &format!("timeout: 5m{settings}"));
        let (ports, timers, out) = (Fake::new(), Vec::new(), Vec::new());
        Self { plan: plan(&route), ports, seen: 0, timers, out, doubles: 0 }
    }

    /// One run of what somebody has published; `None` if the process ended in it.
    fn run(&self, message: &Message, effects: usize) -> Option<Result<Outcome, Failure>> {
        self.process(Delivery { message: message.clone(), ..delivery(b"") }, effects)
    }

    /// One run of what comes from the route's own queue.
    fn run_own(&self, message: &Message, effects: usize) -> Option<Result<Outcome, Failure>> {
        let address = Address { exchange: "".into(), routing_key: "q".into() };
        let (delivery, _) = resume(Delivery { message: message.clone(), address, ..delivery(b"") }, "test");
        self.process(delivery, effects)
    }

    fn process(&self, delivery: Delivery, effects: usize) -> Option<Result<Outcome, Failure>> {
        let ports = Mortal { fake: &self.ports, left: effects.into() };
        self.plan.process(&delivery, &ports).now_or_never().map(|processed| processed.result)
    }

    /// Gives a message, and everything that comes back to the route's queue by it.
    fn give(&mut self, message: &Message) -> Result<Outcome, Failure> {
        let outcome = self.run(message, usize::MAX).expect("lives");
        self.come_back(usize::MAX);
        outcome
    }

    fn wake(&mut self, timer: usize) {
        let timer = self.timers[timer].clone();
        assert_eq!(self.run_own(&timer, usize::MAX).expect("lives").expect("no failure"), buffered());
        self.come_back(usize::MAX);
    }

    /// Whatever comes back kills the process after so many effects, and comes again.
    fn come_back(&mut self, effects: usize) {
        while let Some((Address { routing_key, .. }, message)) = self.ports.sent().get(self.seen).cloned() {
            self.seen += 1;
            match routing_key.as_str() {
                "q.retry.300000" => self.timers.push(message),
                "out" => self.out.push(message),
                _ => {
                    assert_eq!(routing_key, "q");
                    let ended = self.run_own(&message, effects);
                    let ended = ended.unwrap_or_else(|| self.run_own(&message, usize::MAX).expect("lives"));
                    self.doubles += usize::from(ended.expect("no failure") == again());
                }
            }
        }
    }

    /// The numbers that came out.
    fn numbers(&self) -> Vec<u64> {
        self.out.iter().map(number_of).collect()
    }
}

pub(super) fn number_of(message: &Message) -> u64 {
    let body: serde_json::Value = serde_json::from_slice(&message.body).expect("JSON");
    body["n"].as_u64().expect("a number")
}

pub(super) fn member(number: u64) -> Message {
    let mut message = delivery(b"").message;
    message.properties.message_id = Some(format!("m{number}").into());
    message.body = Bytes::from(format!(r#"{{"order": "a", "n": {number}}}"#));
    message
}

pub(super) fn buffered() -> Outcome {
    Outcome::Buffered { step: "line".into() }
}

fn again() -> Outcome {
    Outcome::Duplicate { step: "line".into() }
}

#[test]
fn messages_go_on_in_the_order_of_their_numbers_as_they_came() {
    let mut bench = Bench::new("");
    let mut first = member(1);
    first.headers.insert("shop".into(), Field::Array(vec![Field::U16(7), Field::F64(0.1), Field::Void]));
    first.headers.insert(names::RESEQUENCE_MISSING.into(), Field::I64(9));
    first.properties.reply_to = Some("asker".into());
    first.properties.expiration = Some("60000".into());
    first.properties.priority = Some(3);
    first.body = Bytes::from_static(b"{\"order\":\"a\",  \"n\":1, \"price\":1.10}\n");
    for message in [member(4), member(2), member(3)] {
        assert_eq!(bench.give(&message).expect("no failure"), buffered());
        assert!(bench.numbers().is_empty());
    }
    let other = Message { body: Bytes::from_static(br#"{"order":"b","n":1}"#), ..member(1) };
    bench.give(&other).expect("no failure");
    assert_eq!(bench.numbers(), [1], "another order has numbers of its own");
    bench.give(&first).expect("no failure");
    assert_eq!(bench.numbers(), [1, 1, 2, 3, 4]);
    bench.give(&member(5)).expect("no failure");
    assert_eq!(bench.numbers()[5..], [5]);
    // What comes out is what a route without the step gives, bit for bit.
    let untouched = Bench {
        plan: plan("from: { amqp: { queue: q } }\nsteps: [to: { amqp: { routing_key: out } }]"),
        ..Bench::new("")
    };
    first.headers.remove(names::RESEQUENCE_MISSING);
    for (message, came) in [(&first, &bench.out[1]), (&member(3), &bench.out[3])] {
        untouched.run(message, usize::MAX).expect("lives").expect("no failure");
        assert_eq!(untouched.ports.sent().last().map(|(_, message)| message), Some(came));
    }
    assert_eq!(bench.doubles, 0);
    // Each message that had to wait has started a timer, which finds nothing now.
    assert_eq!(bench.timers.len(), 3);
    (0..3).for_each(|timer| bench.wake(timer));
    assert_eq!(bench.out.len(), 6);
}

#[test]
fn a_message_that_comes_again_is_known() {
    let mut bench = Bench::new("");
    bench.give(&member(2)).expect("no failure");
    assert_eq!(bench.give(&member(2)).expect("no failure"), buffered());
    bench.give(&member(1)).expect("no failure");
    for number in [1, 2] {
        assert_eq!(bench.give(&member(number)).expect("no failure"), again());
    }
    assert_eq!((bench.numbers(), bench.doubles), (vec![1, 2], 0));
    // For a day; then the sequence begins anew.
    bench.ports.advance(Duration::from_secs(24 * 3600));
    bench.give(&member(1)).expect("no failure");
    assert_eq!(bench.numbers(), [1, 2, 1]);
}

#[test]
fn another_message_with_a_number_that_is_taken_fails() {
    let mut bench = Bench::new("");
    bench.give(&member(2)).expect("no failure");
    let mut other = member(2);
    other.properties.message_id = Some("other".into());
    let failure = bench.give(&other).expect_err("taken");
    assert_eq!((failure.class, failure.kind, failure.step.as_deref()), (Class::Permanent, Kind::State, Some("line")));
    assert_eq!(failure.reason, "another message with the number 2 of this sequence waits already");
}

#[test]
fn what_is_missing_is_given_up_in_time_and_then_late() {
    let mut bench = Bench::new("");
    bench.give(&member(3)).expect("no failure");
    bench.ports.advance(Duration::from_secs(299));
    bench.give(&member(6)).expect("no failure");
    bench.give(&member(4)).expect("no failure");
    assert!(bench.numbers().is_empty());
    // The timer of the third: the two before it are given up, the fifth is waited for.
    bench.ports.advance(Duration::from_secs(1));
    bench.wake(0);
    assert_eq!(bench.numbers(), [3, 4]);
    let missing = |message: &Message| message.headers.get(names::RESEQUENCE_MISSING).cloned();
    assert_eq!(bench.out.iter().map(missing).collect::<Vec<_>>(), [Some(Field::I64(2)), None]);
    let failure = bench.give(&member(2)).expect_err("late");
    assert_eq!((failure.class, failure.kind, failure.step.as_deref()), (Class::Permanent, Kind::State, Some("line")));
    assert_eq!(failure.reason, "the number 2 comes too late: the next one of its sequence is 5");
    bench.wake(1);
    assert_eq!(bench.numbers(), [3, 4, 6]);
    assert_eq!(missing(&bench.out[2]), Some(Field::I64(1)));
}

#[test]
fn what_is_late_can_pass() {
    let mut bench = Bench::new(", late: pass");
    bench.give(&member(3)).expect("no failure");
    bench.wake(0);
    assert_eq!(bench.give(&member(1)).expect("no failure"), Outcome::Delivered);
    assert_eq!(bench.give(&member(1)).expect("no failure"), again());
    bench.give(&member(4)).expect("no failure");
    assert_eq!(bench.numbers(), [3, 1, 4]);
}

#[test]
fn no_more_than_the_limit_wait() {
    let mut bench = Bench::new(", limit: 2, first: 0");
    for number in [9, 5] {
        bench.give(&member(number)).expect("no failure");
    }
    assert!(bench.numbers().is_empty());
    bench.give(&member(7)).expect("no failure");
    assert_eq!(bench.numbers(), [5]);
    bench.give(&member(6)).expect("no failure");
    assert_eq!(bench.numbers(), [5, 6, 7]);
    bench.give(&member(8)).expect("no failure");
    assert_eq!(bench.numbers(), [5, 6, 7, 8, 9]);
}

#[test]
fn a_timer_that_was_lost_is_missed_by_the_next_message() {
    let mut bench = Bench::new("");
    bench.give(&member(3)).expect("no failure");
    bench.ports.advance(Duration::from_secs(360));
    bench.give(&member(5)).expect("no failure");
    assert_eq!(bench.numbers(), [3]);
}

#[test]
fn a_number_is_a_whole_one() {
    let mut bench = Bench::new("");
    for (number, gave) in [("-1", "another number"), ("1.5", "another number"), ("\"1\"", "string"), ("null", "null")] {
        let body = format!(r#"{{"order":"a","n":{number}}}"#);
        let failure = bench.give(&Message { body: body.into(), ..member(1) }).expect_err("no number");
        assert_eq!((failure.class, failure.kind), (Class::Permanent, Kind::Mapping));
        let reason = format!("`number` must give a whole number from 0 to 9223372036854775807, and gave {gave}");
        assert_eq!(failure.reason, reason);
    }
    let huge = Message { body: r#"{"order":"a","n":9223372036854775807}"#.into(), ..member(1) };
    bench.give(&huge).expect("no failure");
    bench.wake(0);
    assert_eq!(bench.numbers(), [9_223_372_036_854_775_807]);
}

/// The process is killed after each number of effects, in the message that closes the gap and in a timer. It comes again,
/// and then everything has come out, once and in order.
#[test]
fn a_kill_at_any_point_loses_nothing_and_changes_no_order() {
    let mut cuts = 0;
    for by_timer in [false, true] {
        for effects in 0.. {
            let mut bench = Bench::new("");
            for number in [3, 2] {
                bench.give(&member(number)).expect("no failure");
            }
            let last = if by_timer { bench.timers[1].clone() } else { member(1) };
            let run = |bench: &Bench, effects| match by_timer {
                true => bench.run_own(&last, effects),
                false => bench.run(&last, effects),
            };
            let cut = run(&bench, effects).is_none();
            bench.come_back(usize::MAX);
            run(&bench, usize::MAX).expect("lives").expect("no failure");
            bench.come_back(usize::MAX);
            let expected: &[u64] = if by_timer { &[2, 3] } else { &[1, 2, 3] };
            assert_eq!(bench.numbers(), expected, "after {effects} effects");
            // Nothing but the memory of the messages and of the next number is left.
            let left = bench.ports.records();
            let (lines, messages): (Vec<_>, Vec<_>) = left.iter().partition(|(_, record)| !record.value.is_empty());
            assert_eq!((lines.len(), messages.len()), (1, expected.len()));
            assert_eq!(lines[0].1.value, r#"{"next":4,"kept":{},"leaving":[]}"#);
            assert!(left.iter().all(|(_, record)| record.until.is_some()));
            if !cut {
                break;
            }
            cuts += 1;
        }
    }
    assert_eq!(cuts, 5 + 4, "noted, published one by one, removed");
}

#[test]
fn a_message_that_waits_has_a_timer_wherever_the_process_is_killed() {
    for effects in 0..2 {
        let mut bench = Bench::new("");
        assert!(bench.run(&member(2), effects).is_none());
        bench.come_back(usize::MAX);
        bench.give(&member(2)).expect("no failure");
        (0..bench.timers.len()).for_each(|timer| bench.wake(timer));
        assert_eq!(bench.numbers(), [2], "after {effects} effects");
    }
}

/// What has come out is a message like others: what it has sent comes twice if the process ends before it is known that
/// the broker has it.
#[test]
fn a_kill_while_messages_go_on_repeats_what_they_have_sent_at_most() {
    for (effects, sent) in [(0, vec![1, 2]), (1, vec![1, 1, 2, 2]), (2, vec![1, 2])] {
        let mut bench = Bench::new("");
        for number in [2, 1] {
            bench.run(&member(number), usize::MAX).expect("lives").expect("no failure");
        }
        bench.come_back(effects);
        let mut numbers = bench.numbers();
        numbers.sort_unstable();
        assert_eq!(numbers, sent, "after {effects} effects");
    }
}

#[test]
fn what_cannot_be_published_stays_in_the_store() {
    let mut bench = Bench::new("");
    bench.give(&member(2)).expect("no failure");
    bench.ports.confirm(Ok(()));
    bench.ports.confirm(Err(Failure::new(Class::Permanent, Stage::Send, Kind::Unroutable, "no queue")));
    let failure = bench.run(&member(1), usize::MAX).expect("lives").expect_err("refused");
    // The queue is the route's own, which is declared again.
    assert_eq!((failure.class, failure.step.as_deref()), (Class::Transient, Some("line")));
    bench.seen = bench.ports.sent().len();
    bench.give(&member(3)).expect("no failure");
    assert_eq!(bench.numbers(), [1, 2, 3]);
}

#[test]
fn a_message_that_the_store_has_lost_is_told_of_once_and_holds_up_no_other() {
    let mut bench = Bench::new("");
    for number in [3, 2] {
        bench.give(&member(number)).expect("no failure");
    }
    let waits = |(name, _): &(Name, Record)| name.space == "resequence-message/test/line";
    let (name, _) = bench.ports.records().into_iter().find(waits).expect("one of both");
    let lost = Change { name, expect: Expect::Anything, to: None };
    assert!(bench.ports.commit(&[lost]).now_or_never().expect("never waits").expect("works"));
    let failure = bench.give(&member(1)).expect_err("told");
    assert_eq!((failure.class, failure.kind), (Class::Permanent, Kind::State));
    assert!(failure.reason.starts_with("the store has lost another message of the sequence"), "{failure}");
    bench.give(&member(4)).expect("no failure");
    let numbers = bench.numbers();
    assert!(numbers == [1, 2, 4] || numbers == [1, 3, 4], "{numbers:?}");
}

#[test]
fn what_has_come_out_and_failed_can_be_sent_back() {
    let mut bench = Bench::new("");
    bench.run(&member(1), usize::MAX).expect("lives").expect("no failure");
    let (_, letter) = bench.ports.sent().pop().expect("is published");
    bench.ports.confirm(Err(Failure::new(Class::Permanent, Stage::Send, Kind::Unroutable, "no queue")));
    bench.run_own(&letter, usize::MAX).expect("lives").expect_err("fails behind the step");
    bench.seen = bench.ports.sent().len();
    bench.give(&member(2)).expect("no failure");
    bench.run_own(&letter, usize::MAX).expect("lives").expect("no failure");
    bench.come_back(usize::MAX);
    assert_eq!(bench.numbers(), [2, 1]);
    assert_eq!(bench.run_own(&letter, usize::MAX).expect("lives").expect("no failure"), again());
}

#[test]
fn headers_that_would_not_fit_once_more_are_refused_before_anything_waits() {
    let mut bench = Bench::new("");
    let mut large = member(2);
    large.headers.insert("large".into(), Field::text("x".repeat(28 << 10)));
    let failure = bench.give(&large).expect_err("too large");
    assert_eq!((failure.class, failure.kind), (Class::Permanent, Kind::Limit));
    assert!(bench.ports.records().is_empty());
}

#[test]
fn it_stands_in_branches_too_and_its_timers_find_it() {
    let mut bench = Bench::new("");
    let step = "  - id: line\n    resequence: { key: .order, number: .n, timeout: 5m }\n";
    let route = ROUTE.replace(step, &format!("  - choice:\n      - when: .n > 0\n        steps:\n{}", indent(step)));
    bench.plan = plan(&route);
    bench.give(&member(2)).expect("no failure");
    bench.wake(0);
    assert_eq!(bench.numbers(), [2]);
}

fn indent(step: &str) -> String {
    step.lines().map(|line| format!("        {line}\n")).collect()
}
