//! Splitter: each part of a message goes a way of its own.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::contract::Contract;
use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{Diagnostic, codes};
use crate::endpoint::BoxFuture;
use crate::message::{Failure, Field, Kind, Text, Value, header_names};
use crate::route::compile::{Compiler, Place};
use crate::route::expression::Expression;
use crate::route::left::MOST_PARTS;
use crate::route::model::Steps;
use crate::route::plan::Sequence;
use crate::route::run::Run;
use crate::route::run::parts::{How, OnFailure};
use crate::route::target::SHORT_STRING;
use crate::transform::{Documents, Wanted};

use super::{Description, Flow, Pattern, Step};

const DEFAULT_AT_MOST: u32 = 1000;
const MOST_PARALLEL: u32 = 100;

/// Makes a message of each item of an array and runs `steps` for each, in order. Then the route goes on with the message
/// as it was before. It is acknowledged when all that its parts have sent is confirmed, or what failed lies in the
/// dead-letter queue.
///
/// A part has the headers and properties of the message; its `message_id` is that of the message with a dot and its
/// position, the same in every attempt (a new one where the message has none), and the headers `trunkline-part-of`,
/// `trunkline-part-position` and `trunkline-part-count` tell where it belongs. A `filter` or `stop` among the steps ends
/// the part alone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// The parts, a jq expression that gives an array, as `.lines`.
    pub by: Spanned<String>,
    /// The contract of a part. Without it a part is JSON as it stands.
    #[serde(default)]
    pub contract: Option<Spanned<String>>,
    /// What is done with each part.
    pub steps: Steps,
    /// The most parts that a message may have, from 1 to 10000; 1000 if left out. A message with more fails.
    #[serde(default)]
    pub at_most: Option<Spanned<u32>>,
    /// How many parts are processed at a time, from 1 to 100; 1 if left out. What they send stays in order.
    #[serde(default)]
    pub parallel: Option<Spanned<u32>>,
    /// What the failure of a part means for the others; `apart` if left out, but `together` where the split stands among
    /// the steps of another part.
    #[serde(default)]
    pub on_failure: Option<Spanned<OnFailure>>,
}

#[derive(Debug)]
struct Compiled {
    by: Expression,
    contract: Option<Arc<Contract>>,
    steps: Sequence,
    at_most: u32,
    how: How,
}

impl Pattern for Split {
    fn compile(&self, place: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        let contract = match &self.contract {
            Some(reference) => compiler.contract(reference).map(Some),
            None => Some(None),
        };
        let wanted = Wanted::Parts(contract.clone().flatten());
        let by = compiler.expression_of_document(&self.by, wanted);
        let before = compiler.flow.clone();
        match (&contract, &by) {
            (Some(Some(contract)), _) => compiler.flow.becomes(Some(contract.clone())),
            (Some(None), Some(by)) => {
                let parts = Documents::made(by.program(), before.documents());
                compiler.flow.becomes_made(Documents::item(&parts));
            }
            _ => compiler.flow.becomes_anything(),
        }
        let steps = compiler.fork("split", &self.steps, place.id);
        compiler.flow = before;
        if self.steps.is_empty() {
            has_no_steps(compiler, &place.span, "split");
        }
        let at_most = number(compiler, self.at_most.as_ref(), MOST_PARTS).unwrap_or(DEFAULT_AT_MOST);
        let parallel = number(compiler, self.parallel.as_ref(), MOST_PARALLEL).unwrap_or(1);
        let on_failure = on_failure(compiler, self.on_failure.as_ref(), OnFailure::Apart);
        let how = How { noun: "part", parallel: parallel as usize, on_failure, goes_on: false };
        Some(Box::new(Compiled { by: by?, contract: contract?, steps, at_most, how }))
    }
}

