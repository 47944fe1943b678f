//! Takes from every sink and every dead-letter queue what arrives there, and enters it into the ledger.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::{FutureExt, StreamExt};
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Connection};
use serde_json::Value;

use super::ledger::Arrival;
use super::project::{Place, Route};
use super::world::{World, pause, within};

const PREFETCH: u16 = 500;

/// Watches one place for ever.
pub async fn observe(world: Arc<World>, place: Place) {
    world.play(async |connection| watch(&world, place, connection).await).await;
}

async fn watch(world: &World, place: Place, connection: Connection) -> lapin::Result<()> {
    while world.is_blind(place) {
        pause(20).await;
    }
    let channel = within(connection.create_channel()).await?;
    within(channel.basic_qos(PREFETCH, BasicQosOptions::default())).await?;
    let consume =
        channel.basic_consume(place.queue().into(), "".into(), BasicConsumeOptions::default(), FieldTable::default());
    let mut consumer = within(consume).await?;
    loop {
        let first = tokio::select! {
            next = consumer.next() => next,
            () = closes_its_eyes(world, place) => return Ok(()),
        };
        let mut last = None;
        let mut next = first;
        while let Some(delivery) = next {
            let delivery = delivery?;
            last = Some(delivery.delivery_tag);
            enter(world, place, &delivery);
            next = match consumer.next().now_or_never() {
                Some(more) => more,
                None => break,
            };
        }
        // A consumer that ends without an error has lost its queue.
        let Some(tag) = last else { return Ok(()) };
        within(channel.basic_ack(tag, BasicAckOptions { multiple: true })).await?;
    }
}

async fn closes_its_eyes(world: &World, place: Place) {
    while !world.is_blind(place) {
        pause(20).await;
    }
}

fn enter(world: &World, place: Place, delivery: &lapin::message::Delivery) {
    let id = delivery.properties.message_id().as_ref().map(ToString::to_string).unwrap_or_default();
    if let (Place::Gather | Place::GatherDead, Ok(parts)) =
        (place, serde_json::from_slice::<Vec<Value>>(&delivery.data))
    {
        for part in parts {
            let number = part["number"].as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or_default();
            world.ledger().gathered(number, &id);
            enter_one(world, place, number, part.to_string().as_bytes(), delivery);
        }
        return;
    }
    let id = if Route::Parts.sinks().contains(&place) { id.split('.').next().unwrap_or_default() } else { &id };
    let Some(number) = id.strip_prefix('m').and_then(|number| number.parse::<u32>().ok()) else {
        world.ledger().wrong.push(format!("a message with the id `{id}` is at {}", place.queue()));
        return;
    };
    if place == Place::Count {
        world.ledger().counted(number, nth(&delivery.properties));
    }
    enter_one(world, place, number, &delivery.data, delivery);
}

fn enter_one(world: &World, place: Place, number: u32, body: &[u8], delivery: &lapin::message::Delivery) {
    let death = place.is_dead_letters().then(|| reason(&delivery.properties, number));
    let mut ledger = world.ledger();
    let known = number <= world.messages && ledger.entry(number).arrivals.iter().any(|one| one.place == place);
    let arrival = Arrival { place, at: world.now(), again: delivery.redelivered && known };
    if let Some(published) = ledger.arrived(number, arrival, body, death) {
        world.freshest[Route::of(number) as usize].fetch_max(published, Ordering::Relaxed);
    }
}

/// What the state has counted before the message.
fn nth(properties: &BasicProperties) -> Option<u32> {
    match properties.headers().as_ref()?.inner().get("nth")? {
        AMQPValue::LongLongInt(nth) => u32::try_from(*nth).ok(),
        _ => None,
    }
}

/// The kind of failure of a dead letter of the bus; other words for what the bus must not leave.
fn reason(properties: &BasicProperties, number: u32) -> String {
    let headers = properties.headers().clone().unwrap_or_default();
    let text = |name: &str| match headers.inner().get(name) {
        Some(AMQPValue::LongString(text)) => text.to_string(),
        _ => String::new(),
    };
    let kind = text("trunkline-failure-type");
    if kind.is_empty() {
        let broker = headers.inner().contains_key("x-death");
        return if broker { "given up by the broker" } else { "without a reason" }.to_owned();
    }
    if text("trunkline-route") != Route::of(number).name() || text("trunkline-failure-reason").is_empty() {
        return format!("{kind} with headers that do not fit");
    }
    kind
}
