//! Request-Reply as a Content Enricher: the answer takes the place of the document, or is merged into it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::contract::Contract;
use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{Diagnostic, codes};
use crate::endpoint::settings::{AmqpTarget, parse_duration};
use crate::endpoint::{Address, BoxFuture};
use crate::message::{Class, Failure, Field, Kind, Message, Stage, Text, Value, header_names};
use crate::route::compile::{Compiler, Place};
use crate::route::expression::Expression;
use crate::route::run::Run;
use crate::route::target::Target;
use crate::transform::Documents;

use super::cache::{Answers, Cache, Found, Fresh, Refresh};
use super::transform::Mapping;
use super::{Description, Flow, Pattern, Step};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Sends the message as a request, waits for the answer, and goes on with the answer's body in place of the
/// message's, or with what `merge` makes of both. Headers and properties stay those of the message.
///
/// No answer in time, or an answer with the header `trunkline-error`, is a transient failure; with
/// `trunkline-failure-class: permanent` besides, which the answers of other routes carry, it is a permanent one.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Call {
    /// Where the request goes.
    #[schemars(with = "AmqpTarget")]
    pub amqp: Option<AmqpTarget>,
    /// How long to wait for the answer, as `3s`; 10 seconds if left out, at most 15 minutes.
    pub timeout: Option<Spanned<String>>,
    /// The contract of the answer.
    pub accepts: Option<Spanned<String>>,
    /// Keeps answers, so that the same is not asked again and again.
    pub cache: Option<Cache>,
    /// The transform that makes the request of the document, which itself stays for `merge`.
    pub request: Option<Spanned<String>>,
    /// Makes the new document, a jq expression, as `.message + { stock: .reply.left }`: `.message` is the document as it
    /// was, `.reply` the answer's. Without it the answer takes the document's place.
    pub merge: Option<Spanned<String>>,
    /// The contract of what `merge` gives. Without it, that is JSON as it stands.
    pub contract: Option<Spanned<String>>,
    /// Keys that are none of these.
    #[schemars(skip)]
    unknown: Vec<Spanned<String>>,
}

/// The keys of [`Call`] that name no endpoint.
const OPTIONS: [&str; 6] = ["timeout", "accepts", "cache", "request", "merge", "contract"];

