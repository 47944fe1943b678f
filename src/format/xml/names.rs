//! Names that all documents of a contract have in common.

use std::collections::HashMap;
use std::num::NonZeroU32;

use super::tree::{ExpandedName, NameId, PrefixId, index};
use crate::message::Text;

/// A table of names and prefixes on which trees stand: their own come after it. It is made once, immutable then, and
/// shared by threads, so that to use a name of it costs an index.
#[derive(Debug, Default)]
pub struct Names {
    names: Vec<Common>,
    ids: HashMap<ExpandedName, NameId, foldhash::fast::RandomState>,
    prefixes: Vec<Text>,
}

#[derive(Debug)]
struct Common {
    name: ExpandedName,
    /// The prefix that it mostly has.
    prefix: PrefixId,
    /// The name with that prefix as tags, `<p:name>` and `</p:name>`.
    tags: [String; 2],
}

/// A name as it is written.
#[derive(Clone, Copy)]
pub(super) struct Written<'n> {
    /// `<p:name>`
    pub(super) start: &'n str,
    /// `</p:name>`
    pub(super) end: &'n str,
}

impl<'n> Written<'n> {
    /// `<p:name`
    pub(super) fn open(self) -> &'n str {
        self.start.strip_suffix('>').unwrap_or_default()
    }

    /// `p:name`
    pub(super) fn name(self) -> &'n str {
        self.open().get(1..).unwrap_or_default()
    }
}

impl Names {
    /// Adds a name, with the prefix under which it is mostly written. Names are counted up from 0.
    pub fn add(&mut self, name: ExpandedName, prefix: PrefixId) -> NameId {
        let qualified = match self.prefix(prefix) {
            "" => name.local.to_string(),
            prefix => format!("{prefix}:{}", name.local),
        };
        let id = NameId(index(self.names.len()));
        self.ids.entry(name.clone()).or_insert(id);
        self.names.push(Common { name, prefix, tags: [format!("<{qualified}>"), format!("</{qualified}>")] });
        id
    }

    /// Gives an id to a prefix; none to the empty one.
    pub fn add_prefix(&mut self, prefix: Text) -> PrefixId {
        if prefix.is_empty() {
            return PrefixId::default();
        }
        self.prefixes.push(prefix);
        PrefixId(NonZeroU32::new(index(self.prefixes.len())))
    }

    /// The id of an expanded name.
    pub fn id(&self, name: &ExpandedName) -> Option<NameId> {
        self.ids.get(name).copied()
    }

    pub(super) fn name(&self, id: NameId) -> Option<&ExpandedName> {
        self.names.get(id.0 as usize).map(|common| &common.name)
    }

    /// The name as it is written, if it has its usual prefix.
    #[inline]
    pub(super) fn written(&self, id: NameId, prefix: PrefixId) -> Option<Written<'_>> {
        let common = self.names.get(id.0 as usize).filter(|common| common.prefix == prefix)?;
        let [start, end] = &common.tags;
        Some(Written { start, end })
    }

    pub(super) fn prefixes(&self) -> &[Text] {
        &self.prefixes
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &ExpandedName> {
        self.names.iter().map(|common| &common.name)
    }

    fn prefix(&self, id: PrefixId) -> &str {
        let at = id.0.map(|id| id.get() as usize - 1);
        at.and_then(|at| self.prefixes.get(at)).map_or("", Text::as_str)
    }
}
