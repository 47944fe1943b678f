//! The state of a conversation while a message is under way: loaded, perhaps to be saved.
//!
//! The record has three lines of JSON: who saved it last, the state before that, and the state. A message that comes again
//! after it has saved is known by this: it finds the state as it was before, does the same again, and saves nothing.

use std::time::Duration;

use bytes::Bytes;

use crate::endpoint::store::{Change, Expect, Name, Record};
use crate::format::json;
use crate::message::{Class, Failure, Kind, Limits, Stage, Text, Value};

use super::ports::Ports;
use super::run::Run;

/// What the names of spaces begin with.
const SPACE: &str = "state/";
/// So many of the last who saved are known. A message that comes again later than that saves again.
const KNOWN: usize = 32;

/// A state that was loaded.
pub struct Conversation {
    name: Name,
    expect: Expect,
    /// The record's lines.
    by: Vec<Value>,
    now: Value,
    /// What the message sees.
    seen: Value,
    /// Who saves, if it does: the route and the message.
    who: Value,
    save: Option<(Vec<u8>, Duration)>,
}

impl Conversation {
    /// Loads a state for a message.
    pub async fn load(run: &Run<'_>, name: Name) -> Result<Self, Failure> {
        let id = run.message().properties.message_id.as_deref().unwrap_or_default();
        let who = Value::from(format!("{}/{id}", run.route()).as_str());
        let Some(Record { value, version, .. }) = run.ports().load(&name).await? else {
            let (by, now, seen) = (Vec::new(), Value::Null, Value::Null);
            return Ok(Self { name, expect: Expect::Nothing, by, now, seen, who, save: None });
        };
        let [by, before, now] = lines(&value, run.limits())
            .ok_or_else(|| Failure::permanent(Kind::State, "the state in the store cannot be read"))?;
        let by = match by {
            Value::Array(by) => by.to_vec(),
            _ => Vec::new(),
        };
        let seen = if by.last() == Some(&who) { before } else { now.clone() };
        Ok(Self { name, expect: Expect::Version(version), by, now, seen, who, save: None })
    }

    /// The state as the message sees it.
    pub fn seen(&self) -> &Value {
        &self.seen
    }

    /// Gives the state a new value when the last step is done.
    pub fn set(&mut self, text: Vec<u8>, keep: Duration) {
        self.save = Some((text, keep));
    }

    /// Saves what is to be saved; durable when it resolves.
    pub async fn save(self, ports: &dyn Ports) -> Result<(), Failure> {
        let Some((text, keep)) = self.save else { return Ok(()) };
        if self.by.contains(&self.who) {
            return Ok(());
        }
        let forgotten = (self.by.len() + 1).saturating_sub(KNOWN);
        let by: Value = self.by.into_iter().skip(forgotten).chain([self.who]).collect();
        let mut value = format!("{}\n{}\n", json::compact(&by), json::compact(&self.now)).into_bytes();
        value.extend(text);
        let until = ports.now().checked_add(keep);
        let change = Change { name: self.name, expect: self.expect, to: Some((Bytes::from(value), until)) };
        if ports.commit(&[change]).await? {
            return Ok(());
        }
        let reason = "another message has saved the same state meanwhile";
        Err(Failure::new(Class::Transient, Stage::Process, Kind::State, reason))
    }
}

/// The space of a state's records.
pub(crate) fn space(name: &str) -> Text {
    Text::from(format!("{SPACE}{name}"))
}

/// The name of the state that a record is, and its key; `None` if it is none.
pub(crate) fn state_of(name: &Name) -> Option<(&str, &str)> {
    Some((name.space.as_str().strip_prefix(SPACE)?, name.key.as_str()))
}

/// A state as it stands in the store when nobody is known to have saved it.
pub(crate) fn record(value: &Value) -> Bytes {
    Bytes::from(format!("[]\nnull\n{}", json::compact(value)))
}

/// The value of a state as it stands in the store.
pub(crate) fn value(record: &Record, limits: &Limits) -> Option<Value> {
    lines(&record.value, limits).map(|[.., value]| value)
}

fn lines(value: &[u8], limits: &Limits) -> Option<[Value; 3]> {
    let mut lines = value.splitn(3, |byte| *byte == b'\n').map(|line| json::read(line, limits).ok());
    Some([lines.next()??, lines.next()??, lines.next()??])
}

/// The part of a run that is about its conversation.
impl Run<'_> {
    /// Fails if nothing was loaded, which is so where the `load` stands in a branch that was not taken.
    pub(crate) fn save_conversation(&mut self, text: Vec<u8>, keep: Duration) -> Result<(), Failure> {
        let Some(conversation) = self.conversation_mut() else {
            return Err(Failure::permanent(Kind::State, "there is nothing to save: this message has loaded no state"));
        };
        conversation.set(text, keep);
        Ok(())
    }
}
