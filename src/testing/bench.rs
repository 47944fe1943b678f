//! A message's whole way on fakes: attempts, delays and dead letter, as the runtime brings them about.
//!
//! What decides is the core's: [`Plan::process`], [`fate`], [`dead_letter()`] and [`error_reply()`]. The runtime asks the
//! same functions and only adds the broker. A wait is a step of the clock. Circuit breakers do not open here: they
//! count over the messages of a route, and there is one.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;

use super::case::Case;
use super::endpoints::Endpoints;
use super::model::Ending;
use super::onlooker::{Event, Hit, Onlooker};
use super::played::{Played, State};
use crate::endpoint::store::Name;
use crate::endpoint::{Address, Delivery, Tag};
use crate::message::{Failure, Kind, Message, Text, Value};
use crate::route::conversation;
use crate::route::fake::{Fake, World};
use crate::route::fate::{Fate, fate};
use crate::route::ports::Ports;
use crate::route::retry::{Tried, delayed, resume};
use crate::route::watch::Watch;
use crate::route::{Origin, Outcome, Plan, Processed, dead_letter, error_reply};

/// How often the connection may be lost before a case says that the broker keeps the message.
const LOSSES: u32 = 5;
/// How often a run is polled that says it could go on.
const POLLS: u32 = 10_000;

/// The way of one message.
#[derive(Debug)]
pub struct Journey {
    /// How it ended.
    pub ending: Ending,
    /// Why it failed, if it did at last.
    pub failure: Option<Failure>,
    /// How often the route was run.
    pub attempts: u32,
    /// How long it waited between attempts.
    pub delays: Vec<Duration>,
    /// The dead letter, if it became one.
    pub dead_letter: Option<Message>,
}

/// What a case has shown.
#[derive(Debug)]
pub struct Observed {
    /// The message's way.
    pub journey: Journey,
    /// What the participants have seen.
    pub seen: State,
    /// What conversations know in the end.
    pub state: Vec<(Name, Value)>,
    /// The lines of the log.
    pub log: Vec<String>,
    /// What of the plan was reached.
    pub hits: BTreeSet<Hit>,
}

/// Runs a case.
pub fn run(plan: &Plan, case: &Arc<Case>) -> Observed {
    observe(plan, case, &Arc::new(Onlooker::default()))
}

/// Runs a case, and tells each event of it.
pub fn record(plan: &Plan, case: &Arc<Case>) -> (Observed, Vec<Event>) {
    let onlooker = Arc::new(Onlooker::recording());
    let observed = observe(plan, case, &onlooker);
    (observed, onlooker.events())
}

fn observe(plan: &Plan, case: &Arc<Case>, onlooker: &Arc<Onlooker>) -> Observed {
    let played = Arc::new(Played::new(Arc::clone(case), plan.queue(), Endpoints::of(plan), Arc::clone(onlooker)));
    let fake = Fake::among(Arc::clone(&played) as Arc<dyn World>, Some(Arc::clone(onlooker) as Arc<dyn Watch>));
    fake.advance(case.at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default());
    for (name, value) in &case.state {
        fake.put(name.clone(), conversation::record(value));
    }
    let mut bench = Bench { plan, fake: &fake, onlooker, played: &played, timers: Vec::new() };
    for earlier in &case.before {
        bench.bring(earlier);
    }
    let logged = fake.logged().len();
    played.state().before = false;
    let mut journey = bench.bring(&case.delivery);
    bench.wait(case.wait, &mut journey);
    let seen = std::mem::take(&mut *played.state());
    let records = fake.records().into_iter().filter(|(name, _)| conversation::state_of(name).is_some());
    let state = records.filter_map(|(name, record)| Some((name, conversation::value(&record, plan.limits())?)));
    let state = state.collect();
    Observed { journey, seen, state, log: fake.logged().split_off(logged), hits: onlooker.hits() }
}

/// The messages of one case, and what comes back to the route's own queue by them.
struct Bench<'a> {
    plan: &'a Plan,
    fake: &'a Fake,
    onlooker: &'a Onlooker,
    played: &'a Played,
    /// When each is due.
    timers: Vec<(SystemTime, Message)>,
}

impl Bench<'_> {
    /// Brings a message to its end, and the groups that are complete by it, or the messages whose turn it is then, to
    /// theirs. What is told is how the last of them went.
    fn bring(&mut self, delivery: &Delivery) -> Journey {
        let mut told = journey(self.plan, delivery, self.fake, self.onlooker);
        loop {
            let started = std::mem::take(&mut self.played.state().timers);
            self.timers.extend(started.into_iter().map(|(delay, timer)| (self.fake.now() + delay, timer)));
            let own = self.played.state().own.pop_front();
            let Some(own) = own else { return told };
            told = journey(self.plan, &self.own(own), self.fake, self.onlooker);
        }
    }

    /// Lets the clock go on, and brings to their end what has waited long enough then.
    fn wait(&mut self, time: Duration, told: &mut Journey) {
        let end = self.fake.now().checked_add(time).unwrap_or_else(|| self.fake.now());
        loop {
            let due = self.timers.iter().enumerate().min_by_key(|(_, (due, _))| *due);
            let Some((at, _)) = due.filter(|(_, (due, _))| !time.is_zero() && *due <= end) else { break };
            let (due, timer) = self.timers.remove(at);
            self.fake.advance(due.duration_since(self.fake.now()).unwrap_or_default());
            let journey = self.bring(&self.own(timer));
            if !matches!(journey.ending, Ending::Gathered | Ending::Buffered) {
                *told = journey;
            }
        }
        self.fake.advance(end.duration_since(self.fake.now()).unwrap_or_default());
    }

    /// A message that the route has sent to its own queue.
    fn own(&self, message: Message) -> Delivery {
        let address = Address { exchange: Text::new(), routing_key: self.plan.queue().clone() };
        Delivery { tag: Tag(1), redelivered: false, address, message }
    }
}

