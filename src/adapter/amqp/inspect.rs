//! What stands at the broker where routes want something: looked at, and left as it is.
//!
//! Whether something is there, a passive declaration tells. How it was declared, RabbitMQ tells only to who declares it
//! otherwise, and one argument at a time: so what is there already is declared again, first as we want it, then with
//! each difference taken over, until nothing differs any more. What is not there is never declared.

use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection};

use super::Amqp;
use super::declare::exchange_kind;
use super::error::{PATIENCE, classify, is_not_found, refused, words};
use super::mismatch::{self, Mismatch};
use super::table::{short, table_to_lapin};
use crate::endpoint::EndpointError;
use crate::endpoint::topology::{Exchange, Queue, Topology};
use crate::message::Field;

/// What was found.
#[derive(Debug)]
pub struct Inspection {
    /// For each exchange of the topology, in its order.
    pub exchanges: Vec<State>,
    /// For each queue of the topology, in its order.
    pub queues: Vec<State>,
    /// How many channels a connection may have; 0 is any number.
    pub channels: u16,
    /// How many bytes a frame may have, and with it all headers of a message.
    pub frame: usize,
}

/// How an exchange or a queue stands at the broker.
#[derive(Debug)]
pub enum State {
    /// It is not there.
    Missing,
    /// It is there.
    There {
        /// What is not as it was to be declared. Nothing is known of what is only verified to exist.
        differs: Vec<Mismatch>,
        /// How many messages a queue holds.
        messages: u32,
    },
    /// The broker does not let us look, or cannot: in its words.
    Refused(String),
}

/// What the broker said to a declaration.
enum Answer<T> {
    Yes(T),
    NotFound,
    No(String),
}

impl Amqp {
    /// Looks at everything that a topology names, over a connection of its own.
    ///
    /// # Errors
    /// There is no connection, or it was lost.
    pub async fn inspect(&self, topology: &Topology) -> Result<Inspection, EndpointError> {
        let connection = self.connect("doctor").await.map_err(|failed| failed.error)?;
        let (mut exchanges, mut queues) = (Vec::new(), Vec::new());
        for exchange in &topology.exchanges {
            exchanges.push(look_at_exchange(&connection, exchange).await?);
        }
        for queue in &topology.queues {
            queues.push(look_at_queue(&connection, queue).await?);
        }
        let limits = connection.configuration();
        let frame = usize::try_from(limits.frame_max()).unwrap_or(usize::MAX);
        for state in exchanges.iter_mut().chain(&mut queues) {
            if let State::There { differs, .. } = state {
                // The broker's order is another in each version.
                differs.sort_by(|one, other| one.argument.cmp(&other.argument));
            }
        }
        let inspection = Inspection { exchanges, queues, channels: limits.channel_max(), frame };
        // All is known; a close that fails changes nothing.
        let _closed = tokio::time::timeout(PATIENCE, connection.close(200, "done".into())).await;
        Ok(inspection)
    }
}

async fn look_at_exchange(connection: &Connection, exchange: &Exchange) -> Result<State, EndpointError> {
    let what = format!("looking at exchange `{}`", exchange.name);
    let passive = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
    match declare_exchange(connection, &what, exchange, passive).await? {
        Answer::NotFound => return Ok(State::Missing),
        Answer::No(reason) => return Ok(State::Refused(reason)),
        Answer::Yes(()) if !exchange.declare => return Ok(State::There { differs: Vec::new(), messages: 0 }),
        Answer::Yes(()) => {}
    }
    let mut like_it = exchange.clone();
    let mut options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let mut differs = Vec::new();
    loop {
        let Answer::No(reason) = declare_exchange(connection, &what, &like_it, options).await? else { break };
        let Some(next) = next_difference(&reason, &differs) else {
            return Ok(unclear(reason, differs, 0));
        };
        let flag = next.theirs == Some(Field::Bool(true));
        match next.argument.as_str() {
            "type" => like_it.kind = next.theirs.as_ref().and_then(Field::as_str).unwrap_or_default().into(),
            "durable" => options.durable = flag,
            "auto_delete" => options.auto_delete = flag,
            "internal" => options.internal = flag,
            _ => return Ok(State::There { differs: [differs, vec![next]].concat(), messages: 0 }),
        }
        differs.push(next);
    }
    Ok(State::There { differs, messages: 0 })
}

