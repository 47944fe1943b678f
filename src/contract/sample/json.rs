//! Example documents of a JSON Schema.

use bigdecimal::BigDecimal;
use bytes::Bytes;

use super::number::Bounds;
use super::text::text_of_length;
use super::{Choices, DEEPEST, FULL_SIZE, MOST_DEPTH, MOST_SIZE, pattern};
use crate::contract::json::{At, JsonSchema, Sources, start, target};
use crate::format::json;
use crate::message::{Members, Number, Text, Value};

/// How many ways through `anyOf`, `oneOf` and `if` are tried at each depth.
const WAYS: u64 = 24;
/// Schemas that hold at one place; a reference to itself ends here.
const MOST_SCHEMAS: usize = 200;

/// Documents to try, the fullest first.
pub(super) fn samples(schema: &JsonSchema, variant: u64) -> impl Iterator<Item = Bytes> {
    let (sources, ..) = schema.place();
    let depths = (0..=MOST_DEPTH).rev().flat_map(|depth| (0..WAYS).map(move |way| (depth, way)));
    depths.filter_map(move |(depth, way)| {
        let left = if depth == 0 { MOST_SIZE } else { FULL_SIZE };
        let choices = Choices::new(variant.wrapping_mul(WAYS).wrapping_add(way));
        let mut maker = Maker { sources, choices, optional: depth, left };
        let value = maker.value(vec![start(schema)?], "text", 0, 0)?;
        Some(Bytes::from(json::pretty(&value)))
    })
}

/// What one value must be.
#[derive(Clone, Debug)]
struct Wanted<'s> {
    /// All of these hold.
    schemas: Vec<At<'s>>,
}

struct Maker<'s> {
    sources: &'s Sources,
    choices: Choices,
    /// Above this depth, what may be left out is there.
    optional: usize,
    left: usize,
}

impl<'s> Maker<'s> {
    /// A value for which all schemas hold, as far as can be seen. `nth` makes the items of a list differ.
    fn value(&mut self, schemas: Vec<At<'s>>, name: &str, depth: usize, nth: usize) -> Option<Value> {
        self.left = self.left.checked_sub(1).filter(|_| depth < DEEPEST)?;
        let wanted = self.wanted(schemas)?;
        if let Some(value) = wanted.all("const").next() {
            return Some(value.clone());
        }
        if let Some(found) = wanted.enumerated(self.choices.next(8).wrapping_add(nth)) {
            return Some(found);
        }
        if nth == 0 && self.choices.variant == 0 {
            let given = wanted.all("examples").filter_map(|given| match given {
                Value::Array(items) => items.first(),
                _ => None,
            });
            if let Some(found) = given.chain(wanted.all("default")).next() {
                return Some(found.clone());
            }
        }
        let types = wanted.types();
        match *types.get(self.choices.next(types.len()))? {
            "null" => Some(Value::Null),
            "boolean" => Some(Value::Bool(nth.is_multiple_of(2))),
            "string" => self.string(&wanted, name, nth).map(|text| Value::from(text.as_str())),
            "array" => self.array(&wanted, name, depth),
            "object" => self.object(&wanted, depth),
            kind => number(&wanted, kind == "integer", nth),
        }
    }

    /// Follows references, takes what must all hold, and chooses where only one of several must.
    fn wanted(&mut self, schemas: Vec<At<'s>>) -> Option<Wanted<'s>> {
        let mut open = schemas;
        open.reverse();
        let mut flat = Vec::new();
        while let Some(at) = open.pop() {
            let members = match at.schema {
                Value::Bool(true) => continue,
                Value::Object(members) if flat.len() < MOST_SCHEMAS => members,
                _ => return None,
            };
            if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                open.push(target(self.sources, &at.base, reference)?);
            }
            if let Some(Value::Array(all)) = members.get("allOf") {
                open.extend(all.iter().map(|one| at.part(one)));
            }
            for key in ["anyOf", "oneOf"] {
                if let Some(Value::Array(some)) = members.get(key) {
                    open.push(at.part(some.get(self.choices.next(some.len()))?));
                }
            }
            if let Some(condition) = members.get("if") {
                match (members.get("then"), members.get("else")) {
                    (then, _) if self.choices.next(2) == 0 => {
                        open.extend(then.into_iter().chain([condition]).map(|one| at.part(one)))
                    }
                    (_, otherwise) => open.extend(otherwise.map(|one| at.part(one))),
                }
            }
            flat.push(at);
        }
        Some(Wanted { schemas: flat })
    }

