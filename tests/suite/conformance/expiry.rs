//! Time to live, of a message and of all messages of a queue.

use std::time::{Duration, Instant};

use trunkline::endpoint::{SendError, Session};
use trunkline::message::{Field, Message, Text};

use super::{Site, bodies, consume, contents, declare, send, send_one};
use crate::broker::{message, queue, unique};

/// What a queue gives up it puts into another one, in which tests can wait for it. At least once where that is to be
/// had: else the broker tries only once, and that may fail while it has much to do.
pub(super) async fn with_dead_letters(
    site: &Site,
    arguments: &[(&str, Field)],
) -> (std::sync::Arc<dyn Session>, Text, Text) {
    let session = site.session().await;
    let (name, dead) = (unique("q"), unique("dead"));
    let mut all = arguments.to_vec();
    if !all.iter().any(|(name, _)| ["x-max-length", "x-max-length-bytes"].contains(name)) {
        all.push(("x-overflow", Field::text("reject-publish")));
        all.push(("x-dead-letter-strategy", Field::text("at-least-once")));
    }
    all.push(("x-dead-letter-exchange", Field::text("")));
    all.push(("x-dead-letter-routing-key", Field::text(dead.as_str())));
    declare(&session, vec![queue(&dead, &[]), queue(&name, &all)]).await;
    (session, name, dead)
}

pub(super) fn expiring(body: &str, milliseconds: &str) -> Message {
    let mut message = message(body, body);
    message.properties.expiration = Some(Text::from(milliseconds));
    message
}

pub(super) async fn a_message_has_its_own_time(site: &Site) {
    let (session, name, dead) = with_dead_letters(site, &[]).await;
    let before = Instant::now();
    send_one(&session, &name, expiring("short", "150")).await.expect("confirmed");
    send_one(&session, &name, expiring("long", "3600000")).await.expect("confirmed");
    send(&session, &name, &["for ever"]).await;
    let mut gone = consume(&session, &dead, 10).await;
    assert_eq!(bodies(&mut gone, 1).await, ["short"]);
    assert!(before.elapsed() >= Duration::from_millis(150));
    assert_eq!(contents(&session, &name).await, ["long", "for ever"]);
    // And nothing else has come.
    send(&session, &dead, &["next"]).await;
    assert_eq!(bodies(&mut gone, 1).await, ["next"]);
}

pub(super) async fn a_queue_has_a_time_for_all(site: &Site) {
    let (session, name, dead) = with_dead_letters(site, &[("x-message-ttl", Field::I32(150))]).await;
    let before = Instant::now();
    send(&session, &name, &["1", "2"]).await;
    let mut gone = consume(&session, &dead, 10).await;
    assert_eq!(bodies(&mut gone, 2).await, ["1", "2"]);
    assert!(before.elapsed() >= Duration::from_millis(150));
    // Without a dead-letter exchange it is gone.
    let lost = unique("lost");
    declare(&session, vec![queue(&lost, &[("x-message-ttl", Field::I32(20))])]).await;
    send(&session, &lost, &["gone"]).await;
    send(&session, &name, &["3"]).await;
    // A later and longer time is over when this one comes.
    assert_eq!(bodies(&mut gone, 1).await, ["3"]);
    assert_eq!(contents(&session, &lost).await, [""; 0]);
}

pub(super) async fn the_shorter_time_counts(site: &Site) {
    let (session, name, dead) = with_dead_letters(site, &[("x-message-ttl", Field::I32(100))]).await;
    let before = Instant::now();
    send_one(&session, &name, expiring("all", "3600000")).await.expect("confirmed");
    let mut gone = consume(&session, &dead, 10).await;
    assert_eq!(bodies(&mut gone, 1).await, ["all"]);
    assert!(before.elapsed() >= Duration::from_millis(100));
    let (session, name, dead) = with_dead_letters(site, &[("x-message-ttl", Field::I32(3_600_000))]).await;
    send_one(&session, &name, expiring("own", "100")).await.expect("confirmed");
    let mut gone = consume(&session, &dead, 10).await;
    assert_eq!(bodies(&mut gone, 1).await, ["own"]);
}

/// Why each delay of a retry has a queue of its own.
pub(super) async fn a_long_time_at_the_head_holds_up_the_others(site: &Site) {
    let (session, name, dead) = with_dead_letters(site, &[]).await;
    let before = Instant::now();
    send_one(&session, &name, expiring("long", "400")).await.expect("confirmed");
    send_one(&session, &name, expiring("short", "50")).await.expect("confirmed");
    let mut gone = consume(&session, &dead, 10).await;
    assert_eq!(bodies(&mut gone, 2).await, ["long", "short"]);
    assert!(before.elapsed() >= Duration::from_millis(400));
}

pub(super) async fn a_time_must_be_a_number(site: &Site) {
    let (session, name) = site.with_queue("q", &[]).await;
    for wrong in ["soon", "", "-1", "+5", "1.5", "99999999999"] {
        let refused = send_one(&session, &name, expiring("m", wrong)).await;
        assert!(matches!(refused, Err(SendError::Invalid(_))), "{wrong:?}: {refused:?}");
    }
    send(&session, &name, &["good"]).await;
    assert_eq!(contents(&session, &name).await, ["good"]);
}
