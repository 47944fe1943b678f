//! Answers of a `call` that are kept, so that the participant is not asked for the same thing again and again.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::Contract;
use crate::diagnostic::yaml::Spanned;
use crate::endpoint::Address;
use crate::endpoint::store::{Change, Expect, Name, Record};
use crate::message::{Failure, Limits, Message, Stage, Text};
use crate::route::body;
use crate::route::compile::{Compiler, Place};
use crate::route::expression::Expression;
use crate::route::ports::Ports;
use crate::route::run::Run;
use crate::transform::Wanted;

use super::call::error_of;
use super::idempotent::key;

const DEFAULT_KEEP: Duration = Duration::from_secs(5 * 60);

/// Keeps the answers of a call in the store, and uses them again for messages with the same key, also by other instances
/// with the same Redis. An answer that is an error, or not of the contract, is not kept.
///
/// Needs a `store` in `trunkline.yaml`. Messages that come before the first answer is there ask each for themselves.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    /// What is asked for, a jq expression that gives text or a number, as `.sku`: messages with the same key get the same
    /// answer. At most 512 bytes.
    pub key: Spanned<String>,
    /// How long an answer is used without asking again, as `30s` or `24h`; `5m` if left out, from `1s` to `8760h`.
    #[serde(default)]
    pub keep: Option<Spanned<String>>,
    /// For how long after that an older answer is still used at once, while a new one is asked for when the message has
    /// been sent on: by one message at a time. If that fails, the old answer stays. Not at all if left out.
    #[serde(default)]
    pub stale: Option<Spanned<String>>,
}

/// The compiled settings.
#[derive(Debug)]
pub(super) struct Answers {
    step: Text,
    key: Expression,
    keep: Duration,
    stale: Duration,
    text: String,
}

/// What is known of an answer.
pub(super) struct Found {
    /// Where it is kept.
    pub(super) name: Name,
    /// The answer, if there is one; perhaps it is to be asked for anew.
    pub(super) answer: Option<(Message, Option<Fresh>)>,
}

/// What is to be asked for anew.
pub(super) struct Fresh {
    name: Name,
    version: u64,
}

/// A request that is made when a message has been sent on.
pub struct Refresh {
    pub(super) to: Address,
    pub(super) request: Message,
    pub(super) timeout: Duration,
    pub(super) accepts: Option<Arc<Contract>>,
    pub(super) fresh: Fresh,
    pub(super) keep: Duration,
    pub(super) stale: Duration,
}

/// What stands before the body of an answer, on a line of its own.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    /// Until when it is fresh, in milliseconds since 1970.
    fresh: u64,
    /// Until when nobody else is to ask.
    asked: u64,
    content_type: Option<String>,
    content_encoding: Option<String>,
}

impl Cache {
    pub(super) fn compile(&self, place: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Answers> {
        compiler.stores(&place.span);
        let key = compiler.expression_of_document(&self.key, Wanted::Key("key"));
        let keep = self.keep.as_ref().map_or(Some(DEFAULT_KEEP), |keep| compiler.keep(Some(keep)));
        let stale = self.stale.as_ref().map_or(Some(Duration::ZERO), |stale| compiler.keep(Some(stale)));
        let written = |written: &Option<Spanned<String>>| written.as_ref().map(|written| written.value.clone());
        let mut text =
            format!("keep the answer by {} for {}", self.key.value, written(&self.keep).as_deref().unwrap_or("5m"));
        if let Some(stale) = written(&self.stale) {
            text.push_str(&format!(", and use it for {stale} more while it is asked for anew"));
        }
        Some(Answers { step: Text::from(place.id), key: key?, keep: keep?, stale: stale?, text })
    }
}

impl Answers {
    /// For people.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Looks for an answer to a run's message.
    pub(super) async fn find(&self, run: &mut Run<'_>, timeout: Duration) -> Result<Found, Failure> {
        let space = Text::from(format!("cache/{}/{}", run.route(), self.step));
        let name = Name { space, key: key(&self.key.one(run)?)? };
        let ports = run.ports();
        let record = ports.load(&name).await?;
        // What another version of the bus has written is asked for again.
        let known = record.and_then(|Record { value, version, until }| Some((read(&value)?, version, until)));
        let Some(((mut head, answer), version, until)) = known else { return Ok(Found { name, answer: None }) };
        let now = millis(ports.now());
        if now < head.fresh || now < head.asked {
            return Ok(Found { name, answer: Some((answer, None)) });
        }
        // Who writes this is the one who asks.
        head.asked = now.saturating_add(as_millis(timeout));
        let to = Some((write(&head, &answer.body), until));
        let mine = Change { name: name.clone(), expect: Expect::Version(version), to };
        let won = ports.commit(&[mine]).await?;
        let version = if won { ports.load(&name).await?.map(|record| record.version) } else { None };
        let fresh = version.map(|version| Fresh { name: name.clone(), version });
        Ok(Found { name, answer: Some((answer, fresh)) })
    }

