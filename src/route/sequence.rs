//! Sequences of messages that wait in the store for one another, and leave it in the order of their numbers.
//!
//! One record for each key tells which number is next, which messages are kept because numbers before them are missing, and
//! which are on their way out. Each message is a record of its own, written together with the sequence that knows it; when
//! it has left, that record stays for a while, without the message, so that it is known if it comes again.
//!
//! First a message is noted as on its way out, durably; then it is published to the route's own queue, and the next one
//! when the broker has confirmed it; then all of them leave the store. Whoever finds messages on their way out publishes
//! them too, from the first. So whatever ends the process, and however many do this side by side, the first copy of a
//! message is in the queue behind the first copy of the one before it; further copies are known by their id.
//!
//! A message that is kept has a timer, published before it is in the store, which the broker holds back until its time is
//! over. Then what is missing before it is given up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::endpoint::Address;
use crate::endpoint::store::{Change, Expect, Key, Name};
use crate::message::{Class, Failure, Field, Kind, Message, Properties, Stage, Text, header_names as names};

use super::claim;
use super::claimed::Claimed;
use super::dead_letter::{ALL_HEADERS, Origin, table_size};
use super::group::{ATTEMPTS, LATE, MARK, as_millis, millis};
use super::packed::{pack, unpack};
use super::ports::Ports;
use super::retry::{Tried, again, wait_queue};
use super::run::Run;

/// Messages of one key on their way out. There are more only while the broker takes none.
const MOST_LEAVING: usize = 2_000;
/// Hexadecimal digits by which a message is known.
const ID: usize = 32;

/// What is known of the messages of one key.
#[derive(Debug, Serialize, Deserialize)]
struct Sequence {
    /// The number that comes out next.
    next: u64,
    /// Those that wait for others, by number.
    kept: BTreeMap<u64, Kept>,
    /// Those on their way out, in order.
    leaving: Vec<Leaving>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    id: String,
    /// When its time is over, in milliseconds since 1970.
    end: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Leaving {
    id: String,
    /// How many numbers right before it were given up.
    missing: u64,
}

/// What becomes of a message that has come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrived {
    /// It is in the store, or on its way out.
    Waits,
    /// It was here before, and has left.
    Known,
    /// Another one with its number waits.
    Taken,
    /// Its number is behind the one that comes out next.
    Late {
        /// That one.
        next: u64,
    },
}

/// One message of a sequence.
pub(crate) struct Member {
    pub(crate) number: u64,
    id: Text,
}

/// What the author of the route says of all sequences of a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) first: u64,
    pub(crate) limit: usize,
    pub(crate) timeout: Duration,
    pub(crate) keep: Duration,
}

/// The messages of one key of one step.
pub(crate) struct Resequencer {
    route: Text,
    step: Text,
    queue: Text,
    key: Text,
    bounds: Bounds,
    record: Name,
    messages: Text,
}

impl Member {
    /// The message of a run. Of one key, number, id and body there is one.
    pub(crate) fn of(run: &Run<'_>, key: &str, number: u64) -> Self {
        let original = run.original();
        let message_id = original.properties.message_id.as_deref().unwrap_or_default();
        let claimed = claim::claimed(&original.headers).and_then(Field::as_str).map(str::to_owned);
        let body = claimed.unwrap_or_else(|| claim::digest(&original.body));
        let all = format!("{} {key} {number} {} {message_id} {body}", key.len(), message_id.len());
        let mut id = claim::digest(all.as_bytes());
        id.truncate(ID);
        Self { number, id: Text::from(id) }
    }
}

impl Sequence {
    fn knows(&self, id: &str) -> bool {
        self.leaving.iter().any(|leaving| leaving.id == id) || self.kept.values().any(|kept| kept.id == id)
    }

    /// Lets out what is next, and gives up what is missing before those that are overdue, or where more are kept than may
    /// be.
    fn go_on(&mut self, limit: usize, is_overdue: impl Fn(&Kept) -> bool) {
        let overdue = self.kept.iter().rev().find(|(_, kept)| is_overdue(kept)).map(|(number, _)| *number);
        while let Some((&number, _)) = self.kept.first_key_value() {
            let gives_up = self.kept.len() > limit || overdue.is_some_and(|overdue| number <= overdue);
            if number != self.next && !gives_up {
                return;
            }
            let Some(Kept { id, .. }) = self.kept.remove(&number) else { return };
            self.leaving.push(Leaving { id, missing: number.saturating_sub(self.next) });
            self.next = number.saturating_add(1);
        }
    }
}

impl Resequencer {
    pub(crate) fn new(route: &str, queue: &Text, step: &Text, key: Text, bounds: Bounds) -> Self {
        let record = Name { space: Text::from(format!("resequence/{route}/{step}")), key: key.clone() };
        let messages = Text::from(format!("resequence-message/{route}/{step}"));
        Self { route: Text::from(route), step: step.clone(), queue: queue.clone(), key, bounds, record, messages }
    }

