//! Message History: the message tells where it has been.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::yaml::Spanned;
use crate::endpoint::BoxFuture;
use crate::message::{Failure, Field, Text, header_names};
use crate::route::compile::{Compiler, Place};
use crate::route::dead_letter::rfc3339;
use crate::route::run::Run;

use super::split::number;
use super::{Description, Flow, Pattern, Step};

const DEFAULT_AT_MOST: u32 = 20;
const MOST: u32 = 100;
/// The longest entry, in bytes. What is longer was not written by a bus.
const LONGEST: usize = 300;

/// Adds this route and the time to the header `trunkline-history`, a list of texts as
/// `2026-11-20T10:15:30.000Z shop/new-order`, the oldest first. What is sent and called from here on carries it, and the
/// routes that have this step add to it. Of a list that is full the oldest are dropped. May have no settings:
/// `message_history: {}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageHistory {
    /// How many entries are kept, from 1 to 100; 20 if left out.
    #[serde(default)]
    pub at_most: Option<Spanned<u32>>,
}

#[derive(Debug)]
struct Compiled {
    at_most: usize,
}

impl Pattern for MessageHistory {
    fn compile(&self, _: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        let at_most = number(compiler, self.at_most.as_ref(), MOST).unwrap_or(DEFAULT_AT_MOST);
        Some(Box::new(Compiled { at_most: at_most as usize }))
    }
}

impl Compiled {
    fn note(&self, run: &mut Run<'_>) {
        let entry = Field::text(format!("{} {}", rfc3339(run.ports().now()), run.route()));
        let headers = run.headers_mut();
        let mut entries = match headers.remove(header_names::HISTORY) {
            Some(Field::Array(entries)) => entries,
            _ => Vec::new(),
        };
        entries.retain(|entry| entry.as_str().is_some_and(|text| text.len() <= LONGEST));
        entries.push(entry);
        let beyond = entries.len().saturating_sub(self.at_most);
        entries.drain(..beyond);
        headers.insert(Text::borrowed(header_names::HISTORY), Field::Array(entries));
    }
}

impl Step for Compiled {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        self.note(run);
        Box::pin(std::future::ready(Ok(Flow::Continue)))
    }

    fn looks(&self) -> bool {
        false
    }

    fn describe(&self) -> Description<'_> {
        Description::line(format!("note in a header that it was here, at most {} entries", self.at_most))
    }
}
