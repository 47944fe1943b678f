//! The driver's own connection to the node that `scripts/bench` started.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::stream::StreamExt;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions, QueuePurgeOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};

use super::process::{self, Usage};

/// The header with the time of publishing, in nanoseconds since the driver's start of the load.
const SENT: &str = "sent";

pub struct Client {
    pub url: String,
    /// The folder of the node.
    pub folder: String,
    broker: u32,
    channel: Channel,
    _connection: Connection,
}

impl Client {
    pub async fn connect() -> Self {
        let variable =
            |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `make bench`"));
        let (url, folder) = (variable("TRUNKLINE_TEST_AMQP_URL"), variable("TRUNKLINE_TEST_AMQP_DIR"));
        let pid = std::fs::read_to_string(format!("{folder}/pid")).expect("the node's pid");
        let connection = Connection::connect(&url, ConnectionProperties::default()).await.expect("a broker");
        let channel = connection.create_channel().await.expect("a channel");
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        Self { url, folder, broker: pid.trim().parse().expect("a pid"), channel, _connection: connection }
    }

    /// What the broker has used so far.
    pub fn usage(&self) -> Usage {
        process::usage(self.broker)
    }

    pub async fn declare(&self, queue: &str) {
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
        let durable = QueueDeclareOptions { durable: true, ..Default::default() };
        self.channel.queue_declare(queue.into(), durable, arguments).await.expect("declared");
    }

    pub async fn count(&self, queue: &str) -> u32 {
        let passive = QueueDeclareOptions { passive: true, ..Default::default() };
        self.channel
            .queue_declare(queue.into(), passive, FieldTable::default())
            .await
            .expect("is there")
            .message_count()
    }

    /// Waits until a queue holds so many messages.
    pub async fn until(&self, queue: &str, count: u32) {
        let patience = Instant::now() + Duration::from_secs(180);
        while self.count(queue).await < count {
            assert!(Instant::now() < patience, "`{queue}` does not get its {count} messages");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn purge(&self, queue: &str) {
        self.channel.queue_purge(queue.into(), QueuePurgeOptions::default()).await.expect("purged");
    }

    /// Puts messages into a queue, confirmed.
    pub async fn fill(&self, queue: &str, body: &[u8], count: u32) {
        let mut left = count;
        while left > 0 {
            let some = left.min(500);
            let sent = (0..some).map(|_| self.publish(queue, body, None));
            join_all(sent).await;
            left -= some;
        }
    }

    async fn publish(&self, queue: &str, body: &[u8], sent: Option<i64>) {
        let mut properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_content_type("application/json".into())
            .with_message_id("bench".into());
        if let Some(sent) = sent {
            let mut headers = FieldTable::default();
            headers.insert(SENT.into(), AMQPValue::LongLongInt(sent));
            properties = properties.with_headers(headers);
        }
        let options = BasicPublishOptions::default();
        let sent = self.channel.basic_publish("".into(), queue.into(), options, body, properties);
        assert!(sent.await.expect("published").await.expect("confirmed").is_ack(), "refused");
    }

    /// Publishes at a rate and gives how many milliseconds each message took to the other side.
    pub async fn load(&self, from: &str, to: &str, body: &[u8], rate: f64, time: Duration) -> Vec<f64> {
        let options = BasicConsumeOptions { no_ack: true, ..Default::default() };
        let mut arrived =
            self.channel.basic_consume(to.into(), "".into(), options, FieldTable::default()).await.expect("a consumer");
        let started = Instant::now();
        let nanos = || i64::try_from(started.elapsed().as_nanos()).expect("a short run");
        let count = (rate * time.as_secs_f64()) as usize;
        let publish = async {
            let mut sent = 0;
            let mut confirms = Vec::new();
            let mut ticks = tokio::time::interval(Duration::from_millis(2));
            while sent < count {
                ticks.tick().await;
                let due = ((started.elapsed().as_secs_f64() * rate) as usize).min(count);
                let batch = (sent..due).map(|_| self.publish(from, body, Some(nanos())));
                confirms.push(join_all(batch).await);
                sent = due;
            }
        };
        let receive = async {
            let mut millis = Vec::with_capacity(count);
            while millis.len() < count {
                let delivery = arrived.next().await.expect("the consumer lives").expect("a delivery");
                let headers = delivery.properties.headers().as_ref().expect("headers");
                if let Some(AMQPValue::LongLongInt(sent)) = headers.inner().get(SENT) {
                    millis.push((nanos() - sent) as f64 / 1e6);
                }
            }
            millis
        };
        let ((), millis) = tokio::join!(publish, receive);
        self.channel.basic_cancel(arrived.tag(), Default::default()).await.expect("cancelled");
        millis
    }
}
