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
use tokio_util::sync::CancellationToken;

/// A body of so many bytes takes milliseconds to read, check and convert.
pub(super) const LARGE: usize = 64 << 10;
/// So many cores are busy without threads for runs: with the routes' thread, and with the broker's client.
const BUSY: usize = 2;
/// Threads for runs, unless the settings ask for more. The broker is the limit, not the bus: more of them only wake each
/// other.
const ENOUGH: usize = 4;

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
    end: CancellationToken,
    routes: Option<JoinHandle<()>>,
    _runs: Runtime,
}

impl Threads {
    /// Starts them: so many for runs that look at bodies, or as many as the machine has cores to spare. With 0 these run
    /// on the thread of the routes.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn start(runs: Option<usize>) -> io::Result<Self> {
        let runs = runs.unwrap_or_else(|| to_spare(thread::available_parallelism().map_or(1, NonZero::get)));
        let (spread, workers) = (runs > 0, runs.max(1));
        // Without a driver of input and output, an idle thread waits for its own tasks alone.
        let runs = Builder::new_multi_thread().worker_threads(workers).thread_name("runs").enable_time().build()?;
        let routes = Builder::new_current_thread().enable_time().build()?;
        let places = Places { routes: routes.handle().clone(), runs: runs.handle().clone(), spread };
        let end = CancellationToken::new();
        let ended = end.clone().cancelled_owned();
        let routes = thread::Builder::new().name("routes".to_owned()).spawn(move || routes.block_on(ended))?;
        Ok(Self { places, end, routes: Some(routes), _runs: runs })
    }

    /// Where routes are to run.
    pub fn places(&self) -> Places {
        self.places.clone()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.end.cancel();
        if let Some(routes) = self.routes.take() {
            // Whoever panicked there was caught, or has ended its own task.
            let _ended = routes.join();
        }
    }
}

/// How many threads for runs so many cores are good for.
fn to_spare(cores: usize) -> usize {
    if cores > BUSY { (cores - 1).min(ENOUGH) } else { 0 }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn runs_are_spread_where_cores_are_to_spare() {
        assert_eq!([1, 2, 3, 4, 64].map(to_spare), [0, 0, 2, 3, 4]);
    }

    #[test]
    fn only_a_large_body_leaves_the_thread_of_the_routes() {
        let leave = |runs| {
            let threads = Threads::start(Some(runs)).expect("threads");
            [0, LARGE - 1, LARGE].map(|bytes| threads.places().for_body(bytes).is_some())
        };
        assert_eq!(leave(0), [false, false, true]);
        assert_eq!(leave(1), [true, true, true]);
    }

    #[test]
    fn dropped_threads_end_what_runs_on_them() {
        let threads = Threads::start(Some(1)).expect("threads");
        let (alive, gone) = mpsc::channel::<()>();
        for place in [&threads.places.routes, &threads.places.runs] {
            let alive = alive.clone();
            place.spawn(async move {
                std::future::pending::<()>().await;
                drop(alive);
            });
        }
        drop((threads, alive));
        assert_eq!(gone.recv(), Err(mpsc::RecvError));
    }
}
