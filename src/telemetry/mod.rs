//! What operators see of the bus: names, metrics, log.

pub mod events;
pub mod logs;
pub mod metrics;
pub mod names;
