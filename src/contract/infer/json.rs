//! A JSON Schema proposed from example documents.
//!
//! What was in every object is required, whatever else may be there stays open. A format or a list of values is said
//! only where enough examples agree.

use std::collections::HashMap;

use serde_json::json;

use super::texts::{DIFFERENT, Texts};
use crate::contract::json::Document;
use crate::message::{Members, Text, Value};

/// The formats that hardly any text has by chance.
const FORMATS: [&str; 6] = ["date", "date-time", "uuid", "email", "ipv4", "uri"];

/// What was seen at one place of the documents.
#[derive(Debug, Default)]
pub struct Seen {
    nulls: usize,
    booleans: usize,
    integers: usize,
    fractions: usize,
    texts: Texts,
    /// By format, whether all texts have it.
    formats: Vec<bool>,
    arrays: usize,
    items: Option<Box<Seen>>,
    objects: usize,
    members: Vec<(Text, Seen)>,
    /// Where each member stands: objects may be maps of very many names.
    places: HashMap<Text, usize>,
}

/// Tells formats.
pub struct Formats(Vec<jsonschema::Validator<Document>>);

impl Formats {
    /// Compiles what tells them; `None` if the engine knows one of them no longer.
    pub fn new() -> Option<Self> {
        let options = || jsonschema::options_for::<Document>().should_validate_formats(true);
        let one = |name: &&str| options().build(&json!({ "format": name })).ok();
        FORMATS.iter().map(one).collect::<Option<_>>().map(Self)
    }

    fn of(&self, text: &str) -> Vec<bool> {
        let text = Value::from(text);
        // Whatever has a colon is a URI; one that was meant as such names a place.
        let is_meant = |name: &str| name != "uri" || text.as_str().is_some_and(|text| text.contains("://"));
        self.0.iter().zip(FORMATS).map(|(format, name)| is_meant(name) && format.is_valid(&text)).collect()
    }
}

impl Seen {
    /// Adds a document, or a part of one. The depth is that of the document, which reading it has bounded.
    pub fn add(&mut self, value: &Value, formats: &Formats) {
        match value {
            Value::Null => self.nulls += 1,
            Value::Bool(_) => self.booleans += 1,
            Value::Number(number) if number.is_integer() => self.integers += 1,
            Value::Number(_) => self.fractions += 1,
            Value::String(text) => self.text(text, formats),
            Value::Array(items) => {
                self.arrays += 1;
                for item in items.iter() {
                    self.items.get_or_insert_default().add(item, formats);
                }
            }
            Value::Object(members) => {
                self.objects += 1;
                for (name, member) in members.iter() {
                    let at = *self.places.entry(name.clone()).or_insert(self.members.len());
                    if at == self.members.len() {
                        self.members.push((name.clone(), Self::default()));
                    }
                    if let Some((_, seen)) = self.members.get_mut(at) {
                        seen.add(member, formats);
                    }
                }
            }
        }
    }

    fn text(&mut self, text: &Text, formats: &Formats) {
        let own = formats.of(text);
        if self.texts.count() == 0 {
            self.formats = own;
        } else {
            self.formats.iter_mut().zip(own).for_each(|(all, one)| *all &= one);
        }
        self.texts.add(text);
    }

    /// How often anything was seen.
    fn total(&self) -> usize {
        self.nulls + self.booleans + self.integers + self.fractions + self.texts.count() + self.arrays + self.objects
    }

    /// The proposal for a whole document.
    pub fn schema(&self) -> Value {
        let mut members = Members::default();
        members.insert(Text::borrowed("$schema"), "https://json-schema.org/draft/2020-12/schema".into());
        members.extend(self.part());
        Value::object(members)
    }

    fn part(&self) -> Members {
        let mut schema = Members::default();
        let numbers = if self.fractions > 0 { "number" } else { "integer" };
        let kinds = [
            (self.objects, "object"),
            (self.arrays, "array"),
            (self.texts.count(), "string"),
            (self.integers + self.fractions, numbers),
            (self.booleans, "boolean"),
            (self.nulls, "null"),
        ];
        let kinds: Vec<&str> = kinds.into_iter().filter(|(count, _)| *count > 0).map(|(_, kind)| kind).collect();
        let mut set = |key: &'static str, value: Value| drop(schema.insert(Text::borrowed(key), value));
        match kinds.as_slice() {
            [] => {}
            [only] => set("type", (*only).into()),
            several => set("type", several.iter().map(|kind| Value::from(*kind)).collect()),
        }
        if let Some(values) = self.texts.values().filter(|_| kinds == ["string"]) {
            set("enum", values.map(|text| Value::from(text.clone())).collect());
        } else if let Some(format) = self.format() {
            set("format", format.into());
        }
        if let Some(items) = &self.items {
            set("items", Value::object(items.part()));
        }
        if !self.members.is_empty() {
            let property = |(name, seen): &(Text, Seen)| (name.clone(), Value::object(seen.part()));
            set("properties", self.members.iter().map(property).collect());
            let always = self.members.iter().filter(|(_, seen)| seen.total() == self.objects);
            let required: Vec<Value> = always.map(|(name, _)| Value::from(name.clone())).collect();
            if !required.is_empty() {
                set("required", Value::array(required));
            }
        }
        schema
    }

    fn format(&self) -> Option<&'static str> {
        let is_enough = self.texts.are_different(DIFFERENT);
        FORMATS.iter().zip(&self.formats).find(|(_, all)| is_enough && **all).map(|(name, _)| *name)
    }
}
