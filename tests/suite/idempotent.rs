//! Duplicates on a running bus, with the embedded broker and with RabbitMQ.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use trunkline::adapter::store::FileStore;
use trunkline::endpoint::store::{Change, Claim, Key, Name, Record, Store, StoreError};
use trunkline::endpoint::topology::Topology;
use trunkline::endpoint::{Adapter, Address, BoxFuture, Session, Source};
use trunkline::message::Message;
use trunkline::runtime::{Bus, Handle, Settings, State};

use crate::broker::{message, queue, soon, to_queue, unique};
use crate::runtime::{Names, brokers, plan, take};

const ASK_ONCE: &str = "
from: { amqp: { queue: IN } }
steps:
  - idempotent: { key: $properties.message_id }
  - call: { amqp: { routing_key: OTHER }, timeout: 60s }
  - to: { amqp: { routing_key: OUT } }
";

/// One bus with one route at one broker, a participant that the test plays, and what comes out.
struct Rig {
    names: Names,
    client: Arc<dyn Session>,
    adapter: Arc<dyn Adapter>,
    participant: Box<dyn Source>,
    out: Box<dyn Source>,
}

impl Rig {
    async fn each() -> Vec<Self> {
        let mut rigs = Vec::new();
        for (client, adapter) in brokers().await {
            let names = Names { source: unique("in"), target: unique("out"), other: unique("other") };
            let queues = vec![queue(&names.target, &[]), queue(&names.other, &[])];
            client.declare(&Topology { queues, ..Topology::default() }).await.expect("declared");
            let participant = client.source(&names.other, 100).await.expect("a consumer");
            let out = client.source(&names.target, 100).await.expect("a consumer");
            rigs.push(Self { names, client, adapter, participant, out });
        }
        rigs
    }

    async fn start(&self, store: Arc<dyn Store>, settings: Settings) -> Handle {
        let work = plan(&self.names, ASK_ONCE);
        let bus = Bus::start_with([work], Arc::clone(&self.adapter), Some(store), settings);
        soon("ready", bus.ready()).await;
        bus
    }

    async fn send(&self, to: &Address, message: Message) {
        let sink = self.client.sink().await.expect("a lane");
        soon("a confirm", sink.send(to, message)).await.expect("confirmed");
    }

    async fn publish(&self, id: &str) {
        self.send(&to_queue(&self.names.source), message(id, id)).await;
    }

    /// The next request.
    async fn asked(&mut self) -> Message {
        take(&mut *self.participant, 1).await.remove(0).message
    }

    async fn answer(&self, request: Message) {
        let mut answer = message("answer", "answer");
        answer.properties.correlation_id = request.properties.correlation_id.clone();
        let to =
            Address { exchange: "".into(), routing_key: request.properties.reply_to.clone().expect("a reply address") };
        self.send(&to, answer).await;
    }

    /// What has come out since the last time, when nothing more comes.
    async fn came_out(&mut self) -> Vec<String> {
        self.send(&to_queue(&self.names.target), message("last", "last")).await;
        let mut ids = Vec::new();
        loop {
            let id = take(&mut *self.out, 1).await.remove(0).message.properties.message_id.clone().expect("an id");
            if id == "last" {
                return ids;
            }
            ids.push(id.to_string());
        }
    }

    /// The bus takes in order: when it has the next one, it has all before.
    async fn all_were_taken(&mut self) {
        self.publish("next").await;
        let request = self.asked().await;
        assert_eq!(request.body, "next");
        self.answer(request).await;
    }

    async fn is_settled(&self) {
        let mut left = self.client.source(&self.names.source, 10).await.expect("a consumer");
        self.publish("last").await;
        assert_eq!(take(&mut *left, 1).await[0].message.body, "last");
    }
}

