//! The steps of files that routes run as if they stood in them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::contract::Contract;
use crate::diagnostic::yaml::{self, Spanned};
use crate::diagnostic::{Diagnostic, SourceFile, codes, did_you_mean};
use crate::route::model::SubRoute;
use crate::route::plan::Sequence;

use super::{Compiler, Place};

/// Files of steps run each other no deeper.
const DEEPEST: usize = 8;
/// So many steps come out of such files into one route at most.
const MOST_STEPS: u32 = 1000;

/// The files of steps, by name. Files with mistakes that prevent reading are there without their steps: the mistakes are
/// reported with the files, not with the routes.
#[derive(Debug, Default)]
pub struct SubRoutes(BTreeMap<String, Option<(SourceFile, SubRoute)>>);

impl SubRoutes {
    /// Reads files by their names. What is wrong with them comes beside.
    pub fn read<'f>(files: impl IntoIterator<Item = (&'f String, &'f SourceFile)>) -> (Self, Vec<Diagnostic>) {
        let mut wrong = Vec::new();
        let read = files.into_iter().map(|(name, file)| {
            let parsed = yaml::parse::<SubRoute>(file).map_err(|found| wrong.extend(found)).ok();
            (name.clone(), parsed.map(|steps| (file.clone(), steps)))
        });
        let read = read.collect();
        (Self(read), wrong)
    }
}

/// Where the compiler is, if it is in such a file.
#[derive(Debug, Default)]
pub(super) struct Within {
    /// The outermost `run`, in the route's own file.
    pub(super) span: Option<Range<usize>>,
    /// What the ids of steps begin with.
    pub(super) prefix: Option<String>,
    /// The files that run each other, the outermost first.
    names: Vec<String>,
    /// The steps so far.
    steps: u32,
}

impl Within {
    /// Whether one more step is allowed; `None` as soon as it is known that it is not.
    fn count(&mut self) -> Option<bool> {
        self.steps = self.steps.saturating_add(1);
        (self.steps <= MOST_STEPS.saturating_add(1)).then_some(self.steps <= MOST_STEPS)
    }
}

impl<'a> Compiler<'a> {
    /// The contract and the steps of a file, in their place.
    pub fn sub_route(
        &mut self,
        name: &Spanned<String>,
        place: &Place<'_>,
    ) -> Option<(Option<Arc<Contract>>, Sequence)> {
        let found = self.find(name);
        let Some((file, written)) = found else {
            self.flow.becomes_anything();
            self.sends = true;
            return None;
        };
        self.files.insert(file.path.clone(), file.clone());
        if written.steps.is_empty() {
            let message = format!("`{}` has no steps", file.path);
            self.error(codes::STEP_SHAPE, &name.span, message, "write them into that file, below `steps:`");
        }
        let contract = match &written.accepts {
            Some(reference) => self.in_file(file, |compiler| compiler.contract(reference)).map(Some),
            None => Some(None),
        };
        if let Some(Some(contract)) = &contract {
            self.expect(contract, name, "input");
            self.flow.becomes(Some(contract.clone()));
        }
        let span = self.within.span.get_or_insert_with(|| place.span.clone()).clone();
        let outermost = self.within.names.is_empty();
        let prefix = self.within.prefix.replace(place.id.to_owned());
        self.within.names.push(name.value.clone());
        let steps = self.in_file(file, |compiler| compiler.sequence(&written.steps, place.id));
        self.within.names.pop();
        self.within.prefix = prefix;
        self.within.span = (!outermost).then_some(span);
        Some((contract?, steps))
    }

    /// Does something with mistakes in this file.
    fn in_file<T>(&mut self, file: &'a SourceFile, work: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.file, file);
        let done = work(self);
        self.file = outer;
        done
    }

    fn find(&mut self, name: &Spanned<String>) -> Option<&'a (SourceFile, SubRoute)> {
        let SubRoutes(all) = self.library.sub_routes;
        let Some(found) = all.get(&name.value) else {
            let hint = match did_you_mean(&name.value, all.keys().map(String::as_str)) {
                Some(similar) => format!("write `{similar}`"),
                None => format!("add the file `steps/{}.yaml`", name.value),
            };
            let message = format!("there are no steps `{}`", name.value);
            self.error(codes::STEPS_UNKNOWN, &name.span, message, hint);
            return None;
        };
        if self.within.names.contains(&name.value) {
            let around = format!("{} -> {}", self.within.names.join(" -> "), name.value);
            let message = format!("these steps run themselves: {around}");
            self.error(codes::STEP_SHAPE, &name.span, message, "repeat steps with `loop`, which is bounded");
            return None;
        }
        if self.within.names.len() >= DEEPEST {
            let message = format!("files of steps run each other more than {DEEPEST} deep");
            self.error(codes::STEP_SHAPE, &name.span, message, "write the steps of one of them into the other");
            return None;
        }
        found.as_ref()
    }

    /// Whether a step may come into the route: not if it is one of too many out of files of steps.
    pub(super) fn has_room(&mut self, span: &Range<usize>) -> bool {
        if self.within.span.is_none() {
            return true;
        }
        let counted = self.within.count();
        if counted == Some(false) {
            let message = format!("more than {MOST_STEPS} steps come into this route by `run`");
            self.error(codes::STEP_SHAPE, span, message, "divide the route into several, with queues between them");
        }
        counted == Some(true)
    }
}