    /// Puts a message in its place, and lets out what is next then.
    pub(crate) async fn add(&self, run: &Run<'_>, member: &Member) -> Result<Arrived, Failure> {
        let (ports, Member { number, id }) = (run.ports(), member);
        let packed = pack(&self.letter(run)?)?;
        let mut timer = None;
        for _ in 0..ATTEMPTS {
            // First the message: if it leaves in between, it is not known yet, and the commit finds that out.
            let is_known = ports.load(&self.message(id)).await?.is_some();
            let (mut sequence, expect) = self.load(ports).await?;
            if sequence.knows(id) {
                self.go_on(ports, None).await?;
                return Ok(Arrived::Waits);
            }
            if is_known {
                return Ok(Arrived::Known);
            }
            if *number < sequence.next {
                return Ok(Arrived::Late { next: sequence.next });
            }
            if sequence.kept.contains_key(number) {
                return Ok(Arrived::Taken);
            }
            if sequence.leaving.len() >= MOST_LEAVING {
                return Err(transient("too many messages of this key wait for being published"));
            }
            let end = match timer {
                Some(end) => end,
                // The end is known before the timer begins: what is written before it has its timer to come.
                None => {
                    let end = millis(ports.now()).saturating_add(as_millis(self.bounds.timeout));
                    if *number > sequence.next {
                        self.start_timer(ports, id).await?;
                        timer = Some(end);
                    }
                    end
                }
            };
            sequence.kept.insert(*number, Kept { id: id.to_string(), end });
            sequence.go_on(self.bounds.limit, |kept| kept.is_late(ports.now()));
            let to = Some((packed.clone(), None));
            let put = Change { name: self.message(id), expect: Expect::Nothing, to };
            if self.commit(ports, &sequence, expect, [put]).await? {
                if !sequence.leaving.is_empty() {
                    self.publish(ports).await?;
                }
                return Ok(Arrived::Waits);
            }
        }
        Err(self.contended())
    }

    /// The time of the message that the run's message names is over.
    pub(crate) async fn time_is_over(&self, run: &Run<'_>) -> Result<(), Failure> {
        self.go_on(run.ports(), run.message().properties.message_id.as_deref()).await
    }

