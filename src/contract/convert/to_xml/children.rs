//! Children that are members of an object: put out where the content model has them.

use super::path::Step;
use super::{Found, Writer, graft, value};
use crate::contract::plan::types::Elements;
use crate::message::Value;

/// Some of what stands under one key.
#[derive(Clone, Copy)]
pub(super) struct Part<'v> {
    pub(super) whole: Found<'v>,
    pub(super) from: usize,
    pub(super) count: usize,
}

impl<'v> Writer<'v> {
    pub(super) fn required_elements(&mut self, elements: &Elements) {
        let mut next = self.base;
        for slot in &elements.required {
            match self.found.iter().skip(next).position(|found| found.slot == *slot) {
                Some(at) => next += at + 1,
                None if self.holds(*slot) => {}
                None => self.refuse("missing-element", missing(elements, *slot)),
            }
        }
    }

    /// Where each name has its one place.
    pub(super) fn in_places(&mut self, elements: &'v Elements) {
        if let Some(own) = self.found.get_mut(self.base..) {
            own.sort_unstable_by_key(|found| found.position);
        }
        for at in self.base..self.found.len() {
            let Some(whole) = self.found.get(at).copied() else { break };
            self.part(elements, Part { whole, from: 0, count: usize::MAX });
        }
    }

    pub(super) fn part(&mut self, elements: &'v Elements, part: Part<'v>) {
        let Part { whole: Found { slot, key, value, .. }, from, count } = part;
        let child = elements.children.get(usize::from(slot));
        let repeated = child.is_none_or(|child| child.repeated);
        self.path.push(Step::Key(key));
        match (value, child) {
            (Value::Array(items), _) if repeated => {
                if items.is_empty() && elements.required.contains(&slot) {
                    self.refuse("missing-element", "at least one is needed");
                }
                for (at, item) in items.iter().enumerate().skip(from).take(count) {
                    self.path.push(Step::Index(at));
                    match child {
                        Some(child) => self.element(&child.element, item),
                        None => graft::graft(self, elements, item),
                    }
                    self.path.pop();
                    if self.is_full() {
                        break;
                    }
                }
            }
            (_, Some(child)) if !repeated => self.element(&child.element, value),
            (other, _) => {
                self.refuse(
                    "array-expected",
                    format!("an array is expected, not {}: it may occur more than once", value::a(other)),
                );
            }
        }
        self.path.pop();
    }

    /// Whether the innermost object has something for the slot.
    pub(super) fn holds(&self, slot: u16) -> bool {
        self.found_for(slot).is_some()
    }

    pub(super) fn found_for(&self, slot: u16) -> Option<Found<'v>> {
        self.found.iter().skip(self.base).find(|found| found.slot == slot).copied()
    }
}

pub(super) fn missing(elements: &Elements, slot: u16) -> String {
    let key = elements.children.get(usize::from(slot)).map_or("", |child| child.key.as_str());
    format!("`{key}` is missing")
}
