//! Two JSON Schemas: whether everything that one admits is admitted by the other.
//!
//! What one admits is taken apart into alternatives of one type each; of each, every keyword of the other schema must
//! be implied. A schema that contains itself is compared once.

mod alternative;
mod same;
mod scalars;

use std::collections::{HashMap, HashSet};

use super::{Breaks, Sides};
use crate::contract::json::{At, JsonSchema, Sources, start, target};
use crate::format::json::{compact, pointer};
use crate::message::Value;
use alternative::{Alternative, alternatives, kinds, of_item, of_name, tuple};
use same::Same;

/// Pairs of schemas that are compared.
const MOST_PAIRS: usize = 50_000;
/// Levels of nesting that are compared.
const DEEPEST: usize = 60;

/// What `from` admits and `to` refuses.
pub(super) fn breaks(from: &JsonSchema, to: &JsonSchema, sides: Sides) -> Vec<super::Break> {
    let ((from_sources, ..), (to_sources, ..)) = (from.place(), to.place());
    let (Some(from), Some(to)) = (start(from), start(to)) else { return Vec::new() };
    let mut walk = Walk {
        from: from_sources,
        to: to_sources,
        sides,
        breaks: Breaks::default(),
        open: HashSet::new(),
        assumed: 0,
        done: HashMap::new(),
        pairs: 0,
        depth: 0,
    };
    walk.within(vec![from], &to, "");
    walk.breaks.0
}

/// The addresses of schemas: all of the first, against the second.
type Pair = (Vec<usize>, usize);

struct Walk<'a> {
    from: &'a Sources,
    to: &'a Sources,
    sides: Sides,
    breaks: Breaks,
    /// Pairs that are being compared: met again below themselves, they add nothing.
    open: HashSet<Pair>,
    /// How often that was so.
    assumed: usize,
    /// What pairs gave that rest on no such assumption.
    done: HashMap<Pair, Vec<super::Break>>,
    pairs: usize,
    depth: usize,
}

impl<'a> Walk<'a> {
    /// Whatever all of `from` admit, `to` admits.
    fn within(&mut self, from: Vec<At<'a>>, to: &At<'a>, path: &str) {
        self.pairs += 1;
        if self.pairs > MOST_PAIRS || self.depth >= DEEPEST {
            return self.cannot_tell(path, "the schemas are too large");
        }
        let address = |at: &At<'a>| std::ptr::from_ref(at.schema) as usize;
        let pair: Pair = (from.iter().map(address).collect(), address(to));
        if let Some(known) = self.done.get(&pair).cloned() {
            return self.tell(known, path);
        }
        if !self.open.insert(pair.clone()) {
            self.assumed += 1;
            return;
        }
        let (told, assumed) = (std::mem::take(&mut self.breaks), self.assumed);
        self.depth += 1;
        if !from.iter().any(|one| Same::new(self.from, self.to).schemas(one, to, 0)) {
            for alternative in alternatives(self.from, from) {
                self.alternative(&alternative, to, "");
            }
        }
        self.depth -= 1;
        self.open.remove(&pair);
        let found = std::mem::replace(&mut self.breaks, told).0;
        if self.assumed == assumed {
            self.done.insert(pair, found.clone());
        }
        self.tell(found, path);
    }

    /// Tells breaks below a place.
    fn tell(&mut self, breaks: Vec<super::Break>, path: &str) {
        for one in breaks {
            self.breaks.add(&format!("{path}{}", one.path), one.message);
        }
    }

    /// Whether there is nothing that `from` admits and `to` does not; says nothing.
    fn is_within(&mut self, from: &Alternative<'a>, to: &At<'a>) -> bool {
        self.trial(from, to).0.is_empty()
    }

    fn trial(&mut self, from: &Alternative<'a>, to: &At<'a>) -> Breaks {
        let told = std::mem::take(&mut self.breaks);
        self.alternative(from, to, "");
        std::mem::replace(&mut self.breaks, told)
    }

