//! Whole routes on a running bus, with the embedded broker and with RabbitMQ.

use std::collections::BTreeSet;
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;
use trunkline::adapter::amqp::{Amqp, AmqpSettings};
use trunkline::adapter::embedded::Broker;
use trunkline::contract::{Files, Registry};
use trunkline::diagnostic::SourceFile;
use trunkline::endpoint::topology::Topology;
use trunkline::endpoint::{Adapter, Address, Delivery, Session, Settlement, Source};
use trunkline::message::{Field, Limits, Message, Text};
use trunkline::route::{Library, Plan, SubRoutes, compile};
use trunkline::runtime::{Bus, Handle, Settings};

use crate::broker::{message, queue, soon, to_queue, unique, variable};

/// The plan of a route without contracts. `IN`, `OUT` and `OTHER` stand for queues of this test alone.
pub(crate) fn plan(names: &Names, text: &str) -> Arc<Plan> {
    let text = text.replace("IN", &names.source).replace("OUT", &names.target).replace("OTHER", &names.other);
    let contracts = Registry::new(Files::new());
    let (transforms, broken) = (Default::default(), Default::default());
    let limits = Limits::default();
    let sub_routes = SubRoutes::default();
    let library = Library {
        contracts: &contracts,
        transforms: &transforms,
        broken_transforms: &broken,
        sub_routes: &sub_routes,
        limits,
        store: true,
    };
    let (plan, diagnostics) = compile(&names.source, &SourceFile::new("routes/test.yaml", text), &library);
    Arc::new(plan.unwrap_or_else(|| panic!("{diagnostics:?}")))
}

pub(crate) struct Names {
    pub(crate) source: Text,
    pub(crate) target: Text,
    pub(crate) other: Text,
}

/// One bus with one route at one broker, and a client beside it.
struct Rig {
    names: Names,
    client: Arc<dyn Session>,
    bus: Handle,
}

/// Both brokers: a client of its own and an adapter for the bus, of each.
pub(crate) async fn brokers() -> Vec<(Arc<dyn Session>, Arc<dyn Adapter>)> {
    let embedded = Broker::default();
    let url = variable("TRUNKLINE_TEST_AMQP_URL");
    let amqp = || Amqp::new(AmqpSettings { url: url.clone(), ..AmqpSettings::default() }).expect("a valid URI");
    vec![
        (embedded.client().open().await.expect("a session"), Arc::new(embedded.client())),
        (soon("a session", amqp().open()).await.expect("RabbitMQ is reachable"), Arc::new(amqp())),
    ]
}

impl Rig {
    /// A bus at each of the brokers.
    async fn each(route: &str) -> Vec<Self> {
        let mut rigs = Vec::new();
        for (client, adapter) in brokers().await {
            let names = Names { source: unique("in"), target: unique("out"), other: unique("other") };
            let queues = vec![queue(&names.target, &[]), queue(&names.other, &[])];
            client.declare(&Topology { queues, ..Topology::default() }).await.expect("declared");
            let bus = Bus::start([plan(&names, route)], adapter, Settings::default());
            soon("ready", bus.ready()).await;
            rigs.push(Self { names, client, bus });
        }
        rigs
    }

    async fn publish(&self, messages: impl IntoIterator<Item = Message>) {
        let sink = self.client.sink().await.expect("a lane");
        let to = to_queue(&self.names.source);
        let messages: Vec<Message> = messages.into_iter().collect();
        for some in messages.chunks(1_000) {
            let confirms: Vec<_> = some.iter().map(|message| sink.send(&to, message.clone())).collect();
            for confirm in soon("confirms", futures_util::future::join_all(confirms)).await {
                confirm.expect("confirmed");
            }
        }
    }

    async fn source(&self, queue: &str) -> Box<dyn Source> {
        self.client.source(queue, 1000).await.expect("a consumer")
    }

    async fn dead_letters(&self) -> Box<dyn Source> {
        self.source(&format!("{}.dlq", self.names.source)).await
    }

    /// Stops the bus; its source queue is then empty, which a consumer of it must find.
    async fn stop_and_find_all_settled(self) {
        assert_eq!(soon("drained", self.bus.shutdown()).await, 0);
        let mut left = self.client.source(&self.names.source, 10).await.expect("a consumer");
        let sink = self.client.sink().await.expect("a lane");
        sink.send(&to_queue(&self.names.source), message("last", "last")).await.expect("confirmed");
        assert_eq!(take(&mut *left, 1).await[0].message.body, "last");
    }
}

