//! The bus as operators run it: the shipped example between its participants.
//!
//! At RabbitMQ it is the real program in a process of its own, at a virtual host of its own. The embedded broker lives
//! in the process of its bus, so there the bus runs inside the test.

mod competing;
mod dead_letters;
mod duplicates;
mod faults;
mod gathered;
mod limits;
mod operations;
mod process;
mod replay;
mod resequenced;
mod rubbish;
mod shop;

pub(crate) use process::{Start, VirtualHost, project};
