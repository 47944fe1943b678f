//! What both brokers do alike. One list of cases, each a test at RabbitMQ and a test at the embedded broker, through
//! the traits of [`trunkline::endpoint`] alone: a route that works with one works with the other.

mod consuming;
mod dead_letters;
mod declaring;
mod expiry;
mod limits;
mod messages;
mod replies;
mod routing;

use std::sync::Arc;

use trunkline::adapter::amqp::{Amqp, AmqpSettings};
use trunkline::adapter::embedded::Broker;
use trunkline::endpoint::topology::{Queue, Topology};
use trunkline::endpoint::{Adapter, Delivery, SendError, Session, Settlement, Source};
use trunkline::message::{Field, Message, Text};

use crate::broker::{ctl, message, queue, soon, to_queue, unique, variable};

/// Makes of each case a test at each broker.
macro_rules! cases {
    ($($area:ident: $($case:ident)+;)+) => {
        mod rabbitmq {$(mod $area {$(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                crate::conformance::$area::$case(&crate::conformance::Site::rabbitmq()).await;
            }
        )+})+}
        mod embedded {$(mod $area {$(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                crate::conformance::$area::$case(&crate::conformance::Site::embedded()).await;
            }
        )+})+}
    };
}

cases! {
    declaring:
        the_same_again_changes_nothing
        what_is_only_verified_must_be_there
        a_queue_declared_otherwise_is_refused
        an_exchange_declared_otherwise_is_refused
        a_binding_needs_both_its_ends
        reserved_names_are_refused
        arguments_that_mean_nothing_are_refused;
    routing:
        the_default_exchange_names_a_queue
        direct_compares_the_whole_key
        topic_compares_words
        fanout_reaches_all
        headers_compare_values
        a_queue_gets_one_copy
        copies_go_to_further_keys
        what_reaches_no_queue_is_returned
        a_returned_message_harms_no_neighbour;
    consuming:
        no_more_than_the_prefetch
        order_is_kept_however_many_wait
        each_is_acknowledged_or_a_prefix
        a_requeued_message_comes_next
        without_a_limit_a_requeued_message_comes_last
        a_classic_queue_requeues_in_place
        what_is_unsettled_comes_again_first
        a_lost_consumer_gives_back_in_order
        a_tag_that_is_not_open_ends_the_source
        a_stopped_source_gives_nothing_new
        a_deleted_queue_ends_its_source
        a_missing_queue_is_refused
        a_single_active_consumer_hands_over;
    expiry:
        a_message_has_its_own_time
        a_queue_has_a_time_for_all
        the_shorter_time_counts
        a_long_time_at_the_head_holds_up_the_others
        a_time_must_be_a_number;
    dead_letters:
        an_expired_message_tells_its_death
        an_overflown_message_tells_its_death
        a_message_given_too_often_tells_its_death
        the_key_may_be_another
        the_exchange_routes_by_the_original_key
        deaths_are_counted
        what_goes_round_is_dropped;
    limits:
        a_full_queue_refuses
        a_full_queue_drops_its_head
        bytes_are_bounded_as_well
        a_message_may_be_too_large
        headers_must_fit_a_frame
        names_have_255_bytes;
    messages:
        every_property_is_kept
        every_header_is_kept
        any_body_is_kept
        what_is_sent_twice_comes_twice;
    replies:
        answers_come_to_who_asked
        nobody_else_takes_them
        the_queue_ends_with_its_session;
}

/// A broker under test.
pub(crate) struct Site {
    embedded: Option<Broker>,
}

impl Site {
    pub(crate) fn rabbitmq() -> Self {
        Self { embedded: None }
    }

    pub(crate) fn embedded() -> Self {
        Self { embedded: Some(Broker::new(Self::LARGEST)) }
    }

    /// The largest message that the broker takes: as the test's node is configured, and the embedded broker here.
    const LARGEST: usize = 32 << 20;

    /// Whether it is RabbitMQ 4, which differs from 3.10 where `docs/reference/rabbitmq.md` says so.
    fn is_rabbitmq_4(&self) -> bool {
        self.embedded.is_none() && std::env::var("TRUNKLINE_TEST_RABBITMQ").is_ok_and(|version| version == "4")
    }

    fn adapter(&self) -> Arc<dyn Adapter> {
        match &self.embedded {
            Some(broker) => Arc::new(broker.client()),
            None => {
                let url = variable("TRUNKLINE_TEST_AMQP_URL");
                Arc::new(Amqp::new(AmqpSettings { url, ..AmqpSettings::default() }).expect("a valid URI"))
            }
        }
    }

    /// A session of its own.
    async fn session(&self) -> Arc<dyn Session> {
        soon("a session", self.adapter().open()).await.expect("the broker is reachable")
    }

    /// A session with one new queue, of quorum type if the arguments do not say otherwise.
    async fn with_queue(&self, name: &str, arguments: &[(&str, Field)]) -> (Arc<dyn Session>, Text) {
        let session = self.session().await;
        let name = unique(name);
        declare(&session, vec![queue(&name, arguments)]).await;
        (session, name)
    }

    async fn delete_queue(&self, name: &Text) {
        match &self.embedded {
            Some(broker) => broker.delete_queue(name),
            None => {
                let name = name.clone();
                tokio::task::spawn_blocking(move || ctl(&["delete_queue", &name])).await.expect("is deleted");
            }
        }
    }
}

async fn declare(session: &Arc<dyn Session>, queues: Vec<Queue>) {
    session.declare(&Topology { queues, ..Topology::default() }).await.expect("declared");
}

async fn send(session: &Arc<dyn Session>, queue: &Text, bodies: &[&str]) {
    let sink = session.sink().await.expect("a lane");
    for body in bodies {
        sink.send(&to_queue(queue), message(body, body)).await.expect("confirmed");
    }
}

async fn send_one(session: &Arc<dyn Session>, queue: &Text, message: Message) -> Result<(), SendError> {
    let sink = session.sink().await.expect("a lane");
    soon("the confirm", sink.send(&to_queue(queue), message)).await
}

async fn consume(session: &Arc<dyn Session>, queue: &Text, prefetch: u16) -> Box<dyn Source> {
    session.source(queue, prefetch).await.expect("a consumer")
}

/// The next deliveries, not settled.
async fn take(source: &mut Box<dyn Source>, count: usize) -> Vec<Delivery> {
    let mut all = Vec::new();
    while all.len() < count {
        let batch = soon("a delivery", source.receive(count - all.len())).await.expect("the consumer lives");
        assert!(!batch.is_empty(), "the source has ended");
        all.extend(batch);
    }
    all
}

/// The next deliveries' bodies, acknowledged.
async fn bodies(source: &mut Box<dyn Source>, count: usize) -> Vec<String> {
    let all = take(source, count).await;
    if let Some(last) = all.last() {
        source.settle(Settlement::AckThrough(last.tag)).await.expect("acknowledged");
    }
    all.iter().map(body).collect()
}

fn body(delivery: &Delivery) -> String {
    String::from_utf8(delivery.message.body.to_vec()).expect("is UTF-8")
}

/// What a queue holds that nobody takes from, in order: a message that is sent now ends it.
async fn contents(session: &Arc<dyn Session>, queue: &Text) -> Vec<String> {
    let mut source = consume(session, queue, 100).await;
    send(session, queue, &["the end"]).await;
    let mut all = Vec::new();
    loop {
        let next = bodies(&mut source, 1).await;
        if next == ["the end"] {
            return all;
        }
        all.extend(next);
    }
}
