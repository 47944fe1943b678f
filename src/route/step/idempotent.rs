//! Idempotent Receiver: of several messages with one key, one is processed.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{Diagnostic, codes};
use crate::endpoint::BoxFuture;
use crate::endpoint::store::{Key, LONGEST_KEY};
use crate::message::{Failure, Kind, Text, Value};
use crate::route::claimed::Claimed;
use crate::route::compile::{Compiler, Place};
use crate::route::expression::Expression;
use crate::route::run::Run;
use crate::transform::Wanted;

use super::{Description, Flow, Pattern, Step};

/// Lets a message go on only if this route has not processed one with the same key. A duplicate ends as `duplicate`:
/// acknowledged, without reply, not a failure.
///
/// The key counts as processed when everything that the route does with the message is confirmed, not before. A message
/// that fails, for the moment or for good, gives its key free. While a message is under way, another one with the same
/// key waits; after ten seconds it fails for the moment and is tried again as `on_error` says.
///
/// Needs a `store` in `trunkline.yaml`. Once in a route, best as its first step: what steps before it do, they do
/// for duplicates too.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Idempotent {
    /// What makes two messages the same, a jq expression that gives text or a number, as `.order.id`. At most 512
    /// bytes; a number counts as it is written.
    ///
    /// `$properties.message_id` is what the publisher gave; a message without one gets a new one from the bus, and is
    /// no duplicate then.
    pub key: Spanned<String>,
    /// How long a key is remembered, as `30m` or `168h`; `24h` if left out, from `1s` to `8760h`.
    #[serde(default)]
    pub keep: Option<Spanned<String>>,
}

#[derive(Debug)]
struct Compiled {
    key: Expression,
    keep: Duration,
    keep_text: String,
}

impl Idempotent {
    fn key(&self, compiler: &mut Compiler<'_>) -> Option<Expression> {
        let key = compiler.expression_of_document(&self.key, Wanted::Key("key"))?;
        if key.constant_truth().is_some() {
            let message = "this key is the same for every message: all but the first would be duplicates";
            compiler.report(
                Diagnostic::error(codes::VALUE_INVALID, compiler.file, self.key.span.clone(), message)
                    .hint("write what tells messages apart, as `.order.id` or `$properties.message_id`"),
            );
            return None;
        }
        Some(key)
    }
}

impl Pattern for Idempotent {
    fn compile(&self, place: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        compiler.remembers(&place.span);
        let (key, keep) = (self.key(compiler), compiler.keep(self.keep.as_ref()));
        let keep_text = self.keep.as_ref().map_or_else(|| "24h".to_owned(), |written| written.value.clone());
        Some(Box::new(Compiled { key: key?, keep: keep?, keep_text }))
    }
}

impl Compiled {
    async fn claim(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let key = Key { route: Text::from(run.route()), key: key(&self.key.one(run)?)? };
        let claimed = Claimed::claim(run.ports(), key, self.keep).await?;
        let flow = if claimed.is_some() { Flow::Continue } else { Flow::Duplicate };
        claimed.into_iter().for_each(|claimed| run.hold(claimed));
        Ok(flow)
    }
}

/// The key in a document's value.
pub(super) fn key(value: &Value) -> Result<Text, Failure> {
    let refused = |what: &str| {
        let reason = format!("the key must be text or a number, and is {what}");
        Err(Failure::permanent(Kind::Mapping, reason))
    };
    let key = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => Text::from(number.to_text()),
        Value::Null => return refused("null: the message has no key"),
        Value::Bool(_) => return refused("a boolean"),
        Value::Array(_) => return refused("an array"),
        Value::Object(_) => return refused("an object"),
    };
    match key.len() {
        0 => refused("empty"),
        1..=LONGEST_KEY => Ok(key),
        long => {
            let reason =
                format!("the key has {long} bytes, and at most {LONGEST_KEY} are compared; choose a shorter one");
            Err(Failure::permanent(Kind::Limit, reason))
        }
    }
}

impl Step for Compiled {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(self.claim(run))
    }

    fn exits(&self) -> &'static [Flow] {
        &[Flow::Duplicate]
    }

    fn describe(&self) -> Description<'_> {
        let (key, keep) = (self.key.source(), &self.keep_text);
        Description::line(format!("go on once for each {key}, remembered for {keep} after the message is processed"))
    }
}
