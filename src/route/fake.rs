//! Ports without a world: what is sent is recorded, answers are scripted, keys and records are remembered, the clock
//! stands still.
//!
//! Whole routes run on them in microseconds, without a broker.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::endpoint::store::{Change, Claim, Expect, Key, Name, Record};
use crate::endpoint::{Address, BoxFuture};
use crate::message::{Failure, Kind, Message, Text};

use super::ports::{Ports, not_answered};
use super::watch::Watch;

/// The recording and the script.
#[derive(Debug, Default)]
pub struct Fake {
    state: Mutex<State>,
    world: Option<Arc<dyn World>>,
    watch: Option<Arc<dyn Watch>>,
}

/// Who answers and confirms where nothing is scripted.
pub trait World: fmt::Debug + Send + Sync {
    /// Takes a message, or does not.
    fn takes(&self, to: &Address, message: &Message) -> Result<(), Failure>;

    /// Answers a request, or does not. The clock moves on by the whole timeout if it fails by that.
    fn answers(&self, to: &Address, request: &Message, timeout: Duration) -> Result<Message, Failure>;
}

#[derive(Debug, Default)]
struct State {
    since_epoch: Duration,
    ids: u64,
    sent: Vec<(Address, Message)>,
    called: Vec<(Address, Message)>,
    logged: Vec<String>,
    answers: VecDeque<Result<Message, Failure>>,
    confirms: VecDeque<Result<(), Failure>>,
    /// When the next message may pass each step that spreads them.
    passes: BTreeMap<String, Duration>,
    /// Until when each key is known, since the epoch; `None` while it is claimed.
    keys: BTreeMap<Key, Option<Duration>>,
    records: BTreeMap<Name, Record>,
    versions: u64,
}

impl State {
    fn record(&self, name: &Name) -> Option<&Record> {
        let now = SystemTime::UNIX_EPOCH + self.since_epoch;
        self.records.get(name).filter(|record| record.until.is_none_or(|until| until > now))
    }

    fn finds(&self, Change { name, expect, .. }: &Change) -> bool {
        match expect {
            Expect::Anything => true,
            Expect::Nothing => self.record(name).is_none(),
            Expect::Version(version) => self.record(name).is_some_and(|found| found.version == *version),
        }
    }
}

impl Fake {
    /// Nothing recorded, nothing scripted, the clock at 1970.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ports to this world, with somebody who looks on.
    pub fn among(world: Arc<dyn World>, watch: Option<Arc<dyn Watch>>) -> Self {
        Self { world: Some(world), watch, ..Self::default() }
    }

    /// Scripts the answer to the next call that has none yet. Without one a call times out.
    pub fn answer(&self, answer: Result<Message, Failure>) {
        self.state().answers.push_back(answer);
    }

    /// Scripts the confirm of the next send that has none yet. Without one a send is confirmed.
    pub fn confirm(&self, confirm: Result<(), Failure>) {
        self.state().confirms.push_back(confirm);
    }

    /// The keys that are claimed.
    pub fn claimed(&self) -> Vec<Key> {
        self.state().keys.iter().filter(|(_, until)| until.is_none()).map(|(key, _)| key.clone()).collect()
    }

    /// Puts a record into the store that is never forgotten.
    pub fn put(&self, name: Name, value: Bytes) {
        let mut state = self.state();
        state.versions += 1;
        let version = state.versions;
        state.records.insert(name, Record { value, version, until: None });
    }

    /// The records whose time is not over, by name.
    pub fn records(&self) -> Vec<(Name, Record)> {
        let state = self.state();
        let names = state.records.keys();
        names.filter_map(|name| Some((name.clone(), state.record(name)?.clone()))).collect()
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        let mut state = self.state();
        state.since_epoch = state.since_epoch.saturating_add(by);
    }

    /// What was sent, in order.
    pub fn sent(&self) -> Vec<(Address, Message)> {
        self.state().sent.clone()
    }

