//! Message Endpoint, the sending side.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};

use crate::diagnostic::{Diagnostic, codes};
use crate::endpoint::BoxFuture;
use crate::endpoint::settings::{AmqpTarget, Endpoint};
use crate::message::Failure;
use crate::route::compile::{Compiler, Place};
use crate::route::run::Run;
use crate::route::target::Target;

use super::{Description, Flow, Pattern, Step};

/// Sends the message, as it stands now, to one endpoint or to each of a list.
///
/// Everything that a route sends is published together after its last step, in the order of the steps: a message
/// that fails in a step has sent nothing, and trying it again sends nothing twice. The message is acknowledged
/// when the broker has confirmed all of it.
#[derive(Debug)]
pub struct To(Vec<Endpoint<AmqpTarget>>);

#[derive(Debug)]
struct Compiled {
    targets: Vec<Target>,
}

impl Pattern for To {
    fn compile(&self, place: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        compiler.sends = true;
        if self.0.is_empty() {
            compiler.report(
                Diagnostic::error(codes::STEP_SHAPE, compiler.file, place.span.clone(), "`to` names no endpoint")
                    .hint("write `to: { amqp: { exchange: …, routing_key: … } }`"),
            );
            return None;
        }
        let targets: Vec<_> = self.0.iter().map(|endpoint| compiler.endpoint(endpoint, &place.span)).collect();
        let targets = targets.into_iter().collect::<Option<_>>()?;
        Some(Box::new(Compiled { targets }))
    }
}

impl Compiled {
    fn send(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        for target in &self.targets {
            let address = target.address(run)?;
            run.send(address);
        }
        Ok(Flow::Continue)
    }
}

impl Step for Compiled {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(std::future::ready(self.send(run)))
    }

    fn targets(&self) -> &[Target] {
        &self.targets
    }

    fn looks(&self) -> bool {
        self.targets.iter().any(|target| matches!(target, Target::Computed { .. }))
    }

    fn describe(&self) -> Description<'_> {
        let targets: Vec<_> = self.targets.iter().map(ToString::to_string).collect();
        Description::line(format!("send to {}", targets.join(" and ")))
    }
}

impl<'de> Deserialize<'de> for To {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMany)
    }
}

struct OneOrMany;

impl<'de> Visitor<'de> for OneOrMany {
    type Value = To;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an endpoint, as `{ amqp: { … } }`, or a list of endpoints")
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<To, M::Error> {
        Endpoint::deserialize(MapAccessDeserializer::new(map)).map(|endpoint| To(vec![endpoint]))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<To, S::Error> {
        let mut endpoints = Vec::new();
        while let Some(endpoint) = list.next_element()? {
            endpoints.push(endpoint);
        }
        Ok(To(endpoints))
    }
}

impl JsonSchema for To {
    fn schema_name() -> Cow<'static, str> {
        "To".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<Endpoint<AmqpTarget>>();
        json_schema!({
            "description": "Sends the message, as it stands now, to one endpoint or to each of a list.",
            "oneOf": [one, { "type": "array", "items": one, "minItems": 1 }],
        })
    }
}
