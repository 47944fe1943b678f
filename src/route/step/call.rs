//! Request-Reply as a Content Enricher: the answer takes the place of the document.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::contract::Contract;
use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{Diagnostic, codes};
use crate::endpoint::BoxFuture;
use crate::endpoint::settings::{AmqpTarget, parse_duration};
use crate::message::{Class, Failure, Kind, Message, Stage, header_names};
use crate::route::compile::{Compiler, Place};
use crate::route::run::Run;
use crate::route::target::Target;

use super::{Description, Flow, Pattern, Step};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Sends the message as a request, waits for the answer, and goes on with the answer's body in place of the
/// message's. Headers and properties stay those of the message.
///
/// No answer in time, or an answer with the header `trunkline-error`, is a transient failure.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Where the request goes.
    pub amqp: AmqpTarget,
    /// How long to wait for the answer, as `3s`; 10 seconds if left out, at most 15 minutes.
    #[serde(default)]
    pub timeout: Option<Spanned<String>>,
    /// The contract of the answer.
    #[serde(default)]
    pub accepts: Option<Spanned<String>>,
}

#[derive(Debug)]
struct Compiled {
    target: Target,
    timeout: Duration,
    accepts: Option<Arc<Contract>>,
}

impl Call {
    fn timeout(&self, compiler: &mut Compiler<'_>) -> Option<Duration> {
        let Some(written) = &self.timeout else { return Some(DEFAULT_TIMEOUT) };
        let timeout = parse_duration(&written.value).filter(|t| !t.is_zero() && *t <= LONGEST_TIMEOUT);
        if timeout.is_none() {
            let message = format!("`{}` is not a timeout", written.value);
            compiler.report(
                Diagnostic::error(codes::VALUE_INVALID, compiler.file, written.span.clone(), message)
                    .label("expected a duration from 1ms to 15m")
                    .hint("write digits and a unit, as `250ms`, `3s` or `2m`"),
            );
        }
        timeout
    }
}

impl Pattern for Call {
    fn compile(&self, place: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        compiler.sends = true;
        let target = compiler.target(&self.amqp, &place.span);
        let timeout = self.timeout(compiler);
        let accepts = match &self.accepts {
            Some(reference) => compiler.contract(reference).map(Some),
            None => Some(None),
        };
        match &accepts {
            Some(contract) => compiler.flow.becomes(contract.clone()),
            None => compiler.flow.becomes_anything(),
        }
        Some(Box::new(Compiled { target: target?, timeout: timeout?, accepts: accepts? }))
    }
}

impl Compiled {
    async fn call(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let address = self.target.address(run)?;
        let mut request = run.message().clone();
        request.properties.message_id = Some(run.ports().new_id());
        let answer = run.ports().call(&address, request, self.timeout).await?;
        refuse_error(&answer)?;
        run.replace(answer, self.accepts.clone())?;
        Ok(Flow::Continue)
    }
}

fn refuse_error(answer: &Message) -> Result<(), Failure> {
    match answer.headers.get(header_names::ERROR) {
        Some(error) => {
            let text: String = error.as_str().unwrap_or("no text").chars().take(500).collect();
            let reason = format!("the participant answered with an error: {text}");
            Err(Failure::new(Class::Transient, Stage::Process, Kind::Participant, reason))
        }
        None => Ok(()),
    }
}

impl Step for Compiled {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(self.call(run))
    }

    fn describe(&self) -> Description<'_> {
        let answer = match &self.accepts {
            Some(contract) => format!("an answer of contract {}", contract.reference()),
            None => "any answer".to_owned(),
        };
        Description::line(format!("call {}, wait up to {:?} for {answer}", self.target, self.timeout))
    }
}
