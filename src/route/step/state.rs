//! State of a conversation: what several messages know together.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{Diagnostic, codes};
use crate::endpoint::BoxFuture;
use crate::endpoint::store::Name;
use crate::format::json;
use crate::message::{Failure, Kind, Text, Value};
use crate::route::compile::{Compiler, Place};
use crate::route::conversation::{Conversation, space};
use crate::route::expression::Expression;
use crate::route::run::Run;
use crate::transform::Wanted;

use super::idempotent::key;
use super::{Description, Flow, Pattern, Step};

/// Loads what is known of a conversation, or saves what is to be known of it. A step does one of both.
///
/// `state: { load: chat, key: .session }` loads the state of this key into the variable `$state` of all expressions and
/// transforms behind it; `null` if there is none. All routes of the bus that load `chat` share it.
///
/// `state: { save: "…", keep: 24h }` gives the state that was loaded a new value, durably, when the last step is done and
/// before anything is sent. If another message has saved it since it was loaded, this one fails for the moment and is
/// tried again, from the beginning, with the new state. A message that comes again after it has saved finds the state
/// as it was before, as long as no other has saved, and saves nothing twice.
///
/// One `load` in a route; of several saves, as in the branches of a `choice`, the last one counts. Neither stands among the
/// steps of a `split`, `multicast` or the like. Needs a `store` in `trunkline.yaml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The name of what is loaded, as `chat`: letters, digits, `-` and `_`.
    #[serde(default)]
    pub load: Option<Spanned<String>>,
    /// With `load`: whose state, a jq expression that gives text or a number, at most 512 bytes.
    #[serde(default)]
    pub key: Option<Spanned<String>>,
    /// The new state, a jq expression, as `$state | .asked += 1`; at most as large as a body.
    #[serde(default)]
    pub save: Option<Spanned<String>>,
    /// With `save`: how long it is kept when nobody saves it again, as `30m` or `168h`; `24h` if left out, from `1s` to
    /// `8760h`.
    #[serde(default)]
    pub keep: Option<Spanned<String>>,
}

#[derive(Debug)]
struct Load {
    name: Text,
    space: Text,
    key: Expression,
}

#[derive(Debug)]
struct Save {
    value: Expression,
    keep: Duration,
    keep_text: String,
}

impl Pattern for State {
    fn compile(&self, place: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        compiler.stores(&place.span);
        match (&self.load, &self.key, &self.save, &self.keep) {
            (Some(name), Some(by), None, None) => {
                compiler.loads_state(&place.span);
                let named = named(name, compiler);
                let key = compiler.expression_of_document(by, Wanted::Key("key"))?;
                let name = named?;
                Some(Box::new(Load { space: space(&name), name, key }))
            }
            (None, None, Some(value), keep) => {
                compiler.saves_state(&place.span);
                let (value, keep_for) =
                    (compiler.expression_of_document(value, Wanted::Anything), compiler.keep(keep.as_ref()));
                let keep_text = keep.as_ref().map_or_else(|| "24h".to_owned(), |written| written.value.clone());
                Some(Box::new(Save { value: value?, keep: keep_for?, keep_text }))
            }
            _ => {
                let message = "`state` either loads, with a `key`, or saves";
                compiler.report(
                    Diagnostic::error(codes::STEP_SHAPE, compiler.file, place.span.clone(), message)
                        .hint("write `state: { load: chat, key: .session }` or `state: { save: \"…\", keep: 24h }`"),
                );
                None
            }
        }
    }
}

fn named(name: &Spanned<String>, compiler: &mut Compiler<'_>) -> Option<Text> {
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if (1..=100).contains(&name.value.len()) && name.value.chars().all(valid) {
        return Some(Text::from(name.value.as_str()));
    }
    let message = format!("`{}` is not a name of a state", name.value);
    compiler.report(
        Diagnostic::error(codes::VALUE_INVALID, compiler.file, name.span.clone(), message)
            .hint("write at most 100 letters, digits, `-` and `_`, as `chat`"),
    );
    None
}

impl Step for Load {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(async {
            let name = Name { space: self.space.clone(), key: key(&self.key.one(run)?)? };
            let conversation = Conversation::load(run, name).await?;
            run.set_conversation(conversation);
            Ok(Flow::Continue)
        })
    }

    fn describe(&self) -> Description<'_> {
        Description::line(format!("load the state `{}` of {} into $state", self.name, self.key.source()))
    }
}

impl Save {
    fn save(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let value: Value = self.value.one(run)?;
        let written = json::write(&value, run.limits());
        let text = written.map_err(|violation| Failure::permanent(Kind::Limit, format!("the state: {violation}")))?;
        run.save_conversation(text, self.keep)?;
        Ok(Flow::Continue)
    }
}

impl Step for Save {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(std::future::ready(self.save(run)))
    }

    fn describe(&self) -> Description<'_> {
        let (value, keep) = (self.value.source(), &self.keep_text);
        Description::line(format!("save {value} as the state, before anything is sent, for {keep}"))
    }
}
