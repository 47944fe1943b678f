//! A line in the log.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::yaml::Spanned;
use crate::endpoint::BoxFuture;
use crate::format::json;
use crate::message::{Failure, Text, Value};
use crate::route::compile::{Compiler, Place};
use crate::route::expression::Expression;
use crate::route::run::Run;
use crate::transform::Wanted;

use super::{Description, Flow, Pattern, Step};

/// Writes a line to the log at level `info`: a jq expression. A string is written as it is, any other value as JSON.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Log(Spanned<String>);

#[derive(Debug)]
struct Compiled {
    text: Expression,
}

impl Pattern for Log {
    fn compile(&self, _: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        let text = compiler.expression_of_document(&self.0, Wanted::Anything)?;
        Some(Box::new(Compiled { text }))
    }
}

impl Compiled {
    fn log(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let text = match self.text.one(run)? {
            Value::String(text) => text,
            other => Text::from(json::compact(&other)),
        };
        run.ports().log(tracing::Level::INFO, &text);
        Ok(Flow::Continue)
    }
}

impl Step for Compiled {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(std::future::ready(self.log(run)))
    }

    fn describe(&self) -> Description<'_> {
        Description::line(format!("log {}", self.text.source()))
    }
}
