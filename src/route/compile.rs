//! From a route's file to its plan: every name resolved, every mistake named with its place, all at once.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use crate::contract::{Contract, Registry};
use crate::diagnostic::yaml::{self, Spanned};
use crate::diagnostic::{Diagnostic, SourceFile, codes, did_you_mean};
use crate::endpoint::Address;
use crate::endpoint::settings::{AmqpSource, AmqpTarget, Endpoint, KINDS};
use crate::endpoint::topology::{Binding, Exchange, Queue, Topology};
use crate::message::{Field, Limits, Text};
use crate::transform::{Transform, Transforms};

use super::expression::Expression;
use super::model::{Route, Step, Steps};
use super::plan::{Placed, Plan, Sequence, dead_letter_queue};
use super::reach::Reach;
use super::step::NAMES;
use super::target::{SHORT_STRING, Target};

const DEFAULT_PREFETCH: u16 = 250;
const DEFAULT_RETRIES: u32 = 2;
const MOST_RETRIES: u32 = 100;
/// How often the broker gives a message again that was never settled, before it puts it into the dead-letter queue
/// itself: protection against a message that kills the process.
const DELIVERY_LIMIT: i64 = 50;
/// Dead letters are read and put back by people and tools any number of times.
const DEAD_LETTER_DELIVERY_LIMIT: i64 = 1_000_000;

