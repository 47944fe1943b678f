//! Exchanges, queues and bindings: declared, or verified.

use std::sync::Arc;

use trunkline::endpoint::topology::{Binding, Exchange, Queue, Topology};
use trunkline::endpoint::{EndpointError, Session};
use trunkline::message::{Field, Text};

use super::{Site, contents, declare};
use crate::broker::{bound, queue, unique};

fn exchange(name: &Text, kind: &'static str) -> Exchange {
    Exchange { name: name.clone(), kind: kind.into(), declare: true }
}

/// What is said of a topology that is refused. The session goes on.
async fn refusal(session: &Arc<dyn Session>, topology: Topology) -> String {
    let refused = session.declare(&topology).await.expect_err("is refused");
    declare(session, vec![queue(&unique("still"), &[])]).await;
    match refused {
        EndpointError::Refused(reason) => reason,
        other => panic!("{other:?} is no refusal"),
    }
}

async fn refused_queue(session: &Arc<dyn Session>, queue: Queue) -> String {
    refusal(session, Topology { queues: vec![queue], ..Topology::default() }).await
}

pub(super) async fn the_same_again_changes_nothing(site: &Site) {
    let session = site.session().await;
    let (exchange, name) = (unique("x"), unique("q"));
    let topology = bound(&exchange, &name, "key");
    session.declare(&topology).await.expect("declared");
    super::send(&session, &name, &["kept"]).await;
    session.declare(&topology).await.expect("declared again");
    // The same number in another width is the same.
    let other = site.session().await;
    let limited = |limit| queue(&unique_once(&name), &[("x-max-length", limit)]);
    declare(&other, vec![limited(Field::I32(5))]).await;
    declare(&other, vec![limited(Field::I64(5))]).await;
    assert_eq!(contents(&session, &name).await, ["kept"]);
}

fn unique_once(name: &Text) -> Text {
    Text::from(format!("{name}.limited"))
}

pub(super) async fn what_is_only_verified_must_be_there(site: &Site) {
    let session = site.session().await;
    let (there, missing) = (unique("there"), unique("missing"));
    let verified = |name: &Text| Topology {
        exchanges: vec![Exchange { declare: false, ..exchange(name, "topic") }],
        queues: vec![Queue { declare: false, ..queue(name, &[]) }],
        ..Topology::default()
    };
    let reason = refusal(&session, verified(&missing)).await;
    assert!(reason.contains(&format!("exchange `{missing}`")) && reason.contains("NOT_FOUND"), "{reason}");
    let only_exchange = Topology { exchanges: vec![exchange(&there, "fanout")], ..Topology::default() };
    session.declare(&only_exchange).await.expect("declared");
    let reason = refusal(&session, verified(&there)).await;
    assert!(reason.contains(&format!("queue `{there}`")) && reason.contains("NOT_FOUND"), "{reason}");
    declare(&session, vec![queue(&there, &[])]).await;
    // Of another type, and with other arguments: it is taken as it is.
    session.declare(&verified(&there)).await.expect("verified");
}

pub(super) async fn a_queue_declared_otherwise_is_refused(site: &Site) {
    let (session, name) = site.with_queue("q", &[("x-max-length", Field::I32(5))]).await;
    let reason = refused_queue(&session, queue(&name, &[("x-max-length", Field::I32(6))])).await;
    let expected = format!(
        "queue `{name}` is there already, with x-max-length `5`; the route wants x-max-length `6`. Delete the queue \
         when it is empty, or take it as it is with `declare: false`"
    );
    assert_eq!(reason, expected);
    let reason = refused_queue(&session, queue(&name, &[])).await;
    assert!(reason.contains("with x-max-length `5`; the route wants x-max-length none"), "{reason}");
    let more = [("x-max-length", Field::I32(5)), ("x-overflow", Field::text("reject-publish"))];
    let reason = refused_queue(&session, queue(&name, &more)).await;
    assert!(reason.contains("with x-overflow none; the route wants x-overflow `reject-publish`"), "{reason}");
    let classic = [("x-max-length", Field::I32(5)), ("x-queue-type", Field::text("classic"))];
    let reason = refused_queue(&session, queue(&name, &classic)).await;
    assert!(reason.contains("with x-queue-type `quorum`; the route wants x-queue-type `classic`"), "{reason}");
}

pub(super) async fn an_exchange_declared_otherwise_is_refused(site: &Site) {
    let session = site.session().await;
    let name = unique("x");
    let topology = |kind| Topology { exchanges: vec![exchange(&name, kind)], ..Topology::default() };
    session.declare(&topology("direct")).await.expect("declared");
    let reason = refusal(&session, topology("topic")).await;
    let expected = format!("exchange `{name}` is there already, with type `direct`; the route wants type `topic`. ");
    assert!(reason.starts_with(&expected), "{reason}");
}

pub(super) async fn a_binding_needs_both_its_ends(site: &Site) {
    let session = site.session().await;
    let (exchange, name) = (unique("x"), unique("q"));
    let full = bound(&exchange, &name, "key");
    let without_queue = Topology { queues: Vec::new(), ..full.clone() };
    let reason = refusal(&session, without_queue).await;
    assert!(reason.contains(name.as_str()) && reason.contains("NOT_FOUND"), "{reason}");
    let nowhere = unique("nowhere");
    let binding = Binding { exchange: nowhere.clone(), ..full.bindings[0].clone() };
    let without_exchange = Topology { bindings: vec![binding], ..full };
    let reason = refusal(&session, without_exchange).await;
    assert!(reason.contains(nowhere.as_str()) && reason.contains("NOT_FOUND"), "{reason}");
}

pub(super) async fn reserved_names_are_refused(site: &Site) {
    let session = site.session().await;
    let reason = refused_queue(&session, queue(&"amq.mine".into(), &[])).await;
    assert!(reason.contains("amq.mine") && reason.contains("ACCESS_REFUSED"), "{reason}");
    let topology = Topology { exchanges: vec![exchange(&"amq.mine".into(), "topic")], ..Topology::default() };
    let reason = refusal(&session, topology).await;
    assert!(reason.contains("amq.mine") && reason.contains("ACCESS_REFUSED"), "{reason}");
    // The broker's own exchanges are there.
    let built_in = ["amq.direct", "amq.topic", "amq.fanout", "amq.headers", "amq.match"];
    let exchanges = built_in.map(|name| Exchange { declare: false, ..exchange(&name.into(), "topic") }).into();
    session.declare(&Topology { exchanges, ..Topology::default() }).await.expect("verified");
}

pub(super) async fn arguments_that_mean_nothing_are_refused(site: &Site) {
    let session = site.session().await;
    let classic = ("x-queue-type", Field::text("classic"));
    for (argument, value) in [
        ("x-message-ttl", Field::I32(-1)),
        ("x-message-ttl", Field::text("soon")),
        ("x-max-length", Field::I32(-1)),
        ("x-max-length-bytes", Field::text("much")),
        ("x-overflow", Field::text("explode")),
        ("x-queue-type", Field::text("round")),
        ("x-dead-letter-exchange", Field::Bool(true)),
        ("x-dead-letter-routing-key", Field::text("key")),
        ("x-delivery-limit", Field::I32(5)),
        ("x-dead-letter-strategy", Field::text("at-least-once")),
    ] {
        let wrong = queue(&unique("q"), &[classic.clone(), (argument, value.clone())]);
        let reason = refused_queue(&session, wrong.clone()).await;
        assert!(reason.contains(wrong.name.as_str()) && reason.contains(argument), "{argument} {value:?}: {reason}");
    }
}
