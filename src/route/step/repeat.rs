//! The same steps again, a bounded number of times.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{Diagnostic, codes};
use crate::endpoint::BoxFuture;
use crate::message::{Failure, Kind};
use crate::route::compile::{Compiler, Place};
use crate::route::expression::Expression;
use crate::route::model::Steps;
use crate::route::plan::Sequence;
use crate::route::run::Run;
use crate::transform::Wanted;

use super::split::{has_no_steps, number};
use super::{Description, Flow, Pattern, Step};

const MOST_ROUNDS: u32 = 1000;

/// Runs `steps` as long as a condition holds, each time on what the last time has left. If it holds still after `at_most`
/// times, the message fails for good with the type `limit`. When a message is tried again, its calls are made again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Loop {
    /// The condition, a jq expression, looked at before each time. As in jq, everything but `false` and `null` holds.
    #[serde(rename = "while")]
    pub condition: Spanned<String>,
    /// How many times at most, from 1 to 1000.
    pub at_most: Spanned<u32>,
    /// What is done each time.
    pub steps: Spanned<Steps>,
}

#[derive(Debug)]
struct Compiled {
    condition: Expression,
    at_most: u32,
    steps: Sequence,
}

impl Pattern for Loop {
    fn compile(&self, place: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        if self.steps.is_empty() {
            has_no_steps(compiler, &place.span, "loop");
        }
        let condition = compiler.expression(&self.condition);
        if let Some(holds) = condition.as_ref().and_then(Expression::constant_truth) {
            let message = if holds { "this condition never ends the loop" } else { "this loop is never run" };
            compiler.report(
                Diagnostic::error(codes::STEP_UNREACHABLE, compiler.file, self.condition.span.clone(), message)
                    .hint("write a condition over the document, as `.next != null`"),
            );
        }
        let at_most = number(compiler, Some(&self.at_most), MOST_ROUNDS).unwrap_or(1);
        let before = compiler.flow.clone();
        let round = compiler.flow.begins_round();
        let steps = compiler.guarded("loop", &self.steps, place.id);
        let references = |flow: &crate::route::reach::Reach| -> Vec<String> {
            flow.known().map(|contract| contract.reference().to_owned()).collect()
        };
        let (begins, ends) = (references(&before), references(&compiler.flow));
        if !begins.is_empty() && !ends.is_empty() && begins != ends {
            let message =
                format!("the steps begin with `{}` and end with `{}`", begins.join("`, `"), ends.join("`, `"));
            compiler.report(
                Diagnostic::error(codes::CONTRACT_MISMATCH, compiler.file, place.span.clone(), message)
                    .hint("end them with a document of the contract with which they begin"),
            );
        }
        let ends = compiler.flow.clone();
        round.comes_around(&ends.left());
        compiler.flow.join(vec![before, ends]);
        if let Some(condition) = &condition {
            let documents = Arc::clone(compiler.flow.documents());
            compiler.follow(condition, Arc::clone(&documents), Wanted::Holds(documents));
        }
        Some(Box::new(Compiled { condition: condition?, at_most, steps }))
    }
}

impl Compiled {
    async fn rounds(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        for _ in 0..self.at_most {
            if !self.condition.holds(run)? {
                return Ok(Flow::Continue);
            }
            match self.steps.run(run).await? {
                Flow::Continue => {}
                end => return Ok(end),
            }
        }
        if self.condition.holds(run)? {
            let reason = format!("after {} times the condition holds still", self.at_most);
            return Err(Failure::permanent(Kind::Limit, reason));
        }
        Ok(Flow::Continue)
    }
}

impl Step for Compiled {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(self.rounds(run))
    }

    fn describe(&self) -> Description<'_> {
        let text = format!("while {}, at most {} times", self.condition.source(), self.at_most);
        Description { text, branches: vec![("each time".to_owned(), &self.steps)] }
    }
}