impl<'de> Deserialize<'de> for Call {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Call;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a call, as `amqp: { … }` with its `timeout`")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Call, M::Error> {
                let mut call = Call::default();
                while let Some(key) = map.next_key::<Spanned<String>>()? {
                    match key.value.as_str() {
                        "amqp" => call.amqp = Some(map.next_value()?),
                        "timeout" => call.timeout = map.next_value()?,
                        "accepts" => call.accepts = map.next_value()?,
                        "cache" => call.cache = map.next_value()?,
                        "request" => call.request = map.next_value()?,
                        "merge" => call.merge = map.next_value()?,
                        "contract" => call.contract = map.next_value()?,
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
    request: Option<Mapping>,
    accepts: Option<Arc<Contract>>,
    cache: Option<Answers>,
    merge: Option<Merge>,
}

/// How the answer is merged into the document, and by which contract the result is written.
#[derive(Debug)]
struct Merge {
    expression: Expression,
    contract: Option<Arc<Contract>>,
}

/// How long to wait for answers.
pub(super) fn timeout(written: Option<&Spanned<String>>, compiler: &mut Compiler<'_>) -> Option<Duration> {
    let Some(written) = written else { return Some(DEFAULT_TIMEOUT) };
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

/// A contract, if one is named. `None` if the name is wrong.
pub(super) fn named(reference: Option<&Spanned<String>>, compiler: &mut Compiler<'_>) -> Option<Option<Arc<Contract>>> {
    match reference {
        Some(reference) => compiler.contract(reference).map(Some),
        None => Some(None),
    }
}

impl Call {
    fn request(&self, compiler: &mut Compiler<'_>) -> Option<Option<Mapping>> {
        let Some(name) = &self.request else { return Some(None) };
        if self.merge.is_none() {
            let message = "`request` keeps the document for `merge`, and there is none";
            compiler.report(
                Diagnostic::error(codes::STEP_SHAPE, compiler.file, name.span.clone(), message)
                    .hint(format!("put the step `- transform: {}` before the call, or add `merge`", name.value)),
            );
        }
        let transform = compiler.transform(name)?;
        compiler.expect(transform.from(), name, "input");
        Some(Some(Mapping::of(transform)))
    }

    fn merge(&self, answer: Arc<Documents>, compiler: &mut Compiler<'_>) -> Option<Option<Merge>> {
        if let (None, Some(contract)) = (&self.merge, &self.contract) {
            let message = "`contract` is that of what `merge` gives, and there is none";
            compiler.report(
                Diagnostic::error(codes::STEP_SHAPE, compiler.file, contract.span.clone(), message)
                    .hint("name the answer's contract in `accepts`, or add `merge`"),
            );
        }
        let contract = named(self.contract.as_ref(), compiler);
        let Some(written) = &self.merge else { return Some(None) };
        let (expression, contract) = (compiler.expression(written)?, contract?);
        compiler.becomes_merged(&expression, "reply", answer, contract.as_ref());
        Some(Some(Merge { expression, contract }))
    }
}

impl Pattern for Call {
    fn compile(&self, place: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        compiler.sends = true;
        compiler.waits.called = true;
        let target = compiler.call_target(self.amqp.as_ref(), &self.unknown, &OPTIONS, &place.span);
        let timeout = timeout(self.timeout.as_ref(), compiler);
        let request = self.request(compiler);
        let accepts = named(self.accepts.as_ref(), compiler);
        let cache = match &self.cache {
            Some(cache) => cache.compile(place, compiler).map(Some),
            None => Some(None),
        };
        if let (Some(Some(request)), None) = (&request, &self.cache) {
            // Whoever makes a request of the document has read it by that contract.
            compiler.flow.becomes(Some(request.from().clone()));
        }
        let answer = Documents::of(accepts.as_ref().and_then(Option::as_ref));
        let merge = self.merge(answer, compiler);
        match (&accepts, &merge) {
            (Some(contract), Some(None)) => compiler.flow.becomes(contract.clone()),
            (_, Some(Some(_))) => {}
            _ => compiler.flow.becomes_anything(),
        }
        Some(Box::new(Compiled {
            target: target?,
            timeout: timeout?,
            request: request?,
            accepts: accepts?,
            cache: cache?,
            merge: merge?,
        }))
    }
}

impl Compiled {
    async fn call(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let Some(cache) = &self.cache else {
            let answer = self.ask(run).await?;
            return self.take(run, answer);
        };
        let Found { name, answer } = cache.find(run, self.timeout).await?;
        // One that is not of the contract was kept when that was another one.
        if let Some((answer, fresh)) = answer
            && self.accepts.as_ref().is_none_or(|contract| run.read(&answer, Some(contract)).is_ok())
        {
            if let Some(fresh) = fresh {
                let refresh = self.refresh(run, cache, fresh)?;
                run.ask_later(refresh);
            }
            return self.take(run, answer);
        }
        let answer = self.ask(run).await?;
        let flow = self.take(run, answer.clone())?;
        cache.keep(run.ports(), name, &answer).await?;
        Ok(flow)
    }

    async fn ask(&self, run: &mut Run<'_>) -> Result<Message, Failure> {
        let (address, request) = self.request(run)?;
        let answer = run.ports().call(&address, request, self.timeout).await?;
        error_of(&answer).map_or(Ok(answer), Err)
    }

    fn request(&self, run: &mut Run<'_>) -> Result<(Address, Message), Failure> {
        let address = self.target.address(run)?;
        let mut request = match &self.request {
            Some(mapping) => mapping.aside(run)?,
            None => run.message().clone(),
        };
        request.properties.message_id = Some(run.ports().new_id());
        Ok((address, request))
    }

    fn refresh(&self, run: &mut Run<'_>, cache: &Answers, fresh: Fresh) -> Result<Refresh, Failure> {
        let (to, request) = self.request(run)?;
        let (keep, stale) = cache.times();
        Ok(Refresh { to, request, timeout: self.timeout, accepts: self.accepts.clone(), fresh, keep, stale })
    }

    /// Puts an answer into the place of the document, or into the document.
    fn take(&self, run: &mut Run<'_>, answer: Message) -> Result<Flow, Failure> {
        let Some(merge) = &self.merge else {
            run.replace(answer, self.accepts.clone())?;
            return Ok(Flow::Continue);
        };
        let reply = run.read(&answer, self.accepts.as_ref())?;
        let document = merged(run, &merge.expression, "reply", reply)?;
        run.set(document, merge.contract.as_ref())?;
        Ok(Flow::Continue)
    }
}

/// What an expression makes of the document, its `.message`, and of what was answered.
pub(super) fn merged(
    run: &mut Run<'_>,
    expression: &Expression,
    name: &'static str,
    answered: Value,
) -> Result<Value, Failure> {
    let message = run.document()?.clone();
    let input = [(Text::borrowed("message"), message), (Text::borrowed(name), answered)].into_iter().collect();
    expression.over(run, input)
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

    fn sends(&self) -> Option<&Arc<Contract>> {
        self.request.as_ref().map(Mapping::gives)
    }

    fn answers(&self) -> &[Option<Arc<Contract>>] {
        std::slice::from_ref(&self.accepts)
    }

    fn describe(&self) -> Description<'_> {
        let answer = match &self.accepts {
            Some(contract) => format!("an answer of contract {}", contract.reference()),
            None => "any answer".to_owned(),
        };
        let merged = self.merge.as_ref().map(|merge| format!("; make {} of both", merge.expression.source()));
        let (target, timeout) = (&self.target, self.timeout);
        let mut text = format!("call {target}, wait up to {timeout:?} for {answer}{}", merged.unwrap_or_default());
        if let Some(cache) = &self.cache {
            text.push_str(&format!("; {}", cache.text()));
        }
        Description::line(text)
    }
}
