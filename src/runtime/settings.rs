//! The bounds of a running bus.

use std::time::Duration;

/// The bounds of a running bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long messages in flight may take to finish when the bus is to end.
    pub drain_deadline: Duration,
    /// Bytes of bodies in flight per route that names no bound of its own; when they are reached, the route takes nothing
    /// more.
    pub in_flight_bytes: usize,
    /// Messages in flight of all routes together. Each may use its equal part, and beyond that what is not used.
    pub total_messages: usize,
    /// Bytes of bodies in flight of all routes together, shared in the same way.
    pub total_bytes: usize,
    /// Requests per route that may wait for their answers.
    pub pending_calls: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            drain_deadline: Duration::from_secs(20),
            in_flight_bytes: 64 << 20,
            total_messages: 20_000,
            total_bytes: 256 << 20,
            pending_calls: 4096,
        }
    }
}
