//! Message Filter: only what is of interest goes on.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{Diagnostic, codes};
use crate::endpoint::BoxFuture;
use crate::message::Failure;
use crate::route::compile::{Compiler, Place};
use crate::route::expression::Expression;
use crate::route::run::Run;

use super::{Description, Flow, Pattern, Step};

/// Lets a message go on only if a condition holds. What does not go on ends as `filtered`: acknowledged, without
/// reply, not a failure. What earlier steps have sent, is sent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// The condition, a jq expression. As in jq, everything but `false` and `null` holds.
    pub when: Spanned<String>,
}

#[derive(Debug)]
struct Compiled {
    when: Expression,
}

impl Pattern for Filter {
    fn compile(&self, _: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        let when = compiler.condition(&self.when)?;
        if when.constant_truth() == Some(false) {
            compiler.report(
                Diagnostic::warning(
                    codes::STEP_UNREACHABLE,
                    compiler.file,
                    self.when.span.clone(),
                    "no message passes this filter",
                )
                .label("never holds")
                .hint("write a condition over the document, as `.topic == \"orders/create\"`"),
            );
            compiler.flow.end("no message passes the filter before it");
        }
        Some(Box::new(Compiled { when }))
    }
}

impl Step for Compiled {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        let flow = self.when.holds(run).map(|holds| if holds { Flow::Continue } else { Flow::Filtered });
        Box::pin(std::future::ready(flow))
    }

    fn exits(&self) -> &'static [Flow] {
        &[Flow::Filtered]
    }

    fn describe(&self) -> Description<'_> {
        Description::line(format!("go on only when {}", self.when.source()))
    }
}
