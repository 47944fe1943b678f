//! The exchanges, queues and bindings that a route needs, as plain data.

use std::collections::BTreeMap;

use crate::message::{Field, Text};

/// What a route needs at the broker.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Topology {
    /// In order of declaration.
    pub exchanges: Vec<Exchange>,
    /// In order of declaration.
    pub queues: Vec<Queue>,
    /// After exchanges and queues.
    pub bindings: Vec<Binding>,
}

/// An exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// Its name.
    pub name: Text,
    /// `direct`, `topic`, `fanout`, `headers`.
    pub kind: Text,
    /// Declared by the bus; else only verified to exist.
    pub declare: bool,
}

/// A durable queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// Its name.
    pub name: Text,
    /// `x-queue-type` and whatever else it is declared with.
    pub arguments: BTreeMap<Text, Field>,
    /// Declared by the bus; else only verified to exist.
    pub declare: bool,
}

/// A binding of a queue to an exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// The queue.
    pub queue: Text,
    /// The exchange.
    pub exchange: Text,
    /// The routing key or pattern.
    pub routing_key: Text,
    /// What a headers exchange compares, and `x-match`: `all` or `any`.
    pub arguments: BTreeMap<Text, Field>,
}

impl Topology {
    /// Adds what another route needs; equal entries stand once.
    pub fn merge(&mut self, other: &Self) {
        fn add<T: Clone + PartialEq>(all: &mut Vec<T>, more: &[T]) {
            for item in more {
                if !all.contains(item) {
                    all.push(item.clone());
                }
            }
        }
        add(&mut self.exchanges, &other.exchanges);
        add(&mut self.queues, &other.queues);
        add(&mut self.bindings, &other.bindings);
    }
}
