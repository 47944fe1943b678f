//! Groups of messages that wait in the store for one another, and the messages by which they come back.
//!
//! One record for each key holds its groups: at most one is open, the others are complete and about to be published. Each
//! part is a record of its own, written together with the group that counts it; when the group is published it stays
//! for a while, without its text, so that the part is known if it comes again.
//!
//! Two kinds of messages come back to the route's own queue: a timer, published before its group is there, which the
//! broker holds back until the group's time is over; and a complete group, whose parts leave the store when the broker has
//! confirmed it. So whatever ends the process, a part is in the store or its message unsettled, and a group in the store
//! has a timer on its way. A group that was published twice, because the process ended in between, is processed once: it
//! claims its id as an Idempotent Receiver does.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::endpoint::store::{Change, Expect, Key, Name, Record};
use crate::endpoint::{Address, Delivery};
use crate::format::json;
use crate::message::{Class, Failure, Field, Kind, Message, Properties, Stage, Text, header_names as names};

use super::claim;
use super::claimed::Claimed;
use super::expression::Expression;
use super::ports::Ports;
use super::retry::wait_queue;
use super::run::Run;
use super::step::Flow;

/// Attempts beside others who change the same record. Each conflict means that one of them has succeeded.
pub(super) const ATTEMPTS: usize = 1_000;
/// Complete groups of one key that wait for being published.
const MOST_COMPLETE: usize = 16;
/// Stands between the route and the step in the headers of messages of ours: no step's id has it.
pub(super) const MARK: char = '#';
/// Hexadecimal digits by which a part is known.
const PART_ID: usize = 32;
/// A timer that is so late is lost.
pub(super) const LATE: Duration = Duration::from_secs(60);

/// All groups of one key.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Groups {
    groups: Vec<Group>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Group {
    id: String,
    parts: Vec<String>,
    /// Of all parts together.
    bytes: usize,
    /// When its time is over, in milliseconds since 1970.
    end: u64,
    /// What made it complete.
    complete: Option<String>,
}

/// One message on its way into a group.
pub(crate) struct Part {
    id: String,
    text: Bytes,
}

/// When a group is complete, besides its timeout.
pub(crate) struct When<'a> {
    pub(crate) count: u32,
    pub(crate) holds: Option<&'a Expression>,
}

/// The groups of one key of one step.
pub(crate) struct Gathering {
    route: Text,
    step: Text,
    queue: Text,
    key: Text,
    record: Name,
    parts: Text,
    timeout: Duration,
    keep: Duration,
}

/// How a message of ours comes back to its route.
pub(crate) enum Entry {
    /// A complete group: it goes on behind this step.
    Behind(Text),
    /// A timer of this step.
    Timer(Text),
}

impl Entry {
    /// What a delivery is. Only what the route itself has put into its queue counts: what stands in another one, as a
    /// dead letter, is a message like any other there.
    pub(crate) fn of(delivery: &Delivery, route: &str, queue: &str) -> Option<Self> {
        let Address { exchange, routing_key } = &delivery.address;
        if !exchange.is_empty() || routing_key != queue {
            return None;
        }
        let step = |name| {
            let (of, step) = delivery.message.headers.get(name).and_then(Field::as_str)?.rsplit_once(MARK)?;
            (of == route).then(|| Text::from(step))
        };
        let timer = || step(names::AGGREGATE_TIMER).or_else(|| step(names::RESEQUENCE_TIMER));
        step(names::AGGREGATE).map(Self::Behind).or_else(|| timer().map(Self::Timer))
    }
}

impl Part {
    /// The part of a run's message. Of one key, id and body there is one.
    pub(crate) fn of(run: &Run<'_>, key: &str, text: Vec<u8>) -> Self {
        let id = run.message().properties.message_id.as_deref().unwrap_or_default();
        let original = run.original();
        let claimed = claim::claimed(&original.headers).and_then(Field::as_str).map(str::to_owned);
        let body = claimed.unwrap_or_else(|| claim::digest(&original.body));
        let mut all = claim::digest(format!("{} {key} {} {id} {body}", key.len(), id.len()).as_bytes());
        all.truncate(PART_ID);
        Self { id: all, text: text.into() }
    }
}

impl Gathering {
    pub(crate) fn new(route: &str, queue: &Text, step: &Text, key: Text, timeout: Duration, keep: Duration) -> Self {
        let record = Name { space: Text::from(format!("aggregate/{route}/{step}")), key: key.clone() };
        let parts = Text::from(format!("aggregate-part/{route}/{step}"));
        Self { route: Text::from(route), step: step.clone(), queue: queue.clone(), key, record, parts, timeout, keep }
    }

