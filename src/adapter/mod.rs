//! The kinds of broker that the bus speaks to, and where it remembers keys. Each implements the traits of [`crate::endpoint`].

pub mod amqp;
pub mod embedded;
pub mod management;
pub mod store;
pub mod wire;
