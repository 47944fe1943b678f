//! A broker whose disk does not keep up.
//!
//! A channel hands a quorum queue only so many commands ahead of what the disk has taken (32,
//! `quorum_commands_soft_limit`). It holds further acknowledgements back, and forgets them when it is closed.

use std::sync::Arc;
use std::time::Duration;

use trunkline::adapter::amqp::{Amqp, AmqpSettings};
use trunkline::endpoint::topology::Topology;
use trunkline::message::Field;
use trunkline::runtime::{Bus, Settings, State};

use crate::broker::{message, open, queue, script, soon, to_queue, unique};
use crate::runtime::{Names, numbered, plan, take};

const ROUTE: &str = "
from: { amqp: { queue: IN } }
steps:
  - call: { amqp: { routing_key: OTHER }, timeout: 60s }
  - to: { amqp: { routing_key: OUT } }
";

/// Far more than a channel sends ahead.
const MESSAGES: usize = 150;

/// `rabbitmqctl`, which takes seconds, beside the threads on which the bus runs.
async fn ctl(node: &str, words: &[&str]) -> String {
    let words: Vec<String> = ["ctl", node, "-q"].iter().chain(words).map(ToString::to_string).collect();
    let run = move || script(&words.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(run).await.expect("runs")
}

/// A route that ends while each of its messages is finished on its own, and none of what it acknowledges reaches the disk.
pub(crate) async fn an_orderly_end_doubles_nothing(url: &str, node: &str) {
    let client = open(url).await;
    let names = Names { source: unique("in"), target: unique("out"), other: unique("other") };
    // These do without what is held up.
    let classic = [("x-queue-type", Field::text("classic"))];
    let queues = [&names.target, &names.other].map(|name| queue(name, &classic)).into();
    client.declare(&Topology { queues, ..Topology::default() }).await.expect("declared");
    let amqp = Amqp::new(AmqpSettings { url: url.to_owned(), ..AmqpSettings::default() }).expect("a valid URI");
    let settings = Settings { drain_deadline: Duration::from_secs(60), ..Settings::default() };
    let bus = Bus::start([plan(&names, ROUTE)], Arc::new(amqp), settings);
    soon("ready", bus.ready()).await;
    let sink = client.sink().await.expect("a lane");
    for sent in numbered(MESSAGES).map(|message| sink.send(&to_queue(&names.source), message)).collect::<Vec<_>>() {
        sent.await.expect("confirmed");
    }
    let mut asked = client.source(&names.other, 1000).await.expect("a consumer");
    let mut out = client.source(&names.target, 1000).await.expect("a consumer");
    let questions = take(&mut *asked, MESSAGES).await;
    let probe = bus.probe();
    let end = tokio::spawn(bus.shutdown());
    soon("the end of the consumer", async {
        let none = format!("{}\t0", names.source);
        let list = ["list_queues", "--no-table-headers", "name", "consumers"];
        while probe.report().routes[0].state != State::Draining
            || !ctl(node, &list).await.lines().any(|line| line == none)
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    ctl(node, &["eval", "sys:suspend(ra_log_wal)."]).await;
    for question in questions {
        let properties = question.message.properties;
        let mut answer = message("answer", "{}");
        answer.properties.correlation_id = properties.correlation_id.clone();
        sink.send(&to_queue(&properties.reply_to.clone().expect("who asks")), answer).await.expect("confirmed");
        take(&mut *out, 1).await;
    }
    assert_eq!(soon("the end", end).await.expect("no panic"), 0);
    ctl(node, &["eval", "sys:resume(ra_log_wal)."]).await;
    sink.send(&to_queue(&names.source), message("end", "end")).await.expect("confirmed");
    let mut left = client.source(&names.source, 10).await.expect("a consumer");
    assert_eq!(take(&mut *left, 1).await.remove(0).message.body, "end");
}
