//! Whatever comes, traffic goes on: what cannot be delivered lies in its route's dead-letter queue as it came, with a
//! reason that an operator understands.

use std::collections::BTreeMap;
use std::fmt::Write;

use bytes::Bytes;
use trunkline::adapter::embedded::Broker;
use trunkline::config::{Environment, Project};
use trunkline::endpoint::{Adapter, Address};
use trunkline::message::{Field, Headers, Message, Text};
use trunkline::runtime::{Bus, Handle, Settings};

use super::process::{Daemon, Start, VirtualHost, example};
use super::shop::Shop;
use crate::broker::{message, soon};

const NOTICE: &str = include_str!("../../../examples/messages/shipment-notice.xml");
const ORDER: &str = include_str!("../../../examples/messages/order-event.json");

/// Two ways to run the same project.
enum Running {
    Process(Daemon),
    Inside(Handle),
}

impl Running {
    async fn stop(self) {
        match self {
            Self::Process(daemon) => daemon.stop().await,
            Self::Inside(bus) => assert_eq!(soon("drained", bus.shutdown()).await, 0),
        }
    }
}

/// A message that cannot be delivered.
struct Bad {
    what: &'static str,
    to: Address,
    dead: &'static str,
    message: Message,
}

fn at(exchange: &'static str, routing_key: &'static str) -> Address {
    Address { exchange: exchange.into(), routing_key: routing_key.into() }
}

