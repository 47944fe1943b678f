//! The members of an object: an ordered map, made for the few members that objects have.

use std::collections::HashMap;

use super::text::Text;
use super::value::Value;

/// Up to this many members, looking at each is faster than a hash, and takes no memory of its own.
const FEW: usize = 16;

type Index = HashMap<Text, usize, foldhash::fast::RandomState>;

/// The members of an object, in the order in which they were written; each name once.
///
/// Looking up costs the same for any number of members; so does insertion, but removal moves what follows.
#[derive(Clone, Debug, Default)]
pub struct Members {
    entries: Vec<(Text, Value)>,
    /// Where each name stands, once there are more than [`FEW`].
    index: Option<Box<Index>>,
}

impl Members {
    /// No members, with room for so many.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { entries: Vec::with_capacity(capacity), index: None }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Where a member stands.
    pub fn position(&self, name: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(name).copied(),
            None => {
                // Names of one length are many, names that end alike are few: most need no call to compare.
                let last = name.as_bytes().last();
                self.entries.iter().position(|(own, _)| {
                    let own = own.as_bytes();
                    own.len() == name.len() && own.last() == last && own == name.as_bytes()
                })
            }
        }
    }

    /// A member and where it stands, which is quickly told where others like this one have it.
    #[inline]
    pub(super) fn get_near(&self, name: &str, near: usize) -> Option<(usize, &Value)> {
        match self.entries.get(near) {
            Some((own, value)) if same(own.as_bytes(), name.as_bytes()) => Some((near, value)),
            _ => {
                let at = self.position(name)?;
                self.get_at(at).map(|(_, value)| (at, value))
            }
        }
    }

    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.get_at(self.position(name)?).map(|(_, value)| value)
    }

    /// The value of a member, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        let at = self.position(name)?;
        self.entries.get_mut(at).map(|(_, value)| value)
    }

    /// The member at a position.
    pub fn get_at(&self, at: usize) -> Option<(&Text, &Value)> {
        self.entries.get(at).map(|(name, value)| (name, value))
    }

    /// Whether there is such a member.
    pub fn contains_key(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// Sets a member; a new one comes last. Gives the value that it had.
    pub fn insert(&mut self, name: Text, value: Value) -> Option<Value> {
        if let Some(known) = self.get_mut(&name) {
            return Some(std::mem::replace(known, value));
        }
        self.push(name, value);
        None
    }

    /// Adds a member whose name is known to be new.
    #[inline]
    pub fn append(&mut self, name: Text, value: Value) {
        debug_assert!(!self.contains_key(&name), "`{name}` stands twice");
        self.push(name, value);
    }

    /// Adds members whose names are known to be new, and gives where their values go, each `null` yet.
    pub(crate) fn append_all(&mut self, names: &[Text]) -> impl Iterator<Item = &mut Value> {
        let from = self.entries.len();
        self.entries.extend(names.iter().map(|name| (name.clone(), Value::Null)));
        if let Some(index) = &mut self.index {
            index.extend(names.iter().cloned().zip(from..));
        }
        self.renew();
        self.entries.iter_mut().skip(from).map(|(_, value)| value)
    }

    /// Removes a member; those after it move up.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.position(name)?;
        let (_, value) = self.entries.remove(at);
        if let Some(index) = &mut self.index {
            index.remove(name);
            index.values_mut().filter(|place| **place > at).for_each(|place| *place -= 1);
        }
        Some(value)
    }

    /// The members in order.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.entries.iter())
    }

    /// The names in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &Text> + DoubleEndedIterator {
        self.entries.iter().map(|(name, _)| name)
    }

    /// The values in order.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &Value> + DoubleEndedIterator {
        self.entries.iter().map(|(_, value)| value)
    }

    /// The values in order, to be changed.
    pub fn values_mut(&mut self) -> impl ExactSizeIterator<Item = &mut Value> {
        self.entries.iter_mut().map(|(_, value)| value)
    }

    #[inline]
    fn push(&mut self, name: Text, value: Value) {
        self.entries.push((name, value));
        if self.entries.len() > FEW || self.index.is_some() {
            self.note_last();
        }
    }

    /// Takes the last name into the index, which is made once it is needed.
    #[inline(never)]
    fn note_last(&mut self) {
        match (&mut self.index, self.entries.last()) {
            (Some(index), Some((name, _))) => drop(index.insert(name.clone(), self.entries.len() - 1)),
            _ => self.renew(),
        }
    }

    /// Makes the index once it is needed.
    #[inline(always)]
    fn renew(&mut self) {
        if self.entries.len() > FEW && self.index.is_none() {
            self.make_index();
        }
    }

    #[cold]
    fn make_index(&mut self) {
        let places = self.entries.iter().enumerate().map(|(at, (name, _))| (name.clone(), at));
        self.index = Some(Box::new(places.collect()));
    }
}

