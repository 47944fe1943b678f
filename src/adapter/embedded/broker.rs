//! The broker's state and what can be done to it. Everything happens under one lock and without waiting.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::adapter::wire;
use crate::endpoint::topology::{self, Topology};
use crate::endpoint::{Delivery, EndpointError, Settlement, Tag, declared_otherwise};
use crate::message::{Field, Headers, Text};

use super::arguments::{self, Arguments};
use super::death::Reason;
use super::exchange::{Exchange, Kind};
use super::queue::{Back, Queue, Stored, weight};

/// One consumer of a queue.
struct Consumer {
    session: u64,
    queue: Text,
    prefetch: usize,
    next_tag: u64,
    stopped: bool,
    unsettled: BTreeMap<u64, Stored>,
}

/// Exchanges, queues, consumers, and how much memory the messages take.
pub(super) struct State {
    pub(super) exchanges: HashMap<Text, Exchange>,
    pub(super) queues: HashMap<Text, Queue>,
    consumers: BTreeMap<u64, Consumer>,
    pub(super) bytes: usize,
    pub(super) max_bytes: usize,
    next_id: u64,
    /// Woken when the next deadline may have changed.
    pub(super) deadlines: Arc<Notify>,
}

impl State {
    pub(super) fn new(max_bytes: usize) -> Self {
        let built_in = [
            ("amq.direct", Kind::Direct),
            ("amq.topic", Kind::Topic),
            ("amq.fanout", Kind::Fanout),
            ("amq.headers", Kind::Headers),
            ("amq.match", Kind::Headers),
        ];
        Self {
            exchanges: built_in.map(|(name, kind)| (Text::from(name), Exchange::new(kind))).into(),
            queues: HashMap::new(),
            consumers: BTreeMap::new(),
            bytes: 0,
            max_bytes,
            next_id: 0,
            deadlines: Arc::default(),
        }
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn declare(&mut self, topology: &Topology) -> Result<(), EndpointError> {
        topology.exchanges.iter().try_for_each(|exchange| self.declare_exchange(exchange))?;
        topology.queues.iter().try_for_each(|queue| self.declare_queue(queue))?;
        topology.bindings.iter().try_for_each(|binding| self.bind(binding))
    }

    fn declare_exchange(&mut self, wanted: &topology::Exchange) -> Result<(), EndpointError> {
        let name = &wanted.name;
        match self.exchanges.get(name) {
            Some(_) if !wanted.declare => Ok(()),
            Some(exchange) if Kind::parse(&wanted.kind) == Some(exchange.kind) => Ok(()),
            Some(exchange) => {
                let (theirs, ours) = (format!("`{}`", exchange.kind.name()), format!("`{}`", wanted.kind));
                refused(declared_otherwise("exchange", name, "type", &theirs, &ours))
            }
            None if !wanted.declare => refused(format!("there is no exchange `{name}`: NOT_FOUND")),
            None if name.is_empty() || name.starts_with("amq.") => {
                refused(format!("the name of exchange `{name}` is reserved: ACCESS_REFUSED"))
            }
            None => match Kind::parse(&wanted.kind) {
                Some(kind) => {
                    self.exchanges.insert(name.clone(), Exchange::new(kind));
                    Ok(())
                }
                None => refused(format!("exchange `{name}`: the embedded broker has no type `{}`", wanted.kind)),
            },
        }
    }

    fn declare_queue(&mut self, wanted: &topology::Queue) -> Result<(), EndpointError> {
        let name = &wanted.name;
        wire::check_short("queue", name).or_else(|error| refused(error.to_string()))?;
        let existing = self.queues.get(name);
        if !wanted.declare {
            return match existing {
                Some(_) => Ok(()),
                None => refused(format!("there is no queue `{name}`: NOT_FOUND")),
            };
        }
        let arguments = Arguments::parse(&wanted.arguments)
            .or_else(|reason| refused(format!("queue `{name}`: {reason}: PRECONDITION_FAILED")))?;
        match existing {
            Some(queue) if queue.exclusive_to.is_some() => {
                refused(format!("queue `{name}` belongs to another session: RESOURCE_LOCKED"))
            }
            Some(queue) if queue.arguments == arguments => Ok(()),
            Some(queue) => {
                let (argument, theirs, ours) = arguments::difference(&queue.declared, &wanted.arguments);
                refused(declared_otherwise("queue", name, &argument, &theirs, &ours))
            }
            None if name.is_empty() || name.starts_with("amq.") => {
                refused(format!("the name of queue `{name}` is reserved: ACCESS_REFUSED"))
            }
            None => {
                let queue = Queue::new(arguments, wanted.arguments.clone(), None);
                self.queues.insert(name.clone(), queue);
                Ok(())
            }
        }
    }

    fn bind(&mut self, wanted: &topology::Binding) -> Result<(), EndpointError> {
        if !self.queues.contains_key(&wanted.queue) {
            return refused(format!("there is no queue `{}` to bind: NOT_FOUND", wanted.queue));
        }
        match self.exchanges.get_mut(&wanted.exchange) {
            Some(exchange) => exchange.bind(wanted).or_else(refused),
            None => refused(format!("there is no exchange `{}` to bind to: NOT_FOUND", wanted.exchange)),
        }
    }

    /// Makes the private queue of a session.
    pub(super) fn reply_queue(&mut self, session: u64) -> Text {
        let name = Text::from(format!("amq.gen-{}", self.next_id()));
        self.queues.insert(name.clone(), Queue::new(Arguments::default(), Headers::new(), Some(session)));
        name
    }

    /// Deletes a queue with its messages; its consumers end.
    pub(super) fn delete_queue(&mut self, name: &str) {
        self.consumers.retain(|_, consumer| {
            let keep = consumer.queue != name;
            if !keep {
                self.bytes -= consumer.unsettled.values().map(|stored| weight(&stored.message)).sum::<usize>();
            }
            keep
        });
        let Some(mut queue) = self.queues.remove(name) else { return };
        self.bytes -= queue.drain().map(|stored| weight(&stored.message)).sum::<usize>();
        queue.changed.notify_waiters();
        self.exchanges.values_mut().for_each(|exchange| exchange.unbind_queue(name));
    }

    /// Starts to consume a queue; gives the consumer's id and what wakes it.
    pub(super) fn consume(
        &mut self,
        session: u64,
        queue: &str,
        prefetch: u16,
    ) -> Result<(u64, Arc<Notify>), EndpointError> {
        let changed = match self.queues.get(queue) {
            None => return refused(format!("there is no queue `{queue}` to take from: NOT_FOUND")),
            Some(queue) if queue.exclusive_to.is_some_and(|owner| owner != session) => {
                return refused("the queue belongs to another session: RESOURCE_LOCKED".to_owned());
            }
            Some(queue) => Arc::clone(&queue.changed),
        };
        let id = self.next_id();
        let prefetch = if prefetch == 0 { usize::MAX } else { usize::from(prefetch) };
        let consumer = Consumer {
            session,
            queue: queue.into(),
            prefetch,
            next_tag: 0,
            stopped: false,
            unsettled: BTreeMap::new(),
        };
        self.consumers.insert(id, consumer);
        Ok((id, changed))
    }

    /// What a consumer gets now, in the inner option; `None` there if it has to wait. The outer one is `None` if
    /// there is no such consumer any more.
    pub(super) fn take(&mut self, id: u64, max: usize) -> Option<Option<Vec<Delivery>>> {
        let consumer = self.consumers.get(&id)?;
        let room = consumer.prefetch.saturating_sub(consumer.unsettled.len()).min(max);
        let name = consumer.queue.clone();
        if consumer.stopped {
            return Some(Some(Vec::new()));
        }
        self.expire_queue(&name, Instant::now());
        if !self.is_active(id, &name) {
            return Some(None);
        }
        let quorum = self.queues.get(&name).is_some_and(|queue| queue.arguments.quorum);
        let mut deliveries = Vec::new();
        while deliveries.len() < room {
            let Some(stored) = self.queues.get_mut(&name).and_then(Queue::pop) else { break };
            let Some(consumer) = self.consumers.get_mut(&id) else { break };
            consumer.next_tag += 1;
            deliveries.push(Delivery {
                tag: Tag(consumer.next_tag),
                redelivered: stored.deliveries > 0,
                address: stored.address.clone(),
                message: stored.message.clone(),
            });
            if quorum
                && stored.deliveries > 0
                && let Some(given) = deliveries.last_mut()
            {
                let count = Field::I64(stored.deliveries.into());
                given.message.headers.insert(Text::borrowed("x-delivery-count"), count);
            }
            consumer.unsettled.insert(consumer.next_tag, stored);
        }
        if self.queues.get(&name).is_some_and(|queue| queue.deadline().is_some()) {
            self.deadlines.notify_one();
        }
        Some(if deliveries.is_empty() { None } else { Some(deliveries) })
    }

    /// With a single active consumer, the oldest one alone gets messages.
    fn is_active(&self, id: u64, name: &Text) -> bool {
        let single = self.queues.get(name).is_some_and(|queue| queue.arguments.single_active_consumer);
        !single || self.consumers.iter().find(|(_, other)| other.queue == *name).is_some_and(|(first, _)| *first == id)
    }

    /// Settles; `None` if there is no such consumer any more.
    pub(super) fn settle(&mut self, id: u64, settlement: Settlement) -> Option<Result<(), EndpointError>> {
        let (Settlement::Ack(tag) | Settlement::AckThrough(tag) | Settlement::Requeue(tag)) = settlement;
        let consumer = self.consumers.get_mut(&id)?;
        if !consumer.unsettled.contains_key(&tag.0) {
            self.end_consumer(id);
            let reason = format!("unknown delivery tag {}: PRECONDITION_FAILED", tag.0);
            return Some(Err(EndpointError::Unavailable(reason)));
        }
        let settled: Vec<Stored> = match settlement {
            Settlement::AckThrough(_) => {
                let later = consumer.unsettled.split_off(&(tag.0 + 1));
                std::mem::replace(&mut consumer.unsettled, later).into_values().collect()
            }
            Settlement::Ack(_) | Settlement::Requeue(_) => consumer.unsettled.remove(&tag.0).into_iter().collect(),
        };
        let queue = consumer.queue.clone();
        if let Settlement::Requeue(_) = settlement {
            self.give_back(&queue, settled, Back::Requeued);
        } else {
            self.bytes -= settled.iter().map(|stored| weight(&stored.message)).sum::<usize>();
        }
        Some(Ok(()))
    }

    /// Puts unsettled messages back, or gives them up at the queue's delivery limit.
    fn give_back(&mut self, name: &Text, unsettled: Vec<Stored>, how: Back) {
        for mut stored in unsettled {
            stored.deliveries = stored.deliveries.saturating_add(1);
            let bytes = weight(&stored.message);
            let limit = self.queues.get(name).and_then(|queue| queue.arguments.delivery_limit);
            let back = if limit.is_some_and(|limit| stored.deliveries > limit) {
                self.dead_letter(name, stored, Reason::DeliveryLimit)
            } else {
                Some(stored)
            };
            match (back, self.queues.get_mut(name)) {
                (Some(stored), Some(queue)) => queue.put_back(stored, how),
                _ => self.bytes = self.bytes.saturating_sub(bytes),
            }
        }
        self.deadlines.notify_one();
    }

    /// Gives no more deliveries to a consumer.
    pub(super) fn stop(&mut self, id: u64) -> Option<()> {
        self.consumers.get_mut(&id).map(|consumer| consumer.stopped = true)
    }

    /// Ends a consumer; what it has not settled goes back.
    pub(super) fn end_consumer(&mut self, id: u64) {
        let Some(consumer) = self.consumers.remove(&id) else { return };
        self.give_back(&consumer.queue, consumer.unsettled.into_values().collect(), Back::Lost);
        if let Some(queue) = self.queues.get(&consumer.queue) {
            queue.changed.notify_waiters();
        }
    }

    /// Ends all consumers of a session and deletes its private queues.
    pub(super) fn end_session(&mut self, session: u64) {
        let consumers: Vec<u64> =
            self.consumers.iter().filter(|(_, consumer)| consumer.session == session).map(|(id, _)| *id).collect();
        consumers.into_iter().for_each(|id| self.end_consumer(id));
        let private: Vec<Text> = self
            .queues
            .iter()
            .filter(|(_, queue)| queue.exclusive_to == Some(session))
            .map(|(name, _)| name.clone())
            .collect();
        private.iter().for_each(|name| self.delete_queue(name));
    }

    /// How many messages of a queue are ready.
    pub(super) fn depth(&self, queue: &str) -> Option<usize> {
        self.queues.get(queue).map(Queue::len)
    }

    /// How many messages of a queue are delivered and not settled.
    pub(super) fn unsettled(&self, queue: &str) -> usize {
        self.consumers
            .values()
            .filter(|consumer| consumer.queue == queue)
            .map(|consumer| consumer.unsettled.len())
            .sum()
    }

    /// The memory that messages take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether the memory that messages may take is used up.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= self.max_bytes
    }
}

pub(super) fn refused<T>(reason: String) -> Result<T, EndpointError> {
    Err(EndpointError::Refused(reason))
}
