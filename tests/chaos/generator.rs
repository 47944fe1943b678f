//! The producer: numbered messages, each published until the broker has confirmed it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection};

use super::project::{Route, body, is_doubled, key, place_in_line};
use super::world::{Numbers, World, pause, within};

/// Published before their confirms are looked at. All of them are waited for, so that each returned message is among
/// their confirms, whichever of them lapin has attached it to.
const BATCH: usize = 200;
/// Confirmed and not yet where they belong: with more, the producer waits.
const BACKLOG: usize = 4_000;
/// The broker owes no confirm during an alarm.
const CONFIRM_SECONDS: u64 = 60;

/// Publishes all numbers; ends when all are confirmed.
pub async fn generate(world: Arc<World>) {
    let numbers = Mutex::new(Numbers::new(world.messages));
    let part = async |connection: Connection| {
        let channel = within(connection.create_channel()).await?;
        within(channel.confirm_select(ConfirmSelectOptions::default())).await?;
        while !numbers.lock().expect("not poisoned").is_empty() {
            round(&world, &numbers, &channel).await?;
        }
        world.generated.store(true, Ordering::Relaxed);
        std::future::pending().await
    };
    let all = async {
        while !world.generated.load(Ordering::Relaxed) {
            pause(20).await;
        }
    };
    tokio::select! {
        () = world.play(part) => {}
        () = all => {}
    }
}

async fn round(world: &World, numbers: &Mutex<Numbers>, channel: &Channel) -> lapin::Result<()> {
    // A flood does not wait for anybody.
    let troubled = world.troubled.load(Ordering::Relaxed) && !world.flood;
    let batch = {
        let mut numbers = numbers.lock().expect("not poisoned");
        let room = world.limit.load(Ordering::Relaxed).saturating_sub(numbers.published()) as usize;
        let fresh = match (world.flood || world.ledger().all_open() < BACKLOG, troubled) {
            (false, _) => 0,
            // Traffic must not end while a fault is at work, however long that takes.
            (true, true) => (room / 100).clamp(1, 50),
            (true, false) => room.min(BATCH),
        };
        numbers.take(BATCH, fresh, |number| world.is_held(Route::of(number)))
    };
    if batch.is_empty() || troubled {
        pause(if troubled { 50 } else { 5 }).await;
    }
    let published = publish(world, channel, &batch);
    let outcome = match tokio::time::timeout(std::time::Duration::from_secs(CONFIRM_SECONDS), published).await {
        Ok(outcome) => outcome,
        Err(_) => vec![None; batch.len()],
    };
    let mut numbers = numbers.lock().expect("not poisoned");
    let mut ledger = world.ledger();
    let mut lost = false;
    for (&number, outcome) in batch.iter().zip(outcome) {
        match outcome {
            Some(true) => ledger.confirmed(number, world.now()),
            Some(false) => numbers.again(number),
            None => {
                lost = true;
                numbers.again(number);
            }
        }
    }
    world.rounds.fetch_add(1, Ordering::Relaxed);
    if lost { Err(lapin::ErrorKind::IOError(Arc::new(std::io::ErrorKind::NotConnected.into())).into()) } else { Ok(()) }
}

/// Publishes; for each number whether the broker has it, or `None` if nobody knows.
async fn publish(world: &World, channel: &Channel, batch: &[u32]) -> Vec<Option<bool>> {
    let at = world.now();
    for &number in batch {
        (0..=u32::from(is_doubled(number))).for_each(|_| world.ledger().published(number, at));
    }
    let confirms = join_all(batch.iter().map(|&number| async move {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_message_id(format!("m{number}").into())
            .with_content_type(content_type(number).into())
            .with_headers(headers(number));
        let (queue, body) = (Route::of(number).queue(), body(number));
        let once = async || {
            let queue = queue.as_str().into();
            channel.basic_publish("".into(), queue, options, &body, properties.clone()).await?.await
        };
        if is_doubled(number) && !matches!(once().await?, Confirmation::Ack(None)) {
            return Ok(Confirmation::Nack(None));
        }
        once().await
    }))
    .await;
    let mut returned = Vec::new();
    let outcomes: Vec<_> = confirms
        .into_iter()
        .map(|confirm| match confirm {
            Ok(Confirmation::Ack(back)) => {
                let id = back.and_then(|back| back.delivery.properties.message_id().clone());
                returned.extend(id.map(|id| id.to_string()));
                Some(true)
            }
            Ok(_) => Some(false),
            Err(_) => None,
        })
        .collect();
    let is_returned = |number: u32| returned.iter().any(|id| *id == format!("m{number}"));
    outcomes.into_iter().zip(batch).map(|(outcome, &number)| outcome.map(|has| has && !is_returned(number))).collect()
}

fn content_type(number: u32) -> &'static str {
    match Route::of(number) {
        Route::Pass | Route::Retry | Route::Keyed | Route::Count => "text/plain",
        _ => "application/json",
    }
}

fn headers(number: u32) -> FieldTable {
    let mut headers = FieldTable::default();
    let key = match Route::of(number) {
        Route::Keyed | Route::Count => key(number),
        Route::Line => place_in_line(number).0,
        _ => return headers,
    };
    headers.insert("key".into(), AMQPValue::LongUInt(key));
    headers
}
