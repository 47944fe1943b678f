//! The keys that messages of this process hold.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::endpoint::store::Key;
use crate::telemetry::metrics::StoreMetrics;

/// At most as many keys as messages are in flight.
pub(super) struct Pending {
    /// Whoever waits for a key follows its sender, which goes with the claim.
    keys: Mutex<HashMap<Key, watch::Sender<()>>>,
    metrics: StoreMetrics,
}

impl Pending {
    pub(super) fn new(metrics: StoreMetrics) -> Self {
        Self { keys: Mutex::default(), metrics }
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<Key, watch::Sender<()>>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds a key, if nobody else does.
    pub(super) fn hold(&self, key: &Key) -> bool {
        let mut keys = self.keys();
        if keys.contains_key(key) {
            return false;
        }
        keys.insert(key.clone(), watch::Sender::new(()));
        self.metrics.pending(keys.len());
        true
    }

    /// Frees a key and wakes who waits for it.
    pub(super) fn free(&self, key: &Key) {
        let mut keys = self.keys();
        keys.remove(key);
        self.metrics.pending(keys.len());
    }

    /// Waits until a key is free; whether it was held at all.
    pub(super) async fn freed(&self, key: &Key) -> bool {
        let held = self.keys().get(key).map(watch::Sender::subscribe);
        let Some(mut held) = held else { return false };
        // Nothing is ever sent: this ends when the sender goes.
        while held.changed().await.is_ok() {}
        true
    }
}
