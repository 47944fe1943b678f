//! Throttle: no more messages than so many in a time.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{Diagnostic, codes};
use crate::endpoint::BoxFuture;
use crate::message::Failure;
use crate::route::compile::{Compiler, Place};
use crate::route::run::Run;

use super::split::number;
use super::{Description, Flow, Pattern, Step};

const MOST: u32 = 100_000;
const SHORTEST_PERIOD: Duration = Duration::from_millis(10);
const LONGEST_PERIOD: Duration = Duration::from_secs(10 * 60);

/// Lets so many messages pass in a time, evenly spread and in the order in which they came here: with `messages: 10` and
/// `per: 1s` one message each 100 ms. The others wait in their places. As the route takes no more than its `prefetch`, all
/// further ones stay in its queue. Each instance of the bus counts by itself; after a change of the route it begins anew.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Throttle {
    /// How many messages, from 1 to 100000.
    pub messages: Spanned<u32>,
    /// In which time, as `1s`: from `10ms` to `10m`.
    pub per: Spanned<String>,
}

#[derive(Debug)]
struct Compiled {
    id: String,
    every: Duration,
    text: String,
}

impl Pattern for Throttle {
    fn compile(&self, place: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        let messages = number(compiler, Some(&self.messages), MOST)?.max(1);
        let period = compiler.duration(&self.per, SHORTEST_PERIOD, LONGEST_PERIOD)?;
        compiler.stands_alone("throttle", &place.span);
        let every = period / messages;
        if every < Duration::from_micros(10) {
            let message = format!("{messages} messages in {} are more than any route processes", self.per.value);
            compiler.report(
                Diagnostic::error(codes::VALUE_INVALID, compiler.file, self.messages.span.clone(), message)
                    .hint("remove the `throttle`, or let fewer messages pass"),
            );
        }
        compiler.paced(every, &place.span);
        let text = format!("let {messages} messages pass per {}", self.per.value);
        Some(Box::new(Compiled { id: place.id.to_owned(), every, text }))
    }
}

impl Step for Compiled {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        let ports = run.ports();
        Box::pin(async move {
            ports.pass(&self.id, self.every).await;
            Ok(Flow::Continue)
        })
    }

    fn looks(&self) -> bool {
        false
    }

    fn describe(&self) -> Description<'_> {
        Description::line(self.text.clone())
    }
}
