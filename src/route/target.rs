//! Where a message is sent: an address that stands, or one that is computed from the message.

use std::fmt;

use crate::endpoint::Address;
use crate::message::{Failure, Kind, Text, Value};

use super::expression::Expression;
use super::run::Run;

/// The longest exchange name and routing key of AMQP 0-9-1, in bytes.
pub(crate) const SHORT_STRING: usize = 255;

/// A compiled sending address.
#[derive(Debug)]
pub enum Target {
    /// Always the same.
    Fixed(Address),
    /// The routing key depends on the message.
    Computed {
        /// The exchange.
        exchange: Text,
        /// Gives the routing key.
        routing_key: Box<Expression>,
    },
}

impl Target {
    /// The address for a message.
    pub fn address(&self, run: &mut Run<'_>) -> Result<Address, Failure> {
        match self {
            Self::Fixed(address) => Ok(address.clone()),
            Self::Computed { exchange, routing_key } => match routing_key.one(run)? {
                Value::String(key) if key.len() <= SHORT_STRING => {
                    Ok(Address { exchange: exchange.clone(), routing_key: key })
                }
                Value::String(_) => Err(wrong("a text of more than 255 bytes")),
                other => Err(wrong(other.type_name())),
            },
        }
    }
}

fn wrong(found: &str) -> Failure {
    Failure::permanent(Kind::Mapping, format!("`routing_key_from` must give a text of at most 255 bytes, not {found}"))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (exchange, key) = match self {
            Self::Fixed(address) => (&address.exchange, address.routing_key.as_str()),
            Self::Computed { exchange, routing_key } => (exchange, routing_key.source()),
        };
        let what = if matches!(self, Self::Fixed(_)) { "routing key" } else { "the routing key given by" };
        match exchange.is_empty() {
            true if matches!(self, Self::Fixed(_)) => write!(f, "queue {key}"),
            true => write!(f, "the queue named by {key}"),
            false => write!(f, "exchange {exchange}, {what} {key}"),
        }
    }
}
