//! The running bus on the embedded broker, with work that behaves as a test needs it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{Bus, Handle, Settings, State, What, Work};
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
        "test"
    }
    fn version(&self) -> &Version {
        &self.version
    }
    fn queue(&self) -> &str {
        "in"
    }
    fn prefetch(&self) -> u16 {
        self.prefetch
    }
    fn topology(&self) -> &Topology {
        &self.topology
    }
    fn dead_letters(&self) -> Address {
        to("in.dlq")
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
        let broker = Broker::default();
        let client = broker.client().open().await.unwrap();
        let work = Arc::new(work);
        let bus = Bus::start([Arc::clone(&work)], Arc::new(broker.client()), settings);
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

#[tokio::test(flavor = "multi_thread")]
async fn an_untouched_route_keeps_order_and_settles_all() {
    let rig = Rig::start(script(pass_on)).await;
    rig.publish("in", numbers(5_000)).await;
    rig.depth("out", 5_000).await;
    rig.all_settled().await;
    let mut out = rig.source("out").await;
    let moved = out.receive(5_000).await.unwrap();
    for (number, delivery) in moved.iter().enumerate() {
        assert_eq!(delivery.message.body, number.to_string());
    }
    assert_eq!(soon("drained", rig.bus.shutdown()).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_session_loses_nothing() {
    for parses in [false, true] {
        let rig = Rig::start(Script { parses, ..script(when_permitted) }).await;
        rig.publish("in", numbers(200)).await;
        until("some are in flight", || rig.work.started.load(Ordering::SeqCst) >= 50).await;
        rig.work.permits.add_permits(20);
        until("some are through", || rig.broker.depth("out").unwrap() >= 10).await;
        rig.broker.disconnect_all();
        rig.work.permits.add_permits(100_000);
        rig.all_settled().await;
        let client = rig.broker.client().open().await.unwrap();
        let mut out = client.source("out", 0).await.unwrap();
        let moved = out.receive(10_000).await.unwrap();
        let distinct: std::collections::BTreeSet<_> = moved.iter().map(|delivery| &delivery.message.body).collect();
        assert_eq!(distinct.len(), 200);
        assert!(moved.len() <= 250, "at most what was in flight comes twice: {}", moved.len());
        assert_eq!(rig.broker.depth("in.dlq"), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_one_dead_letter_and_traffic_goes_on() {
    for parses in [false, true] {
        let rig = Rig::start(Script { parses, ..script(panic_at_poison) }).await;
        rig.publish("in", ["1", "poison", "2"].map(str::to_owned)).await;
        rig.depth("out", 2).await;
        let mut dead = rig.source("in.dlq").await;
        let letter = take(&mut dead).await;
        assert_eq!(letter.body, "poison");
        assert_eq!(header(&letter, "trunkline-failure-type"), Some("internal"));
        assert!(header(&letter, "trunkline-failure-reason").unwrap().contains("met the poison"));
        rig.all_settled().await;
        assert_eq!(rig.state(), State::Up);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unroutable_target_is_a_dead_letter_with_its_reason() {
    let rig = Rig::start(script(send_nowhere)).await;
    rig.publish("in", ["1".to_owned()]).await;
    let mut dead = rig.source("in.dlq").await;
    let letter = take(&mut dead).await;
    assert_eq!(letter.body, "1");
    assert_eq!(letter.properties.correlation_id.as_deref(), Some("original"));
    assert_eq!(header(&letter, "trunkline-failure-type"), Some("unroutable"));
    assert_eq!(header(&letter, "trunkline-failure-class"), Some("permanent"));
    assert!(header(&letter, "trunkline-failure-reason").unwrap().contains("`nowhere`"));
    rig.all_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_that_cannot_be_published_pauses_the_route() {
    let mut work = Script { prefetch: 1, ..script(fail) };
    work.topology.queues[2].arguments =
        [("x-max-length".into(), Field::I32(1)), ("x-overflow".into(), Field::text("reject-publish"))].into();
    let rig = Rig::start(work).await;
    rig.publish("in", numbers(3)).await;
    until("paused", || rig.state() == State::Paused).await;
    let report = rig.bus.status();
    assert!(!report.ready);
    assert!(report.routes[0].reason.as_ref().unwrap().contains("in.dlq"), "{:?}", report.routes[0].reason);
    // One dead letter is through; one message is kept; the last one is not taken.
    assert_eq!((rig.broker.depth("in.dlq"), rig.broker.unsettled("in"), rig.broker.depth("in")), (Some(1), 1, Some(1)));
    let mut dead = rig.source("in.dlq").await;
    for number in 0..3 {
        assert_eq!(take(&mut dead).await.body, number.to_string());
    }
    rig.all_settled().await;
    until("goes on", || rig.state() == State::Up).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_dead_letter_queue_is_declared_again() {
    let rig = Rig::start(script(fail)).await;
    rig.broker.delete_queue("in.dlq");
    rig.publish("in", numbers(1)).await;
    rig.depth("in.dlq", 1).await;
    rig.all_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_source_queue_is_declared_again() {
    let rig = Rig::start(script(pass_on)).await;
    rig.broker.delete_queue("in");
    until("the route noticed", || rig.broker.depth("in").is_some() && rig.state() == State::Up).await;
    rig.publish("in", numbers(1)).await;
    rig.depth("out", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_finishes_what_is_in_flight() {
    for parses in [false, true] {
        let rig = Rig::start(Script { parses, prefetch: 5, ..script(when_permitted) }).await;
        rig.publish("in", numbers(20)).await;
        until("five are in flight", || rig.work.started.load(Ordering::SeqCst) == 5).await;
        let work = Arc::clone(&rig.work);
        let probe = rig.bus.probe();
        let ended = tokio::spawn(rig.bus.shutdown());
        until("draining", || probe.report().routes[0].state == State::Draining).await;
        work.permits.add_permits(1_000);
        assert_eq!(soon("drained", ended).await.unwrap(), 0);
        assert_eq!((rig.broker.depth("out"), rig.broker.depth("in")), (Some(5), Some(15)));
        assert_eq!(probe.report().routes[0].state, State::Stopped);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_ends_at_its_deadline_and_gives_back_the_rest() {
    let settings = Settings { drain_deadline: Duration::from_millis(50), ..Settings::default() };
    let rig = Rig::with(Script { prefetch: 5, ..script(when_permitted) }, settings).await;
    rig.publish("in", numbers(20)).await;
    until("five are in flight", || rig.work.started.load(Ordering::SeqCst) == 5).await;
    assert_eq!(soon("ended", rig.bus.shutdown()).await, 5);
    until("all are back", || rig.broker.depth("in") == Some(20)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_in_flight_are_bounded() {
    let settings = Settings { in_flight_bytes: 10, ..Settings::default() };
    let work = Script { prefetch: 2, ..script(when_permitted) };
    let rig = Rig::with(work, settings).await;
    rig.publish("in", (0..10).map(|_| "0123456789".to_owned())).await;
    until("the bound is reached", || rig.bus.status().routes[0].in_flight > 0).await;
    assert!(rig.work.started.load(Ordering::SeqCst) <= 2);
    rig.work.permits.add_permits(1_000);
    rig.depth("out", 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_finds_its_request_and_a_late_one_nobody() {
    let rig = Rig::start(Script { calls: true, ..script(ask) }).await;
    rig.publish("in", ["1", "2"].map(str::to_owned)).await;
    let mut participant = rig.source("participant").await;
    let sink = rig.client.sink().await.unwrap();
    let mut requests = vec![take(&mut participant).await, take(&mut participant).await];
    requests.reverse();
    for request in requests {
        let properties = request.properties;
        assert_ne!(properties.correlation_id.as_deref(), Some("original"));
        let address = Address { exchange: "".into(), routing_key: properties.reply_to.clone().unwrap() };
        let body = format!("answer to {}", std::str::from_utf8(&request.body).unwrap()).into();
        let mut answer = Message { body, ..Message::default() };
        answer.properties.correlation_id = properties.correlation_id;
        sink.send(&address, answer.clone()).await.unwrap();
        sink.send(&address, answer).await.unwrap();
    }
    let mut out = rig.source("out").await;
    let mut answers = [take(&mut out).await, take(&mut out).await];
    answers.sort_by(|a, b| a.body.cmp(&b.body));
    assert_eq!([&answers[0].body, &answers[1].body], ["answer to 1", "answer to 2"]);
    assert!(answers.iter().all(|answer| answer.properties.correlation_id.as_deref() == Some("original")));
    rig.all_settled().await;
    assert_eq!(rig.broker.depth("out"), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_in_time_is_a_dead_letter() {
    let rig = Rig::start(Script { calls: true, ..script(ask) }).await;
    rig.publish("in", ["1".to_owned()]).await;
    let mut dead = rig.source("in.dlq").await;
    let letter = take(&mut dead).await;
    assert_eq!(header(&letter, "trunkline-failure-type"), Some("timeout"));
    assert_eq!(header(&letter, "trunkline-failure-class"), Some("transient"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_route_that_is_refused_does_not_hold_up_the_others() {
    let broker = Broker::default();
    let client = broker.client().open().await.unwrap();
    let other = Queue { arguments: [("x-max-length".into(), Field::I32(1))].into(), ..queue("in") };
    client.declare(&Topology { queues: vec![other], ..Topology::default() }).await.unwrap();
    struct Good(Script);
    impl Work for Good {
        fn name(&self) -> &str {
            "good"
        }
        fn version(&self) -> &Version {
            self.0.version()
        }
        fn queue(&self) -> &str {
            "good"
        }
        fn prefetch(&self) -> u16 {
            1
        }
        fn topology(&self) -> &Topology {
            &self.0.topology
        }
        fn dead_letters(&self) -> Address {
            to("good.dlq")
        }
        fn retries(&self) -> &Ladder {
            self.0.retries()
        }
        fn calls(&self) -> bool {
            false
        }
        fn answers(&self) -> bool {
            false
        }
        fn parses(&self) -> bool {
            false
        }
        fn process<'a>(&'a self, delivery: &'a Delivery, ports: &'a dyn Ports) -> BoxFuture<'a, Processed> {
            self.0.process(delivery, ports)
        }
    }
    let mut good = script(pass_on);
    good.topology.queues = vec![queue("good"), queue("out")];
    let works: Vec<Arc<dyn Work>> = vec![Arc::new(script(pass_on)), Arc::new(Good(good))];
    let bus = Bus::start_all(works, Arc::new(broker.client()), None, Settings::default());
    until("one is up, one refused", || {
        let states: Vec<_> = bus.status().routes.iter().map(|route| route.state).collect();
        states == [State::Up, State::Refused]
    })
    .await;
    let report = bus.status();
    assert!(!report.ready && report.broker.connected);
    assert!(report.routes[1].reason.as_ref().unwrap().contains("x-max-length `1`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tap_tells_what_passes() {
    let rig = Rig::start(script(pass_on)).await;
    let mut events = rig.bus.tap().listen();
    rig.publish("in", ["1".to_owned()]).await;
    let seen = Mutex::new(Vec::new());
    for _ in 0..3 {
        let event = soon("an event", events.recv()).await.unwrap();
        assert_eq!(&*event.route, "test");
        seen.lock().unwrap().push(match event.what {
            What::Received(_) => "received",
            What::Sent { .. } => "sent",
            What::Completed(_) => "completed",
            What::Answered(_) | What::Postponed { .. } | What::DeadLettered { .. } => "other",
        });
    }
    assert_eq!(seen.into_inner().unwrap(), ["received", "sent", "completed"]);
}
