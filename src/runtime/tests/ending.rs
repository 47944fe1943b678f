//! How the bus ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Rig, Script, numbers, script, soon, until, when_permitted};
use crate::runtime::{Settings, State};

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_finishes_what_is_in_flight() {
    for parses in [false, true] {
        let rig = Rig::start(Script { parses, prefetch: 5, ..script(when_permitted) }).await;
        rig.publish("in", numbers(20)).await;
        until("five are in flight", || rig.work.started.load(Ordering::SeqCst) == 5).await;
        let work = Arc::clone(&rig.work);
        let probe = rig.bus.probe();
        let ended = tokio::spawn(rig.bus.shutdown());
        until("draining", || probe.report().routes[0].state == State::Draining).await;
        work.permits.add_permits(1_000);
        assert_eq!(soon("drained", ended).await.unwrap(), 0);
        assert_eq!((rig.broker.depth("out"), rig.broker.depth("in")), (Some(5), Some(15)));
        assert_eq!(probe.report().routes[0].state, State::Stopped);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_ends_at_its_deadline_and_gives_back_the_rest() {
    let settings = Settings { drain_deadline: Duration::from_millis(50), ..Settings::default() };
    let rig = Rig::with(Script { prefetch: 5, ..script(when_permitted) }, settings).await;
    rig.publish("in", numbers(20)).await;
    until("five are in flight", || rig.work.started.load(Ordering::SeqCst) == 5).await;
    assert_eq!(soon("ended", rig.bus.shutdown()).await, 5);
    until("all are back", || rig.broker.depth("in") == Some(20)).await;
}
