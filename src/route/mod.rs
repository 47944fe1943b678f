//! Routes: from a file, through a plan, to a run.

pub mod ports;
