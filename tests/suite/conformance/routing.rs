//! Which queues a message reaches, and what becomes of one that reaches none.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use trunkline::endpoint::topology::{Binding, Exchange, Topology};
use trunkline::endpoint::{Address, EndpointError, SendError, Session};
use trunkline::message::{Field, Headers, Text};

use super::{Site, contents, declare};
use crate::broker::{message, queue, soon, to_queue, unique};

/// One exchange with queues, each bound in its ways.
struct Switch {
    session: Arc<dyn Session>,
    exchange: Text,
    queues: BTreeMap<&'static str, Text>,
}

type Way = (&'static str, Headers);

fn keys(keys: &[&'static str]) -> Vec<Way> {
    keys.iter().map(|key| (*key, Headers::new())).collect()
}

impl Switch {
    async fn new(site: &Site, kind: &'static str, queues: Vec<(&'static str, Vec<Way>)>) -> Self {
        let (session, exchange) = (site.session().await, unique("exchange"));
        let mut topology = Topology {
            exchanges: vec![Exchange { name: exchange.clone(), kind: kind.into(), declare: true }],
            ..Topology::default()
        };
        let mut names = BTreeMap::new();
        for (short, ways) in queues {
            let name = unique(short);
            topology.queues.push(queue(&name, &[("x-queue-type", Field::text("classic"))]));
            topology.bindings.extend(ways.into_iter().map(|(routing_key, arguments)| Binding {
                queue: name.clone(),
                exchange: exchange.clone(),
                routing_key: routing_key.into(),
                arguments,
            }));
            names.insert(short, name);
        }
        session.declare(&topology).await.expect("declared");
        Self { session, exchange, queues: names }
    }

    async fn send(&self, key: &str, headers: Headers, body: &str) -> Result<(), SendError> {
        let to = Address { exchange: self.exchange.clone(), routing_key: Text::from(key) };
        let mut sent = message(body, body);
        sent.headers = headers;
        self.session.sink().await.expect("a lane").send(&to, sent).await
    }

    /// Sends a message with each key as its body; those that reach no queue.
    async fn send_keys(&self, keys: &[&str]) -> Vec<String> {
        let mut returned = Vec::new();
        for key in keys {
            match self.send(key, Headers::new(), key).await {
                Ok(()) => {}
                Err(SendError::Unroutable { .. }) => returned.push((*key).to_owned()),
                Err(other) => panic!("{key}: {other}"),
            }
        }
        returned
    }

    async fn got(&self, queue: &str) -> Vec<String> {
        contents(&self.session, &self.queues[queue]).await
    }
}

pub(super) async fn the_default_exchange_names_a_queue(site: &Site) {
    let (session, name) = site.with_queue("q", &[]).await;
    let other = unique("other");
    declare(&session, vec![queue(&other, &[])]).await;
    super::send(&session, &name, &["1", "2"]).await;
    assert_eq!(contents(&session, &name).await, ["1", "2"]);
    assert_eq!(contents(&session, &other).await, [""; 0]);
}

pub(super) async fn direct_compares_the_whole_key(site: &Site) {
    let switch = Switch::new(site, "direct", vec![("one", keys(&["a.b", "c"])), ("two", keys(&["c", "a.*"]))]).await;
    assert_eq!(switch.send_keys(&["a.b", "c", "a.*", "a", "A.B", ""]).await, ["a", "A.B", ""]);
    assert_eq!(switch.got("one").await, ["a.b", "c"]);
    assert_eq!(switch.got("two").await, ["c", "a.*"]);
}

pub(super) async fn topic_compares_words(site: &Site) {
    let queues = vec![
        ("star", keys(&["order.*"])),
        ("hash", keys(&["order.#"])),
        ("middle", keys(&["a.#.b.*.c"])),
        ("all", keys(&["#"])),
        ("none", keys(&[""])),
        ("one", keys(&["*"])),
    ];
    let switch = Switch::new(site, "topic", queues).await;
    let sent = ["order.new", "order", "order.new.web", "a.b.x.c", "a.x.y.b.z.c", "a.b.c", "", ".", "order."];
    assert_eq!(switch.send_keys(&sent).await, [""; 0]);
    assert_eq!(switch.got("star").await, ["order.new", "order."]);
    assert_eq!(switch.got("hash").await, ["order.new", "order", "order.new.web", "order."]);
    assert_eq!(switch.got("middle").await, ["a.b.x.c", "a.x.y.b.z.c"]);
    assert_eq!(switch.got("all").await, sent);
    assert_eq!(switch.got("none").await, [""]);
    assert_eq!(switch.got("one").await, ["order"]);
}

pub(super) async fn fanout_reaches_all(site: &Site) {
    let switch = Switch::new(site, "fanout", vec![("one", keys(&[""])), ("two", keys(&["key"]))]).await;
    assert_eq!(switch.send_keys(&["key", "other"]).await, [""; 0]);
    assert_eq!(switch.got("one").await, ["key", "other"]);
    assert_eq!(switch.got("two").await, ["key", "other"]);
}

pub(super) async fn headers_compare_values(site: &Site) {
    fn table(pairs: &[(&'static str, Field)]) -> Headers {
        pairs.iter().map(|(name, value)| (Text::from(*name), value.clone())).collect()
    }
    let way = |pairs: &[(&'static str, Field)]| vec![("", table(pairs))];
    let order = ("type", Field::text("order"));
    let web = ("channel", Field::text("web"));
    let all = ("x-match", Field::text("all"));
    let any = ("x-match", Field::text("any"));
    let queues = vec![
        ("all", way(&[all.clone(), order.clone(), web.clone()])),
        ("any", way(&[any.clone(), order.clone(), web.clone()])),
        ("default", way(&[order.clone(), web.clone()])),
        ("present", way(&[all.clone(), ("channel", Field::Void)])),
        ("number", way(&[all.clone(), ("count", Field::I32(5))])),
        ("everything", way(&[])),
        ("nothing", way(std::slice::from_ref(&any))),
        ("ignored", way(&[all.clone(), ("x-other", Field::text("no")), order.clone()])),
    ];
    let switch = Switch::new(site, "headers", queues).await;
    for (body, headers) in [
        ("both", table(&[order.clone(), web.clone(), ("more", Field::Bool(true))])),
        ("order", table(&[order.clone(), ("channel", Field::text("app"))])),
        ("web", table(std::slice::from_ref(&web))),
        ("number", table(&[("count", Field::I64(5))])),
        ("text", table(&[("count", Field::text("5"))])),
        ("none", Headers::new()),
    ] {
        switch.send("any key", headers, body).await.expect("routed");
    }
    assert_eq!(switch.got("all").await, ["both"]);
    assert_eq!(switch.got("any").await, ["both", "order", "web"]);
    assert_eq!(switch.got("default").await, ["both"]);
    assert_eq!(switch.got("present").await, ["both", "order", "web"]);
    assert_eq!(switch.got("number").await, ["number"]);
    assert_eq!(switch.got("everything").await, ["both", "order", "web", "number", "text", "none"]);
    assert_eq!(switch.got("nothing").await, [""; 0]);
    assert_eq!(switch.got("ignored").await, ["both", "order"]);
    let mut topology = crate::broker::bound(&switch.exchange, &unique("q"), "");
    topology.exchanges.clear();
    topology.bindings[0].arguments = table(&[("x-match", Field::text("some")), order]);
    let refused = switch.session.declare(&topology).await;
    assert!(matches!(&refused, Err(EndpointError::Refused(why)) if why.contains("x-match")), "{refused:?}");
}

pub(super) async fn a_queue_gets_one_copy(site: &Site) {
    let switch = Switch::new(site, "topic", vec![("q", keys(&["a.*", "#", "a.b", "a.b"]))]).await;
    switch.send_keys(&["a.b"]).await;
    assert_eq!(switch.got("q").await, ["a.b"]);
}

/// RabbitMQ's sender-selected distribution.
pub(super) async fn copies_go_to_further_keys(site: &Site) {
    let queues = vec![("to", keys(&["to"])), ("cc", keys(&["cc", "to"])), ("bcc", keys(&["bcc"]))];
    let switch = Switch::new(site, "direct", queues).await;
    let list = |key: &str| Field::Array(vec![Field::text(key)]);
    let headers: Headers = [("CC".into(), list("cc")), ("BCC".into(), list("bcc"))].into();
    switch.send("to", headers.clone(), "all").await.expect("routed");
    switch.send("nowhere", [("CC".into(), list("cc"))].into(), "copy").await.expect("routed");
    assert_eq!(switch.got("to").await, ["all"]);
    assert_eq!(switch.got("cc").await, ["all", "copy"]);
    let mut source = super::consume(&switch.session, &switch.queues["bcc"], 1).await;
    let blind = super::take(&mut source, 1).await.remove(0).message;
    assert_eq!(blind.headers.keys().collect::<Vec<_>>(), ["CC"]);
}

pub(super) async fn what_reaches_no_queue_is_returned(site: &Site) {
    let switch = Switch::new(site, "topic", vec![("q", keys(&["a"]))]).await;
    let sink = switch.session.sink().await.expect("a lane");
    let (exchange, nowhere) = (switch.exchange.clone(), unique("nowhere"));
    for (to, why) in [
        (Address { exchange, routing_key: "b".into() }, "NO_ROUTE"),
        (to_queue(&nowhere), "NO_ROUTE"),
        (Address { exchange: nowhere.clone(), routing_key: "a".into() }, "no such exchange"),
    ] {
        let returned = sink.send(&to, message("m", "m")).await;
        let (exchange, routing_key) = (to.exchange.to_string(), to.routing_key.to_string());
        assert_eq!(returned, Err(SendError::Unroutable { exchange, routing_key, reason: why.to_owned() }));
    }
    // A queue that is declared later is found at once.
    declare(&switch.session, vec![queue(&nowhere, &[])]).await;
    sink.send(&to_queue(&nowhere), message("m", "m")).await.expect("confirmed");
}

pub(super) async fn a_returned_message_harms_no_neighbour(site: &Site) {
    let switch = Switch::new(site, "direct", vec![("q", keys(&["good"]))]).await;
    let sink = switch.session.sink().await.expect("a lane");
    let missing = unique("missing");
    let sends = (0..60).map(|number| {
        let (exchange, key) = match number % 3 {
            0 => (&switch.exchange, "good"),
            1 => (&switch.exchange, "bad"),
            _ => (&missing, "good"),
        };
        let to = Address { exchange: exchange.clone(), routing_key: key.into() };
        sink.send(&to, message(&number.to_string(), &number.to_string()))
    });
    for (number, outcome) in soon("all confirms", join_all(sends)).await.into_iter().enumerate() {
        match (number % 3, outcome) {
            (0, Ok(())) | (1 | 2, Err(SendError::Unroutable { .. })) => {}
            (_, outcome) => panic!("message {number}: {outcome:?}"),
        }
    }
    let expected: Vec<_> = (0..60).step_by(3).map(|number| number.to_string()).collect();
    assert_eq!(switch.got("q").await, expected);
}
