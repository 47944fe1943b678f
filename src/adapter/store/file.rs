//! The store in a file: one task writes for all routes.
//!
//! Keys that come together go to the disk together, so that a slow disk costs time and no throughput.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use crate::endpoint::BoxFuture;
use crate::endpoint::store::{Change, Claim, Key, Name, Record, Store, StoreError};
use crate::telemetry::events;
use crate::telemetry::metrics::StoreMetrics;

use super::pending::Pending;
use super::records::Outcome;
use super::table::{Error, Room, Table, Written};

/// Keys and changes of one write.
const TOGETHER: usize = 1024;
/// How often keys whose time is over are looked for when nothing else is written.
const TIDY: Duration = Duration::from_secs(1);
/// How often the log says that the store is full.
const SAY_FULL: Duration = Duration::from_secs(3600);

/// A file in which the keys of processed messages and the records are.
pub struct FileStore {
    pending: Pending,
    table: Arc<Table>,
    writes: mpsc::Sender<Write>,
}

/// What is on its way to the disk.
struct Write {
    what: What,
    asked: Instant,
    written: oneshot::Sender<Result<Outcome, StoreError>>,
}

enum What {
    /// A key, and until when it is known.
    Mark(Key, u64),
    Commit(Arc<[Change]>),
}

impl FileStore {
    /// Opens the file, or makes it, for at most so many keys and so many bytes of records. Must be called in a tokio
    /// runtime.
    ///
    /// # Errors
    /// The file cannot be opened, is no store, or belongs to another process.
    pub fn open(path: &Path, keys: u64, bytes: u64) -> Result<Self, Error> {
        let table = Arc::new(Table::open(path, Room { keys, bytes })?);
        let (writes, queue) = mpsc::channel(TOGETHER);
        let metrics = StoreMetrics::register();
        let writer = Writer { table: Arc::clone(&table), path: path.to_owned(), metrics: metrics.clone(), said: None };
        tokio::spawn(writer.run(queue));
        Ok(Self { pending: Pending::new(metrics), table, writes })
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
        self.write(What::Mark(key.clone(), millis(until))).await?;
        self.pending.free(key);
        Ok(())
    }

    async fn change(&self, changes: &[Change]) -> Result<bool, StoreError> {
        match self.write(What::Commit(changes.into())).await? {
            Outcome::Done => Ok(true),
            Outcome::Conflict => Ok(false),
            Outcome::Full => Err(StoreError("it is full: raise `store.bytes`".to_owned())),
        }
    }

    async fn write(&self, what: What) -> Result<Outcome, StoreError> {
        let (written, outcome) = oneshot::channel();
        let ended = || StoreError("its task has ended".to_owned());
        self.writes.send(Write { what, asked: Instant::now(), written }).await.map_err(|_| ended())?;
        outcome.await.map_err(|_| ended())?
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

    fn load<'a>(&'a self, name: &'a Name, now: SystemTime) -> BoxFuture<'a, Result<Option<Record>, StoreError>> {
        Box::pin(std::future::ready(self.table.load(name, millis(now))))
    }

    fn commit<'a>(&'a self, changes: &'a [Change], _: SystemTime) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(self.change(changes))
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
    async fn run(mut self, mut queue: mpsc::Receiver<Write>) {
        let mut tidy = tokio::time::interval(TIDY);
        tidy.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                taken = queue.recv_many(&mut batch, TOGETHER) => if taken == 0 { return },
                _ = tidy.tick() => {}
            }
            let asked = batch.iter().map(|write| write.asked).min();
            let (mut keys, mut marks, mut changes, mut commits) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            for Write { what, written, .. } in batch.drain(..) {
                match what {
                    What::Mark(key, until) => {
                        keys.push((key, until));
                        marks.push(written);
                    }
                    What::Commit(change) => {
                        changes.push(change);
                        commits.push(written);
                    }
                }
            }
            let (table, path) = (Arc::clone(&self.table), self.path.clone());
            let write = tokio::task::spawn_blocking(move || {
                let written = table.write(&keys, &changes, millis(SystemTime::now()))?;
                // A size that cannot be read is no reason to say that nothing is written.
                Ok((written, std::fs::metadata(&path).map_or(0, |file| file.len())))
            });
            let outcome = match write.await {
                Ok(outcome) => outcome,
                Err(panicked) => Err(StoreError(panicked.to_string())),
            };
            // Who asked may have gone: its message comes again.
            match outcome {
                Ok(((written, outcomes), size)) => {
                    marks.into_iter().for_each(|mark| _ = mark.send(Ok(Outcome::Done)));
                    commits.into_iter().zip(outcomes).for_each(|(commit, outcome)| _ = commit.send(Ok(outcome)));
                    self.tell(written, size, asked);
                }
                Err(error) => marks.into_iter().chain(commits).for_each(|asked| _ = asked.send(Err(error.clone()))),
            }
        }
    }

    fn tell(&mut self, written: Written, size: u64, asked: Option<Instant>) {
        self.metrics.holds(written.keys, written.bytes, size);
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
pub(super) fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
