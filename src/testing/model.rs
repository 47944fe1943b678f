//! A test file as its author wrote it: cases of one route.

use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::json::Json;
use crate::diagnostic::yaml::Spanned;

/// One case: a message that comes, what the participants do, and what is expected.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What the case shows, in a few words.
    pub name: Spanned<String>,
    /// Messages that the route has processed before, in order. What becomes of them is not looked at.
    #[serde(default)]
    pub before: Vec<Spanned<Message>>,
    /// What conversations know before, by the name of their `state` and the key, as `{ chat: { s-1: { asked: 2 } } }`.
    #[serde(default)]
    pub state: Named<Named<Json>>,
    /// The message that comes. Where the route answers, it has a `reply_to` unless `properties` say otherwise.
    pub send: Spanned<Message>,
    /// How long the clock goes on after the message, as `10m`: a group of an `aggregate` whose time is over by then is
    /// complete, and a message that has waited in a `resequence` for so long goes on.
    #[serde(default)]
    pub wait: Option<Spanned<String>>,
    /// How the message comes.
    #[serde(default)]
    pub arrives: Option<Arrives>,
    /// What the endpoints do that the route calls and sends to, by the id of the step, or by the endpoint as `explain`
    /// names it: `queue`, or `exchange/routing key`. An endpoint that is sent to takes everything if nothing is
    /// said of it; one that is called must be said something of.
    #[serde(default)]
    pub participants: Named<OneOrMany<Answer>>,
    /// What is expected. What is not named is not looked at.
    #[serde(default)]
    pub expect: Option<Spanned<Expect>>,
}

/// How a message comes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arrives {
    /// The exchange to which it was published; the default exchange if left out.
    #[serde(default)]
    pub exchange: Option<String>,
    /// The routing key; the route's queue if left out.
    #[serde(default)]
    pub routing_key: Option<String>,
    /// When it comes, as `2026-01-31T12:00:00Z`; 1970 if left out. The clock stands still but for delays and timeouts.
    #[serde(default)]
    pub at: Option<Spanned<String>>,
}

/// A message. At most one of `json`, `json_file`, `xml`, `xml_file` and `text` gives its body. Paths are relative to the
/// test file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// JSON, written here. Numbers keep their digits.
    #[serde(default)]
    pub json: Option<Spanned<Json>>,
    /// A file of JSON.
    #[serde(default)]
    pub json_file: Option<Spanned<String>>,
    /// XML, written here.
    #[serde(default)]
    pub xml: Option<Spanned<String>>,
    /// A file of XML.
    #[serde(default)]
    pub xml_file: Option<Spanned<String>>,
    /// The body as it stands.
    #[serde(default)]
    pub text: Option<Spanned<String>>,
    /// Headers by name. Where they are expected, `null` is a header that must not be there, and those that are not named
    /// are not looked at.
    #[serde(default)]
    pub headers: Option<Spanned<Json>>,
    /// Properties by their names in AMQP, as `correlation_id` or `type`. The content type follows from the body if it
    /// is left out.
    #[serde(default)]
    pub properties: Option<Spanned<Json>>,
}

/// What a participant does with a message: it takes it, answers it, or fails. In a list, each is for one message in
/// turn, and the last one also for those that come after.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// What the participant must get.
    #[serde(default)]
    pub expect: Option<Spanned<Message>>,
    /// What it answers a call.
    #[serde(default)]
    pub reply: Option<Spanned<Message>>,
    /// How it fails.
    #[serde(default)]
    pub fail: Option<Spanned<Fail>>,
}

/// How an endpoint fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fail {
    /// No answer comes; of calls only.
    Timeout,
    /// The broker refuses the message, as it does for a full queue.
    Nack,
    /// No queue is bound.
    Unroutable,
    /// The connection is lost: the broker keeps the message and gives it again.
    Connection,
}

