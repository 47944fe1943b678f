//! Names resolved lately. A document repeats few names; to resolve one anew means to hash it with its namespace.

use super::{NameId, PrefixId};

/// A power of two.
const SLOTS: usize = 128;

/// A qualified name as written, by byte offsets in the text.
#[derive(Clone, Copy)]
pub(super) struct Written {
    pub(super) start: usize,
    pub(super) colon: Option<usize>,
    pub(super) end: usize,
}

/// What a name without a prefix means depends on where it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Element,
    Attribute,
}

#[derive(Clone, Copy)]
struct Entry {
    of: Of,
    epoch: u32,
    start: u32,
    end: u32,
    name: NameId,
    prefix: PrefixId,
}

/// A table with one place for each hash: who comes later stays.
pub(super) struct Recent {
    entries: [Option<Entry>; SLOTS],
    /// The bindings in scope for which entries count.
    epoch: u32,
}

impl Recent {
    pub(super) fn new() -> Self {
        Self { entries: [None; SLOTS], epoch: 0 }
    }

    /// Bindings came or went: a prefix may mean another namespace.
    pub(super) fn forget(&mut self) {
        match self.epoch.checked_add(1) {
            Some(epoch) => self.epoch = epoch,
            None => *self = Self::new(),
        }
    }

    pub(super) fn get(&self, of: Of, text: &[u8], raw: &[u8]) -> Option<(NameId, PrefixId)> {
        let entry = self.entries.get(slot(raw))?.as_ref()?;
        let is_it = entry.of == of
            && entry.epoch == self.epoch
            && text.get(entry.start as usize..entry.end as usize) == Some(raw);
        is_it.then_some((entry.name, entry.prefix))
    }

    pub(super) fn put(&mut self, of: Of, written: Written, raw: &[u8], (name, prefix): (NameId, PrefixId)) {
        if let (Ok(start), Ok(end)) = (u32::try_from(written.start), u32::try_from(written.end))
            && let Some(entry) = self.entries.get_mut(slot(raw))
        {
            *entry = Some(Entry { of, epoch: self.epoch, start, end, name, prefix });
        }
    }
}

fn slot(raw: &[u8]) -> usize {
    let word = match raw.last_chunk::<8>() {
        Some(last) => u64::from_le_bytes(*last),
        None => raw.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    (word ^ raw.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) as usize >> (usize::BITS - SLOTS.ilog2())
}
