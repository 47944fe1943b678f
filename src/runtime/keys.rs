//! The keys and records of a route's messages, in the store of the bus.
//!
//! As long as the store does not work the route takes nothing more and keeps its messages, as it does when a dead
//! letter cannot be published.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::endpoint::BoxFuture;
use crate::endpoint::store::{Change, Claim, Key, Name, Record, Store, StoreError};
use crate::message::{Failure, Kind};

use super::backoff::Backoff;
use super::status::RouteStatus;

/// How long a message waits for another one with its key, before it fails for the moment.
const PATIENCE: Duration = Duration::from_secs(10);

/// A route's way to the store.
pub(super) struct Keys {
    pub(super) store: Option<Arc<dyn Store>>,
    pub(super) status: Arc<RouteStatus>,
}

impl Keys {
    pub(super) async fn claim(&self, key: &Key) -> Result<Claim, Failure> {
        let store = self.store()?;
        let began = Instant::now();
        loop {
            match self.insist(|| store.claim(key, SystemTime::now())).await {
                Claim::Pending => {}
                known => return Ok(known),
            }
            let left = PATIENCE.saturating_sub(began.elapsed());
            if tokio::time::timeout(left, store.changed(key)).await.is_err() {
                return Ok(Claim::Pending);
            }
        }
    }

    pub(super) async fn complete(&self, key: &Key, keep: Duration) -> Result<(), Failure> {
        let store = self.store()?;
        // What the clock cannot tell is over.
        let until = SystemTime::now().checked_add(keep).unwrap_or(SystemTime::UNIX_EPOCH);
        self.insist(|| store.complete(key, until)).await;
        Ok(())
    }

    pub(super) fn release(&self, key: &Key) {
        if let Some(store) = &self.store {
            store.release(key);
        }
    }

    pub(super) async fn load(&self, name: &Name) -> Result<Option<Record>, Failure> {
        let store = self.store()?;
        Ok(self.insist(|| store.load(name, SystemTime::now())).await)
    }

    pub(super) async fn commit(&self, changes: &[Change]) -> Result<bool, Failure> {
        let store = self.store()?;
        Ok(self.insist(|| store.commit(changes, SystemTime::now())).await)
    }

    fn store(&self) -> Result<&dyn Store, Failure> {
        let missing = || Failure::permanent(Kind::Internal, "the route was compiled for a store and there is none");
        self.store.as_deref().ok_or_else(missing)
    }

    /// Asks until there is an answer; until then the route is paused.
    async fn insist<'a, T>(&self, ask: impl Fn() -> BoxFuture<'a, Result<T, StoreError>>) -> T {
        let mut backoff = Backoff::default();
        let mut pause = None;
        loop {
            match ask().await {
                Ok(answer) => return answer,
                Err(StoreError(reason)) => {
                    if pause.is_none() {
                        pause = Some(self.status.pause(format!("the store does not work: {reason}")));
                    }
                    tokio::time::sleep(backoff.next()).await;
                }
            }
        }
    }
}
