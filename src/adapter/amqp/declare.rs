//! Declares the topology, or verifies it.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, ExchangeKind};

use super::error::{refused, within};
use super::mismatch;
use super::table::{short, table_to_lapin};
use crate::endpoint::EndpointError;
use crate::endpoint::topology::{Binding, Exchange, Queue, Topology};

/// Declares on a channel of its own, which the broker closes at the first refusal.
pub(super) async fn declare(channel: &Channel, topology: &Topology) -> Result<(), EndpointError> {
    for exchange in &topology.exchanges {
        declare_exchange(channel, exchange).await.map_err(explain)?;
    }
    for queue in &topology.queues {
        declare_queue(channel, queue).await.map_err(explain)?;
    }
    for binding in &topology.bindings {
        bind(channel, binding).await?;
    }
    within("closing a channel", channel.close(200, "".into())).await
}

async fn declare_exchange(channel: &Channel, exchange: &Exchange) -> Result<(), EndpointError> {
    let kind = exchange_kind(&exchange.kind);
    let options =
        ExchangeDeclareOptions { durable: true, passive: !exchange.declare, ..ExchangeDeclareOptions::default() };
    let what = format!("{} exchange `{}`", verb(exchange.declare), exchange.name);
    let name = short("exchange", &exchange.name).map_err(refused)?;
    within(&what, channel.exchange_declare(name, kind, options, FieldTable::default())).await
}

/// The type of an exchange, as lapin has it.
pub(super) fn exchange_kind(name: &str) -> ExchangeKind {
    match name {
        "direct" => ExchangeKind::Direct,
        "fanout" => ExchangeKind::Fanout,
        "topic" => ExchangeKind::Topic,
        "headers" => ExchangeKind::Headers,
        other => ExchangeKind::Custom(other.to_owned()),
    }
}

async fn declare_queue(channel: &Channel, queue: &Queue) -> Result<(), EndpointError> {
    let options = QueueDeclareOptions { durable: true, passive: !queue.declare, ..QueueDeclareOptions::default() };
    let arguments =
        if queue.declare { table_to_lapin(&queue.arguments).map_err(refused)? } else { FieldTable::default() };
    let what = format!("{} queue `{}`", verb(queue.declare), queue.name);
    let name = short("queue", &queue.name).map_err(refused)?;
    within(&what, channel.queue_declare(name, options, arguments)).await.map(|_| ())
}

async fn bind(channel: &Channel, binding: &Binding) -> Result<(), EndpointError> {
    let queue = short("queue", &binding.queue).map_err(refused)?;
    let exchange = short("exchange", &binding.exchange).map_err(refused)?;
    let key = short("routing_key", &binding.routing_key).map_err(refused)?;
    let what = format!("binding queue `{}` to exchange `{}`", binding.queue, binding.exchange);
    let arguments = table_to_lapin(&binding.arguments).map_err(refused)?;
    within(&what, channel.queue_bind(queue, exchange, key, QueueBindOptions::default(), arguments)).await
}

fn verb(declare: bool) -> &'static str {
    if declare { "declaring" } else { "looking for" }
}

/// The broker's sentence about a difference, as one that says what to do.
fn explain(error: EndpointError) -> EndpointError {
    match error {
        EndpointError::Refused(text) => EndpointError::Refused(mismatch::explain(&text).unwrap_or(text)),
        error => error,
    }
}
