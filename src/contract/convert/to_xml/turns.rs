//! Children whose names take turns: put out by the content model's program.

use super::children::Part;
use super::{Found, Writer};
use crate::contract::plan::types::{ANY, Elements, Emit};
use crate::message::Value;

/// How much of each slot of one object is out.
struct Turns<'v> {
    elements: &'v Elements,
    done: Vec<(u16, usize)>,
}

impl<'v> Writer<'v> {
    pub(super) fn in_turns(&mut self, elements: &'v Elements, program: &'v [Emit]) {
        let mut turns = Turns { elements, done: Vec::new() };
        for emit in program {
            match emit {
                Emit::All(slot) => self.take(&mut turns, *slot, usize::MAX),
                Emit::Take(slot, count) => self.take(&mut turns, *slot, *count as usize),
                Emit::Loop(word) => {
                    while word.iter().any(|(slot, _)| self.left(&turns, *slot) > 0) && !self.is_full() {
                        for (slot, count) in word {
                            self.take(&mut turns, *slot, *count as usize);
                        }
                    }
                }
            }
        }
        for at in self.base..self.found.len() {
            let Some(Found { slot, key, .. }) = self.found.get(at).copied() else { break };
            if self.left(&turns, slot) > 0 {
                self.refuse_key("too-many", key, "there are more of these than the content model has places for");
            }
        }
    }

    /// Puts the next few of a slot out.
    fn take(&mut self, turns: &mut Turns<'v>, slot: u16, count: usize) {
        let Some(whole) = self.found_for(slot) else { return };
        let from = turns.done(slot);
        let to = from.saturating_add(count).min(turns.held(whole));
        if to > from {
            turns.set_done(slot, to);
            self.part(turns.elements, Part { whole, from, count: to - from });
        }
    }

    fn left(&self, turns: &Turns<'v>, slot: u16) -> usize {
        self.found_for(slot).map_or(0, |whole| turns.held(whole).saturating_sub(turns.done(slot)))
    }
}

impl Turns<'_> {
    fn held(&self, whole: Found<'_>) -> usize {
        let Found { slot, value, .. } = whole;
        let child = self.elements.children.get(usize::from(slot));
        match value {
            Value::Array(items) if slot == ANY || child.is_some_and(|child| child.repeated) => items.len(),
            _ => 1,
        }
    }

    fn done(&self, slot: u16) -> usize {
        self.done.iter().find(|(known, _)| *known == slot).map_or(0, |(_, done)| *done)
    }

    fn set_done(&mut self, slot: u16, count: usize) {
        match self.done.iter_mut().find(|(known, _)| *known == slot) {
            Some((_, done)) => *done = count,
            None => self.done.push((slot, count)),
        }
    }
}