fn file(folder: &tempfile::TempDir) -> Arc<dyn Store> {
    Arc::new(FileStore::open(&folder.path().join("keys"), 1_000, 1 << 20).expect("opens"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_twin_waits_for_the_first_and_is_dropped_then() {
    for mut rig in Rig::each().await {
        let folder = tempfile::tempdir().expect("a folder");
        let bus = rig.start(file(&folder), Settings::default()).await;
        for id in ["a", "a", "b", "a"] {
            rig.publish(id).await;
        }
        let (one, other) = (rig.asked().await, rig.asked().await);
        let mut bodies = [&one.body, &other.body];
        bodies.sort();
        assert_eq!(bodies, ["a", "b"]);
        rig.answer(one).await;
        rig.answer(other).await;
        rig.all_were_taken().await;
        assert_eq!(soon("drained", bus.shutdown()).await, 0);
        let mut out = rig.came_out().await;
        out.sort();
        assert_eq!(out, ["a", "b", "next"]);
        rig.is_settled().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_off_is_processed_again() {
    for mut rig in Rig::each().await {
        let folder = tempfile::tempdir().expect("a folder");
        let store = file(&folder);
        let hurried = Settings { drain_deadline: Duration::ZERO, ..Settings::default() };
        let bus = rig.start(Arc::clone(&store), hurried).await;
        rig.publish("a").await;
        rig.asked().await;
        assert_eq!(soon("cut off", bus.shutdown()).await, 1);
        let bus = rig.start(store, Settings::default()).await;
        let request = rig.asked().await;
        rig.answer(request).await;
        rig.publish("a").await;
        rig.all_were_taken().await;
        assert_eq!(soon("drained", bus.shutdown()).await, 0);
        let mut out = rig.came_out().await;
        out.sort();
        assert_eq!(out, ["a", "next"]);
        rig.is_settled().await;
    }
}

/// A store that can be out of order.
struct Moody {
    inner: Arc<dyn Store>,
    broken: AtomicBool,
    refused: AtomicUsize,
}

impl Moody {
    fn mood(&self) -> Result<(), StoreError> {
        if self.broken.load(Ordering::SeqCst) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return Err(StoreError("no space left on device".into()));
        }
        Ok(())
    }
}

impl Store for Moody {
    fn claim<'a>(&'a self, key: &'a Key, now: SystemTime) -> BoxFuture<'a, Result<Claim, StoreError>> {
        Box::pin(async move {
            self.mood()?;
            self.inner.claim(key, now).await
        })
    }
    fn complete<'a>(&'a self, key: &'a Key, until: SystemTime) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.mood()?;
            self.inner.complete(key, until).await
        })
    }
    fn release(&self, key: &Key) {
        self.inner.release(key);
    }
    fn changed<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, ()> {
        self.inner.changed(key)
    }
    fn load<'a>(&'a self, name: &'a Name, now: SystemTime) -> BoxFuture<'a, Result<Option<Record>, StoreError>> {
        Box::pin(async move {
            self.mood()?;
            self.inner.load(name, now).await
        })
    }
    fn commit<'a>(&'a self, changes: &'a [Change], now: SystemTime) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            self.mood()?;
            self.inner.commit(changes, now).await
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_work_pauses_the_route_and_loses_nothing() {
    for mut rig in Rig::each().await {
        let folder = tempfile::tempdir().expect("a folder");
        let moody = Arc::new(Moody { inner: file(&folder), broken: false.into(), refused: 0.into() });
        let bus = rig.start(Arc::clone(&moody) as Arc<dyn Store>, Settings::default()).await;
        let paused = async |why: &str| {
            soon(why, async {
                loop {
                    let report = bus.status();
                    if report.routes[0].state == State::Paused && moody.refused.load(Ordering::SeqCst) > 0 {
                        let reason = report.routes[0].reason.clone().expect("a reason");
                        assert_eq!(reason, "the store does not work: no space left on device");
                        assert!(!report.ready);
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
            .await;
            moody.refused.store(0, Ordering::SeqCst);
        };
        // Before the message is processed, and when it is processed and this cannot be remembered.
        moody.broken.store(true, Ordering::SeqCst);
        rig.publish("a").await;
        paused("paused before").await;
        moody.broken.store(false, Ordering::SeqCst);
        let request = rig.asked().await;
        moody.broken.store(true, Ordering::SeqCst);
        rig.answer(request).await;
        assert_eq!(take(&mut *rig.out, 1).await[0].message.properties.message_id.as_deref(), Some("a"));
        paused("paused after").await;
        moody.broken.store(false, Ordering::SeqCst);
        soon("ready again", bus.ready()).await;
        rig.publish("a").await;
        rig.publish("b").await;
        let request = rig.asked().await;
        assert_eq!(request.body, "b");
        rig.answer(request).await;
        assert_eq!(take(&mut *rig.out, 1).await[0].message.properties.message_id.as_deref(), Some("b"));
        assert_eq!(soon("drained", bus.shutdown()).await, 0);
        rig.is_settled().await;
    }
}
