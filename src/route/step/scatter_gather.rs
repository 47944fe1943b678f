//! Scatter-Gather: several participants are asked at once, and one document is made of their answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::contract::Contract;
use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{Diagnostic, codes};
use crate::endpoint::BoxFuture;
use crate::endpoint::settings::AmqpTarget;
use crate::message::{Class, Failure, Kind, Message, Stage, Text, Value};
use crate::route::compile::{Compiler, Place};
use crate::route::expression::Expression;
use crate::route::run::Run;
use crate::route::target::Target;
use crate::transform::Documents;

use super::call::{error_of, merged, named, timeout};
use super::split::number;
use super::{Description, Flow, Pattern, Step};

const MOST_ASKED: usize = 32;
/// The longest reason of a failure, in characters.
const LONGEST: usize = 2000;

/// Asks several participants at once and waits for their answers, at most until the timeout. Then `gather` makes one
/// document of the answers, which takes the place of the message's; headers and properties stay.
///
/// Who does not answer in time, answers with the header `trunkline-error`, or with a document that breaks the contract, has
/// not answered. With fewer answers than `at_least` the message fails: for the moment if one of those failures is so. When
/// it is tried again, all are asked again.
///
/// The best answer is a matter of `gather`: `.replies | map(.) | min_by(.price)`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScatterGather {
    /// Who is asked, by name: from 1 to 32.
    pub ask: BTreeMap<String, Spanned<Asked>>,
    /// How long to wait for answers, as `3s`; 10 seconds if left out, at most 15 minutes.
    #[serde(default)]
    pub timeout: Option<Spanned<String>>,
    /// How long to wait; `all` if left out.
    #[serde(default)]
    pub until: Until,
    /// How many answers are needed. All of them if left out, and with `until: first` one.
    #[serde(default)]
    pub at_least: Option<Spanned<u32>>,
    /// Makes a document of the answers, a jq expression. Its input has the answers by name in `.replies`, and the document of the
    /// message in `.message`. With `until: first` it may be left out: the answer itself is the document then.
    #[serde(default)]
    pub gather: Option<Spanned<String>>,
    /// The contract of the new document. Without it, it is JSON as it stands.
    #[serde(default)]
    pub contract: Option<Spanned<String>>,
}

/// A participant that is asked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Where the request goes.
    pub amqp: AmqpTarget,
    /// The contract of the answer. Without it the answer must be JSON.
    #[serde(default)]
    pub accepts: Option<Spanned<String>>,
}

/// For what is waited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// Until all have answered, or the time is over.
    #[default]
    All,
    /// Until so many have answered as are needed.
    First,
}

#[derive(Debug)]
struct Compiled {
    names: Vec<Text>,
    targets: Vec<Target>,
    accepts: Vec<Option<Arc<Contract>>>,
    timeout: Duration,
    until: Until,
    at_least: usize,
    gather: Option<Expression>,
    contract: Option<Arc<Contract>>,
}

impl Pattern for ScatterGather {
    fn compile(&self, place: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        compiler.sends = true;
        compiler.waits.called = true;
        if !(1..=MOST_ASKED).contains(&self.ask.len()) {
            let message = format!("`scatter_gather` asks {} participants", self.ask.len());
            compiler.report(
                Diagnostic::error(codes::STEP_SHAPE, compiler.file, place.span.clone(), message)
                    .hint("write from 1 to 32, as `ask: { north: { amqp: { … } } }`"),
            );
        }
        let asked: Vec<_> = self.ask.values().map(|asked| Self::asked(asked, compiler)).collect();
        let timeout = timeout(self.timeout.as_ref(), compiler);
        let all = self.ask.len().max(1);
        let default = if self.until == Until::All { all } else { 1 };
        let most = u32::try_from(all).unwrap_or(u32::MAX);
        let at_least = number(compiler, self.at_least.as_ref(), most).map_or(default, |written| written as usize);
        if self.gather.is_none() && (self.until == Until::All || at_least > 1) {
            let message = "nothing says how one document is made of several answers";
            compiler
                .report(Diagnostic::error(codes::STEP_SHAPE, compiler.file, place.span.clone(), message).hint(
                    "add `gather:` with a jq expression over `.replies` and `.message`, or write `until: first`",
                ));
        }
        let gather = self.gather.as_ref().map(|gather| compiler.expression(gather));
        let contract = named(self.contract.as_ref(), compiler);
        let asked: Option<Vec<_>> = asked.into_iter().collect();
        match (&asked, &gather, &contract) {
            (Some(asked), Some(Some(gather)), Some(contract)) => {
                let replies = self.replies(asked, at_least == all);
                compiler.becomes_merged(gather, "replies", replies, contract.as_ref());
            }
            (_, _, Some(Some(contract))) => compiler.flow.becomes(Some(contract.clone())),
            (Some(asked), None, _) => {
                let replies = asked.iter().map(|(_, accepts)| Documents::of(accepts.as_ref()));
                compiler.flow.becomes_made(Documents::one_of(replies.collect()));
            }
            _ => compiler.flow.becomes_anything(),
        }
        let (targets, accepts) = asked?.into_iter().unzip();
        Some(Box::new(Compiled {
            names: self.ask.keys().map(|name| Text::from(name.as_str())).collect(),
            targets,
            accepts,
            timeout: timeout?,
            until: self.until,
            at_least,
            gather: gather.map_or(Some(None), |gather| gather.map(Some))?,
            contract: contract?,
        }))
    }
}

