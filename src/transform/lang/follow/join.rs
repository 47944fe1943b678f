//! The union and the intersection of shapes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::node::Span;
use super::lazy::Lazy;
use super::shape::{Field, List, Numbers, Object, Shape, Texts};
use crate::message::Text;

/// Texts that are kept apart.
const MAX_TEXTS: usize = 64;

/// The union, or the intersection, of two parts of which each may be absent.
fn either<T>(a: Option<T>, b: Option<T>, join: impl FnOnce(T, T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(join(a, b)),
        (a, b) => a.or(b),
    }
}

impl Shape {
    pub(in crate::transform) fn join(self, other: Self) -> Self {
        if self == other {
            return self;
        }
        let numbers = |a: Numbers, b: Numbers| Numbers { whole: a.whole || b.whole, broken: a.broken || b.broken };
        Self {
            null: self.null || other.null,
            yes: self.yes || other.yes,
            no: self.no || other.no,
            number: either(self.number, other.number, numbers),
            text: either(self.text, other.text, join_texts),
            list: either(self.list, other.list, |a, b| List {
                items: a.items.join(b.items),
                filled: a.filled && b.filled,
                at: a.at.or(b.at),
            }),
            object: either(self.object, other.object, join_objects),
            size: 0,
        }
        .sized()
    }

    /// What is in both; or more, where that is not simple to say.
    pub(super) fn meet(self, other: Self) -> Self {
        let both = |a: Numbers, b: Numbers| Numbers { whole: a.whole && b.whole, broken: a.broken && b.broken };
        let numbers = self.number.zip(other.number).map(|(a, b)| both(a, b)).filter(|n| n.whole || n.broken);
        let texts = self.text.zip(other.text).map(|(a, b)| match (a, b) {
            (Texts::OneOf(a), Texts::OneOf(b)) => {
                Texts::OneOf(a.into_iter().filter(|(text, _)| b.contains_key(text)).collect())
            }
            (Texts::Any, other) | (other, Texts::Any) => other,
        });
        let lists = self.list.zip(other.list).map(|(a, b)| List {
            items: a.items.meet(b.items),
            filled: a.filled || b.filled,
            at: None,
        });
        Self {
            null: self.null && other.null,
            yes: self.yes && other.yes,
            no: self.no && other.no,
            number: numbers,
            text: texts.filter(|texts| !matches!(texts, Texts::OneOf(texts) if texts.is_empty())),
            list: lists,
            object: self.object.zip(other.object).map(|(a, b)| meet_objects(a, &b)),
            size: 0,
        }
        .sized()
    }
}

pub(super) fn bounded(texts: BTreeMap<Text, Span>) -> Texts {
    if texts.len() > MAX_TEXTS { Texts::Any } else { Texts::OneOf(texts) }
}

fn join_texts(a: Texts, b: Texts) -> Texts {
    match (a, b) {
        (Texts::OneOf(mut a), Texts::OneOf(b)) => {
            for (text, at) in b {
                let known = a.entry(text).or_insert(at);
                // What also comes from elsewhere is not only a matter of this place.
                *known = known.filter(|_| at.is_some());
            }
            bounded(a)
        }
        _ => Texts::Any,
    }
}

fn join_objects(mut a: Object, mut b: Object) -> Object {
    let names: BTreeSet<Text> = a.fields.keys().chain(b.fields.keys()).cloned().collect();
    let mut fields = BTreeMap::new();
    for name in names {
        let field = match (a.fields.remove(&name), b.fields.remove(&name)) {
            (Some(one), Some(other)) => Field {
                shape: one.shape.join(other.shape),
                certain: one.certain && other.certain,
                key: one.key.or(other.key),
                value: one.value.or(other.value),
            },
            (Some(one), None) => alone(one, b.rest.as_ref()),
            (None, Some(one)) => alone(one, a.rest.as_ref()),
            (None, None) => continue,
        };
        fields.insert(name, field);
    }
    Object { fields, rest: either(a.rest, b.rest, Lazy::join), at: a.at.or(b.at), of: contracts(a.of, b.of) }
}

/// The contracts of both.
pub(super) fn contracts(mut a: Vec<Arc<str>>, b: Vec<Arc<str>>) -> Vec<Arc<str>> {
    a.extend(b);
    a.sort();
    a.dedup();
    a
}

/// A member that the other object may have among those that it does not name.
fn alone(one: Field, rest: Option<&Lazy>) -> Field {
    let shape = rest.map_or_else(|| one.shape.clone(), |rest| one.shape.clone().join(rest.clone()));
    Field { shape, certain: false, ..one }
}

fn meet_objects(mut a: Object, b: &Object) -> Object {
    let mut fields = BTreeMap::new();
    for (name, other) in &b.fields {
        let own = a.fields.remove(name);
        let known = match (own, &a.rest) {
            (Some(own), _) => Some((own.shape, own.certain)),
            (None, Some(rest)) => Some((rest.clone(), false)),
            (None, None) => None,
        };
        let Some((shape, certain)) = known else { continue };
        let field =
            Field { shape: shape.meet(other.shape.clone()), certain: certain || other.certain, key: None, value: None };
        fields.insert(name.clone(), field);
    }
    if let Some(rest) = &b.rest {
        let narrowed = |field: Field| Field { shape: field.shape.meet(rest.clone()), ..field };
        fields.extend(a.fields.into_iter().map(|(name, field)| (name, narrowed(field))));
    }
    let rest = a.rest.zip(b.rest.clone()).map(|(a, b)| a.meet(b));
    Object { fields, rest, at: None, of: contracts(a.of, b.of.clone()) }
}
