//! Durations and sizes as people write them.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::endpoint::settings::{SIZE_UNITS, parse_duration, parse_size};

/// A duration: digits and `ms`, `s`, `m` or `h`, as `250ms`, `5s`, `2m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub std::time::Duration);

/// A number of bytes: digits and `B`, `KiB`, `MiB` or `GiB`, as `64KiB`, `16MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub usize);

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        match [("h", 3_600_000), ("m", 60_000), ("s", 1_000)]
            .into_iter()
            .find(|(_, n)| millis > 0 && millis.is_multiple_of(*n))
        {
            Some((unit, factor)) => write!(f, "{}{unit}", millis / factor),
            None => write!(f, "{millis}ms"),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match SIZE_UNITS.into_iter().find(|(_, factor)| self.0 > 0 && self.0.is_multiple_of(*factor)) {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{}B", self.0),
        }
    }
}

macro_rules! written_as_text {
    ($type:ident, $parse:expr, $what:literal, $pattern:literal) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl de::Visitor<'_> for Visitor {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($what)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        $parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
                    }
                }
                deserializer.deserialize_str(Visitor)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    };
}

written_as_text!(
    Duration,
    |text| parse_duration(text).map(Duration),
    "a duration as `250ms`, `5s`, `2m` or `1h`",
    "^[0-9]+(ms|s|m|h)$"
);
written_as_text!(
    Size,
    |text| parse_size(text).map(Size),
    "a size as `512B`, `64KiB`, `16MiB` or `1GiB`",
    "^[0-9]+(B|KiB|MiB|GiB)$"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_sizes() {
        for (text, bytes) in [("0B", 0), ("512B", 512), ("64KiB", 65_536), ("16MiB", 16 << 20), ("1GiB", 1 << 30)] {
            assert_eq!(parse_size(text), Some(bytes));
            assert_eq!(Size(bytes).to_string(), text);
        }
        for wrong in
            ["", "5", "KiB", "5KB", "5 MiB", "-1B", "1.5MiB", "99999999999999999999GiB", "18446744073709551615KiB"]
        {
            assert_eq!(parse_size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn writes_durations_as_they_are_read() {
        for text in ["0ms", "250ms", "5s", "90s", "2m", "1h"] {
            assert_eq!(parse_duration(text).map(|read| Duration(read).to_string()).as_deref(), Some(text));
        }
    }
}
