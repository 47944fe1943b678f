//! From a route's file to its plan: every name resolved, every mistake named with its place, all at once.

mod circuit;
mod endpoint;
mod order;
mod retry;
mod set;
mod stateful;
mod sub_route;
pub mod waits;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::contract::{Contract, Registry};
use crate::diagnostic::yaml::{self, Spanned};
use crate::diagnostic::{Diagnostic, SourceFile, codes, did_you_mean};
use crate::endpoint::topology::Topology;
use crate::message::{Limits, Text};
use crate::transform::{Documents, Entrance, Transform, Transforms, Use, Wanted};

pub use set::check_set;
use stateful::Stateful;
pub use sub_route::SubRoutes;

use super::breaker;
use super::expression::Expression;
use super::model::{Route, Step, Steps};
use super::plan::{Placed, Plan, Sequence, Version};
use super::reach::Reach;
use super::step::NAMES;
use super::target::SHORT_STRING;
use sub_route::Within;
use waits::Waits;

const DEFAULT_PREFETCH: u16 = 250;

/// What routes refer to.
#[derive(Debug)]
pub struct Library<'a> {
    /// The contracts.
    pub contracts: &'a Registry,
    /// The transforms.
    pub transforms: &'a Transforms,
    /// Transforms that are there and have mistakes of their own: reported with their files, not with the routes.
    pub broken_transforms: &'a BTreeSet<String>,
    /// The files of steps that routes run.
    pub sub_routes: &'a SubRoutes,
    /// The bounds of documents and mappings.
    pub limits: Limits,
    /// Whether the bus has a store.
    pub store: bool,
}

/// Compiles one route. Warnings come beside the plan, errors instead of it.
pub fn compile(name: &str, file: &SourceFile, library: &Library<'_>) -> (Option<Plan>, Vec<Diagnostic>) {
    let route: Route = match yaml::parse(file) {
        Ok(route) => route,
        Err(diagnostics) => return (None, diagnostics),
    };
    let mut compiler = Compiler {
        file,
        library,
        diagnostics: Vec::new(),
        topology: Topology::default(),
        files: BTreeMap::from([(file.path.clone(), file.clone())]),
        ids: BTreeMap::new(),
        own_retries: BTreeSet::new(),
        uses: Vec::new(),
        entrances: Vec::new(),
        flow: Reach::default(),
        sends: false,
        divides: false,
        part: None,
        stops: Vec::new(),
        remembers: None,
        waits: Waits::default(),
        within: Within::default(),
        stateful: Stateful::default(),
        timers: Vec::new(),
    };
    let plan = compiler.route(name, &route);
    let errors = compiler.diagnostics.iter().any(|d| d.severity == crate::diagnostic::Severity::Error);
    (plan.filter(|_| !errors), compiler.diagnostics)
}

/// Where a step stands.
#[derive(Debug)]
pub struct Place<'a> {
    /// The step's id.
    pub id: &'a str,
    /// The pattern's name in the file.
    pub span: Range<usize>,
}

/// What the steps of one route share while they are compiled.
#[derive(Debug)]
pub struct Compiler<'a> {
    /// The route's file.
    pub file: &'a SourceFile,
    /// What the route refers to.
    pub library: &'a Library<'a>,
    /// What is known of the document at the current place.
    pub flow: Reach,
    /// Whether any step so far has an effect outside the route.
    pub sends: bool,
    /// Whether a step makes parts of a message that may fail apart.
    pub divides: bool,
    /// The pattern that owns the current steps, and runs them apart from the message or several times.
    pub part: Option<&'static str>,
    /// What is known of the document where a step ends the way through these steps.
    pub stops: Vec<Reach>,
    /// What is known of the waits of the route.
    pub waits: Waits,
    /// Where the compiler is, if it is in a file of steps.
    within: Within,
    /// The step that remembers keys.
    remembers: Option<Range<usize>>,
    stateful: Stateful,
    /// How long the timers of steps wait.
    timers: Vec<Duration>,
    diagnostics: Vec<Diagnostic>,
    topology: Topology,
    /// The files of contracts and transforms that were resolved, by path.
    files: BTreeMap<Arc<str>, SourceFile>,
    ids: BTreeMap<String, Range<usize>>,
    /// The ids of the steps that are tried again on their own.
    own_retries: BTreeSet<String>,
    /// Expressions, with what they get and what is wanted of them.
    uses: Vec<Use>,
    /// Where documents are to be of a contract.
    entrances: Vec<Entrance>,
}

