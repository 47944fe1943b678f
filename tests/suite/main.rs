//! The integration tests: one binary, a module for each area.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod amqp;
mod authoring;
mod check;
mod claim_check;
mod cli;
mod cli_xml;
mod breaker;
mod broker;
mod conformance;
mod conversion;
mod daemon;
mod docs;
mod doctor;
mod fuzz;
mod gather;
mod generate;
mod idempotent;
mod mapped_routes;
mod mapped_values;
mod mappings;
mod mutations;
mod order;
mod parts;
mod pressure;
mod program;
mod redis;
mod reference;
mod reload;
mod resequence;
mod retries;
mod runtime;
mod slow_disk;
mod structure;
mod testing;
mod waits;
mod well_formed;
