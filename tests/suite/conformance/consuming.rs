//! Taking, settling, giving again.

use futures_util::future::join_all;
use trunkline::endpoint::{EndpointError, Settlement, Tag};
use trunkline::message::Field;

use super::{Site, bodies, body, consume, contents, declare, send, take};
use crate::broker::{message, queue, soon, to_queue, unique};

const CLASSIC: (&str, &str) = ("x-queue-type", "classic");

fn classic() -> Vec<(&'static str, Field)> {
    vec![(CLASSIC.0, Field::text(CLASSIC.1))]
}

fn limited() -> Vec<(&'static str, Field)> {
    vec![("x-delivery-limit", Field::I32(50))]
}

pub(super) async fn no_more_than_the_prefetch(site: &Site) {
    let (session, name) = site.with_queue("q", &[]).await;
    send(&session, &name, &["1", "2", "3", "4"]).await;
    let mut first = consume(&session, &name, 2).await;
    let held = take(&mut first, 2).await;
    // The others go to who has room for them.
    let mut second = consume(&session, &name, 10).await;
    assert_eq!(bodies(&mut second, 2).await, ["3", "4"]);
    send(&session, &name, &["5"]).await;
    assert_eq!(bodies(&mut second, 1).await, ["5"]);
    drop(second);
    first.settle(Settlement::Ack(held[1].tag)).await.expect("acknowledged");
    send(&session, &name, &["6"]).await;
    assert_eq!(body(&take(&mut first, 1).await[0]), "6");
}

pub(super) async fn order_is_kept_however_many_wait(site: &Site) {
    let (session, name) = site.with_queue("q", &[]).await;
    let sink = session.sink().await.expect("a lane");
    let numbers: Vec<String> = (0..10_000).map(|number| number.to_string()).collect();
    // More than any buffer between here and the broker holds.
    let confirms: Vec<_> = numbers.iter().map(|body| sink.send(&to_queue(&name), message(body, body))).collect();
    for confirm in soon("all confirms", join_all(confirms)).await {
        confirm.expect("confirmed");
    }
    let mut source = consume(&session, &name, 500).await;
    let mut got = Vec::new();
    while got.len() < numbers.len() {
        got.extend(bodies(&mut source, 500).await);
    }
    assert_eq!(got, numbers);
}

pub(super) async fn each_is_acknowledged_or_a_prefix(site: &Site) {
    let (session, name) = site.with_queue("q", &[]).await;
    send(&session, &name, &["1", "2", "3", "4", "5", "6"]).await;
    let mut source = consume(&session, &name, 10).await;
    let all = take(&mut source, 6).await;
    assert!(all.is_sorted_by_key(|delivery| delivery.tag), "tags rise");
    assert!(all.iter().all(|delivery| !delivery.redelivered));
    source.settle(Settlement::Ack(all[4].tag)).await.expect("acknowledged");
    source.settle(Settlement::Ack(all[1].tag)).await.expect("acknowledged");
    source.settle(Settlement::AckThrough(all[2].tag)).await.expect("acknowledged");
    session.close().await;
    assert_eq!(contents(&site.session().await, &name).await, ["4", "6"]);
}

pub(super) async fn a_requeued_message_comes_next(site: &Site) {
    let (session, name) = site.with_queue("q", &limited()).await;
    send(&session, &name, &["1", "2", "3", "4", "5"]).await;
    let mut source = consume(&session, &name, 3).await;
    let held = take(&mut source, 3).await;
    source.settle(Settlement::Requeue(held[1].tag)).await.expect("requeued");
    let again = take(&mut source, 1).await.remove(0);
    assert_eq!((body(&again).as_str(), again.redelivered), ("2", true));
    assert!(again.tag > held[2].tag);
    // Several in the order in which they were given back.
    source.settle(Settlement::Requeue(held[2].tag)).await.expect("requeued");
    let third = take(&mut source, 1).await.remove(0);
    source.settle(Settlement::AckThrough(third.tag)).await.expect("acknowledged");
    let next = take(&mut source, 2).await;
    assert_eq!(next.iter().map(body).collect::<Vec<_>>(), ["4", "5"]);
    assert!(next.iter().all(|delivery| !delivery.redelivered));
}