impl Compiler<'_> {
    /// Adds a finding.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    fn error(&mut self, code: &'static str, span: &Range<usize>, message: impl Into<String>, hint: impl Into<String>) {
        self.report(Diagnostic::error(code, self.file, span.clone(), message).hint(hint));
    }

    fn route(&mut self, name: &str, route: &Route) -> Option<Plan> {
        let source = self.source(&route.from, order::is_wanted(route));
        self.waits.ordered = order::is_wanted(route);
        let accepts = match &route.accepts {
            Some(reference) => self.contract(reference).map(Some),
            None => Some(None),
        };
        self.flow = accepts.clone().map_or_else(Reach::default, Reach::of);
        let order = self.order(route);
        let steps = self.sequence(&route.steps, "");
        let ends = self.stops.drain(..).chain([self.flow.clone()]).collect();
        self.flow.join(ends);
        let reply = self.reply(route);
        let reads = route.accepts.is_some() || matches!(reply, Some(Some(_)));
        if route.steps.is_empty() && route.reply.is_none() {
            let message = "the route does nothing with its messages";
            self.error(codes::ROUTE_EMPTY, &route.from.span, message, "add `steps`, as `- to: { amqp: { … } }`");
        } else if !self.sends && route.reply.is_none() {
            let message = "the route sends nothing: its messages end here";
            let diagnostic = Diagnostic::warning(codes::ROUTE_EMPTY, self.file, route.from.span.clone(), message);
            self.report(diagnostic.hint("add a `to`, a `call` or a `reply`"));
        }
        let retries = self.retries(route);
        let breaker = self.breaker(route);
        let source = source?;
        let (prefetch, prefetch_bytes) = (self.prefetch(route, source), self.prefetch_bytes(source));
        if order::is_wanted(route) {
            self.fits_in_place(route, &retries);
        } else {
            let delays = self.waits.delays.clone();
            self.wait_queues(source, retries.delayed.iter().chain(&delays));
        }
        let timers = std::mem::take(&mut self.timers);
        self.wait_queues(source, timers.iter());
        self.fits_pace(prefetch);
        let delays = self.waits.again;
        Some(Plan {
            name: name.to_owned(),
            description: route.description.clone(),
            file: self.file.clone(),
            queue: Text::from(source.queue.value.as_str()),
            queue_span: source.queue.span.clone(),
            prefetch,
            prefetch_bytes,
            order: order?,
            accepts: accepts?,
            own_retries: std::mem::take(&mut self.own_retries),
            looks: reads || steps.all().iter().any(|placed| placed.step.looks()),
            uses: std::mem::take(&mut self.uses),
            entrances: std::mem::take(&mut self.entrances),
            endpoints: breaker::endpoints(&steps),
            steps,
            divides: self.divides,
            delays,
            reply,
            breaker,
            retries,
            topology: std::mem::take(&mut self.topology),
            version: Version {
                files: std::mem::take(&mut self.files).into_values().collect(),
                limits: self.library.limits.clone(),
            },
        })
    }

    fn reply(&mut self, route: &Route) -> Option<Option<Arc<Contract>>> {
        let reply = route.reply.as_ref()?;
        if let Some(why) = self.flow.take_end() {
            let message = format!("no message is ever answered: {why}");
            self.error(codes::REPLY_MISPLACED, &reply.span, message, "remove `reply`, or the step that ends the route");
        }
        self.answers_for_a_group(&reply.span);
        let Some(reference) = &reply.value.contract else { return Some(None) };
        let contract = self.contract(reference)?;
        self.expect(&contract, reference, "answer");
        Some(Some(contract))
    }

    /// Resolves a contract.
    pub fn contract(&mut self, reference: &Spanned<String>) -> Option<Arc<Contract>> {
        match self.library.contracts.resolve(&reference.value) {
            Ok(contract) => {
                self.made_of(&reference.value);
                Some(contract)
            }
            Err(error) if !error.diagnostics.is_empty() => {
                // The mistake is in the schema; that this route uses it is no second one.
                error.diagnostics.into_iter().for_each(|diagnostic| self.report(diagnostic));
                None
            }
            Err(error) => {
                let diagnostic = Diagnostic::error(error.code, self.file, reference.span.clone(), error.message);
                self.report(match error.hint {
                    Some(hint) => diagnostic.hint(hint),
                    None => diagnostic,
                });
                None
            }
        }
    }

    /// Resolves a transform.
    pub fn transform(&mut self, name: &Spanned<String>) -> Option<Arc<Transform>> {
        let Library { transforms, broken_transforms, .. } = self.library;
        let found = transforms.get(&name.value).cloned();
        if found.is_none() && !broken_transforms.contains(&name.value) {
            let names = transforms.keys().chain(broken_transforms.iter()).map(String::as_str);
            let hint = match did_you_mean(&name.value, names) {
                Some(similar) => format!("write `{similar}`"),
                None => format!("add the file `transforms/{}.yaml`", name.value),
            };
            let message = format!("no transform `{}`", name.value);
            self.error(codes::TRANSFORM_UNKNOWN, &name.span, message, hint);
        }
        if let Some(transform) = &found {
            self.files.insert(transform.file().path.clone(), transform.file().clone());
            self.made_of(transform.from().reference());
            self.made_of(transform.to().reference());
        }
        found
    }

    fn made_of(&mut self, contract: &str) {
        let files = self.library.contracts.files_of(contract).into_iter();
        self.files.extend(files.map(|file| (file.path.clone(), file)));
    }

    /// Reports it if a document of another contract may get here.
    pub fn expect(&mut self, contract: &Arc<Contract>, at: &Spanned<String>, role: &str) {
        self.enters(contract, at);
        let other = self.flow.known().find(|known| known.reference() != contract.reference()).cloned();
        if let Some(other) = other {
            let (wanted, found) = (contract.reference(), other.reference());
            let message = format!("this {role} is of contract `{wanted}`, but a document of `{found}` gets here");
            let hint = format!("put a transform from `{found}` to `{wanted}` before it");
            self.error(codes::CONTRACT_MISMATCH, &at.span, message, hint);
        }
    }

    /// Compiles a jq expression.
    pub fn expression(&mut self, written: &Spanned<String>) -> Option<Expression> {
        match Expression::compile(self.file, written, &self.library.limits) {
            Ok(expression) => Some(expression),
            Err(diagnostics) => {
                self.diagnostics.extend(diagnostics);
                None
            }
        }
    }

    /// Compiles a jq expression whose input is the document at this place.
    pub fn expression_of_document(&mut self, written: &Spanned<String>, wanted: Wanted) -> Option<Expression> {
        let expression = self.expression(written)?;
        let documents = Arc::clone(self.flow.documents());
        self.follow(&expression, documents, wanted);
        Some(expression)
    }

    /// Compiles a condition over the document at this place.
    pub fn condition(&mut self, written: &Spanned<String>) -> Option<Expression> {
        let documents = Arc::clone(self.flow.documents());
        self.expression_of_document(written, Wanted::Holds(documents))
    }

    /// Notes what gets to an expression, and what is wanted of what it gives.
    pub fn follow(&mut self, expression: &Expression, input: Arc<Documents>, wanted: Wanted) {
        self.uses.push(Use { expression: Arc::clone(expression.program()), input, wanted });
    }

    /// From here on the document is what an expression makes of the document, its `.message`, and of what was answered,
    /// which has this name.
    pub fn becomes_merged(
        &mut self,
        expression: &Expression,
        name: &'static str,
        answered: Arc<Documents>,
        contract: Option<&Arc<Contract>>,
    ) {
        let message = Arc::clone(self.flow.documents());
        let input = Documents::object([("message", message, true), (name, answered, true)]);
        let made = Documents::made(expression.program(), &input);
        self.follow(expression, input, contract.cloned().map_or(Wanted::Anything, Wanted::Document));
        match contract {
            Some(contract) => self.flow.becomes(Some(contract.clone())),
            None => self.flow.becomes_made(made),
        }
    }

    /// Notes that the document at this place is to be of a contract.
    pub fn enters(&mut self, contract: &Arc<Contract>, at: &Spanned<String>) {
        let documents = Arc::clone(self.flow.documents());
        let (file, span) = (self.file.clone(), at.span.clone());
        self.entrances.push(Entrance { documents, contract: Arc::clone(contract), file, span });
    }

    /// Compiles steps in order. `prefix` begins the ids of those that have none of their own.
    pub fn sequence(&mut self, steps: &Steps, prefix: &str) -> Sequence {
        let mut sequence = Sequence::default();
        self.stateful.nested = !prefix.is_empty();
        for (position, step) in (1..).zip(steps) {
            if let Some(why) = self.flow.take_end() {
                let message = format!("no message reaches this step: {why}");
                let span = step.patterns.first().map_or(&step.span, |(key, _)| &key.span);
                self.error(codes::STEP_UNREACHABLE, span, message, "remove it, or what ends the route before it");
                self.flow.becomes_anything();
            }
            sequence.steps.extend(self.step(step, prefix, position));
            self.stateful.nested = !prefix.is_empty();
        }
        sequence
    }

    /// Compiles the steps of forks of the message, which `pattern` makes. What they do to the document ends with them.
    pub fn fork(&mut self, pattern: &'static str, steps: &Steps, prefix: &str) -> Sequence {
        let (flow, part) = (self.flow.clone(), self.part.replace(pattern));
        let stops = std::mem::take(&mut self.stops);
        let sequence = self.sequence(steps, prefix);
        (self.flow, self.part, self.stops) = (flow, part, stops);
        sequence
    }

    /// Compiles steps that `pattern` may run again, or may undo: nothing among them fails apart, or remembers keys.
    pub fn guarded(&mut self, pattern: &'static str, steps: &Steps, prefix: &str) -> Sequence {
        let part = self.part.replace(pattern);
        let sequence = self.sequence(steps, prefix);
        self.part = part;
        sequence
    }

    fn step(&mut self, step: &Spanned<Step>, prefix: &str, position: usize) -> Option<Placed> {
        let known = self.shape(step);
        let [(key, Some(settings))] = step.value.patterns.as_slice() else {
            self.flow.becomes_anything();
            self.sends = true;
            return None;
        };
        let (pattern, settings) = settings.pattern();
        let dot = if prefix.is_empty() { "" } else { "." };
        let id = match &step.value.id {
            Some(id) => match &self.within.prefix {
                Some(prefix) => format!("{prefix}.{}", id.value),
                None => id.value.clone(),
            },
            None => format!("{prefix}{dot}{position}-{pattern}"),
        };
        let span = step.value.id.as_ref().map_or(&key.span, |id| &id.span);
        if !self.has_room(span) {
            return None;
        }
        self.identify(&id, span);
        let takes = self.flow.known().cloned().collect();
        let compiled = settings.compile(&Place { id: &id, span: key.span.clone() }, self)?;
        let gives = self.flow.known().cloned().collect();
        let retry = self.step_retry(step.value.retry.as_ref(), pattern, &id);
        let span = self.within.span.clone().unwrap_or_else(|| key.span.clone());
        known.then(|| Placed { id: Text::from(id), pattern, step: compiled, retry, span, takes, gives })
    }

    /// Names what is wrong with the keys of a step.
    fn shape(&mut self, step: &Spanned<Step>) -> bool {
        let before = self.diagnostics.len();
        if let Some(word) = &step.value.word {
            let hint = format!("write `- {word}: …` with its settings");
            self.error(codes::STEP_SHAPE, &step.span, format!("the step `{word}` is not a map"), hint);
            return false;
        }
        for (key, settings) in &step.value.patterns {
            if settings.is_none() {
                let hint = match did_you_mean(&key.value, NAMES.iter().copied()) {
                    Some(similar) => format!("write `{similar}`"),
                    None => format!("known steps: {}", backticks(NAMES)),
                };
                self.error(codes::STEP_UNKNOWN, &key.span, format!("unknown step `{}`", key.value), hint);
            }
        }
        match step.value.patterns.as_slice() {
            [] => {
                let hint = "write one pattern's name with its settings, as `transform: chat/order-to-erp`";
                self.error(codes::STEP_SHAPE, &step.span, "the step has no pattern", hint);
            }
            [(first, Some(_)), (second, Some(_)), ..] => {
                let message = format!("`{}` and `{}` stand in one step", first.value, second.value);
                self.error(codes::STEP_SHAPE, &second.span, message, "begin a step of its own with `- `");
            }
            _ => {}
        }
        before == self.diagnostics.len()
    }

    fn identify(&mut self, id: &str, span: &Range<usize>) {
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if id.is_empty() || id.len() > SHORT_STRING || !id.chars().all(valid) {
            let message = format!("`{id}` is not an id");
            self.error(codes::VALUE_INVALID, span, message, "write letters, digits, `-` and `_`");
        } else if self.ids.insert(id.to_owned(), span.clone()).is_some() || id == "reply" {
            let message = format!("the id `{id}` is taken");
            self.error(codes::STEP_ID_DUPLICATE, span, message, "give each step of a route an id of its own");
        }
    }
}

fn backticks(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
