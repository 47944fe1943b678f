//! What passes: in order, once, within bounds, whatever becomes of the broker.

use std::iter::repeat;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{Rig, Script, numbers, pass_on, queue, script, soon, to, until, when_permitted};
use crate::adapter::embedded::Broker;
use crate::endpoint::{Adapter, BoxFuture, Delivery};
use crate::message::{Failure, Message};
use crate::route::Outcome;
use crate::route::ports::Ports;
use crate::runtime::threads::LARGE;
use crate::runtime::{Bus, Places, Settings, State, What, Work};

#[tokio::test(flavor = "multi_thread")]
async fn runs_in_place_keep_order_and_settle_all() {
    for (parses, places) in [(false, Places::here()), (true, Places::in_turns())] {
        let work = Script { parses, prefetch: 500, ..script(pass_on) };
        let rig = Rig::at(places, work, Settings::default()).await;
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
}

/// All loops share a thread.
#[tokio::test]
async fn a_flooded_route_leaves_others_their_turn() {
    const FLOOD: usize = 20_000;
    for parses in [false, true] {
        let broker = Broker::default();
        let client = broker.client().open().await.unwrap();
        let mut other = Script { name: "other", queue: "other", ..script(pass_on) };
        other.topology.queues.push(queue("other"));
        client.declare(&other.topology).await.unwrap();
        let sink = client.sink().await.unwrap();
        for (body, to) in numbers(FLOOD).zip(repeat(to("in"))).chain([("1".to_owned(), to("other"))]) {
            sink.send(&to, Message { body: body.into(), ..Message::default() }).await.unwrap();
        }
        let works: Vec<Arc<dyn Work>> = vec![Arc::new(Script { parses, ..script(pass_on) }), Arc::new(other)];
        let _bus = Bus::start_all(Places::in_turns(), works, Arc::new(broker.client()), None, Settings::default());
        until("the other route is done", || broker.depth("other") == Some(0) && broker.unsettled("other") == 0).await;
        assert!(broker.depth("out").unwrap() < FLOOD, "the other route had its turn last");
    }
}

/// Works on a large body until ten others have begun, and lets nothing else run on its thread meanwhile.
fn hold_large<'a>(
    script: &'a Script,
    delivery: &'a Delivery,
    ports: &'a dyn Ports,
) -> BoxFuture<'a, Result<Outcome, Failure>> {
    Box::pin(async move {
        let patience = Instant::now() + Duration::from_secs(10);
        while delivery.message.body.len() >= LARGE && script.started.load(Ordering::SeqCst) < 11 {
            assert!(Instant::now() < patience, "the others wait for the large body");
            std::thread::yield_now();
        }
        pass_on(script, delivery, ports).await
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_body_keeps_no_other_waiting() {
    let rig = Rig::at(Places::in_turns(), Script { parses: true, ..script(hold_large) }, Settings::default()).await;
    rig.publish("in", std::iter::once("x".repeat(LARGE)).chain(numbers(10))).await;
    rig.depth("out", 11).await;
    rig.all_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_session_loses_nothing() {
    for (parses, places) in [(false, Places::here()), (true, Places::here()), (true, Places::in_turns())] {
        let rig = Rig::at(places, Script { parses, ..script(when_permitted) }, Settings::default()).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_source_queue_is_declared_again() {
    let rig = Rig::start(script(pass_on)).await;
    rig.broker.delete_queue("in");
    until("the route noticed", || rig.broker.depth("in").is_some() && rig.state() == State::Up).await;
    rig.publish("in", numbers(1)).await;
    rig.depth("out", 1).await;
}
