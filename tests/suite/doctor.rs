//! `trunkline doctor` at a real broker: every difference is told, nothing is changed.

use std::path::Path;
use std::time::Duration;

use trunkline::endpoint::topology::{Binding, Exchange, Topology};
use trunkline::endpoint::{Adapter, Session};
use trunkline::message::{Field, Headers, Text};

use crate::broker::{ctl, message, open, queue, script, soon, to_queue};
use crate::daemon::{Start, VirtualHost, project};
use crate::program::{Output, trunkline};

const ORDERS: &str = "
from:
  amqp:
    queue: orders
    bindings:
      - { exchange: shop, routing_key: order.* }
      - { exchange: desk, kind: headers, headers: { kind: order } }
steps:
  - to: { amqp: { routing_key: billing } }
  - to: { amqp: { exchange: erp, routing_key: order.new } }
on_error: { retry: { delayed: [5s] } }
";
const FOREIGN: &str = "
from: { amqp: { queue: theirs, declare: false } }
steps: [ { to: { amqp: { exchange: crm, kind: fanout, declare: false } } } ]
on_error: { retry: { delayed: [] } }
";

fn doctor(folder: &Path, url: &str, more: &[&str]) -> Output {
    let program = trunkline().args(["doctor", "--dir"]).arg(folder).args(more);
    program.env("TRUNKLINE__BROKER__URL", url).run()
}

/// What is printed, without what differs from run to run.
fn printed(output: &Output, host: &VirtualHost) -> String {
    let ports = regex::Regex::new(r"127\.0\.0\.1:\d+").expect("is one");
    ports.replace_all(&output.stderr, "HOST:PORT").replace(host.name(), "VHOST")
}

/// Everything that a virtual host has.
fn contents(host: &VirtualHost) -> String {
    let list = |what: &[&str]| ctl(&[what, &["-p", host.name()]].concat());
    list(&["list_queues", "name", "arguments", "messages"])
        + &list(&["list_exchanges", "name", "type"])
        + &list(&["list_bindings", "source_name", "destination_name", "routing_key", "arguments"])
}

fn exchange(name: &'static str, kind: &'static str) -> Exchange {
    Exchange { name: name.into(), kind: kind.into(), declare: true }
}

fn bound(queue: &'static str, exchange: &'static str, routing_key: &'static str) -> Binding {
    Binding {
        queue: queue.into(),
        exchange: exchange.into(),
        routing_key: routing_key.into(),
        arguments: Headers::new(),
    }
}