pub(crate) async fn take(source: &mut dyn Source, count: usize) -> Vec<Delivery> {
    let mut all = Vec::new();
    while all.len() < count {
        let batch = soon("a delivery", source.receive(count - all.len())).await.expect("the consumer lives");
        if let Some(last) = batch.last() {
            source.settle(Settlement::AckThrough(last.tag)).await.expect("settled");
        }
        all.extend(batch);
    }
    all
}

/// What comes first of two queues, and whether it is of the first one.
pub(crate) async fn take_either<'a>(first: &'a mut dyn Source, second: &'a mut dyn Source) -> (bool, Vec<Delivery>) {
    // Only receiving is safe to cancel.
    let (of_first, batch) = soon("a delivery", async {
        tokio::select! {
            batch = first.receive(100) => (true, batch),
            batch = second.receive(100) => (false, batch),
        }
    })
    .await;
    let batch = batch.expect("the consumer lives");
    let from = if of_first { first } else { second };
    if let Some(last) = batch.last() {
        from.settle(Settlement::AckThrough(last.tag)).await.expect("settled");
    }
    (of_first, batch)
}

pub(crate) fn numbered(count: usize) -> impl Iterator<Item = Message> {
    (0..count).map(|number| message(&format!("m{number}"), &number.to_string()))
}

pub(crate) fn header<'a>(message: &'a Message, name: &str) -> &'a str {
    message.headers.get(name).and_then(Field::as_str).unwrap_or("")
}

async fn on_each<F: Future<Output = ()>>(route: &str, test: impl Fn(Rig) -> F) {
    for rig in Rig::each(route).await {
        test(rig).await;
    }
}

