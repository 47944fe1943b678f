//! Who looks on while a plan runs: coverage and traces. On the live bus nobody does.

use std::fmt;

use crate::message::{Failure, Value};

use super::plan::{Placed, Sequence};
use super::run::Run;
use super::step::Flow;

/// Is told what a run does, as it does it.
pub trait Watch: fmt::Debug + Send + Sync {
    /// Steps begin: those of the route, or those of a branch.
    fn enters(&self, steps: &Sequence);

    /// A step begins.
    fn begins(&self, step: &Placed, run: &Run<'_>);

    /// The step that runs has evaluated an expression.
    fn evaluates(&self, expression: &str, value: &Value);

    /// A step has ended. One that is tried again on its own ends once for each attempt.
    fn ends(&self, step: &Placed, run: &Run<'_>, result: Result<Flow, &Failure>);
}
