//! What is known of a value without having it: a lattice of shapes.
//!
//! A shape stands for a set of values, and errs to the large side: what is not in it cannot be. Parts of documents are
//! looked at when a program gets there, so that large and recursive contracts cost what is used of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::node::Span;
use super::lazy::Lazy;
use super::scalars::{Numbers, Texts, bounded};
use super::schema;
use crate::contract::Outline;
use crate::message::{Text, Value};

/// Shapes with more parts than this are anything.
const MAX_SIZE: usize = 20_000;
/// Items of an array that are known one by one.
pub(super) const MAX_EACH: usize = 32;

/// The values that may be, by type.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::transform) struct Shape {
    pub(super) null: bool,
    pub(super) yes: bool,
    pub(super) no: bool,
    pub(super) number: Option<Numbers>,
    pub(super) text: Option<Texts>,
    pub(super) list: Option<List>,
    pub(super) object: Option<Object>,
    pub(super) size: usize,
}

/// An array.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct List {
    pub(super) items: Lazy,
    /// Whether it has at least one item.
    pub(super) filled: bool,
    /// What the program makes its items of.
    pub(super) at: Span,
    /// All items, one by one, where the program names them.
    pub(super) each: Option<Arc<[Lazy]>>,
}

/// An object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Object {
    pub(super) fields: BTreeMap<Text, Field>,
    /// What members may be that are not named; nothing if there are none.
    pub(super) rest: Option<Lazy>,
    /// Where the program makes it.
    pub(super) at: Span,
    /// The contracts of which it is a part, if it comes from documents.
    pub(super) of: Vec<Arc<str>>,
}

/// A member that may be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) shape: Lazy,
    /// Whether it is always there.
    pub(super) certain: bool,
    /// Where its key stands in the program, if it does.
    pub(super) key: Span,
    /// Where its value is made.
    pub(super) value: Span,
}

impl Shape {
    /// What nothing is known of.
    pub(in crate::transform) fn anything() -> Self {
        let list = List::default();
        let object = Object { rest: Some(Lazy::Any), ..Object::default() };
        Self {
            null: true,
            yes: true,
            no: true,
            number: Some(Numbers::ANY),
            text: Some(Texts::Any),
            list: Some(list),
            object: Some(object),
            size: 1,
        }
    }

    /// The documents of a contract.
    pub(in crate::transform) fn of(outline: &Outline) -> Self {
        schema::shape(outline, 0)
    }

    pub(super) fn null() -> Self {
        Self { null: true, ..Self::default() }
    }

    pub(super) fn truth() -> Self {
        Self { yes: true, no: true, ..Self::default() }
    }

    pub(super) fn one_truth(truth: bool) -> Self {
        Self { yes: truth, no: !truth, ..Self::default() }
    }

    pub(super) fn number() -> Self {
        Self { number: Some(Numbers::ANY), ..Self::default() }
    }

    pub(super) fn whole() -> Self {
        Self { number: Some(Numbers::WHOLE), ..Self::default() }
    }

    pub(super) fn text() -> Self {
        Self { text: Some(Texts::Any), ..Self::default() }
    }

    pub(super) fn one_of(texts: impl IntoIterator<Item = Text>, at: Span) -> Self {
        let texts: BTreeMap<Text, Span> = texts.into_iter().map(|text| (text, at)).collect();
        Self { text: Some(bounded(texts)), ..Self::default() }
    }

    pub(super) fn list(items: Lazy, filled: bool, at: Span) -> Self {
        Self { list: Some(List { items, filled, at, each: None }), ..Self::default() }.sized()
    }

    /// An array of these items.
    pub(super) fn list_of(each: Vec<Self>, at: Span) -> Self {
        let filled = !each.is_empty();
        let lazy = (2..=MAX_EACH).contains(&each.len()).then(|| each.iter().cloned().map(Lazy::of).collect());
        let mut shape = Self::list(Lazy::of(each.into_iter().reduce(Self::join).unwrap_or_default()), filled, at);
        if let Some(list) = &mut shape.list {
            list.each = lazy;
        }
        shape
    }

    pub(super) fn object(object: Object) -> Self {
        Self { object: Some(object), ..Self::default() }.sized()
    }

    /// A value that stands in the program.
    pub(super) fn exactly(value: &Value, at: Span) -> Self {
        match value {
            Value::Null => Self::null(),
            Value::Bool(truth) => Self::one_truth(*truth),
            Value::Number(number) => Self { number: Some(Numbers::only(number, at)), ..Self::default() },
            Value::String(text) => Self::one_of([text.clone()], at),
            Value::Array(items) => {
                let each = items.iter().map(|item| Self::exactly(item, at)).collect();
                Self::list_of(each, at)
            }
            Value::Object(members) => {
                let field = |value: &Value| Field {
                    shape: Lazy::of(Self::exactly(value, at)),
                    certain: true,
                    key: at,
                    value: at,
                };
                let fields = members.iter().map(|(key, value)| (key.clone(), field(value))).collect();
                Self::object(Object { fields, at, ..Object::default() })
            }
        }
    }