    /// The requests, in order.
    pub fn called(&self) -> Vec<(Address, Message)> {
        self.state().called.clone()
    }

    /// The lines of the log, in order.
    pub fn logged(&self) -> Vec<String> {
        self.state().logged.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ports for Fake {
    fn send(&self, to: &Address, message: Message) -> BoxFuture<'static, Result<(), Failure>> {
        let taken = self.world.as_ref().map_or(Ok(()), |world| world.takes(to, &message));
        let mut state = self.state();
        state.sent.push((to.clone(), message));
        Box::pin(ready(state.confirms.pop_front().unwrap_or(taken)))
    }

    fn call(&self, to: &Address, message: Message, timeout: Duration) -> BoxFuture<'static, Result<Message, Failure>> {
        let silence = || Err(not_answered(timeout));
        let answer = self.world.as_ref().map_or_else(silence, |world| world.answers(to, &message, timeout));
        let mut state = self.state();
        state.called.push((to.clone(), message));
        let answer = state.answers.pop_front().unwrap_or(answer);
        if answer.as_ref().is_err_and(|failure| failure.kind == Kind::Timeout) {
            state.since_epoch = state.since_epoch.saturating_add(timeout);
        }
        Box::pin(ready(answer))
    }

    fn claim<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Claim, Failure>> {
        let mut state = self.state();
        let now = state.since_epoch;
        let claim = match state.keys.get(key) {
            Some(None) => Claim::Pending,
            Some(Some(until)) if *until > now => Claim::Done,
            _ => {
                state.keys.insert(key.clone(), None);
                Claim::New
            }
        };
        Box::pin(ready(Ok(claim)))
    }

    fn complete<'a>(&'a self, key: &'a Key, keep: Duration) -> BoxFuture<'a, Result<(), Failure>> {
        let mut state = self.state();
        let until = state.since_epoch.saturating_add(keep);
        state.keys.insert(key.clone(), Some(until));
        Box::pin(ready(Ok(())))
    }

    fn release(&self, key: &Key) {
        self.state().keys.remove(key);
    }

    fn load<'a>(&'a self, name: &'a Name) -> BoxFuture<'a, Result<Option<Record>, Failure>> {
        Box::pin(ready(Ok(self.state().record(name).cloned())))
    }

    fn commit<'a>(&'a self, changes: &'a [Change]) -> BoxFuture<'a, Result<bool, Failure>> {
        let mut state = self.state();
        let fits = changes.iter().all(|change| state.finds(change));
        for Change { name, to, .. } in changes.iter().filter(|_| fits) {
            state.versions += 1;
            match to.clone() {
                Some((value, until)) => {
                    let record = Record { value, version: state.versions, until };
                    state.records.insert(name.clone(), record)
                }
                None => state.records.remove(name),
            };
        }
        Box::pin(ready(Ok(fits)))
    }

    fn tries_again(&self, failure: &Failure) {
        self.state().logged.push(format!("tries again: {}", failure.reason));
    }

    fn wait(&self, time: Duration) -> BoxFuture<'static, ()> {
        self.advance(time);
        Box::pin(ready(()))
    }

    fn pass<'a>(&'a self, step: &'a str, every: Duration) -> BoxFuture<'a, ()> {
        let mut state = self.state();
        let now = state.since_epoch;
        let due = state.passes.entry(step.to_owned()).or_insert(now);
        let passes = now.max(*due);
        *due = passes.saturating_add(every);
        state.since_epoch = passes;
        Box::pin(ready(()))
    }

    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.state().since_epoch
    }

    fn new_id(&self) -> Text {
        let mut state = self.state();
        state.ids += 1;
        Text::from(format!("id-{}", state.ids))
    }

    fn log(&self, _level: tracing::Level, text: &str) {
        self.state().logged.push(text.to_owned());
    }

    fn watch(&self) -> Option<&dyn Watch> {
        self.watch.as_deref()
    }
}
