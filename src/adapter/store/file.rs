//! The store in a file: one task writes for all routes.
//!
//! Keys that come together go to the disk together, so that a slow disk costs time and no throughput.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use crate::endpoint::BoxFuture;
use crate::endpoint::store::{Claim, Key, Store, StoreError};
use crate::telemetry::events;
use crate::telemetry::metrics::StoreMetrics;

use super::pending::Pending;
use super::table::{Error, Table, Written};

/// Keys of one write.
const TOGETHER: usize = 1024;
/// How often keys whose time is over are looked for when nothing else is written.
const TIDY: Duration = Duration::from_secs(1);
/// How often the log says that the store is full.
const SAY_FULL: Duration = Duration::from_secs(3600);

/// A file in which the keys of processed messages are.
pub struct FileStore {
    pending: Pending,
    table: Arc<Table>,
    marks: mpsc::Sender<Mark>,
}

/// A key on its way to the disk.
struct Mark {
    key: Key,
    until: u64,
    asked: Instant,
    written: oneshot::Sender<Result<(), StoreError>>,
}

impl FileStore {
    /// Opens the file, or makes it, for at most so many keys. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// The file cannot be opened, is no store, or belongs to another process.
    pub fn open(path: &Path, keys: u64) -> Result<Self, Error> {
        let table = Arc::new(Table::open(path, keys)?);
        let (marks, queue) = mpsc::channel(TOGETHER);
        let metrics = StoreMetrics::register();
        let writer = Writer { table: Arc::clone(&table), path: path.to_owned(), metrics: metrics.clone(), said: None };
        tokio::spawn(writer.run(queue));
        Ok(Self { pending: Pending::new(metrics), table, marks })
    }

    fn look(&self, key: &Key, now: SystemTime) -> Result<Claim, StoreError> {
        if !self.pending.hold(key) {
            return Ok(Claim::Pending);
        }
        match self.table.knows(key, millis(now)) {
            Ok(false) => Ok(Claim::New),
            known => {
                self.pending.free(key);
                known.map(|_| Claim::Done)
            }
        }
    }

    async fn mark(&self, key: &Key, until: SystemTime) -> Result<(), StoreError> {
        let (written, outcome) = oneshot::channel();
        let mark = Mark { key: key.clone(), until: millis(until), asked: Instant::now(), written };
        let ended = || StoreError("its task has ended".to_owned());
        self.marks.send(mark).await.map_err(|_| ended())?;
        outcome.await.map_err(|_| ended())??;
        self.pending.free(key);
        Ok(())
    }
}

impl Store for FileStore {
    fn claim<'a>(&'a self, key: &'a Key, now: SystemTime) -> BoxFuture<'a, Result<Claim, StoreError>> {
        Box::pin(std::future::ready(self.look(key, now)))
    }

    fn complete<'a>(&'a self, key: &'a Key, until: SystemTime) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.mark(key, until))
    }

    fn release(&self, key: &Key) {
        self.pending.free(key);
    }

    fn changed<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, ()> {
        Box::pin(async {
            self.pending.freed(key).await;
        })
    }
}

/// The one that writes.
struct Writer {
    table: Arc<Table>,
    path: PathBuf,
    metrics: StoreMetrics,
    /// When the log said that the store is full.
    said: Option<Instant>,
}

impl Writer {
    /// Runs until the store is dropped.
    async fn run(mut self, mut queue: mpsc::Receiver<Mark>) {
        let mut tidy = tokio::time::interval(TIDY);
        tidy.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                taken = queue.recv_many(&mut batch, TOGETHER) => if taken == 0 { return },
                _ = tidy.tick() => {}
            }
            let asked = batch.iter().map(|mark| mark.asked).min();
            let (keys, told): (Vec<_>, Vec<_>) =
                batch.drain(..).map(|Mark { key, until, written, .. }| ((key, until), written)).unzip();
            let (table, path) = (Arc::clone(&self.table), self.path.clone());
            let write = tokio::task::spawn_blocking(move || {
                let written = table.write(&keys, millis(SystemTime::now()))?;
                // A size that cannot be read is no reason to say that the keys are not written.
                Ok((written, std::fs::metadata(&path).map_or(0, |file| file.len())))
            });
            let outcome = match write.await {
                Ok(outcome) => outcome,
                Err(panicked) => Err(StoreError(panicked.to_string())),
            };
            for written in told {
                // Who asked may have gone: its message comes again.
                let _gone = written.send(outcome.as_ref().map(drop).map_err(StoreError::clone));
            }
            if let Ok((written, size)) = outcome {
                self.tell(written, size, asked);
            }
        }
    }

    fn tell(&mut self, written: Written, size: u64, asked: Option<Instant>) {
        self.metrics.holds(written.keys, size);
        self.metrics.evicted.increment(written.evicted);
        if let Some(asked) = asked {
            self.metrics.write.record(asked.elapsed());
        }
        if written.evicted > 0 && self.said.is_none_or(|said| said.elapsed() >= SAY_FULL) {
            events::store_full(written.keys);
            self.said = Some(Instant::now());
        }
    }
}

/// Milliseconds since 1970, as the file has them.
fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
