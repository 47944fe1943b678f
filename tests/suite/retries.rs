//! Delayed retries at both brokers: messages wait in queues of the broker, and a restart forgets nothing.

use std::sync::Arc;

use trunkline::endpoint::Address;
use trunkline::endpoint::topology::Topology;
use trunkline::message::{Field, Message};
use trunkline::runtime::{Bus, Settings};

use crate::broker::{message, queue, soon, to_queue, unique};
use crate::runtime::{Names, brokers, header, plan, take, take_either};

const LADDER: &str = "
from: { amqp: { queue: IN } }
steps:
  - id: ask
    call: { amqp: { routing_key: OTHER }, timeout: 50ms }
  - to: { amqp: { routing_key: OUT } }
on_error: { retry: { immediate: 1, delayed: [300ms, 200ms] } }
";

fn published() -> Message {
    let mut sent = message("m1", "question");
    sent.headers.insert("shop".into(), Field::U8(7));
    sent.properties.expiration = Some("3600000".into());
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_waits_in_the_broker_and_a_restart_forgets_no_attempt() {
    for (client, adapter) in brokers().await {
        let names = Names { source: unique("in"), target: unique("out"), other: unique("other") };
        let queues = vec![queue(&names.target, &[]), queue(&names.other, &[])];
        client.declare(&Topology { queues, ..Topology::default() }).await.expect("declared");
        let work = plan(&names, LADDER);
        let mut participant = client.source(&names.other, 100).await.expect("a consumer");
        let sink = client.sink().await.expect("a lane");

        let bus = Bus::start([Arc::clone(&work)], Arc::clone(&adapter), Settings::default());
        soon("ready", bus.ready()).await;
        sink.send(&to_queue(&names.source), published()).await.expect("confirmed");
        take(&mut *participant, 2).await;
        assert_eq!(soon("drained", bus.shutdown()).await, 0);

        // The first wait ends while nobody takes from the source queue, or after the restart.
        let bus = Bus::start([Arc::clone(&work)], Arc::clone(&adapter), Settings::default());
        take(&mut *participant, 4).await;
        let mut dead = client.source(&format!("{}.dlq", names.source), 10).await.expect("a consumer");
        let letter = take(&mut *dead, 1).await.remove(0).message;
        assert_eq!(letter.body, "question");
        assert_eq!(letter.headers.get("shop"), Some(&Field::U8(7)));
        assert_eq!(letter.headers.get("trunkline-attempts"), Some(&Field::I64(6)));
        assert_eq!(header(&letter, "trunkline-original-queue"), names.source);
        assert_eq!(header(&letter, "trunkline-original-routing-key"), names.source);
        assert_eq!(header(&letter, "trunkline-original-expiration"), "3600000");
        assert!(letter.headers.keys().all(|name| !name.starts_with("x-")), "{:?}", letter.headers);
        assert!(!letter.headers.contains_key("trunkline-waits"));
        let past: serde_json::Value = serde_json::from_str(header(&letter, "trunkline-past-failures")).expect("JSON");
        let kinds: Vec<_> = past.as_array().expect("a list").iter().map(|one| one["kind"].clone()).collect();
        assert_eq!(kinds, ["timeout", "timeout"]);

        // An answer at a later attempt ends the ladder, and nothing of it is left on the message.
        sink.send(&to_queue(&names.source), published()).await.expect("confirmed");
        take(&mut *participant, 2).await;
        let mut out = client.source(&names.target, 10).await.expect("a consumer");
        let delivered = 'delivered: loop {
            // An answer may come too late for its attempt; then there is another request.
            let (moved, batch) = take_either(&mut *out, &mut *participant).await;
            for delivery in batch {
                if moved {
                    break 'delivered delivery.message;
                }
                let asked = delivery.message.properties;
                let mut answer = message("a1", "answer");
                answer.properties.correlation_id = asked.correlation_id.clone();
                let to = Address { exchange: "".into(), routing_key: asked.reply_to.clone().expect("a reply address") };
                sink.send(&to, answer).await.expect("confirmed");
            }
        };
        assert_eq!(delivered.body, "answer");
        assert_eq!(delivered.headers, published().headers);
        assert_eq!(delivered.properties.expiration.as_deref(), Some("3600000"));
        assert_eq!(soon("drained", bus.shutdown()).await, 0);
    }
}

const ON_ITS_OWN: &str = "
from: { amqp: { queue: IN } }
steps:
  - id: ask
    call: { amqp: { routing_key: OTHER }, timeout: 50ms }
    retry: { immediate: 3 }
  - to: { amqp: { routing_key: OUT } }
on_error: { retry: { immediate: 5, delayed: [100ms] } }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_tried_again_on_its_own_and_then_waits_as_the_route_says() {
    for (client, adapter) in brokers().await {
        let names = Names { source: unique("in"), target: unique("out"), other: unique("other") };
        let queues = vec![queue(&names.target, &[]), queue(&names.other, &[])];
        client.declare(&Topology { queues, ..Topology::default() }).await.expect("declared");
        let bus = Bus::start([plan(&names, ON_ITS_OWN)], adapter, Settings::default());
        soon("ready", bus.ready()).await;
        let sink = client.sink().await.expect("a lane");
        sink.send(&to_queue(&names.source), published()).await.expect("confirmed");
        let mut dead = client.source(&format!("{}.dlq", names.source), 10).await.expect("a consumer");
        let letter = take(&mut *dead, 1).await.remove(0).message;
        // Two runs of four requests each: the route's own five are not for this step.
        assert_eq!(letter.headers.get("trunkline-attempts"), Some(&Field::I64(2)));
        let mut participant = client.source(&names.other, 100).await.expect("a consumer");
        sink.send(&to_queue(&names.other), message("end", "end")).await.expect("confirmed");
        let asked = take(&mut *participant, 9).await;
        assert_eq!(asked.iter().position(|request| request.message.body == "end"), Some(8));
        assert_eq!(soon("drained", bus.shutdown()).await, 0);
    }
}
