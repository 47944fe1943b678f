//! Values that copies of a message share.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A value that its copies share until one of them is written to: to move it and to copy it costs a pointer.
///
/// Whoever writes gets a copy of his own first, unless he has the only one. So look before you write: a field that has
/// the right value already needs no copy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shared<T>(Arc<T>);

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Clone> DerefMut for Shared<T> {
    fn deref_mut(&mut self) -> &mut T {
        Arc::make_mut(&mut self.0)
    }
}

impl<T> From<T> for Shared<T> {
    fn from(value: T) -> Self {
        Self(Arc::new(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_to_one_leaves_its_copies_alone() {
        let first = Shared::from(String::from("a"));
        let mut second = first.clone();
        second.push('b');
        assert_eq!((first.as_str(), second.as_str()), ("a", "ab"));
        second.push('c');
        assert_eq!(second.as_str(), "abc");
    }
}
