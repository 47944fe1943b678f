//! The kinds of broker that the bus speaks to. Each implements the traits of [`crate::endpoint`].

pub mod amqp;
pub mod embedded;
pub mod wire;
