//! What files refer to, read from their plain YAML: it serves the search for what nobody uses.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::diagnostic::{SourceFile, yaml};

/// The names that stand as scalar values of certain keys.
#[derive(Debug, Default)]
pub(super) struct References {
    /// Of `accepts`, `contract`, `validate`, `from`, `to`.
    pub(super) contracts: BTreeSet<String>,
    /// Of `run`.
    pub(super) steps: BTreeSet<String>,
    /// Of `transform` and `request`.
    pub(super) transforms: BTreeSet<String>,
}

impl References {
    /// Adds those of a file. A file that is not YAML has none; its compiler says so.
    pub(super) fn add(&mut self, file: &SourceFile) {
        let Ok(Scan(pairs)) = yaml::parse(file) else { return };
        for (key, value) in pairs {
            match key.as_str() {
                "run" => drop(self.steps.insert(value)),
                "transform" | "request" => drop(self.transforms.insert(value)),
                "accepts" | "contract" | "validate" | "from" | "to" => {
                    self.contracts.insert(value.split('#').next().unwrap_or_default().to_owned());
                }
                _ => {}
            }
        }
    }
}

/// Every key with a scalar value, at any depth.
struct Scan(Vec<(String, String)>);

enum Item {
    Scalar(String),
    Nested(Vec<(String, String)>),
}

impl<'de> Deserialize<'de> for Scan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Item::deserialize(deserializer)? {
            Item::Scalar(_) => Ok(Self(Vec::new())),
            Item::Nested(pairs) => Ok(Self(pairs)),
        }
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Item, E> {
        Ok(Item::Nested(Vec::new()))
    }

    fn visit_none<E>(self) -> Result<Item, E> {
        Ok(Item::Nested(Vec::new()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Item, E> {
        Ok(Item::Nested(Vec::new()))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Item, E> {
        Ok(Item::Nested(Vec::new()))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Item, E> {
        Ok(Item::Nested(Vec::new()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Item, E> {
        Ok(Item::Nested(Vec::new()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Item, E> {
        Ok(Item::Scalar(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Item, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            if let Item::Nested(pairs) = item {
                all.extend(pairs);
            }
        }
        Ok(Item::Nested(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Item, A::Error> {
        let mut all = Vec::new();
        while let Some(key) = entries.next_key::<String>()? {
            if key == "map" {
                entries.next_value::<IgnoredAny>()?;
                continue;
            }
            match entries.next_value()? {
                Item::Scalar(value) => all.push((key, value)),
                Item::Nested(pairs) => all.extend(pairs),
            }
        }
        Ok(Item::Nested(all))
    }
}
