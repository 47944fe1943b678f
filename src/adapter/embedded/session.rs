//! The broker behind the traits of [`crate::endpoint`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use tokio::sync::Notify;

use crate::endpoint::topology::Topology;
use crate::endpoint::{
    Address, BoxFuture, Delivery, EndpointError, Replies, SendError, Session, Settlement, Sink, Source,
};
use crate::message::{Message, Text};

use super::Broker;

/// One session of a client.
pub(super) struct EmbeddedSession {
    broker: Broker,
    id: u64,
    alive: Arc<AtomicBool>,
    /// For the parts, which keep their session alive.
    this: Weak<Self>,
}

impl EmbeddedSession {
    pub(super) fn begin(broker: &Broker) -> Arc<Self> {
        let id = broker.shared.state().next_id();
        let session = Arc::new_cyclic(|this| Self {
            broker: broker.clone(),
            id,
            alive: Arc::new(AtomicBool::new(true)),
            this: this.clone(),
        });
        broker.sessions().insert(id, Arc::downgrade(&session));
        session
    }

    pub(super) fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Acquire)
    }

    pub(super) fn end(&self) {
        if self.alive.swap(false, Ordering::AcqRel) {
            self.broker.shared.state().end_session(self.id);
        }
    }

    fn check(&self) -> Result<(), EndpointError> {
        if self.is_alive() {
            Ok(())
        } else {
            Err(EndpointError::Unavailable("the session with the embedded broker has ended".to_owned()))
        }
    }

    fn consume(&self, queue: &str, prefetch: u16) -> Result<Consumer, EndpointError> {
        self.check()?;
        let (id, changed) = self.broker.shared.state().consume(self.id, queue, prefetch)?;
        let (broker, alive) = (self.broker.clone(), Arc::clone(&self.alive));
        Ok(Consumer { broker, id, queue: queue.into(), changed, alive, _session: self.this.upgrade() })
    }
}

impl Drop for EmbeddedSession {
    fn drop(&mut self) {
        self.end();
        self.broker.sessions().remove(&self.id);
    }
}

impl Session for EmbeddedSession {
    fn declare<'a>(&'a self, topology: &'a Topology) -> BoxFuture<'a, Result<(), EndpointError>> {
        Box::pin(async move {
            self.check()?;
            self.broker.shared.state().declare(topology)
        })
    }

    fn source<'a>(&'a self, queue: &'a str, prefetch: u16) -> BoxFuture<'a, Result<Box<dyn Source>, EndpointError>> {
        Box::pin(async move { Ok(Box::new(self.consume(queue, prefetch)?) as Box<dyn Source>) })
    }

    fn sink(&self) -> BoxFuture<'_, Result<Arc<dyn Sink>, EndpointError>> {
        Box::pin(async move {
            self.check()?;
            Ok(Arc::new(Lane { broker: self.broker.clone(), alive: Arc::clone(&self.alive) }) as Arc<dyn Sink>)
        })
    }

    fn replies(&self) -> BoxFuture<'_, Result<Box<dyn Replies>, EndpointError>> {
        Box::pin(async move {
            self.check()?;
            let queue = self.broker.shared.state().reply_queue(self.id);
            let consumer = self.consume(&queue, 0)?;
            Ok(Box::new(ReplyQueue { queue, consumer }) as Box<dyn Replies>)
        })
    }

    fn blocked(&self) -> Option<String> {
        let full = self.broker.shared.state().is_full();
        full.then(|| "the embedded broker's memory is full: it takes no more messages until some are taken".to_owned())
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move { self.end() })
    }
}

/// A consumer of one queue.
struct Consumer {
    broker: Broker,
    id: u64,
    queue: Text,
    changed: Arc<Notify>,
    alive: Arc<AtomicBool>,
    _session: Option<Arc<EmbeddedSession>>,
}

impl Consumer {
    async fn next(&mut self, max: usize) -> Result<Vec<Delivery>, EndpointError> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before looking, so that no change in between is missed.
            changed.as_mut().enable();
            let taken = self.broker.shared.state().take(self.id, max).ok_or_else(|| self.end())?;
            if let Some(deliveries) = taken {
                return Ok(deliveries);
            }
            changed.await;
        }
    }

    /// Why it gives nothing any more.
    fn end(&self) -> EndpointError {
        let why = if self.alive.load(Ordering::Acquire) {
            "ended by the broker; was the queue deleted?"
        } else {
            "the session with the embedded broker has ended"
        };
        EndpointError::Unavailable(format!("consuming queue `{}`: {why}", self.queue))
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.broker.shared.state().end_consumer(self.id);
    }
}

impl Source for Consumer {
    fn receive(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Delivery>, EndpointError>> {
        Box::pin(self.next(max))
    }

    fn settle(&mut self, settlement: Settlement) -> BoxFuture<'_, Result<(), EndpointError>> {
        Box::pin(
            async move { self.broker.shared.state().settle(self.id, settlement).unwrap_or_else(|| Err(self.end())) },
        )
    }

    fn stop(&mut self) -> BoxFuture<'_, Result<(), EndpointError>> {
        Box::pin(async move { self.broker.shared.state().stop(self.id).ok_or_else(|| self.end()) })
    }

    fn close(&mut self) -> BoxFuture<'_, Result<(), EndpointError>> {
        Box::pin(async move {
            self.broker.shared.state().end_consumer(self.id);
            Ok(())
        })
    }
}

/// A publishing lane.
struct Lane {
    broker: Broker,
    alive: Arc<AtomicBool>,
}

impl Sink for Lane {
    fn send(&self, to: &Address, message: Message) -> BoxFuture<'static, Result<(), SendError>> {
        let sent = if self.alive.load(Ordering::Acquire) {
            self.broker.shared.state().publish(to, message)
        } else {
            Err(SendError::Unknown("the session with the embedded broker has ended".to_owned()))
        };
        Box::pin(std::future::ready(sent))
    }
}

/// The private queue of a session for answers.
struct ReplyQueue {
    queue: Text,
    consumer: Consumer,
}

impl Replies for ReplyQueue {
    fn address(&self) -> &str {
        &self.queue
    }

    fn receive(&mut self) -> BoxFuture<'_, Result<Message, EndpointError>> {
        Box::pin(async move {
            loop {
                let delivery = self.consumer.next(1).await?.into_iter().next();
                if let Some(Delivery { tag, message, .. }) = delivery {
                    self.consumer.settle(Settlement::Ack(tag)).await?;
                    return Ok(message);
                }
            }
        })
    }
}
