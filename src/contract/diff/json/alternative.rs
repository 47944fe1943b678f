//! What one schema admits, as alternatives: each of one JSON type, each a list of schemas that all hold.

use bigdecimal::BigDecimal;

use crate::contract::json::{At, Sources, is_alone, target};
use crate::message::Value;

/// Alternatives of one place beyond this are not told apart.
const MOST: usize = 64;
/// Schemas that hold at one place; a reference to itself ends here.
const MOST_SCHEMAS: usize = 200;
/// References and parts that are followed at one place.
const MOST_STEPS: usize = 10_000;

/// All types; what is an integer is a number of its own kind.
pub(super) const TYPES: [&str; 7] = ["object", "array", "string", "integer", "fraction", "boolean", "null"];

/// Values of one type for which all schemas hold.
#[derive(Clone, Debug)]
pub(super) struct Alternative<'s> {
    pub(super) kind: &'static str,
    pub(super) schemas: Vec<At<'s>>,
}

/// The types that a `type` allows.
pub(super) fn kinds(given: &Value) -> Vec<&'static str> {
    let named: Vec<&str> = match given {
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    let allows =
        |kind: &&str| named.contains(kind) || (named.contains(&"number") && matches!(*kind, "integer" | "fraction"));
    TYPES.into_iter().filter(allows).collect()
}

/// Whether a value is of a type.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Number(number) if number.is_integer() => "integer",
        Value::Number(_) => "fraction",
        other => other.type_name(),
    }
}

/// What the schemas admit together. What they say beyond `$ref`, `allOf`, `anyOf` and `oneOf` stays in them.
pub(super) fn alternatives<'s>(sources: &'s Sources, schemas: Vec<At<'s>>) -> Vec<Alternative<'s>> {
    let mut done: Vec<Vec<At<'s>>> = Vec::new();
    // What is still to be looked at, and what was.
    let mut open: Vec<(Vec<At<'s>>, Vec<At<'s>>)> = vec![(schemas, Vec::new())];
    let mut steps = 0;
    while let Some((mut rest, mut flat)) = open.pop() {
        steps += 1;
        // Where too much would have to be followed, less is said, so more is admitted.
        let Some(at) = rest.pop().filter(|_| steps < MOST_STEPS) else {
            done.push(flat);
            continue;
        };
        let members = match at.schema {
            Value::Bool(false) => continue,
            Value::Object(members) if flat.len() < MOST_SCHEMAS => members,
            // Less is said, so more is admitted: never too little.
            _ => {
                open.push((rest, flat));
                continue;
            }
        };
        let reference = members.get("$ref").and_then(Value::as_str);
        rest.extend(reference.and_then(|reference| target(sources, &at.base, reference)));
        if reference.is_some() && is_alone(sources, &at.base) {
            open.push((rest, flat));
            continue;
        }
        if let Some(Value::Array(all)) = members.get("allOf") {
            rest.extend(all.iter().map(|one| at.part(one)));
        }
        let mut branches: Vec<Vec<At<'s>>> = vec![rest];
        for key in ["anyOf", "oneOf"] {
            let Some(Value::Array(some)) = members.get(key) else { continue };
            if branches.len().saturating_mul(some.len()) + open.len() + done.len() > MOST {
                continue;
            }
            let with = |one: &'s Value, rest: &Vec<At<'s>>| rest.iter().cloned().chain([at.part(one)]).collect();
            branches = branches.iter().flat_map(|rest| some.iter().map(move |one| with(one, rest))).collect();
        }
        flat.push(at.clone());
        open.extend(branches.into_iter().map(|rest| (rest, flat.clone())));
    }
    let of_type = |schemas: Vec<At<'s>>| {
        TYPES.into_iter().filter_map(move |kind| {
            let one = Alternative { kind, schemas: schemas.clone() };
            one.is_possible().then_some(one)
        })
    };
    done.into_iter().flat_map(of_type).collect()
}

impl<'s> Alternative<'s> {
    fn is_possible(&self) -> bool {
        let is_allowed = |given: &Value| kinds(given).contains(&self.kind);
        self.all("type").all(is_allowed) && self.values().is_none_or(|values| !values.is_empty())
    }

