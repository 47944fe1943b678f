//! Exchanges: which queues a message goes to.

use crate::endpoint::topology::Binding;
use crate::message::{Field, Headers, Text};

use super::topic;

/// How an exchange compares a message with its bindings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Direct,
    Topic,
    Fanout,
    Headers,
}

impl Kind {
    pub(super) fn parse(name: &str) -> Option<Self> {
        [Self::Direct, Self::Topic, Self::Fanout, Self::Headers].into_iter().find(|kind| kind.name() == name)
    }

    /// The protocol's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Topic => "topic",
            Self::Fanout => "fanout",
            Self::Headers => "headers",
        }
    }
}

/// An exchange with its bindings.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) kind: Kind,
    bindings: Vec<Binding>,
}

impl Exchange {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, bindings: Vec::new() }
    }

    /// Binds a queue; a second time changes nothing. The error is one sentence.
    pub(super) fn bind(&mut self, binding: &Binding) -> Result<(), String> {
        let mode = binding.arguments.get(MATCH);
        if self.kind == Kind::Headers && mode.is_some_and(|mode| !matches!(mode.as_str(), Some("all" | "any"))) {
            return Err(format!(
                "binding queue `{}` to exchange `{}`: `x-match` must be `all` or `any`: PRECONDITION_FAILED",
                binding.queue, binding.exchange
            ));
        }
        if !self.bindings.contains(binding) {
            self.bindings.push(binding.clone());
        }
        Ok(())
    }

    /// Forgets a queue that is gone.
    pub(super) fn unbind_queue(&mut self, queue: &str) {
        self.bindings.retain(|binding| binding.queue != queue);
    }

    /// The queues for a message, each once.
    pub(super) fn queues(&self, routing_key: &str, headers: &Headers) -> Vec<Text> {
        let mut queues: Vec<Text> = Vec::new();
        for binding in &self.bindings {
            let fits = match self.kind {
                Kind::Direct => binding.routing_key == routing_key,
                Kind::Topic => topic::matches(&binding.routing_key, routing_key),
                Kind::Fanout => true,
                Kind::Headers => fits(&binding.arguments, headers),
            };
            if fits && !queues.contains(&binding.queue) {
                queues.push(binding.queue.clone());
            }
        }
        queues
    }
}

/// Says whether `all` or `any` of a binding's arguments must fit.
const MATCH: &str = "x-match";

/// Whether headers fit a binding's arguments, of which those that begin with `x-` do not count.
fn fits(arguments: &Headers, headers: &Headers) -> bool {
    let mut wanted = arguments.iter().filter(|(name, _)| !name.starts_with("x-"));
    let fits = |(name, value): (&Text, &Field)| headers.get(name).is_some_and(|found| same(value, found));
    if arguments.get(MATCH).and_then(Field::as_str) == Some("any") { wanted.any(fits) } else { wanted.all(fits) }
}

/// Equal values; of numbers, whatever their width. Void asks for presence alone.
fn same(wanted: &Field, found: &Field) -> bool {
    matches!(wanted, Field::Void)
        || wanted == found
        || matches!((whole(wanted), whole(found)), (Some(a), Some(b)) if a == b)
        || matches!((wanted, found), (Field::F32(a), Field::F64(b)) | (Field::F64(b), Field::F32(a)) if f64::from(*a) == *b)
}

fn whole(field: &Field) -> Option<i64> {
    Some(match *field {
        Field::I8(number) => number.into(),
        Field::U8(number) => number.into(),
        Field::I16(number) => number.into(),
        Field::U16(number) => number.into(),
        Field::I32(number) => number.into(),
        Field::U32(number) => number.into(),
        Field::I64(number) => number,
        _ => return None,
    })
}
