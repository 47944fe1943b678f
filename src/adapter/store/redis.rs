//! The store in Redis, for several instances that take from the same queues.
//!
//! One Redis key for each key: while it is claimed its value names the claim, afterwards it says `done`. A claim is a
//! lease, which its instance renews as long as its message is under way: the keys of an instance that has died are free
//! when their lease is over. Redis itself forgets what is over. Records are hashes of version and bytes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, Pipeline, RedisError, RedisResult};
use tokio::runtime::Handle;
use tokio_util::context::TokioContext;
use uuid::Uuid;

use crate::endpoint::BoxFuture;
use crate::endpoint::store::{Change, Claim, Expect, Key, Name, Record, Store, StoreError};
use crate::telemetry::metrics::StoreMetrics;

use super::pending::Pending;

/// How long a claim lives without being renewed.
const LEASE: Duration = Duration::from_secs(15);
/// How long Redis may take to connect, and to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a key is looked at that another instance holds.
const LOOK: Duration = Duration::from_millis(100);
/// Claims that are renewed in one go.
const TOGETHER: usize = 500;

/// Gives 0 if the key is claimed now, 1 if another one has it, 2 if it is done. A claim of this instance whose
/// answer was lost is claimed anew.
const CLAIM: &str = "local found = redis.call('GET', KEYS[1])
if found == 'done' then return 2 end
if found and string.sub(found, 1, #ARGV[1]) ~= ARGV[1] then return 1 end
redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2], 'PX', ARGV[3])
return 0";
const RENEW: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end";
const RELEASE: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end";
/// Version, bytes, and the milliseconds that are left; nothing if there is no record.
const LOAD: &str = "local found = redis.call('HMGET', KEYS[1], 'v', 'b')
if not found[1] then return {} end
return {found[1], found[2], redis.call('PTTL', KEYS[1])}";
/// The last key is that of the versions. Of each other key: what is expected (`*`, `-` or a version), whether there is a
/// record then, its bytes, and how many milliseconds it lives (0 for ever).
const COMMIT: &str = "for i = 1, #KEYS - 1 do
  local expected = ARGV[i * 4 - 3]
  if expected ~= '*' and (redis.call('HGET', KEYS[i], 'v') or '-') ~= expected then return 0 end
