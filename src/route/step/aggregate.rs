//! Aggregator: messages that belong together become one.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{Diagnostic, codes};
use crate::endpoint::BoxFuture;
use crate::endpoint::settings::parse_duration;
use crate::format::json;
use crate::message::{Failure, Kind, Text};
use crate::route::compile::{Compiler, Place};
use crate::route::expression::Expression;
use crate::route::group::{Gathering, Part, When};
use crate::route::retry::spell;
use crate::route::run::Run;
use crate::route::target::SHORT_STRING;
use crate::transform::{Documents, Wanted};

use super::idempotent::key;
use super::{Description, Flow, Pattern, Step};

const MOST_PARTS: u32 = 1_000;
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
const KEEP: Duration = Duration::from_secs(3600);

/// Gathers messages with the same key, and goes on with one message in their place: a JSON array of their documents, in
/// the order in which they came. What stands behind the step sees the array; a `transform` makes of it what is wanted.
///
/// A group is complete when it has `count` parts, when `when` holds, or when `timeout` is over since its first part,
/// whichever comes first. Parts that come later begin a new group.
///
/// A message is settled when its part is in the store. The complete group is published to the queue of the route as a
/// message of its own, with the retries and dead letters of any other: its `message_id` is the group's, its
/// `correlation_id` the key, its headers and other properties are new. Several instances with one Redis gather together.
///
/// A message that comes again, as after a crash, is known by its `message_id` and body, and ends as `duplicate`. One
/// without `message_id` cannot be known, and may be in a group twice after a crash.
///
/// The header `trunkline-aggregate-by` tells the steps behind what made the group complete: `count`, `condition` or
/// `timeout`.
///
/// Stands outside of branches, in a route without `reply`. Needs a `store` in `trunkline.yaml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Aggregate {
    /// Which messages belong together, a jq expression that gives text or a number, as `.order.id`; at most 255 bytes.
    pub key: Spanned<String>,
    /// How many parts make a group complete, from 1 to 1000, which is also the most without it.
    #[serde(default)]
    pub count: Option<Spanned<u32>>,
    /// Whether a group is complete: a jq expression over the array of its parts so far, as `any(.last)`.
    #[serde(default)]
    pub when: Option<Spanned<String>>,
    /// When a group is complete in any case, from `1s` to `168h` after its first part.
    pub timeout: Spanned<String>,
    /// What a message is in the array, a jq expression; its document if left out.
    #[serde(default)]
    pub part: Option<Spanned<String>>,
    /// How long a part is known after its group was published, so that it is in no second one when it comes again, as
    /// `30m`; `1h` if left out, from `1s` to `8760h`. Each part takes some 200 bytes of the store meanwhile.
    #[serde(default)]
    pub keep: Option<Spanned<String>>,
}

#[derive(Debug)]
struct Compiled {
    step: Text,
    key: Expression,
    count: u32,
    when: Option<Expression>,
    timeout: Duration,
    keep: Duration,
    part: Option<Expression>,
}

impl Aggregate {
    fn timeout(&self, compiler: &mut Compiler<'_>) -> Option<Duration> {
        let timeout = parse_duration(&self.timeout.value).filter(|read| (SHORTEST..=LONGEST).contains(read));
        if timeout.is_none() {
            let message = format!("`{}` is not a time to wait for parts", self.timeout.value);
            compiler.report(
                Diagnostic::error(codes::VALUE_INVALID, compiler.file, self.timeout.span.clone(), message)
                    .label("expected a duration from 1s to 168h")
                    .hint("write digits and a unit, as `30s`, `5m` or `2h`"),
            );
        }
        timeout
    }

    fn count(&self, compiler: &mut Compiler<'_>) -> u32 {
        let Some(written) = &self.count else { return MOST_PARTS };
        if !(1..=MOST_PARTS).contains(&written.value) {
            let message = format!("a group of {} parts is not possible", written.value);
            compiler.report(
                Diagnostic::error(codes::VALUE_INVALID, compiler.file, written.span.clone(), message)
                    .hint("write a number from 1 to 1000"),
            );
        }
        written.value
    }
}

impl Pattern for Aggregate {
    fn compile(&self, place: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        compiler.stores(&place.span);
        compiler.gathers(&place.span);
        let key = compiler.expression_of_document(&self.key, Wanted::Key("key"));
        let part = self.part.as_ref().map(|part| compiler.expression_of_document(part, Wanted::Anything));
        let document = compiler.flow.documents();
        let group = Documents::array(&match &part {
            Some(Some(part)) => Documents::made(part.program(), document),
            _ => Arc::clone(document),
        });
        let when = self.when.as_ref().map(|when| compiler.expression(when));
        if let Some(Some(when)) = &when {
            compiler.follow(when, Arc::clone(&group), Wanted::Holds(Arc::clone(&group)));
        }
        let (count, timeout) = (self.count(compiler), self.timeout(compiler));
        let keep = self.keep.as_ref().map_or(Some(KEEP), |keep| compiler.keep(Some(keep)));
        compiler.flow.becomes_made(group);
        compiler.starts_timers(timeout?);
        let when = when.map_or(Some(None), |when| when.map(Some))?;
        let part = part.map_or(Some(None), |part| part.map(Some))?;
        Some(Box::new(Compiled {
            step: Text::from(place.id),
            key: key?,
            count,
            when,
            timeout: timeout?,
            keep: keep?,
            part,
        }))
    }
}

impl Compiled {
    fn gathering(&self, run: &Run<'_>, key: Text) -> Gathering {
        Gathering::new(run.route(), run.queue(), &self.step, key, self.timeout, self.keep)
    }

    async fn gather(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let key = key(&self.key.one(run)?)?;
        if key.len() > SHORT_STRING {
            let reason = format!("the key has {} bytes, and at most {SHORT_STRING} travel with a group", key.len());
            return Err(Failure::permanent(Kind::Limit, reason));
        }
        let value = match &self.part {
            Some(part) => part.one(run)?,
            None => run.document()?.clone(),
        };
        let written = json::write(&value, run.limits());
        let text = written.map_err(|violation| Failure::permanent(Kind::Limit, format!("the part: {violation}")))?;
        let part = Part::of(run, &key, text);
        let gathering = self.gathering(run, key);
        gathering.add(run, part, &When { count: self.count, holds: self.when.as_ref() }).await
    }
}

impl Step for Compiled {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(self.gather(run))
    }

    fn come_back<'a>(&'a self, run: &'a mut Run<'_>, is_timer: bool) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(async move {
            let key = run.message().properties.correlation_id.clone().unwrap_or_default();
            let gathering = self.gathering(run, key);
            if is_timer {
                return gathering.time_is_over(run).await;
            }
            Ok(if gathering.take(run).await? { Flow::Continue } else { Flow::Duplicate })
        })
    }

    fn exits(&self) -> &'static [Flow] {
        &[Flow::Gathered, Flow::Duplicate]
    }

    fn describe(&self) -> Description<'_> {
        let count = format!("{} parts", self.count);
        let when = self.when.as_ref().map(|when| format!("when {}", when.source()));
        let timeout = format!("after {}", spell(self.timeout));
        let ends: Vec<_> = [Some(count), when, Some(timeout)].into_iter().flatten().collect();
        Description::line(format!("gather by {} and go on with the array: {}", self.key.source(), ends.join(", or ")))
    }
}
