//! Publishes that wait for their confirms, and the proof that each of them was routed.
//!
//! lapin attaches a returned message to whichever confirm completes next, not to the confirm of that message: a
//! single `Ack(None)` does not prove that *its* message was routed. What holds, by lapin's source:
//!
//! 1. The broker returns a message before it confirms it, on the same channel.
//! 2. One thread of lapin reads both; each completed confirm takes the oldest return that nobody took yet.
//!
//! So when a confirm completes *without* a return, all returns that came before it were taken by confirms completed
//! earlier, its own message's return among them. That thread wakes a publish before it completes the next one, and what
//! is woken stands in a list: when the list is empty after that confirm was seen, all of those were seen. If none of
//! them holds a return, every message confirmed so far was routed, and the pipe keeps flowing. If one does, nothing more
//! is published until all are confirmed; then every return was taken by one of them, and they are matched by content.
//! Messages that cannot be told apart are all taken as unroutable: one of them may come twice, but none is lost.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use futures_util::task::AtomicWaker;

use super::sink::Job;
use crate::endpoint::SendError;

/// In flight at most: lapin looks through all of them for each confirm.
const COUNT: usize = 1_000;
/// Bytes of bodies in flight, from which on nothing more is published.
const BYTES: usize = 32 << 20;

/// A confirm, with the returned message that lapin attached to it.
#[derive(Debug)]
pub(super) struct Confirmed {
    /// `basic.ack`, not `basic.nack`.
    pub(super) accepted: bool,
    pub(super) returned: Option<Returned>,
}

/// A message that no queue took.
#[derive(Debug)]
pub(super) struct Returned {
    pub(super) exchange: String,
    pub(super) routing_key: String,
    pub(super) message_id: Option<String>,
    pub(super) body: Vec<u8>,
    pub(super) reason: String,
}

/// A publish with its confirm. Its first poll hands the message to lapin.
pub(super) type Publish<'a> = Pin<Box<dyn Future<Output = lapin::Result<Confirmed>> + Send + 'a>>;

enum State<'a> {
    Waiting(Publish<'a>, Waker),
    Confirmed { accepted: bool },
    Failed,
    Settled,
}

struct Entry<'a> {
    /// Until it is settled.
    job: Option<Job>,
    state: State<'a>,
    since: Instant,
}

/// The numbers of the publishes that are to be polled, in the order in which they were woken.
#[derive(Default)]
struct Woken {
    numbers: Mutex<Vec<u64>>,
    task: AtomicWaker,
}

