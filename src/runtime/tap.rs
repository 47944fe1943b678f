//! An optional listener to what passes through the routes. Costs one atomic read per event when nobody listens.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::broadcast;

use crate::endpoint::Address;
use crate::message::{Failure, Message, Text};
use crate::telemetry::metrics::Completed;

/// Events that a listener may be behind; what is older is lost to it, never to the bus.
const CAPACITY: usize = 1024;

/// What happened to a message.
#[derive(Clone, Debug)]
pub struct Event {
    /// The route.
    pub route: Arc<str>,
    /// The id of the message that the route took, if it has one.
    pub message_id: Option<Text>,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum What {
    /// Taken from the source.
    Received(Message),
    /// Published; whether it was confirmed shows in what follows.
    Sent {
        /// Where to.
        to: Address,
        /// The message.
        message: Message,
    },
    /// An answer to a request came in.
    Answered(Message),
    /// The message's run has ended and it is settled.
    Completed(Completed),
    /// The message failed for the moment and waits for another attempt.
    Postponed {
        /// Why.
        failure: Failure,
        /// The queue in which it waits.
        queue: Text,
    },
    /// The message is in the dead-letter queue.
    DeadLettered {
        /// Why.
        failure: Failure,
        /// As it was taken.
        message: Message,
    },
}

/// The place to listen at.
#[derive(Clone, Debug, Default)]
pub struct Tap(Arc<Listening>);

#[derive(Debug, Default)]
struct Listening {
    /// Made for the first one who listens: it has room for all of its events from the beginning.
    events: OnceLock<broadcast::Sender<Event>>,
    /// Whether somebody may listen. Asking the channel itself would take its lock.
    listened: AtomicBool,
}

impl Tap {
    /// Listens from now on.
    pub fn listen(&self) -> broadcast::Receiver<Event> {
        let receiver = self.0.events.get_or_init(|| broadcast::Sender::new(CAPACITY)).subscribe();
        self.0.listened.store(true, Ordering::Release);
        receiver
    }

    /// Tells those who listen, if there are any; the event is only made for them.
    pub(super) fn tell(&self, event: impl FnOnce() -> Event) {
        let Listening { events, listened } = &*self.0;
        if listened.load(Ordering::Relaxed)
            && let Some(events) = events.get()
            && events.send(event()).is_err()
        {
            listened.store(false, Ordering::Release);
            // One who came just now must not be overlooked.
            if events.receiver_count() > 0 {
                listened.store(true, Ordering::Release);
            }
        }
    }
}
