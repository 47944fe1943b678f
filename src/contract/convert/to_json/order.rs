//! Whether the children of an element stand in the order that their names say: else JSON would lose it.

use std::collections::BTreeMap;

use super::{Refusal, refuse};
use crate::contract::plan::types::{ANY, Child, Emit};

/// Watches the children of one element go by.
pub(super) enum Watch<'p> {
    /// The order means nothing: `xs:all`.
    Any,
    /// Each name has its one place.
    Places {
        /// That of [`ANY`].
        any: u16,
        /// The place reached.
        reached: u16,
    },
    /// The names take turns.
    Turns {
        program: &'p [Emit],
        /// The slots that went by.
        slots: Vec<u16>,
    },
}

impl<'p> Watch<'p> {
    /// For the program of a content model, whether it is plain, and the place of [`ANY`] in it; none for `xs:all`.
    pub(super) fn new(order: Option<(&'p [Emit], bool, u16)>) -> Self {
        match order {
            None => Self::Any,
            Some((_, true, any)) => Self::Places { any, reached: 0 },
            Some((program, false, _)) => Self::Turns { program, slots: Vec::new() },
        }
    }

    /// Takes the next child: its slot and declaration, or none where only a wildcard admits it. Whether it may stand
    /// here.
    pub(super) fn pass(&mut self, found: Option<(u16, &Child)>) -> bool {
        match self {
            Self::Any => {}
            Self::Places { any, reached } => {
                let place = found.map_or(*any, |(_, child)| child.position);
                if place < *reached {
                    return false;
                }
                *reached = place;
            }
            Self::Turns { slots, .. } => slots.push(found.map_or(ANY, |(slot, _)| slot)),
        }
        true
    }

    /// Takes the end of the element whose children they were.
    pub(super) fn end(self, at: usize) -> Result<(), Refusal> {
        match self {
            Self::Turns { program, slots } if !follows(program, &slots) => {
                refuse("order", at, "its elements stand out of the content model's order, which JSON cannot say")
            }
            _ => Ok(()),
        }
    }
}

/// Whether a program puts the slots out in just this order.
fn follows(program: &[Emit], slots: &[u16]) -> bool {
    let mut left: BTreeMap<u16, u32> = BTreeMap::new();
    for slot in slots {
        *left.entry(*slot).or_default() += 1;
    }
    let mut expected = slots.iter();
    let mut take = |slot: u16, count: u32, left: &mut BTreeMap<u16, u32>| {
        let held = left.entry(slot).or_default();
        let taken = count.min(*held);
        *held -= taken;
        (0..taken).all(|_| expected.next() == Some(&slot))
    };
    let fits = program.iter().all(|emit| match emit {
        Emit::All(slot) => take(*slot, u32::MAX, &mut left),
        Emit::Take(slot, count) => take(*slot, *count, &mut left),
        Emit::Loop(word) => {
            while word.iter().any(|(slot, _)| left.get(slot).is_some_and(|count| *count > 0)) {
                if !word.iter().all(|(slot, count)| take(*slot, *count, &mut left)) {
                    return false;
                }
            }
            true
        }
    });
    fits && left.values().all(|count| *count == 0)
}