impl ScatterGather {
    /// The answers by name: of all who are asked, or of some.
    fn replies(&self, asked: &[(Target, Option<Arc<Contract>>)], all: bool) -> Arc<Documents> {
        let replies = self.ask.keys().zip(asked);
        let reply = |(name, (_, accepts)): (&String, &(Target, Option<Arc<Contract>>))| {
            (Text::from(name.as_str()), Documents::of(accepts.as_ref()), all)
        };
        Documents::members(replies.map(reply).collect())
    }

    fn asked(asked: &Spanned<Asked>, compiler: &mut Compiler<'_>) -> Option<(Target, Option<Arc<Contract>>)> {
        let target = compiler.target(&asked.value.amqp, &asked.span);
        let accepts = named(asked.value.accepts.as_ref(), compiler);
        Some((target?, accepts?))
    }
}

impl Compiled {
    async fn ask(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let ports = run.ports();
        let mut waiting = FuturesUnordered::new();
        for ((name, target), accepts) in self.names.iter().zip(&self.targets).zip(&self.accepts) {
            let mut request = run.message().clone();
            request.properties.message_id = Some(ports.new_id());
            let answer = ports.call(&target.address(run)?, request, self.timeout);
            waiting.push(async move { (name, accepts, answer.await) });
        }
        let wanted = if self.until == Until::First { self.at_least } else { self.names.len() };
        let (mut replies, mut failures) = (Vec::new(), Vec::new());
        while replies.len() < wanted
            && let Some((name, accepts, answer)) = waiting.next().await
        {
            match answer.and_then(|answer| read(run, &answer, accepts.as_ref())) {
                Ok(reply) => replies.push((name.clone(), reply)),
                Err(failure) if failure.kind == Kind::Connection => return Err(failure),
                Err(failure) => failures.push((name, failure)),
            }
        }
        drop(waiting);
        if replies.len() < self.at_least {
            return Err(self.too_few(replies.len(), &failures));
        }
        replies.sort_by(|(one, _), (other, _)| one.cmp(other));
        let document = match &self.gather {
            Some(gather) => merged(run, gather, "replies", replies.into_iter().collect())?,
            None => replies.into_iter().next().map(|(_, reply)| reply).unwrap_or_default(),
        };
        run.set(document, self.contract.as_ref())?;
        Ok(Flow::Continue)
    }
}

impl Compiled {
    fn too_few(&self, came: usize, failures: &[(&Text, Failure)]) -> Failure {
        let class = match failures.iter().any(|(_, failure)| failure.class == Class::Transient) {
            true => Class::Transient,
            false => Class::Permanent,
        };
        let kind =
            failures.iter().find(|(_, failure)| failure.class == class).map_or(Kind::Timeout, |(_, one)| one.kind);
        let why: Vec<_> = failures.iter().map(|(name, failure)| format!("{name}: {}", failure.reason)).collect();
        let (asked, needed) = (self.names.len(), self.at_least);
        let reason = format!("{came} of {asked} have answered, and {needed} are needed; {}", why.join("; "));
        Failure::new(class, Stage::Process, kind, reason.chars().take(LONGEST).collect::<String>())
    }
}

/// The document of an answer.
fn read(run: &Run<'_>, answer: &Message, accepts: Option<&Arc<Contract>>) -> Result<Value, Failure> {
    error_of(answer).map_or(Ok(()), Err)?;
    run.read(answer, accepts)
}

impl Step for Compiled {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(self.ask(run))
    }

    fn targets(&self) -> &[Target] {
        &self.targets
    }

    fn calls(&self) -> bool {
        true
    }

    fn answers(&self) -> &[Option<Arc<Contract>>] {
        &self.accepts
    }

    fn describe(&self) -> Description<'_> {
        let asked = self.names.iter().zip(&self.targets).map(|(name, target)| format!("{name} ({target})"));
        let asked = asked.collect::<Vec<_>>().join(", ");
        let wait = match self.until {
            Until::All => "all",
            Until::First => "the first",
        };
        let (timeout, needed) = (self.timeout, self.at_least);
        Description::line(format!("ask {asked}, wait up to {timeout:?} for {wait}, at least {needed}"))
    }
}