    pub(super) fn all(&self, key: &str) -> impl Iterator<Item = &'s Value> {
        self.schemas.iter().filter_map(move |at| at.schema.get(key))
    }

    /// The only values that there can be, if they are listed.
    pub(super) fn values(&self) -> Option<Vec<Value>> {
        let listed: Option<Vec<Value>> = match self.kind {
            "null" => Some(vec![Value::Null]),
            "boolean" => Some(vec![Value::Bool(true), Value::Bool(false)]),
            _ => None,
        };
        let lists = self.schemas.iter().flat_map(|at| {
            let constant = at.schema.get("const").map(|value| vec![value.clone()]);
            let list = match at.schema.get("enum") {
                Some(Value::Array(all)) => Some(all.to_vec()),
                _ => None,
            };
            constant.into_iter().chain(list)
        });
        let mut lists = listed.into_iter().chain(lists);
        let mut values = lists.next()?;
        for list in lists {
            values.retain(|value| list.contains(value));
        }
        values.retain(|value| kind_of(value) == self.kind);
        Some(values)
    }

    /// The largest of the sizes that a keyword gives.
    pub(super) fn most(&self, key: &str) -> Option<BigDecimal> {
        self.all(key).filter_map(decimal).max()
    }

    /// The smallest of the sizes that a keyword gives.
    pub(super) fn least(&self, key: &str) -> Option<BigDecimal> {
        self.all(key).filter_map(decimal).min()
    }

    /// Whether a name must be there.
    pub(super) fn requires(&self, name: &str) -> bool {
        self.all("required").any(|list| has(list, name))
    }

    /// The names that the schemas know.
    pub(super) fn names(&self) -> Vec<&'s str> {
        let objects = self.all("properties").filter_map(|properties| match properties {
            Value::Object(members) => Some(members),
            _ => None,
        });
        objects.flat_map(|members| members.keys().map(|name| name.as_str())).collect()
    }

    /// What must hold for a property; `None` if it cannot be there.
    pub(super) fn property(&self, name: &str) -> Option<Vec<At<'s>>> {
        let mut found = Vec::new();
        for at in &self.schemas {
            let own = of_name(at, name);
            if own.iter().any(|one| *one.schema == Value::Bool(false)) {
                return None;
            }
            found.extend(own);
        }
        Some(found)
    }

    /// What must hold for properties of names that no schema knows, by name or pattern; `None` if there can be none.
    pub(super) fn others(&self) -> Option<Vec<At<'s>>> {
        let mut found = Vec::new();
        for at in &self.schemas {
            match at.schema.get("additionalProperties") {
                Some(Value::Bool(false)) => return None,
                Some(schema) => found.push(at.part(schema)),
                None => {}
            }
        }
        Some(found)
    }

    /// The patterns of names, with what must hold for such properties.
    pub(super) fn patterns(&self) -> Vec<(&'s str, At<'s>)> {
        let of = |at: &At<'s>| match at.schema.get("patternProperties") {
            Some(Value::Object(members)) => {
                members.iter().map(|(pattern, schema)| (pattern.as_str(), at.part(schema))).collect()
            }
            _ => Vec::new(),
        };
        self.schemas.iter().flat_map(of).collect()
    }

    /// What must hold for the item at a position; `None` if there can be none.
    pub(super) fn item(&self, position: usize) -> Option<Vec<At<'s>>> {
        let longest = self.least("maxItems");
        if longest.is_some_and(|longest| longest <= u64::try_from(position).unwrap_or(u64::MAX)) {
            return None;
        }
        let found: Vec<At<'s>> = self.schemas.iter().filter_map(|at| of_item(at, position)).collect();
        let is_never = found.iter().any(|one| *one.schema == Value::Bool(false));
        (!is_never).then_some(found)
    }

    /// Positions that tuples speak of.
    pub(super) fn positions(&self) -> usize {
        self.schemas.iter().map(|at| tuple(at.schema).len()).max().unwrap_or(0)
    }
}

/// Whether a list has a text.
pub(super) fn has(list: &Value, text: &str) -> bool {
    match list {
        Value::Array(all) => all.iter().any(|one| one.as_str() == Some(text)),
        _ => false,
    }
}

pub(super) fn decimal(value: &Value) -> Option<BigDecimal> {
    match value {
        Value::Number(number) => number.to_text().parse().ok(),
        _ => None,
    }
}

/// What one schema says of a property of a name.
pub(super) fn of_name<'s>(at: &At<'s>, name: &str) -> Vec<At<'s>> {
    let mut found: Vec<At<'s>> = Vec::new();
    found.extend(at.schema.get("properties").and_then(|properties| properties.get(name)).map(|own| at.part(own)));
    if let Some(Value::Object(patterns)) = at.schema.get("patternProperties") {
        let matching =
            patterns.iter().filter(|(pattern, _)| regex::Regex::new(pattern).is_ok_and(|regex| regex.is_match(name)));
        found.extend(matching.map(|(_, schema)| at.part(schema)));
    }
    if found.is_empty() {
        found.extend(at.schema.get("additionalProperties").map(|schema| at.part(schema)));
    }
    found
}

pub(super) fn tuple(schema: &Value) -> &[Value] {
    match (schema.get("prefixItems"), schema.get("items")) {
        (Some(Value::Array(all)), _) | (None, Some(Value::Array(all))) => all,
        _ => &[],
    }
}

/// What one schema says of the item at a position.
pub(super) fn of_item<'s>(at: &At<'s>, position: usize) -> Option<At<'s>> {
    let own = tuple(at.schema).get(position);
    let rest = || at.schema.get("items").filter(|items| !matches!(items, Value::Array(_)));
    // `additionalItems` counts only behind a tuple of older drafts.
    let older = || at.schema.get("additionalItems").filter(|_| matches!(at.schema.get("items"), Some(Value::Array(_))));
    own.or_else(rest).or_else(older).map(|schema| at.part(schema))
}