    fn string(&mut self, wanted: &Wanted<'s>, name: &str, nth: usize) -> Option<String> {
        let least = wanted.sizes("minLength").max().unwrap_or(0);
        let most = wanted.sizes("maxLength").min().unwrap_or(usize::MAX);
        let fits = |text: &String| (least..=most).contains(&text.chars().count());
        if let Some(given) = wanted.all("pattern").find_map(Value::as_str) {
            let ways = (0..40).filter_map(|way| pattern::matching(given, way)).filter(fits);
            return ways.cycle().nth(nth);
        }
        if let Some(format) = wanted.all("format").find_map(Value::as_str) {
            return of_format(format, nth);
        }
        if nth == 0 {
            return text_of_length(name, least, most);
        }
        let number = (nth + 1).to_string();
        let room = most.checked_sub(number.len())?;
        Some(text_of_length(name, least.saturating_sub(number.len()), room)? + &number)
    }

    fn array(&mut self, wanted: &Wanted<'s>, name: &str, depth: usize) -> Option<Value> {
        let wants_items = ["items", "prefixItems", "contains"].iter().any(|key| wanted.all(key).next().is_some());
        let usual = usize::from(depth < self.optional && wants_items);
        let positions: Vec<(At<'s>, &'s [Value])> = wanted.positions();
        let contained: Vec<At<'s>> = wanted.parts("contains").collect();
        let least = wanted.sizes("minItems").max().unwrap_or(0).max(wanted.sizes("minContains").max().unwrap_or(0));
        let most = wanted.sizes("maxItems").min().unwrap_or(usize::MAX);
        let tuple = positions.iter().map(|(_, schemas)| schemas.len()).max().unwrap_or(0);
        let count = least.max(usual).max(usize::from(!contained.is_empty())).max(tuple * usual).min(most);
        let mut items = Vec::new();
        for at in 0..count {
            let mut schemas: Vec<At<'s>> =
                positions.iter().filter_map(|(place, all)| all.get(at).map(|one| place.part(one))).collect();
            schemas.extend(wanted.items(at));
            schemas.extend(contained.iter().cloned());
            items.push(self.value(schemas, name.trim_end_matches('s'), depth + 1, at)?);
        }
        Some(Value::array(items))
    }

    fn object(&mut self, wanted: &Wanted<'s>, depth: usize) -> Option<Value> {
        let is_optional = depth < self.optional;
        let mut names: Vec<&str> = Vec::new();
        let mut required: Vec<&str> = Vec::new();
        for properties in wanted.all("properties") {
            if let Value::Object(members) = properties {
                names.extend(members.keys().map(|key| key.as_str()));
            }
        }
        for list in wanted.all("required") {
            if let Value::Array(all) = list {
                required.extend(all.iter().filter_map(Value::as_str));
            }
        }
        names.extend(&required);
        let has_any = wanted.parts("additionalProperties").any(|one| matches!(one.schema, Value::Object(_)));
        if names.is_empty() && has_any && is_optional {
            names.push("key");
        }
        let fewest = wanted.sizes("minProperties").max().unwrap_or(0);
        let most = wanted.sizes("maxProperties").min().unwrap_or(usize::MAX);
        let more: Vec<String> = (0..fewest.min(MOST_SIZE)).map(|number| format!("key{}", number + 1)).collect();
        names.extend(more.iter().map(String::as_str));
        let mut made = Members::default();
        // What is required comes to its right, then the others while there is room; the order is the schema's.
        let room = most.saturating_sub(required.len());
        let mut others = 0_usize;
        for name in names {
            let must = required.contains(&name);
            let wants = is_optional && (self.choices.variant == 0 || self.choices.next(3) > 0) || made.len() < fewest;
            if made.contains_key(name) || !must && (!wants || others >= room) {
                continue;
            }
            let schemas = wanted.of_property(name);
            let value = schemas.and_then(|schemas| self.value(schemas, name, depth + 1, 0));
            match value {
                Some(value) => {
                    others += usize::from(!must);
                    made.insert(Text::from(name), value);
                }
                None if !must && self.left > 0 => {}
                None => return None,
            }
        }
        Some(Value::object(made))
    }
}

