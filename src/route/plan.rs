//! A compiled route: immutable, all names resolved, ready to run.

mod sequence;

pub use sequence::{Placed, Sequence, Talk};

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use crate::contract::Contract;
use crate::diagnostic::SourceFile;
use crate::endpoint::topology::Topology;
use crate::endpoint::{Address, Delivery};
use crate::message::{Class, Failure, Kind, Limits, Text};
use crate::transform::{Entrance, Use};

use super::breaker::{Breaker, Endpoint};
use super::claim;
use super::group::Entry;
use super::left::{left_of, mark};
use super::order::{self, Order};
use super::ports::Ports;
use super::retry::Ladder;
use super::run::Run;
use super::step::Flow;

/// What the runtime, `check` and `explain` read of a route.
pub struct Plan {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) file: SourceFile,
    pub(super) queue: Text,
    pub(super) queue_span: Range<usize>,
    pub(super) prefetch: u16,
    pub(super) prefetch_bytes: Option<usize>,
    pub(super) order: Order,
    pub(super) accepts: Option<Arc<Contract>>,
    pub(super) steps: Sequence,
    pub(super) reply: Option<Option<Arc<Contract>>>,
    pub(super) retries: Ladder,
    pub(super) breaker: Option<Breaker>,
    pub(super) endpoints: Vec<Endpoint>,
    /// The ids of the steps that are tried again on their own.
    pub(super) own_retries: BTreeSet<String>,
    /// Expressions, with what they get and what is wanted of them.
    pub(super) uses: Vec<Use>,
    /// Where documents are to be of a contract.
    pub(super) entrances: Vec<Entrance>,
    /// Whether a step makes parts of a message that may fail apart.
    pub(super) divides: bool,
    /// Whether messages leave the route at a step, and come again to pass it.
    pub(super) delays: bool,
    pub(super) topology: Topology,
    pub(super) looks: bool,
    pub(super) version: Version,
}

/// All that a plan was compiled from. Two plans of one name and version do the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Version {
    /// The route, its transforms, and the files of its contracts.
    pub files: Vec<SourceFile>,
    /// The bounds of documents and mappings.
    pub limits: Limits,
}

/// What a route's run ends in, if it does not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All that was to be sent is confirmed.
    Delivered,
    /// A filter ended the run; what was sent before it is confirmed.
    Filtered {
        /// The filter's id.
        step: Text,
    },
    /// The message waits in a queue of the broker, and comes again; nothing was sent.
    Delayed {
        /// The id of the step that delays it.
        step: Text,
        /// How long it waits.
        time: Duration,
    },
    /// A message with the same key was processed before; what was sent before that showed is confirmed.
    Duplicate {
        /// The id of the step that knew it.
        step: Text,
    },
    /// It is a part of a group, or tells of one; what was sent before that is confirmed.
    Gathered {
        /// The id of the step that gathers.
        step: Text,
    },
    /// It is in the store, and comes again when it is its turn, or tells of one that is; nothing was sent.
    Buffered {
        /// The id of the step at which it waits.
        step: Text,
    },
}

/// The end of a message's processing, after all attempts at once.
#[derive(Debug)]
pub struct Processed {
    /// How it ended.
    pub result: Result<Outcome, Failure>,
    /// How often the plan was run.
    pub attempts: u32,
}

impl Plan {
    /// The route's name, from its path below `routes/`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the route is for, in its author's words.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The file.
    pub fn file(&self) -> &SourceFile {
        &self.file
    }

    /// The queue from which the route takes its messages.
    pub fn queue(&self) -> &Text {
        &self.queue
    }

    /// How many messages are taken before the first of them is settled.
    pub fn prefetch(&self) -> u16 {
        self.prefetch
    }

    /// How many bytes of bodies are taken before the first of them is settled; `None` as the settings have it.
    pub fn prefetch_bytes(&self) -> Option<usize> {
        self.prefetch_bytes
    }

    /// In which order messages are processed.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// The contract of the messages.
    pub fn accepts(&self) -> Option<&Arc<Contract>> {
        self.accepts.as_ref()
    }

    /// The contracts of the messages, as far as they are known: the one that the route accepts, or else those of which the
    /// first step takes one.
    pub fn taken(&self) -> Vec<&Arc<Contract>> {
        self.accepts.as_ref().map_or_else(|| self.steps.reads(), |contract| vec![contract])
    }

    /// The steps.
    pub fn steps(&self) -> &Sequence {
        &self.steps
    }

    /// Every step on every branch.
    pub fn all_steps(&self) -> Vec<&Placed> {
        self.steps.all()
    }

    /// Whether the sender is answered; the contract of the answer, if it has one.
    pub fn reply(&self) -> Option<Option<&Arc<Contract>>> {
        self.reply.as_ref().map(Option::as_ref)
    }

    /// How often, and when, a transient failure is tried again.
    pub fn retries(&self) -> &Ladder {
        &self.retries
    }

    /// When the route stops taking messages because an endpoint fails; `None` if it never does.
    pub fn breaker(&self) -> Option<&Breaker> {
        self.breaker.as_ref()
    }

    /// Where the route sends to, and whom it calls.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// What must stand at the broker.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Where dead letters go: the default exchange, with the queue `<queue>.dlq`.
    pub fn dead_letter_address(&self) -> Address {
        Address { exchange: Text::new(), routing_key: dead_letter_queue(&self.queue) }
    }

    /// Whether it may look at bodies.
    pub fn looks(&self) -> bool {
        self.looks
    }

    /// The bounds of documents and mappings.
    pub fn limits(&self) -> &Limits {
        &self.version.limits
    }

