//! Recipient List: the message goes to those whom it names, if they are allowed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{Diagnostic, codes};
use crate::endpoint::BoxFuture;
use crate::endpoint::settings::{AmqpTarget, Endpoint};
use crate::message::{Failure, Kind, Text, Value};
use crate::route::compile::{Compiler, Place};
use crate::route::expression::Expression;
use crate::route::plan::Sequence;
use crate::route::run::Run;
use crate::route::run::parts::{How, OnFailure};
use crate::route::target::Target;
use crate::transform::Wanted;

use super::split::on_failure;
use super::{Description, Flow, Pattern, Step};

/// Sends the message, as it stands now, to each recipient that an expression names. A name that is not among those that
/// are allowed is a permanent failure, and nothing is sent; one that comes twice is sent to once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecipientList {
    /// The names, a jq expression that gives an array of texts, as `.channels`.
    pub names: Spanned<String>,
    /// The endpoint of each name that is allowed.
    pub allow: BTreeMap<String, Spanned<Endpoint<AmqpTarget>>>,
    /// What the failure of one recipient means for the others; `together` if left out.
    #[serde(default)]
    pub on_failure: Option<Spanned<OnFailure>>,
}

#[derive(Debug)]
struct Compiled {
    names: Expression,
    allowed: Vec<Text>,
    targets: Vec<Target>,
    nothing: Sequence,
    how: How,
}

impl Pattern for RecipientList {
    fn compile(&self, place: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        compiler.sends = true;
        if self.allow.is_empty() {
            let message = "`recipient_list` allows no recipient";
            compiler.report(
                Diagnostic::error(codes::STEP_SHAPE, compiler.file, place.span.clone(), message)
                    .hint("write `allow: { name: { amqp: { exchange: …, routing_key: … } } }`"),
            );
        }
        let names = compiler.expression_of_document(&self.names, Wanted::Names("names"));
        let targets: Vec<_> =
            self.allow.values().map(|endpoint| compiler.endpoint(&endpoint.value, &endpoint.span)).collect();
        let on_failure = on_failure(compiler, self.on_failure.as_ref(), OnFailure::Together);
        Some(Box::new(Compiled {
            names: names?,
            allowed: self.allow.keys().map(|name| Text::from(name.as_str())).collect(),
            targets: targets.into_iter().collect::<Option<_>>()?,
            nothing: Sequence::default(),
            how: How { noun: "recipient", parallel: 1, on_failure, goes_on: false },
        }))
    }
}

impl Compiled {
    /// The named recipients, each once.
    fn recipients(&self, run: &mut Run<'_>) -> Result<Vec<&Target>, Failure> {
        let names = names(&self.names.one(run)?)?;
        let mut recipients: Vec<usize> = Vec::new();
        for name in names {
            let Some(at) = self.allowed.iter().position(|allowed| *allowed == name) else {
                let reason = format!("`{}` is not among the recipients that are allowed", brief(&name));
                return Err(Failure::permanent(Kind::Mapping, reason));
            };
            if !recipients.contains(&at) {
                recipients.push(at);
            }
        }
        Ok(recipients.into_iter().filter_map(|at| self.targets.get(at)).collect())
    }

    async fn send(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let recipients = self.recipients(run)?;
        let count = u32::try_from(recipients.len()).unwrap_or(u32::MAX);
        run.in_parts(self.how, count, |position, fork| {
            if let Some(target) = recipients.get((position as usize).saturating_sub(1)) {
                let address = target.address(fork)?;
                fork.send(address);
            }
            Ok(&self.nothing)
        })
        .await?;
        Ok(Flow::Continue)
    }
}

/// The texts of an array of names.
pub(super) fn names(value: &Value) -> Result<Vec<Text>, Failure> {
    let wrong = |found: &str| Failure::permanent(Kind::Mapping, format!("an array of names is needed, not {found}"));
    let Value::Array(names) = value else { return Err(wrong(value.type_name())) };
    let name = |name: &Value| match name {
        Value::String(name) => Ok(name.clone()),
        other => Err(wrong(&format!("one with {}", other.type_name()))),
    };
    names.iter().map(name).collect()
}

/// A name that came with a message, as it is told.
pub(super) fn brief(name: &str) -> String {
    name.chars().take(60).collect()
}

impl Step for Compiled {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(self.send(run))
    }

    fn targets(&self) -> &[Target] {
        &self.targets
    }

    fn describe(&self) -> Description<'_> {
        let allowed = self.allowed.iter().zip(&self.targets).map(|(name, target)| format!("{name} ({target})"));
        let allowed = allowed.collect::<Vec<_>>().join(", ");
        let (names, fails) = (self.names.source(), self.how.on_failure);
        Description::line(format!("send to each of {names} among {allowed}; {fails}"))
    }
}
