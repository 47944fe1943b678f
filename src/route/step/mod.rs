//! The patterns: one file each, and the one list of them.
//!
//! A pattern is its documented settings, which compile to a [`Step`]. To add one, write its file and add its
//! line to the list below.

mod aggregate;
mod attempt;
mod cache;
mod call;
mod choice;
mod claim_check;
mod delay;
mod fail;
mod filter;
mod idempotent;
mod log;
mod message_history;
mod multicast;
mod normalize;
mod recipient_list;
mod repeat;
mod resequence;
mod routing_slip;
mod scatter_gather;
mod set;
mod split;
mod state;
mod stop;
mod sub_route;
mod throttle;
mod to;
mod transform;
mod validate;
mod wire_tap;

pub use cache::Refresh;
pub use call::error_of;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use schemars::{Schema, SchemaGenerator};
use serde::de::MapAccess;

use crate::contract::Contract;
use crate::endpoint::BoxFuture;
use crate::message::Failure;

use super::compile::{Compiler, Place};
use super::plan::Sequence;
use super::run::Run;
use super::target::Target;

/// Spells out, from the list of patterns, how a file's key finds its settings.
macro_rules! patterns {
    ($($name:literal => $variant:ident($settings:ty);)*) => {
        /// The settings of a step, by pattern.
        #[derive(Debug)]
        #[expect(missing_docs, reason = "each is documented in its file")]
        pub enum Settings {
            $($variant(Box<$settings>),)*
        }

        /// The name of every pattern.
        pub const NAMES: &[&str] = &[$($name),*];

        impl Settings {
            /// Reads the value of `name`; `None`, and nothing read, if no pattern is called so.
            pub fn read<'de, M: MapAccess<'de>>(name: &str, map: &mut M) -> Result<Option<Self>, M::Error> {
                match name {
                    $($name => map.next_value().map(|settings| Some(Self::$variant(settings))),)*
                    _ => Ok(None),
                }
            }

            /// The pattern's name and behaviour.
            pub fn pattern(&self) -> (&'static str, &dyn Pattern) {
                match self {
                    $(Self::$variant(settings) => ($name, settings.as_ref()),)*
                }
            }
        }

        /// Name and JSON Schema of every pattern's settings.
        pub fn schemas(generator: &mut SchemaGenerator) -> Vec<(&'static str, Schema)> {
            vec![$(($name, generator.subschema_for::<$settings>())),*]
        }
    };
}

patterns! {
    "transform" => Transform(transform::Transform);
    "normalize" => Normalize(normalize::Normalize);
    "validate" => Validate(validate::Validate);
    "filter" => Filter(filter::Filter);
    "idempotent" => Idempotent(idempotent::Idempotent);
    "choice" => Choice(choice::Choice);
    "try" => Try(attempt::Try);
    "loop" => Loop(repeat::Loop);
    "routing_slip" => RoutingSlip(routing_slip::RoutingSlip);
    "run" => Run(sub_route::RunSteps);
    "multicast" => Multicast(multicast::Multicast);
    "split" => Split(split::Split);
    "claim_check" => ClaimCheck(claim_check::ClaimCheck);
    "set" => Set(set::Set);
    "state" => State(state::State);
    "aggregate" => Aggregate(aggregate::Aggregate);
    "resequence" => Resequence(resequence::Resequence);
    "call" => Call(call::Call);
    "scatter_gather" => ScatterGather(scatter_gather::ScatterGather);
    "to" => To(to::To);
    "recipient_list" => RecipientList(recipient_list::RecipientList);
    "wire_tap" => WireTap(wire_tap::WireTap);
    "stop" => Stop(stop::Stop);
    "fail" => Fail(fail::Fail);
    "delay" => Delay(delay::Delay);
    "throttle" => Throttle(throttle::Throttle);
    "message_history" => MessageHistory(message_history::MessageHistory);
    "log" => Log(log::Log);
}

/// The settings of a pattern.
pub trait Pattern: fmt::Debug {
    /// Checks the settings and makes the step. What is wrong is reported to the compiler; `None` if it cannot run.
    fn compile(&self, place: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>>;
}

/// A compiled step: immutable, shared by all messages of its route.
pub trait Step: fmt::Debug + Send + Sync {
    /// Does the step's work on one message.
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>>;

    /// Takes a message that the step itself has sent to the route: what it had put together, or that a time is over.
    fn come_back<'a>(&'a self, _: &'a mut Run<'_>, _is_timer: bool) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(std::future::ready(Ok(Flow::Filtered)))
    }

    /// What the step does, for people.
    fn describe(&self) -> Description<'_>;

    /// Whether it sends requests and waits for their answers.
    fn calls(&self) -> bool {
        false
    }

    /// Where it sends to.
    fn targets(&self) -> &[Target] {
        &[]
    }

    /// The contract of what it sends, where that is not the message as it came to the step.
    fn sends(&self) -> Option<&Arc<Contract>> {
        None
    }

    /// By target, the contract of the answer, where one is named.
    fn answers(&self) -> &[Option<Arc<Contract>>] {
        &[]
    }

    /// The contracts of which each message has one that it takes, where the step itself names them.
    fn reads(&self) -> Vec<&Arc<Contract>> {
        Vec::new()
    }

    /// How it may end a message's way, besides by a failure.
    fn exits(&self) -> &'static [Flow] {
        &[]
    }

    /// Whether it may look into a message, so that a run is worth a task of its own.
    fn looks(&self) -> bool {
        true
    }
}

/// Whether a message goes on after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// To the next step.
    Continue,
    /// The message is done; the route's reply follows.
    Stop,
    /// The message is of no interest to the rest of the route.
    Filtered,
    /// A message like it was processed before.
    Duplicate,
    /// The message waits so long in a queue of the broker, and comes again.
    Later(Duration),
    /// It is a part of a group, which goes on in its place.
    Gathered,
    /// It is in the store, and comes again when it is its turn.
    Buffered,
}

impl Flow {
    /// What becomes of the message, in one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Continue => "goes on",
            Self::Stop => "stopped",
            Self::Filtered => "filtered",
            Self::Duplicate => "duplicate",
            Self::Later(_) => "delayed",
            Self::Gathered => "gathered",
            Self::Buffered => "buffered",
        }
    }
}

/// What a step does, for people.
#[derive(Debug, Default)]
pub struct Description<'a> {
    /// One line.
    pub text: String,
    /// The name and the steps of each branch that the step owns.
    pub branches: Vec<(String, &'a Sequence)>,
}

impl Description<'_> {
    /// A step without branches.
    pub fn line(text: impl Into<String>) -> Self {
        Self { text: text.into(), branches: Vec::new() }
    }
}