impl<'s> Wanted<'s> {
    fn all(&self, key: &str) -> impl Iterator<Item = &'s Value> {
        self.schemas.iter().filter_map(move |at| at.schema.get(key))
    }

    fn parts(&self, key: &str) -> impl Iterator<Item = At<'s>> {
        self.schemas.iter().filter_map(move |at| at.schema.get(key).map(|part| at.part(part)))
    }

    fn sizes(&self, key: &str) -> impl Iterator<Item = usize> {
        self.all(key).filter_map(|value| match value {
            Value::Number(number) => number.as_i64().and_then(|number| usize::try_from(number).ok()),
            _ => None,
        })
    }

    /// One of the values that every list has.
    fn enumerated(&self, at: usize) -> Option<Value> {
        let mut lists = self.all("enum").filter_map(|list| match list {
            Value::Array(items) => Some(items.as_slice()),
            _ => None,
        });
        let mut values: Vec<&Value> = lists.next()?.iter().collect();
        for list in lists {
            values.retain(|value| list.contains(value));
        }
        let at = at.checked_rem(values.len())?;
        values.get(at).map(|value| (*value).clone())
    }

    /// The types that are allowed, `null` only if nothing else is; without any, what the other keywords speak of.
    fn types(&self) -> Vec<&'s str> {
        let mut allowed: Option<Vec<&'s str>> = None;
        for given in self.all("type") {
            let own: Vec<&str> = match given {
                Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
                one => one.as_str().into_iter().collect(),
            };
            allowed = Some(match allowed {
                None => own,
                Some(before) => {
                    let both = |kind: &&str| own.contains(kind) || (*kind == "integer" && own.contains(&"number"));
                    let narrower = own.iter().filter(|kind| **kind == "integer" && before.contains(&"number")).copied();
                    let narrower: Vec<&str> = narrower.collect();
                    before.into_iter().filter(both).chain(narrower).collect()
                }
            });
        }
        let Some(mut allowed) = allowed else { return vec![self.spoken_of()] };
        if allowed.len() > 1 {
            allowed.retain(|kind| *kind != "null");
        }
        allowed
    }

    fn spoken_of(&self) -> &'static str {
        const OF: [(&str, &[&str]); 4] = [
            ("object", &["properties", "required", "additionalProperties", "minProperties", "patternProperties"]),
            ("array", &["items", "prefixItems", "minItems", "contains", "uniqueItems"]),
            ("number", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
            ("string", &["pattern", "format", "minLength", "maxLength"]),
        ];
        let is_there = |keys: &[&str]| keys.iter().any(|key| self.all(key).next().is_some());
        OF.iter().find(|(_, keys)| is_there(keys)).map_or("string", |(kind, _)| kind)
    }

    /// The schemas of the positions of a tuple.
    fn positions(&self) -> Vec<(At<'s>, &'s [Value])> {
        let tuple = |at: &At<'s>| match (at.schema.get("prefixItems"), at.schema.get("items")) {
            (Some(Value::Array(all)), _) | (None, Some(Value::Array(all))) => Some((at.clone(), all.as_slice())),
            _ => None,
        };
        self.schemas.iter().filter_map(tuple).collect()
    }

    /// The schemas of items behind a tuple.
    fn items(&self, at: usize) -> impl Iterator<Item = At<'s>> {
        self.schemas.iter().filter_map(move |place| {
            let schema = place.schema;
            let tuple = match (schema.get("prefixItems"), schema.get("items")) {
                (Some(Value::Array(all)), _) | (None, Some(Value::Array(all))) => all.len(),
                _ => 0,
            };
            let rest = schema.get("items").filter(|items| !matches!(items, Value::Array(_)));
            let rest = rest.or_else(|| schema.get("additionalItems"));
            rest.filter(|_| at >= tuple).map(|rest| place.part(rest))
        })
    }

    /// The schemas of a property; `None` if it may not be there.
    fn of_property(&self, name: &str) -> Option<Vec<At<'s>>> {
        let mut found = Vec::new();
        for at in &self.schemas {
            let mut is_known = false;
            if let Some(own) = at.schema.get("properties").and_then(|properties| properties.get(name)) {
                found.push(at.part(own));
                is_known = true;
            }
            if let Some(Value::Object(patterns)) = at.schema.get("patternProperties") {
                for (pattern, schema) in patterns.iter() {
                    if regex::Regex::new(pattern).is_ok_and(|regex| regex.is_match(name)) {
                        found.push(at.part(schema));
                        is_known = true;
                    }
                }
            }
            match at.schema.get("additionalProperties") {
                Some(Value::Bool(false)) if !is_known => return None,
                Some(schema) if !is_known => found.push(at.part(schema)),
                _ => {}
            }
        }
        Some(found)
    }
}

