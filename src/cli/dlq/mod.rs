//! `trunkline dlq`: the dead letters of a route at RabbitMQ, listed or put back into its queue.

mod letter;

use std::path::Path;
use std::time::Duration;

use crate::adapter::amqp::{Amqp, Standing};
use crate::config::settings::Broker;
use crate::config::{Environment, Project};
use crate::endpoint::topology::{Queue, Topology};
use crate::endpoint::{Adapter, Address, Delivery, EndpointError, SendError, Settlement, Source};
use crate::message::Text;
use crate::route::Plan;

use super::{End, Style, output, visit};
use letter::Letter;

/// How long nothing comes of what was there a moment ago, until somebody else must have taken it.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often the queue is looked at until it has back what was not taken.
const LOOK: Duration = Duration::from_millis(50);
/// Dead letters that are under way at a time.
const BATCH: usize = 100;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List dead letters with the reason of each, the oldest first. They stay where they are.
    List {
        #[command(flatten)]
        which: Which,
        /// How they are written; `json` is a line for each.
        #[arg(long, value_enum, default_value_t = Style::Human)]
        format: Style,
    },
    /// Put dead letters back into the route's queue: a letter is removed when the broker has confirmed the message.
    ///
    /// What fails again becomes a dead letter again, and is not put back a second time by the same call. If the program
    /// is ended in the middle of it, a message may be in both queues.
    Replay {
        #[command(flatten)]
        which: Which,
    },
}

/// Which dead letters.
#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// The route, as `chat/order-status`.
    route: String,
    /// Only what failed so, as `contract` or `timeout`.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only what failed in this step.
    #[arg(long, value_name = "ID")]
    step: Option<String>,
    /// Only the message with this `message_id`.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Look at no more than so many dead letters, from the oldest on.
    #[arg(long, value_name = "NUMBER", default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
}

/// Why it came to no end.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("a certificate cannot be read: {0}")]
    Certificate(#[from] std::io::Error),
    #[error(transparent)]
    Uri(#[from] crate::adapter::amqp::UriError),
    #[error(transparent)]
    Broker(#[from] EndpointError),
    #[error("there is no queue `{0}`; the bus declares it when it starts")]
    NoQueue(Text),
    #[error("the queue `{0}` cannot be read: {1}")]
    Refused(Text, String),
    #[error(
        "after {0} messages that are back: {1}; what was not confirmed stays a dead letter, and may be in the queue, too"
    )]
    Send(usize, SendError),
}

/// How many there were, were looked at, and were meant.
struct Count {
    there: usize,
    seen: usize,
    meant: usize,
}

pub(super) fn run(dir: &Path, command: &Command) -> End {
    let (Command::List { which, .. } | Command::Replay { which }) = command;
    let project = Project::load(dir, &Environment::of_process());
    let Some(plan) = project.plans.iter().find(|plan| plan.name() == which.route) else {
        return output::no_route(&project, &which.route);
    };
    let Broker::Amqp(connection) = &project.settings.broker else {
        let hint = "name a RabbitMQ by `broker.url`, or by TRUNKLINE__BROKER__URL";
        return output::misuse("the broker is `embedded`: its dead letters end with its process", Some(hint));
    };
    let done = visit::at_broker(async {
        let amqp = Amqp::new(connection.adapter(dir)?)?;
        work(&amqp, plan, which, command).await
    });
    match done {
        Ok(Ok(Count { there, seen, meant })) => {
            let verb = if matches!(command, Command::List { .. }) { "listed" } else { "put back" };
            let looked = if seen < there { format!(", of which {seen} were looked at") } else { String::new() };
            output::say(&format!("{verb} {meant} of {}{looked}", output::count(there, "dead letter")));
            End::Good
        }
        Ok(Err(error)) => output::misuse(&error.to_string(), None),
        Err(end) => end,
    }
}

async fn work(amqp: &Amqp, plan: &Plan, which: &Which, command: &Command) -> Result<Count, Error> {
    let dead = plan.dead_letter_address().routing_key;
    let there = waiting(amqp, &dead).await?;
    let mut count = Count { there, seen: 0, meant: 0 };
    // What is not meant stays unsettled until the end, so that nothing comes twice; what fails again comes behind it.
    let most = there.min(usize::from(which.limit));
    let session = amqp.open().await?;
    let mut source = session.source(&dead, which.limit).await?;
    let sink = session.sink().await?;
    let to = Address { exchange: Text::new(), routing_key: plan.queue().clone() };
    while count.seen < most {
        let received = tokio::time::timeout(PATIENCE, source.receive(BATCH.min(most - count.seen))).await;
        let Ok(batch) = received else { break };
        let batch = batch?;
        if batch.is_empty() {
            break;
        }
        count.seen += batch.len();
        let meant: Vec<Delivery> = batch.into_iter().filter(|one| which.means(&Letter::of(&one.message))).collect();
        match command {
            Command::List { format, .. } => {
                meant.iter().for_each(|one| tell(&Letter::of(&one.message), *format));
                count.meant += meant.len();
            }
            Command::Replay { .. } => {
                let sent: Vec<_> = meant.iter().map(|one| sink.send(&to, one.message.clone())).collect();
                for (one, sent) in meant.iter().zip(sent) {
                    sent.await.map_err(|error| Error::Send(count.meant, error))?;
                    settle(source.as_mut(), one).await?;
                    tell(&Letter::of(&one.message), Style::Human);
                    count.meant += 1;
                }
            }
        }
    }
    source.close().await?;
    session.close().await;
    let left = if matches!(command, Command::List { .. }) { there } else { there.saturating_sub(count.meant) };
    are_back(amqp, &dead, left).await?;
    Ok(count)
}

/// Waits until the queue has what was only looked at, so that whoever counts next does not miss it; not for ever, since
/// others may take from it, too.
async fn are_back(amqp: &Amqp, queue: &Text, left: usize) -> Result<(), Error> {
    let looking = async {
        while waiting(amqp, queue).await? < left {
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or(Ok(()))
}

async fn settle(source: &mut dyn Source, delivery: &Delivery) -> Result<(), EndpointError> {
    source.settle(Settlement::Ack(delivery.tag)).await
}

/// How many messages a queue holds.
async fn waiting(amqp: &Amqp, queue: &Text) -> Result<usize, Error> {
    let only = Queue { name: queue.clone(), arguments: Default::default(), declare: false };
    let found = amqp.inspect(&Topology { queues: vec![only], ..Topology::default() }).await?;
    match found.queues.into_iter().next() {
        Some(Standing::There { messages, .. }) => Ok(usize::try_from(messages).unwrap_or(usize::MAX)),
        Some(Standing::Refused(reason)) => Err(Error::Refused(queue.clone(), reason)),
        Some(Standing::Missing) | None => Err(Error::NoQueue(queue.clone())),
    }
}

fn tell(letter: &Letter<'_>, style: Style) {
    let text = match style {
        Style::Human => letter.to_string(),
        Style::Json => serde_json::to_string(letter).unwrap_or_default(),
    };
    output::data(&(text + "\n"));
}

impl Which {
    fn means(&self, letter: &Letter<'_>) -> bool {
        let fits = |wanted: &Option<String>, found: Option<&str>| wanted.is_none() || wanted.as_deref() == found;
        fits(&self.kind, letter.kind) && fits(&self.step, letter.step) && fits(&self.id, letter.message_id)
    }
}
