//! A short visit to the broker, for commands that have a question and end.

use super::{End, output};

/// Runs what a command has to do at the broker, and leaves at once.
pub(super) fn at_broker<T>(work: impl Future<Output = T>) -> Result<T, End> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| output::misuse(&format!("the process cannot be set up: {error}"), None))?;
    let done = runtime.block_on(work);
    // A connection that an alarm has blocked cannot be closed.
    runtime.shutdown_background();
    Ok(done)
}
