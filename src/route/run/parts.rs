//! Parts of one message, each on a way of its own, whose outcomes are joined again.
//!
//! What parts send is published with all the rest after the last step. Parts that fail *together* fail the message, which
//! then has sent nothing. Of parts that fail *apart* the others are done all the same: the failure of the message then
//! tells which are [`Left`], and only those are repeated when it comes again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use futures_util::stream::{self, StreamExt};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::message::{Class, Failure, Kind, Text, Value};
use crate::route::left::{Left, Positions};
use crate::route::plan::Sequence;
use crate::transform::VARIABLES;

use super::{Run, STATE};

/// What the failure of one part means for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// All fail: nothing of any is sent, nor what the route sends itself.
    Together,
    /// The others are sent. What failed is tried again alone, and in the end it alone is dead: the dead letter is the
    /// whole message, and its header `trunkline-parts-left` has the effect that a replay repeats only what failed. What
    /// follows the step is done when no part is left.
    Apart,
}

/// As it stands in `explain`.
impl fmt::Display for OnFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Together => "all fail together",
            Self::Apart => "each fails apart",
        })
    }
}

/// How parts are processed.
#[derive(Clone, Copy, Debug)]
pub struct How {
    /// What one is called in failures.
    pub noun: &'static str,
    /// How many at a time.
    pub parallel: usize,
    /// What the failure of one means.
    pub on_failure: OnFailure,
    /// Whether the message goes on when one has failed apart.
    pub goes_on: bool,
}

/// The part from which a send comes: the step that made it, and its position.
pub(super) type Origin = (Text, u32);

/// What a run knows of parts that fail apart.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// What an earlier run has left, as long as this one has not got beyond it.
    resume: Option<Left>,
    visited: BTreeSet<Text>,
    failed: BTreeMap<Text, Positions>,
    /// The step whose failed parts end the run.
    at: Option<Text>,
    /// Why parts failed after which the message goes on.
    passed: Vec<Failure>,
}

impl<'a> Run<'a> {
    /// A run of its own over the message as it stands now.
    pub fn fork(&self) -> Run<'a> {
        let mut variables: [Option<Value>; VARIABLES.len()] = Default::default();
        variables[STATE].clone_from(&self.variables[STATE]);
        Run {
            plan: self.plan,
            delivery: self.delivery,
            ports: self.ports,
            message: self.message.clone(),
            document: self.document.clone(),
            contract: self.contract.clone(),
            variables,
            step: self.step.clone(),
            retry: self.retry,
            sends: Vec::new(),
            claimed: Vec::new(),
            watch: self.watch,
            parts: None,
            whole: self.whole.clone(),
            waited: self.waited.clone(),
            conversation: None,
            later: Vec::new(),
        }
    }

    /// Becomes what a fork has become.
    pub fn adopt(&mut self, fork: Run<'a>) {
        self.message = fork.message;
        self.document = fork.document;
        self.contract = fork.contract;
        self.variables = fork.variables;
        self.step = fork.step;
        self.whole = fork.whole;
        self.sends.extend(fork.sends);
        self.later.extend(fork.later);
    }

    /// Runs `count` forks, which `begin` prepares by position from 1, through the steps that it gives.
    ///
    /// # Errors
    /// A part has failed, and the message does not go on.
    pub async fn in_parts<'s, B>(&mut self, how: How, count: u32, begin: B) -> Result<(), Failure>
    where
        B: Fn(u32, &mut Run<'a>) -> Result<&'s Sequence, Failure> + Send + Sync,
    {
        let step = self.step.clone().unwrap_or_default();
        let apart = how.on_failure == OnFailure::Apart;
        let left = if apart { self.left_of(&step, count) } else { None };
        let positions = left.map_or_else(|| (1..=count).collect(), Vec::from_iter);
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        {
            let run = &*self;
            let begun = stream::iter(positions).map(|position| {
                let mut fork = run.fork();
                let begun = begin(position, &mut fork);
                async move {
                    let ended = match begun {
                        Ok(steps) => steps.run(&mut fork).await.map(|_| fork),
                        Err(failure) => Err(failure),
                    };
                    (position, ended)
                }
            });
            let mut ended = begun.buffered(how.parallel.max(1));
            while let Some((position, ended)) = ended.next().await {
                match ended {
                    Ok(fork) => done.push((position, fork)),
                    Err(failure) if failure.kind == Kind::Connection => return Err(failure),
                    Err(mut failure) => {
                        failure.reason = match how.goes_on {
                            true => format!("{}: {}", how.noun, failure.reason),
                            false => format!("{} {position} of {count}: {}", how.noun, failure.reason),
                        };
                        if !apart {
                            return Err(failure);
                        }
                        failed.push((position, failure));
                    }
                }
            }
        }
        for (position, fork) in done {
            self.later.extend(fork.later);
            let origin = apart.then(|| (step.clone(), position));
            self.sends.extend(fork.sends.into_iter().map(|sending| super::Sending { part: origin.clone(), ..sending }));
        }
        if failed.is_empty() {
            return Ok(());
        }
        let parts = self.parts.get_or_insert_default();
        parts.failed.entry(step.clone()).or_default().extend(failed.iter().map(|(position, _)| *position));
        let failure = worst(failed.into_iter().map(|(_, failure)| failure).collect());
        if how.goes_on {
            parts.passed.extend(failure.map(|failure| failure.in_step(&step)));
            return Ok(());
        }
        parts.at = Some(step);
        failure.map_or(Ok(()), Err)
    }

    /// What an earlier run has left of a step; `None` if all of it.
    fn left_of(&mut self, step: &Text, count: u32) -> Option<Positions> {
        let parts = self.parts.as_mut()?;
        let resume = parts.resume.as_ref()?;
        if resume.parts.get(step).is_some_and(|left| left.iter().any(|position| *position > count)) {
            // The message, or its route, is another one now: nothing is known of it.
            parts.resume = None;
            return None;
        }
        parts.visited.insert(step.clone());
        let left = resume.parts.get(step).cloned().unwrap_or_default();
        if resume.at.as_ref() == Some(step) {
            // What was sent before it is confirmed, and what follows is new.
            self.sends.retain(|sending| sending.is_left(resume));
            parts.resume = None;
        }
        Some(left)
    }

    /// Ends a run that failed in a step: where only parts of it failed, the others are sent.
    pub(in crate::route) async fn fail(&mut self, failure: Failure) -> Failure {
        match self.parts.take() {
            Some(parts) if parts.at.is_some() && failure.kind != Kind::Connection => {
                let reason = failure.clone();
                parts.finish(self, Some(failure)).await.err().unwrap_or(reason)
            }
            _ => failure,
        }
    }
}

