//! The union and the intersection of shapes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::lazy::Lazy;
use super::scalars::{Numbers, Texts};
use super::shape::{Field, List, Object, Shape};
use crate::message::Text;

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
        Self {
            null: self.null || other.null,
            yes: self.yes || other.yes,
            no: self.no || other.no,
            number: either(self.number, other.number, Numbers::join),
            text: either(self.text, other.text, Texts::join),
            list: either(self.list, other.list, |a, b| List {
                items: a.items.join(b.items),
                filled: a.filled && b.filled,
                at: a.at.or(b.at),
                each: a.each.filter(|each| b.each.as_ref() == Some(each)),
            }),
            object: either(self.object, other.object, join_objects),
            size: 0,
        }
        .sized()
    }

    /// What is in both; or more, where that is not simple to say.
    pub(super) fn meet(self, other: Self) -> Self {
        let lists = self.list.zip(other.list).map(|(a, b)| List {
            items: a.items.meet(b.items),
            filled: a.filled || b.filled,
            ..List::default()
        });
        Self {
            null: self.null && other.null,
            yes: self.yes && other.yes,
            no: self.no && other.no,
            number: self.number.zip(other.number).and_then(|(a, b)| a.meet(b)),
            text: self.text.zip(other.text).and_then(|(a, b)| a.meet(b)),
            list: lists,
            object: self.object.zip(other.object).map(|(a, b)| meet_objects(a, &b)),
            size: 0,
        }
        .sized()
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
