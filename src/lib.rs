//! Trunkline: an enterprise service bus daemon over RabbitMQ.
//!
//! The modules stand in dependency order: each may use those above it, none those below.

pub mod diagnostic;
pub mod message;
pub mod format;
pub mod contract;
pub mod transform;
pub mod endpoint;
pub mod route;
pub mod telemetry;
pub mod adapter;
pub mod runtime;
pub mod ops;
pub mod config;
pub mod testing;
pub mod cli;
