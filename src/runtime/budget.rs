//! What all routes together may have in flight, by count and by bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

/// The bounds of the process, and what of them is used.
///
/// Each route may use its equal part of them, and beyond that what nobody uses: a slow route never takes another one's
/// part. All together are therefore bounded by twice the numbers.
#[derive(Debug)]
pub(super) struct Budget {
    max_messages: usize,
    max_bytes: usize,
    messages: AtomicUsize,
    bytes: AtomicUsize,
    routes: AtomicUsize,
    freed: watch::Sender<()>,
}

/// What one session of a route uses of the budget; given back when dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Arc<Budget>,
    messages: usize,
    bytes: usize,
}

impl Budget {
    pub(super) fn new(max_messages: usize, max_bytes: usize) -> Self {
        Self {
            max_messages,
            max_bytes,
            messages: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            routes: AtomicUsize::new(0),
            freed: watch::Sender::default(),
        }
    }

    /// Messages and bytes in flight.
    pub(super) fn used(&self) -> (usize, usize) {
        (self.messages.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    /// Follows when something is free that was not.
    pub(super) fn freed(&self) -> watch::Receiver<()> {
        self.freed.subscribe()
    }

    fn give_back(&self, messages: usize, bytes: usize) {
        let before =
            (self.messages.fetch_sub(messages, Ordering::Relaxed), self.bytes.fetch_sub(bytes, Ordering::Relaxed));
        if before.0 >= self.max_messages || before.1 >= self.max_bytes {
            self.freed.send_replace(());
        }
    }
}

impl Share {
    /// Nothing so far.
    pub(super) fn of(budget: &Arc<Budget>) -> Self {
        budget.routes.fetch_add(1, Ordering::Relaxed);
        Self { budget: Arc::clone(budget), messages: 0, bytes: 0 }
    }

    /// Messages and bytes that may still be taken, as far as the process is concerned.
    pub(super) fn left(&self) -> (usize, usize) {
        let Budget { max_messages, max_bytes, .. } = *self.budget;
        let (messages, bytes) = self.budget.used();
        let routes = self.budget.routes.load(Ordering::Relaxed).max(1);
        let left =
            |max: usize, used: usize, own: usize| max.saturating_sub(used).max((max / routes).saturating_sub(own));
        (left(max_messages, messages, self.messages), left(max_bytes, bytes, self.bytes))
    }

    pub(super) fn messages(&self) -> usize {
        self.messages
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// A message is in flight from now on.
    pub(super) fn take(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.budget.messages.fetch_add(1, Ordering::Relaxed);
        self.budget.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// It is not any more.
    pub(super) fn give_back(&mut self, bytes: usize) {
        self.messages = self.messages.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.budget.give_back(1, bytes);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.routes.fetch_sub(1, Ordering::Relaxed);
        self.budget.give_back(self.messages, self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_free_again_and_told() {
        let budget = Arc::new(Budget::new(3, 100));
        let mut freed = budget.freed();
        let (mut one, mut other) = (Share::of(&budget), Share::of(&budget));
        one.take(60);
        other.take(10);
        assert_eq!((budget.used(), one.left(), other.left()), ((2, 70), (1, 30), (1, 40)));
        other.give_back(10);
        assert!(!freed.has_changed().unwrap(), "nobody had to wait for that");
        other.take(50);
        assert_eq!((one.left(), other.left()), ((1, 0), (1, 0)));
        drop(one);
        assert!(freed.has_changed().unwrap());
        freed.mark_unchanged();
        assert_eq!((budget.used(), other.messages(), other.bytes()), ((1, 50), 1, 50));
        other.take(0);
        other.take(0);
        other.give_back(0);
        assert!(freed.has_changed().unwrap(), "a place is free that was not");
    }

    #[test]
    fn nobody_takes_the_part_of_another() {
        let budget = Arc::new(Budget::new(4, 100));
        let (mut greedy, mut modest) = (Share::of(&budget), Share::of(&budget));
        (0..4).for_each(|_| greedy.take(25));
        assert_eq!((greedy.left(), modest.left()), ((0, 0), (2, 50)));
        modest.take(50);
        assert_eq!(modest.left(), (1, 0));
    }
}