/// Bad requests of the chat.
fn requests(shop: &mut Shop) -> Vec<Bad> {
    let good = String::from_utf8(shop.status_request("1").body.to_vec()).expect("is UTF-8");
    let bodies: Vec<(&str, Bytes)> = vec![
        ("rubbish bytes", Bytes::from_static(b"\xff\xfe\x00\x01 rubbish \xf0\x28")),
        ("no body", Bytes::new()),
        ("a body of zeros", vec![0; 100].into()),
        ("JSON that ends too early", Bytes::from_static(b"{ \"order_id\": \"1\",")),
        ("a comma too many", good.replace("\"web\",", "\"web\",,").into()),
        ("a duplicate key", good.replace("\"channel\"", "\"order_id\"").into()),
        ("bytes after the document", format!("{good} true").into()),
        ("a lone surrogate", good.replace("web", "\\ud800").into()),
        ("a document 100 levels deep", format!("{}{}", "[".repeat(100), "]".repeat(100)).into()),
        ("a body of 20 MB", format!("{good}{}", " ".repeat(20_000_000)).into()),
        ("another contract", Bytes::from_static(br#"{ "articles": ["007-4410-B"] }"#)),
        (
            "many broken rules",
            Bytes::from_static(br#"{ "order_id": 4711, "channel": "fax", "customer": {}, "more": 1 }"#),
        ),
        ("XML for JSON", Bytes::from_static(b"<order/>")),
        ("an answer that is an error", good.replace("\"1\"", "\"900\"").into()),
        ("an answer against its contract", good.replace("\"1\"", "\"901\"").into()),
        ("an answer of rubbish", good.replace("\"1\"", "\"902\"").into()),
        ("an answer that cannot be mapped", good.replace("\"1\"", "\"903\"").into()),
        ("an answer of another type", good.replace("\"1\"", "\"904\"").into()),
    ];
    let mut all: Vec<Bad> = Vec::new();
    let mut add = |what, change: &dyn Fn(&mut Message), body: Option<Bytes>| {
        let mut message = shop.status_request("1");
        message.body = body.unwrap_or(message.body);
        change(&mut message);
        all.push(Bad { what, to: at("", "chat.order-status"), dead: "chat.order-status.dlq", message });
    };
    for (what, body) in bodies {
        add(what, &|_| {}, Some(body));
    }
    add("a content type that contradicts", &|message| message.properties.content_type = Some("text/xml".into()), None);
    add("an encoding that nobody knows", &|message| message.properties.content_encoding = Some("gzip".into()), None);
    add("nobody to answer to", &|message| message.properties.reply_to = None, None);
    add("who asked is gone", &|message| message.properties.reply_to = Some("nobody.is.here".into()), None);
    all
}

/// Bad documents of the ERP and of the shop.
fn documents() -> Vec<Bad> {
    let xml = |body: String| {
        let mut message = message("", &body);
        message.properties.content_type = Some("application/xml".into());
        message
    };
    let deep = format!("{}{}", "<a>".repeat(100), "</a>".repeat(100));
    let bodies = [
        ("an end tag that is missing", NOTICE.replace("</d:Parcel>", "")),
        ("a prefix that is not bound", NOTICE.replace("xmlns:c=", "xmlns:x=")),
        ("an attribute twice", NOTICE.replace("complete=\"true\"", "complete=\"true\" complete=\"false\"")),
        ("an entity that is not declared", NOTICE.replace("Ida", "&auml;")),
        ("a document type", NOTICE.replacen("?>", "?><!DOCTYPE d [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>", 1)),
        ("a character that XML has not", NOTICE.replace("Ida", "\u{1}")),
        ("XML 100 levels deep", deep),
        ("XML of another contract", "<Order/>".to_owned()),
        ("an element that is missing", NOTICE.replace("<d:Carrier>DHL</d:Carrier>", "")),
        ("an order number of three digits", NOTICE.replace("0000004711", "007")),
        ("a target that nobody is bound to", NOTICE.replace(">M<", ">W<")),
    ];
    let mut all: Vec<Bad> = bodies
        .into_iter()
        .map(|(what, body)| Bad {
            what,
            to: at("erp", "shipment.notice"),
            dead: "erp.shipments.dlq",
            message: xml(body),
        })
        .collect();
    let mut order = message("", &ORDER.replace("\"19.90\"", "\"19.90 EUR\""));
    order.properties.content_type = Some("application/json".into());
    all.push(Bad {
        what: "a price that is no number",
        to: at("shop", "order.created"),
        dead: "shop.orders.dlq",
        message: order,
    });
    all
}

/// Our headers as an operator reads them; volatile ones are looked at and left out. The rest must be as it was sent.
fn reason(bad: &Bad, letter: &mut Message, sent: &Headers) -> String {
    let ours = letter.headers.keys().filter(|name| name.starts_with("trunkline-")).cloned().collect::<Vec<Text>>();
    let mut text = format!("{}\n", bad.what);
    for name in ours {
        let value = letter.headers.remove(&name).expect("is there");
        let value = match (&value, name.as_str()) {
            (value, "trunkline-failed-at") => {
                let time = value.as_str().expect("a text").parse::<jiff::Timestamp>();
                assert!(time.is_ok(), "{value:?}");
                continue;
            }
            (Field::I64(number), _) => number.to_string(),
            (value, _) => value.as_str().unwrap_or_else(|| panic!("{name}: {value:?}")).to_owned(),
        };
        let name = name.trim_start_matches("trunkline-");
        if name == "failure-violations" {
            let rules: Vec<serde_json::Value> = serde_json::from_str(&value).expect("is JSON");
            writeln!(text, "  {name}: {} in JSON", rules.len()).expect("a string");
        } else {
            writeln!(text, "  {name}: {value}").expect("a string");
        }
    }
    assert_eq!(&letter.headers, sent, "{}: the other headers are untouched", bad.what);
    text
}

/// Each bad message lands where it belongs, and a good one is answered after each.
async fn campaign(shop: &mut Shop, running: Running) -> String {
    let mut reasons = String::new();
    let mut bad = requests(shop);
    bad.extend(documents());
    let mut whatsapp = shop.source("test.whatsapp").await;
    let mut orders = shop.source("test.orders").await;
    let mut dead = BTreeMap::new();
    for queue in bad.iter().map(|bad| bad.dead) {
        dead.insert(queue, shop.source(queue).await);
    }
    shop.ask("4711").await;
    for (number, mut one) in bad.into_iter().enumerate() {
        if one.message.properties.message_id.as_deref() == Some("") {
            one.message.properties.message_id = Some(format!("d-{number}").into());
            one.message.headers.insert("tenant".into(), Field::text("juniper"));
        }
        shop.send(&one.to, one.message.clone()).await;
        shop.ask("4712").await;
        let mut letter = shop.next(dead.get_mut(one.dead).expect("is consumed")).await.message;
        assert_eq!(letter.body, one.message.body, "{}", one.what);
        assert_eq!(letter.properties, one.message.properties, "{}", one.what);
        let error = letter.headers.get("trunkline-failure-reason").cloned();
        reasons.push_str(&reason(&one, &mut letter, &one.message.headers));
        let waits =
            one.dead == "chat.order-status.dlq" && one.what != "nobody to answer to" && one.what != "who asked is gone";
        if waits {
            let answer = shop.answer_to(one.message.properties.correlation_id.as_ref().expect("has one")).await;
            assert_eq!(answer.headers.get("trunkline-error"), error.as_ref(), "{}", one.what);
        }
    }
    // The other routes go on as well.
    let mut notice = message("good notice", NOTICE);
    notice.properties.content_type = Some("application/xml".into());
    shop.send(&at("erp", "shipment.notice"), notice).await;
    let notified = shop.next(&mut whatsapp).await.message;
    let body: serde_json::Value = serde_json::from_slice(&notified.body).expect("is JSON");
    assert_eq!(body["order_id"], "0000004711");
    let mut order = message("good order", ORDER);
    order.properties.content_type = Some("application/json".into());
    shop.send(&at("shop", "order.created"), order).await;
    let order = shop.next(&mut orders).await.message;
    assert!(order.body.starts_with(b"<?xml"), "{order:?}");
    running.stop().await;
    drop(dead);
    for queue in ["chat.order-status", "erp.shipments", "shop.orders", "chat.leads", "chat.inventory"] {
        shop.is_empty(queue).await;
        shop.is_empty(&format!("{queue}.dlq")).await;
    }
    assert_eq!(shop.answers_left(), 0, "everybody was answered once");
    reasons
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_is_kept_and_traffic_goes_on() {
    let host = VirtualHost::new().await;
    let mut shop = Shop::open(host.adapter().open().await.expect("a session")).await;
    shop.staff_erp().await;
    let daemon = Start::project(example()).at(host.url()).ready().await;
    let reasons = campaign(&mut shop, Running::Process(daemon)).await;
    insta::assert_snapshot!("reasons", reasons);
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_is_kept_by_the_embedded_broker_as_well() {
    let broker = Broker::default();
    let mut shop = Shop::open(broker.client().open().await.expect("a session")).await;
    shop.staff_erp().await;
    let project = Project::load(example(), &Environment::default());
    assert!(project.is_sound());
    let bus = Bus::start(project.plans, std::sync::Arc::new(broker.client()), Settings::default());
    soon("ready", bus.ready()).await;
    let reasons = campaign(&mut shop, Running::Inside(bus)).await;
    insta::assert_snapshot!("reasons", reasons);
}
