//! From a tree with places to plain data, or to a diagnostic at the place that is wrong.

use std::fmt;

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, Expected, IntoDeserializer,
    MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};

use super::tree::{Kind, Node, Place};
use crate::diagnostic::yaml::in_words;
use crate::diagnostic::{Diagnostic, codes, did_you_mean};

/// Decodes a tree.
pub(super) fn decode<T: DeserializeOwned>(node: &Node) -> Result<T, Diagnostic> {
    T::deserialize(node).map_err(|error| error.diagnostic(&node.place))
}

/// What is wrong, and where, as soon as that is known.
#[derive(Debug)]
pub(super) struct Error {
    code: &'static str,
    message: String,
    expected: Option<String>,
    hint: String,
    place: Option<Place>,
}

impl Error {
    fn new(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, message: message.into(), expected: None, hint: hint.into(), place: None }
    }

    /// Gives the place unless an inner one is known, and takes a hidden value out of the words.
    fn at(mut self, node: &Node) -> Self {
        if self.place.is_none() {
            self.place = Some(node.place.clone());
            if node.hidden {
                self.message = match &self.expected {
                    Some(expected) => format!("the value given here is not {expected}"),
                    None => "the value given here is not valid".to_owned(),
                };
            }
        }
        self
    }

    fn diagnostic(self, whole: &Place) -> Diagnostic {
        let place = self.place.as_ref().unwrap_or(whole);
        Diagnostic::error(self.code, &place.file, first_line(place), self.message).hint(self.hint)
    }
}

/// A map as a whole is meant only by its first line.
fn first_line(place: &Place) -> std::ops::Range<usize> {
    let span = place.span.clone();
    let end = place.file.text.get(span.clone()).and_then(|text| text.find('\n')).map(|at| span.start + at);
    span.start..end.unwrap_or(span.end)
}

fn backticks(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn unknown(code: &'static str, what: &str, name: &str, expected: &'static [&'static str]) -> Error {
    let hint = match did_you_mean(name, expected.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("expected one of {}", backticks(expected)),
    };
    Error::new(code, format!("unknown {what} `{name}`"), hint)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        match message.split_once(" | ") {
            Some((message, hint)) => Self::new(codes::VALUE_INVALID, message, hint),
            None => Self::new(codes::VALUE_INVALID, message, "the reference of the settings lists what is valid"),
        }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = expected.to_string();
        let expected = in_words(&expected);
        let found = match found {
            Unexpected::Str(text) => format!("`{text}`"),
            Unexpected::Map => "a map".to_owned(),
            Unexpected::Seq => "a list".to_owned(),
            found => found.to_string(),
        };
        let message = format!("expected {expected}, found {found}");
        let error = Self::new(codes::YAML_WRONG_TYPE, message, format!("write {expected} here"));
        Self { expected: Some(expected.to_owned()), ..error }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Str(text) => format!("`{text}`"),
            found => found.to_string(),
        };
        let error =
            Self::new(codes::VALUE_INVALID, format!("{found} is not {expected}"), format!("write {expected} here"));
        Self { expected: Some(expected.to_string()), ..error }
    }

    fn unknown_variant(name: &str, expected: &'static [&'static str]) -> Self {
        let error = unknown(codes::VALUE_INVALID, "value", name, expected);
        Self { expected: Some(format!("one of {}", backticks(expected))), ..error }
    }

    fn unknown_field(name: &str, expected: &'static [&'static str]) -> Self {
        unknown(codes::YAML_UNKNOWN_KEY, "key", name, expected)
    }

    fn missing_field(name: &'static str) -> Self {
        Self::new(codes::YAML_MISSING_KEY, format!("the key `{name}` is missing"), format!("add `{name}: …`"))
    }
}

impl Node {
    fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) if self.hidden => Some(text),
            _ => None,
        }
    }
}

macro_rules! scalar {
    ($($method:ident => $visit:ident as $type:ty;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.text().map(str::parse::<$type>) {
                Some(Ok(value)) => visitor.$visit(value).map_err(|error: Error| error.at(self)),
                _ => self.deserialize_any(visitor),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for &Node {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let result = match &self.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(value) => visitor.visit_bool(*value),
            Kind::Int(value) => match u64::try_from(*value) {
                Ok(value) => visitor.visit_u64(value),
                Err(_) => visitor.visit_i64(*value),
            },
            Kind::Float(value) => visitor.visit_f64(*value),
            Kind::Text(text) => visitor.visit_str(text),
            Kind::List(items) => visitor.visit_seq(Items(items.iter())),
            Kind::Map(entries) => visitor.visit_map(Entries { rest: entries.iter(), value: None }),
        };
        result.map_err(|error: Error| error.at(self))
    }

    scalar! {
        deserialize_bool => visit_bool as bool;
        deserialize_i8 => visit_i64 as i64;
        deserialize_i16 => visit_i64 as i64;
        deserialize_i32 => visit_i64 as i64;
        deserialize_i64 => visit_i64 as i64;
        deserialize_u8 => visit_u64 as u64;
        deserialize_u16 => visit_u64 as u64;
        deserialize_u32 => visit_u64 as u64;
        deserialize_u64 => visit_u64 as u64;
        deserialize_f32 => visit_f64 as f64;
        deserialize_f64 => visit_f64 as f64;
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.kind {
            Kind::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let result = match &self.kind {
            Kind::Text(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            Kind::Map(entries) => match entries.as_slice() {
                [(name, _, node)] => visitor.visit_enum(Variant { name, node }),
                _ => Err(Error::invalid_type(Unexpected::Map, &backticks(variants).as_str())),
            },
            _ => Err(Error::invalid_type(Unexpected::Other("another type"), &backticks(variants).as_str())),
        };
        result.map_err(|error: Error| error.at(self))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
    }
}

struct Items<'a>(std::slice::Iter<'a, Node>);

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.0.next().map(|node| seed.deserialize(node)).transpose()
    }
}

struct Entries<'a> {
    rest: std::slice::Iter<'a, (String, Place, Node)>,
    value: Option<&'a Node>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((name, place, node)) = self.rest.next() else { return Ok(None) };
        self.value = Some(node);
        let key = seed.deserialize(name.as_str().into_deserializer());
        key.map(Some).map_err(|error: Error| Error { place: error.place.or_else(|| Some(place.clone())), ..error })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        match self.value.take() {
            Some(node) => seed.deserialize(node),
            None => Err(Error::custom("a value was asked for before its key")),
        }
    }
}

struct Variant<'a> {
    name: &'a str,
    node: &'a Node,
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = Error;
    type Variant = &'a Node;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, &'a Node), Error> {
        Ok((seed.deserialize(self.name.into_deserializer())?, self.node))
    }
}

impl<'de> VariantAccess<'de> for &Node {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Err(Error::invalid_type(Unexpected::Map, &"a single word").at(self))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }
}
