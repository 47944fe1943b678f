//! Whose turn it is in a route that keeps order: of each key one message at a time, in order of arrival.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use crate::message::Text;

/// The keys of which a message is under way, with those that wait for it. Bounded by the route's prefetch.
#[derive(Debug)]
pub(super) struct Turns<T> {
    keys: HashMap<Text, Key<T>>,
}

#[derive(Debug)]
enum Key<T> {
    /// One is under way.
    Busy(VecDeque<T>),
    /// One was given back to the broker, so that nothing behind it may run.
    Closed,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { keys: HashMap::new() }
    }
}

impl<T> Turns<T> {
    /// Gives the message back if it may begin; else it waits for its turn.
    pub(super) fn admit(&mut self, key: &Text, message: T) -> Option<T> {
        match self.keys.entry(key.clone()) {
            Entry::Vacant(free) => {
                free.insert(Key::Busy(VecDeque::new()));
                Some(message)
            }
            Entry::Occupied(mut taken) => {
                if let Key::Busy(waiting) = taken.get_mut() {
                    waiting.push_back(message);
                }
                None
            }
        }
    }

    /// The message of this key that has ended gives its turn to the next one.
    pub(super) fn next(&mut self, key: &Text) -> Option<T> {
        let next = match self.keys.get_mut(key) {
            Some(Key::Busy(waiting)) => waiting.pop_front(),
            _ => return None,
        };
        if next.is_none() {
            self.keys.remove(key);
        }
        next
    }

    /// Nothing of this key is to begin any more.
    pub(super) fn close(&mut self, key: Text) {
        self.keys.insert(key, Key::Closed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever ends first: of each key one is under way, and they begin in order of arrival.
        #[test]
        fn each_key_keeps_its_order(arrivals in prop::collection::vec(0u8..4, 1..60),
                                    ends in prop::collection::vec(any::<prop::sample::Index>(), 1..200)) {
            let mut turns = Turns::default();
            let mut running: Vec<(Text, usize)> = Vec::new();
            let mut began: HashMap<Text, Vec<usize>> = HashMap::new();
            let mut ends = ends.into_iter().cycle();
            let mut arriving = arrivals.iter().enumerate();
            loop {
                let arrived = arriving.next();
                if let Some((number, key)) = arrived {
                    let key = Text::from(key.to_string());
                    running.extend(turns.admit(&key, number).map(|number| (key, number)));
                } else if running.is_empty() {
                    break;
                }
                for (key, number) in &running {
                    let began = began.entry(key.clone()).or_default();
                    if began.last() != Some(number) {
                        began.push(*number);
                    }
                    prop_assert_eq!(running.iter().filter(|(other, _)| other == key).count(), 1);
                }
                if arrived.is_none() || ends.next().is_some_and(|end| end.index(2) == 0) {
                    let at = ends.next().map_or(0, |end| end.index(running.len().max(1)));
                    if at < running.len() {
                        let (key, _) = running.remove(at);
                        running.extend(turns.next(&key).map(|number| (key, number)));
                    }
                }
            }
            prop_assert!(turns.keys.is_empty());
            prop_assert_eq!(began.values().map(Vec::len).sum::<usize>(), arrivals.len());
            for began in began.values() {
                prop_assert!(began.is_sorted());
            }
        }
    }

    #[test]
    fn a_closed_key_lets_nothing_begin() {
        let mut turns = Turns::default();
        let key = Text::from("a");
        assert_eq!(turns.admit(&key, 1), Some(1));
        assert_eq!(turns.admit(&key, 2), None);
        turns.close(key.clone());
        assert_eq!(turns.next(&key), None);
        assert_eq!(turns.admit(&key, 3), None);
        assert_eq!(turns.admit(&Text::from("b"), 4), Some(4));
    }
}
