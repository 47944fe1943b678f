//! The threads that routes run on.
//!
//! Every route's loop and every publishing lane has its place on one thread, which waits for nothing but them: what
//! they hand to each other wakes nobody, and what the broker's client hands to them wakes one thread, and not another
//! one that happens to wait for sockets. The sockets belong to the runtime that the adapters were made in.
//!
//! Runs that look at bodies have threads of their own where the machine has cores to spare. On two cores they begin on
//! the routes' thread: there, handing a message over and back costs more than the second core gives, for the broker's
//! client keeps it busy. Only a large body leaves that thread, so that it keeps no other message waiting.

use std::io;
use std::num::NonZero;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

/// A body of so many bytes takes milliseconds to read, check and convert.
pub(super) const LARGE: usize = 64 << 10;
/// From so many cores on, runs are spread over threads of their own.
const MANY: usize = 3;
/// Threads for runs at most. The broker is the limit, not the bus: more of them only wake each other.
const MOST: usize = 4;

/// Where the work of routes is done.
#[derive(Clone, Debug)]
pub struct Places {
    /// Loops, lanes, and the runs that begin in place.
    pub(super) routes: Handle,
    runs: Handle,
    /// Whether all runs that look at bodies are spread, not only those of large ones.
    spread: bool,
}

impl Places {
    /// Everything in the runtime of the caller.
    pub(super) fn here() -> Self {
        Self { routes: Handle::current(), runs: Handle::current(), spread: true }
    }

    /// The same, on a machine without cores to spare.
    #[cfg(test)]
    pub(super) fn in_turns() -> Self {
        Self { spread: false, ..Self::here() }
    }

    /// Whether runs that look at bodies begin one after the other on the routes' thread, as a rule.
    pub(super) fn takes_turns(&self) -> bool {
        !self.spread
    }

    /// Where a run that looks at a body of so many bytes has a task of its own, if it has.
    pub(super) fn for_body(&self, bytes: usize) -> Option<&Handle> {
        (self.spread || bytes >= LARGE).then_some(&self.runs)
    }
}

/// The threads. Dropped, they end, with all that runs on them.
pub struct Threads {
    places: Places,
    end: Option<oneshot::Sender<()>>,
    routes: Option<JoinHandle<()>>,
    _runs: Runtime,
}

impl Threads {
    /// Starts them, as many as the machine has cores for.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn start() -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let workers = cores.saturating_sub(1).clamp(1, MOST);
        // Without a driver of input and output, an idle thread waits for its own tasks alone.
        let runs = Builder::new_multi_thread().worker_threads(workers).thread_name("runs").enable_time().build()?;
        let routes = Builder::new_current_thread().enable_time().build()?;
        let places = Places { routes: routes.handle().clone(), runs: runs.handle().clone(), spread: cores >= MANY };
        let (end, ended) = oneshot::channel::<()>();
        let run = move || {
            // It ends by being dropped.
            let _dropped = routes.block_on(ended);
        };
        let routes = thread::Builder::new().name("routes".to_owned()).spawn(run)?;
        Ok(Self { places, end: Some(end), routes: Some(routes), _runs: runs })
    }

    /// Where routes are to run.
    pub fn places(&self) -> Places {
        self.places.clone()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(routes) = self.routes.take() {
            // Whoever panicked there was caught, or has ended its own task.
            let _ended = routes.join();
        }
    }
}
