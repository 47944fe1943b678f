//! Whether the order of child elements is a function of their names, decided from the content model alone.
//!
//! It is, where every sequence of elements that the model admits can be rebuilt from how often each name occurs:
//! the names stand in one fixed order, or a group of fixed parts repeats (`a b a b`). A repeated choice, or a
//! repeated group with optional parts, is none of these. `xs:all` counts as ordered: its order means nothing, so
//! it is written as declared. The test errs to the safe side: a model that it does not see through keeps the order
//! of its documents as `#seq`.

use std::collections::BTreeMap;

use super::types::Emit;

/// A repeated group longer than this keeps its order as `#seq`.
const MAX_WORD: usize = 64;

/// A content model over slots: indexes of children, or [`super::types::ANY`].
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) min: u32,
    pub(super) max: Option<u32>,
    pub(super) node: Node,
}

/// A node of a [`Shape`].
#[derive(Clone, Debug)]
pub(super) enum Node {
    Slot(u16),
    Sequence(Vec<Shape>),
    Choice(Vec<Shape>),
    All(Vec<Shape>),
}

/// How often something may occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) min: u32,
    pub(super) max: Option<u32>,
}

impl Count {
    /// Whether it may occur more than once.
    pub(super) fn repeated(self) -> bool {
        self.max.is_none_or(|max| max > 1)
    }

    fn fixed(self) -> Option<u32> {
        (self.max == Some(self.min)).then_some(self.min)
    }
}

/// How often each slot may occur.
pub(super) fn counts(shape: &Shape) -> BTreeMap<u16, Count> {
    let mut counts = match &shape.node {
        Node::Slot(slot) => BTreeMap::from([(*slot, Count { min: 1, max: Some(1) })]),
        Node::Sequence(parts) | Node::All(parts) => parts.iter().map(counts).fold(BTreeMap::new(), sum),
        Node::Choice(parts) => either(parts.iter().map(counts)),
    };
    for count in counts.values_mut() {
        count.min = count.min.saturating_mul(shape.min);
        count.max = match (count.max, shape.max) {
            (Some(a), Some(b)) => Some(a.saturating_mul(b)),
            _ => None,
        };
    }
    counts
}

fn sum(mut a: BTreeMap<u16, Count>, b: BTreeMap<u16, Count>) -> BTreeMap<u16, Count> {
    for (slot, count) in b {
        let total = a.entry(slot).or_insert(Count { min: 0, max: Some(0) });
        total.min = total.min.saturating_add(count.min);
        total.max = total.max.zip(count.max).map(|(a, b)| a.saturating_add(b));
    }
    a
}

/// One of the branches. A wildcard is a choice of every global element, so this looks at each slot once.
fn either(branches: impl ExactSizeIterator<Item = BTreeMap<u16, Count>>) -> BTreeMap<u16, Count> {
    let all = branches.len();
    let mut merged: BTreeMap<u16, (Count, usize)> = BTreeMap::new();
    for (slot, count) in branches.flatten() {
        let (known, present) = merged.entry(slot).or_insert((count, 0));
        known.min = known.min.min(count.min);
        known.max = known.max.zip(count.max).map(|(a, b)| a.max(b));
        *present += 1;
    }
    let one = |(slot, (count, present)): (u16, (Count, usize))| {
        (slot, if present < all { Count { min: 0, ..count } } else { count })
    };
    merged.into_iter().map(one).collect()
}

/// How to put the slots out in the model's order, if that order follows from the names.
pub(super) fn program(shape: &Shape) -> Option<Vec<Emit>> {
    let counts = counts(shape);
    if counts.len() <= 1 {
        return Some(counts.into_keys().map(Emit::All).collect());
    }
    if shape.max.is_none_or(|max| max > 1) {
        let once = Shape { min: 1, max: Some(1), node: shape.node.clone() };
        return Some(vec![Emit::Loop(word(&once)?)]);
    }
    match &shape.node {
        Node::Slot(slot) => Some(vec![Emit::All(*slot)]),
        Node::All(parts) => parts.iter().map(program).try_fold(Vec::new(), |all, part| Some([all, part?].concat())),
        Node::Sequence(parts) => sequence(parts),
        Node::Choice(parts) => merge(parts.iter().map(program).collect::<Option<Vec<_>>>()?),
    }
}

/// Parts that follow each other. Where two of them share a name, all but the last must have a fixed number of it.
fn sequence(parts: &[Shape]) -> Option<Vec<Emit>> {
    let of_parts: Vec<BTreeMap<u16, Count>> = parts.iter().map(counts).collect();
    let mut all = Vec::new();
    for (at, (part, own)) in parts.iter().zip(&of_parts).enumerate() {
        let later = |slot: &u16| of_parts.iter().skip(at + 1).any(|other| other.contains_key(slot));
        let mut taken: BTreeMap<u16, u32> = BTreeMap::new();
        for emit in program(part)? {
            match emit {
                Emit::All(slot) if later(&slot) => {
                    let rest = own.get(&slot)?.fixed()?.checked_sub(taken.get(&slot).copied().unwrap_or(0))?;
                    all.push(Emit::Take(slot, rest));
                }
                Emit::Take(slot, count) if later(&slot) => {
                    own.get(&slot)?.fixed()?;
                    *taken.entry(slot).or_default() += count;
                    all.push(Emit::Take(slot, count));
                }
                Emit::Loop(word) if word.iter().any(|(slot, _)| later(slot)) => return None,
                other => all.push(other),
            }
        }
    }
    Some(all)
}

