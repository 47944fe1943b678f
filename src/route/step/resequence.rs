//! Resequencer: messages that came out of order go on in the order of their numbers.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{Diagnostic, codes};
use crate::endpoint::BoxFuture;
use crate::message::{Failure, Kind, Text, Value};
use crate::route::compile::{Compiler, Place};
use crate::route::expression::Expression;
use crate::route::retry::spell;
use crate::route::run::Run;
use crate::route::sequence::{Arrived, Bounds, Member, Resequencer};
use crate::route::target::SHORT_STRING;
use crate::transform::Wanted;

use super::idempotent::key;
use super::{Description, Flow, Pattern, Step};

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
const MOST_KEPT: u32 = 1_000;
const DEFAULT_KEPT: u32 = 100;

/// Puts messages of the same key into the order of their numbers. A message whose number is next goes on, and with it those
/// behind it that have come already; one that comes before its turn waits in the store.
///
/// A message is settled when it is in the store. When it is its turn, it is published to the queue of the route, where it
/// comes again as it came first, and passes this step. So each message passes the queue twice, the steps before this one are
/// run twice, and none of them may be a `call`; what they send is sent once, after the last step. The message's own
/// `expiration` does not run meanwhile.
///
/// If a number does not come, the messages behind it go on without it when the first of them has waited for `timeout`, or
/// when more than `limit` wait. The header `trunkline-resequence-missing` tells the steps behind how many numbers right
/// before this one were given up. A number that comes after it was given up, or has gone on with another message, is late.
///
/// A message that comes again, as after a crash, is known by key, number, `message_id` and body, and ends as `duplicate`.
/// Another one with a number that waits already is a permanent failure.
///
/// The route must keep order (`ordered` or `ordered_by`), for what comes out in order must stay so. Does not stand among the
/// steps of a `split`, `multicast` or the like. Needs a `store` in `trunkline.yaml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resequence {
    /// Which messages are one sequence, a jq expression that gives text or a number, as `.order.id`; at most 255 bytes.
    pub key: Spanned<String>,
    /// The number of a message in its sequence, a jq expression that gives a whole number from 0, as `.position`.
    pub number: Spanned<String>,
    /// The number with which a sequence begins; 1 if left out.
    #[serde(default)]
    pub first: Option<u32>,
    /// How long a message waits for those before it, from `1s` to `168h`. Then it goes on without them.
    pub timeout: Spanned<String>,
    /// How many messages of a sequence wait at most, from 1 to 1000; 100 if left out. With one more, the first that wait go
    /// on without what is missing before them.
    #[serde(default)]
    pub limit: Option<Spanned<u32>>,
    /// What becomes of a message that is late; `fail` if left out.
    #[serde(default)]
    pub late: Late,
    /// How long it is known, after the last message of a sequence has gone on, which number is next, and of each message
    /// that it was there, as `30m`; `24h` if left out, from `1s` to `8760h`. Each message takes some 400 bytes of the store
    /// meanwhile.
    #[serde(default)]
    pub keep: Option<Spanned<String>>,
}

/// What becomes of a message that comes too late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Late {
    /// It fails for good, with the type `state`, and is in the dead-letter queue.
    #[default]
    Fail,
    /// It goes on at once, out of order.
    Pass,
}

#[derive(Debug)]
struct Compiled {
    step: Text,
    key: Expression,
    number: Expression,
    bounds: Bounds,
    late: Late,
}

impl Resequence {
    fn limit(&self, compiler: &mut Compiler<'_>) -> u32 {
        let Some(written) = &self.limit else { return DEFAULT_KEPT };
        if !(1..=MOST_KEPT).contains(&written.value) {
            let message = format!("{} messages cannot wait for one", written.value);
            compiler.report(
                Diagnostic::error(codes::VALUE_INVALID, compiler.file, written.span.clone(), message)
                    .hint("write a number from 1 to 1000"),
            );
        }
        written.value
    }

    fn number(&self, compiler: &mut Compiler<'_>) -> Option<Expression> {
        let number = compiler.expression_of_document(&self.number, Wanted::Number("number"))?;
        if number.is_constant() {
            let message = "this number is the same for every message";
            compiler.report(
                Diagnostic::error(codes::VALUE_INVALID, compiler.file, self.number.span.clone(), message)
                    .hint("write where a message has its number, as `.position` or `$headers.number`"),
            );
            return None;
        }
        Some(number)
    }
}

