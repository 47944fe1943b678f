//! A settings file as a tree with places, so that the environment and secrets can be put in before it is decoded.

use std::fmt;
use std::ops::Range;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::environment::Environment;
use crate::diagnostic::yaml::{self, Spanned};
use crate::diagnostic::{Diagnostic, SourceFile};

/// Where a value stands.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) file: SourceFile,
    pub(super) span: Range<usize>,
}

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) kind: Kind,
    /// The value came from the environment or a secret: any scalar type, and never shown.
    pub(super) hidden: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Place, Node)>),
}

impl Node {
    /// Reads a file.
    pub(super) fn parse(file: &SourceFile) -> Result<Self, Vec<Diagnostic>> {
        let raw: Spanned<Raw> = yaml::parse(file)?;
        let root = Self::of(file, raw);
        let empty = matches!(root.kind, Kind::Null);
        Ok(if empty { Self { kind: Kind::Map(Vec::new()), ..root } } else { root })
    }

    fn of(file: &SourceFile, raw: Spanned<Raw>) -> Self {
        let at = |span: Range<usize>| Place { file: file.clone(), span };
        let kind = match raw.value {
            Raw::Null => Kind::Null,
            Raw::Bool(value) => Kind::Bool(value),
            Raw::Int(value) => Kind::Int(value),
            Raw::Float(value) => Kind::Float(value),
            Raw::Text(value) => Kind::Text(value),
            Raw::List(items) => Kind::List(items.into_iter().map(|item| Self::of(file, item)).collect()),
            Raw::Map(entries) => {
                let entry =
                    |(key, value): (Spanned<String>, Spanned<Raw>)| (key.value, at(key.span), Self::of(file, value));
                Kind::Map(entries.into_iter().map(entry).collect())
            }
        };
        Self { place: at(raw.span), kind, hidden: false }
    }

    /// Puts the variables of the environment in. Their places are lines of a file that names them without values.
    pub(super) fn overlay(&mut self, environment: &Environment) {
        let names: Vec<&str> = environment.overrides().map(|(name, ..)| name).collect();
        let file = SourceFile::new("the environment", names.join("\n"));
        let mut start = 0;
        for (name, path, value) in environment.overrides() {
            let place = Place { file: file.clone(), span: start..start + name.len() };
            start += name.len() + 1;
            self.set(&path, place, value);
        }
    }

    fn set(&mut self, path: &[String], place: Place, value: &str) {
        let Some((key, rest)) = path.split_first() else {
            *self = Self { place, kind: Kind::Text(value.to_owned()), hidden: true };
            return;
        };
        if !matches!(self.kind, Kind::Map(_)) {
            *self = Self { place: place.clone(), kind: Kind::Map(Vec::new()), hidden: false };
        }
        if let Kind::Map(entries) = &mut self.kind {
            if let Some((_, _, node)) = entries.iter_mut().find(|(name, ..)| name == key) {
                node.set(rest, place, value);
                return;
            }
            let mut node = Self { place: place.clone(), kind: Kind::Null, hidden: false };
            node.set(rest, place.clone(), value);
            entries.push((key.clone(), place, node));
        }
    }

    /// The place of a value by its keys, or of the innermost map on the way that there is.
    pub(super) fn place_of(&self, path: &[&str]) -> &Place {
        let Some((key, rest)) = path.split_first() else { return &self.place };
        match &self.kind {
            Kind::Map(entries) => match entries.iter().find(|(name, ..)| name == key) {
                Some((.., node)) => node.place_of(rest),
                None => &self.place,
            },
            _ => &self.place,
        }
    }
}

/// A value as YAML has it.
#[derive(Debug)]
pub(crate) enum Raw {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(i64::try_from(value).map_or_else(|_| Raw::Text(value.to_string()), Raw::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Raw::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut all = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            all.push(entry);
        }
        Ok(Raw::Map(all))
    }
}
