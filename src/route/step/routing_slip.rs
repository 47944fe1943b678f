//! Routing Slip: the message tells which stations it passes, in which order.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{Diagnostic, codes};
use crate::endpoint::BoxFuture;
use crate::message::{Failure, Kind, Text};
use crate::route::compile::{Compiler, Place};
use crate::route::expression::Expression;
use crate::route::model::Steps;
use crate::route::plan::Sequence;
use crate::route::run::Run;
use crate::transform::Wanted;

use super::recipient_list::{brief, names};
use super::split::{has_no_steps, number};
use super::{Description, Flow, Pattern, Step};

const DEFAULT_AT_MOST: u32 = 20;
const MOST_STATIONS: u32 = 100;

/// Runs the steps of each station that an expression names, in that order, each on what the one before has left. A name
/// that is no station is a permanent failure, before the first station is run. When a message is tried again, it passes
/// all of its stations again, and their calls are made again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoutingSlip {
    /// The names, a jq expression that gives an array of texts, as `$headers.slip`. It is looked at once, at the beginning.
    pub names: Spanned<String>,
    /// The steps of each station.
    pub stations: BTreeMap<String, Spanned<Steps>>,
    /// How many stations a message may pass, from 1 to 100; 20 if left out. One with more fails.
    #[serde(default)]
    pub at_most: Option<Spanned<u32>>,
}

#[derive(Debug)]
struct Compiled {
    names: Expression,
    stations: Vec<(Text, Sequence)>,
    at_most: u32,
}

impl Pattern for RoutingSlip {
    fn compile(&self, place: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        if self.stations.is_empty() {
            let message = "`routing_slip` has no stations";
            compiler.report(
                Diagnostic::error(codes::STEP_SHAPE, compiler.file, place.span.clone(), message)
                    .hint("write `stations: { name: [ …steps… ] }`"),
            );
        }
        let names = compiler.expression_of_document(&self.names, Wanted::Names("names"));
        let at_most = number(compiler, self.at_most.as_ref(), MOST_STATIONS).unwrap_or(DEFAULT_AT_MOST);
        let (mut stations, mut ends) = (Vec::new(), Vec::new());
        // Any station may come before.
        let round = compiler.flow.begins_round();
        for (position, (name, steps)) in (1..).zip(&self.stations) {
            if steps.is_empty() {
                has_no_steps(compiler, &steps.span, "routing_slip");
            }
            compiler.flow.becomes_made(Arc::clone(&round));
            let steps = compiler.guarded("routing_slip", steps, &format!("{}.{position}", place.id));
            ends.extend(compiler.flow.left());
            let _never_beyond = compiler.flow.take_end();
            stations.push((Text::from(name.as_str()), steps));
        }
        round.comes_around(&ends);
        compiler.flow.becomes_made(round);
        Some(Box::new(Compiled { names: names?, stations, at_most }))
    }
}

impl Compiled {
    async fn pass(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let names = names(&self.names.one(run)?)?;
        if names.len() > self.at_most as usize {
            let reason = format!("the slip names {} stations, and at most {} are passed", names.len(), self.at_most);
            return Err(Failure::permanent(Kind::Limit, reason));
        }
        let station = |name: &Text| {
            self.stations.iter().find(|(known, _)| known == name).map(|(_, steps)| steps).ok_or_else(|| {
                Failure::permanent(Kind::Mapping, format!("the slip names `{}`, which is no station", brief(name)))
            })
        };
        for steps in names.iter().map(station).collect::<Result<Vec<_>, _>>()? {
            match steps.run(run).await? {
                Flow::Continue => {}
                end => return Ok(end),
            }
        }
        Ok(Flow::Continue)
    }
}

impl Step for Compiled {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(self.pass(run))
    }

    fn describe(&self) -> Description<'_> {
        let text = format!("pass the stations {}, at most {}", self.names.source(), self.at_most);
        let branches = self.stations.iter().map(|(name, steps)| (format!("station {name}"), steps)).collect();
        Description { text, branches }
    }
}