impl Parts {
    /// Reads what an earlier run has left.
    pub(super) fn resume(left: Option<Left>) -> Box<Self> {
        Box::new(Self { resume: left, ..Self::default() })
    }

    /// Sends what is to be sent, and tells what is left of the message if parts have failed.
    pub(super) async fn finish(
        mut self: Box<Self>,
        run: &mut Run<'_>,
        failure: Option<Failure>,
    ) -> Result<(), Failure> {
        if let Some(resume) = &self.resume {
            run.sends.retain(|sending| sending.is_left(resume));
        }
        let route = run.plan.name();
        let (whole, of_parts): (Vec<_>, Vec<_>) = (run.confirm().await.into_iter())
            .partition(|(part, failure)| part.is_none() || failure.kind == Kind::Connection);
        if let Some(failure) = super::decisive(whole) {
            return Err(failure);
        }
        let mut failures: Vec<Failure> = failure.into_iter().collect();
        failures.append(&mut self.passed);
        for (part, failure) in of_parts {
            if let Some((step, position)) = part {
                self.failed.entry(step).or_default().insert(position);
            }
            failures.push(failure);
        }
        match worst(failures) {
            Some(failure) => Err(Failure { left: self.left().write(route), ..failure }),
            None => Ok(()),
        }
    }

    fn left(self) -> Left {
        let Some(resume) = self.resume else { return Left { at: self.at, parts: self.failed } };
        let mut parts = self.failed;
        parts.extend(resume.parts.into_iter().filter(|(step, _)| !self.visited.contains(step)));
        Left { at: resume.at, parts }
    }
}

/// The failure that decides what becomes of parts: as long as one may pass, what failed is tried again.
fn worst(failures: Vec<Failure>) -> Option<Failure> {
    let more = failures.len().saturating_sub(1);
    let at = failures.iter().position(|failure| failure.class == Class::Transient).unwrap_or_default();
    let mut failure = failures.into_iter().nth(at)?;
    if more > 0 {
        failure.reason = format!("{} (and {more} more failed)", failure.reason);
    }
    Some(failure)
}
