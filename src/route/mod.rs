//! Routes: from a file, through a plan, to a run.
//!
//! [`model`] is the file as it was written, [`mod@compile`] checks it and resolves its names, [`Plan`] is what runs.
//! A plan reaches the world through [`ports`] only.

pub mod ports;
pub mod watch;
pub mod model;
pub mod step;
pub mod compile;
pub mod plan;
pub mod run;
pub mod expression;
pub mod order;
pub mod dead_letter;
pub mod error_reply;
pub mod retry;
pub mod fate;
pub mod left;
pub mod breaker;
pub mod explain;
pub mod asyncapi;
pub mod graph;
pub mod fake;
mod body;
mod claim;
mod claimed;
pub(crate) mod conversation;
mod group;
mod packed;
mod reach;
mod sequence;
mod target;
pub(crate) mod variables;
mod waited;

pub use compile::{Library, SubRoutes, check_set, compile};
pub use dead_letter::{Origin, dead_letter};
pub use error_reply::error_reply;
pub use explain::explain;
pub use order::Order;
pub use plan::{Outcome, Plan, Processed};

#[cfg(test)]
mod tests;
