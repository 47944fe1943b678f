//! The retries of a route, and the queues in which its messages wait.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::diagnostic::codes;
use crate::diagnostic::yaml::Spanned;
use crate::endpoint::settings::{AmqpSource, parse_duration};
use crate::endpoint::topology::Queue;
use crate::message::{Field, Text};
use crate::route::model::{Route, StepRetry};
use crate::route::retry::{Ladder, wait_queue};

use super::Compiler;
use super::endpoint::{REPEATED_DELIVERY_LIMIT, quorum};

const IMMEDIATE: u32 = 2;
const MOST_IMMEDIATE: u32 = 100;
const DELAYED: [Duration; 3] = [Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(300)];
const MOST_DELAYED: usize = 20;
const LONGEST_DELAY: Duration = Duration::from_secs(7 * 24 * 3600);

impl Compiler<'_> {
    pub(super) fn retries(&mut self, route: &Route) -> Ladder {
        let retry = &route.on_error.retry;
        let immediate = retry.immediate.as_ref().map_or(IMMEDIATE, |written| self.attempts_at_once(written));
        let delayed = match &retry.delayed {
            Some(written) => self.delays(written),
            None if route.reply.is_some() => Vec::new(),
            None => DELAYED.into(),
        };
        Ladder { immediate, delayed }
    }

    /// How often a step is tried again on its own.
    pub(super) fn step_retry(
        &mut self,
        written: Option<&Spanned<StepRetry>>,
        pattern: &'static str,
        id: &str,
    ) -> Option<u32> {
        let written = written?;
        if !matches!(pattern, "call" | "to") {
            let message = format!("a `{pattern}` step sends nothing, so that trying it again does not help");
            let hint = "remove `retry`, or write it beside a `call` or `to`";
            self.error(codes::STEP_SHAPE, &written.span, message, hint);
        }
        if let Some(delayed) = &written.value.delayed {
            let message = "a step cannot wait: delays are the route's";
            let hint = "write them in `on_error: { retry: { delayed: … } }`";
            self.error(codes::STEP_SHAPE, &delayed.span, message, hint);
        }
        let Some(immediate) = &written.value.immediate else {
            if written.value.delayed.is_none() {
                let message = "`retry` does not say how often";
                self.error(codes::STEP_SHAPE, &written.span, message, "write `retry: { immediate: 3 }`");
            }
            return None;
        };
        self.own_retries.insert(id.to_owned());
        Some(self.attempts_at_once(immediate))
    }

    fn attempts_at_once(&mut self, written: &Spanned<u32>) -> u32 {
        if written.value > MOST_IMMEDIATE {
            let message = format!("{} attempts at once are too many", written.value);
            self.error(codes::VALUE_INVALID, &written.span, message, "write a number from 0 to 100");
        }
        written.value
    }

    fn delays(&mut self, written: &Spanned<Vec<Spanned<String>>>) -> Vec<Duration> {
        if written.len() > MOST_DELAYED {
            let message = format!("{} delays are too many", written.len());
            self.error(codes::VALUE_INVALID, &written.span, message, "write at most 20 delays");
        }
        let mut delays = Vec::new();
        for delay in &written.value {
            match parse_duration(&delay.value).filter(|read| !read.is_zero() && *read <= LONGEST_DELAY) {
                Some(read) => delays.push(read),
                None => {
                    let message = format!("`{}` is not a delay", delay.value);
                    let hint = "write digits and a unit, as `500ms`, `30s`, `5m` or `2h`; at most 7 days: `168h`";
                    self.error(codes::VALUE_INVALID, &delay.span, message, hint);
                }
            }
        }
        delays
    }

    /// One queue for each delay. What waits in it goes back to the source queue when its time is over; the broker keeps
    /// it until the source queue has taken it.
    pub(super) fn wait_queues<'d>(&mut self, source: &AmqpSource, delays: impl Iterator<Item = &'d Duration>) {
        for delay in delays {
            let mut arguments: BTreeMap<Text, Field> = quorum(REPEATED_DELIVERY_LIMIT);
            let millis = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
            arguments.insert("x-message-ttl".into(), Field::I64(millis));
            arguments.insert("x-dead-letter-exchange".into(), Field::text(""));
            arguments.insert("x-dead-letter-routing-key".into(), Field::text(source.queue.value.as_str()));
            arguments.insert("x-dead-letter-strategy".into(), Field::text("at-least-once"));
            let queue = Queue { name: wait_queue(&source.queue.value, *delay), arguments, declare: source.declare };
            if !self.topology.queues.contains(&queue) {
                self.topology.queues.push(queue);
            }
        }
    }
}