/// Reports that a step with steps of its own has none.
pub(super) fn has_no_steps(compiler: &mut Compiler<'_>, span: &Range<usize>, pattern: &str) {
    let message = format!("`{pattern}` has no steps");
    compiler.report(
        Diagnostic::error(codes::STEP_SHAPE, compiler.file, span.clone(), message)
            .hint("write them below `steps:`, each as `- to: …`"),
    );
}

/// A number from 1 to `most`, if one is written.
pub(super) fn number(compiler: &mut Compiler<'_>, written: Option<&Spanned<u32>>, most: u32) -> Option<u32> {
    let written = written?;
    if !(1..=most).contains(&written.value) {
        let message = format!("{} is out of range", written.value);
        compiler.report(
            Diagnostic::error(codes::VALUE_INVALID, compiler.file, written.span.clone(), message)
                .hint(format!("write a number from 1 to {most}")),
        );
    }
    Some(written.value)
}

/// What the failure of a part means; what stands among the steps of another part fails with that.
pub(super) fn on_failure(
    compiler: &mut Compiler<'_>,
    written: Option<&Spanned<OnFailure>>,
    default: OnFailure,
) -> OnFailure {
    let wanted = written.map_or(default, |written| written.value);
    if let (Some(outer), Some(written), OnFailure::Apart) = (compiler.part, written, wanted) {
        let message = format!("this stands among the steps of a `{outer}`, and fails as one with its part");
        compiler.report(
            Diagnostic::error(codes::STEP_SHAPE, compiler.file, written.span.clone(), message)
                .hint("remove `on_failure`, or write `together`"),
        );
    }
    if compiler.part.is_some() {
        return OnFailure::Together;
    }
    compiler.divides |= wanted == OnFailure::Apart;
    wanted
}

impl Compiled {
    async fn split(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let parts = match self.by.one(run)? {
            Value::Array(parts) => parts,
            other => {
                let reason = format!("`by` must give an array of parts, not {}", other.type_name());
                return Err(Failure::permanent(Kind::Mapping, reason));
            }
        };
        let count = u32::try_from(parts.len()).ok().filter(|count| *count <= self.at_most).ok_or_else(|| {
            let reason = format!("the message has {} parts, and at most {} are taken", parts.len(), self.at_most);
            Failure::permanent(Kind::Limit, reason)
        })?;
        let made = AtomicUsize::new(0);
        run.in_parts(self.how, count, |position, fork| {
            let part = parts.get(position as usize - 1).cloned().unwrap_or_default();
            fork.set(part, self.contract.as_ref())?;
            let bytes = fork.message().body.len();
            if made.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) > fork.limits().output_bytes {
                let reason = format!("the parts have more than {} bytes together", fork.limits().output_bytes);
                return Err(Failure::permanent(Kind::Limit, reason));
            }
            belongs(fork, position, count);
            Ok(&self.steps)
        })
        .await?;
        Ok(Flow::Continue)
    }
}

/// Notes on a part where it belongs.
fn belongs(part: &mut Run<'_>, position: u32, count: u32) {
    let whole = part.message().properties.message_id.clone().unwrap_or_default();
    let id = format!("{whole}.{position}");
    let fits = !whole.is_empty() && id.len() <= SHORT_STRING;
    let id = if fits { Text::from(id) } else { part.ports().new_id() };
    part.properties_mut().message_id = Some(id);
    let headers = part.headers_mut();
    headers.insert(Text::borrowed(header_names::PART_OF), Field::text(whole.as_str()));
    headers.insert(Text::borrowed(header_names::PART_POSITION), Field::I64(position.into()));
    headers.insert(Text::borrowed(header_names::PART_COUNT), Field::I64(count.into()));
}

impl Step for Compiled {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(self.split(run))
    }

    fn describe(&self) -> Description<'_> {
        let (by, at_most, fails) = (self.by.source(), self.at_most, self.how.on_failure);
        let text = format!("split by {by}, at most {at_most} parts; {fails}");
        Description { text, branches: vec![("each part".to_owned(), &self.steps)] }
    }
}