end
local version = redis.call('INCR', KEYS[#KEYS])
for i = 1, #KEYS - 1 do
  redis.call('DEL', KEYS[i])
  if ARGV[i * 4 - 2] == '1' then
    redis.call('HSET', KEYS[i], 'v', version, 'b', ARGV[i * 4 - 1])
    if ARGV[i * 4] ~= '0' then redis.call('PEXPIRE', KEYS[i], ARGV[i * 4]) end
  end
end
return 1";
/// Counts the changes of records.
const VERSIONS: &str = "trunkline.versions";

/// The keys of processed messages in Redis.
pub struct RedisStore {
    redis: Arc<Redis>,
    pending: Pending,
    /// What the values of this instance's claims begin with.
    instance: String,
    claims: AtomicU64,
    metrics: StoreMetrics,
}

impl RedisStore {
    /// The store at an address as `redis://user:password@host:6379/0`, or `rediss://…` for TLS. It connects when it is
    /// first needed, and again whenever that is lost. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn new(url: &str) -> Result<Self, String> {
        Self::with_lease(url, LEASE)
    }

    /// Why an address is none.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(url: &str) -> Result<(), String> {
        client(url).map(drop)
    }

    /// The same with another lease than 15 seconds.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn with_lease(url: &str, lease: Duration) -> Result<Self, String> {
        let redis = Arc::new(Redis {
            client: client(url)?,
            sockets: Handle::current(),
            connection: tokio::sync::Mutex::default(),
            leases: Mutex::default(),
            lease: millis(lease),
        });
        tokio::spawn(renew(Arc::downgrade(&redis), lease / 3));
        let metrics = StoreMetrics::register();
        let instance = format!("{}:", Uuid::new_v4().simple());
        Ok(Self { redis, pending: Pending::new(metrics.clone()), instance, claims: AtomicU64::new(0), metrics })
    }

    async fn look(&self, key: &Key) -> Result<Claim, StoreError> {
        let Some(hold) = Hold::of(&self.pending, key) else { return Ok(Claim::Pending) };
        let (name, number) = (name(key), self.claims.fetch_add(1, Ordering::Relaxed).to_string());
        let mut claim = script(CLAIM, &name);
        claim.arg(&self.instance).arg(&number).arg(self.redis.lease);
        match self.redis.ask::<u8>(&claim).await? {
            0 => {
                self.redis.leases().insert(name, format!("{}{number}", self.instance));
                hold.keep();
                Ok(Claim::New)
            }
            1 => Ok(Claim::Pending),
            _ => Ok(Claim::Done),
        }
    }

    async fn mark(&self, key: &Key, until: SystemTime) -> Result<(), StoreError> {
        let began = Instant::now();
        let name = name(key);
        let keep = until.duration_since(SystemTime::now()).map_or(0, millis).max(1);
        self.redis.ask::<()>(redis::cmd("SET").arg(&name).arg("done").arg("PX").arg(keep)).await?;
        self.redis.leases().remove(&name);
        self.pending.free(key);
        self.metrics.write.record(began.elapsed());
        Ok(())
    }

    fn give_up(&self, key: &Key) {
        let name = name(key);
        let claim = self.redis.leases().remove(&name);
        self.pending.free(key);
        // In the background, and without a second attempt: if it fails, the lease ends by itself.
        if let Some(claim) = claim {
            let redis = Arc::clone(&self.redis);
            self.redis.sockets.spawn(async move { redis.ask::<()>(script(RELEASE, &name).arg(claim)).await });
        }
    }

    async fn read(&self, name: &Name, now: SystemTime) -> Result<Option<Record>, StoreError> {
        let found: Vec<redis::Value> = self.redis.ask(&script(LOAD, &record(name))).await?;
        let Ok([version, value, left]) = <[redis::Value; 3]>::try_from(found) else { return Ok(None) };
        let wrong = |error: redis::ParsingError| StoreError(format!("Redis: {error}"));
        let version = redis::from_redis_value(version).map_err(wrong)?;
        let value: Vec<u8> = redis::from_redis_value(value).map_err(wrong)?;
        let left: i64 = redis::from_redis_value(left).map_err(wrong)?;
        let until = u64::try_from(left).ok().and_then(|left| now.checked_add(Duration::from_millis(left)));
        Ok(Some(Record { value: Bytes::from(value), version, until }))
    }

    async fn change(&self, changes: &[Change], now: SystemTime) -> Result<bool, StoreError> {
        let began = Instant::now();
        let mut command = redis::cmd("EVAL");
        command.arg(COMMIT).arg(changes.len() + 1);
        for change in changes {
            command.arg(record(&change.name));
        }
        command.arg(VERSIONS);
        for Change { expect, to, .. } in changes {
            match expect {
                Expect::Anything => command.arg("*"),
                Expect::Nothing => command.arg("-"),
                Expect::Version(version) => command.arg(version.to_string()),
            };
            let (value, until) = to.as_ref().map_or((&[][..], None), |(value, until)| (value.as_ref(), *until));
            let lives = until.map_or(0, |until| until.duration_since(now).map_or(0, millis).max(1));
            command.arg(u8::from(to.is_some())).arg(value).arg(lives);
        }
        let done = self.redis.ask::<u8>(&command).await? == 1;
        self.metrics.write.record(began.elapsed());
        Ok(done)
    }

    async fn wait(&self, key: &Key) {
        if !self.pending.freed(key).await {
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Store for RedisStore {
    fn claim<'a>(&'a self, key: &'a Key, _: SystemTime) -> BoxFuture<'a, Result<Claim, StoreError>> {
        Box::pin(self.look(key))
    }

    fn complete<'a>(&'a self, key: &'a Key, until: SystemTime) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.mark(key, until))
    }

    fn release(&self, key: &Key) {
        self.give_up(key);
    }

    fn changed<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, ()> {
        Box::pin(self.wait(key))
    }

    fn load<'a>(&'a self, name: &'a Name, now: SystemTime) -> BoxFuture<'a, Result<Option<Record>, StoreError>> {
        Box::pin(self.read(name, now))
    }

    fn commit<'a>(&'a self, changes: &'a [Change], now: SystemTime) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(self.change(changes, now))
    }
}

