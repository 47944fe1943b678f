//! What makes a document valid, as far as it can be told without the engine.
//!
//! The rules are sound and not complete: what they admit is valid; of what they do not admit, the engine is asked.
//! Whatever is rare or subtle (`xsi:type`, `xs:ID`, bounds of dates, attributes by wildcard, …) is left to it.

mod beyond;
mod compile;
pub(in crate::contract) mod date;
mod decimal;
mod identity;
mod letters;
mod model;
mod pattern;
mod runs;
mod value;
mod within;

pub(crate) use beyond::Beyond;
pub(crate) use identity::{Constraint, Field};
pub(crate) use letters::Letter;
pub(crate) use model::{Graph, Leaf, Letters, Model, State, Step};
pub(crate) use pattern::translate;
pub(crate) use value::{Check, Form, Identity, is_uri};

use std::collections::HashMap;
use std::sync::Arc;

use super::types::{NameIx, TypeIx};
use crate::message::Text;

/// Index of a use of an element declaration.
pub(crate) type UseIx = u32;

/// The rules of a plan.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(crate) uses: Vec<Use>,
    /// By [`TypeIx`].
    pub(crate) types: Vec<TypeRules>,
    /// Every global element; those that a wildcard of the plan admits with their declarations.
    pub(crate) globals: HashMap<NameIx, Option<UseIx>, foldhash::fast::RandomState>,
    /// Every global attribute.
    pub(crate) global_attributes: Vec<NameIx>,
    /// The root element.
    pub(crate) root: Option<(NameIx, UseIx)>,
    /// Whether a wildcard is lax: what stands below it is then valid or not by global declarations.
    pub(crate) has_lax: bool,
    /// Whether any element has identity constraints.
    pub(crate) has_constraints: bool,
}

/// An element declaration where a content model uses it.
#[derive(Debug)]
pub(crate) struct Use {
    pub(crate) type_ix: TypeIx,
    pub(crate) nillable: bool,
    /// Its default or fixed value.
    pub(crate) value: Option<Value>,
    /// `None` where one of them is beyond these rules.
    pub(crate) constraints: Option<Vec<Constraint>>,
}

/// A value constraint.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) text: Text,
    pub(crate) is_fixed: bool,
}

/// A type.
#[derive(Debug)]
pub(crate) enum TypeRules {
    Simple(Arc<Check>),
    Complex(Box<ComplexRules>),
    /// Only the engine can tell.
    Unknown,
}

/// A complex type.
#[derive(Debug)]
pub(crate) struct ComplexRules {
    pub(crate) attributes: Vec<AttributeRule>,
    /// How many of them are required.
    pub(crate) required: usize,
    pub(crate) content: ContentRules,
}

/// An attribute that the type declares. Others are the engine's.
#[derive(Debug)]
pub(crate) struct AttributeRule {
    pub(crate) name: NameIx,
    pub(crate) required: bool,
    pub(crate) check: Arc<Check>,
    pub(crate) fixed: Option<Text>,
}

/// The content of a complex type.
#[derive(Debug)]
pub(crate) enum ContentRules {
    Empty,
    Simple(Arc<Check>),
    Elements { model: Model, mixed: bool },
}