/// What routes refer to.
#[derive(Debug)]
pub struct Library<'a> {
    /// The contracts.
    pub contracts: &'a Registry,
    /// The transforms.
    pub transforms: &'a Transforms,
    /// Transforms that are there and have mistakes of their own: reported with their files, not with the routes.
    pub broken_transforms: &'a BTreeSet<String>,
    /// The bounds of documents and mappings.
    pub limits: Limits,
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
        ids: BTreeMap::new(),
        flow: Reach::default(),
        sends: false,
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
    diagnostics: Vec<Diagnostic>,
    topology: Topology,
    ids: BTreeMap<String, Range<usize>>,
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
        let source = self.source(&route.from);
        let accepts = match &route.accepts {
            Some(reference) => self.contract(reference).map(Some),
            None => Some(None),
        };
        self.flow = accepts.clone().map_or_else(Reach::default, Reach::of);
        let steps = self.sequence(&route.steps, "");
        let reply = self.reply(route);
        if route.steps.is_empty() && route.reply.is_none() {
            let message = "the route does nothing with its messages";
            self.error(codes::ROUTE_EMPTY, &route.from.span, message, "add `steps`, as `- to: { amqp: { … } }`");
        } else if !self.sends && route.reply.is_none() {
            let message = "the route sends nothing: its messages end here";
            let diagnostic = Diagnostic::warning(codes::ROUTE_EMPTY, self.file, route.from.span.clone(), message);
            self.report(diagnostic.hint("add a `to`, a `call` or a `reply`"));
        }
        let immediate_retries = match &route.on_error.retry.immediate {
            None => DEFAULT_RETRIES,
            Some(written) => {
                if written.value > MOST_RETRIES {
                    let message = format!("{} attempts at once are too many", written.value);
                    self.error(codes::VALUE_INVALID, &written.span, message, "write a number from 0 to 100");
                }
                written.value
            }
        };
        let source = source?;
        Some(Plan {
            name: name.to_owned(),
            description: route.description.clone(),
            file: self.file.clone(),
            queue: Text::from(source.queue.value.as_str()),
            queue_span: source.queue.span.clone(),
            prefetch: source.prefetch.as_ref().map_or(DEFAULT_PREFETCH, |written| written.value),
            accepts: accepts?,
            steps,
            reply,
            immediate_retries,
            topology: std::mem::take(&mut self.topology),
            limits: self.library.limits.clone(),
        })
    }

    fn reply(&mut self, route: &Route) -> Option<Option<Arc<Contract>>> {
        let reply = route.reply.as_ref()?;
        if let Some(why) = self.flow.take_end() {
            let message = format!("no message is ever answered: {why}");
            self.error(codes::REPLY_MISPLACED, &reply.span, message, "remove `reply`, or the step that ends the route");
        }
        let Some(reference) = &reply.value.contract else { return Some(None) };
        let contract = self.contract(reference)?;
        self.expect(&contract, reference, "answer");
        Some(Some(contract))
    }

    fn source<'r>(&mut self, from: &'r Spanned<Endpoint<AmqpSource>>) -> Option<&'r AmqpSource> {
        let source = self.known(&from.value, &from.span)?;
        self.queue_name(&source.queue);
        if let Some(prefetch) = source.prefetch.as_ref().filter(|prefetch| !(1..=1000).contains(&prefetch.value)) {
            let message = format!("a prefetch of {} is out of range", prefetch.value);
            self.error(codes::VALUE_INVALID, &prefetch.span, message, "write a number from 1 to 1000");
        }
        let queue = Text::from(source.queue.value.as_str());
        let dead = dead_letter_queue(&queue);
        let quorum = |limit: i64| {
            BTreeMap::from([
                (Text::from("x-queue-type"), Field::text("quorum")),
                (Text::from("x-overflow"), Field::text("reject-publish")),
                (Text::from("x-delivery-limit"), Field::I64(limit)),
            ])
        };
        let mut arguments = quorum(DELIVERY_LIMIT);
        arguments.insert("x-dead-letter-exchange".into(), Field::text(""));
        arguments.insert("x-dead-letter-routing-key".into(), Field::text(dead.as_str()));
        arguments.insert("x-dead-letter-strategy".into(), Field::text("at-least-once"));
        let declare = source.declare;
        self.topology.queues.push(Queue { name: dead, arguments: quorum(DEAD_LETTER_DELIVERY_LIMIT), declare });
        self.topology.queues.push(Queue { name: queue.clone(), arguments, declare });
        for binding in &source.bindings {
            if !declare {
                let message = "`declare: false` leaves bindings to others";
                self.error(
                    codes::VALUE_INVALID,
                    &binding.exchange.span,
                    message,
                    "remove `bindings` or `declare: false`",
                );
            }
            let key = binding.routing_key.as_ref().map(|key| key.value.as_str()).unwrap_or_default();
            if key.is_empty() && binding.kind != crate::endpoint::settings::ExchangeKind::Fanout {
                let message = format!("a binding to the {} exchange needs a routing key", binding.kind.name());
                self.error(codes::VALUE_INVALID, &binding.exchange.span, message, "add `routing_key: …`, `#` for all");
            }
            self.exchange(&binding.exchange, binding.kind.name(), declare);
            let exchange = Text::from(binding.exchange.value.as_str());
            self.topology.bindings.push(Binding { queue: queue.clone(), exchange, routing_key: key.into() });
        }
        Some(source)
    }

    fn queue_name(&mut self, queue: &Spanned<String>) {
        // Room is kept for `.dlq` and `.retry.<ms>`.
        if queue.value.is_empty() || queue.value.len() > SHORT_STRING - 25 {
            self.error(codes::VALUE_INVALID, &queue.span, "a queue's name has from 1 to 230 bytes", "shorten the name");
        }
        if queue.value.starts_with("amq.") {
            let message = format!("the name `{}` is reserved for the broker", queue.value);
            self.error(codes::VALUE_INVALID, &queue.span, message, "choose a name that does not begin with `amq.`");
        }
    }

    fn exchange(&mut self, name: &Spanned<String>, kind: &'static str, declare: bool) {
        if name.value.is_empty() || name.value.len() > SHORT_STRING {
            let message = "an exchange's name has from 1 to 255 bytes";
            self.error(codes::VALUE_INVALID, &name.span, message, "leave `exchange` out for the default exchange");
            return;
        }
        // The broker's own exchanges are there and may not be declared.
        let declare = declare && !name.value.starts_with("amq.");
        let exchange = Exchange { name: name.value.as_str().into(), kind: kind.into(), declare };
        if !self.topology.exchanges.contains(&exchange) {
            self.topology.exchanges.push(exchange);
        }
    }

    /// The settings of an endpoint of a kind that exists.
    fn known<'e, A>(&mut self, endpoint: &'e Endpoint<A>, span: &Range<usize>) -> Option<&'e A> {
        for unknown in &endpoint.unknown {
            let name = &unknown.value;
            let hint = match did_you_mean(name, KINDS.iter().copied()) {
                Some(similar) => format!("write `{similar}`"),
                None => format!("known endpoints: {}", backticks(KINDS)),
            };
            self.error(codes::ENDPOINT_UNKNOWN, &unknown.span, format!("unknown endpoint `{name}`"), hint);
        }
        if endpoint.amqp.is_none() && endpoint.unknown.is_empty() {
            self.error(codes::ENDPOINT_UNKNOWN, span, "no endpoint is named", "write `amqp: { … }`");
        }
        endpoint.amqp.as_ref()
    }

    /// Compiles a sending endpoint.
    pub fn endpoint(&mut self, endpoint: &Endpoint<AmqpTarget>, span: &Range<usize>) -> Option<Target> {
        let amqp = self.known(endpoint, span)?;
        self.target(amqp, span)
    }

    /// Compiles a sending address.
    pub fn target(&mut self, amqp: &AmqpTarget, span: &Range<usize>) -> Option<Target> {
        if let Some(exchange) = &amqp.exchange {
            self.exchange(exchange, amqp.kind.name(), amqp.declare);
        }
        let exchange = Text::from(amqp.exchange.as_ref().map(|name| name.value.as_str()).unwrap_or_default());
        match (&amqp.routing_key, &amqp.routing_key_from) {
            (Some(key), None) => {
                if key.value.len() > SHORT_STRING || (key.value.is_empty() && exchange.is_empty()) {
                    let message = "a routing key has at most 255 bytes, and names a queue where there is no exchange";
                    self.error(codes::VALUE_INVALID, &key.span, message, "write the queue's name, or add `exchange`");
                }
                Some(Target::Fixed(Address { exchange, routing_key: key.value.as_str().into() }))
            }
            (None, Some(key)) => self
                .expression(key)
                .map(|routing_key| Target::Computed { exchange, routing_key: Box::new(routing_key) }),
            (None, None) if amqp.kind == crate::endpoint::settings::ExchangeKind::Fanout && !exchange.is_empty() => {
                Some(Target::Fixed(Address { exchange, routing_key: Text::new() }))
            }
            (None, None) => {
                let hint = "add `routing_key: …`, or `routing_key_from:` with a jq expression";
                self.error(codes::STEP_SHAPE, span, "the endpoint has no routing key", hint);
                None
            }
            (Some(_), Some(second)) => {
                let message = "`routing_key` and `routing_key_from` exclude each other";
                self.error(codes::STEP_SHAPE, &second.span, message, "keep one of them");
                None
            }
        }
    }

    /// Resolves a contract.
    pub fn contract(&mut self, reference: &Spanned<String>) -> Option<Arc<Contract>> {
        match self.library.contracts.resolve(&reference.value) {
            Ok(contract) => Some(contract),
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
        found
    }

    /// Reports it if a document of another contract may get here.
    pub fn expect(&mut self, contract: &Contract, at: &Spanned<String>, role: &str) {
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

    /// Compiles steps in order. `prefix` begins the ids of those that have none of their own.
    pub fn sequence(&mut self, steps: &Steps, prefix: &str) -> Sequence {
        let mut sequence = Sequence::default();
        for (position, step) in (1..).zip(steps) {
            if let Some(why) = self.flow.take_end() {
                let message = format!("no message reaches this step: {why}");
                let span = step.patterns.first().map_or(&step.span, |(key, _)| &key.span);
                self.error(codes::STEP_UNREACHABLE, span, message, "remove it, or what ends the route before it");
                self.flow.becomes_anything();
            }
            sequence.steps.extend(self.step(step, prefix, position));
        }
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
            Some(id) => id.value.clone(),
            None => format!("{prefix}{dot}{position}-{pattern}"),
        };
        let span = step.value.id.as_ref().map_or(&key.span, |id| &id.span);
        self.identify(&id, span);
        let compiled = settings.compile(&Place { id: &id, span: key.span.clone() }, self)?;
        known.then(|| Placed { id: Text::from(id), pattern, step: compiled })
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

/// What is wrong among routes that are right by themselves.
pub fn check_set<'a>(plans: impl IntoIterator<Item = &'a Plan>) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let mut queues: BTreeMap<&str, &Plan> = BTreeMap::new();
    let mut kinds: BTreeMap<&str, (&str, &Plan)> = BTreeMap::new();
    for plan in plans {
        let at = |code, message: String| Diagnostic::error(code, &plan.file, plan.queue_span.clone(), message);
        if let Some(other) = queues.insert(&plan.queue, plan) {
            let message = format!("the queue `{}` is taken by the route `{}` already", plan.queue, other.name);
            diagnostics.push(at(codes::ROUTE_SOURCE_SHARED, message).hint("give each route a queue of its own"));
        }
        for exchange in plan.topology.exchanges.iter().filter(|exchange| exchange.declare) {
            let (kind, other) = *kinds.entry(&exchange.name).or_insert((&exchange.kind, plan));
            if kind != exchange.kind {
                let message = format!(
                    "this route declares the exchange `{}` as {}, the route `{}` as {kind}",
                    exchange.name, exchange.kind, other.name
                );
                diagnostics.push(at(codes::VALUE_INVALID, message).hint("write the same `kind` in both"));
            }
        }
    }
    diagnostics
}

fn backticks(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
