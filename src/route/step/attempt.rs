//! Error handling of its own for a part of a route.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{Diagnostic, codes, did_you_mean};
use crate::endpoint::BoxFuture;
use crate::message::{Failure, Field, Kind, Text, header_names};
use crate::route::compile::{Compiler, Place};
use crate::route::model::Steps;
use crate::route::plan::Sequence;
use crate::route::run::Run;

use super::split::has_no_steps;
use super::{Description, Flow, Pattern, Step};

/// Runs `steps`; if one of them fails, the message becomes again what it was before them, nothing that they wanted to send
/// is sent, and the first `catch` that fits runs instead. The route goes on after either. A failure that no `catch` fits is
/// the message's.
///
/// In a `catch` the headers `trunkline-failure-class`, `-type`, `-step` and `-reason` tell what failed; they leave with what
/// it sends. A `catch` that ends with `fail` has compensated, by a `call`, and fails the message all the same. What was
/// called before is not undone, and is called again when the message is tried again. A lost connection is not caught, nor
/// is that the broker refuses what is sent: that is known after the last step of the route only.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Try {
    /// What may fail.
    pub steps: Spanned<Steps>,
    /// What is done then.
    pub catch: Vec<Catch>,
}

/// What is done when a step of a `try` has failed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Catch {
    /// The types of failures, as `[timeout, participant]`; all if left out.
    #[serde(default)]
    pub on: Option<Vec<Spanned<String>>>,
    /// The steps.
    pub steps: Steps,
}

#[derive(Debug)]
struct Compiled {
    steps: Sequence,
    catches: Vec<(Option<Vec<Kind>>, Sequence)>,
}

impl Pattern for Try {
    fn compile(&self, place: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        if self.steps.is_empty() {
            has_no_steps(compiler, &place.span, "try");
        }
        if self.catch.is_empty() {
            compiler.report(
                Diagnostic::error(codes::STEP_SHAPE, compiler.file, place.span.clone(), "`try` catches nothing")
                    .hint("write `catch: [{ steps: […] }]`"),
            );
        }
        let before = compiler.flow.clone();
        let steps = compiler.guarded("try", &self.steps, &format!("{}.steps", place.id));
        let mut ends = vec![compiler.flow.clone()];
        let mut catches = Vec::new();
        for (position, catch) in (1..).zip(&self.catch) {
            let kinds = catch.on.as_ref().map(|names| names.iter().filter_map(|name| kind(compiler, name)).collect());
            compiler.flow = before.clone();
            let steps = compiler.guarded("try", &catch.steps, &format!("{}.catch.{position}", place.id));
            ends.push(compiler.flow.clone());
            catches.push((kinds, steps));
        }
        compiler.flow.join(ends);
        Some(Box::new(Compiled { steps, catches }))
    }
}

fn kind(compiler: &mut Compiler<'_>, name: &Spanned<String>) -> Option<Kind> {
    let kinds = Kind::ALL.iter().filter(|kind| **kind != Kind::Connection);
    let found = kinds.clone().find(|kind| kind.name() == name.value).copied();
    if found.is_none() {
        let names: Vec<_> = kinds.map(|kind| kind.name()).collect();
        let hint = match name.value.as_str() {
            "connection" => {
                "remove it: a message whose connection is lost comes again, and is not tried to its end".into()
            }
            _ => similar(&name.value, &names),
        };
        let message = format!("`{}` is no type of failure that can be caught", name.value);
        compiler.report(Diagnostic::error(codes::VALUE_INVALID, compiler.file, name.span.clone(), message).hint(hint));
    }
    found
}

fn similar(name: &str, names: &[&'static str]) -> String {
    match did_you_mean(name, names.iter().copied()) {
        Some(similar) => format!("write `{similar}`"),
        None => format!("types of failures: {}", names.join(", ")),
    }
}

impl Compiled {
    async fn attempt(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let mut fork = run.fork();
        let failure = match self.steps.run(&mut fork).await {
            Ok(flow) => {
                run.adopt(fork);
                return Ok(flow);
            }
            Err(failure) => failure,
        };
        drop(fork);
        let fits = |kinds: &Option<Vec<Kind>>| kinds.as_ref().is_none_or(|kinds| kinds.contains(&failure.kind));
        let caught = self.catches.iter().find(|(kinds, _)| failure.kind != Kind::Connection && fits(kinds));
        let Some((_, steps)) = caught else { return Err(failure) };
        let before = tell(run, &failure);
        let flow = steps.run(run).await?;
        for (name, value) in TOLD.into_iter().zip(before) {
            match value {
                Some(value) => drop(run.headers_mut().insert(Text::borrowed(name), value)),
                None => drop(run.headers_mut().remove(name)),
            }
        }
        Ok(flow)
    }
}

/// The headers that tell a `catch` what failed.
const TOLD: [&str; 4] =
    [header_names::FAILURE_CLASS, header_names::FAILURE_TYPE, header_names::FAILURE_STEP, header_names::FAILURE_REASON];

/// Tells what failed, and gives what stood there before: a `catch` may stand in another one.
fn tell(run: &mut Run<'_>, failure: &Failure) -> [Option<Field>; 4] {
    let reason: String = failure.reason.chars().take(500).collect();
    let step = failure.step.as_deref().unwrap_or_default();
    let told = [failure.class.name(), failure.kind.name(), step, &reason];
    let mut before = [None, None, None, None];
    for ((name, value), before) in TOLD.into_iter().zip(told).zip(&mut before) {
        *before = run.headers_mut().insert(Text::borrowed(name), Field::text(value));
    }
    before
}

impl Step for Compiled {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(self.attempt(run))
    }

    fn describe(&self) -> Description<'_> {
        let mut branches = vec![("try".to_owned(), &self.steps)];
        branches.extend(self.catches.iter().map(|(kinds, steps)| match kinds {
            Some(kinds) => {
                let kinds: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
                (format!("catch {}", kinds.join(", ")), steps)
            }
            None => ("catch any failure".to_owned(), steps),
        }));
        Description { text: "handle failures of these steps here".to_owned(), branches }
    }
}
