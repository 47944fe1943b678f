//! How many elements the smallest document of each type has: the way out of types that contain themselves.

use crate::contract::plan::Plan;
use crate::contract::plan::rules::{ComplexRules, ContentRules, Graph, Leaf, Letters, Model, TypeRules, UseIx};
use crate::contract::plan::types::{Type, TypeIx};

/// No document of such a type can be made.
pub(super) const NEVER: u32 = u32::MAX;

/// The least number of elements, by type.
pub(super) struct Costs<'p> {
    plan: &'p Plan,
    of_types: Vec<u32>,
}

impl<'p> Costs<'p> {
    /// Starts with nothing known, and learns until nothing changes: at most once for each type.
    pub(super) fn of(plan: &'p Plan) -> Self {
        let mut costs = Self { plan, of_types: vec![NEVER; plan.rules.types.len()] };
        for _ in 0..=plan.rules.types.len() {
            let next: Vec<u32> = (0..).zip(&plan.rules.types).map(|(ix, rules)| costs.compute(ix, rules)).collect();
            if next == costs.of_types {
                break;
            }
            costs.of_types = next;
        }
        costs
    }

    pub(super) fn of_type(&self, ix: TypeIx) -> u32 {
        self.of_types.get(ix as usize).copied().unwrap_or(NEVER)
    }

    pub(super) fn of_use(&self, found: UseIx) -> u32 {
        self.plan.rules.uses.get(found as usize).map_or(NEVER, |found| self.of_type(found.type_ix))
    }

    pub(super) fn of_letters(&self, letters: &Letters) -> u32 {
        match letters {
            Letters::One(_, found) => self.of_use(*found),
            Letters::Some(list) => list.iter().map(|(_, found)| self.of_use(*found)).min().unwrap_or(NEVER),
            Letters::Wildcard(_) => 1,
        }
    }

    /// A leaf as often as it must occur, and at least so often.
    fn of_leaf(&self, leaf: &Leaf, least: u32) -> u32 {
        match leaf.min.max(least) {
            0 => 0,
            times => self.of_letters(&leaf.term).saturating_mul(times),
        }
    }

    /// For each leaf of a graph, what is the least that follows it, going forward only.
    pub(super) fn ahead(&self, graph: &Graph) -> Vec<u32> {
        let mut ahead = vec![NEVER; graph.leaves.len()];
        let length = u32::try_from(graph.follow.len()).unwrap_or(0);
        for (at, follow) in (0..length).zip(&graph.follow).rev() {
            let end = if graph.last.contains(&at) { 0 } else { NEVER };
            let next = follow.iter().filter(|next| **next > at).map(|next| self.through(graph, *next, &ahead)).min();
            if let Some(slot) = ahead.get_mut(at as usize) {
                *slot = end.min(next.unwrap_or(NEVER));
            }
        }
        ahead
    }

    /// What it costs to go through a leaf to the end.
    pub(super) fn through(&self, graph: &Graph, at: u32, ahead: &[u32]) -> u32 {
        let leaf = graph.leaves.get(at as usize).map_or(NEVER, |leaf| self.of_leaf(leaf, 1));
        leaf.saturating_add(ahead.get(at as usize).copied().unwrap_or(NEVER))
    }

    fn compute(&self, ix: TypeIx, rules: &TypeRules) -> u32 {
        match rules {
            TypeRules::Simple(_) => 1,
            TypeRules::Complex(rules) => self.complex(rules).saturating_add(1),
            // An abstract type is there as one of those derived from it.
            TypeRules::Unknown => match self.plan.types.get(ix as usize) {
                Some(Type::Complex(complex)) => {
                    complex.derived.iter().map(|ix| self.of_type(*ix)).min().unwrap_or(NEVER)
                }
                _ => NEVER,
            },
        }
    }

    fn complex(&self, rules: &ComplexRules) -> u32 {
        let ContentRules::Elements { model, .. } = &rules.content else { return 0 };
        match model {
            Model::Sequence(leaves) | Model::All(leaves) => {
                leaves.iter().map(|leaf| self.of_leaf(leaf, 0)).fold(0, u32::saturating_add)
            }
            Model::Graph(graph) if graph.nullable => 0,
            Model::Graph(graph) => {
                let ahead = self.ahead(graph);
                graph.first.iter().map(|at| self.through(graph, *at, &ahead)).min().unwrap_or(NEVER)
            }
            Model::Unknown => NEVER,
        }
    }
}
