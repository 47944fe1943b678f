//! Full queues, and messages that are too large.

use std::sync::Arc;

use trunkline::endpoint::topology::Topology;
use trunkline::endpoint::{Address, EndpointError, SendError, Session};
use trunkline::message::{Field, Headers, Message, Text};

use super::expiry::with_dead_letters;
use super::{Site, bodies, consume, contents, send, send_one};
use crate::broker::{message, soon, to_queue};

fn reject() -> (&'static str, Field) {
    ("x-overflow", Field::text("reject-publish"))
}

/// Sends until the broker refuses; what it took. A quorum queue notices late that it is full.
async fn fill(session: &Arc<dyn Session>, name: &Text, body: &str) -> Vec<String> {
    let mut taken = Vec::new();
    loop {
        let next = format!("{}-{body}", taken.len());
        match send_one(session, name, message("m", &next)).await {
            Ok(()) => taken.push(next),
            Err(SendError::Nack) => return taken,
            Err(other) => panic!("{other}"),
        }
        assert!(taken.len() < 200, "the queue is never full");
    }
}

pub(super) async fn a_full_queue_refuses(site: &Site) {
    for kind in ["quorum", "classic"] {
        let arguments = [("x-max-length", Field::I32(3)), reject(), ("x-queue-type", Field::text(kind))];
        let (session, name) = site.with_queue("q", &arguments).await;
        let taken = fill(&session, &name, "m").await;
        assert!(taken.len() >= 3, "{taken:?}");
        // What was taken is there, in order, and then there is room again.
        let mut source = consume(&session, &name, 500).await;
        assert_eq!(bodies(&mut source, taken.len()).await, taken);
        let room = async { while send_one(&session, &name, message("again", "again")).await.is_err() {} };
        soon("room", room).await;
        assert_eq!(bodies(&mut source, 1).await, ["again"]);
    }
}

pub(super) async fn a_full_queue_drops_its_head(site: &Site) {
    for kind in ["quorum", "classic"] {
        let arguments = [("x-max-length", Field::I32(2)), ("x-queue-type", Field::text(kind))];
        let (session, name, dead) = with_dead_letters(site, &arguments).await;
        send(&session, &name, &["1", "2", "3", "4", "5"]).await;
        let mut gone = consume(&session, &dead, 10).await;
        assert_eq!(bodies(&mut gone, 3).await, ["1", "2", "3"]);
        let mut kept = consume(&session, &name, 10).await;
        assert_eq!(bodies(&mut kept, 2).await, ["4", "5"]);
    }
}

pub(super) async fn bytes_are_bounded_as_well(site: &Site) {
    let body = "x".repeat(1_000);
    let (session, name) = site.with_queue("q", &[("x-max-length-bytes", Field::I32(5_000)), reject()]).await;
    let taken = fill(&session, &name, &body).await;
    assert!(taken.len() >= 4, "{}", taken.len());
    let (session, name, dead) = with_dead_letters(site, &[("x-max-length-bytes", Field::I32(2_500))]).await;
    let all = ["1", "2", "3"].map(|number| format!("{number}{body}"));
    for one in &all {
        send_one(&session, &name, message("m", one)).await.expect("confirmed");
    }
    let mut gone = consume(&session, &dead, 10).await;
    assert_eq!(bodies(&mut gone, 1).await, all[..1]);
    let mut kept = consume(&session, &name, 10).await;
    assert_eq!(bodies(&mut kept, 2).await, all[1..]);
}

pub(super) async fn a_message_may_be_too_large(site: &Site) {
    let (session, name) = site.with_queue("q", &[]).await;
    let sink = session.sink().await.expect("a lane");
    let large = Message { body: vec![b'x'; Site::LARGEST + 1].into(), ..message("large", "") };
    let sends = [message("before", "before"), large, message("after", "after")];
    let sends = sends.map(|message| sink.send(&to_queue(&name), message));
    let outcomes = soon("all confirms", futures_util::future::join_all(sends)).await;
    assert!(matches!(outcomes[1], Err(SendError::Invalid(_))), "{:?}", outcomes[1]);
    assert_eq!((&outcomes[0], &outcomes[2]), (&Ok(()), &Ok(())));
    let mut there = contents(&session, &name).await;
    // One that had to be sent alone may have been there already.
    there.dedup();
    assert_eq!(there, ["before", "after"]);
}

pub(super) async fn headers_must_fit_a_frame(site: &Site) {
    let (session, name) = site.with_queue("q", &[]).await;
    let with = |headers: Headers| Message { headers, ..message("m", "m") };
    let long = |bytes: usize| with([("long".into(), Field::text("x".repeat(bytes)))].into());
    let nested = |depth: usize| {
        let deep = (0..depth).fold(Field::Bool(true), |inner, _| Field::Array(vec![inner]));
        with([("deep".into(), deep)].into())
    };
    for (what, wrong) in [
        ("long", long(131_072)),
        ("many", with((0..9_000).map(|number| (Text::from(format!("h{number}")), Field::I64(number))).collect())),
        ("deep", nested(70)),
        ("a name", with([("n".repeat(256).into(), Field::Void)].into())),
        ("copies", with([("CC".into(), Field::text("not a list"))].into())),
    ] {
        let refused = send_one(&session, &name, wrong).await;
        assert!(matches!(refused, Err(SendError::Invalid(_))), "{what}: {refused:?}");
    }
    send_one(&session, &name, long(100_000)).await.expect("confirmed");
    send_one(&session, &name, nested(60)).await.expect("confirmed");
    assert_eq!(contents(&session, &name).await, ["m", "m"]);
}

pub(super) async fn names_have_255_bytes(site: &Site) {
    let (session, name) = site.with_queue("q", &[]).await;
    let sink = session.sink().await.expect("a lane");
    let long = || Text::from("é".repeat(128));
    let mut wrong = message("m", "m");
    wrong.properties.correlation_id = Some(long());
    let refused = sink.send(&to_queue(&name), wrong).await;
    assert!(matches!(refused, Err(SendError::Invalid(_))), "{refused:?}");
    for to in
        [Address { exchange: "".into(), routing_key: long() }, Address { exchange: long(), routing_key: "key".into() }]
    {
        let refused = sink.send(&to, message("m", "m")).await;
        assert!(matches!(refused, Err(SendError::Invalid(_))), "{refused:?}");
    }
    let mut right = message("m", "m");
    right.properties.correlation_id = Some(Text::from(format!("{}x", "é".repeat(127))));
    sink.send(&to_queue(&name), right).await.expect("confirmed");
    let queues = vec![crate::broker::queue(&long(), &[])];
    let declared = session.declare(&Topology { queues, ..Topology::default() }).await;
    assert!(matches!(declared, Err(EndpointError::Refused(_))), "{declared:?}");
}
