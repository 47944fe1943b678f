//! Ends a message's way, well.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::endpoint::BoxFuture;
use crate::message::Failure;
use crate::route::compile::{Compiler, Place};
use crate::route::run::Run;

use super::{Description, Flow, Pattern, Step};

/// Ends the message's way: no further step is run. What was sent is sent, the sender gets the route's `reply`, and the
/// message ends as `delivered`. Among the steps of a part, it ends the part alone. Has no settings: `stop: {}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stop {}

#[derive(Debug)]
struct Compiled;

impl Pattern for Stop {
    fn compile(&self, _: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        compiler.stops.push(compiler.flow.clone());
        compiler.flow.end("`stop` ends every message's way before it");
        Some(Box::new(Compiled))
    }
}

impl Step for Compiled {
    fn run<'a>(&'a self, _: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(std::future::ready(Ok(Flow::Stop)))
    }

    fn describe(&self) -> Description<'_> {
        Description::line("stop here")
    }

    fn looks(&self) -> bool {
        false
    }
}