    fn alternative(&mut self, from: &Alternative<'a>, to: &At<'a>, path: &str) {
        let members = match to.schema {
            Value::Object(members) => members,
            Value::Bool(false) => {
                let Sides { from: one, to: other } = self.sides;
                return self.breaks.add(path, format!("the {other} contract admits nothing here, the {one} one does"));
            }
            _ => return,
        };
        for message in scalars::demands(from, to, self.sides.to) {
            self.breaks.add(path, message);
        }
        for (key, value) in members.iter() {
            self.keyword(from, to, key, value, path);
        }
        match from.kind {
            "object" => self.object(from, to, path),
            "array" => self.array(from, to, path),
            _ => {}
        }
    }

    fn keyword(&mut self, from: &Alternative<'a>, to: &At<'a>, key: &str, value: &'a Value, path: &str) {
        let Sides { from: one, to: other } = self.sides;
        match key {
            "$ref" => match value.as_str().and_then(|reference| target(self.to, &to.base, reference)) {
                Some(target) => self.nested(from, &target, path),
                None => self.cannot_tell(path, "a reference leads nowhere"),
            },
            "type" if !kinds(value).contains(&from.kind) => {
                let kind = if from.kind == "fraction" { "number that is no integer" } else { from.kind };
                let wanted = compact(value).replace('"', "");
                self.breaks.add(path, format!("the {one} contract admits a {kind}, the {other} one {wanted} only"));
            }
            "const" => self.listed(from, std::slice::from_ref(value), path),
            "enum" => {
                if let Value::Array(values) = value {
                    self.listed(from, values, path);
                }
            }
            "allOf" => self.branches(value, to).iter().for_each(|branch| self.nested(from, branch, path)),
            "anyOf" => self.any_of(from, &self.branches(value, to), path),
            "oneOf" => self.one_of(from, &self.branches(value, to), path),
            "not" => {
                let refused = to.part(value);
                if !self.is_disjoint(from, &refused) && !self.has_same(from, to, &["not"]) {
                    self.cannot_tell(path, "`not`");
                }
            }
            "if" if !self.has_same(from, to, &["if", "then", "else"]) => {
                let parts = ["then", "else"].map(|key| to.schema.get(key).map(|part| to.part(part)));
                if !parts.iter().flatten().all(|part| self.is_within(from, part)) {
                    self.cannot_tell(path, "`if`");
                }
            }
            "$dynamicRef" | "$recursiveRef" => self.cannot_tell(path, key),
            _ => {}
        }
    }

    fn nested(&mut self, from: &Alternative<'a>, to: &At<'a>, path: &str) {
        self.pairs += 1;
        if self.pairs > MOST_PAIRS || self.depth >= DEEPEST {
            return self.cannot_tell(path, "the schemas are too large");
        }
        self.depth += 1;
        self.alternative(from, to, path);
        self.depth -= 1;
    }

