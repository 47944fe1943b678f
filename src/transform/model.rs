//! A transform file as the user wrote it.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::diagnostic::yaml::Spanned;
use crate::message::{Members, Number, Text, Value};

/// `transforms/….yaml`: a mapping from a document of one contract to one of another.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Transform")]
pub struct Model {
    /// What the mapping is for.
    #[serde(default)]
    pub description: Option<String>,
    /// The contract of the documents that come in, as `chat/order-status-request`.
    pub from: Spanned<String>,
    /// The contract of the documents that go out, as `erp/order-status#OrderStatusRequest`.
    pub to: Spanned<String>,
    /// Lookup tables by name, for `table("name")`; a key that a table lacks is a failure.
    #[serde(default)]
    pub tables: BTreeMap<String, BTreeMap<String, Spanned<Cell>>>,
    /// The jq program that builds the target document.
    pub map: Spanned<String>,
}

/// What a table has for a key: any value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell(pub Value);

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CellVisitor).map(Self)
    }
}

impl JsonSchema for Cell {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Cell".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        true.into()
    }
}

struct CellVisitor;

impl<'de> Visitor<'de> for CellVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        self.visit_number(&value.to_string())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        self.visit_number(&value.to_string())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Cell(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(Value::array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut members = Members::default();
        while let Some((key, Cell(value))) = entries.next_entry::<String, _>()? {
            members.insert(Text::from(key), value);
        }
        Ok(Value::object(members))
    }
}

impl CellVisitor {
    fn visit_number<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        Number::parse(text).map(Value::Number).ok_or_else(|| E::custom(format!("{text} is not a finite number")))
    }
}
