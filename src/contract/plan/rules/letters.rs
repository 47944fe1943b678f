//! What may come next in a content model: to compare two of them.

use super::super::types::{NameIx, Namespaces, Wildcard};
use super::UseIx;
use super::model::{Leaf, Letters, Model, State, Step};
use crate::message::Text;

/// What may stand at a place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Letter<'m> {
    /// An element that is declared.
    Name(NameIx, UseIx),
    /// What a wildcard admits.
    Any(&'m Wildcard),
}

impl Model {
    /// The declared elements and wildcards that may come next: each that [`Model::step`] then takes. `uri` gives the
    /// namespace of a name.
    pub(crate) fn next<'m>(&'m self, state: State, uri: &dyn Fn(NameIx) -> Text) -> Vec<Letter<'m>> {
        let mut letters = Vec::new();
        for leaf in self.leaves() {
            match &leaf.term {
                Letters::One(name, found) => letters.push(Letter::Name(*name, *found)),
                Letters::Some(list) => letters.extend(list.iter().map(|(name, found)| Letter::Name(*name, *found))),
                Letters::Wildcard(wildcard) => letters.push(Letter::Any(wildcard)),
            }
        }
        letters.retain(|letter| match letter {
            Letter::Name(name, found) => {
                let uri = uri(*name);
                matches!(self.step(&mut state.clone(), Some(*name), || &uri), Some(Step::Use(taken)) if taken == *found)
            }
            Letter::Any(wildcard) => {
                let one = match &wildcard.namespaces {
                    Namespaces::Only(list) => list.first().cloned().unwrap_or_default(),
                    Namespaces::Any | Namespaces::Not(_) => Text::borrowed("urn:of:nobody"),
                };
                matches!(self.step(&mut state.clone(), None, || &one), Some(Step::Wildcard(_)))
            }
        });
        letters
    }

    /// The same place with the count of an unbounded repetition cut to what still matters, so that there are finitely
    /// many.
    pub(crate) fn settled(&self, state: State) -> State {
        let at = match self {
            Self::Sequence(_) => Some(state.at),
            Self::Graph(_) => state.at.checked_sub(1),
            Self::All(_) | Self::Unknown => None,
        };
        let leaf = at.and_then(|at| self.leaves().get(at as usize)).filter(|leaf| leaf.max == u32::MAX);
        leaf.map_or(state, |leaf| State { count: state.count.min(leaf.min.max(1)), ..state })
    }

    /// All places of the model.
    pub(crate) fn leaves(&self) -> &[Leaf] {
        match self {
            Self::Sequence(leaves) | Self::All(leaves) => leaves,
            Self::Graph(graph) => &graph.leaves,
            Self::Unknown => &[],
        }
    }
}
