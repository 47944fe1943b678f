//! A route as its author wrote it: plain data with places, nothing resolved.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::diagnostic::yaml::Spanned;
use crate::endpoint::settings::{AmqpSource, Endpoint};

use super::step::{self, Settings};

/// One file below `routes/`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// What the route is for, in a sentence.
    #[serde(default)]
    pub description: Option<String>,
    /// Where the messages come from.
    pub from: Spanned<Endpoint<AmqpSource>>,
    /// The contract of the messages, as `chat/order` or `erp/order#Order`. Without it a body is not looked at
    /// until a step needs its document.
    #[serde(default)]
    pub accepts: Option<Spanned<String>>,
    /// What is done with a message, in order.
    #[serde(default)]
    pub steps: Steps,
    /// Answers the sender at its `reply_to`, with its `correlation_id`, after the last step.
    #[serde(default)]
    pub reply: Option<Spanned<Reply>>,
    /// Strictly in order: one message at a time, a failed one holds up all others until it has passed or is dead.
    #[serde(default)]
    pub ordered: Option<Spanned<bool>>,
    /// A jq expression that gives the key of a message, as `$headers.customer`: messages of one key are processed in
    /// order, those of different keys side by side. A failed message holds up its key alone.
    #[serde(default)]
    pub ordered_by: Option<Spanned<String>>,
    /// What happens when a message fails.
    #[serde(default)]
    pub on_error: OnError,
}

/// One file below `steps/`: steps that several routes share, each by a step `run`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubRoute {
    /// What the steps are for, in a sentence.
    #[serde(default)]
    pub description: Option<String>,
    /// The contract of the documents that come here.
    #[serde(default)]
    pub accepts: Option<Spanned<String>>,
    /// What is done with a message, in order.
    pub steps: Steps,
}

/// Steps in order.
pub type Steps = Vec<Spanned<Step>>;

/// The answer to the sender. If the message fails for good, the sender gets an answer without a body, whose header
/// `trunkline-error` says why.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The contract that the answer keeps.
    #[serde(default)]
    pub contract: Option<Spanned<String>>,
}

/// What happens when a message fails.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OnError {
    /// Which failures are tried again, and how often. Only transient ones are: a timeout, a broker's nack.
    #[serde(default)]
    pub retry: Retry,
    /// When the route stops taking messages because an endpoint fails; `off` to go on whatever fails.
    #[serde(default)]
    pub breaker: BreakerSetting,
}

/// The circuit breaker, or that there is none.
#[derive(Debug)]
pub enum BreakerSetting {
    /// The route goes on whatever fails.
    Off,
    /// The route stops when an endpoint fails again and again.
    On(Breaker),
}

/// A circuit breaker for each endpoint of the route. A failure is no answer in time, an answer that tells of a failure for
/// the moment, or a broker's nack; a success begins the count anew. While the breaker is open, the route takes nothing,
/// and what fails waits in its place. After the pause one message is tried: it closes the breaker, or another pause begins.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Breaker {
    /// Failures in a row at one endpoint that open it, from 1 to 10000; 20 if left out.
    #[serde(default)]
    pub failures: Option<Spanned<u32>>,
    /// How long the route then takes nothing, from 100ms to 10m; 30 seconds if left out.
    #[serde(default)]
    pub pause: Option<Spanned<String>>,
}

impl Default for BreakerSetting {
    fn default() -> Self {
        Self::On(Breaker::default())
    }
}

impl<'de> Deserialize<'de> for BreakerSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OffOrMap;
        impl<'de> Visitor<'de> for OffOrMap {
            type Value = BreakerSetting;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`off`, or a map as `{ failures: 20, pause: 30s }`")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<BreakerSetting, E> {
                match word {
                    "off" => Ok(BreakerSetting::Off),
                    word => Err(E::invalid_value(de::Unexpected::Str(word), &self)),
                }
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<BreakerSetting, M::Error> {
                Breaker::deserialize(MapAccessDeserializer::new(map)).map(BreakerSetting::On)
            }
        }
        deserializer.deserialize_any(OffOrMap)
    }
}

impl JsonSchema for BreakerSetting {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "BreakerSetting".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "oneOf": [{ "const": "off" }, generator.subschema_for::<Breaker>()] })
    }
}

/// How often a transient failure is tried again.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Further attempts at once, from 0 to 100; 2 if left out.
    #[serde(default)]
    pub immediate: Option<Spanned<u32>>,
    /// Further attempts later, each after a delay from 1ms to 7 days, at most 20; `[5s, 30s, 5m]` if left out, and
    /// none where the route replies: who asked has given up by then. A message waits in the queue
    /// `<queue>.retry.<ms>` of the broker; in a route that keeps order it waits in its place, at most 15 minutes in all.
    #[serde(default)]
    pub delayed: Option<Spanned<Vec<Spanned<String>>>>,
}

/// How often a step that sends is tried again at once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepRetry {
    /// Further attempts of this step alone, from 0 to 100. They stand in place of the route's `immediate`: when they are
    /// used up, the message goes down the delays of the route.
    #[serde(default)]
    pub immediate: Option<Spanned<u32>>,
    /// Belongs to the route, which is told to who writes it here.
    #[serde(default)]
    #[schemars(skip)]
    pub delayed: Option<Spanned<IgnoredAny>>,
}

/// One step: a map with one pattern's name as key and, if wanted, an `id` and a `retry`.
///
/// Reading accepts more than that, so that the compiler can name every mistake of a file at once.
#[derive(Debug, Default)]
pub struct Step {
    /// Names the step in failures, logs and metrics.
    pub id: Option<Spanned<String>>,
    /// How often it is tried again at once; for steps that send.
    pub retry: Option<Spanned<StepRetry>>,
    /// The pattern; `None` beside a name that is none.
    pub patterns: Vec<(Spanned<String>, Option<Settings>)>,
    /// The step is a single word instead of a map.
    pub word: Option<String>,
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StepVisitor)
    }
}

struct StepVisitor;

impl<'de> Visitor<'de> for StepVisitor {
    type Value = Step;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a step, as `transform: chat/order-to-erp`")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Step, E> {
        Ok(Step { word: Some(word.to_owned()), ..Step::default() })
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Step, M::Error> {
        let mut step = Step::default();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            if key.value == "id" {
                step.id = Some(map.next_value()?);
                continue;
            }
            if key.value == "retry" {
                step.retry = Some(map.next_value()?);
                continue;
            }
            let settings = Settings::read(&key.value, &mut map)?;
            if settings.is_none() {
                map.next_value::<IgnoredAny>()?;
            }
            step.patterns.push((key, settings));
        }
        Ok(step)
    }
}

impl JsonSchema for Step {
    fn schema_name() -> Cow<'static, str> {
        "Step".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut patterns = Vec::new();
        for (name, settings) in step::schemas(generator) {
            patterns.push(json_schema!({
                "type": "object",
                "properties": {
                    "id": { "type": "string", "description": "Names the step in failures, logs and metrics." },
                    "retry": generator.subschema_for::<StepRetry>(),
                    name: settings,
                },
                "required": [name],
                "additionalProperties": false,
            }));
        }
        json_schema!({
            "description": "One step: one pattern's name with its settings and, if wanted, an `id`. Beside `call` and `to` \
                            may stand `retry: { immediate: 3 }`: how often this step alone is tried again at once, \
                            before the message goes down the route's delays.",
            "oneOf": patterns,
        })
    }
}
