//! Content models as automata over child elements.
//!
//! XML Schema demands that a child's particle is known without looking ahead (Unique Particle Attribution), so one
//! state is enough. Where a counted repetition still leaves a choice, the first is taken: a document may then be sent
//! to the engine that needs not, and none is admitted that is not valid.

use super::super::types::{NameIx, Wildcard};
use super::UseIx;

/// Leaves of one automaton beyond this are left to the engine.
pub(super) const MAX_LEAVES: usize = 512;

/// How often, and what.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) min: u32,
    /// `u32::MAX` is unbounded.
    pub(crate) max: u32,
    pub(crate) term: Letters,
}

/// What stands at a leaf.
#[derive(Clone, Debug)]
pub(crate) enum Letters {
    /// The most frequent case.
    One(NameIx, UseIx),
    /// An element or its substitutes.
    Some(Vec<(NameIx, UseIx)>),
    Wildcard(Wildcard),
}

/// A content model.
#[derive(Debug)]
pub(crate) enum Model {
    /// Leaves one after the other.
    Sequence(Vec<Leaf>),
    /// Leaves in any order, each once at most (`xs:all`).
    All(Vec<Leaf>),
    /// Anything else: for each leaf those that may follow it.
    Graph(Graph),
    Unknown,
}

/// A position automaton (Glushkov).
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) leaves: Vec<Leaf>,
    /// By leaf.
    pub(crate) follow: Vec<Vec<u32>>,
    pub(crate) first: Vec<u32>,
    pub(crate) last: Vec<u32>,
    pub(crate) nullable: bool,
}

/// Where the children of an element have come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// The leaf; in a graph, one more than it, and 0 is the start.
    pub(super) at: u32,
    /// How often it has occurred.
    pub(super) count: u32,
    /// The leaves that have occurred, in `xs:all`.
    pub(super) seen: u64,
}

/// What a child is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'m> {
    Use(UseIx),
    Wildcard(&'m Wildcard),
}

impl Letters {
    fn admit<'u>(&self, name: Option<NameIx>, uri: impl Fn() -> &'u str) -> Option<Step<'_>> {
        match self {
            Self::One(own, found) => (name == Some(*own)).then_some(Step::Use(*found)),
            Self::Some(list) => list.iter().find(|(own, _)| name == Some(*own)).map(|(_, found)| Step::Use(*found)),
            Self::Wildcard(wildcard) => wildcard.namespaces.admits(uri()).then_some(Step::Wildcard(wildcard)),
        }
    }
}

impl Model {
    /// Takes the next child; `None` if it cannot stand here.
    pub(crate) fn step<'u>(
        &self,
        state: &mut State,
        name: Option<NameIx>,
        uri: impl Fn() -> &'u str,
    ) -> Option<Step<'_>> {
        match self {
            Self::Sequence(leaves) => {
                let mut at = state.at as usize;
                let mut count = state.count;
                loop {
                    let leaf = leaves.get(at)?;
                    if count < leaf.max
                        && let Some(step) = leaf.term.admit(name, &uri)
                    {
                        state.at = u32::try_from(at).ok()?;
                        state.count = count.saturating_add(1);
                        return Some(step);
                    }
                    if count < leaf.min {
                        return None;
                    }
                    (at, count) = (at + 1, 0);
                }
            }
            Self::All(leaves) => {
                let mut open = leaves.iter().enumerate().filter(|(at, _)| state.seen & (1 << at) == 0);
                let (at, step) = open.find_map(|(at, leaf)| Some((at, leaf.term.admit(name, &uri)?)))?;
                state.seen |= 1 << at;
                Some(step)
            }
            Self::Graph(graph) => graph.step(state, name, uri),
            Self::Unknown => None,
        }
    }

    /// Whether the children may end here.
    pub(crate) fn may_end(&self, state: State) -> bool {
        match self {
            Self::Sequence(leaves) => {
                let at = state.at as usize;
                leaves.get(at).is_none_or(|leaf| state.count >= leaf.min)
                    && leaves.iter().skip(at + 1).all(|leaf| leaf.min == 0)
            }
            Self::All(leaves) => {
                leaves.iter().enumerate().all(|(at, leaf)| leaf.min == 0 || state.seen & (1 << at) != 0)
            }
            Self::Graph(graph) => match state.at.checked_sub(1) {
                None => graph.nullable,
                Some(at) => graph.last.contains(&at) && graph.is_done(at, state.count),
            },
            Self::Unknown => false,
        }
    }
}

impl Graph {
    fn is_done(&self, at: u32, count: u32) -> bool {
        self.leaves.get(at as usize).is_some_and(|leaf| count >= leaf.min)
    }

    fn step<'u>(&self, state: &mut State, name: Option<NameIx>, uri: impl Fn() -> &'u str) -> Option<Step<'_>> {
        let next = match state.at.checked_sub(1) {
            None => &self.first,
            Some(at) => {
                let leaf = self.leaves.get(at as usize)?;
                if state.count < leaf.max
                    && let Some(step) = leaf.term.admit(name, &uri)
                {
                    state.count = state.count.saturating_add(1);
                    return Some(step);
                }
                if state.count < leaf.min {
                    return None;
                }
                self.follow.get(at as usize)?
            }
        };
        let (at, step) =
            next.iter().find_map(|at| Some((*at, self.leaves.get(*at as usize)?.term.admit(name, &uri)?)))?;
        (state.at, state.count) = (at + 1, 1);
        Some(step)
    }
}
