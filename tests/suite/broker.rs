//! The RabbitMQ node of this run, as `scripts/test` started it, and what tests need to talk to it.

use std::future::Future;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use trunkline::adapter::amqp::{Amqp, AmqpSettings};
use trunkline::endpoint::topology::{Binding, Exchange, Queue, Topology};
use trunkline::endpoint::{Adapter, Address, Session};
use trunkline::message::{Field, Headers, Message, Properties, Text};

/// A variable that `scripts/rabbitmq start` prints.
pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        let script = if name.contains("REDIS") { "redis" } else { "rabbitmq" };
        panic!("{name} is not set: run `make test`, or first `eval \"$(scripts/{script} start | sed 's/^/export /')\"`")
    })
}

/// A session of its own at the broker of this run.
pub async fn session() -> Arc<dyn Session> {
    open(&variable("TRUNKLINE_TEST_AMQP_URL")).await
}

pub async fn open(url: &str) -> Arc<dyn Session> {
    let amqp = Amqp::new(AmqpSettings { url: url.to_owned(), ..AmqpSettings::default() }).expect("a valid URI");
    amqp.open().await.expect("the broker is reachable")
}

/// Runs `scripts/rabbitmq` and gives what it prints.
pub fn script(arguments: &[&str]) -> String {
    script_with(arguments, &[])
}

/// The same, with variables.
pub fn script_with(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/rabbitmq");
    let output = Command::new(path).args(arguments).envs(variables.iter().copied()).output().expect("the script runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("is UTF-8")
}

/// `rabbitmqctl` on the node of this run.
pub fn ctl(arguments: &[&str]) -> String {
    let folder = variable("TRUNKLINE_TEST_AMQP_DIR");
    let (_, node) = folder.rsplit_once("/rabbitmq-").expect("the script's folder of one node");
    script(&[&["ctl", node, "-q"], arguments].concat())
}

/// A name that no other test uses.
pub fn unique(name: &str) -> Text {
    Text::from(format!("test.{name}.{}", uuid::Uuid::now_v7().simple()))
}

pub fn queue(name: &Text, arguments: &[(&str, Field)]) -> Queue {
    let mut all: Headers = [("x-queue-type".into(), Field::text("quorum"))].into();
    all.extend(arguments.iter().map(|(key, value)| (Text::from(*key), value.clone())));
    Queue { name: name.clone(), arguments: all, declare: true }
}

pub fn one_queue(name: &Text) -> Topology {
    Topology { queues: vec![queue(name, &[])], ..Topology::default() }
}

pub fn bound(exchange: &Text, name: &Text, routing_key: &str) -> Topology {
    Topology {
        exchanges: vec![Exchange { name: exchange.clone(), kind: "direct".into(), declare: true }],
        queues: vec![queue(name, &[])],
        bindings: vec![Binding {
            queue: name.clone(),
            exchange: exchange.clone(),
            routing_key: routing_key.into(),
            arguments: Headers::new(),
        }],
    }
}

pub fn to_queue(name: &Text) -> Address {
    Address { exchange: "".into(), routing_key: name.clone() }
}

pub fn message(id: &str, body: &str) -> Message {
    let properties = Properties { message_id: Some(id.into()), delivery_mode: Some(2), ..Properties::default() };
    Message { properties: properties.into(), body: body.to_owned().into(), ..Message::default() }
}

/// Nothing that a test waits for takes longer.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(60), future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within a minute"),
    }
}
