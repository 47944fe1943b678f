//! The running bus on the embedded broker, with work that behaves as a test needs it.

mod asking;
mod ending;
mod failing;
mod passing;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{Bus, Handle, Places, Settings, State, Work};
use crate::adapter::embedded::Broker;
use crate::endpoint::topology::{Queue, Topology};
use crate::endpoint::{Adapter, Address, BoxFuture, Delivery, Session, Settlement, Source};
use crate::message::{Failure, Field, Kind, Message};
use crate::route::plan::Version;
use crate::route::ports::Ports;
use crate::route::retry::Ladder;
use crate::route::{Outcome, Processed};

/// What the work does with each message.
type Run = for<'a> fn(&'a Script, &'a Delivery, &'a dyn Ports) -> BoxFuture<'a, Result<Outcome, Failure>>;

struct Script {
    name: &'static str,
    queue: &'static str,
    run: Run,
    parses: bool,
    calls: bool,
    prefetch: u16,
    ladder: Ladder,
    version: Version,
    topology: Topology,
    started: AtomicUsize,
    /// What `when_permitted` waits for.
    permits: Semaphore,
}

impl Work for Script {
    fn name(&self) -> &str {
        self.name
    }
    fn version(&self) -> &Version {
        &self.version
    }
    fn queue(&self) -> &str {
        self.queue
    }
    fn prefetch(&self) -> u16 {
        self.prefetch
    }
    fn topology(&self) -> &Topology {
        &self.topology
    }
    fn dead_letters(&self) -> Address {
        Address { exchange: "".into(), routing_key: format!("{}.dlq", self.queue).into() }
    }
    fn retries(&self) -> &Ladder {
        &self.ladder
    }
    fn calls(&self) -> bool {
        self.calls
    }
    fn answers(&self) -> bool {
        false
    }
    fn parses(&self) -> bool {
        self.parses
    }
    fn process<'a>(&'a self, delivery: &'a Delivery, ports: &'a dyn Ports) -> BoxFuture<'a, Processed> {
        self.started.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { Processed { result: (self.run)(self, delivery, ports).await, attempts: 1 } })
    }
}

fn pass_on<'a>(_: &'a Script, delivery: &'a Delivery, ports: &'a dyn Ports) -> BoxFuture<'a, Result<Outcome, Failure>> {
    let sent = ports.send(&to("out"), delivery.message.clone());
    Box::pin(async move { sent.await.map(|()| Outcome::Delivered) })
}

fn panic_at_poison<'a>(
    script: &'a Script,
    delivery: &'a Delivery,
    ports: &'a dyn Ports,
) -> BoxFuture<'a, Result<Outcome, Failure>> {
    Box::pin(async move {
        assert!(delivery.message.body != "poison", "met the poison");
        pass_on(script, delivery, ports).await
    })
}

fn when_permitted<'a>(
    script: &'a Script,
    delivery: &'a Delivery,
    ports: &'a dyn Ports,
) -> BoxFuture<'a, Result<Outcome, Failure>> {
    Box::pin(async move {
        script.permits.acquire().await.unwrap().forget();
        pass_on(script, delivery, ports).await
    })
}

fn fail<'a>(_: &'a Script, _: &'a Delivery, _: &'a dyn Ports) -> BoxFuture<'a, Result<Outcome, Failure>> {
    Box::pin(std::future::ready(Err(Failure::permanent(Kind::Mapping, "cannot be mapped"))))
}

fn send_nowhere<'a>(
    _: &'a Script,
    delivery: &'a Delivery,
    ports: &'a dyn Ports,
) -> BoxFuture<'a, Result<Outcome, Failure>> {
    let sent = ports.send(&to("nowhere"), delivery.message.clone());
    Box::pin(async move { sent.await.map(|()| Outcome::Delivered) })
}

fn ask<'a>(_: &'a Script, delivery: &'a Delivery, ports: &'a dyn Ports) -> BoxFuture<'a, Result<Outcome, Failure>> {
    Box::pin(async move {
        let answer = ports.call(&to("participant"), delivery.message.clone(), Duration::from_millis(200)).await?;
        ports.send(&to("out"), answer).await.map(|()| Outcome::Delivered)
    })
}

fn to(queue: &'static str) -> Address {
    Address { exchange: "".into(), routing_key: queue.into() }
}

fn queue(name: &'static str) -> Queue {
    Queue { name: name.into(), arguments: Default::default(), declare: true }
}

fn script(run: Run) -> Script {
    let queues = ["in", "out", "in.dlq", "participant"].map(queue).into();
    Script {
        name: "test",
        queue: "in",
        run,
        parses: false,
        calls: false,
        prefetch: 50,
        ladder: Ladder::default(),
        version: Version::default(),
        topology: Topology { queues, ..Topology::default() },
        started: AtomicUsize::new(0),
        permits: Semaphore::new(0),
    }
}

/// A bus with one route, and a client beside it.
struct Rig {
    broker: Broker,
    client: Arc<dyn Session>,
    work: Arc<Script>,
    bus: Handle,
}

impl Rig {
    async fn start(work: Script) -> Self {
        Self::with(work, Settings::default()).await
    }

    async fn with(work: Script, settings: Settings) -> Self {
        Self::at(Places::here(), work, settings).await
    }

    async fn at(places: Places, work: Script, settings: Settings) -> Self {
        let broker = Broker::default();
        let client = broker.client().open().await.unwrap();
        let work = Arc::new(work);
        let bus = Bus::start_at(places, [Arc::clone(&work)], Arc::new(broker.client()), None, settings);
        soon("ready", bus.ready()).await;
        Self { broker, client, work, bus }
    }

    async fn publish(&self, queue: &'static str, bodies: impl IntoIterator<Item = String>) {
        let sink = self.client.sink().await.unwrap();
        for body in bodies {
            let mut message = Message { body: body.into(), ..Message::default() };
            message.properties.correlation_id = Some("original".into());
            sink.send(&to(queue), message).await.unwrap();
        }
    }

    async fn source(&self, queue: &str) -> Box<dyn Source> {
        self.client.source(queue, 0).await.unwrap()
    }

    /// Waits until this many messages are ready in a queue.
    async fn depth(&self, queue: &str, depth: usize) {
        until(&format!("{depth} messages in `{queue}`"), || self.broker.depth(queue) == Some(depth)).await;
    }

    /// Waits until nothing is left in the source queue, ready or unsettled.
    async fn all_settled(&self) {
        until("all settled", || self.broker.depth("in") == Some(0) && self.broker.unsettled("in") == 0).await;
    }

    fn state(&self) -> State {
        self.bus.status().routes[0].state
    }
}

/// Nothing that a test waits for takes longer.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(Duration::from_secs(20), future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not in time"),
    }
}

async fn until(what: &str, reached: impl Fn() -> bool) {
    let waiting = async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    soon(what, waiting).await;
}

async fn take(source: &mut Box<dyn Source>) -> Message {
    let delivery = soon("a delivery", source.receive(1)).await.unwrap().remove(0);
    source.settle(Settlement::Ack(delivery.tag)).await.unwrap();
    delivery.message
}

fn header<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    message.headers.get(name).and_then(Field::as_str)
}

fn numbers(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| number.to_string())
}