async fn declare(session: &dyn Session, topology: Topology) {
    session.declare(&topology).await.expect("declared");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_difference_is_told_and_nothing_is_changed() {
    let host = VirtualHost::new().await;
    let (_folder, path) = project(&[("orders", ORDERS), ("foreign", FOREIGN)]);
    let session = host.adapter().open().await.expect("a session");
    let text = Field::text;
    let queues = vec![
        queue(&"orders".into(), &[("x-queue-type", text("classic")), ("x-message-ttl", Field::I32(60_000))]),
        queue(&"orders.dlq".into(), &[("x-max-length", Field::I32(5)), ("x-overflow", text("reject-publish"))]),
        queue(&"orders.retry.5000".into(), &[("x-message-ttl", Field::I64(6_000))]),
    ];
    declare(&*session, Topology { exchanges: vec![exchange("shop", "direct")], queues, ..Topology::default() }).await;
    let sink = session.sink().await.expect("a lane");
    sink.send(&to_queue(&"orders".into()), message("m", "kept")).await.expect("confirmed");

    let before = contents(&host);
    let found = doctor(&path, host.url(), &[]);
    assert_eq!((found.code, found.stdout.as_str()), (1, ""), "{found:?}");
    insta::assert_snapshot!(printed(&found, &host));
    assert_eq!(contents(&host), before);

    let json = doctor(&path, host.url(), &["--format", "json"]);
    assert_eq!((json.code, json.stderr.as_str()), (1, ""), "{json:?}");
    let report: serde_json::Value = serde_json::from_str(&json.stdout).expect("is JSON");
    assert_eq!(report["fits"], false);
    let findings = report["findings"].as_array().expect("a list");
    assert!(findings.iter().any(|one| {
        one["level"] == "difference"
            && one["subject"] == "queue `orders`"
            && one["declared"] == "x-queue-type `quorum`"
            && one["there"] == "x-queue-type `classic`"
            && one["routes"] == serde_json::json!(["orders"])
    }));
    assert!(findings.iter().all(|one| one["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty())), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_fits_before_the_first_start_and_after_it() {
    let host = VirtualHost::new().await;
    let (_folder, path) = project(&[("orders", ORDERS)]);
    let session = host.adapter().open().await.expect("a session");
    declare(&*session, Topology { queues: vec![queue(&"billing".into(), &[])], ..Topology::default() }).await;
    let before = doctor(&path, host.url(), &[]);
    assert_eq!(before.code, 0, "{before:?}");
    assert!(before.stderr.contains(": 0 differences, 8 not there yet, "), "{before:?}");
    assert_eq!(doctor(&path, host.url(), &["--complete"]).code, 1);

    Start::project(&path).at(host.url()).ready().await.stop().await;
    let after = doctor(&path, host.url(), &["--complete"]);
    assert_eq!(after.code, 0, "{after:?}");
    assert!(after.stderr.contains(": 0 differences, 0 not there yet, "), "{after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_broker_may_not_do_is_told() {
    let host = VirtualHost::new().await;
    let (_folder, path) = project(&[("orders", ORDERS)]);
    Start::project(&path).at(host.url()).ready().await.stop().await;
    let user = host.name().replace("test.vhost.", "clerk");
    ctl(&["add_user", &user, "secret"]);
    ctl(&["set_permissions", "-p", host.name(), &user, "^orders", "^shop$", ".*"]);
    let url = host.url().replace("guest:guest", &format!("{user}:secret"));
    let found = doctor(&path, &url, &[]);
    ctl(&["delete_user", &user]);
    assert_eq!(found.code, 1, "{found:?}");
    let told = |subject: &str| found.stderr.contains(&format!("differs: {subject}\n"));
    assert!(told("exchange `desk`") && told("permission to write to the default exchange"), "{found:?}");
    assert!(!told("queue `orders`"), "{found:?}");
    assert!(found.stderr.contains(&format!("let the user `{user}` configure it")), "{found:?}");
}

#[test]
fn without_a_broker_there_is_nothing_to_compare() {
    let (_folder, path) = project(&[("orders", ORDERS)]);
    let nobody = "amqp://guest:s3cret@127.0.0.1:1/%2f";
    let refused = doctor(&path, nobody, &[]);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{refused:?}");
    assert!(refused.stderr.starts_with("error: connecting to 127.0.0.1:1"), "{refused:?}");
    assert!(!refused.stderr.contains("s3cret"), "{refused:?}");
    let embedded = trunkline().args(["doctor", "--dir"]).arg(&path).env("TRUNKLINE__BROKER", "embedded").run();
    assert_eq!(embedded.code, 2, "{embedded:?}");
    let wrong = doctor(&path, nobody, &["--management", "https://guest:s3cret@h"]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(wrong.stderr.contains("only `http` is spoken") && !wrong.stderr.contains("s3cret"), "{wrong:?}");
    let broken = trunkline().args(["doctor", "--dir", "tests/cases/check/61-all-at-once"]).run();
    assert_eq!(broken.code, 2, "{broken:?}");
}

/// What AMQP does not tell: bindings, policies, permissions, alarms, and what is sent to nobody.
#[tokio::test(flavor = "multi_thread")]
async fn the_management_api_tells_the_rest() {
    const NODE: &str = "doctor";
    let run = |arguments: &'static [&'static str]| {
        tokio::task::spawn_blocking(move || {
            crate::broker::script_with(arguments, &[("TRUNKLINE_TEST_PLUGINS", "rabbitmq_management")])
        })
    };
    let said = run(&["start", NODE]).await.expect("starts");
    let variable = |name: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("no {name} in {said}")).to_owned()
    };
    let (url, management) = (variable("TRUNKLINE_TEST_AMQP_URL"), variable("TRUNKLINE_TEST_MANAGEMENT_URL"));
    let ctl = |arguments: &[&str]| script(&[&["ctl", NODE, "-q"], arguments].concat());
    let (_folder, path) = project(&[("orders", ORDERS), ("foreign", FOREIGN)]);
    let session = open(&url).await;
    let theirs = Text::from("theirs");
    let topology = Topology {
        exchanges: vec![exchange("crm", "topic"), exchange("shop", "topic"), exchange("erp", "topic")],
        queues: vec![
            queue(&"billing".into(), &[]),
            queue(&theirs, &[("x-queue-type", Field::text("classic"))]),
            queue(&"theirs.dlq".into(), &[]),
        ],
        bindings: vec![bound("billing", "erp", "invoice.*")],
    };
    declare(&*session, topology).await;
    Start::project(&path).at(&url).ready().await.stop().await;
    let more = Topology { bindings: vec![bound("orders", "shop", "refund.*")], ..Topology::default() };
    declare(&*session, more).await;
    ctl(&["set_policy", "short", "^orders", r#"{"expires": 3600000, "delivery-limit": 5}"#, "--apply-to", "queues"]);
    ctl(&["set_permissions", "guest", ".*", "^(orders|billing|amq)", ".*"]);

    // The API learns of policies and alarms within seconds. It is asked itself: the doctor asks for so much that the node
    // would hardly get to anything else.
    let learns = async |path: &str, fact: &str| {
        let url = format!("{management}/api/{path}");
        soon(&format!("{path} says {fact}"), async {
            loop {
                let told = reqwest::get(&url).await.expect("answers").text().await.expect("is text");
                if told.contains(fact) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
        .await;
    };
    for queue in ["orders", "orders.dlq", "orders.retry.5000"] {
        learns(&format!("queues/%2F/{queue}"), "\"expires\":3600000").await;
    }
    let found = doctor(&path, &url, &["--management", &management]);
    assert_eq!(found.code, 1, "{found:?}");
    let shown = regex::Regex::new(r"127\.0\.0\.1:\d+|\(RabbitMQ [^)]*\)").expect("is one");
    insta::assert_snapshot!(shown.replace_all(&found.stderr, "…"));

    ctl(&["set_permissions", "guest", ".*", ".*", ".*"]);
    ctl(&["add_user", "viewer", "secret"]);
    ctl(&["set_user_tags", "viewer", "management"]);
    ctl(&["set_permissions", "viewer", "", "", ".*"]);
    let viewer = management.replace("guest:guest", "viewer:secret");
    let partly = doctor(&path, &url, &["--management", &viewer]);
    assert_eq!(partly.code, 1, "{partly:?}");
    for what in ["nodes", "permissions"] {
        assert!(partly.stderr.contains(&format!("not looked at: {what}: the management API at ")), "{partly:?}");
    }
    let wrong = doctor(&path, &url, &["--management", &management.replace("guest:guest", "guest:s3cret")]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(wrong.stderr.contains("refuses the user `guest`") && !wrong.stderr.contains("s3cret"), "{wrong:?}");

    ctl(&["set_vm_memory_high_watermark", "0.00001"]);
    learns("nodes", "\"mem_alarm\":true").await;
    let alarmed = doctor(&path, &url, &["--management", &management]);
    assert_eq!(alarmed.code, 1, "{alarmed:?}");
    assert!(alarmed.stderr.contains("it has a memory alarm and takes no messages"), "{alarmed:?}");
    assert!(alarmed.stderr.contains("it has blocked the connection (connection.blocked)"), "{alarmed:?}");
    run(&["stop", NODE]).await.expect("stops");
}
