//! The key that a message holds on its way.

use std::time::Duration;

use crate::endpoint::store::Key;
use crate::message::Failure;

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
    /// Takes over a key that these ports gave as new.
    pub fn new(ports: &'a dyn Ports, key: Key, keep: Duration) -> Self {
        Self { ports, key, keep, held: true }
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
