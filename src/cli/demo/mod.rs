//! `trunkline demo`: the shipped example at work between simulated participants.
//!
//! The participants are clients of the same broker as the bus and know nothing of it: what is shown as received is
//! what they received, and what is shown as dead-lettered lies in a dead-letter queue.

mod example;
mod ledger;
mod participants;
mod screen;
mod script;

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::config::settings::Broker;
use crate::config::{Environment, Project, Settings};
use crate::endpoint::{Adapter, EndpointError, Session};
use crate::message::Text;
use crate::runtime::Bus;

use super::{End, output, reload, run};
use ledger::Ledger;
use participants::{INBOXES, Seen, Who};
use screen::Screen;

/// Nothing in the demonstration may take longer than this after the last message was sent.
const PATIENCE: Duration = Duration::from_secs(30);
/// One message each, so that people can follow.
const PACE: Duration = Duration::from_millis(10);

pub(super) fn run(folder: &Path, embedded: bool, count: usize) -> End {
    let mut settings = match Settings::load(folder, &Environment::of_process()) {
        Ok(settings) => settings,
        Err(wrong) => {
            output::diagnostics(&wrong);
            return output::misuse("the settings are not valid", None);
        }
    };
    if embedded {
        settings.broker = Broker::Embedded;
    }
    let project = Project::compile(settings, &example::sources(), Vec::new());
    if let Some(end) = output::refuse_broken(&project) {
        return end;
    }
    let threads = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(threads) => threads,
        Err(error) => return output::misuse(&format!("the process cannot be set up: {error}"), None),
    };
    let adapter = match threads.block_on(async { reload::adapter(folder, &project.settings) }) {
        Ok(adapter) => adapter,
        Err(error) => return output::misuse(&error.to_string(), None),
    };
    match threads.block_on(show(project, adapter, count)) {
        Ok(true) => End::Good,
        Ok(false) => End::Invalid,
        Err(error) => output::misuse(
            &format!("the broker: {error}"),
            Some("start RabbitMQ and name it with TRUNKLINE__BROKER__URL, or use `--embedded`"),
        ),
    }
}

async fn show(project: Project, adapter: Arc<dyn Adapter>, count: usize) -> Result<bool, EndpointError> {
    let mut screen = Screen::new();
    screen.title(&format!(
        "the example integration on the broker `{}`: {} routes",
        adapter.name(),
        project.plans.len()
    ));
    let session = adapter.open().await?;
    session.declare(&participants::topology()).await?;
    let dead_letter_queues: Vec<Text> =
        project.plans.iter().map(|plan| plan.dead_letter_address().routing_key).collect();
    let bus = Bus::start(project.plans, adapter, run::bounds(&project.settings));
    let shown = tokio::time::timeout(PATIENCE, bus.ready()).await;
    if shown.is_err() {
        return Err(EndpointError::Unavailable(format!("the routes were not up within {PATIENCE:?}")));
    }
    let result = exchange(session.as_ref(), dead_letter_queues, count, &mut screen).await;
    bus.shutdown().await;
    session.close().await;
    let ledger = result?;
    screen.summary(&ledger);
    Ok(ledger.is_balanced())
}

/// Sends everything and waits until everything has arrived where it belongs.
async fn exchange(
    session: &dyn Session,
    dead_letter_queues: Vec<Text>,
    count: usize,
    screen: &mut Screen,
) -> Result<Ledger, EndpointError> {
    let (seen, mut sights) = mpsc::channel::<Seen>(1024);
    let inboxes = INBOXES.iter().map(|(queue, _, _, who)| (Text::borrowed(queue), *who));
    let dead = dead_letter_queues.into_iter().map(|queue| (queue, Who::DeadLetters));
    let attending = inboxes.chain(dead).map(|(queue, who)| participants::attend(session, queue, who, seen.clone()));
    let mut attending = pin!(try_join_all(attending));
    let mut answers = session.replies().await?;
    let answer_to = Text::from(answers.address());
    let sink = session.sink().await?;
    let mut pace = tokio::time::interval(PACE);
    let run = uuid::Uuid::now_v7().simple().to_string();
    let mut ledger = Ledger::default();
    let mut number = 0;
    let mut deadline = Instant::now() + PATIENCE;
    while number < count || !ledger.is_settled() {
        tokio::select! {
            _ = pace.tick(), if number < count => {
                let sending = script::sending(&run, number, &answer_to);
                let sent = sink.send(&sending.to, sending.message.clone()).await;
                sent.map_err(|error| EndpointError::Unavailable(error.to_string()))?;
                screen.sent(&sending);
                ledger.sent(sending);
                number += 1;
                deadline = Instant::now() + PATIENCE;
            }
            answer = answers.receive() => {
                let seen = Seen { who: Who::Chat, queue: Text::borrowed("(answer)"), message: answer? };
                screen.seen(&seen);
                ledger.saw(&seen);
            }
            Some(seen) = sights.recv() => {
                screen.seen(&seen);
                ledger.saw(&seen);
            }
            ended = &mut attending => return Err(ended.err().unwrap_or_else(gone)),
            () = tokio::time::sleep_until(deadline) => break,
        }
    }
    Ok(ledger)
}

fn gone() -> EndpointError {
    EndpointError::Unavailable("the participants have gone".to_owned())
}