impl Woken {
    fn push(&self, number: u64) {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner).push(number);
    }

    fn is_empty(&self) -> bool {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Exchanges the list for an empty one.
    fn take(&self, numbers: &mut Vec<u64>) {
        numbers.clear();
        std::mem::swap(numbers, &mut self.numbers.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The waker of one publish.
struct One {
    number: u64,
    woken: Arc<Woken>,
}

impl Wake for One {
    fn wake(self: Arc<Self>) {
        self.woken.push(self.number);
        self.woken.task.wake();
    }
}

/// The publishes of one channel, in order.
#[derive(Default)]
pub(super) struct Window<'a> {
    /// From the oldest that is not settled.
    entries: VecDeque<Entry<'a>>,
    /// The number of the first entry.
    first: u64,
    woken: Arc<Woken>,
    /// A list to exchange with that of `woken`.
    spare: Vec<u64>,
    /// How many entries are confirmed and not settled.
    confirmed: usize,
    /// How many entries are not settled.
    open: usize,
    bytes: usize,
    /// Returns that are not matched yet.
    returned: Vec<Returned>,
    /// Whether the broker has refused a message.
    refused: bool,
    /// Why the channel failed.
    error: Option<lapin::Error>,
}

impl<'a> Window<'a> {
    /// Takes a publish in, to be polled first when those before it were.
    pub(super) fn push(&mut self, job: Job, publish: Publish<'a>) {
        let number = self.first + self.entries.len() as u64;
        let waker = Waker::from(Arc::new(One { number, woken: Arc::clone(&self.woken) }));
        self.bytes = self.bytes.saturating_add(job.message.body.len());
        self.open += 1;
        let state = State::Waiting(publish, waker);
        self.entries.push_back(Entry { job: Some(job), state, since: Instant::now() });
        self.woken.push(number);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many more publishes may be taken in.
    pub(super) fn room(&self) -> usize {
        if self.returned.is_empty() && self.bytes < BYTES { COUNT.saturating_sub(self.open) } else { 0 }
    }

    /// Since when the oldest publish has waited.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.entries.front().map(|entry| entry.since)
    }

    /// Whether there is something to [`Window::advance`]. If not, the task will be woken for it.
    pub(super) fn is_stirred(&self, context: &Context<'_>) -> bool {
        self.woken.task.register(context.waker());
        !self.woken.is_empty()
    }

    /// Hands new publishes to lapin, looks for confirms, and settles what is proven by them.
    pub(super) fn advance(&mut self) {
        let mut found = false;
        let mut numbers = std::mem::take(&mut self.spare);
        loop {
            self.woken.take(&mut numbers);
            if numbers.is_empty() {
                break;
            }
            for number in &numbers {
                found |= self.poll(*number);
            }
        }
        self.spare = numbers;
        if found {
            self.settle();
        }
    }

    /// Whether the broker has refused a message.
    pub(super) fn was_refused(&self) -> bool {
        self.refused
    }

    /// Why the channel failed, once it did.
    pub(super) fn take_error(&mut self) -> Option<lapin::Error> {
        self.error.take()
    }

    /// What is not settled when the channel is of no use any more.
    pub(super) fn into_jobs(self) -> Vec<Job> {
        self.entries.into_iter().filter_map(|entry| entry.job).collect()
    }

    /// Polls a publish; whether it got ready.
    fn poll(&mut self, number: u64) -> bool {
        let at = number.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        let Some(entry) = at.and_then(|at| self.entries.get_mut(at)) else { return false };
        let State::Waiting(publish, waker) = &mut entry.state else { return false };
        let Poll::Ready(result) = publish.as_mut().poll(&mut Context::from_waker(waker)) else { return false };
        entry.state = match result {
            Ok(Confirmed { accepted, returned }) => {
                self.returned.extend(returned);
                self.confirmed += 1;
                self.refused |= !accepted;
                State::Confirmed { accepted }
            }
            Err(error) => {
                self.error.get_or_insert(error);
                State::Failed
            }
        };
        true
    }

    fn settle(&mut self) {
        if self.returned.is_empty() {
            // Confirms come in order, mostly: then the first ones are all.
            for entry in &mut self.entries {
                if self.confirmed == 0 {
                    break;
                }
                if entry.settle(None, &mut self.bytes) {
                    self.confirmed -= 1;
                    self.open -= 1;
                }
            }
        } else if self.confirmed == self.open {
            let returned = std::mem::take(&mut self.returned);
            let reasons = reasons(&self.entries, &returned);
            for (entry, reason) in self.entries.iter_mut().zip(reasons) {
                entry.settle(reason, &mut self.bytes);
            }
            (self.confirmed, self.open) = (0, 0);
        }
        while self.entries.front().is_some_and(|entry| matches!(entry.state, State::Settled)) {
            self.entries.pop_front();
            self.first += 1;
        }
    }
}

impl Entry<'_> {
    /// Settles the job of a confirmed entry; whether it is one.
    fn settle(&mut self, failure: Option<SendError>, bytes: &mut usize) -> bool {
        let State::Confirmed { accepted } = self.state else { return false };
        self.state = State::Settled;
        if let Some(job) = self.job.take() {
            *bytes = bytes.saturating_sub(job.message.body.len());
            let outcome = if accepted { Ok(()) } else { Err(SendError::Nack) };
            job.settle(failure.map_or(outcome, Err));
        }
        true
    }
}

/// Why each of the entries was not routed, if it was not.
fn reasons(entries: &VecDeque<Entry<'_>>, returned: &[Returned]) -> Vec<Option<SendError>> {
    let mut by_identity: HashMap<_, Vec<(&Returned, bool)>> = HashMap::new();
    for back in returned {
        let identity = (back.exchange.as_str(), back.routing_key.as_str(), back.message_id.as_deref());
        by_identity.entry(identity).or_default().push((back, false));
    }
    let mut reasons = Vec::with_capacity(entries.len());
    for entry in entries {
        let Some(job) = &entry.job else {
            reasons.push(None);
            continue;
        };
        let (to, id) = (&job.to, job.message.properties.message_id.as_deref());
        let mut reason = None;
        for (back, matched) in by_identity.get_mut(&(&*to.exchange, &*to.routing_key, id)).into_iter().flatten() {
            if back.body == job.message.body {
                *matched = true;
                reason = Some(job.unroutable(&back.reason));
            }
        }
        reasons.push(reason);
    }
    // A return that fits no message leaves all of them in doubt.
    if by_identity.values().flatten().any(|(_, matched)| !matched) {
        let doubt = || SendError::Unknown("the broker returned a message that fits none that was sent".to_owned());
        reasons.iter_mut().for_each(|reason| *reason = Some(reason.take().unwrap_or_else(doubt)));
    }
    reasons
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;
    use tokio::sync::oneshot;

    use super::*;
    use crate::endpoint::Address;
    use crate::message::{Message, Properties};

    /// A broker and lapin: returns before confirms, confirms one by one or for all up to a tag in any order, and each
    /// completed confirm takes the oldest return.
    #[derive(Default)]
    struct Model {
        waiting: Vec<(Option<Returned>, oneshot::Sender<Confirmed>)>,
        returns: VecDeque<Returned>,
        steps: Vec<u8>,
    }

    impl Model {
        fn publish(&mut self, back: Option<Returned>) -> oneshot::Receiver<Confirmed> {
            let (confirm, confirmed) = oneshot::channel();
            self.waiting.push((back, confirm));
            confirmed
        }

        /// One event of the lapin thread; without steps left it confirms whatever waits.
        fn step(&mut self) -> bool {
            if self.waiting.is_empty() {
                return false;
            }
            let step = usize::from(self.steps.pop().unwrap_or(0));
            let at = (step >> 2) % self.waiting.len();
            if step & 1 == 1 {
                // A return is early as a rule: it waits for its confirm.
                self.returns.extend(self.waiting[at].0.take());
            } else if step & 2 == 2 {
                for _ in 0..=at {
                    let some = (step >> 3) % self.waiting.len().min(at + 1);
                    self.confirm(some);
                }
            } else {
                self.confirm(at);
            }
            true
        }

        fn confirm(&mut self, at: usize) {
            let at = at.min(self.waiting.len() - 1);
            let (back, confirm) = self.waiting.remove(at);
            self.returns.extend(back);
            let _gone = confirm.send(Confirmed { accepted: true, returned: self.returns.pop_front() });
        }
    }

    fn address(key: &str) -> Address {
        Address { exchange: "x".into(), routing_key: key.to_owned().into() }
    }

    fn job(number: u64, good: bool) -> (Job, oneshot::Receiver<Result<(), SendError>>) {
        let id = format!("m{number}");
        let properties = Properties { message_id: Some(id.into()), ..Properties::default() };
        let message = Message { properties: properties.into(), body: number.to_string().into(), ..Message::default() };
        Job::new(address(if good { "good" } else { "bad" }), message)
    }

    fn returned(number: u64) -> Returned {
        Returned {
            exchange: "x".to_owned(),
            routing_key: "bad".to_owned(),
            message_id: Some(format!("m{number}")),
            body: number.to_string().into_bytes(),
            reason: "NO_ROUTE".to_owned(),
        }
    }

    proptest! {
        /// The thread of lapin runs on between any two polls of one sweep.
        #[test]
        fn an_unroutable_message_is_never_taken_for_delivered(
            goods in prop::collection::vec(prop::bool::weighted(0.7), 1..60),
            steps in prop::collection::vec(any::<u8>(), 0..400),
            between in prop::collection::vec(0_usize..4, 1..50),
        ) {
            let model = Arc::new(Mutex::new(Model { steps, ..Model::default() }));
            let mut window = Window::default();
            let mut outcomes = Vec::new();
            let mut between = between.into_iter().cycle();
            let mut goods = goods.into_iter().enumerate().map(|(number, good)| (number as u64, good)).peekable();
            while goods.peek().is_some() || !window.is_empty() {
                for (number, good) in goods.by_ref().take(if window.room() > 0 { 7 } else { 0 }) {
                    let (job, outcome) = job(number, good);
                    outcomes.push((number, good, outcome));
                    let mut confirmed = model.lock().expect("not poisoned").publish((!good).then(|| returned(number)));
                    let (model, pauses) = (Arc::clone(&model), between.next().unwrap_or(0));
                    window.push(job, Box::pin(std::future::poll_fn(move |context| {
                        for _ in 0..pauses {
                            model.lock().expect("not poisoned").step();
                        }
                        Pin::new(&mut confirmed).poll(context).map(|confirmed| Ok(confirmed.expect("confirmed")))
                    })));
                }
                window.advance();
                model.lock().expect("not poisoned").step();
            }
            for (number, good, mut outcome) in outcomes {
                match outcome.try_recv().expect("every publish is settled") {
                    Ok(()) => prop_assert!(good, "message {number} was returned but taken for delivered"),
                    Err(SendError::Unroutable { .. }) => prop_assert!(!good, "message {number} was delivered"),
                    Err(error) => prop_assert!(false, "message {number}: {error}"),
                }
            }
        }
    }
}
