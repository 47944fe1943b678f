//! Shapes that are put together of the shapes of whole documents, rather than by a program.

use super::lazy::Lazy;
use super::scalars::{Numbers, Texts};
use super::shape::{Field, Object, Shape};
use crate::message::Text;

impl Shape {
    /// Texts, and numbers where they are allowed beside.
    pub(in crate::transform) fn texts(numbers: bool) -> Self {
        Self { text: Some(Texts::Any), number: numbers.then_some(Numbers::ANY), ..Self::default() }
    }

    /// Numbers.
    pub(in crate::transform) fn numbers() -> Self {
        Self { number: Some(Numbers::ANY), ..Self::default() }
    }

    /// Arrays of such values; `filled` have at least one.
    pub(in crate::transform) fn array_of(items: &Self, filled: bool) -> Self {
        Self::list(Lazy::of(items.clone()), filled, None)
    }

    /// Objects with these members and no others. A member is always there, or may be missing.
    pub(in crate::transform) fn object_of<'s>(members: impl IntoIterator<Item = (Text, &'s Self, bool)>) -> Self {
        let field = |(name, shape, certain): (Text, &Self, bool)| {
            (name, Field { shape: Lazy::of(shape.clone()), certain, key: None, value: None })
        };
        let fields = members.into_iter().map(field).collect();
        Self::object(Object { fields, ..Object::default() })
    }

    /// What the items of such arrays are.
    pub(in crate::transform) fn items(&self) -> Self {
        self.list.as_ref().map(|list| list.items.look()).unwrap_or_default()
    }

    /// The same values, made by a program that is not looked at any more.
    pub(in crate::transform) fn made(&self) -> Self {
        self.elsewhere()
    }

    /// Whether nothing is known of the values.
    pub(in crate::transform) fn is_unknown(&self) -> bool {
        self.is_anything()
    }

    /// Whether a condition holds for none of the values, and there are some.
    pub(in crate::transform) fn never_holds(&self) -> bool {
        !self.may_be_true() && !self.is_never()
    }
}
