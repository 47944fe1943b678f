//! Message Translator: a document of one contract becomes one of another.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::contract::Contract;
use crate::diagnostic::yaml::Spanned;
use crate::endpoint::BoxFuture;
use crate::message::{Failure, Message};
use crate::route::compile::{Compiler, Place};
use crate::route::run::Run;
use crate::transform::Uses;

use super::{Description, Flow, Pattern, Step};

/// Maps the document with a file below `transforms/`. The result is validated and written by the transform's target
/// contract, as JSON or XML, and takes the place of the body.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Transform(Spanned<String>);

/// A transform in its place.
#[derive(Debug)]
pub(super) struct Mapping {
    transform: Arc<crate::transform::Transform>,
    uses: Uses,
}

impl Pattern for Transform {
    fn compile(&self, _: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        let Some(transform) = compiler.transform(&self.0) else {
            compiler.flow.becomes_anything();
            return None;
        };
        compiler.expect(transform.from(), &self.0, "input");
        compiler.flow.becomes(Some(transform.to().clone()));
        Some(Box::new(Mapping::of(transform)))
    }
}

impl Mapping {
    pub(super) fn of(transform: Arc<crate::transform::Transform>) -> Self {
        Self { uses: transform.uses(), transform }
    }

    /// The contract of the result.
    pub(super) fn gives(&self) -> &Arc<Contract> {
        self.transform.to()
    }

    /// The contract by which the document is read.
    pub(super) fn from(&self) -> &Arc<Contract> {
        self.transform.from()
    }

    /// The message with the transform's result; the message of the run stays what it is.
    pub(super) fn aside(&self, run: &mut Run<'_>) -> Result<Message, Failure> {
        run.document_as(self.transform.from())?;
        let mut fork = run.fork();
        self.apply(&mut fork)?;
        Ok(fork.message().clone())
    }

    /// Puts the transform's result in the place of the document.
    fn apply(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let input = run.document_as(self.transform.from())?.clone();
        let variables = run.variables(self.uses);
        let output = self.transform.run(&input, &variables, run.limits())?;
        drop(input);
        run.set_document(output, self.transform.to())?;
        Ok(Flow::Continue)
    }
}

impl Step for Mapping {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(std::future::ready(self.apply(run)))
    }

    fn reads(&self) -> Vec<&Arc<Contract>> {
        vec![self.transform.from()]
    }

    fn describe(&self) -> Description<'_> {
        let (from, to) = (self.transform.from().reference(), self.transform.to().reference());
        Description::line(format!("transform {}: {from} -> {to}", self.transform.name()))
    }
}
