//! The section `store` of the settings.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::adapter::store::RedisStore;

use super::units::Size;

/// Where routes keep what outlives a message: keys of processed messages, bodies, and what is known of conversations.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// A file of the bus' own, seen from the project's folder; made if it is not there.
    pub path: Option<String>,
    /// The most keys in the file; beyond it those are forgotten that would be forgotten first.
    pub keys: u64,
    /// The most bytes of records (checked bodies and the like) in the file. Nothing is forgotten before its time: at the
    /// bound, routes that need room pause.
    pub bytes: Size,
    /// Redis, in place of a file: `redis://user:password@host:6379/0`, or `rediss://…` for TLS. Instances that take from
    /// the same queues know each other's keys by it.
    pub redis: Option<String>,
}

impl Default for Store {
    fn default() -> Self {
        Self { path: None, keys: 1_000_000, bytes: Size(1 << 30), redis: None }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address of Redis holds a password.
        f.debug_struct("Store")
            .field("path", &self.path)
            .field("keys", &self.keys)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Tells what is wrong: the path of the setting, what it is, and what to do.
    pub(super) fn check(&self, add: &mut impl FnMut(&[&str], String, &str)) {
        match (&self.path, &self.redis) {
            (Some(path), None) if path.is_empty() => {
                add(&["store", "path"], "the store has no path".to_owned(), "name a file, as `state/keys.redb`");
            }
            (Some(_), None) => {}
            (None, Some(url)) => {
                if let Err(reason) = RedisStore::check(url) {
                    let hint = "write `redis://user:password@host:6379/0`, or `rediss://…` for TLS";
                    add(&["store", "redis"], format!("not an address of Redis: {reason}"), hint);
                }
            }
            _ => {
                let hint = "write `path: state/keys.redb` for a file, or `redis: redis://…`";
                add(&["store"], "the store is either a file or in Redis".to_owned(), hint);
            }
        }
        if self.keys == 0 {
            add(&["store", "keys"], "a store of 0 keys remembers nothing".to_owned(), "write 1 or more");
        }
    }
}
