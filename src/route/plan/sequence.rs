//! Steps in their places: the sequences of a plan, how they run, and with whom they talk.

use std::ops::Range;
use std::sync::Arc;

use crate::contract::Contract;
use crate::message::{Failure, Text};
use crate::route::breaker::Endpoint;
use crate::route::run::Run;
use crate::route::step::{Flow, Step};

use super::may_pass;

/// Steps that run one after the other.
#[derive(Debug, Default)]
pub struct Sequence {
    pub(in crate::route) steps: Vec<Placed>,
}

/// A step in its place.
#[derive(Debug)]
pub struct Placed {
    /// Written by the author, or made from pattern and position.
    pub id: Text,
    /// The pattern's name.
    pub pattern: &'static str,
    /// What it does.
    pub step: Box<dyn Step>,
    /// How often it is tried again at once; `None` if that is the route's matter.
    pub retry: Option<u32>,
    /// Where it stands in the route's file.
    pub span: Range<usize>,
    /// The contracts that a document may have which comes to it, as far as they are known.
    pub takes: Vec<Arc<Contract>>,
    /// The contracts that a document may have which goes on from it.
    pub gives: Vec<Arc<Contract>>,
}

/// With whom a step talks, and over which contracts, as far as they are known.
#[derive(Debug)]
pub struct Talk<'a> {
    /// Who gets what is sent.
    pub to: Endpoint,
    /// The contracts of what is sent.
    pub sent: Vec<&'a Arc<Contract>>,
    /// Whether an answer is waited for; its contract, if one is named.
    pub answer: Option<Option<&'a Arc<Contract>>>,
}

impl Placed {
    /// With whom the step talks, in the order of its targets.
    pub fn talks(&self) -> impl Iterator<Item = Talk<'_>> {
        let answers = self.step.answers().iter().chain(std::iter::repeat(&None));
        self.step.targets().iter().zip(answers).map(|(target, answer)| Talk {
            to: Endpoint::of(target),
            sent: self.step.sends().map_or_else(|| self.takes.iter().collect(), |contract| vec![contract]),
            answer: self.step.calls().then_some(answer.as_ref()),
        })
    }
}

impl Sequence {
    /// Runs the steps until the last, a failure, or a step that ends the message's way.
    pub async fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        if let Some(watch) = run.watch() {
            watch.enters(self);
        }
        Self::run_all(&self.steps, run).await
    }

    pub(super) async fn run_all(steps: &[Placed], run: &mut Run<'_>) -> Result<Flow, Failure> {
        for placed in steps {
            run.enter(placed);
            let mut again = placed.retry.unwrap_or_default();
            loop {
                match placed.run(run).await {
                    Ok(Flow::Continue) => break,
                    Ok(end) => return Ok(end),
                    Err(failure) if again > 0 && may_pass(&failure) => {
                        again -= 1;
                        run.ports().tries_again(&failure);
                    }
                    Err(failure) => return Err(failure.in_step(&placed.id)),
                }
            }
        }
        Ok(Flow::Continue)
    }

    /// These steps and those that they own, each before its own.
    pub fn all(&self) -> Vec<&Placed> {
        let mut found = Vec::new();
        let mut open: Vec<&Placed> = self.steps.iter().rev().collect();
        while let Some(placed) = open.pop() {
            found.push(placed);
            let branches = placed.step.describe().branches.into_iter().rev();
            open.extend(branches.flat_map(|(_, branch)| branch.steps.iter().rev()));
        }
        found
    }

    /// The contracts of which the first step takes one, where it names them itself.
    pub(in crate::route) fn reads(&self) -> Vec<&Arc<Contract>> {
        self.steps.first().map(|placed| placed.step.reads()).unwrap_or_default()
    }

    /// The steps in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Placed> {
        self.steps.iter()
    }
}

impl Placed {
    async fn run(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let Some(watch) = run.watch() else { return self.step.run(run).await };
        watch.begins(self, run);
        let result = self.step.run(run).await;
        watch.ends(self, run, result.as_ref().copied());
        result
    }
}

impl Placed {
    /// Takes a message of the step's own.
    pub(super) async fn come_back(&self, run: &mut Run<'_>, is_timer: bool) -> Result<Flow, Failure> {
        let Some(watch) = run.watch() else { return self.step.come_back(run, is_timer).await };
        watch.begins(self, run);
        let result = self.step.come_back(run, is_timer).await;
        watch.ends(self, run, result.as_ref().copied());
        result
    }
}
