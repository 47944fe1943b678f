//! The broker's own limits: each is met on purpose, and none loses a message.

use std::collections::BTreeSet;
use std::path::Path;

use trunkline::endpoint::topology::Topology;
use trunkline::endpoint::{Adapter, Address, EndpointError, Session};
use trunkline::message::Message;

use super::process::{Daemon, Start, adapter, metric, project};
use crate::broker::{message, open, queue, script, soon, to_queue};
use crate::runtime::{header, take, take_either};

const NODE: &str = "limits";

/// A node whose limits are changed while it runs.
struct Node {
    url: String,
}

impl Node {
    async fn start() -> Self {
        let said = tokio::task::spawn_blocking(|| script(&["start", NODE])).await.expect("starts");
        let url = said.lines().find_map(|line| line.strip_prefix("TRUNKLINE_TEST_AMQP_URL=")).expect("an URL");
        Self { url: url.to_owned() }
    }

    /// Holds for channels that are opened from now on.
    async fn set(&self, limit: &'static str, value: u32) {
        let code = format!("application:set_env(rabbit, {limit}, {value}).");
        let set = move || script(&["ctl", NODE, "-q", "eval", &code]);
        tokio::task::spawn_blocking(set).await.expect("is set");
    }

    async fn session(&self, queues: &[&'static str]) -> std::sync::Arc<dyn Session> {
        let session = open(&self.url).await;
        let queues = queues.iter().map(|name| queue(&(*name).into(), &[])).collect();
        session.declare(&Topology { queues, ..Topology::default() }).await.expect("declared");
        session
    }

    async fn bus(&self, folder: &Path) -> Daemon {
        Start::project(folder).at(&self.url).ready().await
    }
}

fn text(bytes: usize) -> Message {
    message("m", &format!(r#"{{"text":"{}"}}"#, "x".repeat(bytes)))
}

async fn send(session: &dyn Session, to: &'static str, message: Message) {
    session.sink().await.expect("a lane").send(&to_queue(&to.into()), message).await.expect("confirmed");
}

async fn next(session: &dyn Session, queue: &str) -> Message {
    take(&mut *session.source(queue, 1).await.expect("a consumer"), 1).await.remove(0).message
}

async fn reconnects(daemon: &Daemon) -> f64 {
    metric(&daemon.get("/metrics").await.1, "trunkline_route_reconnects_total", &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_s_limits_lose_nothing() {
    let node = Node::start().await;
    a_document_that_grew_too_large_is_a_dead_letter(&node).await;
    a_dead_letter_that_is_too_large_by_now_is_kept(&node).await;
    a_consumer_that_takes_too_long_starts_again(&node).await;
    what_is_never_settled_is_a_dead_letter(&node).await;
    frames_that_hold_no_dead_letter_are_refused(&node).await;
    tokio::task::spawn_blocking(|| script(&["stop", NODE])).await.expect("stops");
}

/// The broker closes the channel on it; its neighbours get through, and it is not tried for ever.
async fn a_document_that_grew_too_large_is_a_dead_letter(node: &Node) {
    const GROW: &str = "
from: { amqp: { queue: grow } }
accepts: text
steps:
  - transform: twice
  - to: { amqp: { routing_key: grown } }
";
    node.set("max_message_size", 100_000).await;
    let session = node.session(&["grown"]).await;
    let (_folder, path) = project(&[("grow", GROW)]);
    for (name, content) in [
        ("schemas/text.json", r#"{ "type": "object", "properties": { "text": { "type": "string" } } }"#),
        ("transforms/twice.yaml", "from: text\nto: text\nmap: '{ text: (.text + .text) }'\n"),
    ] {
        let file = path.join(name);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("is new");
        std::fs::write(file, content).expect("is written");
    }
    let daemon = node.bus(&path).await;
    for bytes in [10, 60_000, 20, 70_000, 30] {
        send(&*session, "grow", text(bytes)).await;
    }
    let mut grown = session.source("grown", 10).await.expect("a consumer");
    // lapin may write a neighbour behind its answer to the broker's `channel.close`. That ends the connection: then what
    // was not acknowledged comes again.
    let mut bodies = BTreeSet::new();
    while bodies.len() < 3 {
        bodies.insert(take(&mut *grown, 1).await.remove(0).message.body);
    }
    assert_eq!(bodies, [20, 40, 60].map(|bytes| text(bytes).body).into());
    let mut dead = session.source("grow.dlq", 10).await.expect("a consumer");
    let mut bodies = BTreeSet::new();
    while bodies.len() < 2 {
        let letter = take(&mut *dead, 1).await.remove(0).message;
        assert_eq!(header(&letter, "trunkline-failure-class"), "permanent");
        let reason = header(&letter, "trunkline-failure-reason");
        assert!(reason.contains("more than the 100000 that the broker takes (`max_message_size`)"), "{reason}");
        bodies.insert(letter.body);
    }
    assert_eq!(bodies, [60_000, 70_000].map(|bytes| text(bytes).body).into());
    assert!(reconnects(&daemon).await <= 2.0, "it is not tried for ever");
    daemon.stop().await;
}

/// The message came before the limit was lowered: it can neither be sent nor be a dead letter.
async fn a_dead_letter_that_is_too_large_by_now_is_kept(node: &Node) {
    const PASS: &str = "from: { amqp: { queue: lowered } }\nsteps: [ { to: { amqp: { routing_key: passed } } } ]\n";
    let session = node.session(&["passed"]).await;
    session.close().await;
    node.set("max_message_size", 1_000_000).await;
    let (_folder, path) = project(&[("lowered", PASS)]);
    node.bus(&path).await.stop().await;
    let session = open(&node.url).await;
    send(&*session, "lowered", text(60_000)).await;
    node.set("max_message_size", 50_000).await;
    let daemon = node.bus(&path).await;
    let report = daemon.reports("paused", |report| report["routes"][0]["state"] == "paused").await;
    let reason = report["routes"][0]["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("`lowered.dlq`") && reason.contains("more than the 50000 that the broker takes"),
        "{reason}"
    );
    assert_eq!(reconnects(&daemon).await, 0.0, "it does not come again and again");

    node.set("max_message_size", 1_000_000).await;
    let letter = next(&*session, "lowered.dlq").await;
    assert_eq!(letter.body, text(60_000).body);
    daemon.reports("up again", |report| report["ready"] == true).await;
    send(&*session, "lowered", text(60_000)).await;
    assert_eq!(next(&*session, "passed").await.body, text(60_000).body);
    daemon.stop().await;
}

/// The broker closes the channel of a consumer that holds a message too long, and gives the message again.
async fn a_consumer_that_takes_too_long_starts_again(node: &Node) {
    const CALL: &str = "
from: { amqp: { queue: slow } }
steps:
  - call: { amqp: { routing_key: slow.asked }, timeout: 60s }
  - to: { amqp: { routing_key: slow.answered } }
";
    node.set("channel_tick_interval", 200).await;
    node.set("consumer_timeout", 1_000).await;
    let session = node.session(&["slow.asked", "slow.answered"]).await;
    let (_folder, path) = project(&[("slow", CALL)]);
    let daemon = node.bus(&path).await;
    send(&*session, "slow", message("m", "question")).await;
    let line = daemon.logged("route is down").await;
    assert!(line.contains("consuming queue `slow`") && line.contains("timed out"), "{line}");
    node.set("consumer_timeout", 1_800_000).await;
    assert!(reconnects(&daemon).await >= 1.0);

    let mut asked = session.source("slow.asked", 10).await.expect("a consumer");
    let mut answered = session.source("slow.answered", 10).await.expect("a consumer");
    let delivered = loop {
        let (requests, batch) = take_either(&mut *asked, &mut *answered).await;
        if !requests {
            break batch;
        }
        for request in batch {
            let asked = request.message.properties;
            let mut answer = message("a", "answer");
            answer.properties.correlation_id = asked.correlation_id.clone();
            let to = Address { exchange: "".into(), routing_key: asked.reply_to.clone().expect("an address") };
            // The queue for answers of a session that has ended is gone.
            let _outcome = session.sink().await.expect("a lane").send(&to, answer).await;
        }
    };
    assert_eq!(delivered[0].message.body, "answer");
    daemon.reports("up", |report| report["ready"] == true).await;
    daemon.stop().await;
}

/// As by a message that ends the process each time.
async fn what_is_never_settled_is_a_dead_letter(node: &Node) {
    const FATAL: &str = "from: { amqp: { queue: fatal } }\nsteps: [ { to: { amqp: { routing_key: passed } } } ]\n";
    let (_folder, path) = project(&[("fatal", FATAL)]);
    node.bus(&path).await.stop().await;
    let session = open(&node.url).await;
    send(&*session, "fatal", message("m", "fatal")).await;
    let mut dead = session.source("fatal.dlq", 1).await.expect("a consumer");
    for _ in 0..=50 {
        let mut source = session.source("fatal", 1).await.expect("a consumer");
        assert_eq!(soon("a delivery", source.receive(1)).await.expect("lives").len(), 1);
        source.close().await.expect("closed");
    }
    let letter = take(&mut *dead, 1).await.remove(0).message;
    assert_eq!(letter.body, "fatal");
    assert_eq!(header(&letter, "x-first-death-reason"), "delivery_limit");
    assert_eq!(header(&letter, "x-first-death-queue"), "fatal");
}

/// With smaller ones, a dead letter could not carry its reason.
async fn frames_that_hold_no_dead_letter_are_refused(node: &Node) {
    node.set("frame_max", 16_384).await;
    let refused = adapter(&node.url).open().await.err().expect("is refused");
    assert!(
        matches!(&refused, EndpointError::Refused(reason) if reason.contains("takes frames of 16384 bytes")),
        "{refused:?}"
    );
}
