//! The sending side: one task owns one confirm channel, publishes in groups and joins all confirms of a group.
//!
//! Why groups: when several publishes are in flight, lapin hands a returned message to whichever confirm completes
//! next, so a single `Ack(None)` does not prove that *its* message was routed. A return always arrives before the
//! confirm of its message, and every confirm of the channel belongs to the current group; so when the whole group is
//! confirmed, each return of the group is attached to one of its confirms. They are collected and matched by content;
//! messages that cannot be told apart are all taken as unroutable, which may send one of them twice but loses none.
//!
//! Why one task: lapin takes the delivery tag and enqueues the frames under two locks; two tasks that publish on one
//! channel get each other's confirms.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use lapin::message::BasicReturnMessage;
use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Channel, Confirmation};
use tokio::sync::{mpsc, oneshot};

use super::error::{is_not_found, words};
use super::session::Link;
use super::table::{self, short};
use crate::endpoint::{Address, BoxFuture, SendError, Sink};
use crate::message::{Message, Text};

/// A confirm that takes longer says nothing about the message any more.
const CONFIRM_PATIENCE: Duration = Duration::from_secs(30);
/// Publishes that wait for their group at the most.
const WAITING: usize = 4096;
/// Publishes of one group at the most.
const GROUP: usize = 256;

type Outcome = Result<(), SendError>;

struct Job {
    to: Address,
    message: Message,
    done: oneshot::Sender<Outcome>,
}

/// The handle of a lane.
pub(super) struct AmqpSink {
    jobs: mpsc::Sender<Job>,
}

impl AmqpSink {
    pub(super) fn start(link: Arc<Link>, channel: Channel) -> Self {
        let (jobs, queue) = mpsc::channel(WAITING);
        let lane = Lane { link: link.clone(), channel, exchanges: HashSet::new() };
        tokio::spawn(async move {
            tokio::select! {
                () = lane.work(queue) => {}
                () = link.dead.cancelled() => {}
            }
        });
        Self { jobs }
    }
}

impl Sink for AmqpSink {
    fn send(&self, to: &Address, message: Message) -> BoxFuture<'static, Outcome> {
        let (done, outcome) = oneshot::channel();
        let gone = || SendError::Unknown("the connection to the broker was lost".to_owned());
        let job = Job { to: to.clone(), message, done };
        // In the order of the calls; only a full lane makes the future itself wait for a place.
        let waiting = match self.jobs.try_send(job) {
            Ok(()) => None,
            Err(mpsc::error::TrySendError::Full(job)) => Some((self.jobs.clone(), job)),
            Err(mpsc::error::TrySendError::Closed(_)) => return Box::pin(async move { Err(gone()) }),
        };
        Box::pin(async move {
            if let Some((jobs, job)) = waiting {
                jobs.send(job).await.map_err(|_| gone())?;
            }
            outcome.await.unwrap_or_else(|_| Err(gone()))
        })
    }
}

struct Lane {
    link: Arc<Link>,
    channel: Channel,
    /// Exchanges that are known to exist: a publish to a missing one closes the channel for its neighbours.
    exchanges: HashSet<Text>,
}

/// A job whose properties are fit for the wire.
struct Ready {
    job: Job,
    properties: BasicProperties,
}

impl Lane {
    async fn work(mut self, mut queue: mpsc::Receiver<Job>) {
        let mut waiting = Vec::with_capacity(GROUP);
        while queue.recv_many(&mut waiting, GROUP).await > 0 {
            let mut group = Vec::with_capacity(waiting.len());
            for job in waiting.drain(..) {
                if let Some(ready) = self.prepare(job).await {
                    group.push(ready);
                }
            }
            if !self.publish(group).await {
                self.link.dead.cancel();
                return;
            }
        }
    }

    /// Settles what cannot be published at once, so that it does not harm its neighbours on the channel.
    async fn prepare(&mut self, job: Job) -> Option<Ready> {
        if !job.to.exchange.is_empty() && !self.exchanges.contains(&job.to.exchange) {
            match self.link.exchange_exists(&job.to.exchange).await {
                Ok(true) => {
                    self.exchanges.insert(job.to.exchange.clone());
                }
                Ok(false) => {
                    let error = unroutable(&job.to, "no such exchange");
                    settle(job, Err(error));
                    return None;
                }
                Err(reason) => {
                    settle(job, Err(SendError::Unknown(reason)));
                    return None;
                }
            }
        }
        let fit = short("routing_key", &job.to.routing_key)
            .and_then(|_| table::to_lapin(&job.message.properties, &job.message.headers, self.link.frame_max));
        match fit {
            Ok(properties) => Some(Ready { job, properties }),
            Err(error) => {
                settle(job, Err(SendError::Invalid(error.to_string())));
                None
            }
        }
    }

