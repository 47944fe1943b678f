//! Parts of a message that fail apart, at both brokers: neither a retry nor a replay repeats what is done.

use trunkline::endpoint::topology::Topology;
use trunkline::runtime::{Bus, Settings};

use crate::broker::{message, queue, soon, to_queue, unique};
use crate::runtime::{Names, brokers, header, plan, take};

const SPLIT: &str = "
from: { amqp: { queue: IN } }
steps:
  - { id: tap, wire_tap: { steps: [to: { amqp: { routing_key: OUT } }] } }
  - id: lines
    split:
      by: .lines
      steps: [to: { amqp: { routing_key_from: . } }]
  - to: { amqp: { routing_key: OUT } }
on_error: { retry: { delayed: [] } }
";

#[tokio::test(flavor = "multi_thread")]
async fn the_dead_letter_of_some_parts_replays_only_those() {
    for (client, adapter) in brokers().await {
        let names = Names { source: unique("in"), target: unique("out"), other: unique("other") };
        let queues = vec![queue(&names.target, &[])];
        client.declare(&Topology { queues, ..Topology::default() }).await.expect("declared");
        let bus = Bus::start([plan(&names, SPLIT)], adapter, Settings::default());
        soon("ready", bus.ready()).await;
        let sink = client.sink().await.expect("a lane");
        let lines = format!(r#"{{"lines":["{0}","{1}","{0}"]}}"#, names.target, names.other);
        sink.send(&to_queue(&names.source), message("m", &lines)).await.expect("confirmed");

        // The second part has nowhere to go.
        let mut dead = client.source(&format!("{}.dlq", names.source), 10).await.expect("a consumer");
        let letter = take(&mut *dead, 1).await.remove(0).message;
        assert_eq!((header(&letter, "trunkline-failure-type"), &letter.body[..]), ("unroutable", lines.as_bytes()));
        let left: serde_json::Value = serde_json::from_str(header(&letter, "trunkline-parts-left")).expect("JSON");
        assert_eq!(left["parts"], serde_json::json!({ "lines": "2" }));
        let mut out = client.source(&names.target, 100).await.expect("a consumer");
        let ids = |sent: Vec<trunkline::endpoint::Delivery>| -> Vec<String> {
            let id = |one: trunkline::endpoint::Delivery| one.message.properties.message_id.clone().unwrap_or_default();
            sent.into_iter().map(|one| id(one).to_string()).collect()
        };
        assert_eq!(ids(take(&mut *out, 4).await), ["m", "m.1", "m.3", "m"]);

        // Put right, and put back as it lies there.
        let queues = vec![queue(&names.other, &[])];
        client.declare(&Topology { queues, ..Topology::default() }).await.expect("declared");
        let mut other = client.source(&names.other, 100).await.expect("a consumer");
        sink.send(&to_queue(&names.source), letter).await.expect("confirmed");
        let part = take(&mut *other, 1).await.remove(0).message;
        assert_eq!((part.properties.message_id.as_deref(), header(&part, "trunkline-part-of")), (Some("m.2"), "m"));
        assert!(!part.headers.contains_key("trunkline-parts-left"));
        assert_eq!(soon("drained", bus.shutdown()).await, 0);
        sink.send(&to_queue(&names.target), message("end", "end")).await.expect("confirmed");
        assert_eq!(ids(take(&mut *out, 1).await), ["end"], "nothing else was repeated");
    }
}