    fn branches(&self, value: &'a Value, to: &At<'a>) -> Vec<At<'a>> {
        match value {
            Value::Array(all) => all.iter().map(|one| to.part(one)).collect(),
            _ => Vec::new(),
        }
    }

    fn listed(&mut self, from: &Alternative<'a>, values: &[Value], path: &str) {
        let Sides { from: one, to: other } = self.sides;
        let Some(own) = from.values() else {
            let shown = values.iter().take(5).map(compact).collect::<Vec<_>>().join(", ");
            return self
                .breaks
                .add(path, format!("the {other} contract admits only {shown}, the {one} one other values"));
        };
        for value in own.iter().filter(|value| !values.contains(value)) {
            self.breaks
                .add(path, format!("the {other} contract does not admit {}, the {one} one does", compact(value)));
        }
    }

    /// One of them must admit it; else the breaks of the one that comes nearest are told.
    fn any_of(&mut self, from: &Alternative<'a>, branches: &[At<'a>], path: &str) {
        let trials: Vec<Breaks> = branches.iter().map(|branch| self.trial(from, branch)).collect();
        let Some(nearest) = trials.into_iter().min_by_key(|breaks| breaks.0.len()) else { return };
        self.tell(nearest.0, path);
    }

    /// One of them must admit it, and none of the others may.
    fn one_of(&mut self, from: &Alternative<'a>, branches: &[At<'a>], path: &str) {
        self.any_of(from, branches, path);
        let holding: Vec<bool> = branches.iter().map(|branch| self.is_within(from, branch)).collect();
        let Some(chosen) = holding.iter().position(|holds| *holds) else { return };
        let others = branches.iter().enumerate().filter(|(at, _)| *at != chosen);
        if others.into_iter().any(|(_, other)| !self.is_disjoint(from, other)) {
            self.cannot_tell(path, "more than one of `oneOf` may hold");
        }
    }

    /// Whether an alternative has one schema that says the same with these keywords.
    fn has_same(&self, from: &Alternative<'a>, to: &At<'a>, keys: &[&str]) -> bool {
        let same = |one: &At<'a>| {
            keys.iter().all(|key| match (one.schema.get(key), to.schema.get(key)) {
                (None, None) => true,
                (Some(a), Some(b)) => Same::new(self.from, self.to).schemas(&one.part(a), &to.part(b), 0),
                _ => false,
            })
        };
        from.schemas.iter().any(same)
    }

    /// Whether certainly nothing that is admitted by the one is admitted by the other: other types, other values, or
    /// a member that must be there and has other values.
    fn is_disjoint(&mut self, from: &Alternative<'a>, to: &At<'a>) -> bool {
        alternatives(self.to, vec![to.clone()]).iter().filter(|other| other.kind == from.kind).all(|other| {
            let apart = |a: Option<Vec<Value>>, b: Option<Vec<Value>>| match (a, b) {
                (Some(a), Some(b)) => !a.iter().any(|value| b.contains(value)),
                _ => false,
            };
            let of_member = |one: &Alternative<'a>, sources: &'a Sources, name: &str| {
                let all = alternatives(sources, one.property(name)?);
                all.iter().map(Alternative::values).try_fold(Vec::new(), |all, values| Some([all, values?].concat()))
            };
            let by_name = |name: &&str| {
                let is_required = from.requires(name) || other.requires(name);
                is_required && apart(of_member(from, self.from, name), of_member(other, self.to, name))
            };
            let is_missing = |name: &&str| {
                (other.requires(name) && from.property(name).is_none())
                    || (from.requires(name) && other.property(name).is_none())
            };
            let names: Vec<&str> =
                from.names().into_iter().chain(other.names()).chain(required(from)).chain(required(other)).collect();
            apart(from.values(), other.values())
                || (from.kind == "object" && names.iter().any(|name| by_name(name) || is_missing(name)))
        })
    }

    fn object(&mut self, from: &Alternative<'a>, to: &At<'a>, path: &str) {
        let Sides { from: one, to: other } = self.sides;
        if let Some(Value::Array(names)) = to.schema.get("required") {
            for name in names.iter().filter_map(Value::as_str).filter(|name| !from.requires(name)) {
                let message = format!("it must be there in the {other} contract, and need not in the {one} one");
                self.breaks.add(&below(path, name), message);
            }
        }
        let own = |members: Option<&'a Value>| match members {
            Some(Value::Object(members)) => members.keys().map(|name| name.as_str()).collect(),
            _ => Vec::new(),
        };
        let mut names: Vec<&'a str> = from.names();
        names.extend(own(to.schema.get("properties")));
        names.sort_unstable();
        names.dedup();
        for name in names {
            let Some(value) = from.property(name) else { continue };
            for wanted in of_name(to, name) {
                let path = below(path, name);
                match wanted.schema {
                    Value::Bool(false) if alternatives(self.from, value.clone()).is_empty() => {}
                    Value::Bool(false) => {
                        self.breaks
                            .add(&path, format!("the {one} contract admits it, the {other} one does not know it"));
                    }
                    _ => self.within(value.clone(), &wanted, &path),
                }
            }
        }
        self.other_names(from, to, path);
        for key in ["propertyNames", "dependentRequired", "dependentSchemas", "dependencies", "unevaluatedProperties"] {
            if to.schema.get(key).is_some() && !self.has_same(from, to, &[key]) {
                self.cannot_tell(path, &format!("`{key}`"));
            }
        }
    }

    /// Names that no `properties` know.
    fn other_names(&mut self, from: &Alternative<'a>, to: &At<'a>, path: &str) {
        let path = &format!("{path}/*");
        let Sides { from: one, to: other } = self.sides;
        let others = from.others();
        let of_patterns = from.patterns();
        let wanted_patterns: Vec<(&str, At<'a>)> = match to.schema.get("patternProperties") {
            Some(Value::Object(members)) => {
                members.iter().map(|(pattern, schema)| (pattern.as_str(), to.part(schema))).collect()
            }
            _ => Vec::new(),
        };
        for (pattern, wanted) in &wanted_patterns {
            // A name of another pattern may be of this one as well.
            for (own, schema) in &of_patterns {
                if own == pattern || !of_patterns.iter().any(|(known, _)| known == pattern) {
                    self.within(vec![schema.clone()], wanted, path);
                }
            }
            if let Some(others) = others.clone().filter(|_| !of_patterns.iter().any(|(own, _)| own == pattern)) {
                self.within(others, wanted, path);
            }
        }
        let Some(rest) = to.schema.get("additionalProperties") else { return };
        let rest = to.part(rest);
        for (_, schema) in of_patterns.iter().filter(|(own, _)| !wanted_patterns.iter().any(|(known, _)| known == own))
        {
            self.within(vec![schema.clone()], &rest, path);
        }
        match (others, rest.schema) {
            (None, _) => {}
            (Some(_), Value::Bool(false)) => {
                self.breaks.add(path, format!("the {one} contract admits other names, the {other} one does not"));
            }
            (Some(others), _) => self.within(others, &rest, path),
        }
    }

    fn array(&mut self, from: &Alternative<'a>, to: &At<'a>, path: &str) {
        let positions = from.positions().max(tuple(to.schema).len());
        // The last one stands for all behind the tuples.
        for position in 0..=positions {
            let (Some(items), Some(wanted)) = (from.item(position), of_item(to, position)) else { continue };
            let is_rest = position == positions;
            let path = if is_rest { format!("{path}/*") } else { format!("{path}/{position}") };
            self.within(items, &wanted, &path);
        }
        let Sides { from: one, to: other } = self.sides;
        if to.schema.get("uniqueItems") == Some(&Value::Bool(true))
            && !from.all("uniqueItems").any(|own| *own == Value::Bool(true))
            && from.least("maxItems").is_none_or(|most| most > 1)
        {
            self.breaks.add(path, format!("the {one} contract admits the same item twice, the {other} one does not"));
        }
        for keys in [&["contains", "minContains", "maxContains"][..], &["unevaluatedItems"]] {
            if keys.iter().any(|key| to.schema.get(key).is_some()) && !self.has_same(from, to, keys) {
                self.cannot_tell(path, &format!("`{}`", keys.first().unwrap_or(&"")));
            }
        }
    }

    fn cannot_tell(&mut self, path: &str, what: &str) {
        let Sides { to, .. } = self.sides;
        self.breaks.add(path, format!("whether the {to} contract admits the same cannot be told: {what}"));
    }
}

fn required<'s>(one: &Alternative<'s>) -> Vec<&'s str> {
    let lists = one.all("required").filter_map(|list| match list {
        Value::Array(all) => Some(all),
        _ => None,
    });
    lists.flat_map(|all| all.iter().filter_map(Value::as_str)).collect()
}

fn below(path: &str, name: &str) -> String {
    let mut path = path.to_owned();
    pointer::push(&mut path, name);
    path
}
