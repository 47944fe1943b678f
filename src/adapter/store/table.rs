//! The file: the keys of processed messages, with the time until which each is known, and the [`records`].
//!
//! Two tables for the keys: by key, and by time. Each write puts new keys in, takes those out whose time is over and,
//! where there are too many, those whose time would be over first. A write is there as a whole or not at all, whenever
//! the process or the machine ends.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};

use crate::endpoint::store::{Change, Key, Name, Record, StoreError};

use super::records::{self, Outcome, Records};

/// By route and key: until when it is known, in milliseconds since 1970.
const DONE: TableDefinition<'_, (&str, &str), u64> = TableDefinition::new("done.1");
/// The same the other way round.
const ENDS: TableDefinition<'_, (u64, &str, &str), ()> = TableDefinition::new("ends.1");

/// Memory for pages of the file.
const CACHE: usize = 16 << 20;
/// A file that is smaller than this is not worth being compacted.
const SMALL: u64 = 4 << 20;
/// A write takes at least so many keys out, if their time is over, so that none of them takes long.
const FORGETS: usize = 1024;

/// The store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file or its folder.
    #[error("the store `{0}` cannot be opened: {1}")]
    Io(PathBuf, io::Error),
    /// Only one process may have it.
    #[error("the store `{0}` is in use by another process; give each bus a file of its own")]
    InUse(PathBuf),
    /// It is no store, or it is damaged.
    #[error("the file `{0}` is not a store of this version: {1}; put it away, and the keys in it are forgotten")]
    Broken(PathBuf, redb::Error),
}

/// What a write did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    /// Keys that are known now.
    pub(super) keys: u64,
    /// Keys that were forgotten before their time.
    pub(super) evicted: u64,
    /// Bytes of the records.
    pub(super) bytes: u64,
}

/// How much there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Keys of processed messages.
    pub(super) keys: u64,
    /// Bytes of records.
    pub(super) bytes: u64,
}

pub(super) type Open = Box<dyn Fn() -> Result<Database, DatabaseError> + Send + Sync>;

/// The open file.
pub(super) struct Table {
    room: Room,
    open: Open,
    /// None after a failure: it has to be opened again then.
    database: RwLock<Option<Database>>,
}

impl Table {
    /// Opens the file, or makes it. A file that is mostly empty is made smaller.
    pub(super) fn open(path: &Path, room: Room) -> Result<Self, Error> {
        let io = |error| Error::Io(path.to_owned(), error);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(io)?;
        let (is_new, file) = (!path.exists(), path.to_owned());
        let open = Box::new(move || Database::builder().set_cache_size(CACHE).create(&file));
        let table = Self::with(open, room).map_err(|error| match error {
            redb::Error::DatabaseAlreadyOpen => Error::InUse(path.to_owned()),
            redb::Error::Io(error) if error.kind() != io::ErrorKind::InvalidData => io(error),
            error => Error::Broken(path.to_owned(), error),
        })?;
        if is_new {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
        }
        let size = std::fs::metadata(path).map_err(io)?.len();
        table.compact(size).map_err(|error| Error::Broken(path.to_owned(), error))?;
        Ok(table)
    }

    pub(super) fn with(open: Open, room: Room) -> Result<Self, redb::Error> {
        let database = opened(&open)?;
        Ok(Self { room, open, database: RwLock::new(Some(database)) })
    }

    fn compact(&self, size: u64) -> Result<(), redb::Error> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        let Some(database) = database.as_mut() else { return Ok(()) };
        let write = database.begin_write()?;
        let stats = write.stats()?;
        write.abort()?;
        let page = u64::try_from(stats.page_size()).unwrap_or(u64::MAX);
        if size > SMALL && stats.allocated_pages().saturating_mul(page) < size / 2 {
            database.compact()?;
        }
        Ok(())
    }

    /// Whether a key is known at this time.
    pub(super) fn knows(&self, key: &Key, now: u64) -> Result<bool, StoreError> {
        self.on_database(|database| {
            let done = database.begin_read()?.open_table(DONE)?;
            let until = done.get((key.route.as_str(), key.key.as_str()))?;
            Ok(until.is_some_and(|until| until.value() > now))
        })
    }

    /// The record of a name.
    pub(super) fn load(&self, name: &Name, now: u64) -> Result<Option<Record>, StoreError> {
        self.on_database(|database| records::load(&database.begin_read()?, name, now))
    }

    /// Remembers keys, each until its time, changes records, and forgets what is due; durable when it returns.
    pub(super) fn write(
        &self,
        keys: &[(Key, u64)],
        commits: &[Arc<[Change]>],
        now: u64,
    ) -> Result<(Written, Vec<Outcome>), StoreError> {
        self.on_database(|database| {
            let write = database.begin_write()?;
            let mut written = Written::default();
            let mut forgotten = 0;
            let mut outcomes = Vec::new();
            let aged;
            {
                let (mut done, mut ends) = (write.open_table(DONE)?, write.open_table(ENDS)?);
                for (Key { route, key }, until) in keys {
                    let (route, key) = (route.as_str(), key.as_str());
                    let before = done.insert((route, key), until)?.map(|before| before.value());
                    if let Some(before) = before {
                        ends.remove((before, route, key))?;
                    }
                    ends.insert((*until, route, key), ())?;
                }
                let most = FORGETS.max(keys.len().saturating_mul(2));
                while forgotten < most {
                    let first = ends.first()?.map(|(first, _)| first.value().0);
                    let Some(is_over) = first.map(|end| end <= now) else { break };
                    if !is_over && done.len()? <= self.room.keys {
                        break;
                    }
                    if let Some((first, _)) = ends.pop_first()? {
                        let (_, route, key) = first.value();
                        done.remove((route, key))?;
                    }
                    forgotten += 1;
                    written.evicted += u64::from(!is_over);
                }
                written.keys = done.len()?;
                let mut records = Records::open(&write, self.room.bytes, now)?;
                // First, so that what is over makes room.
                aged = records.forget(FORGETS.max(commits.len().saturating_mul(2)))?;
                for changes in commits {
                    outcomes.push(records.apply(changes)?);
                }
                written.bytes = records.bytes()?;
            }
            if keys.is_empty() && forgotten == 0 && aged == 0 && !outcomes.contains(&Outcome::Done) {
                write.abort()?;
            } else {
                write.commit()?;
            }
            Ok((written, outcomes))
        })
    }

    /// After a failure the database refuses everything until it is opened again.
    fn on_database<T>(&self, act: impl Fn(&Database) -> Result<T, redb::Error>) -> Result<T, StoreError> {
        let failed = |error: redb::Error| StoreError(error.to_string());
        let tried = self.database.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(&act);
        let mut database = match tried {
            Some(Ok(done)) => return Ok(done),
            Some(Err(error)) => {
                *self.database.write().unwrap_or_else(PoisonError::into_inner) = None;
                return Err(failed(error));
            }
            None => self.database.write().unwrap_or_else(PoisonError::into_inner),
        };
        let database = match &mut *database {
            Some(database) => database,
            closed => closed.insert(opened(&self.open).map_err(failed)?),
        };
        act(database).map_err(failed)
    }
}

/// Opens the database with all of its tables.
fn opened(open: &Open) -> Result<Database, redb::Error> {
    let database = open()?;
    let write = database.begin_write()?;
    write.open_table(DONE)?;
    write.open_table(ENDS)?;
    Records::open(&write, 0, 0)?;
    write.commit()?;
    Ok(database)
}
