//! What operators see: probes, metrics, the log.

use std::io::Write;
use std::process::{Command, Stdio};

use trunkline::endpoint::topology::Topology;
use trunkline::endpoint::{Adapter, Address};
use trunkline::message::Field;

use super::process::{Daemon, Start, VirtualHost, example, metric, project};
use super::shop::Shop;
use crate::broker::{message, queue, soon, to_queue};

/// `promtool check metrics` has nothing to say.
fn assert_clean(metrics: &str) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed: run `make test`");
    promtool.stdin.take().expect("is piped").write_all(metrics.as_bytes()).expect("reads all");
    let said = promtool.wait_with_output().expect("ends");
    let words = [said.stdout, said.stderr].concat();
    assert!(said.status.success() && words.is_empty(), "{}\n{metrics}", String::from_utf8_lossy(&words));
}

async fn metrics(daemon: &Daemon) -> String {
    let (status, text) = daemon.get("/metrics").await;
    assert_eq!(status, 200);
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_and_metrics_under_traffic() {
    let host = VirtualHost::new().await;
    let mut shop = Shop::open(host.adapter().open().await.expect("a session")).await;
    shop.staff_erp().await;
    let daemon = Start::project(example()).at(host.url()).ready().await;
    assert_eq!(daemon.get("/livez").await, (200, "alive\n".to_owned()));
    let report = daemon.reports("all routes", |report| report["ready"] == true).await;
    assert_eq!((&report["broker"]["adapter"], &report["broker"]["connected"]), (&"amqp".into(), &true.into()));
    assert_eq!(report["routes"].as_array().map(Vec::len), Some(5));

    let traffic = async {
        for number in 0..100 {
            shop.ask(&number.to_string()).await;
            let mut bad = message("bad", "rubbish");
            bad.properties.reply_to = None;
            shop.send(&to_queue(&"chat.order-status".into()), bad).await;
        }
    };
    let watch = async {
        for _ in 0..10 {
            assert_clean(&metrics(&daemon).await);
        }
    };
    tokio::join!(traffic, watch);
    let route = "route=\"chat/order-status\"";
    let of = |text: &str, name: &str, label: &str| metric(text, &format!("trunkline_{name}"), &[route, label]);
    let text = soon("all are settled", async {
        loop {
            let text = metrics(&daemon).await;
            let settled = of(&text, "route_completed_total", "") == 200.0;
            if settled && of(&text, "route_in_flight_messages", "") == 0.0 {
                break text;
            }
        }
    })
    .await;
    assert_clean(&text);
    for (name, label, expected) in [
        ("route_received_total", "", 200.0),
        ("route_completed_total", "outcome=\"delivered\"", 100.0),
        ("route_completed_total", "outcome=\"dead_lettered\"", 100.0),
        ("route_failures_total", "kind=\"syntax\"", 100.0),
        ("route_dead_letters_total", "kind=\"syntax\"", 100.0),
        ("route_contract_violations_total", "", 100.0),
        ("route_duration_seconds_count", "", 200.0),
        ("call_duration_seconds_count", "", 100.0),
        ("route_up", "", 1.0),
        ("route_in_flight_messages", "", 0.0),
        ("calls_pending", "", 0.0),
        ("route_redelivered_total", "", 0.0),
    ] {
        assert_eq!(of(&text, name, label), expected, "{name} {label}\n{text}");
    }
    assert_eq!(metric(&text, "trunkline_ready", &[]), 1.0);
    assert_eq!(metric(&text, "trunkline_broker_up", &["adapter=\"amqp\""]), 1.0);
    assert_eq!(metric(&text, "trunkline_build_info", &[&format!("version=\"{}\"", env!("CARGO_PKG_VERSION"))]), 1.0);
    assert!(metric(&text, "process_resident_memory_bytes", &[]) > 1e6, "{text}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_broker_says_that_it_is_not_durable() {
    let daemon = Start::project(example()).embedded().ready().await;
    let line = daemon.logged("not durable").await;
    assert!(line.contains("\"WARN\"") && line.contains("lost when the process ends"), "{line}");
    let report = daemon.reports("ready", |report| report["ready"] == true).await;
    assert_eq!(report["broker"]["adapter"], "embedded");
    let note = report["broker"]["note"].as_str().expect("a note");
    assert!(note.contains("not durable"), "{note}");
    assert_clean(&metrics(&daemon).await);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_broker_it_lives_and_is_not_ready() {
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("is bound");
    let daemon = Start::project(example()).at(&format!("amqp://guest:guest@{free}/%2f")).run().await;
    let down = |report: &serde_json::Value| report["routes"][0]["state"] == "down";
    let report = daemon.reports("down", down).await;
    let reason = report["routes"][0]["reason"].as_str().expect("a reason");
    assert!(reason.contains(&free.to_string()) && reason.contains("refused"), "{reason}");
    assert_eq!((&report["ready"], &report["broker"]["connected"]), (&false.into(), &false.into()));
    assert_eq!(daemon.get("/livez").await.0, 200);
    let text = metrics(&daemon).await;
    assert_clean(&text);
    assert_eq!(metric(&text, "trunkline_ready", &[]), 0.0);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_route_says_why_and_the_others_run() {
    let host = VirtualHost::new().await;
    let session = host.adapter().open().await.expect("a session");
    let classic = queue(&"one".into(), &[("x-queue-type", Field::text("classic"))]);
    session.declare(&Topology { queues: vec![classic], ..Topology::default() }).await.expect("declared");
    let to_out = |from: &str| {
        format!("from: {{ amqp: {{ queue: {from} }} }}\nsteps: [to: {{ amqp: {{ routing_key: out }} }}]\n")
    };
    let (_folder, path) = project(&[("one", &to_out("one")), ("two", &to_out("two"))]);
    session
        .declare(&Topology { queues: vec![queue(&"out".into(), &[])], ..Topology::default() })
        .await
        .expect("declared");
    let daemon = Start::project(&path).at(host.url()).run().await;
    let settled =
        |report: &serde_json::Value| report["routes"][0]["state"] == "refused" && report["routes"][1]["state"] == "up";
    let report = daemon.reports("one of them", settled).await;
    let reason = report["routes"][0]["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("queue `one` is there already, with"), "{reason}");
    let sink = session.sink().await.expect("a lane");
    sink.send(&to_queue(&"two".into()), message("m", "through")).await.expect("confirmed");
    let mut out = session.source("out", 1).await.expect("a consumer");
    let through = crate::runtime::take(&mut *out, 1).await.remove(0);
    assert_eq!(through.address, Address { exchange: "".into(), routing_key: "out".into() });
    daemon.stop().await;
}
