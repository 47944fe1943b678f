//! Endpoints of a route: what they are at the broker, and the addresses that messages are sent to.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{codes, did_you_mean};
use crate::endpoint::Address;
use crate::endpoint::settings::{AmqpBinding, AmqpSource, AmqpTarget, Endpoint, ExchangeKind, KINDS, Matching};
use crate::endpoint::topology::{Binding, Exchange, Queue};
use crate::message::{Field, Text};
use crate::route::plan::dead_letter_queue;
use crate::route::target::{SHORT_STRING, Target};
use crate::transform::Wanted;

use super::{Compiler, backticks};

/// How often the broker gives a message again that was never settled, before it puts it into the dead-letter queue
/// itself: protection against a message that kills the process.
const DELIVERY_LIMIT: i64 = 50;
/// Dead letters are read and put back by people and tools any number of times; nobody takes from wait queues.
pub(super) const REPEATED_DELIVERY_LIMIT: i64 = 1_000_000;

/// The arguments of a queue of ours.
pub(super) fn quorum(delivery_limit: i64) -> BTreeMap<Text, Field> {
    BTreeMap::from([
        (Text::from("x-queue-type"), Field::text("quorum")),
        (Text::from("x-overflow"), Field::text("reject-publish")),
        (Text::from("x-delivery-limit"), Field::I64(delivery_limit)),
    ])
}

impl Compiler<'_> {
    /// Compiles the source. Where order is kept, the broker is to give the queue to one consumer at a time.
    pub(super) fn source<'r>(
        &mut self,
        from: &'r Spanned<Endpoint<AmqpSource>>,
        ordered: bool,
    ) -> Option<&'r AmqpSource> {
        let source = self.known(&from.value, &from.span)?;
        self.queue_name(&source.queue);
        if let Some(prefetch) = source.prefetch.as_ref().filter(|prefetch| !(1..=1000).contains(&prefetch.value)) {
            let message = format!("a prefetch of {} is out of range", prefetch.value);
            self.error(codes::VALUE_INVALID, &prefetch.span, message, "write a number from 1 to 1000");
        }
        let queue = Text::from(source.queue.value.as_str());
        let dead = dead_letter_queue(&queue);
        let mut arguments = quorum(DELIVERY_LIMIT);
        arguments.insert("x-dead-letter-exchange".into(), Field::text(""));
        arguments.insert("x-dead-letter-routing-key".into(), Field::text(dead.as_str()));
        arguments.insert("x-dead-letter-strategy".into(), Field::text("at-least-once"));
        if ordered {
            arguments.insert("x-single-active-consumer".into(), Field::Bool(true));
        }
        let declare = source.declare;
        self.topology.queues.push(Queue { name: dead, arguments: quorum(REPEATED_DELIVERY_LIMIT), declare });
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
            self.binding(&queue, binding, declare);
        }
        Some(source)
    }

    fn binding(&mut self, queue: &Text, binding: &AmqpBinding, declare: bool) {
        let (kind, place) = (binding.kind, &binding.exchange.span);
        let key = binding.routing_key.as_ref().map(|key| key.value.as_str()).unwrap_or_default();
        if key.is_empty() && kind.uses_routing_key() {
            let message = format!("a binding to the {} exchange needs a routing key", kind.name());
            self.error(codes::VALUE_INVALID, place, message, "add `routing_key: …`, `#` for all");
        }
        let mut arguments: BTreeMap<Text, Field> =
            binding.headers.iter().map(|(name, value)| (Text::from(name.as_str()), value.0.clone())).collect();
        if kind == ExchangeKind::Headers {
            if arguments.is_empty() {
                let message = "a binding to the headers exchange needs headers to compare";
                self.error(codes::VALUE_INVALID, place, message, "add `headers: { name: value }`");
            }
            if let Some(name) = binding.headers.keys().find(|name| name.starts_with("x-")) {
                let message = format!("the broker does not compare the header `{name}`: its name begins with `x-`");
                self.error(codes::VALUE_INVALID, place, message, "compare a header with another name");
            }
            let matching = binding.matching.as_ref().map_or(Matching::All, |matching| matching.value);
            arguments.insert("x-match".into(), Field::text(matching.name()));
        } else if !arguments.is_empty() || binding.matching.is_some() {
            let message = format!("a {} exchange does not look at headers", kind.name());
            self.error(codes::VALUE_INVALID, place, message, "add `kind: headers`, or remove `headers` and `match`");
        }
        self.exchange(&binding.exchange, kind.name(), declare);
        let exchange = Text::from(binding.exchange.value.as_str());
        self.topology.bindings.push(Binding { queue: queue.clone(), exchange, routing_key: key.into(), arguments });
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

    /// Compiles the endpoint of a step that has `options` beside it. A key that is none of them is meant as an
    /// endpoint where there is no endpoint, unless it is misspelt.
    pub fn call_target(
        &mut self,
        amqp: Option<&AmqpTarget>,
        unknown: &[Spanned<String>],
        options: &[&'static str],
        span: &Range<usize>,
    ) -> Option<Target> {
        for key in unknown {
            let name = &key.value;
            let similar = did_you_mean(name, options.iter().chain(KINDS).copied());
            let hint = match (similar, amqp) {
                (Some(similar), _) => format!("write `{similar}`"),
                (None, Some(_)) => format!("known keys: {}", backticks(&[KINDS, options].concat())),
                (None, None) => format!("known endpoints: {}", backticks(KINDS)),
            };
            if amqp.is_some() || similar.is_some_and(|similar| options.contains(&similar)) {
                self.error(codes::YAML_UNKNOWN_KEY, &key.span, format!("unknown key `{name}`"), hint);
            } else {
                self.error(codes::ENDPOINT_UNKNOWN, &key.span, format!("unknown endpoint `{name}`"), hint);
            }
        }
        if amqp.is_none() && unknown.is_empty() {
            self.error(codes::ENDPOINT_UNKNOWN, span, "no endpoint is named", "write `amqp: { … }`");
        }
        self.target(amqp?, span)
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
                .expression_of_document(key, Wanted::Text("routing_key_from"))
                .map(|routing_key| Target::Computed { exchange, routing_key: Box::new(routing_key) }),
            (None, None) if !amqp.kind.uses_routing_key() && !exchange.is_empty() => {
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
}
