//! Wire Tap: a copy of the message goes aside.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::yaml::Spanned;
use crate::endpoint::BoxFuture;
use crate::message::Failure;
use crate::route::compile::{Compiler, Place};
use crate::route::model::Steps;
use crate::route::plan::Sequence;
use crate::route::run::Run;
use crate::route::run::parts::{How, OnFailure};

use super::split::{has_no_steps, on_failure};
use super::{Description, Flow, Pattern, Step};

/// Runs `steps` on a copy of the message; the route goes on with the message as it was, also when the copy fails. What
/// the steps send is published and confirmed with all the rest.
///
/// If only the copy fails, all the rest is sent, and the copy alone is tried again and in the end dead.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WireTap {
    /// What is done with the copy.
    pub steps: Spanned<Steps>,
    /// What the failure of the copy means for the message; `apart` if left out, but `together` where the tap stands among
    /// the steps of a part.
    #[serde(default)]
    pub on_failure: Option<Spanned<OnFailure>>,
}

#[derive(Debug)]
struct Compiled {
    steps: Sequence,
    how: How,
}

impl Pattern for WireTap {
    fn compile(&self, place: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        if self.steps.is_empty() {
            has_no_steps(compiler, &place.span, "wire_tap");
        }
        let steps = compiler.fork("wire_tap", &self.steps, place.id);
        let on_failure = on_failure(compiler, self.on_failure.as_ref(), OnFailure::Apart);
        let goes_on = on_failure == OnFailure::Apart;
        Some(Box::new(Compiled { steps, how: How { noun: "the copy", parallel: 1, on_failure, goes_on } }))
    }
}

impl Compiled {
    async fn tap(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        run.in_parts(self.how, 1, |_, _| Ok(&self.steps)).await?;
        Ok(Flow::Continue)
    }
}

impl Step for Compiled {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(self.tap(run))
    }

    fn describe(&self) -> Description<'_> {
        let text = format!("a copy goes aside; {}", self.how.on_failure);
        Description { text, branches: vec![("the copy".to_owned(), &self.steps)] }
    }
}
