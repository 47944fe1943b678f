//! Two daemons on the same queues share the work, and one goes on where the other is gone.

use std::collections::BTreeSet;

use trunkline::endpoint::Adapter;
use trunkline::endpoint::topology::Topology;

use super::process::{Daemon, Start, VirtualHost, metric, project};
use crate::broker::{message, queue, soon, to_queue};
use crate::runtime::take;

const PASS_ON: &str = "from: { amqp: { queue: in, prefetch: 10 } }\nsteps: [to: { amqp: { routing_key: out } }]\n";
const COUNT: usize = 2_000;

async fn delivered(daemon: &Daemon) -> f64 {
    let (_, text) = daemon.get("/metrics").await;
    metric(&text, "trunkline_route_completed_total", &["outcome=\"delivered\""])
}

#[tokio::test(flavor = "multi_thread")]
async fn two_share_the_work_and_one_goes_on_alone() {
    let host = VirtualHost::new().await;
    let session = host.adapter().open().await.expect("a session");
    session
        .declare(&Topology { queues: vec![queue(&"out".into(), &[])], ..Topology::default() })
        .await
        .expect("declared");
    let (_folder, path) = project(&[("pass-on", PASS_ON)]);
    let start = || Start::project(&path).at(host.url()).ready();
    let (one, other) = tokio::join!(start(), start());
    let sink = session.sink().await.expect("a lane");
    let publish = |from: usize, to: usize| {
        let sends: Vec<_> = (from..to)
            .map(|number| sink.send(&to_queue(&"in".into()), message(&number.to_string(), &number.to_string())))
            .collect();
        async { futures_util::future::join_all(sends).await.into_iter().for_each(|sent| sent.expect("confirmed")) }
    };
    let mut out = session.source("out", 500).await.expect("a consumer");

    // Each message goes through one of them.
    soon("confirms", publish(0, COUNT)).await;
    let moved = take(&mut *out, COUNT).await;
    let distinct: BTreeSet<_> = moved.iter().map(|delivery| &delivery.message.body).collect();
    assert_eq!(distinct.len(), COUNT);
    let both = soon("both have counted", async {
        loop {
            let both = (delivered(&one).await, delivered(&other).await);
            if both.0 + both.1 == COUNT as f64 {
                break both;
            }
        }
    })
    .await;
    assert!(both.0 > 0.0 && both.1 > 0.0, "{both:?}");

    // One is killed under load: the other gets what it had.
    let load = publish(COUNT, 2 * COUNT);
    let kill = async {
        let mut seen: BTreeSet<_> = BTreeSet::new();
        seen.extend(take(&mut *out, 100).await.into_iter().map(|delivery| delivery.message.body));
        one.signal("-KILL");
        while seen.len() < COUNT {
            seen.extend(take(&mut *out, 1).await.into_iter().map(|delivery| delivery.message.body));
        }
    };
    let ((), ()) = tokio::join!(load, kill);
    assert_eq!(one.ended().await, None);
    other.stop().await;
    let mut left = session.source("in", 10).await.expect("a consumer");
    sink.send(&to_queue(&"in".into()), message("last", "last")).await.expect("confirmed");
    assert_eq!(take(&mut *left, 1).await[0].message.body, "last");
}