    /// Keeps an answer that the run has taken.
    pub(super) async fn keep(&self, ports: &dyn Ports, name: Name, answer: &Message) -> Result<(), Failure> {
        let change = put(ports, name, Expect::Anything, answer, (self.keep, self.stale));
        ports.commit(&[change]).await.map(drop)
    }

    pub(super) fn times(&self) -> (Duration, Duration) {
        (self.keep, self.stale)
    }
}

impl Refresh {
    /// Asks, and keeps the answer if it is one. The message is done already: nothing fails any more.
    pub(in crate::route) async fn ask(self, ports: &dyn Ports, limits: &Limits) {
        let Self { to, request, timeout, accepts, fresh, keep, stale } = self;
        let Ok(answer) = ports.call(&to, request, timeout).await else { return };
        let valid = match &accepts {
            _ if error_of(&answer).is_some() => false,
            Some(contract) => body::read(&answer, contract, limits, Stage::Process).is_ok(),
            None => body::check_size(&answer.body, limits, Stage::Process).is_ok(),
        };
        if valid {
            let change = put(ports, fresh.name, Expect::Version(fresh.version), &answer, (keep, stale));
            // Somebody was faster, or the store has lost its record: the next message asks again.
            let _kept = ports.commit(&[change]).await;
        }
    }
}

fn put(ports: &dyn Ports, name: Name, expect: Expect, answer: &Message, (keep, stale): (Duration, Duration)) -> Change {
    let now = ports.now();
    let text = |text: &Option<Text>| text.as_ref().map(ToString::to_string);
    let head = Head {
        fresh: millis(now).saturating_add(as_millis(keep)),
        asked: 0,
        content_type: text(&answer.properties.content_type),
        content_encoding: text(&answer.properties.content_encoding),
    };
    // What the clock cannot tell is over at once.
    let until = now.checked_add(keep.saturating_add(stale)).unwrap_or(now);
    Change { name, expect, to: Some((write(&head, &answer.body), Some(until))) }
}

fn write(head: &Head, body: &[u8]) -> Bytes {
    // A head of numbers and text is always written.
    let mut value = serde_json::to_vec(head).unwrap_or_default();
    value.push(b'\n');
    value.extend_from_slice(body);
    value.into()
}

fn read(value: &Bytes) -> Option<(Head, Message)> {
    let end = value.iter().position(|byte| *byte == b'\n')?;
    let head: Head = serde_json::from_slice(value.get(..end)?).ok()?;
    let mut answer = Message { body: value.slice(end.checked_add(1)?..), ..Message::default() };
    answer.properties.content_type = head.content_type.as_deref().map(Text::from);
    answer.properties.content_encoding = head.content_encoding.as_deref().map(Text::from);
    Some((head, answer))
}

fn millis(time: SystemTime) -> u64 {
    as_millis(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn as_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