    /// Puts a part into the open group, or a new one; publishes the group if it is complete then.
    pub(crate) async fn add(&self, run: &mut Run<'_>, part: Part, when: &When<'_>) -> Result<Flow, Failure> {
        let ports = run.ports();
        let mut timer = None;
        for _ in 0..ATTEMPTS {
            // First the part: if its group is published in between, it is not known yet, and the commit finds that out.
            let is_known = ports.load(&self.part(&part.id)).await?.is_some();
            let (mut groups, expect) = self.load(ports).await?;
            if let Some(known) = groups.groups.iter().find(|group| group.parts.contains(&part.id)) {
                if known.complete.is_some() {
                    self.publish(ports, known).await?;
                } else if known.end <= millis(ports.now()) {
                    self.expire(ports, &known.id).await?;
                }
                return Ok(Flow::Gathered);
            }
            if is_known {
                return Ok(Flow::Duplicate);
            }
            let now = millis(ports.now());
            let open = groups.groups.iter_mut().find(|group| group.complete.is_none());
            let group = match open {
                Some(late) if late.end.saturating_add(as_millis(LATE)) <= now => {
                    late.complete = Some("timeout".to_owned());
                    let late = late.clone();
                    if self.commit(ports, &groups, expect, None).await? {
                        self.publish(ports, &late).await?;
                    }
                    continue;
                }
                Some(open) => open,
                None => {
                    if groups.groups.len() >= MOST_COMPLETE {
                        let reason = "too many complete groups of this key wait for being published";
                        return Err(Failure::new(Class::Transient, Stage::Process, Kind::State, reason));
                    }
                    let started = match timer.take() {
                        Some(started) => started,
                        // The end is known before the timer begins: what is written before it has its timer to come.
                        None => (self.start_timer(ports).await?, now.saturating_add(as_millis(self.timeout))),
                    };
                    let (id, end) = timer.insert(started);
                    let (id, end) = (id.to_string(), *end);
                    groups.groups.push(Group { id, parts: Vec::new(), bytes: 2, end, complete: None });
                    let Some(new) = groups.groups.last_mut() else { continue };
                    new
                }
            };
            group.bytes = group.bytes.saturating_add(part.text.len()).saturating_add(1);
            if group.bytes > run.limits().body_bytes {
                let most = run.limits().body_bytes;
                let reason =
                    format!("with this part the group would have more than {most} bytes; complete groups earlier");
                return Err(Failure::permanent(Kind::Limit, reason));
            }
            group.complete = self.completed(run, group, &part, when).await?;
            group.parts.push(part.id.clone());
            let group = group.clone();
            let put =
                Change { name: self.part(&part.id), expect: Expect::Nothing, to: Some((part.text.clone(), None)) };
            if self.commit(ports, &groups, expect, Some(put)).await? {
                if group.complete.is_some() {
                    self.publish(ports, &group).await?;
                } else if group.end <= millis(ports.now()) {
                    self.expire(ports, &group.id).await?;
                }
                return Ok(Flow::Gathered);
            }
        }
        Err(self.contended())
    }

    /// Takes a complete group that has come back: `false` if it was processed before.
    pub(crate) async fn take(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        let id = run.message().properties.message_id.clone().unwrap_or_default();
        let key = Key { route: self.record.space.clone(), key: id };
        let claimed = Claimed::claim(run.ports(), key, self.keep).await?;
        let is_new = claimed.is_some();
        claimed.into_iter().for_each(|claimed| run.hold(claimed));
        Ok(is_new)
    }

    /// The time of the group that the run's message names is over.
    pub(crate) async fn time_is_over(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let id = run.message().properties.message_id.clone().unwrap_or_default();
        self.expire(run.ports(), &id).await?;
        Ok(Flow::Gathered)
    }

    /// Publishes a group, if it is there still, whatever it has.
    async fn expire(&self, ports: &dyn Ports, id: &str) -> Result<(), Failure> {
        for _ in 0..ATTEMPTS {
            let (mut groups, expect) = self.load(ports).await?;
            let Some(group) = groups.groups.iter_mut().find(|group| group.id == id) else {
                return Ok(());
            };
            let is_open = group.complete.is_none();
            group.complete.get_or_insert_with(|| "timeout".to_owned());
            let group = group.clone();
            if !is_open || self.commit(ports, &groups, expect, None).await? {
                return self.publish(ports, &group).await;
            }
        }
        Err(self.contended())
    }

    /// Publishes a timer for a new group, and gives the group's id.
    async fn start_timer(&self, ports: &dyn Ports) -> Result<Text, Failure> {
        let id = ports.new_id();
        let message = self.message(names::AGGREGATE_TIMER, id.clone(), Bytes::new());
        let to = Address { exchange: Text::new(), routing_key: wait_queue(&self.queue, self.timeout) };
        ports.send(&to, message).await?;
        Ok(id)
    }

    /// What makes the group complete, once it has the part.
    async fn completed(
        &self,
        run: &mut Run<'_>,
        group: &Group,
        part: &Part,
        when: &When<'_>,
    ) -> Result<Option<String>, Failure> {
        if group.parts.len() + 1 >= usize::try_from(when.count).unwrap_or(usize::MAX) {
            return Ok(Some("count".to_owned()));
        }
        let Some(holds) = when.holds else { return Ok(None) };
        // A part is missing only where another has published the group meanwhile: then nothing of this is written.
        let Some(mut texts) = self.texts(run.ports(), group).await? else { return Ok(None) };
        texts.push(part.text.clone());
        let array = json::read(&array(&texts), run.limits());
        let array = array.map_err(|violation| Failure::permanent(Kind::Limit, format!("the group: {violation}")))?;
        Ok(holds.holds_for(array, run)?.then(|| "condition".to_owned()))
    }

