//! Request-Reply as a Content Enricher: the answer takes the place of the document.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::contract::Contract;
use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{Diagnostic, codes};
use crate::endpoint::BoxFuture;
use crate::endpoint::settings::{AmqpTarget, parse_duration};
use crate::message::{Class, Failure, Field, Kind, Message, Stage, header_names};
use crate::route::compile::{Compiler, Place};
use crate::route::run::Run;
use crate::route::target::Target;

use super::{Description, Flow, Pattern, Step};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Sends the message as a request, waits for the answer, and goes on with the answer's body in place of the
/// message's. Headers and properties stay those of the message.
///
/// No answer in time, or an answer with the header `trunkline-error`, is a transient failure; with
/// `trunkline-failure-class: permanent` besides, which the answers of other routes carry, it is a permanent one.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Call {
    /// Where the request goes.
    #[schemars(with = "AmqpTarget")]
    pub amqp: Option<AmqpTarget>,
    /// How long to wait for the answer, as `3s`; 10 seconds if left out, at most 15 minutes.
    pub timeout: Option<Spanned<String>>,
    /// The contract of the answer.
    pub accepts: Option<Spanned<String>>,
    /// Keys that are none of these.
    #[schemars(skip)]
    unknown: Vec<Spanned<String>>,
}

/// The keys of [`Call`] that name no endpoint.
const OPTIONS: [&str; 2] = ["timeout", "accepts"];

impl<'de> Deserialize<'de> for Call {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Call;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a call, as `amqp: { … }` with its `timeout`")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Call, M::Error> {
                let mut call = Call { amqp: None, timeout: None, accepts: None, unknown: Vec::new() };
                while let Some(key) = map.next_key::<Spanned<String>>()? {
                    match key.value.as_str() {
                        "amqp" => call.amqp = Some(map.next_value()?),
                        "timeout" => call.timeout = map.next_value()?,
                        "accepts" => call.accepts = map.next_value()?,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            call.unknown.push(key);
                        }
                    }
                }
                Ok(call)
            }
        }
        deserializer.deserialize_map(Keys)
    }
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
        let target = compiler.call_target(self.amqp.as_ref(), &self.unknown, &OPTIONS, &place.span);
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
        error_of(&answer).map_or(Ok(()), Err)?;
        run.replace(answer, self.accepts.clone())?;
        Ok(Flow::Continue)
    }
}

/// What an answer tells of a failure, if it does.
pub fn error_of(answer: &Message) -> Option<Failure> {
    let error = answer.headers.get(header_names::ERROR)?;
    let text: String = error.as_str().unwrap_or("no text").chars().take(500).collect();
    let reason = format!("the participant answered with an error: {text}");
    let class = answer.headers.get(header_names::FAILURE_CLASS).and_then(Field::as_str);
    let permanent = class == Some(Class::Permanent.name());
    let class = if permanent { Class::Permanent } else { Class::Transient };
    Some(Failure::new(class, Stage::Process, Kind::Participant, reason))
}

impl Step for Compiled {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(self.call(run))
    }

    fn targets(&self) -> &[Target] {
        std::slice::from_ref(&self.target)
    }

    fn calls(&self) -> bool {
        true
    }

    fn describe(&self) -> Description<'_> {
        let answer = match &self.accepts {
            Some(contract) => format!("an answer of contract {}", contract.reference()),
            None => "any answer".to_owned(),
        };
        Description::line(format!("call {}, wait up to {:?} for {answer}", self.target, self.timeout))
    }
}
