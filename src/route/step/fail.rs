//! Ends a message's way with a failure.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::yaml::Spanned;
use crate::endpoint::BoxFuture;
use crate::format::json;
use crate::message::{self, Failure, Kind, Stage, Value};
use crate::route::compile::{Compiler, Place};
use crate::route::expression::Expression;
use crate::route::run::Run;
use crate::transform::Wanted;

use super::{Description, Flow, Pattern, Step};

/// The longest reason, in characters.
const LONGEST: usize = 2000;

/// Fails the message: with the type `rejected`, in this step, for the reason that the route's author gives.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fail {
    /// Whether trying again can help; `permanent` if left out.
    #[serde(default)]
    pub class: Class,
    /// Why, a jq expression, as `"no price for \(.sku)"` with its quotes. A string is taken as it is, any other value as
    /// JSON.
    pub reason: Spanned<String>,
}

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "FailClass")]
pub enum Class {
    /// The message becomes a dead letter.
    #[default]
    Permanent,
    /// The message is tried again as `on_error` says.
    Transient,
}

#[derive(Debug)]
struct Compiled {
    class: message::Class,
    reason: Expression,
}

impl Pattern for Fail {
    fn compile(&self, _: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        let reason = compiler.expression_of_document(&self.reason, Wanted::Anything);
        compiler.flow.end("`fail` ends every message's way before it");
        compiler.sends = true;
        let class = match self.class {
            Class::Permanent => message::Class::Permanent,
            Class::Transient => message::Class::Transient,
        };
        Some(Box::new(Compiled { class, reason: reason? }))
    }
}

impl Compiled {
    fn fail(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let reason = match self.reason.one(run)? {
            Value::String(text) => text.to_string(),
            other => json::compact(&other),
        };
        let reason: String = reason.chars().take(LONGEST).collect();
        Err(Failure::new(self.class, Stage::Process, Kind::Rejected, reason))
    }
}

impl Step for Compiled {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(std::future::ready(self.fail(run)))
    }

    fn describe(&self) -> Description<'_> {
        Description::line(format!("fail, {}: {}", self.class, self.reason.source()))
    }
}