    /// Publishes a group and settles it. `false` when the channel is of no use any more.
    async fn publish(&self, group: Vec<Ready>) -> bool {
        // The futures of one group are polled first in this order, by this task alone.
        let confirms = group.iter().map(|ready| self.publish_one(ready));
        let confirmed = tokio::time::timeout(CONFIRM_PATIENCE, join_all(confirms)).await;
        let Ok(confirmed) = confirmed else {
            for ready in group {
                let reason = format!("no confirm within {CONFIRM_PATIENCE:?}");
                settle(ready.job, Err(SendError::Unknown(reason)));
            }
            return false;
        };
        let mut returned = Vec::new();
        let mut outcomes = Vec::with_capacity(group.len());
        let mut usable = true;
        for result in confirmed {
            outcomes.push(match result {
                Ok(Confirmation::Ack(back)) => {
                    returned.extend(back);
                    Ok(())
                }
                Ok(Confirmation::Nack(back)) => {
                    returned.extend(back);
                    Err(SendError::Nack)
                }
                Ok(Confirmation::NotRequested) => Err(SendError::Unknown("confirms are not enabled".to_owned())),
                Err(error) => {
                    usable = false;
                    Err(SendError::Unknown(words(&error)))
                }
            });
        }
        for (ready, outcome) in group.into_iter().zip(outcomes) {
            let back = returned.iter().find(|back| is_same(back, &ready));
            let outcome = match back {
                Some(back) => Err(unroutable(&ready.job.to, back.reply_text.as_str())),
                None => outcome,
            };
            settle(ready.job, outcome);
        }
        usable
    }

    async fn publish_one(&self, ready: &Ready) -> lapin::Result<Confirmation> {
        let Address { exchange, routing_key } = &ready.job.to;
        let mandatory = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let body = &ready.job.message.body;
        // Both are checked in `prepare`; an empty one is the default exchange's way to say "unroutable".
        let exchange = short("exchange", exchange).unwrap_or_default();
        let routing_key = short("routing_key", routing_key).unwrap_or_default();
        let properties = ready.properties.clone();
        self.channel.basic_publish(exchange, routing_key, mandatory, body, properties).await?.await
    }
}

fn is_same(back: &BasicReturnMessage, ready: &Ready) -> bool {
    back.exchange.as_str() == ready.job.to.exchange.as_str()
        && back.routing_key.as_str() == ready.job.to.routing_key.as_str()
        && back.properties.message_id() == ready.properties.message_id()
        && back.data == ready.job.message.body
}

fn unroutable(to: &Address, reason: &str) -> SendError {
    SendError::Unroutable {
        exchange: to.exchange.to_string(),
        routing_key: to.routing_key.to_string(),
        reason: reason.to_owned(),
    }
}

/// Nobody waits any more where the run was given up; its delivery is unsettled then, and comes again.
fn settle(job: Job, outcome: Outcome) {
    let _ = job.done.send(outcome);
}

impl Link {
    async fn exchange_exists(&self, exchange: &str) -> Result<bool, String> {
        let name = short("exchange", exchange).map_err(|error| error.to_string())?;
        let channel = self.publish.create_channel().await.map_err(|error| words(&error))?;
        let passive = lapin::options::ExchangeDeclareOptions { passive: true, ..Default::default() };
        let declared = channel.exchange_declare(name, lapin::ExchangeKind::Direct, passive, Default::default());
        match tokio::time::timeout(super::error::PATIENCE, declared).await {
            Ok(Ok(())) => {
                let _ = channel.close(200, "".into()).await;
                Ok(true)
            }
            Ok(Err(error)) if is_not_found(&error) => Ok(false),
            Ok(Err(error)) => Err(words(&error)),
            Err(_) => Err("the broker does not answer".to_owned()),
        }
    }
}