pub(super) async fn without_a_limit_a_requeued_message_comes_last(site: &Site) {
    let (session, name) = site.with_queue("q", &[]).await;
    send(&session, &name, &["1", "2", "3", "4"]).await;
    let mut source = consume(&session, &name, 2).await;
    let held = take(&mut source, 2).await;
    source.settle(Settlement::Requeue(held[0].tag)).await.expect("requeued");
    let mut order = Vec::new();
    for _ in 0..3 {
        let next = take(&mut source, 1).await.remove(0);
        order.push((body(&next), next.redelivered));
        source.settle(Settlement::Ack(next.tag)).await.expect("acknowledged");
    }
    let mut expected = vec![("3".to_owned(), false), ("4".to_owned(), false), ("1".to_owned(), true)];
    if site.is_rabbitmq_4() {
        // There is a limit always: 20, if the queue says nothing.
        expected.rotate_right(1);
    }
    assert_eq!(order, expected);
}

pub(super) async fn a_classic_queue_requeues_in_place(site: &Site) {
    let (session, name) = site.with_queue("q", &classic()).await;
    send(&session, &name, &["1", "2", "3", "4"]).await;
    let mut source = consume(&session, &name, 3).await;
    let held = take(&mut source, 3).await;
    source.stop().await.expect("stopped");
    for later_first in [2, 0] {
        source.settle(Settlement::Requeue(held[later_first].tag)).await.expect("requeued");
    }
    source.settle(Settlement::Ack(held[1].tag)).await.expect("acknowledged");
    drop(source);
    let mut source = consume(&session, &name, 10).await;
    let again = take(&mut source, 3).await;
    let seen: Vec<_> = again.iter().map(|delivery| (body(delivery), delivery.redelivered)).collect();
    assert_eq!(seen, [("1".to_owned(), true), ("3".to_owned(), true), ("4".to_owned(), false)]);
}

pub(super) async fn what_is_unsettled_comes_again_first(site: &Site) {
    for arguments in [limited(), classic(), Vec::new()] {
        let (session, name) = site.with_queue("q", &arguments).await;
        send(&session, &name, &["1", "2", "3", "4", "5"]).await;
        let mut source = consume(&session, &name, 3).await;
        let held = take(&mut source, 3).await;
        source.settle(Settlement::Ack(held[1].tag)).await.expect("acknowledged");
        take(&mut source, 1).await;
        session.close().await;
        assert!(source.receive(1).await.is_err(), "the session is closed");
        let mut source = consume(&site.session().await, &name, 10).await;
        let again = take(&mut source, 4).await;
        assert_eq!(again.iter().map(body).collect::<Vec<_>>(), ["1", "3", "4", "5"]);
        assert_eq!(again.iter().map(|delivery| delivery.redelivered).collect::<Vec<_>>(), [true, true, true, false]);
    }
}

pub(super) async fn a_lost_consumer_gives_back_in_order(site: &Site) {
    for arguments in [limited(), classic()] {
        let (session, name) = site.with_queue("q", &arguments).await;
        send(&session, &name, &["1", "2", "3"]).await;
        let mut source = consume(&session, &name, 2).await;
        take(&mut source, 2).await;
        drop(source);
        // The others of the session go on.
        let mut source = consume(&session, &name, 10).await;
        let mut again = bodies(&mut source, 3).await;
        // A consumer that comes before the broker has given back gets the rest first.
        if again[0] == "3" {
            again.rotate_left(1);
        }
        assert_eq!(again, ["1", "2", "3"]);
    }
}

pub(super) async fn a_tag_that_is_not_open_ends_the_source(site: &Site) {
    let (_, name) = site.with_queue("q", &[]).await;
    for wrong in [Tag(99), Tag(1)] {
        // The client may trip over the number of a channel that the broker closed: a session of its own, as the bus does.
        let session = site.session().await;
        send(&session, &name, &["1"]).await;
        let mut source = consume(&session, &name, 10).await;
        let tag = take(&mut source, 1).await[0].tag;
        source.settle(Settlement::Ack(tag)).await.expect("acknowledged");
        // The broker may say so at once or with the next delivery.
        let settled = source.settle(Settlement::Ack(wrong)).await;
        let end = soon("the end", source.receive(1)).await;
        assert!(matches!(end, Err(EndpointError::Unavailable(_))), "{settled:?}, {end:?}");
        assert!(source.receive(1).await.is_err(), "once ended, always ended");
    }
    // What was acknowledged before is.
    assert_eq!(contents(&site.session().await, &name).await, [""; 0]);
}