impl Pattern for Resequence {
    fn compile(&self, place: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        compiler.stores(&place.span);
        compiler.resequences(&place.span);
        let key = compiler.expression_of_document(&self.key, Wanted::Key("key"));
        let (number, limit) = (self.number(compiler), self.limit(compiler));
        let timeout = compiler.duration(&self.timeout, SHORTEST, LONGEST);
        let keep = compiler.keep(self.keep.as_ref());
        compiler.starts_timers(timeout?);
        let first = self.first.unwrap_or(1).into();
        let bounds = Bounds { first, limit: limit as usize, timeout: timeout?, keep: keep? };
        Some(Box::new(Compiled { step: Text::from(place.id), key: key?, number: number?, bounds, late: self.late }))
    }
}

impl Compiled {
    fn resequencer(&self, run: &Run<'_>, key: Text) -> Resequencer {
        Resequencer::new(run.route(), run.queue(), &self.step, key, self.bounds)
    }

    async fn put_in_place(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let key = key(&self.key.one(run)?)?;
        if key.len() > SHORT_STRING {
            let reason = format!("the key has {} bytes, and at most {SHORT_STRING} travel with a timer", key.len());
            return Err(Failure::permanent(Kind::Limit, reason));
        }
        let number = number(&self.number.one(run)?)?;
        let member = Member::of(run, &key, number);
        let resequencer = self.resequencer(run, key);
        if run.has_waited(&self.step) {
            return pass(run, &resequencer, &member).await;
        }
        match resequencer.add(run, &member).await? {
            Arrived::Waits => Ok(Flow::Buffered),
            Arrived::Known => Ok(Flow::Duplicate),
            Arrived::Late { .. } if self.late == Late::Pass => pass(run, &resequencer, &member).await,
            Arrived::Late { next } => {
                let reason = format!("the number {number} comes too late: the next one of its sequence is {next}");
                Err(Failure::permanent(Kind::State, reason))
            }
            Arrived::Taken => {
                let reason = format!("another message with the number {number} of this sequence waits already");
                Err(Failure::permanent(Kind::State, reason))
            }
        }
    }
}

/// Lets a message go on that has not gone on before.
async fn pass(run: &mut Run<'_>, resequencer: &Resequencer, member: &Member) -> Result<Flow, Failure> {
    let claimed = resequencer.claim(run, member).await?;
    let flow = if claimed.is_some() { Flow::Continue } else { Flow::Duplicate };
    claimed.into_iter().for_each(|claimed| run.hold(claimed));
    Ok(flow)
}

/// The number in a document's value.
fn number(value: &Value) -> Result<u64, Failure> {
    let number = match value {
        Value::Number(number) => number.as_i64().and_then(|number| u64::try_from(number).ok()),
        _ => None,
    };
    number.ok_or_else(|| {
        let what = match value {
            Value::Number(_) => "another number",
            other => other.type_name(),
        };
        let reason = format!("`number` must give a whole number from 0 to {}, and gave {what}", i64::MAX);
        Failure::permanent(Kind::Mapping, reason)
    })
}

impl Step for Compiled {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(self.put_in_place(run))
    }

    fn come_back<'a>(&'a self, run: &'a mut Run<'_>, _is_timer: bool) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(async {
            let key = run.message().properties.correlation_id.clone().unwrap_or_default();
            self.resequencer(run, key).time_is_over(run).await?;
            Ok(Flow::Buffered)
        })
    }

    fn exits(&self) -> &'static [Flow] {
        &[Flow::Buffered, Flow::Duplicate]
    }

    fn describe(&self) -> Description<'_> {
        let Bounds { first, limit, timeout, .. } = self.bounds;
        let (number, key, timeout) = (self.number.source(), self.key.source(), spell(timeout));
        let late = match self.late {
            Late::Fail => "fails",
            Late::Pass => "goes on at once",
        };
        Description::line(format!(
            "put in the order of {number} for each {key}, from {first}; what is missing is given up after {timeout}, or when \
             more than {limit} wait; what comes later {late}"
        ))
    }
}