const UNTOUCHED: &str = "from: { amqp: { queue: IN } }\nsteps: [ { to: { amqp: { routing_key: OUT } } } ]\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_untouched_route_moves_all_in_order_and_acknowledges_all() {
    on_each(UNTOUCHED, |rig| async move {
        rig.publish(numbered(5_000)).await;
        let mut out = rig.source(&rig.names.target).await;
        for (number, delivery) in take(&mut *out, 5_000).await.into_iter().enumerate() {
            assert_eq!(delivery.message.body, number.to_string());
        }
        rig.stop_and_find_all_settled().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_not_there_is_a_dead_letter() {
    let route = "from: { amqp: { queue: IN } }\nsteps: [ { to: { amqp: { routing_key: IN.nowhere } } } ]\n";
    on_each(route, |rig| async move {
        let mut sent = message("m1", "not looked at");
        sent.headers.insert("shop".into(), Field::U8(7));
        sent.properties.correlation_id = Some("c1".into());
        rig.publish([sent]).await;
        let mut dead = rig.dead_letters().await;
        let letter = take(&mut *dead, 1).await.remove(0).message;
        assert_eq!(letter.body, "not looked at");
        assert_eq!(letter.headers.get("shop"), Some(&Field::U8(7)));
        assert_eq!(letter.properties.message_id.as_deref(), Some("m1"));
        assert_eq!(letter.properties.correlation_id.as_deref(), Some("c1"));
        assert_eq!(header(&letter, "trunkline-failure-type"), "unroutable");
        assert!(header(&letter, "trunkline-failure-reason").contains("nowhere"));
        rig.stop_and_find_all_settled().await;
    })
    .await;
}

const CALL: &str = "
from: { amqp: { queue: IN } }
steps:
  - id: ask
    call: { amqp: { routing_key: OTHER }, timeout: 300ms }
  - to: { amqp: { routing_key: OUT } }
on_error: { retry: { immediate: 1, delayed: [] } }
";

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_goes_on_and_silence_is_a_dead_letter_after_all_attempts() {
    on_each(CALL, |rig| async move {
        let mut participant = rig.source(&rig.names.other).await;
        let sink = rig.client.sink().await.expect("a lane");
        rig.publish([message("m1", "question")]).await;
        let request = take(&mut *participant, 1).await.remove(0).message;
        assert_eq!(request.body, "question");
        let reply_to = request.properties.reply_to.clone().expect("a reply address");
        let mut answer = message("a1", "answer");
        answer.properties.correlation_id = request.properties.correlation_id.clone();
        let to = Address { exchange: "".into(), routing_key: reply_to };
        sink.send(&to, answer).await.expect("confirmed");
        let mut out = rig.source(&rig.names.target).await;
        assert_eq!(take(&mut *out, 1).await[0].message.body, "answer");

        rig.publish([message("m2", "nobody answers")]).await;
        let asked = take(&mut *participant, 2).await;
        assert!(asked.iter().all(|request| request.message.body == "nobody answers"));
        let mut dead = rig.dead_letters().await;
        let letter = take(&mut *dead, 1).await.remove(0).message;
        assert_eq!(letter.body, "nobody answers");
        assert_eq!(header(&letter, "trunkline-failure-type"), "timeout");
        assert_eq!(header(&letter, "trunkline-failure-step"), "ask");
        assert_eq!(letter.headers.get("trunkline-attempts"), Some(&Field::I64(2)));
        rig.stop_and_find_all_settled().await;
    })
    .await;
}

const REPLY: &str = "from: { amqp: { queue: IN } }\nsteps: [ { log: '\"asked\"' } ]\nreply: {}\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_reaches_who_asked() {
    on_each(REPLY, |rig| async move {
        let mut replies = rig.client.replies().await.expect("a reply queue");
        let mut question = message("m1", "{}");
        question.properties.content_type = Some("application/json".into());
        question.properties.correlation_id = Some("c1".into());
        question.properties.reply_to = Some(replies.address().into());
        rig.publish([question]).await;
        let answer = soon("an answer", replies.receive()).await.expect("the queue lives");
        assert_eq!(answer.properties.correlation_id.as_deref(), Some("c1"));
        assert_eq!(answer.body, "{}");
        rig.stop_and_find_all_settled().await;
    })
    .await;
}

const REPLY_OF_CALL: &str = "
from: { amqp: { queue: IN } }
steps:
  - id: ask
    call: { amqp: { routing_key: OTHER }, timeout: 50ms }
reply: {}
on_error: { retry: { immediate: 0, delayed: [50ms] } }
";

#[tokio::test(flavor = "multi_thread")]
async fn who_asked_learns_that_the_request_failed() {
    on_each(REPLY_OF_CALL, |rig| async move {
        let mut replies = rig.client.replies().await.expect("a reply queue");
        let ask = |id: &str, correlation_id: Option<&str>, reply_to: &str| {
            let mut question = message(id, "nobody answers");
            question.properties.correlation_id = correlation_id.map(Text::from);
            question.properties.reply_to = Some(reply_to.into());
            question
        };
        let gone = unique("gone");
        let address = replies.address().to_owned();
        rig.publish([ask("m0", None, &gone), ask("m1", Some("c1"), &address), ask("m2", None, &address)]).await;
        let mut asked = Vec::new();
        for _ in 0..2 {
            // After the last attempt, and not before.
            let answer = soon("an answer", replies.receive()).await.expect("the queue lives");
            assert_eq!(header(&answer, "trunkline-error"), "no answer within 50ms");
            assert_eq!(header(&answer, "trunkline-failure-type"), "timeout");
            assert_eq!(header(&answer, "trunkline-failure-class"), "transient");
            assert!(answer.body.is_empty());
            asked.push(answer.properties.correlation_id.clone().expect("a correlation id"));
        }
        asked.sort();
        assert_eq!(asked, ["c1", "m2"]);
        // All three are dead letters, also the one that nobody waits for.
        let mut dead = rig.dead_letters().await;
        for letter in take(&mut *dead, 3).await {
            assert_eq!(letter.message.body, "nobody answers");
            assert_eq!(letter.message.headers.get("trunkline-attempts"), Some(&Field::I64(2)));
        }
        rig.stop_and_find_all_settled().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_under_load_doubles_nothing_and_loses_nothing() {
    for (client, adapter) in brokers().await {
        let names = Names { source: unique("in"), target: unique("out"), other: unique("other") };
        let topology = Topology { queues: vec![queue(&names.target, &[])], ..Topology::default() };
        client.declare(&topology).await.expect("declared");
        let work = plan(&names, UNTOUCHED);
        let bus = Bus::start([Arc::clone(&work)], Arc::clone(&adapter), Settings::default());
        soon("ready", bus.ready()).await;
        let rig = Rig { names, client, bus };
        let mut out = rig.source(&rig.names.target).await;
        let load = rig.publish(numbered(3_000));
        let stop_early = async {
            let first = take(&mut *out, 500).await;
            first.into_iter().map(|delivery| delivery.message.body).collect::<Vec<_>>()
        };
        let ((), mut moved) = tokio::join!(load, stop_early);
        let Rig { names, client, bus } = rig;
        assert_eq!(soon("drained", bus.shutdown()).await, 0);
        let bus = Bus::start([work], adapter, Settings::default());
        moved.extend(take(&mut *out, 2_500).await.into_iter().map(|delivery| delivery.message.body));
        assert_eq!(moved.iter().collect::<BTreeSet<_>>().len(), 3_000);
        // Nothing came twice: what stands next in the queue is what is sent now.
        let sink = client.sink().await.expect("a lane");
        sink.send(&to_queue(&names.target), message("end", "end")).await.expect("confirmed");
        assert_eq!(take(&mut *out, 1).await[0].message.body, "end");
        Rig { names, client, bus }.stop_and_find_all_settled().await;
    }
}

/// A TCP proxy in front of the broker, which can hold back confirms and cut every connection.
struct Proxy {
    address: std::net::SocketAddr,
    connections: Arc<Mutex<JoinSet<io::Result<()>>>>,
    confirms: watch::Sender<bool>,
    _accept: AbortOnDropHandle<()>,
}

impl Proxy {
    async fn start(upstream: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("is bound");
        let connections = Arc::new(Mutex::new(JoinSet::new()));
        let confirms = watch::Sender::new(true);
        let (into, pass) = (Arc::clone(&connections), confirms.clone());
        let accept = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(broker) = TcpStream::connect(&upstream).await else { continue };
                into.lock().unwrap().spawn(forward(client, broker, pass.subscribe()));
            }
        });
        Self { address, connections, confirms, _accept: AbortOnDropHandle::new(accept) }
    }

    /// Whether what the broker says on publishing connections goes through.
    fn pass_confirms(&self, pass: bool) {
        self.confirms.send_replace(pass);
    }

    fn cut(&self) {
        self.connections.lock().unwrap().abort_all();
    }
}

/// Copies both ways. A connection tells its name when it begins.
async fn forward(client: TcpStream, broker: TcpStream, mut pass: watch::Receiver<bool>) -> io::Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_broker, mut to_broker) = broker.into_split();
    let publishes = AtomicBool::new(false);
    let up = async {
        let mut bytes = vec![0; 64 << 10];
        loop {
            let count = from_client.read(&mut bytes).await?;
            if bytes[..count].windows(17).any(|window| window == b"trunkline publish") {
                publishes.store(true, Ordering::SeqCst);
            }
            to_broker.write_all(&bytes[..count]).await?;
            if count == 0 {
                return Ok(());
            }
        }
    };
    let down = async {
        let mut bytes = vec![0; 64 << 10];
        loop {
            let count = from_broker.read(&mut bytes).await?;
            if publishes.load(Ordering::SeqCst) {
                let _gone = pass.wait_for(|pass| *pass).await;
            }
            to_client.write_all(&bytes[..count]).await?;
            if count == 0 {
                return Ok(());
            }
        }
    };
    tokio::select! { ended = up => ended, ended = down => ended }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_cut_under_load_lose_nothing() {
    const PREFETCH: usize = 250;
    let url = variable("TRUNKLINE_TEST_AMQP_URL");
    let (before, rest) = url.rsplit_once('@').expect("a user");
    let (host, after) = rest.split_once('/').unwrap_or((rest, "%2f"));
    let proxy = Proxy::start(host.to_owned()).await;
    let through = format!("{before}@{}/{after}", proxy.address);
    let client = soon("a session", brokers()).await.remove(1).0;
    let names = Names { source: unique("in"), target: unique("out"), other: unique("other") };
    let topology = Topology { queues: vec![queue(&names.target, &[])], ..Topology::default() };
    client.declare(&topology).await.expect("declared");
    let amqp = Amqp::new(AmqpSettings { url: through, ..AmqpSettings::default() }).expect("a valid URI");
    let bus = Bus::start([plan(&names, UNTOUCHED)], Arc::new(amqp), Settings::default());
    let rig = Rig { names, client, bus };
    let mut out = rig.source(&rig.names.target).await;
    let mut sent = numbered(4_000);
    let mut moved = BTreeSet::new();
    let mut remember = |batch: Vec<Delivery>| moved.extend(batch.into_iter().map(|delivery| delivery.message.body));
    for _cut in 0..3 {
        // As bad as it gets: all that may be in flight is published, and the bus knows of no confirm.
        soon("ready", rig.bus.ready()).await;
        proxy.pass_confirms(false);
        rig.publish(sent.by_ref().take(1_000)).await;
        remember(take(&mut *out, PREFETCH).await);
        proxy.cut();
        proxy.pass_confirms(true);
        // These come twice, and the others once.
        remember(take(&mut *out, 1_000).await);
    }
    rig.publish(sent).await;
    remember(take(&mut *out, 1_000).await);
    assert_eq!(moved.len(), 4_000);
    // Nothing came more often: what stands next in the queue is what is sent now.
    let sink = rig.client.sink().await.expect("a lane");
    sink.send(&to_queue(&rig.names.target), message("end", "end")).await.expect("confirmed");
    assert_eq!(take(&mut *out, 1).await[0].message.body, "end");
    soon("ready", rig.bus.ready()).await;
    drop(out);
    rig.stop_and_find_all_settled().await;
}