fn number(wanted: &Wanted<'_>, integer: bool, nth: usize) -> Option<Value> {
    let decimal = |value: &Value| match value {
        Value::Number(number) => number.to_text().parse::<BigDecimal>().ok(),
        _ => None,
    };
    let mut bounds = Bounds { integer, ..Bounds::default() };
    for at in &wanted.schemas {
        let get = |key: &str| at.schema.get(key).and_then(decimal);
        // Before draft 6 the exclusive ones are `true` beside the bound.
        let is_open = |key: &str| at.schema.get(key) == Some(&Value::Bool(true));
        bounds.least.extend(get("minimum").map(|bound| (bound, !is_open("exclusiveMinimum"))));
        bounds.least.extend(get("exclusiveMinimum").map(|bound| (bound, false)));
        bounds.most.extend(get("maximum").map(|bound| (bound, !is_open("exclusiveMaximum"))));
        bounds.most.extend(get("exclusiveMaximum").map(|bound| (bound, false)));
        bounds.multiples.extend(get("multipleOf"));
    }
    let mut candidates: Vec<BigDecimal> = Vec::new();
    for candidate in bounds.candidates() {
        if !candidates.contains(&candidate) {
            candidates.push(candidate);
        }
    }
    let candidate = candidates.get(nth.checked_rem(candidates.len())?)?;
    Number::parse(&candidate.to_plain_string()).map(Value::Number)
}

fn of_format(format: &str, nth: usize) -> Option<String> {
    let day = nth % 28 + 1;
    Some(match format {
        "date" => format!("2026-01-{day:02}"),
        "date-time" => format!("2026-01-{day:02}T08:30:00Z"),
        "time" => format!("08:{day:02}:00Z"),
        "duration" => format!("P{day}D"),
        "email" | "idn-email" => format!("ada{}@example.org", if nth == 0 { String::new() } else { nth.to_string() }),
        "hostname" | "idn-hostname" => format!("host{day}.example.org"),
        "ipv4" => format!("192.0.2.{day}"),
        "ipv6" => format!("2001:db8::{day}"),
        "uri" | "uri-reference" | "iri" | "iri-reference" | "uri-template" => format!("https://example.org/{day}"),
        "uuid" => format!("00000000-0000-4000-8000-{:012}", nth + 1),
        "json-pointer" => format!("/{day}"),
        "relative-json-pointer" => format!("{day}"),
        "regex" => format!("^a{{{day}}}$"),
        _ => return None,
    })
}