    /// Claims a message that has come out, or need not wait: `None` if it was processed before.
    pub(crate) async fn claim<'a>(&self, run: &Run<'a>, member: &Member) -> Result<Option<Claimed<'a>>, Failure> {
        let key = Key { route: self.record.space.clone(), key: member.id.clone() };
        Claimed::claim(run.ports(), key, self.bounds.keep).await
    }

    /// Gives up what is missing before this message, and what should have been given up long since; publishes what is on
    /// its way out.
    async fn go_on(&self, ports: &dyn Ports, overdue: Option<&str>) -> Result<(), Failure> {
        for _ in 0..ATTEMPTS {
            let (mut sequence, expect) = self.load(ports).await?;
            let before = sequence.leaving.len();
            let is_overdue = |kept: &Kept| Some(kept.id.as_str()) == overdue || kept.is_late(ports.now());
            sequence.go_on(self.bounds.limit, is_overdue);
            if sequence.leaving.is_empty() {
                return Ok(());
            }
            if sequence.leaving.len() == before || self.commit(ports, &sequence, expect, []).await? {
                return self.publish(ports).await;
            }
        }
        Err(self.contended())
    }

    /// Publishes what is on its way out to the route's queue, one after the other, then removes it from the store.
    async fn publish(&self, ports: &dyn Ports) -> Result<(), Failure> {
        let to = Address { exchange: Text::new(), routing_key: self.queue.clone() };
        let mut sent = BTreeSet::new();
        for _ in 0..ATTEMPTS {
            let (mut sequence, expect) = self.load(ports).await?;
            if sequence.leaving.is_empty() {
                return Ok(());
            }
            let mut is_whole = true;
            for leaving in &sequence.leaving {
                if sent.contains(&leaving.id) {
                    continue;
                }
                let Some(message) = self.take_out(ports, leaving).await? else {
                    is_whole = false;
                    break;
                };
                // The queue is the route's own: whatever it refuses, it may take later.
                let confirmed = ports.send(&to, message).await;
                confirmed.map_err(|failure| Failure { class: Class::Transient, ..failure })?;
                sent.insert(leaving.id.clone());
            }
            if !is_whole {
                continue;
            }
            let until = ports.now().checked_add(self.bounds.keep);
            let gone: Vec<_> = sequence.leaving.drain(..).map(|leaving| self.gone(&leaving, until)).collect();
            if self.commit(ports, &sequence, expect, gone).await? {
                return Ok(());
            }
        }
        Err(self.contended())
    }

    /// A message on its way out; `None` if somebody else has published it meanwhile.
    async fn take_out(&self, ports: &dyn Ports, leaving: &Leaving) -> Result<Option<Message>, Failure> {
        let record = ports.load(&self.message(&leaving.id)).await?;
        let Some(record) = record.filter(|record| !record.value.is_empty()) else {
            return self.miss(ports, leaving).await.map(|()| None);
        };
        let Some(mut message) = unpack(record.value) else {
            return Err(Failure::permanent(Kind::State, "a message of the sequence cannot be read in the store"));
        };
        if leaving.missing > 0 {
            let missing = Field::I64(i64::try_from(leaving.missing).unwrap_or(i64::MAX));
            message.headers.insert(Text::borrowed(names::RESEQUENCE_MISSING), missing);
        }
        Ok(Some(message))
    }

    /// Looks for a message that is not in the store: somebody else has published it, or the store has lost it. That is told
    /// once, and holds up no other.
    async fn miss(&self, ports: &dyn Ports, leaving: &Leaving) -> Result<(), Failure> {
        let (mut sequence, expect) = self.load(ports).await?;
        let before = sequence.leaving.len();
        sequence.leaving.retain(|one| one.id != leaving.id);
        if sequence.leaving.len() < before && self.commit(ports, &sequence, expect, []).await? {
            let reason = "the store has lost another message of the sequence, which waited in it; the others go on";
            return Err(Failure::permanent(Kind::State, reason));
        }
        Ok(())
    }

    /// The message as it will come again.
    fn letter(&self, run: &Run<'_>) -> Result<Message, Failure> {
        let Address { exchange, routing_key } = run.address();
        let (route, queue, time) = (&self.route, &self.queue, run.ports().now());
        let origin = Origin { route, queue, exchange, routing_key, attempts: 0, time };
        let mut letter = again(run.original(), &self.step, &Tried::default(), &origin);
        letter.headers.remove(names::RESEQUENCE_MISSING);
        if table_size(&letter.headers) > ALL_HEADERS {
            let reason = format!("the headers are larger than {ALL_HEADERS} bytes, too large to be sent once more");
            return Err(Failure::permanent(Kind::Limit, reason));
        }
        Ok(letter)
    }

    /// Publishes a timer for a message that is about to be kept.
    async fn start_timer(&self, ports: &dyn Ports, id: &Text) -> Result<(), Failure> {
        let mark = Field::text(format!("{}{MARK}{}", self.route, self.step));
        let properties = Properties {
            delivery_mode: Some(2),
            message_id: Some(id.clone()),
            correlation_id: Some(self.key.clone()),
            ..Properties::default()
        };
        let headers = [(Text::borrowed(names::RESEQUENCE_TIMER), mark)].into();
        let to = Address { exchange: Text::new(), routing_key: wait_queue(&self.queue, self.bounds.timeout) };
        ports.send(&to, Message { headers, properties: properties.into(), body: Bytes::new() }).await
    }

    async fn load(&self, ports: &dyn Ports) -> Result<(Sequence, Expect), Failure> {
        let Some(record) = ports.load(&self.record).await? else {
            let new = Sequence { next: self.bounds.first, kept: BTreeMap::new(), leaving: Vec::new() };
            return Ok((new, Expect::Nothing));
        };
        let wrong = |error: serde_json::Error| {
            Failure::permanent(Kind::State, format!("the sequence in the store cannot be read: {error}"))
        };
        let sequence = serde_json::from_slice(&record.value).map_err(wrong)?;
        Ok((sequence, Expect::Version(record.version)))
    }

    /// Writes the sequence and what goes with it. It is forgotten some time after the last message has left it.
    async fn commit(
        &self,
        ports: &dyn Ports,
        sequence: &Sequence,
        expect: Expect,
        with: impl IntoIterator<Item = Change>,
    ) -> Result<bool, Failure> {
        let wrong = |error: serde_json::Error| {
            Failure::permanent(Kind::Internal, format!("the sequence cannot be written: {error}"))
        };
        let value = serde_json::to_vec(sequence).map_err(wrong)?;
        let is_empty = sequence.kept.is_empty() && sequence.leaving.is_empty();
        let until = is_empty.then(|| ports.now().checked_add(self.bounds.keep)).flatten();
        let own = Change { name: self.record.clone(), expect, to: Some((value.into(), until)) };
        let changes: Vec<_> = with.into_iter().chain([own]).collect();
        ports.commit(&changes).await
    }

    fn message(&self, id: &str) -> Name {
        Name { space: self.messages.clone(), key: Text::from(id) }
    }

    /// What stays of a message that has left.
    fn gone(&self, leaving: &Leaving, until: Option<SystemTime>) -> Change {
        let to = until.is_some().then(|| (Bytes::new(), until));
        Change { name: self.message(&leaving.id), expect: Expect::Anything, to }
    }

    fn contended(&self) -> Failure {
        transient(&format!("others changed the sequence of `{}` again and again", self.key))
    }
}

impl Kept {
    /// Whether its timer should have come long since.
    fn is_late(&self, now: SystemTime) -> bool {
        self.end.saturating_add(as_millis(LATE)) <= millis(now)
    }
}

fn transient(reason: &str) -> Failure {
    Failure::new(Class::Transient, Stage::Process, Kind::State, reason)
}
