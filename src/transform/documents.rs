//! What is known of the documents at one place of a route, before any message comes.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use super::Embedded;
use super::lang::Shape;
use crate::contract::{Contract, Format};
use crate::message::Text;

/// Expressions whose documents are made of each other's, one inside the other; what is deeper is not known.
const MAX_DEPTH: usize = 64;

/// The documents that may be at one place of a route: by their contracts, or by the expressions that make them. They are
/// looked at when somebody asks, so that a route which is only run pays for no more than the names.
#[derive(Debug)]
pub struct Documents {
    what: What,
    depth: usize,
    shape: OnceLock<Shape>,
}

#[derive(Debug)]
enum What {
    Anything,
    Of(Arc<Contract>),
    /// Members, and whether they are always there.
    Object(Vec<(Text, Arc<Documents>, bool)>),
    /// At least one of these.
    Array(Arc<Documents>),
    /// One of such an array.
    Item(Arc<Documents>),
    /// What an expression makes of these.
    Made(Arc<Embedded>, Arc<Documents>),
    OneOf(Vec<Arc<Documents>>),
    /// These, if what comes around is one of these again.
    Round(Arc<Documents>, OnceLock<bool>),
}

impl Documents {
    fn new(what: What, parts: &[&Arc<Self>]) -> Arc<Self> {
        let depth = parts.iter().map(|part| part.depth).max().map_or(0, |deepest| deepest.saturating_add(1));
        let what = if depth > MAX_DEPTH { What::Anything } else { what };
        Arc::new(Self { what, depth, shape: OnceLock::new() })
    }

    /// Nothing is known.
    pub fn anything() -> Arc<Self> {
        Self::new(What::Anything, &[])
    }

    /// Documents of a contract. Of a body without one nothing is known.
    pub fn of(contract: Option<&Arc<Contract>>) -> Arc<Self> {
        Self::new(contract.map_or(What::Anything, |contract| What::Of(contract.clone())), &[])
    }

    /// Objects with these members and no others, each always there or not.
    pub fn object<const N: usize>(members: [(&'static str, Arc<Self>, bool); N]) -> Arc<Self> {
        Self::members(members.map(|(name, part, certain)| (Text::borrowed(name), part, certain)).into())
    }

    /// The same, with any names.
    pub fn members(members: Vec<(Text, Arc<Self>, bool)>) -> Arc<Self> {
        let depth = members.iter().map(|(_, part, _)| part.depth).max().unwrap_or_default().saturating_add(1);
        let what = if depth > MAX_DEPTH { What::Anything } else { What::Object(members) };
        Arc::new(Self { what, depth, shape: OnceLock::new() })
    }

    /// Arrays of at least one such document.
    pub fn array(items: &Arc<Self>) -> Arc<Self> {
        Self::new(What::Array(Arc::clone(items)), &[items])
    }

    /// The items of arrays.
    pub fn item(array: &Arc<Self>) -> Arc<Self> {
        Self::new(What::Item(Arc::clone(array)), &[array])
    }

    /// What an expression makes of documents.
    pub fn made(expression: &Arc<Embedded>, input: &Arc<Self>) -> Arc<Self> {
        Self::new(What::Made(Arc::clone(expression), Arc::clone(input)), &[input])
    }

    /// Any of these.
    pub fn one_of(all: Vec<Arc<Self>>) -> Arc<Self> {
        match <[Arc<Self>; 1]>::try_from(all) {
            Ok([one]) => one,
            Err(all) if all.is_empty() => Self::anything(),
            Err(all) => {
                let depth = all.iter().map(|part| part.depth).max().unwrap_or_default().saturating_add(1);
                let what = if depth > MAX_DEPTH { What::Anything } else { What::OneOf(all) };
                Arc::new(Self { what, depth, shape: OnceLock::new() })
            }
        }
    }

    /// What gets into steps that are run again on what they have left: nothing is known of it until
    /// [`Documents::comes_around`] has told that nothing else comes.
    pub fn round(first: &Arc<Self>) -> Arc<Self> {
        Self::new(What::Round(Arc::clone(first), OnceLock::new()), &[first])
    }

    /// Tells a round what its steps have left.
    pub fn comes_around(&self, left: &[Arc<Self>]) {
        if let What::Round(first, stays) = &self.what {
            let begins = first.contracts();
            let same = |end: &Arc<Self>| match (&begins, end.contracts()) {
                (Some(begins), Some(ends)) => ends.is_subset(begins),
                _ => false,
            };
            // Who tells first is right: a round is told of once.
            let _told = stays.set(left.iter().all(same));
        }
    }

    /// The names of the contracts, if the documents are those of contracts.
    fn contracts(&self) -> Option<BTreeSet<&str>> {
        match &self.what {
            What::Of(contract) => Some([contract.reference()].into()),
            What::OneOf(all) => {
                let all = all.iter().map(|one| one.contracts()).collect::<Option<Vec<_>>>()?;
                Some(all.into_iter().flatten().collect())
            }
            What::Round(first, _) => first.contracts(),
            _ => None,
        }
    }

    /// Whether no contract says how they are written: JSON, made by expressions.
    pub(super) fn are_plain(&self) -> bool {
        match &self.what {
            What::Object(_) | What::Array(_) | What::Item(_) | What::Made(..) => true,
            What::OneOf(all) => all.iter().all(|one| one.are_plain()),
            What::Round(first, stays) => stays.get() == Some(&true) && first.are_plain(),
            What::Anything | What::Of(_) => false,
        }
    }

    /// Members of which nothing is known.
    pub(super) fn unknown_members(&self) -> Vec<&Text> {
        match &self.what {
            What::Object(members) => {
                members.iter().filter(|(_, part, _)| part.shape().is_unknown()).map(|(name, ..)| name).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The names of the contracts for people, if there are any.
    pub(super) fn names(&self) -> Option<String> {
        let names: Vec<&str> = self.contracts()?.into_iter().collect();
        Some(format!("`{}`", names.join("` or `")))
    }

    pub(super) fn shape(&self) -> &Shape {
        self.shape.get_or_init(|| match &self.what {
            What::Anything => Shape::anything(),
            What::Of(contract) => shape(contract),
            What::Object(members) => {
                let members = members.iter().map(|(name, part, certain)| (name.clone(), part.shape(), *certain));
                Shape::object_of(members)
            }
            What::Array(items) => Shape::array_of(items.shape(), true),
            What::Item(array) => array.shape().items(),
            What::Made(expression, input) => expression.follow(input.shape(), None).made.made(),
            What::OneOf(all) => all.iter().map(|one| one.shape().clone()).reduce(Shape::join).unwrap_or_default(),
            What::Round(first, stays) => match stays.get() {
                Some(true) => first.shape().clone(),
                _ => Shape::anything(),
            },
        })
    }
}

/// What the documents of a contract are.
pub(super) fn shape(contract: &Contract) -> Shape {
    contract.outline().map_or_else(Shape::anything, |outline| Shape::of(&outline))
}

/// The documents of those contracts that are JSON.
pub fn of_json(contracts: &[Arc<Contract>]) -> Arc<Documents> {
    let json = contracts.iter().filter(|contract| contract.format() == Format::Json);
    Documents::one_of(json.map(|contract| Documents::of(Some(contract))).collect())
}
