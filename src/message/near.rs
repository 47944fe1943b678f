//! Names that many objects are asked for.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::{Members, Value};

/// A member's name, and where the object that was asked last had it: those of one contract are mostly alike.
#[derive(Debug, Default)]
pub(crate) struct Near {
    name: Box<str>,
    at: AtomicUsize,
}

impl Near {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: Box::from(name), at: AtomicUsize::default() }
    }

    /// The member of this name.
    #[inline]
    pub(crate) fn member<'v>(&self, members: &'v Members) -> Option<&'v Value> {
        let near = self.at.load(Relaxed);
        let (at, value) = members.get_near(&self.name, near)?;
        // Threads share it: what is not changed, their caches keep.
        if at != near {
            self.at.store(at, Relaxed);
        }
        Some(value)
    }
}
