//! A page about a contract for people, in Markdown: its members with their types and rules, and an example.
//!
//! The page of an XSD tells of the JSON form of its documents, which is what mappings see.

use std::collections::{HashSet, VecDeque};
use std::fmt::Write;
use std::sync::Arc;

use super::contract::Contract;
use super::json::{At, Sources, start, target};
use super::registry::Registry;
use super::{Files, Format};
use crate::diagnostic::SourceFile;
use crate::format::json::{compact, pretty};
use crate::message::{Limits, Value};

/// Types that a page tells of.
const MOST_TYPES: usize = 300;
/// Rows of one table.
const MOST_ROWS: usize = 500;
/// Members of members that are told in one table.
const DEEPEST: usize = 12;
/// Values of a list that are written out.
const MOST_VALUES: usize = 12;

/// The page. `users` tells who uses the contract, a line each.
pub fn page(contract: &Contract, users: &[String], limits: &Limits) -> Option<String> {
    // An XSD's page is that of the JSON Schema which its plan derives.
    let derived = match contract.xml_plan() {
        Some(plan) => {
            let schema = plan.json_schema(contract.reference());
            let file = SourceFile::new("derived.json", pretty(&schema));
            Some(Registry::new(Files::from([(Arc::from("derived.json"), file)])).resolve("derived").ok()?)
        }
        None => None,
    };
    let schema = derived.as_deref().unwrap_or(contract).json_schema()?;
    let (sources, ..) = schema.place();
    let root = start(schema)?;
    let mut page = format!("# {}\n\n", contract.reference());
    let format = match contract.format() {
        Format::Json => "JSON, described by a JSON Schema.",
        Format::Xml => "XML, described by an XSD. The paths are those of its JSON form, as mappings see it.",
    };
    let title = root.schema.get("title").and_then(Value::as_str).filter(|_| derived.is_none());
    let description = root.schema.get("description").and_then(Value::as_str);
    for words in [title, description].into_iter().flatten() {
        let _ = write!(page, "{}\n\n", sentence(words));
    }
    let _ = write!(page, "{format}\n\n");
    if !users.is_empty() {
        page.push_str("Used by:\n\n");
        page.extend(users.iter().map(|user| format!("- {user}\n")));
        page.push('\n');
    }
    let mut writer =
        Writer { sources, seen: HashSet::new(), open: VecDeque::new(), rows: Vec::new(), member: String::new() };
    page.push_str(&writer.section("The document", &root));
    while let Some((name, at)) = writer.open.pop_front() {
        page.push_str(&writer.section(&name, &at));
    }
    if let Ok(body) = contract.sample(0, limits) {
        let language = if contract.format() == Format::Json { "json" } else { "xml" };
        let _ = write!(page, "## Example\n\n```{language}\n{}\n```\n", String::from_utf8_lossy(&body).trim_end());
    }
    Some(page)
}

struct Writer<'s> {
    sources: &'s Sources,
    /// The addresses of types that have a section.
    seen: HashSet<usize>,
    open: VecDeque<(String, At<'s>)>,
    rows: Vec<String>,
    /// The name of the member that is told: what a type without a name is called by.
    member: String,
}

impl<'s> Writer<'s> {
    fn section(&mut self, name: &str, at: &At<'s>) -> String {
        self.rows.clear();
        let mut text = format!("## {name}\n\n");
        let description = at.schema.get("description").and_then(Value::as_str).filter(|_| name != "The document");
        if let Some(words) = description {
            let _ = write!(text, "{}\n\n", sentence(words));
        }
        self.members(at, "", 0);
        if self.rows.is_empty() {
            let (kind, rules) = (self.kind(at, 0), rules(at.schema));
            let _ = write!(text, "{}\n\n", [vec![kind], rules].concat().join(", "));
        } else {
            text.push_str("| path | type | required | rules and meaning |\n| --- | --- | --- | --- |\n");
            for row in &self.rows {
                text.push_str(row);
            }
            text.push('\n');
        }
        text
    }