/// What is expected of a case.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// How it ends; `delivered` if left out.
    #[serde(default)]
    pub outcome: Option<Spanned<Ending>>,
    /// The answer to the sender, or `none`.
    #[serde(default)]
    pub reply: Option<Spanned<OrNone>>,
    /// Why it failed.
    #[serde(default)]
    pub failure: Option<Spanned<Failure>>,
    /// How often the route was run.
    #[serde(default)]
    pub attempts: Option<Spanned<u32>>,
    /// How long it waited between attempts, as `[5s, 30s]`.
    #[serde(default)]
    pub delays: Option<Spanned<Vec<Spanned<String>>>>,
    /// The dead letter.
    #[serde(default)]
    pub dead_letter: Option<Spanned<Message>>,
    /// Every message that an endpoint of a `to` has taken, by the step's id or the endpoint, a list where there are
    /// several. Endpoints that are not named must have taken none.
    #[serde(default)]
    pub sent: Option<Spanned<Named<OneOrMany<Message>>>>,
    /// What conversations know in the end, by the name of their `state` and the key; `null` of one that knows nothing.
    /// Those that are not named are not looked at.
    #[serde(default)]
    pub state: Option<Spanned<Named<Named<Json>>>>,
    /// The lines of the steps `log`, in order.
    #[serde(default)]
    pub log: Option<Spanned<Vec<Spanned<String>>>>,
}

/// How a message's way ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Everything that it caused is confirmed.
    Delivered,
    /// It was of no interest.
    Filtered,
    /// One like it was processed before.
    Duplicate,
    /// It is a part of a group that is not complete.
    Gathered,
    /// It waits for messages that belong before it.
    Buffered,
    /// It is in the dead-letter queue.
    DeadLettered,
    /// The connection was lost each time: the broker keeps it.
    Kept,
}

impl Ending {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Filtered => "filtered",
            Self::Duplicate => "duplicate",
            Self::Gathered => "gathered",
            Self::Buffered => "buffered",
            Self::DeadLettered => "dead_lettered",
            Self::Kept => "kept",
        }
    }
}

/// Why a message failed; the names are those of the dead letter's headers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// `transient` or `permanent`.
    #[serde(default)]
    pub class: Option<Spanned<String>>,
    /// `receive`, `process` or `send`.
    #[serde(default)]
    pub stage: Option<Spanned<String>>,
    /// As `contract` or `timeout`.
    #[serde(default, rename = "type")]
    pub kind: Option<Spanned<String>>,
    /// The id of the step.
    #[serde(default)]
    pub step: Option<Spanned<String>>,
    /// The path in the document.
    #[serde(default)]
    pub path: Option<Spanned<String>>,
    /// A part of the reason.
    #[serde(default)]
    pub reason: Option<Spanned<String>>,
}

/// A message, or the word `none`.
#[derive(Debug)]
pub enum OrNone {
    /// There must be none.
    None,
    /// This one.
    Some(Box<Message>),
}

impl<'de> Deserialize<'de> for OrNone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordOrMap;
        impl<'de> Visitor<'de> for WordOrMap {
            type Value = OrNone;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`none`, or a message as `{ json: … }`")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<OrNone, E> {
                match word {
                    "none" => Ok(OrNone::None),
                    word => Err(E::invalid_value(de::Unexpected::Str(word), &self)),
                }
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<OrNone, M::Error> {
                Message::deserialize(MapAccessDeserializer::new(map)).map(|message| OrNone::Some(Box::new(message)))
            }
        }
        deserializer.deserialize_any(WordOrMap)
    }
}

impl JsonSchema for OrNone {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "OrNone".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "oneOf": [{ "const": "none" }, generator.subschema_for::<Message>()] })
    }
}

/// A map in the order of the file, with the places of its names.
#[derive(Debug)]
pub struct Named<T>(pub Vec<(Spanned<String>, Spanned<T>)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Names<T> {
            type Value = Named<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map by the ids of steps")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Named<T>, M::Error> {
                let mut all = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    all.push(entry);
                }
                Ok(Named(all))
            }
        }
        deserializer.deserialize_map(Names(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("NamedBy{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": generator.subschema_for::<T>() })
    }
}

/// One, or a list.
#[derive(Debug)]
pub enum OneOrMany<T> {
    /// Without brackets.
    One(T),
    /// In brackets.
    Many(Vec<Spanned<T>>),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Both<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Both<T> {
            type Value = OneOrMany<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of keys, or a list of such maps")
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(OneOrMany::One)
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Self::Value, S::Error> {
                let mut all = Vec::new();
                while let Some(item) = list.next_element()? {
                    all.push(item);
                }
                Ok(OneOrMany::Many(all))
            }
        }
        deserializer.deserialize_any(Both(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("OneOrMany{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "oneOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    }
}