/// Brings a message to its end.
fn journey(plan: &Plan, delivery: &Delivery, fake: &Fake, onlooker: &Onlooker) -> Journey {
    let mut delays = Vec::new();
    let mut losses = 0;
    let (mut now, mut tried) = resume(delivery.clone(), plan.name());
    loop {
        let Processed { result, attempts } = process(plan, &now, fake);
        let attempts = tried.attempts.saturating_add(attempts);
        let end = |ending| Journey { ending, failure: None, attempts, delays: Vec::new(), dead_letter: None };
        let failure = match result {
            Ok(Outcome::Delivered) => return Journey { delays, ..end(Ending::Delivered) },
            Ok(Outcome::Filtered { .. }) => return Journey { delays, ..end(Ending::Filtered) },
            Ok(Outcome::Duplicate { .. }) => return Journey { delays, ..end(Ending::Duplicate) },
            Ok(Outcome::Delayed { step, time }) => {
                let (_, letter) = delayed(&now.message, &step, time, &tried, &origin(plan, &now, attempts, fake));
                wait(fake, &mut delays, time);
                (now, tried) = again(plan, &now, letter);
                continue;
            }
            Ok(Outcome::Gathered { .. }) => return Journey { delays, ..end(Ending::Gathered) },
            Ok(Outcome::Buffered { .. }) => return Journey { delays, ..end(Ending::Buffered) },
            Err(failure) => failure,
        };
        onlooker.failed(&failure);
        if failure.kind == Kind::Connection {
            losses += 1;
            if losses > LOSSES {
                return Journey { delays, failure: Some(failure), ..end(Ending::Kept) };
            }
            // What waited in its place has forgotten its attempts; what waited in a queue carries them.
            now.redelivered = true;
            if plan.order().is_kept() {
                tried = Tried::default();
            }
            continue;
        }
        let origin = origin(plan, &now, attempts, fake);
        match fate(&now.message, &failure, &tried, &origin, plan.retries(), plan.order().is_kept()) {
            Fate::InPlace { delay, tried: then } => {
                wait(fake, &mut delays, delay);
                tried = then;
            }
            Fate::Postponed { letter, .. } => {
                // `fate` has looked it up by the same number.
                wait(fake, &mut delays, plan.retries().delay(tried.waits).unwrap_or_default());
                (now, tried) = again(plan, &now, *letter);
            }
            Fate::Dead => {
                let letter = dead_letter(&now.message, &failure, &tried.past, &origin);
                if plan.reply().is_some()
                    && let Some((to, answer)) = error_reply(&now.message, &failure, plan.name(), fake.new_id())
                {
                    // Nobody may take it, which changes nothing.
                    let _told = fake.send(&to, answer).now_or_never();
                }
                return Journey {
                    delays,
                    failure: Some(failure),
                    dead_letter: Some(letter),
                    ..end(Ending::DeadLettered)
                };
            }
        }
    }
}

fn origin<'a>(plan: &'a Plan, now: &'a Delivery, attempts: u32, fake: &Fake) -> Origin<'a> {
    Origin {
        route: plan.name(),
        queue: plan.queue(),
        exchange: &now.address.exchange,
        routing_key: &now.address.routing_key,
        attempts,
        time: fake.now(),
    }
}

/// What comes from the queue in which a message has waited.
fn again(plan: &Plan, now: &Delivery, letter: Message) -> (Delivery, Tried) {
    let address = Address { exchange: Text::new(), routing_key: plan.queue().clone() };
    resume(Delivery { tag: now.tag, redelivered: false, address, message: letter }, plan.name())
}

fn wait(fake: &Fake, delays: &mut Vec<Duration>, delay: Duration) {
    fake.advance(delay);
    delays.push(delay);
}

/// One delivery, with its attempts at once; in a route that keeps order, its key before that.
fn process(plan: &Plan, delivery: &Delivery, fake: &Fake) -> Processed {
    if let Err(failure) = plan.key(delivery, fake) {
        return Processed { result: Err(failure), attempts: 1 };
    }
    let mut run = pin!(plan.process(delivery, fake));
    let done = (0..POLLS).find_map(|_| run.as_mut().now_or_never());
    done.unwrap_or_else(|| {
        let reason = "the route waits for something that does not come in a test";
        Processed { result: Err(Failure::permanent(Kind::Internal, reason)), attempts: 1 }
    })
}
