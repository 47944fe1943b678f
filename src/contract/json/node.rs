//! The document as the JSON Schema engine sees it: our own tree, not a copy.

use std::borrow::Cow;

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, JsonNumber, Node, NodeIdentity, Object};

use crate::message::{Members, Near, Number, Text, Value};

/// Our tree as a representation of JSON.
pub(crate) struct Document;

impl Json for Document {
    type Node<'a> = &'a Value;
    type PreparedKey = Near;
    type StringBuffer = Value;

    fn prepare_key(key: &str) -> Near {
        Near::new(key)
    }

    fn with_string_node<T>(buffer: &mut Value, string: &str, run: impl FnOnce(&Value) -> T) -> T {
        *buffer = Value::String(Text::from(string));
        run(buffer)
    }
}

/// A number as the engine asks for it.
pub(crate) struct Digits<'a>(&'a Number);

impl JsonNumber for Digits<'_> {
    fn as_u64(&self) -> Option<u64> {
        match self.0.as_i64() {
            Some(int) => int.try_into().ok(),
            None => self.0.to_text().parse().ok(),
        }
    }

    fn as_i64(&self) -> Option<i64> {
        self.0.as_i64()
    }

    fn as_f64(&self) -> Option<f64> {
        Some(self.0.to_f64())
    }

    fn as_str(&self) -> Cow<'_, str> {
        Cow::Owned(self.0.to_text().to_string())
    }

    fn to_number(&self) -> Cow<'_, serde_json::Number> {
        Cow::Owned(to_serde_number(self.0))
    }

    fn is_integer(&self) -> bool {
        self.0.is_integer()
    }
}

/// The nearest number of `serde_json`.
pub(crate) fn to_serde_number(number: &Number) -> serde_json::Number {
    let digits = Digits(number);
    if let Some(int) = digits.as_i64() {
        return int.into();
    }
    if let Some(int) = digits.as_u64() {
        return int.into();
    }
    let nearest = number.to_f64().clamp(f64::MIN, f64::MAX);
    serde_json::Number::from_f64(nearest).unwrap_or_else(|| 0.into())
}

impl<'a> Node<'a, Document> for &'a Value {
    type Object = &'a Members;
    type Array = &'a [Value];
    type Number = Digits<'a>;

    fn as_object(&self) -> Option<&'a Members> {
        match self {
            Value::Object(members) => Some(members),
            _ => None,
        }
    }

    fn as_array(&self) -> Option<&'a [Value]> {
        match self {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        match self {
            Value::String(text) => Some(Cow::Borrowed(text.as_str())),
            _ => None,
        }
    }

    fn as_number(&self) -> Option<Digits<'a>> {
        match self {
            Value::Number(number) => Some(Digits(number)),
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    fn json_type(&self) -> JsonType {
        match self {
            Value::Null => JsonType::Null,
            Value::Bool(_) => JsonType::Boolean,
            Value::Number(_) => JsonType::Number,
            Value::String(_) => JsonType::String,
            Value::Array(_) => JsonType::Array,
            Value::Object(_) => JsonType::Object,
        }
    }

    /// By value, so that digits beyond a double count.
    fn equals_value(&self, expected: &serde_json::Value) -> bool {
        equals(self, expected)
    }

    fn to_value(&self) -> Cow<'a, serde_json::Value> {
        Cow::Owned(to_serde(self))
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref::<Value>(self) as usize))
    }
}

impl<'a> Object<'a, Document> for &'a Members {
    type Node = &'a Value;
    type MemberName = &'a str;
    type MembersIter = MembersIter<'a>;

    fn len(&self) -> usize {
        Members::len(self)
    }

    fn get(&self, key: &Near) -> Option<&'a Value> {
        key.member(self)
    }

    fn members(&self) -> MembersIter<'a> {
        MembersIter(self.iter())
    }
}

/// The members of an object in order.
pub(crate) struct MembersIter<'a>(crate::message::MembersIter<'a>);

impl<'a> Iterator for MembersIter<'a> {
    type Item = (&'a str, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, value)| (key.as_str(), value))
    }
}

impl<'a> Array<'a, Document> for &'a [Value] {
    type Node = &'a Value;
    type ElementsIter = std::slice::Iter<'a, Value>;

    fn len(&self) -> usize {
        <[Value]>::len(self)
    }

    fn elements(&self) -> std::slice::Iter<'a, Value> {
        self.iter()
    }

    /// By value, so that digits beyond a double count.
    fn is_unique(&self) -> bool {
        let mut sorted: Vec<&Value> = self.iter().collect();
        sorted.sort_unstable();
        sorted.windows(2).all(|pair| match pair {
            [a, b] => a != b,
            _ => true,
        })
    }
}

/// A copy for the engine, with numbers as near as it can hold them.
pub(crate) fn to_serde(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => serde_json::Value::Number(to_serde_number(number)),
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => items.iter().map(to_serde).collect(),
        Value::Object(members) => members.iter().map(|(key, value)| (key.to_string(), to_serde(value))).collect(),
    }
}

fn equals(value: &Value, expected: &serde_json::Value) -> bool {
    match (value, expected) {
        (Value::Null, serde_json::Value::Null) => true,
        (Value::Bool(a), serde_json::Value::Bool(b)) => a == b,
        (Value::Number(a), serde_json::Value::Number(b)) => Number::parse(&b.to_string()).is_some_and(|b| *a == b),
        (Value::String(a), serde_json::Value::String(b)) => a == b.as_str(),
        (Value::Array(a), serde_json::Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equals(a, b))
        }
        (Value::Object(a), serde_json::Value::Object(b)) => {
            let mut members = a.iter();
            a.len() == b.len() && members.all(|(key, a)| b.get(key.as_str()).is_some_and(|b| equals(a, b)))
        }
        _ => false,
    }
}
