//! Where keys of processed messages are remembered: in a file of the bus' own.
//!
//! What is under way is known in memory only ([`pending`]): it ends with the process, as it should. What is processed
//! is in a [`table`] on disk.

mod file;
mod pending;
mod table;

#[cfg(test)]
mod tests;

pub use file::FileStore;
pub use table::Error;
