//! Runs plans: takes messages, runs them, settles them, and survives whatever the broker does.
//!
//! One supervised task per route ([`supervisor`]) holds a session and runs the [`lane`]: take, run, settle. The
//! way of one message is [`process`]; [`settle`] is the only way out of a delivery.

mod backoff;
mod breaker;
mod budget;
mod bus;
mod caller;
mod circuit;
mod intake;
mod lane;
mod pace;
mod ports;
mod failed;
mod keys;
mod process;
mod reload;
mod settings;
mod settle;
mod signals;
mod status;
mod supervisor;
mod tap;
mod threads;
mod turns;
mod work;

#[cfg(test)]
mod tests;

pub use breaker::BreakerReport;
pub use bus::{Bus, Handle, Probe};
pub use reload::Reloaded;
pub use settings::Settings;
pub use signals::{Asked, Signals};
pub use status::{BrokerReport, Report, RouteReport, State};
pub use tap::{Event, Tap, What};
pub use threads::{Places, Threads};
pub use work::Work;
