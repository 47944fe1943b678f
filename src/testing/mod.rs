//! Tests of routes without a broker: the real plans on fakes, with a clock that only they move.
//!
//! A test file stands beside its route, as `routes/chat/order.test.yaml` beside `routes/chat/order.yaml`. It is read
//! ([`model`]), resolved against the route's plan ([`case`]), run ([`mod@bench`]) and judged ([`judge`]).

pub mod model;
pub mod json;
pub mod message;
pub mod endpoints;
pub mod case;
pub mod onlooker;
pub mod played;
pub mod bench;
pub mod diff;
pub mod judge;
pub mod coverage;
pub mod suite;
pub mod emit;
pub mod update;
pub mod trace;
pub mod report;
