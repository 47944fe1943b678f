//! The loop of one route on one session: take, run, settle.
//!
//! Runs that only pass a message on stay in the loop's own task, which saves a hand-over between threads for each
//! message. Those that look at bodies have tasks of their own, or take turns in the loop's: see [`super::threads`].
//!
//! When a route ends, the broker is told at once, and what it sent ahead is finished. But as soon as the broker knows, it
//! gives the next message to another instance. A route that keeps order therefore finishes first what it has, and does
//! not acknowledge it: when it has all that the broker sends ahead, or nothing comes for a while, nothing can come
//! between its end and the beginning of the other one. If something waits for a retry then, the broker is not told, but
//! the channel is closed: that gives all back in its order, before the other one gets anything.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use futures_util::future::Either;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::task::coop::consume_budget;
use tokio::task::{JoinError, yield_now};
use tokio::time::{sleep, sleep_until, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::endpoint::{Delivery, EndpointError, Source};
use crate::message::Text;

use super::breaker::wait;
use super::budget::{Budget, Share};
use super::intake::{Bounds, Intake};
use super::process::{Context, Taken, Verdict};
use super::settle::{Ledger, Receipt};
use super::status::State;
use super::threads::Places;
use super::turns::Turns;

/// A route that keeps order and gets nothing for so long has nothing on the way to it.
const QUIET: Duration = Duration::from_millis(250);
/// A route that keeps order waits no longer for that.
const LONGEST_HANDOVER: Duration = Duration::from_secs(2);
/// A route that ends acknowledges no more often. A channel that is closed loses the acknowledgements that the broker has
/// not yet handed to the queue, and it hands over only a few ahead of what the queue has recorded.
const ACKNOWLEDGE_EVERY: Duration = Duration::from_millis(250);
/// A route that has more to wait for acknowledges no more often. The broker sends the next messages when it hears of the
/// last ones: few words make few bursts, and each burst goes through all threads at once.
const PACE: Duration = Duration::from_millis(1);
/// So many runs that look at bodies begin one after the other; then others have their turn, and what these have sent is
/// published.
const TURN: usize = 32;
/// That many words reach the queue at once.
const FEW: usize = 16;

/// A message whose run may begin, or waits for its turn.
struct Ready {
    receipt: Receipt,
    key: Option<Text>,
    taken: Taken,
}

/// A run that has ended.
struct Done {
    receipt: Receipt,
    key: Option<Text>,
    verdict: Verdict,
}

/// How far a route has come with its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// Not at all.
    No,
    /// It finishes what it has, since then, before the broker is told.
    Asked(Instant),
    /// The broker was told.
    Told,
}

