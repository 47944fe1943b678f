//! The private queue for answers.

use trunkline::endpoint::{EndpointError, SendError};
use trunkline::message::Text;

use super::{Site, send_one};
use crate::broker::{message, soon};

pub(super) async fn answers_come_to_who_asked(site: &Site) {
    let (asker, other) = (site.session().await, site.session().await);
    let mut replies = asker.replies().await.expect("a queue");
    let mut others = other.replies().await.expect("a queue");
    assert_ne!(replies.address(), others.address());
    let address = Text::from(replies.address());
    for number in 0..600 {
        let mut answer = message(&number.to_string(), "answer");
        answer.properties.correlation_id = Some(number.to_string().into());
        send_one(&other, &address, answer).await.expect("confirmed");
    }
    let theirs = Text::from(others.address());
    send_one(&asker, &theirs, message("m", "theirs")).await.expect("confirmed");
    for number in 0..600 {
        let answer = soon("an answer", replies.receive()).await.expect("the queue lives");
        assert_eq!(answer.properties.correlation_id.as_deref(), Some(number.to_string().as_str()));
    }
    assert_eq!(soon("an answer", others.receive()).await.expect("the queue lives").body, "theirs");
}

pub(super) async fn nobody_else_takes_them(site: &Site) {
    let (asker, other) = (site.session().await, site.session().await);
    let replies = asker.replies().await.expect("a queue");
    let Err(refused) = other.source(replies.address(), 10).await else { panic!("another session takes the answers") };
    assert!(matches!(&refused, EndpointError::Refused(reason) if reason.contains("RESOURCE_LOCKED")), "{refused:?}");
}

pub(super) async fn the_queue_ends_with_its_session(site: &Site) {
    let (asker, other) = (site.session().await, site.session().await);
    let mut replies = asker.replies().await.expect("a queue");
    let address = Text::from(replies.address());
    send_one(&other, &address, message("m", "in time")).await.expect("confirmed");
    assert_eq!(soon("an answer", replies.receive()).await.expect("the queue lives").body, "in time");
    asker.close().await;
    assert!(soon("the end", replies.receive()).await.is_err());
    let late = async { while send_one(&other, &address, message("m", "late")).await.is_ok() {} };
    soon("the queue is gone", late).await;
    let late = send_one(&other, &address, message("m", "late")).await;
    assert!(matches!(late, Err(SendError::Unroutable { .. })), "{late:?}");
}