pub(super) async fn a_stopped_source_gives_nothing_new(site: &Site) {
    let (session, name) = site.with_queue("q", &[]).await;
    send(&session, &name, &["1", "2", "3"]).await;
    let mut source = consume(&session, &name, 2).await;
    let first = take(&mut source, 1).await.remove(0);
    source.stop().await.expect("stopped");
    source.settle(Settlement::Ack(first.tag)).await.expect("acknowledged after the stop");
    // What was on its way already still comes; then it is over.
    let mut left = vec!["2".to_owned(), "3".to_owned()];
    loop {
        let batch = soon("the rest", source.receive(10)).await.expect("an end, no error");
        let Some(last) = batch.last() else { break };
        source.settle(Settlement::AckThrough(last.tag)).await.expect("acknowledged");
        left.retain(|one| !batch.iter().any(|delivery| body(delivery) == *one));
    }
    assert!(left.ends_with(&["3".to_owned()]), "beyond the prefetch: {left:?}");
    send(&session, &name, &["4"]).await;
    assert!(soon("the end", source.receive(1)).await.expect("no error").is_empty());
    drop(source);
    left.push("4".to_owned());
    assert_eq!(contents(&session, &name).await, left);
}

pub(super) async fn a_deleted_queue_ends_its_source(site: &Site) {
    let (session, name) = site.with_queue("q", &[]).await;
    let mut idle = consume(&session, &name, 10).await;
    let mut busy = consume(&session, &name, 10).await;
    send(&session, &name, &["1", "2"]).await;
    let one = take(&mut busy, 1).await.remove(0);
    site.delete_queue(&name).await;
    for (source, tag) in [(&mut idle, None), (&mut busy, Some(one.tag))] {
        let end = soon("the end", async {
            loop {
                match source.receive(10).await {
                    Ok(batch) => assert!(!batch.is_empty(), "an end without a reason"),
                    Err(error) => break error,
                }
            }
        })
        .await;
        assert!(matches!(&end, EndpointError::Unavailable(reason) if reason.contains(name.as_str())), "{end:?}");
        if let Some(tag) = tag {
            let _of_no_use = source.settle(Settlement::Ack(tag)).await;
        }
    }
    // The session and a queue of the same name are not touched by it.
    declare(&session, vec![queue(&name, &[])]).await;
    send(&session, &name, &["3"]).await;
    assert_eq!(contents(&session, &name).await, ["3"]);
}

pub(super) async fn a_missing_queue_is_refused(site: &Site) {
    let session = site.session().await;
    let name = unique("missing");
    let Err(EndpointError::Refused(reason)) = session.source(&name, 10).await else { panic!("is there") };
    assert!(reason.contains(name.as_str()) && reason.contains("NOT_FOUND"), "{reason}");
}

pub(super) async fn a_single_active_consumer_hands_over(site: &Site) {
    let single = ("x-single-active-consumer", Field::Bool(true));
    for kind in ["quorum", "classic"] {
        let (session, name) = site.with_queue("q", &[single.clone(), ("x-queue-type", Field::text(kind))]).await;
        let mut first = consume(&session, &name, 2).await;
        let mut second = consume(&session, &name, 2).await;
        send(&session, &name, &["1", "2", "3"]).await;
        // It alone gets messages, though the other has room.
        let held = take(&mut first, 2).await;
        first.settle(Settlement::Ack(held[0].tag)).await.expect("acknowledged");
        let last = take(&mut first, 1).await.remove(0);
        assert_eq!(body(&last), "3");
        first.settle(Settlement::AckThrough(last.tag)).await.expect("acknowledged");
        drop(first);
        send(&session, &name, &["4", "5"]).await;
        assert_eq!(bodies(&mut second, 2).await, ["4", "5"]);
    }
}
