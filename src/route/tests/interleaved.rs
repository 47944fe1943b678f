//! Several instances put one sequence in order together: whatever each of them does between any two effects of another one,
//! and wherever one is killed, nothing is lost and the order holds.

use std::collections::{BTreeSet, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use proptest::prelude::*;

use crate::endpoint::store::{Change, Claim, Key, Name, Record};
use crate::endpoint::{Address, BoxFuture, Delivery};
use crate::message::{Failure, Kind, Message, Text};
use crate::route::fake::Fake;
use crate::route::ports::Ports;
use crate::route::{Outcome, Plan};

use super::resequence::{ROUTE, buffered, member, number_of};
use super::{delivery, plan};

/// Ports that wait before each effect, and before each look at the store, until it is their turn.
struct Stepwise {
    fake: Arc<Fake>,
    left: Arc<AtomicUsize>,
}

impl Stepwise {
    fn turn(&self) -> impl Future<Output = ()> + Send + use<> {
        let left = Arc::clone(&self.left);
        poll_fn(move |_| {
            let turn = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            if turn.is_ok() { Poll::Ready(()) } else { Poll::Pending }
        })
    }
}

impl Ports for Stepwise {
    fn send(&self, to: &Address, message: Message) -> BoxFuture<'static, Result<(), Failure>> {
        let (turn, fake, to) = (self.turn(), Arc::clone(&self.fake), to.clone());
        Box::pin(async move {
            turn.await;
            fake.send(&to, message).await
        })
    }
    fn call(&self, to: &Address, message: Message, timeout: Duration) -> BoxFuture<'static, Result<Message, Failure>> {
        self.fake.call(to, message, timeout)
    }
    fn claim<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Claim, Failure>> {
        self.fake.claim(key)
    }
    fn complete<'a>(&'a self, key: &'a Key, keep: Duration) -> BoxFuture<'a, Result<(), Failure>> {
        self.fake.complete(key, keep)
    }
    fn release(&self, key: &Key) {
        self.fake.release(key);
    }
    fn load<'a>(&'a self, name: &'a Name) -> BoxFuture<'a, Result<Option<Record>, Failure>> {
        Box::pin(async move {
            self.turn().await;
            self.fake.load(name).await
        })
    }
    fn commit<'a>(&'a self, changes: &'a [Change]) -> BoxFuture<'a, Result<bool, Failure>> {
        Box::pin(async move {
            self.turn().await;
            self.fake.commit(changes).await
        })
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

type Running<'a> = Pin<Box<dyn Future<Output = Result<Outcome, Failure>> + 'a>>;

/// An instance of the bus, with the message that it is at.
struct Instance<'a> {
    plan: &'a Plan,
    ports: &'a Stepwise,
    now: Option<(Delivery, Running<'a>)>,
}

impl Instance<'_> {
    /// Does so many effects, of the next message if it is at none.
    fn go(&mut self, effects: usize, queue: &mut VecDeque<Delivery>, late: &mut BTreeSet<u64>) {
        if self.now.is_none() {
            let Some(delivery) = queue.pop_front() else { return };
            let (plan, ports, taken) = (self.plan, self.ports, delivery.clone());
            self.now = Some((delivery, Box::pin(async move { plan.process(&taken, ports).await.result })));
        }
        self.ports.left.store(effects, Ordering::SeqCst);
        let Some((delivery, running)) = &mut self.now else { return };
        match running.now_or_never() {
            None => return,
            Some(Ok(outcome)) => assert!(outcome == buffered() || matches!(outcome, Outcome::Duplicate { .. })),
            Some(Err(failure)) => {
                assert_eq!(failure.kind, Kind::State, "{failure}");
                assert!(failure.reason.contains("too late"), "{failure}");
                late.insert(number_of(&delivery.message));
            }
        }
        self.now = None;
    }

    /// Ends; the broker gives the message again.
    fn kill(&mut self, queue: &mut VecDeque<Delivery>) {
        if let Some((delivery, _)) = self.now.take() {
            queue.push_front(delivery);
        }
    }
}

/// What has been published to the route's queue, and the timers.
fn published(fake: &Fake) -> (Vec<u64>, Vec<Message>) {
    let (own, timers): (Vec<_>, Vec<_>) = fake.sent().into_iter().partition(|(to, _)| to.routing_key == "q");
    let numbers = own.iter().map(|(_, message)| number_of(message)).collect();
    (numbers, timers.into_iter().map(|(_, timer)| timer).collect())
}

fn timer(message: Message) -> Delivery {
    let address = Address { exchange: "".into(), routing_key: "q".into() };
    Delivery { message, address, ..delivery(b"") }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn instances_that_step_on_each_other_keep_the_order(
        order in Just((1..=7_u64).collect::<Vec<_>>()).prop_shuffle(),
        limit in 1_usize..8,
        script in proptest::collection::vec((0_usize..3, 0_u8..40), 0..400),
    ) {
        let plan = plan(&ROUTE.replace("timeout: 5m", &format!("timeout: 5m, limit: {limit}")));
        let fake = Arc::new(Fake::new());
        let ports = || Stepwise { fake: Arc::clone(&fake), left: Arc::default() };
        let all = [ports(), ports(), ports()];
        let mut instances: Vec<_> = all.iter().map(|ports| Instance { plan: &plan, ports, now: None }).collect();
        let mut queue: VecDeque<Delivery> =
            order.iter().map(|number| Delivery { message: member(*number), ..delivery(b"") }).collect();
        let (mut late, mut fired) = (BTreeSet::new(), 0);
        for (which, what) in script {
            match what {
                0 => instances[which].kill(&mut queue),
                1 => {
                    let (_, timers) = published(&fake);
                    queue.extend(timers.into_iter().skip(fired).take(1).map(timer).inspect(|_| fired += 1));
                }
                _ => instances[which].go(1, &mut queue, &mut late),
            }
        }
        // All finish what they are at, then what is left, then the timers.
        loop {
            instances.iter_mut().for_each(|instance| instance.go(usize::MAX, &mut queue, &mut late));
            if queue.is_empty() {
                let (_, timers) = published(&fake);
                queue.extend(timers.into_iter().skip(fired).take(1).map(timer).inspect(|_| fired += 1));
                if queue.is_empty() {
                    break;
                }
            }
        }
        let (numbers, _) = published(&fake);
        let mut seen = BTreeSet::new();
        let firsts: Vec<u64> = numbers.iter().copied().filter(|number| seen.insert(*number)).collect();
        prop_assert!(firsts.is_sorted(), "{:?} came out", numbers);
        prop_assert!(seen.is_disjoint(&late), "{:?} came out, and {:?} were late", seen, late);
        prop_assert_eq!(seen.union(&late).copied().collect::<Vec<_>>(), (1..=7).collect::<Vec<_>>());
        let lines = fake.records().into_iter().map(|(_, record)| record.value).filter(|value| !value.is_empty());
        for line in lines {
            prop_assert!(line.ends_with(br#""kept":{},"leaving":[]}"#), "{:?}", line);
        }
    }
}