    /// Whether there is no such value.
    pub(super) fn is_never(&self) -> bool {
        !self.null && !self.yes && !self.no && self.number.is_none() && self.is_no_text_or_more()
    }

    fn is_no_text_or_more(&self) -> bool {
        self.text.is_none() && self.list.is_none() && self.object.is_none()
    }

    /// Whether nothing is known.
    pub(super) fn is_anything(&self) -> bool {
        let any_list = self.list.as_ref().is_some_and(|list| list.items == Lazy::Any && !list.filled);
        let open = |object: &Object| object.fields.is_empty() && object.rest == Some(Lazy::Any);
        let scalars = self.null && self.yes && self.no && self.number == Some(Numbers::ANY);
        scalars && self.text == Some(Texts::Any) && any_list && self.object.as_ref().is_some_and(open)
    }

    pub(super) fn may_be_true(&self) -> bool {
        self.yes || self.number.is_some() || !self.is_no_text_or_more()
    }

    pub(super) fn may_be_false(&self) -> bool {
        self.null || self.no
    }

    /// Without what a condition takes for false.
    pub(super) fn that_holds(mut self) -> Self {
        (self.null, self.no) = (false, false);
        self
    }

    pub(super) fn or_null(mut self) -> Self {
        self.null = true;
        self
    }

    /// The types, as jq names them.
    pub(super) fn types(&self) -> Vec<&'static str> {
        [
            (self.null, "null"),
            (self.yes || self.no, "boolean"),
            (self.number.is_some(), "number"),
            (self.text.is_some(), "string"),
            (self.list.is_some(), "array"),
            (self.object.is_some(), "object"),
        ]
        .into_iter()
        .filter_map(|(there, name)| there.then_some(name))
        .collect()
    }

    /// Whether a value is one of these.
    pub(in crate::transform) fn admits(&self, value: &Value) -> bool {
        match value {
            Value::Null => self.null,
            Value::Bool(true) => self.yes,
            Value::Bool(false) => self.no,
            Value::Number(number) => self.number.as_ref().is_some_and(|numbers| numbers.admit(number)),
            Value::String(text) => self.text.as_ref().is_some_and(|texts| texts.admit(text)),
            Value::Array(items) => self.list.as_ref().is_some_and(|list| {
                let inner = list.items.look();
                (!list.filled || !items.is_empty()) && items.iter().all(|item| inner.admits(item))
            }),
            Value::Object(members) => self.object.as_ref().is_some_and(|object| {
                let known = |(key, value): (&Text, &Value)| match (object.fields.get(key), &object.rest) {
                    (Some(field), _) => field.shape.look().admits(value),
                    (None, Some(rest)) => rest.look().admits(value),
                    (None, None) => false,
                };
                let mut certain = object.fields.iter().filter(|(_, field)| field.certain);
                certain.all(|(key, _)| members.contains_key(key)) && members.iter().all(known)
            }),
        }
    }

    /// Counts the parts; too many are anything.
    pub(super) fn sized(mut self) -> Self {
        let list = self.list.as_ref().map_or(0, |list| list.items.size());
        let object = self.object.as_ref().map_or(0, |object| {
            let fields = object.fields.values().map(|field| field.shape.size());
            fields.fold(object.rest.as_ref().map_or(0, Lazy::size), usize::saturating_add)
        });
        self.size = list.saturating_add(object).saturating_add(1);
        if self.size > MAX_SIZE { Self::anything() } else { self }
    }
}

impl Default for List {
    fn default() -> Self {
        Self { items: Lazy::Any, filled: false, at: None, each: None }
    }
}

impl Object {
    /// What stands under a key, and whether it is always there; nothing if it cannot be there.
    pub(super) fn get(&self, key: &str) -> Option<(Shape, bool)> {
        match (self.fields.get(key), &self.rest) {
            (Some(field), _) => Some((field.shape.look(), field.certain)).filter(|(shape, _)| !shape.is_never()),
            (None, Some(rest)) => Some((rest.look(), false)),
            (None, None) => None,
        }
    }

    /// What any of the members may be.
    pub(super) fn values(&self) -> Lazy {
        let fields = self.fields.values().map(|field| field.shape.clone());
        fields.chain(self.rest.clone()).reduce(Lazy::join).unwrap_or(Lazy::Never)
    }

    /// The names, if there are no others.
    pub(super) fn names(&self) -> Option<impl Iterator<Item = &Text>> {
        self.rest.is_none().then(|| self.fields.keys())
    }
}
