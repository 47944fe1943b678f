//! A named sub-route: steps that several routes share.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::contract::Contract;
use crate::diagnostic::yaml::Spanned;
use crate::endpoint::BoxFuture;
use crate::message::Failure;
use crate::route::compile::{Compiler, Place};
use crate::route::plan::Sequence;
use crate::route::run::Run;

use super::{Description, Flow, Pattern, Step};

/// Runs the steps of a file below `steps/`, as if they stood here: `- run: notify` those of `steps/notify.yaml`, which has
/// `steps`, and may have a `description` and the contract that it `accepts`. The id of a step there has that of the `run`
/// and a dot before it.
///
/// A file of steps may run another one, but not itself, to a depth of 8, and at most 1000 steps come into a route in this
/// way.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RunSteps(Spanned<String>);

#[derive(Debug)]
struct Compiled {
    name: String,
    accepts: Option<Arc<Contract>>,
    steps: Sequence,
}

impl Pattern for RunSteps {
    fn compile(&self, place: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        let (accepts, steps) = compiler.sub_route(&self.0, place)?;
        Some(Box::new(Compiled { name: self.0.value.clone(), accepts, steps }))
    }
}

impl Step for Compiled {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(async move {
            if let Some(contract) = &self.accepts {
                run.document_as(contract)?;
            }
            self.steps.run(run).await
        })
    }

    fn looks(&self) -> bool {
        self.accepts.is_some()
    }

    fn describe(&self) -> Description<'_> {
        let text = match &self.accepts {
            Some(contract) => format!("run {} on a document of contract {}", self.name, contract.reference()),
            None => format!("run {}", self.name),
        };
        Description { text, branches: vec![(format!("steps of {}", self.name), &self.steps)] }
    }
}
