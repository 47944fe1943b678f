//! Claim Check: a large body waits in the store while its message travels.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{Diagnostic, codes};
use crate::endpoint::BoxFuture;
use crate::endpoint::settings::parse_size;
use crate::message::Failure;
use crate::route::claim;
use crate::route::compile::{Compiler, Place};
use crate::route::run::Run;

use super::{Description, Flow, Pattern, Step};

const DEFAULT_ABOVE: usize = 64 << 10;

/// Puts the body of a large message into the store, or gets it back.
#[derive(Debug)]
pub enum ClaimCheck {
    /// Get the body back.
    Fetch,
    /// Put a large body into the store.
    Store(Settings),
}

/// Puts a body above a size into the store: what is sent from then on carries a reference to it in its headers, and an
/// empty body. The body is in the store, durably, before anything is sent. The steps of this route go on seeing the
/// document. Stands behind what changes the body, just before a `to`.
///
/// A body that is not in the store any more, when the message is taken, is a dead letter of the type `claim`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ClaimCheckStore")]
pub struct Settings {
    /// Bodies with more bytes than this are put into the store, as `256KiB`; `64KiB` if left out.
    #[serde(default)]
    pub above: Option<Spanned<String>>,
    /// How long the body stays in the store at least, as `72h`; `24h` if left out, from `1s` to `8760h`. It counts from
    /// this step, goes on while the message waits in a queue, and is not ended by getting the body: several may want it.
    #[serde(default)]
    pub keep: Option<Spanned<String>>,
}

#[derive(Debug)]
struct Fetch;

#[derive(Debug)]
struct Store {
    above: usize,
    keep: Duration,
    text: String,
}

impl Settings {
    fn above(&self, compiler: &mut Compiler<'_>) -> Option<usize> {
        let Some(written) = &self.above else { return Some(DEFAULT_ABOVE) };
        let above = parse_size(&written.value);
        if above.is_none() {
            let message = format!("`{}` is not a size", written.value);
            compiler.report(
                Diagnostic::error(codes::VALUE_INVALID, compiler.file, written.span.clone(), message)
                    .hint("write digits and a unit, as `64KiB` or `1MiB`"),
            );
        }
        above
    }
}

impl Pattern for ClaimCheck {
    fn compile(&self, place: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        compiler.stores(&place.span);
        let Self::Store(settings) = self else { return Some(Box::new(Fetch)) };
        let (above, keep) = (settings.above(compiler), compiler.keep(settings.keep.as_ref()));
        let written = |written: &Option<Spanned<String>>, default: &str| {
            written.as_ref().map_or_else(|| default.to_owned(), |written| written.value.clone())
        };
        let (over, long) = (written(&settings.above, "64KiB"), written(&settings.keep, "24h"));
        let text = format!("put a body above {over} into the store for {long}; a reference travels");
        Some(Box::new(Store { above: above?, keep: keep?, text }))
    }
}

impl Step for Fetch {
    /// It was done before the first step, as for each route with a step that looks.
    fn run<'a>(&'a self, _: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(std::future::ready(Ok(Flow::Continue)))
    }

    fn describe(&self) -> Description<'_> {
        Description::line("get a body back that waits in the store, before anything else")
    }
}

impl Step for Store {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(async {
            if run.message().body.len() > self.above {
                let ticket = claim::check_in(run.ports(), &run.message().body, self.keep).await?;
                run.check_in(ticket);
            }
            Ok(Flow::Continue)
        })
    }

    fn looks(&self) -> bool {
        false
    }

    fn describe(&self) -> Description<'_> {
        Description::line(self.text.as_str())
    }
}

impl<'de> Deserialize<'de> for ClaimCheck {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FetchOrStore)
    }
}

struct FetchOrStore;

impl<'de> Visitor<'de> for FetchOrStore {
    type Value = ClaimCheck;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`fetch`, or a map as `{ above: 64KiB, keep: 24h }`")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<ClaimCheck, E> {
        match word {
            "fetch" => Ok(ClaimCheck::Fetch),
            word => Err(E::invalid_value(de::Unexpected::Str(word), &self)),
        }
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<ClaimCheck, M::Error> {
        Settings::deserialize(MapAccessDeserializer::new(map)).map(ClaimCheck::Store)
    }
}

impl JsonSchema for ClaimCheck {
    fn schema_name() -> Cow<'static, str> {
        "ClaimCheck".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Puts the body of a large message into the store, or gets it back. `fetch` gets it back before \
                            the first step, for a route that passes messages on to those who do not know the store; a \
                            route that looks at its messages gets the body without being told so. Needs a `store` in \
                            `trunkline.yaml`; if another bus takes the message, the same Redis.",
            "anyOf": [{ "const": "fetch" }, generator.subschema_for::<Settings>()],
        })
    }
}
