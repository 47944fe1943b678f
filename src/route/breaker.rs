//! The circuit breaker of a route, as it is set: which endpoints are watched, and what opens it.

use std::fmt;
use std::time::Duration;

use crate::endpoint::Address;
use crate::message::Text;

use super::plan::Sequence;
use super::retry::spell;
use super::target::Target;

/// When a route stops taking messages because an endpoint fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// Failures in a row at one endpoint after which the route takes nothing.
    pub failures: u32,
    /// How long until one message is tried.
    pub pause: Duration,
}

/// An endpoint that a route sends to or calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    exchange: Text,
    /// `None` if it depends on the message.
    routing_key: Option<Text>,
}

impl Endpoint {
    /// Where a target's messages go.
    pub fn of(target: &Target) -> Self {
        match target {
            Target::Fixed(Address { exchange, routing_key }) => {
                Self { exchange: exchange.clone(), routing_key: Some(routing_key.clone()) }
            }
            Target::Computed { exchange, .. } => Self { exchange: exchange.clone(), routing_key: None },
        }
    }

    /// The exchange.
    pub fn exchange(&self) -> &Text {
        &self.exchange
    }

    /// The routing key, unless the message decides.
    pub fn routing_key(&self) -> Option<&Text> {
        self.routing_key.as_ref()
    }

    /// Whether messages to this address go to this endpoint.
    pub fn is_at(&self, to: &Address) -> bool {
        self.exchange == to.exchange && self.routing_key.as_ref().is_none_or(|key| *key == to.routing_key)
    }

    /// Whether it is one address, and not an exchange with any routing key.
    pub fn is_exact(&self) -> bool {
        self.routing_key.is_some()
    }
}

/// The queue; `exchange/routing key`; or the exchange alone where the routing key depends on the message.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.exchange.as_str(), self.routing_key.as_deref()) {
            ("", Some(queue)) => f.write_str(queue),
            ("", None) => f.write_str("default exchange"),
            (exchange, Some("") | None) => f.write_str(exchange),
            (exchange, Some(key)) => write!(f, "{exchange}/{key}"),
        }
    }
}

/// As it stands in `explain`.
impl fmt::Display for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pause = spell(self.pause);
        write!(f, "after {} failures in a row at one endpoint nothing is taken for {pause}", self.failures)
    }
}

/// Every endpoint of these steps, once.
pub(super) fn endpoints(steps: &Sequence) -> Vec<Endpoint> {
    let mut found = Vec::new();
    for endpoint in steps.all().into_iter().flat_map(|placed| placed.step.targets()).map(Endpoint::of) {
        if !found.contains(&endpoint) {
            found.push(endpoint);
        }
    }
    found
}
