//! A relay that does nothing but move messages, as fast as lapin allows: the limit for whatever does more.
//!
//! One task, publishes pipelined, one acknowledgement for each confirmed prefix.

use futures_util::FutureExt;
use futures_util::stream::{FuturesOrdered, StreamExt};
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
};
use lapin::{Connection, ConnectionProperties};

const PREFETCH: u16 = 250;

pub async fn relay(url: &str, from: &str, to: &str) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.expect("a broker");
    let channel = connection.create_channel().await.expect("a channel");
    channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await.expect("a prefetch");
    let options = BasicConsumeOptions::default();
    let mut consumer =
        channel.basic_consume(from.into(), "bare".into(), options, Default::default()).await.expect("a consumer");
    let mut pending = FuturesOrdered::new();
    loop {
        tokio::select! {
            biased;
            Some(tag) = pending.next(), if !pending.is_empty() => {
                let mut last: u64 = tag;
                while let Some(Some(tag)) = pending.next().now_or_never() {
                    last = tag;
                }
                channel.basic_ack(last, BasicAckOptions { multiple: true }).await.expect("acknowledged");
            }
            delivery = consumer.next(), if pending.len() < usize::from(PREFETCH) => {
                let delivery = delivery.expect("the consumer lives").expect("a delivery");
                let channel = channel.clone();
                pending.push_back(async move {
                    let options = BasicPublishOptions::default();
                    let sent = channel.basic_publish("".into(), to.into(), options, &delivery.data, delivery.properties);
                    let confirmed = sent.await.expect("published").await.expect("confirmed");
                    assert!(confirmed.is_ack(), "refused");
                    delivery.delivery_tag
                });
            }
        }
    }
}