/// Takes messages until told to stop, or until the session fails. What is not settled then comes again. Gives how many
/// messages were left to the broker.
pub(super) async fn run(
    context: Arc<Context>,
    mut source: Box<dyn Source>,
    bounds: Bounds,
    budget: &Arc<Budget>,
    places: &Places,
) -> Result<usize, EndpointError> {
    let (parses, ordered) = (context.work.parses(), context.work.ordered());
    let turn = if parses && places.takes_turns() { TURN } else { usize::MAX };
    let mut pauses = context.status.pauses();
    let breakers = &context.status.breakers;
    let mut circuits = breakers.changes();
    let mut freed = budget.freed();
    let mut ledger = Ledger::new(bounds.messages / 4, Share::of(budget));
    let mut turns = Turns::default();
    let mut runs = FuturesUnordered::new();
    let (mut ready, mut done) = (Vec::<Ready>::new(), Vec::new());
    let (mut stop, mut exhausted) = (Stop::No, false);
    let (mut acknowledge_at, mut words) = (Instant::now(), 0);
    loop {
        // A source that always has something would leave no turn to the other routes of this thread.
        consume_budget().await;
        for ready in ready.drain(..ready.len().min(turn)) {
            let thread = if parses { places.for_body(ready.taken.size()) } else { None };
            let run = bring(Arc::clone(&context), ready);
            runs.push(match thread {
                Some(thread) => Either::Left(AbortOnDropHandle::new(thread.spawn(run))),
                None => Either::Right(async { Ok(run.await) }),
            });
        }
        if exhausted && runs.is_empty() {
            break;
        }
        let (told, asked) = (stop == Stop::Told, matches!(stop, Stop::Asked(_)));
        if ledger.is_due() && !asked {
            let now = Instant::now();
            if acknowledge_at <= now || !told && ledger.in_flight() == 0 {
                words = ledger.flush(&mut *source).await?;
                acknowledge_at = now + if told { ACKNOWLEDGE_EVERY } else { PACE };
            }
        }
        let paused = pauses.borrow_and_update().0 > 0;
        freed.mark_unchanged();
        circuits.mark_unchanged();
        let Intake { room, process, breaker } = Intake::now(bounds, ledger.load(), ledger.left(), breakers);
        if let Stop::Asked(since) = stop
            && runs.is_empty()
        {
            if room > 0
                && since.elapsed() < LONGEST_HANDOVER
                && let Ok(batch) = timeout(QUIET, source.receive(room)).await
            {
                admit(&context, batch?, &mut ledger, &mut turns, &mut ready);
                continue;
            }
            if ledger.in_flight() > 0 {
                break;
            }
            source.stop().await?;
            stop = Stop::Told;
            continue;
        }
        // After the end there is room for all that was sent ahead, for nothing more is to come.
        let rest = stop == Stop::Told && runs.is_empty();
        let takes = ready.is_empty() && !exhausted && (rest || !paused && room > 0);
        tokio::select! {
            biased;
            ended = finished(&mut runs, &mut done), if !runs.is_empty() => {
                ended?;
                if parses {
                    // Confirms come by the dozen, and the first task that one of them wakes wakes this one: when the
                    // others have had their turn, all are acknowledged in one frame.
                    yield_now().await;
                    poll_fn(|cx| Poll::Ready(gather(&mut runs, &mut done, cx))).await?;
                }
                for Done { receipt, key, verdict } in done.drain(..) {
                    match verdict {
                        Verdict::Settle => ledger.settle(receipt),
                        Verdict::Lost(reason) => return Err(EndpointError::Unavailable(reason)),
                        Verdict::Kept => {
                            key.into_iter().for_each(|key| turns.close(key));
                            continue;
                        }
                    }
                    ready.extend(key.and_then(|key| turns.next(&key)));
                }
            }
            () = context.stop.cancelled(), if stop == Stop::No => {
                context.status.set(State::Draining, None);
                stop = Stop::Asked(Instant::now());
                if !ordered {
                    source.stop().await?;
                    stop = Stop::Told;
                }
            }
            batch = source.receive(room.max(1)), if takes => {
                let batch = batch?;
                exhausted = stop == Stop::Told && batch.is_empty();
                let trial = breakers.try_trial();
                admit(&context, batch, &mut ledger, &mut turns, &mut ready);
                if let Some(first) = ready.first_mut() {
                    first.taken.trial = trial;
                }
            }
            () = yield_now(), if !ready.is_empty() => {}
            () = sleep_until(acknowledge_at.into()), if ledger.is_due() && !asked => {}
            _changed = freed.changed(), if process => {}
            () = wait(&mut circuits, breaker.flatten()), if breaker.is_some() => {}
            changed = pauses.changed() => {
                if changed.is_err() {
                    return Err(EndpointError::Unavailable("the route's status is gone".to_owned()));
                }
            }
        }
        context.status.set_in_flight(ledger.in_flight(), ledger.bytes());
    }
    // Before the last words there is room for them, and the channel is closed when they have arrived.
    if words > FEW {
        sleep(ACKNOWLEDGE_EVERY).await;
    }
    if ledger.flush_all(&mut *source, ordered).await? > FEW {
        // Those that the channel did not hand over at once leave it together.
        sleep(2 * ACKNOWLEDGE_EVERY).await;
    }
    if ledger.in_flight() > 0 {
        source.close().await?;
    }
    Ok(ledger.in_flight())
}

/// Takes deliveries in; those whose turn it is are ready.
fn admit(
    context: &Context,
    batch: Vec<Delivery>,
    ledger: &mut Ledger,
    turns: &mut Turns<Ready>,
    ready: &mut Vec<Ready>,
) {
    let metrics = &context.status.metrics;
    metrics.received.increment(batch.len() as u64);
    let at = Instant::now();
    for delivery in batch {
        metrics.received_bytes.increment(delivery.message.body.len() as u64);
        metrics.redelivered.increment(delivery.redelivered.into());
        let receipt = ledger.admit(&delivery);
        let (key, taken) = context.take(delivery, at);
        let next = Ready { receipt, key, taken };
        ready.extend(match next.key.clone() {
            Some(key) => turns.admit(&key, next),
            None => Some(next),
        });
    }
}

#[expect(clippy::manual_async_fn, reason = "a function that is async by itself holds its arguments twice")]
fn bring(context: Arc<Context>, mut ready: Ready) -> impl Future<Output = Done> {
    async move {
        let verdict = context.bring(&mut ready.taken).await;
        Done { receipt: ready.receipt, key: ready.key, verdict }
    }
}

/// Waits for at least one run to end, and gathers all that have.
async fn finished<R>(runs: &mut FuturesUnordered<R>, done: &mut Vec<Done>) -> Result<(), EndpointError>
where
    R: Future<Output = Result<Done, JoinError>>,
{
    poll_fn(|cx| {
        let gathered = gather(runs, done, cx);
        if gathered.is_ok() && done.is_empty() { Poll::Pending } else { Poll::Ready(gathered) }
    })
    .await
}

/// Gathers the runs that have ended.
fn gather<R>(
    runs: &mut FuturesUnordered<R>,
    done: &mut Vec<Done>,
    cx: &mut task::Context<'_>,
) -> Result<(), EndpointError>
where
    R: Future<Output = Result<Done, JoinError>>,
{
    while let Poll::Ready(Some(ended)) = runs.poll_next_unpin(cx) {
        // Outside of the plan, where panics are caught: the message's fate is unknown.
        let lost = |error| EndpointError::Unavailable(format!("a run was cut off: {error}"));
        done.push(ended.map_err(lost)?);
    }
    Ok(())
}
