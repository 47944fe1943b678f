//! What a signal of the operating system does to the bus.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::telemetry::events;

use super::bus::Handle;

/// How the bus ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything in flight was finished.
    Drained,
    /// This many messages were in flight at the deadline and will be delivered again.
    Deadline(usize),
    /// A second signal came while messages were in flight; they will be delivered again.
    Forced,
}

/// SIGTERM and SIGINT.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens from now on. Until then a signal ends the process at once.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Runs the bus until a signal, then drains it. A second signal ends it at once.
pub async fn run_until_signal(bus: Handle, signals: &mut Signals) -> End {
    let serve = async {
        bus.ready().await;
        events::ready();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = signals.next() => {}
        () = serve => {}
    }
    tokio::select! {
        biased;
        left = bus.shutdown() => if left == 0 { End::Drained } else { End::Deadline(left) },
        () = signals.next() => End::Forced,
    }
}