    /// What the plan was compiled from.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The key of a message in a route that keeps order: those of one key are to be processed one after the other.
    ///
    /// # Errors
    /// There is no key, and the message cannot be processed.
    pub fn key(&self, delivery: &Delivery, ports: &dyn Ports) -> Result<Option<Text>, Failure> {
        match &self.order {
            Order::None => Ok(None),
            Order::Strict => Ok(Some(Text::new())),
            Order::ByKey(expression) => {
                if Entry::of(delivery, &self.name, &self.queue).is_some() {
                    // It is no message of those that have a key, and follows them.
                    return Ok(delivery.message.properties.correlation_id.clone());
                }
                let mut run = Run::begin(self, delivery, ports)?;
                if expression.reads_document() {
                    claim::expect_body(&delivery.message)?;
                    run.accept()?;
                }
                expression.one(&mut run).map(|key| Some(order::name(key)))
            }
        }
    }

    /// Runs the plan once.
    ///
    /// # Errors
    /// Why the message could not be processed. What it had sent may have arrived all the same.
    pub async fn run(&self, delivery: &Delivery, ports: &dyn Ports) -> Result<Outcome, Failure> {
        let entry = Entry::of(delivery, &self.name, &self.queue);
        let mut run = Run::begin(self, delivery, ports)?;
        if entry.is_none() {
            if self.looks && claim::claimed(&run.message().headers).is_some() {
                Box::pin(run.fetch()).await?;
            }
            run.accept()?;
        }
        let ended = match &entry {
            Some(entry) => Box::pin(self.enter(entry, &mut run)).await,
            None => self.steps.run(&mut run).await,
        };
        let flow = match ended {
            Ok(flow) => flow,
            Err(failure) => return Err(Box::pin(run.fail(failure)).await),
        };
        let outcome = match flow {
            Flow::Filtered => Outcome::Filtered { step: run.step().cloned().unwrap_or_default() },
            Flow::Later(time) => return Ok(Outcome::Delayed { step: run.step().cloned().unwrap_or_default(), time }),
            Flow::Duplicate => Outcome::Duplicate { step: run.step().cloned().unwrap_or_default() },
            Flow::Gathered => Outcome::Gathered { step: run.step().cloned().unwrap_or_default() },
            Flow::Buffered => return Ok(Outcome::Buffered { step: run.step().cloned().unwrap_or_default() }),
            Flow::Continue | Flow::Stop => {
                if let Some(contract) = &self.reply {
                    run.reply(contract.as_ref()).map_err(|failure| failure.in_step("reply"))?;
                }
                Outcome::Delivered
            }
        };
        let (claimed, later) = (run.take_claimed(), run.take_later());
        if let Some(conversation) = run.take_conversation() {
            Box::pin(conversation.save(ports)).await?;
        }
        run.publish().await?;
        for claimed in claimed {
            Box::pin(claimed.complete()).await?;
        }
        if !later.is_empty() {
            Box::pin(join_all(later.into_iter().map(|refresh| refresh.ask(ports, self.limits())))).await;
        }
        Ok(outcome)
    }

    /// Goes on where a message of a step's own belongs.
    async fn enter(&self, entry: &Entry, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let mut steps = self.steps.steps.iter();
        let (step, is_timer, found) = match entry {
            Entry::Behind(step) => (step, false, steps.find(|placed| placed.id == *step)),
            Entry::Timer(step) => (step, true, self.all_steps().into_iter().find(|placed| placed.id == *step)),
        };
        let Some(placed) = found else {
            let reason = format!("this is a message of the step `{step}`, which the route does not have any more");
            return Err(Failure::permanent(Kind::State, reason));
        };
        run.enter(placed);
        let came_back = placed.come_back(run, is_timer).await.map_err(|failure| failure.in_step(&placed.id))?;
        match came_back {
            Flow::Continue if !is_timer => Sequence::run_all(steps.as_slice(), run).await,
            end => Ok(end),
        }
    }

    /// Runs the plan, and again at once after a transient failure as often as the route says.
    ///
    /// A lost connection is given back after the first attempt: trying again at once does not bring it back.
    pub async fn process(&self, delivery: &Delivery, ports: &dyn Ports) -> Processed {
        let mut attempts = 1;
        let mut marked: Option<Box<Delivery>> = None;
        loop {
            let mut result = self.run(marked.as_deref().unwrap_or(delivery), ports).await;
            if let Err(failure) = &mut result {
                match &failure.left {
                    Some(left) => {
                        mark(&mut marked.get_or_insert_with(|| Box::new(delivery.clone())).message.headers, left)
                    }
                    None => failure.left = marked.as_ref().and_then(|delivery| left_of(&delivery.message.headers)),
                }
            }
            match result {
                Err(failure) if may_pass(&failure) && attempts <= self.immediate(&failure) => attempts += 1,
                result => return Processed { result, attempts },
            }
        }
    }

    /// The expressions of the route, with what they get and what is wanted of them.
    pub fn uses(&self) -> &[Use] {
        &self.uses
    }

    /// Where documents are to be of a contract.
    pub fn entrances(&self) -> &[Entrance] {
        &self.entrances
    }

    /// How often a run that failed so is tried again at once. A step with a number of its own has used it up already.
    fn immediate(&self, failure: &Failure) -> u32 {
        let own = failure.step.as_ref().is_some_and(|step| self.own_retries.contains(step));
        if own { 0 } else { self.retries.immediate }
    }
}

/// Whether trying again at once can help.
pub(super) fn may_pass(failure: &Failure) -> bool {
    failure.class == Class::Transient && failure.kind != Kind::Connection
}

/// The dead-letter queue of a queue.
pub(super) fn dead_letter_queue(queue: &str) -> Text {
    Text::from(format!("{queue}.dlq"))
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("name", &self.name).field("queue", &self.queue).finish_non_exhaustive()
    }
}
