//! A type, as its plan and its rules tell it.

use crate::contract::plan::Plan;
use crate::contract::plan::rules::{AttributeRule, Check, ComplexRules, ContentRules, Model, TypeRules};
use crate::contract::plan::types::{Complex, NameIx, Type, TypeIx};

/// A type as both of its descriptions tell it.
pub(super) struct View<'p> {
    rules: Option<&'p TypeRules>,
    pub(super) complex: Option<&'p Complex>,
}

#[derive(Clone, Copy)]
pub(super) enum Content<'p> {
    Empty,
    Simple(&'p Check),
    Elements { model: &'p Model, mixed: bool },
}

impl Content<'_> {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Empty => "nothing",
            Self::Simple(_) => "a value",
            Self::Elements { mixed: true, .. } => "elements with text between them",
            Self::Elements { .. } => "elements",
        }
    }
}

impl<'p> View<'p> {
    pub(super) fn of(plan: &'p Plan, ix: TypeIx) -> Self {
        let complex = plan.types.get(ix as usize).and_then(|one| match one {
            Type::Complex(complex) => Some(&**complex),
            Type::Simple(_) => None,
        });
        Self { rules: plan.rules.types.get(ix as usize), complex }
    }

    pub(super) fn is_abstract(&self) -> bool {
        self.complex.is_some_and(|complex| complex.is_abstract)
    }

    fn of_complex(&self) -> Option<&'p ComplexRules> {
        match self.rules {
            Some(TypeRules::Complex(rules)) => Some(rules),
            _ => None,
        }
    }

    pub(super) fn attributes(&self) -> &'p [AttributeRule] {
        self.of_complex().map_or(&[], |rules| &rules.attributes)
    }

    pub(super) fn content(&self) -> Content<'p> {
        match (self.rules, self.of_complex().map(|rules| &rules.content)) {
            (Some(TypeRules::Simple(check)), _) => Content::Simple(check),
            (_, Some(ContentRules::Simple(check))) => Content::Simple(check),
            (_, Some(ContentRules::Elements { model, mixed })) => Content::Elements { model, mixed: *mixed },
            _ => Content::Empty,
        }
    }

    /// The types below this one that are not abstract, by name.
    pub(super) fn all_derived(&self, plan: &'p Plan) -> Vec<(NameIx, TypeIx)> {
        let mut open: Vec<TypeIx> = self.complex.map(|complex| complex.derived.clone()).unwrap_or_default();
        let mut found = Vec::new();
        while let Some(ix) = open.pop() {
            let Some(Type::Complex(complex)) = plan.types.get(ix as usize) else { continue };
            open.extend(&complex.derived);
            found.extend(complex.name.filter(|_| !complex.is_abstract).map(|name| (name, ix)));
        }
        found
    }
}
