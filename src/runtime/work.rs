//! What the runtime needs of a plan. Tests put other work in its place: some that panics, some that never ends.

use crate::endpoint::topology::Topology;
use crate::endpoint::{Address, BoxFuture, Delivery};
use crate::message::{Failure, Text};
use crate::route::breaker::{Breaker, Endpoint};
use crate::route::plan::Version;
use crate::route::ports::Ports;
use crate::route::retry::Ladder;
use crate::route::{Plan, Processed};

/// A compiled route.
pub trait Work: Send + Sync + 'static {
    /// The route's name.
    fn name(&self) -> &str;
    /// What it was made from: a reload leaves it alone as long as that is the same.
    fn version(&self) -> &Version;
    /// The queue that messages are taken from.
    fn queue(&self) -> &str;
    /// How many messages may be taken and not settled.
    fn prefetch(&self) -> u16;
    /// How many bytes of bodies may be taken and not settled, if the route says so.
    fn prefetch_bytes(&self) -> Option<usize> {
        None
    }
    /// Whether messages of one key are processed in order.
    fn ordered(&self) -> bool {
        false
    }
    /// The key of a message, if order is kept; a failure if the message cannot be processed.
    fn key(&self, _: &Delivery, _: &dyn Ports) -> Result<Option<Text>, Failure> {
        Ok(None)
    }
    /// What the route needs at the broker.
    fn topology(&self) -> &Topology;
    /// Where its dead letters go.
    fn dead_letters(&self) -> Address;
    /// How often, and when, what failed for the moment is tried again.
    fn retries(&self) -> &Ladder;
    /// When failures of an endpoint stop it.
    fn breaker(&self) -> Option<&Breaker> {
        None
    }
    /// Where it sends to, and whom it calls.
    fn endpoints(&self) -> &[Endpoint] {
        &[]
    }
    /// Whether it sends requests and waits for answers.
    fn calls(&self) -> bool;
    /// Whether it answers who asks, and so tells them when a message has failed for good.
    fn answers(&self) -> bool;
    /// Whether it may look at bodies, so that its runs are worth tasks of their own.
    fn parses(&self) -> bool;
    /// Runs one message, with all attempts at once; resolves when all effects are confirmed.
    fn process<'a>(&'a self, delivery: &'a Delivery, ports: &'a dyn Ports) -> BoxFuture<'a, Processed>;
}

impl Work for Plan {
    fn name(&self) -> &str {
        self.name()
    }

    fn version(&self) -> &Version {
        self.version()
    }

    fn queue(&self) -> &str {
        self.queue()
    }

    fn prefetch(&self) -> u16 {
        self.prefetch()
    }

    fn prefetch_bytes(&self) -> Option<usize> {
        self.prefetch_bytes()
    }

    fn ordered(&self) -> bool {
        self.order().is_kept()
    }

    fn key(&self, delivery: &Delivery, ports: &dyn Ports) -> Result<Option<Text>, Failure> {
        self.key(delivery, ports)
    }

    fn topology(&self) -> &Topology {
        self.topology()
    }

    fn dead_letters(&self) -> Address {
        self.dead_letter_address()
    }

    fn retries(&self) -> &Ladder {
        self.retries()
    }

    fn breaker(&self) -> Option<&Breaker> {
        self.breaker()
    }

    fn endpoints(&self) -> &[Endpoint] {
        self.endpoints()
    }

    fn calls(&self) -> bool {
        self.all_steps().iter().any(|placed| placed.step.calls())
    }

    fn answers(&self) -> bool {
        self.reply().is_some()
    }

    fn parses(&self) -> bool {
        self.looks()
    }

    fn process<'a>(&'a self, delivery: &'a Delivery, ports: &'a dyn Ports) -> BoxFuture<'a, Processed> {
        Box::pin(self.process(delivery, ports))
    }
}