    /// Publishes a complete group to the route's queue, then removes it from the store.
    async fn publish(&self, ports: &dyn Ports, group: &Group) -> Result<(), Failure> {
        if let Some(texts) = self.texts(ports, group).await? {
            let mut message = self.message(names::AGGREGATE, Text::from(group.id.as_str()), array(&texts));
            let by = Field::text(group.complete.as_deref().unwrap_or_default());
            message.headers.insert(Text::borrowed(names::AGGREGATE_BY), by);
            let to = Address { exchange: Text::new(), routing_key: self.queue.clone() };
            ports.send(&to, message).await?;
        }
        for _ in 0..ATTEMPTS {
            let (mut groups, expect) = self.load(ports).await?;
            let Some(at) = groups.groups.iter().position(|one| one.id == group.id) else { return Ok(()) };
            groups.groups.remove(at);
            let until = ports.now().checked_add(self.keep);
            let gone = |part: &String| Change {
                name: self.part(part),
                expect: Expect::Anything,
                to: until.is_some().then(|| (Bytes::new(), until)),
            };
            if self.commit(ports, &groups, expect, group.parts.iter().map(gone)).await? {
                return Ok(());
            }
        }
        Err(self.contended())
    }

    /// The texts of a group's parts; `None` if they have left the store.
    async fn texts(&self, ports: &dyn Ports, group: &Group) -> Result<Option<Vec<Bytes>>, Failure> {
        let names: Vec<_> = group.parts.iter().map(|part| self.part(part)).collect();
        let records = try_join_all(names.iter().map(|name| ports.load(name))).await?;
        let text = |record: Option<Record>| record.map(|record| record.value).filter(|text| !text.is_empty());
        if let Some(texts) = records.into_iter().map(text).collect() {
            return Ok(Some(texts));
        }
        let (groups, _) = self.load(ports).await?;
        if groups.groups.iter().any(|one| one.id == group.id) {
            return Err(Failure::permanent(Kind::State, "a part of the group is missing in the store"));
        }
        Ok(None)
    }

    async fn load(&self, ports: &dyn Ports) -> Result<(Groups, Expect), Failure> {
        let Some(record) = ports.load(&self.record).await? else { return Ok((Groups::default(), Expect::Nothing)) };
        let wrong = |error: serde_json::Error| {
            Failure::permanent(Kind::State, format!("the groups in the store cannot be read: {error}"))
        };
        let groups = serde_json::from_slice(&record.value).map_err(wrong)?;
        Ok((groups, Expect::Version(record.version)))
    }

    /// Writes the groups and what goes with them. Open groups have no end: only their parts' messages have one.
    async fn commit(
        &self,
        ports: &dyn Ports,
        groups: &Groups,
        expect: Expect,
        with: impl IntoIterator<Item = Change>,
    ) -> Result<bool, Failure> {
        let wrong = |error: serde_json::Error| {
            Failure::permanent(Kind::Internal, format!("the groups cannot be written: {error}"))
        };
        let value = serde_json::to_vec(groups).map_err(wrong)?;
        let to = (!groups.groups.is_empty()).then(|| (value.into(), None));
        let own = Change { name: self.record.clone(), expect, to };
        let changes: Vec<_> = with.into_iter().chain([own]).collect();
        ports.commit(&changes).await
    }

    fn part(&self, id: &str) -> Name {
        Name { space: self.parts.clone(), key: Text::from(id) }
    }

    /// A message of ours about a group.
    fn message(&self, kind: &'static str, id: Text, body: Bytes) -> Message {
        let headers = [(Text::borrowed(kind), Field::text(format!("{}{MARK}{}", self.route, self.step)))].into();
        let properties = Properties {
            content_type: Some(Text::borrowed("application/json")),
            delivery_mode: Some(2),
            message_id: Some(id),
            correlation_id: Some(self.key.clone()),
            ..Properties::default()
        };
        Message { headers, properties: properties.into(), body }
    }

    fn contended(&self) -> Failure {
        let reason = format!("others changed the groups of `{}` again and again", self.key);
        Failure::new(Class::Transient, Stage::Process, Kind::State, reason)
    }
}

/// A JSON array of JSON texts.
fn array(texts: &[Bytes]) -> Bytes {
    let mut array = BytesMut::with_capacity(texts.iter().map(|text| text.len() + 1).sum::<usize>() + 1);
    for (position, text) in texts.iter().enumerate() {
        array.put_u8(if position == 0 { b'[' } else { b',' });
        array.put_slice(text);
    }
    if texts.is_empty() {
        array.put_u8(b'[');
    }
    array.put_u8(b']');
    array.freeze()
}

pub(super) fn millis(time: SystemTime) -> u64 {
    as_millis(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

pub(super) fn as_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
