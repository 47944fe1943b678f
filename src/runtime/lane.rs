//! The loop of one route on one session: take, run, settle.
//!
//! Runs that look at bodies become tasks, so that they use all cores; runs that only pass a message on stay in
//! the loop's own task, which saves a hand-over between threads for each message.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use futures_util::future::Either;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::endpoint::{Delivery, EndpointError, Source};

use super::process::{Context, Verdict};
use super::settle::{Ledger, Receipt};
use super::status::State;

/// A run that has ended.
struct Done {
    receipt: Receipt,
    verdict: Verdict,
}

/// Takes messages until told to stop, or until the session fails. What is not settled then comes again.
pub(super) async fn run(
    context: Arc<Context>,
    mut source: Box<dyn Source>,
    stop: &CancellationToken,
    max_bytes: usize,
) -> Result<(), EndpointError> {
    let prefetch = usize::from(context.work.prefetch()).max(1);
    let parses = context.work.parses();
    let metrics = &context.status.metrics;
    let mut pauses = context.status.pauses();
    let mut ledger = Ledger::new(prefetch / 4);
    let mut runs = FuturesUnordered::new();
    let mut done = Vec::new();
    let (mut stopping, mut exhausted) = (false, false);
    while !(exhausted && runs.is_empty()) {
        let paused = pauses.borrow_and_update().0 > 0;
        let room = prefetch.saturating_sub(ledger.unacknowledged());
        let takes = !exhausted && !paused && room > 0 && ledger.bytes() < max_bytes;
        tokio::select! {
            biased;
            ended = finished(&mut runs, &mut done), if !runs.is_empty() => {
                ended?;
                for Done { receipt, verdict } in done.drain(..) {
                    match verdict {
                        Verdict::Settle => ledger.settle(receipt),
                        Verdict::Lost(reason) => return Err(EndpointError::Unavailable(reason)),
                    }
                }
                ledger.flush(&mut *source).await?;
            }
            () = stop.cancelled(), if !stopping => {
                source.stop().await?;
                context.status.set(State::Draining, None);
                stopping = true;
            }
            batch = source.receive(room), if takes => {
                let batch = batch?;
                exhausted = stopping && batch.is_empty();
                metrics.received.increment(batch.len() as u64);
                let taken = Instant::now();
                for delivery in batch {
                    metrics.received_bytes.increment(delivery.message.body.len() as u64);
                    metrics.redelivered.increment(delivery.redelivered.into());
                    let receipt = ledger.admit(&delivery);
                    let run = bring(Arc::clone(&context), receipt, delivery, taken);
                    runs.push(if parses {
                        Either::Left(AbortOnDropHandle::new(tokio::spawn(run)))
                    } else {
                        Either::Right(async { Ok(run.await) })
                    });
                }
            }
            changed = pauses.changed() => {
                if changed.is_err() {
                    return Err(EndpointError::Unavailable("the route's status is gone".to_owned()));
                }
            }
        }
        context.status.set_in_flight(ledger.in_flight(), ledger.bytes());
    }
    ledger.flush_all(&mut *source).await
}

async fn bring(context: Arc<Context>, receipt: Receipt, delivery: Delivery, taken: Instant) -> Done {
    let verdict = context.bring(delivery, taken).await;
    Done { receipt, verdict }
}

/// Waits for at least one run to end, and gathers all that have.
async fn finished<R>(runs: &mut FuturesUnordered<R>, done: &mut Vec<Done>) -> Result<(), EndpointError>
where
    R: Future<Output = Result<Done, JoinError>>,
{
    poll_fn(|cx| {
        while let Poll::Ready(Some(ended)) = runs.poll_next_unpin(cx) {
            match ended {
                Ok(ended) => done.push(ended),
                // Outside of the plan, where panics are caught: the message's fate is unknown.
                Err(error) => {
                    return Poll::Ready(Err(EndpointError::Unavailable(format!("a run was cut off: {error}"))));
                }
            }
        }
        if done.is_empty() { Poll::Pending } else { Poll::Ready(Ok(())) }
    })
    .await
}
