//! Multicast: one message goes several ways at once, each with steps of its own.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{Diagnostic, codes};
use crate::endpoint::BoxFuture;
use crate::message::Failure;
use crate::route::compile::{Compiler, Place};
use crate::route::model::Steps;
use crate::route::plan::Sequence;
use crate::route::run::Run;
use crate::route::run::parts::{How, OnFailure};

use super::split::{has_no_steps, on_failure};
use super::{Description, Flow, Pattern, Step};

const MOST_BRANCHES: usize = 32;

/// Gives each branch a copy of the message and runs the branches side by side. Then the route goes on with the message as
/// it was before. What the branches send is published in their order.
///
/// A `filter` or `stop` in a branch ends that branch alone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Multicast {
    /// The branches, from 1 to 32.
    pub branches: Vec<Branch>,
    /// What the failure of a branch means for the others; `together` if left out.
    #[serde(default)]
    pub on_failure: Option<Spanned<OnFailure>>,
}

/// One way of a `multicast`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MulticastBranch")]
pub struct Branch {
    /// What is done with the copy.
    pub steps: Spanned<Steps>,
}

#[derive(Debug)]
struct Compiled {
    branches: Vec<Sequence>,
    how: How,
}

impl Pattern for Multicast {
    fn compile(&self, place: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        if !(1..=MOST_BRANCHES).contains(&self.branches.len()) {
            let message = format!("`multicast` has {} branches", self.branches.len());
            compiler.report(
                Diagnostic::error(codes::STEP_SHAPE, compiler.file, place.span.clone(), message)
                    .hint("write from 1 to 32 branches, each as `- steps: […]`"),
            );
        }
        let mut branches = Vec::new();
        for (position, branch) in (1..).zip(&self.branches) {
            if branch.steps.is_empty() {
                has_no_steps(compiler, &branch.steps.span, "multicast");
            }
            branches.push(compiler.fork("multicast", &branch.steps, &format!("{}.{position}", place.id)));
        }
        let on_failure = on_failure(compiler, self.on_failure.as_ref(), OnFailure::Together);
        let how = How { noun: "branch", parallel: branches.len(), on_failure, goes_on: false };
        Some(Box::new(Compiled { branches, how }))
    }
}

impl Compiled {
    async fn multicast(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let count = u32::try_from(self.branches.len()).unwrap_or(u32::MAX);
        let none = Sequence::default();
        run.in_parts(self.how, count, |position, _| {
            Ok(self.branches.get((position as usize).saturating_sub(1)).unwrap_or(&none))
        })
        .await?;
        Ok(Flow::Continue)
    }
}

impl Step for Compiled {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(self.multicast(run))
    }

    fn describe(&self) -> Description<'_> {
        let branches = (1..).zip(&self.branches).map(|(position, steps)| (format!("branch {position}"), steps));
        let text = format!("go {} ways side by side; {}", self.branches.len(), self.how.on_failure);
        Description { text, branches: branches.collect() }
    }
}
