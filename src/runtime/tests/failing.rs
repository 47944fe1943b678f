//! What fails: dead letters, pauses, refusals.

use std::sync::Arc;

use super::{Rig, Script, fail, header, numbers, panic_at_poison, pass_on, queue, script, send_nowhere, take, until};
use crate::adapter::embedded::Broker;
use crate::endpoint::Adapter;
use crate::endpoint::topology::{Queue, Topology};
use crate::message::Field;
use crate::runtime::{Bus, Places, Settings, State, Work};

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
async fn one_route_that_is_refused_does_not_hold_up_the_others() {
    let broker = Broker::default();
    let client = broker.client().open().await.unwrap();
    let other = Queue { arguments: [("x-max-length".into(), Field::I32(1))].into(), ..queue("in") };
    client.declare(&Topology { queues: vec![other], ..Topology::default() }).await.unwrap();
    let mut good = Script { name: "good", queue: "good", prefetch: 1, ..script(pass_on) };
    good.topology.queues = vec![queue("good"), queue("out")];
    let works: Vec<Arc<dyn Work>> = vec![Arc::new(script(pass_on)), Arc::new(good)];
    let bus = Bus::start_all(Places::here(), works, Arc::new(broker.client()), None, Settings::default());
    until("one is up, one refused", || {
        let states: Vec<_> = bus.status().routes.iter().map(|route| route.state).collect();
        states == [State::Up, State::Refused]
    })
    .await;
    let report = bus.status();
    assert!(!report.ready && report.broker.connected);
    assert!(report.routes[1].reason.as_ref().unwrap().contains("x-max-length `1`"));
}
