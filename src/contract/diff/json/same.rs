//! Whether two schemas say the same in the same words.

use std::collections::HashSet;

use crate::contract::json::{At, Sources, target};
use crate::message::Value;

/// Keywords that check nothing.
const NOTES: [&str; 19] = [
    "$anchor",
    "$comment",
    "$defs",
    "$dynamicAnchor",
    "$id",
    "$schema",
    "$vocabulary",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "default",
    "definitions",
    "deprecated",
    "description",
    "example",
    "examples",
    "readOnly",
    "title",
    "writeOnly",
];

/// Schemas nested deeper than this are taken for different.
const DEEPEST: usize = 100;

pub(super) struct Same<'a> {
    pub(super) from: &'a Sources,
    pub(super) to: &'a Sources,
    /// References whose targets are being compared: they are the same if nothing else differs.
    assumed: HashSet<(usize, usize)>,
}

impl<'a> Same<'a> {
    pub(super) fn new(from: &'a Sources, to: &'a Sources) -> Self {
        Self { from, to, assumed: HashSet::new() }
    }

    pub(super) fn schemas(&mut self, from: &At<'a>, to: &At<'a>, depth: usize) -> bool {
        match (from.schema, to.schema) {
            _ if depth > DEEPEST => false,
            (Value::Object(a), Value::Object(b)) => {
                let counts = |name: &str| !NOTES.contains(&name) && !name.starts_with("x-");
                let names = |members: &'a crate::message::Members| members.keys().filter(|name| counts(name.as_str()));
                names(a).count() == names(b).count()
                    && names(a).all(|name| match (a.get(name), b.get(name)) {
                        (Some(a), Some(b)) => self.keyword(name, &from.part(a), &to.part(b), depth),
                        _ => false,
                    })
            }
            (a, b) => a == b,
        }
    }

    fn keyword(&mut self, name: &str, from: &At<'a>, to: &At<'a>, depth: usize) -> bool {
        match (name, from.schema, to.schema) {
            ("$ref", Value::String(a), Value::String(b)) => {
                let (a, b) = (target(self.from, &from.base, a), target(self.to, &to.base, b));
                let (Some(a), Some(b)) = (a, b) else { return false };
                let places = (std::ptr::from_ref(a.schema) as usize, std::ptr::from_ref(b.schema) as usize);
                !self.assumed.insert(places) || self.schemas(&a, &b, depth + 1)
            }
            ("$dynamicRef" | "$recursiveRef", ..) => false,
            ("const" | "enum" | "required" | "type", a, b) => a == b,
            (
                "properties" | "patternProperties" | "dependentSchemas" | "dependencies",
                Value::Object(a),
                Value::Object(b),
            ) => {
                let one = |(name, a): (&crate::message::Text, &'a Value)| {
                    b.get(name).is_some_and(|b| self.schemas(&from.part(a), &to.part(b), depth + 1))
                };
                a.len() == b.len() && a.iter().all(one)
            }
            (_, Value::Array(a), Value::Array(b)) => {
                a.len() == b.len()
                    && a.iter().zip(b.iter()).all(|(a, b)| self.schemas(&from.part(a), &to.part(b), depth + 1))
            }
            _ => self.schemas(from, to, depth + 1),
        }
    }
}
