//! Normalizer: messages of many contracts become messages of one.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::contract::Contract;
use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{Diagnostic, codes};
use crate::endpoint::BoxFuture;
use crate::message::{Failure, Kind, Text};
use crate::route::compile::{Compiler, Place};
use crate::route::expression::Expression;
use crate::route::plan::{Placed, Sequence};
use crate::route::run::Run;
use crate::transform::{Wanted, of_json};

use super::transform::Mapping;
use super::validate::Validation;
use super::{Description, Flow, Pattern, Step};

/// Makes one contract of many: the first input whose rule fits is read by its contract, mapped by its transform, and
/// written by the one contract. A message that no rule fits fails for good.
///
/// Rules are best written over headers and properties, as `$headers.shop == "north"`: a rule over the document reads it as
/// JSON, and fails for XML.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Normalize {
    /// The contract of what goes on.
    pub to: Spanned<String>,
    /// What comes in, in the order in which the rules are tried.
    pub inputs: Vec<Spanned<Input>>,
}

/// One kind of message that comes in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NormalizeInput")]
pub struct Input {
    /// The rule, a jq expression; all that is left if it is left out.
    #[serde(default)]
    pub when: Option<Spanned<String>>,
    /// The transform to the one contract. Without it the message is of that contract already, and only validated.
    #[serde(default)]
    pub transform: Option<Spanned<String>>,
}

#[derive(Debug)]
struct Compiled {
    to: String,
    inputs: Vec<(Option<Expression>, Sequence)>,
}

impl Pattern for Normalize {
    fn compile(&self, place: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        let to = compiler.contract(&self.to);
        if self.inputs.is_empty() {
            compiler.report(
                Diagnostic::error(codes::STEP_SHAPE, compiler.file, place.span.clone(), "`normalize` has no inputs")
                    .hint("write `inputs: [{ when: …, transform: … }]`"),
            );
        }
        let known = compiler.flow.known().next().cloned();
        if let Some(known) = known {
            let message = format!("the document has the contract `{}` already", known.reference());
            compiler.report(
                Diagnostic::error(codes::CONTRACT_MISMATCH, compiler.file, place.span.clone(), message)
                    .hint("put `normalize` first, and leave out the route's `accepts`"),
            );
        }
        let mut inputs = Vec::new();
        let mut all_taken = false;
        for (position, input) in (1..).zip(&self.inputs) {
            if all_taken {
                let message = "no message gets to this input: the one before it takes all that is left";
                compiler.report(
                    Diagnostic::error(codes::STEP_UNREACHABLE, compiler.file, input.span.clone(), message)
                        .hint("put it before that one, or write a `when` there"),
                );
            }
            let when = input.value.when.as_ref().map(|when| compiler.expression(when));
            all_taken |= match &when {
                None => true,
                Some(when) => when.as_ref().and_then(Expression::constant_truth) == Some(true),
            };
            let step = self.step(&input.value, to.as_ref(), &format!("{}.{position}", place.id), compiler);
            inputs.push((when, step));
        }
        follow(&inputs, compiler);
        match &to {
            Some(to) => compiler.flow.becomes(Some(to.clone())),
            None => compiler.flow.becomes_anything(),
        }
        let whole = |(when, step): (Option<Option<Expression>>, Option<Placed>)| {
            Some((when.map_or(Some(None), |when| when.map(Some))?, Sequence { steps: vec![step?] }))
        };
        let inputs = inputs.into_iter().map(whole).collect::<Option<_>>()?;
        Some(Box::new(Compiled { to: to?.reference().to_owned(), inputs }))
    }
}

/// A rule is to hold for documents of its input, and gets those of the others too.
fn follow(inputs: &[(Option<Option<Expression>>, Option<Placed>)], compiler: &mut Compiler<'_>) {
    let takes = |step: &Option<Placed>| step.as_ref().map(|placed| placed.takes.clone());
    let Some(all) = inputs.iter().map(|(_, step)| takes(step)).collect::<Option<Vec<_>>>() else { return };
    let any = of_json(&all.concat());
    for ((when, _), takes) in inputs.iter().zip(&all) {
        if let Some(Some(when)) = when {
            compiler.follow(when, Arc::clone(&any), Wanted::Holds(of_json(takes)));
        }
    }
}

impl Normalize {
    /// The one step of an input.
    fn step(&self, input: &Input, to: Option<&Arc<Contract>>, id: &str, compiler: &mut Compiler<'_>) -> Option<Placed> {
        let Some(name) = &input.transform else {
            let to = to?.clone();
            return Some(placed(id, "validate", Box::new(Validation::of(to.clone())), &self.to, [to.clone(), to]));
        };
        let transform = compiler.transform(name)?;
        if let Some(to) = to.filter(|to| to.reference() != transform.to().reference()) {
            let message = format!("this transform gives `{}`, not `{}`", transform.to().reference(), to.reference());
            compiler.report(
                Diagnostic::error(codes::CONTRACT_MISMATCH, compiler.file, name.span.clone(), message)
                    .hint(format!("name a transform to `{}`", to.reference())),
            );
        }
        let contracts = [transform.from().clone(), transform.to().clone()];
        Some(placed(id, "transform", Box::new(Mapping::of(transform)), name, contracts))
    }
}

/// A step that stands where it is written, between documents of these contracts.
fn placed(
    id: &str,
    pattern: &'static str,
    step: Box<dyn Step>,
    written: &Spanned<String>,
    [from, to]: [Arc<Contract>; 2],
) -> Placed {
    let (id, span) = (Text::from(id), written.span.clone());
    Placed { id, pattern, step, retry: None, span, takes: vec![from], gives: vec![to] }
}

impl Compiled {
    fn choose(&self, run: &mut Run<'_>) -> Result<&Sequence, Failure> {
        for (when, step) in &self.inputs {
            let fits = match when {
                Some(when) => when.holds(run)?,
                None => true,
            };
            if fits {
                return Ok(step);
            }
        }
        Err(Failure::permanent(Kind::Contract, format!("no input of `{}` fits the message", self.to)))
    }
}

impl Step for Compiled {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(async move { self.choose(run)?.run(run).await })
    }

    fn reads(&self) -> Vec<&Arc<Contract>> {
        self.inputs.iter().flat_map(|(_, steps)| steps.reads()).collect()
    }

    fn describe(&self) -> Description<'_> {
        let inputs = self.inputs.iter().map(|(when, step)| match when {
            Some(when) => (format!("when {}", when.source()), step),
            None => ("otherwise".to_owned(), step),
        });
        Description { text: format!("make {} of it, by the first rule that fits", self.to), branches: inputs.collect() }
    }
}
