//! The RabbitMQ adapter at a real broker: each rule that keeps lapin from losing messages or hanging.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use trunkline::adapter::amqp::{Amqp, AmqpSettings};
use trunkline::endpoint::topology::Topology;
use trunkline::endpoint::{Adapter, Address, EndpointError, SendError, Settlement, Source, Tag};
use trunkline::message::{Field, Text};

use crate::broker::{bound, ctl, message, one_queue, open, queue, script, session, soon, to_queue, unique, variable};
use crate::slow_disk;

async fn take(source: &mut dyn Source, count: usize) -> Vec<trunkline::endpoint::Delivery> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(soon("a delivery", source.receive(count - all.len())).await.expect("the consumer lives"));
    }
    all
}

/// lapin attaches a return to whichever confirm completes next.
#[tokio::test(flavor = "multi_thread")]
async fn never_takes_an_unroutable_message_for_delivered() {
    let session = session().await;
    let (exchange, name) = (unique("returns"), unique("returns"));
    session.declare(&bound(&exchange, &name, "good")).await.expect("declared");
    let sink = session.sink().await.expect("a lane");
    let total = 5000;
    let sends = (0..total).map(|number| {
        let routing_key = Text::from(if number % 2 == 0 { "good" } else { "bad" });
        let to = Address { exchange: exchange.clone(), routing_key };
        sink.send(&to, message(&format!("m{number}"), "x"))
    });
    let outcomes = soon("all confirms", join_all(sends)).await;
    for (number, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(()) => assert_eq!(number % 2, 0, "message {number} was returned but taken for delivered"),
            Err(SendError::Unroutable { .. }) => assert_eq!(number % 2, 1, "message {number} was delivered"),
            Err(other) => panic!("message {number}: {other}"),
        }
    }
}

/// A reload cuts a route off while the broker makes its consumer: that one would keep what it gets.
#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_is_cut_off_while_it_begins_keeps_nothing() {
    let session = session().await;
    let name = unique("cut-off");
    session.declare(&one_queue(&name)).await.expect("declared");
    let mut begun = 0;
    for step in 0..40 {
        // Somewhere between the first frame and the consumer.
        let patience = Duration::from_micros(200 * step);
        begun += usize::from(tokio::time::timeout(patience, session.source(&name, 10)).await.is_ok());
    }
    assert!(begun < 40, "none was cut off");
    let sink = session.sink().await.expect("a lane");
    for sent in join_all((0..100).map(|number| sink.send(&to_queue(&name), message(&format!("m{number}"), "x")))).await
    {
        sent.expect("confirmed");
    }
    let mut reader = session.source(&name, 500).await.expect("a consumer");
    assert_eq!(take(&mut *reader, 100).await.len(), 100);
}