async fn look_at_queue(connection: &Connection, queue: &Queue) -> Result<State, EndpointError> {
    let what = format!("looking at queue `{}`", queue.name);
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let nothing = Queue { arguments: Default::default(), ..queue.clone() };
    let messages = match declare_queue(connection, &what, &nothing, passive).await? {
        Answer::NotFound => return Ok(State::Missing),
        Answer::No(reason) => return Ok(State::Refused(reason)),
        Answer::Yes(messages) if !queue.declare => return Ok(State::There { differs: Vec::new(), messages }),
        Answer::Yes(messages) => messages,
    };
    let mut like_it = queue.clone();
    let mut options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let mut differs = Vec::new();
    loop {
        let Answer::No(reason) = declare_queue(connection, &what, &like_it, options).await? else { break };
        let Some(next) = next_difference(&reason, &differs) else {
            return Ok(unclear(reason, differs, messages));
        };
        let flag = next.theirs == Some(Field::Bool(true));
        match (next.argument.as_str(), &next.theirs) {
            ("durable", _) => options.durable = flag,
            ("auto_delete", _) => options.auto_delete = flag,
            ("exclusive", _) => options.exclusive = flag,
            (argument, Some(theirs)) => drop(like_it.arguments.insert(argument.into(), theirs.clone())),
            (argument, None) => drop(like_it.arguments.remove(argument)),
        }
        differs.push(next);
    }
    Ok(State::There { differs, messages })
}

/// A difference that is not known yet; each argument once, so that looking ends.
fn next_difference(reason: &str, known: &[Mismatch]) -> Option<Mismatch> {
    mismatch::parse(reason).filter(|next| known.iter().all(|one| one.argument != next.argument))
}

/// With what differs taken over, the rest may make no sense to the broker: what is known then is enough.
fn unclear(reason: String, differs: Vec<Mismatch>, messages: u32) -> State {
    if differs.is_empty() { State::Refused(reason) } else { State::There { differs, messages } }
}

async fn declare_exchange(
    connection: &Connection,
    what: &str,
    exchange: &Exchange,
    options: ExchangeDeclareOptions,
) -> Result<Answer<()>, EndpointError> {
    let name = short("exchange", &exchange.name).map_err(refused)?;
    let kind = exchange_kind(&exchange.kind);
    ask(connection, what, async |channel: &Channel| {
        channel.exchange_declare(name, kind, options, FieldTable::default()).await
    })
    .await
}

async fn declare_queue(
    connection: &Connection,
    what: &str,
    queue: &Queue,
    options: QueueDeclareOptions,
) -> Result<Answer<u32>, EndpointError> {
    let name = short("queue", &queue.name).map_err(refused)?;
    let arguments = table_to_lapin(&queue.arguments).map_err(refused)?;
    ask(connection, what, async |channel: &Channel| {
        channel.queue_declare(name, options, arguments).await.map(|queue| queue.message_count())
    })
    .await
}

/// Asks on a channel of its own, which the broker closes if it says no.
async fn ask<T>(
    connection: &Connection,
    what: &str,
    question: impl AsyncFnOnce(&Channel) -> lapin::Result<T>,
) -> Result<Answer<T>, EndpointError> {
    let asked = async {
        let channel = connection.create_channel().await?;
        let answer = question(&channel).await;
        if answer.is_ok() {
            channel.close(200, "done".into()).await?;
        }
        answer
    };
    let silent = |_| EndpointError::Unavailable(format!("{what}: no answer from the broker within {PATIENCE:?}"));
    match tokio::time::timeout(PATIENCE, asked).await.map_err(silent)? {
        Ok(answer) => Ok(Answer::Yes(answer)),
        // A queue whose node is down is not found either, and is there all the same.
        Err(error) if is_not_found(&error) && words(&error).contains("NOT_FOUND - no ") => Ok(Answer::NotFound),
        Err(error) => match classify(what, &error) {
            EndpointError::Refused(_) => Ok(Answer::No(words(&error))),
            lost => Err(lost),
        },
    }
}
