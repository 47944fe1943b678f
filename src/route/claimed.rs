//! The key that a message holds on its way.

use std::time::Duration;

use crate::endpoint::store::{Claim, Key};
use crate::message::{Class, Failure, Kind, Stage};

use super::ports::Ports;

/// A claimed key. However the run ends, if it does not end well, the key is free again: another message with it, or
/// this one when it comes again, is processed.
pub struct Claimed<'a> {
    ports: &'a dyn Ports,
    key: Key,
    keep: Duration,
    held: bool,
}

impl<'a> Claimed<'a> {
    /// Claims a key, to be known for so long when the message is processed; `None` if it is known.
    pub async fn claim(ports: &'a dyn Ports, key: Key, keep: Duration) -> Result<Option<Self>, Failure> {
        match ports.claim(&key).await? {
            Claim::New => Ok(Some(Self { ports, key, keep, held: true })),
            Claim::Done => Ok(None),
            Claim::Pending => {
                let reason = "a message with the same key is still under way";
                Err(Failure::new(Class::Transient, Stage::Process, Kind::Timeout, reason))
            }
        }
    }

    /// Remembers that the message is processed.
    pub async fn complete(mut self) -> Result<(), Failure> {
        self.ports.complete(&self.key, self.keep).await?;
        self.held = false;
        Ok(())
    }
}

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        if self.held {
            self.ports.release(&self.key);
        }
    }
}