/// When the limit of a full queue is lifted, RabbitMQ 3.10 does not tell the channels on which it refused messages.
#[tokio::test(flavor = "multi_thread")]
async fn a_queue_whose_limit_is_lifted_takes_messages_again() {
    let session = session().await;
    let name = unique("lifted");
    session
        .declare(&Topology {
            queues: vec![queue(&name, &[("x-overflow", Field::text("reject-publish"))])],
            ..Topology::default()
        })
        .await
        .expect("declared");
    let sink = session.sink().await.expect("a lane");
    let operator = async |arguments: Vec<String>| {
        let called =
            tokio::task::spawn_blocking(move || ctl(&arguments.iter().map(String::as_str).collect::<Vec<_>>()));
        called.await.expect("is done");
    };
    let pattern = format!("^{name}$");
    operator(["set_policy", &name, &pattern, r#"{"max-length": 1}"#].map(str::to_owned).into()).await;
    let send = || soon("a confirm", sink.send(&to_queue(&name), message("m", "x")));
    while send().await.is_ok() {}
    assert_eq!(send().await, Err(SendError::Nack));
    operator(["clear_policy", &name].map(str::to_owned).into()).await;
    soon("room", async {
        while let Err(refused) = send().await {
            assert_eq!(refused, SendError::Nack);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

/// A full queue nacks; the nack must reach the sender whose message it was.
#[tokio::test(flavor = "multi_thread")]
async fn gives_each_confirm_to_its_own_message() {
    let session = session().await;
    let (full, open) = (unique("full"), unique("open"));
    let limits = [("x-max-length", Field::I32(1)), ("x-overflow", Field::text("reject-publish"))];
    let mut topology = one_queue(&open);
    topology.queues.push(queue(&full, &limits));
    session.declare(&topology).await.expect("declared");
    let sink = session.sink().await.expect("a lane");
    for _ in 0..10 {
        let _ = sink.send(&to_queue(&full), message("fill", "x")).await;
    }
    let senders = (0..8).map(|sender| {
        let (sink, full, open) = (sink.clone(), full.clone(), open.clone());
        tokio::spawn(async move {
            for number in 0..500 {
                let to = to_queue(if number % 2 == 0 { &full } else { &open });
                let outcome = sink.send(&to, message(&format!("{sender}-{number}"), "x")).await;
                match (number % 2, outcome) {
                    (0, Err(SendError::Nack)) | (1, Ok(())) => {}
                    (_, outcome) => panic!("message {sender}-{number}: {outcome:?}"),
                }
            }
        })
    });
    for sender in soon("all senders", join_all(senders)).await {
        sender.expect("no confirm was mixed up");
    }
}

/// An old tag must not settle a delivery of the next session.
#[tokio::test(flavor = "multi_thread")]
async fn a_stale_tag_settles_nothing() {
    let url = variable("TRUNKLINE_TEST_AMQP_URL");
    let first = open(&url).await;
    let name = unique("stale");
    first.declare(&one_queue(&name)).await.expect("declared");
    let sink = first.sink().await.expect("a lane");
    for number in 0..4 {
        sink.send(&to_queue(&name), message(&number.to_string(), "x")).await.expect("confirmed");
    }
    let mut old = first.source(&name, 10).await.expect("a consumer");
    take(old.as_mut(), 4).await;
    first.close().await;
    let second = open(&url).await;
    let mut new = second.source(&name, 10).await.expect("a consumer");
    take(new.as_mut(), 4).await;
    assert!(old.settle(Settlement::AckThrough(Tag(4))).await.is_err());
    second.close().await;
    let mut third = open(&url).await.source(&name, 10).await.expect("a consumer");
    assert_eq!(take(third.as_mut(), 4).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn gives_up_on_a_broker_that_does_not_answer() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("amqp://guest:guest@{}/%2f", listener.local_addr().expect("an address"));
    let silent = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    let amqp = Amqp::new(AmqpSettings { url, ..AmqpSettings::default() }).expect("a valid URI");
    let before = Instant::now();
    let error = soon("the attempt", amqp.open()).await.err().expect("nobody answers");
    assert!(matches!(error, EndpointError::Unavailable(_)), "{error}");
    assert!(before.elapsed() < Duration::from_secs(20));
    silent.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_refused_at_once() {
    let url = variable("TRUNKLINE_TEST_AMQP_URL").replace("guest:guest", "guest:wrong");
    let amqp = Amqp::new(AmqpSettings { url, ..AmqpSettings::default() }).expect("a valid URI");
    let error = soon("the attempt", amqp.open()).await.err().expect("is refused");
    assert!(matches!(error, EndpointError::Refused(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn speaks_tls_with_its_own_authority_and_certificate() {
    let url = variable("TRUNKLINE_TEST_AMQPS_URL");
    let folder = variable("TRUNKLINE_TEST_AMQP_DIR");
    let read = |name: &str| std::fs::read_to_string(format!("{folder}/{name}")).expect("the script made it");
    let identity = Some((read("client.pem"), read("client.key")));
    let trusted = AmqpSettings {
        url: url.clone(),
        ca: Some(read("ca.pem")),
        identity: identity.clone(),
        ..AmqpSettings::default()
    };
    let session = Amqp::new(trusted).expect("valid").open().await.expect("connects");
    session.declare(&one_queue(&unique("tls"))).await.expect("declared");
    let unknown = AmqpSettings { url: url.clone(), ca: None, identity, ..AmqpSettings::default() };
    assert!(soon("the attempt", Amqp::new(unknown).expect("valid").open()).await.is_err(), "an unknown authority");
    let nobody = AmqpSettings { url, ca: Some(read("ca.pem")), identity: None, ..AmqpSettings::default() };
    assert!(soon("the attempt", Amqp::new(nobody).expect("valid").open()).await.is_err(), "no certificate");
}

/// During an alarm, of the disk or of memory, the publishing connection is blocked; acknowledgements must go through all the same. And a broker
/// that is killed ends the session, and another one can be opened when it is back.
#[tokio::test(flavor = "multi_thread")]
async fn survives_an_alarm_and_the_death_of_the_broker() {
    let printed = tokio::task::spawn_blocking(|| script(&["start", "faults"])).await.expect("starts");
    let url =
        printed.lines().find_map(|line| line.strip_prefix("TRUNKLINE_TEST_AMQP_URL=")).expect("an URL").to_owned();
    slow_disk::an_orderly_end_doubles_nothing(&url, "faults").await;
    let amqp = Amqp::new(AmqpSettings { url, ..AmqpSettings::default() }).expect("a valid URI");
    let session = amqp.open().await.expect("connects");
    let name = unique("alarm");
    session.declare(&one_queue(&name)).await.expect("declared");
    let sink = session.sink().await.expect("a lane");
    sink.send(&to_queue(&name), message("before", "x")).await.expect("confirmed");
    let mut source = session.source(&name, 10).await.expect("a consumer");
    let mut delivery = take(source.as_mut(), 1).await.remove(0);

    for (limit, alarming, well) in
        [("set_disk_free_limit", "900GB", "50MB"), ("set_vm_memory_high_watermark", "0.00001", "0.4")]
    {
        script(&["ctl", "faults", "-q", limit, alarming]);
        let blocked = tokio::spawn(sink.send(&to_queue(&name), message("during", "x")));
        soon("the news of the alarm", async {
            while session.blocked().is_none() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        source.settle(Settlement::Ack(delivery.tag)).await.expect("acknowledged during the alarm");
        script(&["ctl", "faults", "-q", limit, well]);
        soon("the blocked publish", blocked).await.expect("no panic").expect("confirmed after the alarm");
        delivery = take(source.as_mut(), 1).await.remove(0);
        assert_eq!(delivery.message.properties.message_id.as_deref(), Some("during"));
        soon("the end of the alarm", async {
            while session.blocked().is_some() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    }

    script(&["settle", "faults"]);
    script(&["kill", "faults"]);
    let end = soon("the end of the consumer", source.receive(10)).await;
    assert!(matches!(end, Err(EndpointError::Unavailable(_))), "{end:?}");
    let lost = soon("the end of the lane", sink.send(&to_queue(&name), message("lost", "x"))).await;
    assert!(matches!(lost, Err(SendError::Unknown(_))), "{lost:?}");
    tokio::task::spawn_blocking(|| script(&["start", "faults"])).await.expect("starts again");
    // A node that has just come back may not have elected the queue's leader: opened again until it has.
    let mut source = soon("a consumer of a new session", async {
        loop {
            let source = match amqp.open().await {
                Ok(session) => session.source(&name, 10).await,
                Err(error) => Err(error),
            };
            match source {
                Ok(source) => break source,
                Err(error) => eprintln!("not yet: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    let again = take(source.as_mut(), 1).await.remove(0);
    assert_eq!(again.message.properties.message_id.as_deref(), Some("during"), "kept by the broker, not acknowledged");
    script(&["stop", "faults"]);
}
