//! Content-Based Router: the first branch whose condition holds.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{Diagnostic, codes};
use crate::endpoint::BoxFuture;
use crate::message::Failure;
use crate::route::compile::{Compiler, Place};
use crate::route::expression::Expression;
use crate::route::model::Steps;
use crate::route::plan::Sequence;
use crate::route::run::Run;

use super::{Description, Flow, Pattern, Step};

/// Takes the first branch whose condition holds, and runs its steps; the route goes on after them. If none holds
/// and there is no `otherwise`, the message goes on as it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Choice(Vec<Spanned<Branch>>);

/// One branch: either `when` with `steps`, or `otherwise` alone, as the last one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Branch {
    /// The condition, a jq expression. As in jq, everything but `false` and `null` holds.
    #[serde(default)]
    pub when: Option<Spanned<String>>,
    /// The steps of the branch.
    #[serde(default)]
    pub steps: Option<Steps>,
    /// The steps for messages for which no condition holds.
    #[serde(default)]
    pub otherwise: Option<Steps>,
}

#[derive(Debug)]
struct Compiled {
    branches: Vec<(Expression, Sequence)>,
    /// What it is called, and its steps; `None` if a condition always holds.
    otherwise: Option<(&'static str, Sequence)>,
}

impl Pattern for Choice {
    fn compile(&self, place: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        if self.0.is_empty() {
            compiler.report(
                Diagnostic::error(codes::STEP_SHAPE, compiler.file, place.span.clone(), "`choice` has no branch")
                    .hint("write a list of `{ when: …, steps: […] }`, and `{ otherwise: […] }` last"),
            );
            return None;
        }
        let before = compiler.flow.clone();
        let mut after = Vec::new();
        let mut branches = Vec::new();
        let mut otherwise = None;
        let mut all_taken_by: Option<&str> = None;
        for (position, branch) in (1..).zip(&self.0) {
            if let Some(by) = all_taken_by {
                compiler.report(
                    Diagnostic::error(
                        codes::STEP_UNREACHABLE,
                        compiler.file,
                        branch.span.clone(),
                        format!("no message reaches this branch: {by}"),
                    )
                    .hint("put it before that branch, or remove it"),
                );
            }
            compiler.flow = before.clone();
            let name = format!("{}.{position}", place.id);
            match (&branch.value.when, &branch.value.steps, &branch.value.otherwise) {
                (Some(when), Some(steps), None) => {
                    let condition = compiler.condition(when);
                    let steps = compiler.sequence(steps, &name);
                    match condition.as_ref().and_then(Expression::constant_truth) {
                        Some(true) => all_taken_by = Some("a condition before it always holds"),
                        Some(false) => compiler.report(
                            Diagnostic::error(
                                codes::STEP_UNREACHABLE,
                                compiler.file,
                                when.span.clone(),
                                "no message takes this branch",
                            )
                            .label("never holds")
                            .hint("write a condition over the document, as `.channel == \"web\"`"),
                        ),
                        None => {}
                    }
                    branches.extend(condition.map(|condition| (condition, steps)));
                }
                (None, None, Some(steps)) => {
                    otherwise = Some(("otherwise", compiler.sequence(steps, &name)));
                    all_taken_by = Some("`otherwise` before it takes all that is left");
                }
                _ => compiler.report(
                    Diagnostic::error(
                        codes::STEP_SHAPE,
                        compiler.file,
                        branch.span.clone(),
                        "a branch is either `when` with `steps`, or `otherwise`",
                    )
                    .hint("write `{ when: …, steps: […] }` or `{ otherwise: […] }`"),
                ),
            }
            after.push(compiler.flow.clone());
        }
        if all_taken_by.is_none() {
            after.push(before);
            otherwise = Some(("no condition holds: as it is", Sequence::default()));
        }
        compiler.flow.join(after);
        Some(Box::new(Compiled { branches, otherwise }))
    }
}

impl Compiled {
    fn choose(&self, run: &mut Run<'_>) -> Result<Option<&Sequence>, Failure> {
        for (when, steps) in &self.branches {
            if when.holds(run)? {
                return Ok(Some(steps));
            }
        }
        Ok(self.otherwise.as_ref().map(|(_, steps)| steps))
    }
}

impl Step for Compiled {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(async move {
            match self.choose(run)? {
                Some(steps) => steps.run(run).await,
                None => Ok(Flow::Continue),
            }
        })
    }

    fn describe(&self) -> Description<'_> {
        let mut branches: Vec<_> =
            self.branches.iter().map(|(when, steps)| (format!("when {}", when.source()), steps)).collect();
        branches.extend(self.otherwise.iter().map(|(name, steps)| ((*name).to_owned(), steps)));
        Description { text: "take the first branch whose condition holds".to_owned(), branches }
    }
}