/// A key that is held while Redis is asked; free again if that comes to nothing.
struct Hold<'a> {
    pending: &'a Pending,
    key: Option<&'a Key>,
}

impl<'a> Hold<'a> {
    fn of(pending: &'a Pending, key: &'a Key) -> Option<Self> {
        // Lazily: one that is made and dropped would free another's key.
        pending.hold(key).then(|| Self { pending, key: Some(key) })
    }

    fn keep(mut self) {
        self.key = None;
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.pending.free(key);
        }
    }
}

/// The connection, and the leases that are renewed over it.
struct Redis {
    client: Client,
    /// Where the connection is driven: the runtime that the store was made in. Routes may run elsewhere.
    sockets: Handle,
    connection: tokio::sync::Mutex<Option<MultiplexedConnection>>,
    /// The claims of this instance, by name.
    leases: Mutex<HashMap<String, String>>,
    /// In milliseconds.
    lease: u64,
}

impl Redis {
    fn leases(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        let mut connection = self.connection.lock().await;
        if let Some(connection) = &*connection {
            return Ok(connection.clone());
        }
        let patience =
            AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE));
        let made = self.client.get_multiplexed_async_connection_with_config(&patience);
        let made = TokioContext::new(made, self.sockets.clone()).await?;
        Ok(connection.insert(made).clone())
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let asked = async { command.query_async(&mut self.connection().await?).await };
        self.heard(asked.await).await
    }

    async fn ask_all(&self, commands: &Pipeline) -> Result<(), StoreError> {
        let asked = async { commands.query_async(&mut self.connection().await?).await };
        self.heard(asked.await).await
    }

    /// After a failure of the connection, the next one who asks connects anew.
    async fn heard<T>(&self, answer: Result<T, RedisError>) -> Result<T, StoreError> {
        match answer {
            Ok(answer) => Ok(answer),
            Err(error) => {
                if error.is_unrecoverable_error() || error.is_timeout() {
                    *self.connection.lock().await = None;
                }
                Err(StoreError(format!("Redis: {error}")))
            }
        }
    }
}

/// Renews all leases from time to time, as long as the store is there.
async fn renew(redis: Weak<Redis>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(redis) = redis.upgrade() else { return };
        let leases: Vec<(String, String)> =
            redis.leases().iter().map(|(name, claim)| (name.clone(), claim.clone())).collect();
        for some in leases.chunks(TOGETHER) {
            let mut commands = Pipeline::with_capacity(some.len());
            for (name, claim) in some {
                let mut command = script(RENEW, name);
                command.arg(claim).arg(redis.lease);
                commands.add_command(command).ignore();
            }
            // What cannot be renewed now is renewed the next time, twice before it ends.
            let _failed = redis.ask_all(&commands).await;
        }
    }
}

fn client(url: &str) -> Result<Client, String> {
    Client::open(url).map_err(|error| error.to_string())
}

fn name(key: &Key) -> String {
    // No route's name holds a colon.
    format!("trunkline:{}:{}", key.route, key.key)
}

fn record(name: &Name) -> String {
    // The dot keeps it apart from the keys of routes.
    format!("trunkline.record:{}:{}", name.space, name.key)
}

fn script(text: &str, name: &str) -> Cmd {
    let mut command = redis::cmd("EVAL");
    command.arg(text).arg(1).arg(name);
    command
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
