//! What happens to the bus, and to the broker under it, loses nothing.

use std::collections::BTreeSet;

use trunkline::endpoint::topology::Topology;
use trunkline::endpoint::{Adapter, SendError, Session};

use super::process::{Start, VirtualHost, adapter, example, project};
use super::shop::Shop;
use crate::broker::{message, queue, script, soon, to_queue};

const PASS_ON: &str = "from: { amqp: { queue: in } }\nsteps: [to: { amqp: { routing_key: out } }]\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_lets_it_finish_what_is_in_flight() {
    let host = VirtualHost::new().await;
    let mut shop = Shop::open(host.adapter().open().await.expect("a session")).await;
    let daemon = Start::project(example()).at(host.url()).ready().await;
    let asked = ask_without_answer(&mut shop, 5).await;
    daemon.reports("five are in flight", |report| report["routes"][1]["in_flight"] == 5).await;
    daemon.signal("-TERM");
    let report = daemon.reports("draining", |report| report["routes"][1]["state"] == "draining").await;
    assert_eq!(report["ready"], false);
    // It takes nothing more, and waits for the answers of the ERP.
    let late = ask_without_answer(&mut shop, 1).await;
    shop.staff_erp().await;
    for id in &asked {
        assert!(!shop.answer_to(id).await.headers.contains_key("trunkline-error"));
    }
    assert_eq!(daemon.ended().await, Some(0));
    let daemon = Start::project(example()).at(host.url()).ready().await;
    shop.answer_to(&late[0]).await;
    daemon.stop().await;
    shop.is_empty("chat.order-status").await;
    shop.is_empty("chat.order-status.dlq").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_bus_leaves_everything_to_the_next_one() {
    let host = VirtualHost::new().await;
    let mut shop = Shop::open(host.adapter().open().await.expect("a session")).await;
    let daemon = Start::project(example()).at(host.url()).ready().await;
    let asked = ask_without_answer(&mut shop, 5).await;
    daemon.reports("five are in flight", |report| report["routes"][1]["in_flight"] == 5).await;
    daemon.signal("-KILL");
    assert_eq!(daemon.ended().await, None);
    shop.staff_erp().await;
    let daemon = Start::project(example()).at(host.url()).ready().await;
    for id in &asked {
        assert!(!shop.answer_to(id).await.headers.contains_key("trunkline-error"));
    }
    daemon.stop().await;
    shop.is_empty("chat.order-status").await;
    shop.is_empty("chat.order-status.dlq").await;
}

/// Requests that stay in flight as long as nobody is at the ERP.
async fn ask_without_answer(shop: &mut Shop, count: usize) -> Vec<trunkline::message::Text> {
    let mut asked = Vec::new();
    for _ in 0..count {
        let request = shop.status_request("4711");
        asked.extend(request.properties.correlation_id.clone());
        shop.send(&to_queue(&"chat.order-status".into()), request).await;
    }
    asked
}

/// Publishes numbered messages until the broker is gone; how many it has confirmed.
async fn publish_until_lost(session: &dyn Session) -> usize {
    let sink = session.sink().await.expect("a lane");
    let mut confirmed = 0;
    loop {
        let body = confirmed.to_string();
        match sink.send(&to_queue(&"in".into()), message(&body, &body)).await {
            Ok(()) => confirmed += 1,
            Err(SendError::Unknown(_)) => return confirmed,
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_killed_and_comes_back_finds_the_bus_waiting() {
    const NODE: &str = "killed";
    let run = |arguments: &'static [&'static str]| tokio::task::spawn_blocking(move || script(arguments));
    let printed = run(&["start", NODE]).await.expect("starts");
    let url =
        printed.lines().find_map(|line| line.strip_prefix("TRUNKLINE_TEST_AMQP_URL=")).expect("an URL").to_owned();
    let broker = adapter(&url);
    let session = broker.open().await.expect("connects");
    session
        .declare(&Topology { queues: vec![queue(&"out".into(), &[])], ..Topology::default() })
        .await
        .expect("declared");
    let (_folder, path) = project(&[("pass-on", PASS_ON)]);
    let daemon = Start::project(&path).at(&url).ready().await;

    let publishing = tokio::spawn(async move { publish_until_lost(&*session).await });
    let text = soon("traffic", async {
        loop {
            let (_, text) = daemon.get("/metrics").await;
            if super::process::metric(&text, "trunkline_route_completed_total", &["outcome=\"delivered\""]) >= 200.0 {
                break text;
            }
        }
    })
    .await;
    assert_eq!(super::process::metric(&text, "trunkline_broker_up", &[]), 1.0);
    run(&["settle", NODE]).await.expect("queues are on disk");
    run(&["kill", NODE]).await.expect("is killed");
    let confirmed = soon("the loss", publishing).await.expect("no panic");
    assert!(confirmed >= 200);
    let report = daemon.reports("down", |report| report["routes"][0]["state"] == "down").await;
    assert_eq!((&report["ready"], &report["broker"]["connected"]), (&false.into(), &false.into()));
    assert_eq!(daemon.get("/livez").await.0, 200);

    run(&["start", NODE]).await.expect("starts again");
    daemon.reports("up again", |report| report["ready"] == true).await;
    let session = soon("a session", broker.open()).await.expect("connects again");
    let mut out = session.source("out", 500).await.expect("a consumer");
    let mut moved = BTreeSet::new();
    while (0..confirmed).any(|number| !moved.contains(&number.to_string())) {
        for delivery in crate::runtime::take(&mut *out, 1).await {
            moved.insert(String::from_utf8(delivery.message.body.to_vec()).expect("is UTF-8"));
        }
    }
    daemon.stop().await;
    run(&["stop", NODE]).await.expect("stops");
}
