//! The records on disk: bytes by name, each with its version and its end.
//!
//! A record is never forgotten before its time: where there is no room the store refuses new ones, and whoever needs
//! one waits.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use redb::{ReadTransaction, ReadableTable, Table, TableDefinition, WriteTransaction};

use crate::endpoint::store::{Change, Expect, Name, Record};

/// By space and key: until when (0 for ever), version, bytes.
const RECORDS: TableDefinition<'_, (&str, &str), (u64, u64, &[u8])> = TableDefinition::new("records.1");
/// The names of those that end, by their end in milliseconds since 1970.
const ENDS: TableDefinition<'_, (u64, &str, &str), ()> = TableDefinition::new("record-ends.1");
/// The last version, and the bytes of all records.
const FIGURES: TableDefinition<'_, &str, u64> = TableDefinition::new("figures.1");
const VERSION: &str = "version";
const BYTES: &str = "bytes";

/// What a record takes besides its name and its value, roughly.
const OVERHEAD: u64 = 64;

/// What became of changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Conflict,
    /// They would take more room than there is.
    Full,
}

/// All tables of records, open for writing.
pub(super) struct Records<'a> {
    records: Table<'a, (&'static str, &'static str), (u64, u64, &'static [u8])>,
    ends: Table<'a, (u64, &'static str, &'static str), ()>,
    figures: Table<'a, &'static str, u64>,
    /// The most bytes.
    most: u64,
    now: u64,
}

/// The record of a name, if its time is not over.
pub(super) fn load(read: &ReadTransaction, name: &Name, now: u64) -> Result<Option<Record>, redb::Error> {
    let records = read.open_table(RECORDS)?;
    let found = records.get((name.space.as_str(), name.key.as_str()))?;
    Ok(found.and_then(|found| {
        let (until, version, value) = found.value();
        is_alive(until, now).then(|| Record { value: Bytes::copy_from_slice(value), version, until: end(until) })
    }))
}

impl<'a> Records<'a> {
    /// Opens the tables, or makes them.
    pub(super) fn open(write: &'a WriteTransaction, most: u64, now: u64) -> Result<Self, redb::Error> {
        let (records, ends, figures) =
            (write.open_table(RECORDS)?, write.open_table(ENDS)?, write.open_table(FIGURES)?);
        Ok(Self { records, ends, figures, most, now })
    }

    /// Makes all changes or none.
    pub(super) fn apply(&mut self, changes: &[Change]) -> Result<Outcome, redb::Error> {
        let before = self.bytes()?;
        let mut bytes = before;
        for Change { name, expect, to } in changes {
            let found = self.records.get((name.space.as_str(), name.key.as_str()))?;
            let found = found.as_ref().map(|found| found.value());
            let alive = found.filter(|(until, ..)| is_alive(*until, self.now)).map(|(_, version, _)| version);
            let fits = match expect {
                Expect::Anything => true,
                Expect::Nothing => alive.is_none(),
                Expect::Version(version) => alive == Some(*version),
            };
            if !fits {
                return Ok(Outcome::Conflict);
            }
            let size = |value: &[u8]| OVERHEAD + (name.space.len() + name.key.len() + value.len()) as u64;
            bytes = bytes.saturating_sub(found.map_or(0, |(.., value)| size(value)));
            bytes = bytes.saturating_add(to.as_ref().map_or(0, |(value, _)| size(value)));
        }
        if bytes > self.most && bytes > before {
            return Ok(Outcome::Full);
        }
        let version = self.figure(VERSION)? + 1;
        for Change { name, to, .. } in changes {
            let (space, key) = (name.space.as_str(), name.key.as_str());
            let written = match to {
                Some((value, until)) => {
                    let until = until.map_or(0, |until| super::file::millis(until).max(1));
                    if until > 0 {
                        self.ends.insert((until, space, key), ())?;
                    }
                    let before = self.records.insert((space, key), (until, version, value.as_ref()))?;
                    before.map(|before| before.value().0).filter(|before| *before != until)
                }
                None => self.records.remove((space, key))?.map(|before| before.value().0),
            };
            if let Some(before) = written {
                self.ends.remove((before, space, key))?;
            }
        }
        self.figures.insert(VERSION, version)?;
        self.figures.insert(BYTES, bytes)?;
        Ok(Outcome::Done)
    }

    /// Takes records out whose time is over, at most so many; how many it was.
    pub(super) fn forget(&mut self, most: usize) -> Result<usize, redb::Error> {
        let mut bytes = self.bytes()?;
        for forgotten in 0..most {
            let due = self.ends.first()?.is_some_and(|(first, _)| first.value().0 <= self.now);
            let Some((first, _)) = (if due { self.ends.pop_first()? } else { None }) else {
                self.figures.insert(BYTES, bytes)?;
                return Ok(forgotten);
            };
            let (_, space, key) = first.value();
            if let Some(gone) = self.records.remove((space, key))? {
                let size = OVERHEAD + (space.len() + key.len() + gone.value().2.len()) as u64;
                bytes = bytes.saturating_sub(size);
            }
        }
        self.figures.insert(BYTES, bytes)?;
        Ok(most)
    }

    /// Bytes of all records.
    pub(super) fn bytes(&self) -> Result<u64, redb::Error> {
        self.figure(BYTES)
    }

    fn figure(&self, name: &str) -> Result<u64, redb::Error> {
        Ok(self.figures.get(name)?.map_or(0, |figure| figure.value()))
    }
}

fn is_alive(until: u64, now: u64) -> bool {
    until == 0 || until > now
}

fn end(until: u64) -> Option<SystemTime> {
    (until > 0).then(|| UNIX_EPOCH.checked_add(Duration::from_millis(until)))?
}