    /// The rows of the members of an object, and of those of its parts that have no name of their own.
    fn members(&mut self, at: &At<'s>, prefix: &str, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        for part in self.parts(at) {
            let required = part.schema.get("required");
            if let Some(Value::Object(properties)) = part.schema.get("properties") {
                // Which type an element has by itself goes without saying.
                let told = |name: &str, schema: &Value| name != "@xsi:type" || schema.get("const").is_none();
                for (name, schema) in properties.iter().filter(|(name, schema)| told(name, schema)) {
                    name.as_str().clone_into(&mut self.member);
                    let must =
                        matches!(required, Some(Value::Array(all)) if all.iter().any(|one| one.as_str() == Some(name)));
                    self.row(&format!("{prefix}{}", step(name)), &part.part(schema), must, depth);
                }
            }
            if let Some(Value::Object(patterns)) = part.schema.get("patternProperties") {
                for (pattern, schema) in patterns.iter() {
                    self.row(&format!("{prefix}[name like {pattern}]"), &part.part(schema), false, depth);
                }
            }
            if let Some(schema @ Value::Object(_)) = part.schema.get("additionalProperties") {
                self.row(&format!("{prefix}[any name]"), &part.part(schema), false, depth);
            }
        }
    }

    fn row(&mut self, path: &str, at: &At<'s>, required: bool, depth: usize) {
        if self.rows.len() >= MOST_ROWS {
            return;
        }
        let kind = self.kind(at, depth);
        let mut says: Vec<String> = Vec::new();
        // A reference is told with what it leads to, where that has no section of its own.
        let target = self.named(at).filter(|(_, target)| !self.is_object(target)).map(|(_, target)| target);
        for schema in std::iter::once(at.schema).chain(target.as_ref().map(|target| target.schema)) {
            says.extend(rules(schema));
            says.extend(schema.get("description").and_then(Value::as_str).map(sentence));
        }
        let must = if required { "yes" } else { "" };
        self.rows.push(format!("| `{}` | {kind} | {must} | {} |\n", path.replace('|', "\\|"), cell(&says.join("; "))));
        let mut inner = at.clone();
        let mut path = path.to_owned();
        while let Some(items) = inner.schema.get("items").filter(|items| matches!(items, Value::Object(_))) {
            inner = inner.part(items);
            path.push_str("[]");
        }
        if self.named(&inner).is_none() {
            self.members(&inner, &path, depth + 1);
        }
    }

    /// The schema, and what it adds up by `allOf`.
    fn parts(&self, at: &At<'s>) -> Vec<At<'s>> {
        let mut parts = vec![at.clone()];
        if let Some(Value::Array(all)) = at.schema.get("allOf") {
            for one in all.iter() {
                let part = at.part(one);
                parts.push(self.named(&part).map_or(part, |(_, target)| target));
            }
        }
        parts
    }

    /// What a schema that is a reference leads to, and how that is called.
    fn named(&self, at: &At<'s>) -> Option<(String, At<'s>)> {
        let reference = at.schema.get("$ref")?.as_str()?;
        let name = reference.rsplit(['/', '#']).next().unwrap_or(reference);
        let name = name.trim_end_matches(".json").replace("~1", "/").replace("~0", "~");
        Some((name, target(self.sources, &at.base, reference)?))
    }

    fn is_object(&self, at: &At<'s>) -> bool {
        self.parts(at).iter().any(|part| part.schema.get("properties").is_some())
    }

    /// The type in words; one with members and a name gets a section, and a link to it.
    fn kind(&mut self, at: &At<'s>, depth: usize) -> String {
        if depth > DEEPEST {
            return "any".to_owned();
        }
        if let Some((name, target)) = self.named(at) {
            if !self.is_object(&target) {
                return self.kind(&target, depth + 1);
            }
            // An XSD's type without a name has a number.
            let name = if name.starts_with("type-") { self.member.clone() } else { name };
            let place = std::ptr::from_ref(target.schema) as usize;
            if self.seen.len() < MOST_TYPES && self.seen.insert(place) {
                self.open.push_back((name.clone(), target));
            }
            return format!("[{name}](#{})", anchor(&name));
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(Value::Array(some)) = at.schema.get(key) {
                let mut kinds: Vec<String> = some.iter().map(|one| self.kind(&at.part(one), depth + 1)).collect();
                kinds.dedup();
                // Branches that only add rules leave the type as it is.
                if kinds.iter().any(|kind| kind != "any") {
                    return kinds.join(" or ");
                }
            }
        }
        let name = |kind: &str| match kind {
            "array" => match at.schema.get("items") {
                Some(items @ Value::Object(_)) => Some(items),
                _ => None,
            },
            _ => None,
        };
        let kinds: Vec<&str> = match at.schema.get("type") {
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            Some(one) => one.as_str().into_iter().collect(),
            None if at.schema.get("enum").or_else(|| at.schema.get("const")).is_some() => vec!["value"],
            None if at.schema.get("properties").is_some() => vec!["object"],
            None => vec!["any"],
        };
        let words: Vec<String> = kinds
            .into_iter()
            .map(|kind| match name(kind) {
                Some(items) => format!("list of {}", self.kind(&at.part(items), depth + 1)),
                None if kind == "array" => "list".to_owned(),
                None => kind.to_owned(),
            })
            .collect();
        words.join(" or ")
    }
}

/// A step of a path in a mapping.
fn step(name: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let starts = name.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_');
    if starts && name.chars().all(is_plain) { format!(".{name}") } else { format!(".{}", compact(&Value::from(name))) }
}

/// What a schema says of a value by itself.
fn rules(schema: &Value) -> Vec<String> {
    let mut said = Vec::new();
    let code = |value: &Value| format!("`{}`", value.as_str().map_or_else(|| compact(value), str::to_owned));
    if let Some(value) = schema.get("const") {
        said.push(format!("always {}", code(value)));
    }
    if let Some(Value::Array(values)) = schema.get("enum") {
        let shown: Vec<String> = values.iter().take(MOST_VALUES).map(code).collect();
        let more = values.len().saturating_sub(MOST_VALUES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        said.push(format!("one of {}{more}", shown.join(", ")));
    }
    for (key, words) in [
        ("format", "format"),
        ("pattern", "like"),
        ("minLength", "at least so long:"),
        ("maxLength", "at most so long:"),
        ("minimum", "at least"),
        ("exclusiveMinimum", "more than"),
        ("maximum", "at most"),
        ("exclusiveMaximum", "less than"),
        ("multipleOf", "a multiple of"),
        ("minItems", "items, at least"),
        ("maxItems", "items, at most"),
        ("default", "by default"),
    ] {
        said.extend(schema.get(key).map(|value| format!("{words} {}", code(value))));
    }
    if schema.get("uniqueItems") == Some(&Value::Bool(true)) {
        said.push("no item twice".to_owned());
    }
    said
}

/// One line of a table.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

fn sentence(text: &str) -> String {
    let text = text.trim();
    let ends = text.ends_with(['.', '!', '?', ':']);
    if ends { text.to_owned() } else { format!("{text}.") }
}

/// As viewers of Markdown name a heading.
fn anchor(name: &str) -> String {
    let kept = name.to_lowercase();
    kept.chars()
        .filter(|char| char.is_alphanumeric() || "-_ ".contains(*char))
        .map(|char| if char == ' ' { '-' } else { char })
        .collect()
}
