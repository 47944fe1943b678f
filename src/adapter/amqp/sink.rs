//! The sending side as the runtime sees it: a handle to a [`super::lane::Lane`].

use std::sync::Arc;

use lapin::Channel;
use tokio::sync::{mpsc, oneshot};

use super::lane::Lane;
use super::session::Link;
use crate::endpoint::{Address, BoxFuture, SendError, Sink};
use crate::message::Message;

pub(super) type Outcome = Result<(), SendError>;

/// A message on its way, and whoever waits for it.
pub(super) struct Job {
    pub(super) to: Address,
    pub(super) message: Message,
    done: oneshot::Sender<Outcome>,
}

impl Job {
    pub(super) fn new(to: Address, message: Message) -> (Self, oneshot::Receiver<Outcome>) {
        let (done, outcome) = oneshot::channel();
        (Self { to, message, done }, outcome)
    }

    /// Whether the run that wanted it sent was given up.
    pub(super) fn is_abandoned(&self) -> bool {
        self.done.is_closed()
    }

    /// Nobody waits any more where the run was given up; its delivery is unsettled then, and comes again.
    pub(super) fn settle(self, outcome: Outcome) {
        let _abandoned = self.done.send(outcome);
    }

    pub(super) fn unroutable(&self, reason: &str) -> SendError {
        SendError::Unroutable {
            exchange: self.to.exchange.to_string(),
            routing_key: self.to.routing_key.to_string(),
            reason: reason.to_owned(),
        }
    }
}

/// The handle of a lane.
pub(super) struct AmqpSink {
    /// In the order of the calls. What waits here is waited for by a living future of [`Sink::send`], so it is
    /// bounded by whoever makes those; what is with the broker is bounded by the lane.
    jobs: mpsc::UnboundedSender<Job>,
}

impl AmqpSink {
    pub(super) fn start(link: Arc<Link>, channel: Channel) -> Self {
        let (jobs, queue) = mpsc::unbounded_channel();
        let dead = link.dead.clone();
        let lane = Lane::new(link, channel);
        tokio::spawn(async move { dead.run_until_cancelled(lane.work(queue)).await });
        Self { jobs }
    }
}

impl Sink for AmqpSink {
    fn send(&self, to: &Address, message: Message) -> BoxFuture<'static, Outcome> {
        let (job, outcome) = Job::new(to.clone(), message);
        // A lane that has ended drops the job, and with it the sender of the outcome.
        let _ended = self.jobs.send(job);
        let gone = || SendError::Unknown("the connection to the broker was lost".to_owned());
        Box::pin(async move { outcome.await.unwrap_or_else(|_| Err(gone())) })
    }
}
