//! The participants that the routes call: an ERP that speaks XML, and one that fails at first.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection};
use tokio::sync::Notify;

use super::project::{self, CALL_TIMEOUT_MILLIS, ERP, FLAKY, errors_at_first};
use super::world::{World, pause, within};

/// How the participants behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Well,
    /// Just within the time of the call.
    Slow,
    /// Not there.
    Absent,
    /// The ERP answers every other request with what its contract does not allow.
    Rubbish,
    Twice,
    /// Answers every other request when nobody waits any more.
    Late,
}

const MOODS: [Mood; 6] = [Mood::Well, Mood::Slow, Mood::Absent, Mood::Rubbish, Mood::Twice, Mood::Late];

impl World {
    pub fn mood(&self) -> Mood {
        MOODS[self.switches.erp.load(Ordering::Relaxed) as usize]
    }

    pub fn set_mood(&self, mood: Mood) {
        self.switches.erp.store(mood as u32, Ordering::Relaxed);
    }
}

/// What a participant answers.
struct Answer {
    body: Vec<u8>,
    after: Duration,
    times: usize,
    error: bool,
}

/// Plays the participant of a queue for ever.
pub async fn participate(world: Arc<World>, queue: &'static str) {
    let asked = Arc::new(Mutex::new(HashMap::new()));
    world.play(async |connection| serve(&world, queue, connection, &asked).await).await;
}

async fn serve(
    world: &Arc<World>,
    queue: &'static str,
    connection: Connection,
    asked: &Arc<Mutex<HashMap<u32, u32>>>,
) -> lapin::Result<()> {
    while world.mood() == Mood::Absent {
        pause(20).await;
    }
    // Acknowledgements must not wait for answers that an alarm holds up.
    let answers = world.connect().await?;
    let answers = within(answers.create_channel()).await?;
    let channel = within(connection.create_channel()).await?;
    within(channel.basic_qos(300, BasicQosOptions::default())).await?;
    let consume = channel.basic_consume(queue.into(), "".into(), BasicConsumeOptions::default(), FieldTable::default());
    let mut consumer = within(consume).await?;
    let broken = Arc::new(Notify::new());
    loop {
        let request = tokio::select! {
            next = consumer.next() => next,
            () = leaves(world) => return Ok(()),
            () = broken.notified() => return Ok(()),
        };
        let Some(request) = request.transpose()? else { return Ok(()) };
        let answer = if queue == ERP { ask_erp(world, &request) } else { ask_flaky(world, &request, asked) };
        let (channel, answers, broken) = (channel.clone(), answers.clone(), Arc::clone(&broken));
        tokio::spawn(async move {
            if reply(&channel, &answers, request, answer).await.is_err() {
                broken.notify_one();
            }
        });
    }
}

async fn leaves(world: &World) {
    while world.mood() != Mood::Absent {
        pause(20).await;
    }
}

/// Whatever fails here, the request comes again when the participant begins again. Its two connections may be to two
/// nodes, of which one has died.
async fn reply(channel: &Channel, answers: &Channel, request: Delivery, answer: Answer) -> lapin::Result<()> {
    tokio::time::sleep(answer.after).await;
    let properties = &request.properties;
    if let Some((to, id)) = properties.reply_to().clone().zip(properties.correlation_id().clone()) {
        let mut headers = FieldTable::default();
        if answer.error {
            headers.insert("trunkline-error".into(), AMQPValue::LongString("not today".into()));
        }
        for _ in 0..answer.times {
            let properties = BasicProperties::default().with_correlation_id(id.clone()).with_headers(headers.clone());
            answers
                .basic_publish("".into(), to.clone(), BasicPublishOptions::default(), &answer.body, properties)
                .await?;
        }
    }
    channel.basic_ack(request.delivery_tag, BasicAckOptions::default()).await
}

fn by_mood(world: &World, number: u32, body: Vec<u8>) -> Answer {
    let every_other = number.is_multiple_of(2);
    let (after, times) = match world.mood() {
        Mood::Slow => (CALL_TIMEOUT_MILLIS / 4 + u64::from(number * 37 % 500), 1),
        Mood::Late if every_other => (CALL_TIMEOUT_MILLIS + 300, 1),
        Mood::Twice => (0, 2),
        _ => (0, 1),
    };
    Answer { body, after: Duration::from_millis(after), times, error: false }
}

fn ask_erp(world: &World, request: &Delivery) -> Answer {
    let text = String::from_utf8_lossy(&request.data);
    let Some(number) = project::asked(&text) else {
        world.ledger().wrong.push(format!("the ERP was asked `{text}`"));
        return by_mood(world, 0, Vec::new());
    };
    let body = if world.mood() == Mood::Rubbish && number.is_multiple_of(2) {
        world.ledger().rubbish(number);
        [
            "the ERP is on holiday".to_owned(),
            "<Response xmlns=\"urn:chaos:erp\"/>".to_owned(),
            project::answer(number).replace("<Number>", "<Number>no "),
        ][number as usize / 2 % 3]
            .clone()
    } else {
        project::answer(number)
    };
    by_mood(world, number, body.into_bytes())
}

/// Echoes, after as many errors as the number is to have.
fn ask_flaky(world: &World, request: &Delivery, asked: &Mutex<HashMap<u32, u32>>) -> Answer {
    let text = String::from_utf8_lossy(&request.data);
    let number = text.split_once(' ').and_then(|(number, _)| number.parse().ok());
    let Some(number) = number.filter(|&number| project::body(number) == request.data) else {
        world.ledger().wrong.push(format!("{FLAKY} was asked `{text}`"));
        return by_mood(world, 0, Vec::new());
    };
    let mut asked = asked.lock().expect("not poisoned");
    let times = asked.entry(number).or_insert(0);
    *times += 1;
    let error = *times <= errors_at_first(number);
    Answer { error, ..by_mood(world, number, request.data.clone()) }
}
