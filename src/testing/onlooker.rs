//! Who looks on while a case runs: which steps and branches were reached, and which step is at work.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::message::{Failure, Message, Text, Value};
use crate::route::plan::{Placed, Sequence};
use crate::route::run::Run;
use crate::route::step::Flow;
use crate::route::watch::Watch;

/// Something of a plan that a run has reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hit {
    /// The steps of a branch, by their identity within the plan.
    Branch(usize),
    /// A step has begun.
    Step(Text),
    /// A step has ended so.
    End(Text, Way),
}

/// What a run does, for a trace.
#[derive(Debug)]
pub enum Event {
    /// Steps begin, by their identity within the plan.
    Enters(usize),
    /// A step begins with this message.
    Begins(Text, Message),
    /// A step has evaluated an expression.
    Evaluates(String, Value),
    /// A step has left this message, has failed or not, and took so long.
    Ends(Text, Message, Option<Failure>, Duration),
}

/// How a step ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// The message goes on.
    On,
    /// The message's way ends, without a failure.
    Out,
    /// It fails.
    Failure,
}

/// What identifies steps within a plan that nobody moves.
pub fn identity(steps: &Sequence) -> usize {
    std::ptr::from_ref(steps).addr()
}

/// Notes what is reached.
#[derive(Debug, Default)]
pub struct Onlooker {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    hits: BTreeSet<Hit>,
    step: Option<Text>,
    /// What is recorded, if it is.
    events: Option<Vec<Event>>,
    /// When each open step began.
    began: Vec<Instant>,
}

impl Onlooker {
    /// Notes every event besides.
    pub fn recording() -> Self {
        Self { state: Mutex::new(State { events: Some(Vec::new()), ..State::default() }) }
    }

    /// What was recorded.
    pub fn events(&self) -> Vec<Event> {
        self.state().events.take().unwrap_or_default()
    }

    /// The step that is at work.
    pub fn step(&self) -> Option<Text> {
        self.state().step.clone()
    }

    /// What was reached.
    pub fn hits(&self) -> BTreeSet<Hit> {
        self.state().hits.clone()
    }

    /// Notes a failure that showed after the steps: of what was sent, or of the message itself.
    pub fn failed(&self, failure: &Failure) {
        let step = failure.step.as_deref().unwrap_or_default();
        self.state().hits.insert(Hit::End(Text::from(step), Way::Failure));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for Onlooker {
    fn enters(&self, steps: &Sequence) {
        let mut state = self.state();
        state.hits.insert(Hit::Branch(identity(steps)));
        state.record(|| Event::Enters(identity(steps)));
    }

    fn begins(&self, step: &Placed, run: &Run<'_>) {
        let mut state = self.state();
        state.hits.insert(Hit::Step(step.id.clone()));
        state.step = Some(step.id.clone());
        state.record(|| Event::Begins(step.id.clone(), run.message().clone()));
        state.began.push(Instant::now());
    }

    fn evaluates(&self, expression: &str, value: &Value) {
        self.state().record(|| Event::Evaluates(expression.to_owned(), value.clone()));
    }

    fn ends(&self, step: &Placed, run: &Run<'_>, result: Result<Flow, &Failure>) {
        let way = match result {
            Ok(Flow::Continue) => Way::On,
            Ok(_) => Way::Out,
            Err(_) => Way::Failure,
        };
        let mut state = self.state();
        let took = state.began.pop().map(|began| began.elapsed()).unwrap_or_default();
        state.hits.insert(Hit::End(step.id.clone(), way));
        state.step = None;
        state.record(|| Event::Ends(step.id.clone(), run.message().clone(), result.err().cloned(), took));
    }
}

impl State {
    fn record(&mut self, event: impl FnOnce() -> Event) {
        if let Some(events) = &mut self.events {
            events.push(event());
        }
    }
}