/// One order that agrees with the order of every branch.
fn merge(branches: Vec<Vec<Emit>>) -> Option<Vec<Emit>> {
    let slots_of = |emit: &Emit| match emit {
        Emit::All(slot) | Emit::Take(slot, _) => vec![*slot],
        Emit::Loop(word) => word.iter().map(|(slot, _)| *slot).collect(),
    };
    let mut owners = BTreeMap::new();
    let disjoint = branches
        .iter()
        .enumerate()
        .all(|(own, branch)| branch.iter().flat_map(slots_of).all(|slot| *owners.entry(slot).or_insert(own) == own));
    if disjoint {
        return Some(branches.concat());
    }
    if branches.iter().flatten().any(|emit| !matches!(emit, Emit::All(_))) {
        return None;
    }
    let mut left: Vec<std::collections::VecDeque<Emit>> = branches.into_iter().map(Into::into).collect();
    let mut merged = Vec::new();
    while left.iter().any(|branch| !branch.is_empty()) {
        let next = left
            .iter()
            .filter_map(|branch| branch.front())
            .find(|emit| left.iter().all(|branch| !branch.iter().skip(1).any(|later| later == *emit)));
        let next = next?.clone();
        for branch in &mut left {
            if branch.front() == Some(&next) {
                branch.pop_front();
            }
        }
        merged.push(next);
    }
    Some(merged)
}

/// The one sequence of names that the shape admits, if there is only one.
fn word(shape: &Shape) -> Option<Vec<(u16, u32)>> {
    let times = Count { min: shape.min, max: shape.max }.fixed()?;
    let once = match &shape.node {
        Node::Slot(slot) => return Some(vec![(*slot, times)]),
        Node::Sequence(parts) => {
            parts.iter().map(word).try_fold(Vec::new(), |all, part| Some([all, part?].concat()))?
        }
        Node::Choice(parts) | Node::All(parts) => match parts.as_slice() {
            [only] => word(only)?,
            _ => return None,
        },
    };
    let times = usize::try_from(times).ok()?;
    (once.len().checked_mul(times)? <= MAX_WORD).then(|| once.repeat(times))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(slot: u16, min: u32, max: Option<u32>) -> Shape {
        Shape { min, max, node: Node::Slot(slot) }
    }

    fn one(slot_: u16) -> Shape {
        slot(slot_, 1, Some(1))
    }

    fn seq(min: u32, max: Option<u32>, parts: Vec<Shape>) -> Shape {
        Shape { min, max, node: Node::Sequence(parts) }
    }

    fn choice(min: u32, max: Option<u32>, parts: Vec<Shape>) -> Shape {
        Shape { min, max, node: Node::Choice(parts) }
    }

    #[test]
    fn a_sequence_of_different_names_is_ordered() {
        let shape = seq(1, Some(1), vec![one(0), slot(1, 0, None), slot(2, 0, Some(1))]);
        assert_eq!(program(&shape), Some(vec![Emit::All(0), Emit::All(1), Emit::All(2)]));
        assert!(counts(&shape)[&1].repeated() && !counts(&shape)[&2].repeated());
    }

    #[test]
    fn a_repeated_group_of_fixed_parts_is_ordered() {
        let shape = seq(0, None, vec![one(0), slot(1, 2, Some(2))]);
        assert_eq!(program(&shape), Some(vec![Emit::Loop(vec![(0, 1), (1, 2)])]));
    }

    #[test]
    fn a_repeated_group_with_an_optional_part_is_not() {
        assert_eq!(program(&seq(0, None, vec![one(0), slot(1, 0, Some(1))])), None);
        assert_eq!(program(&choice(0, None, vec![one(0), one(1)])), None);
    }

    #[test]
    fn a_name_twice_is_ordered_if_its_first_count_is_fixed() {
        let shape = seq(1, Some(1), vec![one(0), one(1), slot(0, 0, Some(1))]);
        assert_eq!(program(&shape), Some(vec![Emit::Take(0, 1), Emit::All(1), Emit::All(0)]));
        assert_eq!(program(&seq(1, Some(1), vec![slot(0, 0, Some(1)), one(1), one(0)])), None);
    }

    #[test]
    fn branches_must_agree() {
        let shape =
            choice(1, Some(1), vec![seq(1, Some(1), vec![one(0), one(2)]), seq(1, Some(1), vec![one(1), one(2)])]);
        assert_eq!(program(&shape), Some(vec![Emit::All(0), Emit::All(1), Emit::All(2)]));
        let shape =
            choice(1, Some(1), vec![seq(1, Some(1), vec![one(0), one(1)]), seq(1, Some(1), vec![one(1), one(0)])]);
        assert_eq!(program(&shape), None);
    }

    #[test]
    fn one_name_is_always_ordered() {
        assert_eq!(program(&choice(0, None, vec![one(0), seq(0, None, vec![one(0)])])), Some(vec![Emit::All(0)]));
    }
}