/// Whether two names are the same: most are short, and need no call to compare.
#[inline(always)]
fn same(a: &[u8], b: &[u8]) -> bool {
    fn words<const N: usize>(a: &[u8], b: &[u8]) -> bool {
        a.first_chunk::<N>() == b.first_chunk::<N>() && a.last_chunk::<N>() == b.last_chunk::<N>()
    }
    a.len() == b.len()
        && match a.len() {
            2..4 => words::<2>(a, b),
            4..8 => words::<4>(a, b),
            8..=16 => words::<8>(a, b),
            _ => a == b,
        }
}

/// The members of an object, one after the other.
#[derive(Clone, Debug)]
pub struct Iter<'m>(std::slice::Iter<'m, (Text, Value)>);

impl<'m> Iterator for Iter<'m> {
    type Item = (&'m Text, &'m Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(name, value)| (name, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|(name, value)| (name, value))
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'m> IntoIterator for &'m Members {
    type Item = (&'m Text, &'m Value);
    type IntoIter = Iter<'m>;

    fn into_iter(self) -> Iter<'m> {
        self.iter()
    }
}

impl IntoIterator for Members {
    type Item = (Text, Value);
    type IntoIter = std::vec::IntoIter<(Text, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl Extend<(Text, Value)> for Members {
    fn extend<I: IntoIterator<Item = (Text, Value)>>(&mut self, members: I) {
        for (name, value) in members {
            self.insert(name, value);
        }
    }
}

impl FromIterator<(Text, Value)> for Members {
    fn from_iter<I: IntoIterator<Item = (Text, Value)>>(members: I) -> Self {
        let members = members.into_iter();
        let mut all = Self::with_capacity(members.size_hint().0);
        all.extend(members);
        all
    }
}

/// Order means nothing.
impl PartialEq for Members {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

impl Eq for Members {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Few or many, with an index or without: the same as a list of pairs.
        #[test]
        fn is_an_ordered_map(steps in prop::collection::vec((0_u8..40, any::<bool>()), 0..120)) {
            let mut members = Members::default();
            let mut model: Vec<(String, i64)> = Vec::new();
            for ((key, remove), number) in steps.into_iter().zip(0_i64..) {
                let name = format!("key{key}");
                let known = model.iter().position(|(own, _)| *own == name);
                if remove {
                    let removed = known.map(|at| Value::from(model.remove(at).1));
                    prop_assert_eq!(members.remove(&name), removed);
                } else {
                    match known {
                        Some(at) => model[at].1 = number,
                        None => model.push((name.clone(), number)),
                    }
                    let before = members.get(&name).cloned();
                    prop_assert_eq!(members.insert(name.into(), number.into()), before);
                }
            }
            let pairs: Vec<(String, Value)> = members.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
            let expected: Vec<(String, Value)> = model.iter().map(|(name, number)| (name.clone(), Value::from(*number))).collect();
            prop_assert_eq!(pairs, expected);
            for (at, (name, number)) in model.iter().enumerate() {
                prop_assert_eq!(members.position(name), Some(at));
                prop_assert_eq!(members.get(name), Some(&Value::from(*number)));
            }
            prop_assert!(!members.contains_key("key40"));
            for near in [0, members.len() / 2, members.len()] {
                for (at, (name, number)) in model.iter().enumerate() {
                    prop_assert_eq!(members.get_near(name, near), Some((at, &Value::from(*number))));
                }
                prop_assert_eq!(members.get_near("key40", near), None);
            }
        }

        /// All at once: the same as one after the other.
        #[test]
        fn takes_many_at_once(first in 0_usize..20, more in 0_usize..20) {
            let name = |at: usize| Text::from(format!("key{at}"));
            let mut members: Members = (0..first).map(|at| (name(at), Value::Bool(true))).collect();
            let names: Vec<Text> = (first..first + more).map(name).collect();
            prop_assert_eq!(members.append_all(&names).count(), more);
            for (at, key) in members.keys().enumerate() {
                prop_assert_eq!(key, &name(at));
                prop_assert_eq!(members.get(key), Some(&if at < first { Value::Bool(true) } else { Value::Null }));
            }
            prop_assert_eq!(members.len(), first + more);
        }

        /// Short ones by words, long ones by bytes.
        #[test]
        fn compares_names(a in "[ab]{0,20}", b in "[ab]{0,20}", at in 0_usize..20) {
            let mut changed = a.clone().into_bytes();
            changed.get_mut(at).into_iter().for_each(|byte| *byte = b'c');
            prop_assert_eq!(same(a.as_bytes(), b.as_bytes()), a == b);
            prop_assert_eq!(same(a.as_bytes(), &changed), a.as_bytes() == changed);
            prop_assert!(same(a.as_bytes(), a.clone().as_bytes()));
        }
    }
}
