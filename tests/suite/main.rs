//! The integration tests: one binary, a module for each area.

mod amqp;
mod broker;
mod runtime;
