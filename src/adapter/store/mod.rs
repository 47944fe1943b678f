//! Where keys of processed messages and records are kept: in a file of the bus' own, or in Redis for several instances.
//!
//! What is under way is known in memory ([`pending`]): it ends with the process, as it should. What is processed is in a
//! [`table`] on disk, or in Redis, which also knows what other instances have under way.

mod file;
mod pending;
mod records;
mod redis;
mod table;

#[cfg(test)]
mod tests;

pub use self::redis::RedisStore;
pub use file::FileStore;
pub use table::Error;
