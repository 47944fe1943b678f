//! The texts that were seen at one place.

use std::collections::BTreeMap;

use crate::message::Text;

/// A list of values is proposed for no more values than these, …
const MOST_VALUES: usize = 12;
/// … for none longer than this, …
const LONGEST_VALUE: usize = 40;
/// … and only if each was seen so often on average.
const TIMES_EACH: usize = 5;
/// What all texts have in common is proposed if so many of them are different.
pub(super) const DIFFERENT: usize = 3;
/// Texts that are remembered at one place.
const REMEMBERED: usize = 64;

/// How many texts were seen, and which, as long as they are few.
#[derive(Debug, Default)]
pub(super) struct Texts {
    count: usize,
    /// How often each text was seen; empty once there are too many.
    times: BTreeMap<Text, usize>,
    is_many: bool,
}

impl Texts {
    pub(super) fn add(&mut self, text: &Text) {
        self.count += 1;
        if self.is_many {
            return;
        }
        *self.times.entry(text.clone()).or_default() += 1;
        if self.times.len() > REMEMBERED {
            self.is_many = true;
            self.times.clear();
        }
    }

    /// How often any text was seen.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Whether at least so many different texts were seen.
    pub(super) fn are_different(&self, least: usize) -> bool {
        self.is_many || self.times.len() >= least
    }

    /// All texts, if they are few and each of them was seen more than once.
    pub(super) fn values(&self) -> Option<impl Iterator<Item = &Text>> {
        let fits = |(text, times): (&Text, &usize)| *times > 1 && text.chars().count() <= LONGEST_VALUE;
        let is_safe = !self.is_many
            && self.times.len() <= MOST_VALUES
            && self.count >= self.times.len().saturating_mul(TIMES_EACH)
            && self.count >= 2 * TIMES_EACH
            && self.times.iter().all(fits);
        is_safe.then(|| self.times.keys())
    }
}
