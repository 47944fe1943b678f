//! What steps that wait ask of their route.

use std::ops::Range;
use std::time::Duration;

use crate::diagnostic::codes;
use crate::diagnostic::yaml::Spanned;
use crate::endpoint::settings::parse_duration;
use crate::route::retry::spell;

use super::Compiler;

/// A message that waits in its place is unsettled meanwhile, which the broker allows for 30 minutes, and a route that ends
/// waits for it.
const LONGEST_HOLD: Duration = Duration::from_secs(10 * 60);

/// What is known of the waits of a route.
#[derive(Debug, Default)]
pub struct Waits {
    /// Whether the route keeps order.
    pub ordered: bool,
    /// Whether a step so far has called somebody.
    pub called: bool,
    /// Whether messages leave at a step, and come again.
    pub again: bool,
    /// The delays for which messages wait in queues.
    pub delays: Vec<Duration>,
    /// The places that messages pass one by one, and how long after each other.
    pub paces: Vec<(Range<usize>, Duration)>,
}

impl Compiler<'_> {
    /// A duration within bounds.
    pub fn duration(&mut self, written: &Spanned<String>, least: Duration, most: Duration) -> Option<Duration> {
        let read = parse_duration(&written.value).filter(|read| (least..=most).contains(read));
        if read.is_none() {
            let message = format!("`{}` is not a duration from {} to {}", written.value, spell(least), spell(most));
            let hint = "write digits and a unit, as `500ms`, `30s`, `5m` or `2h`";
            self.error(codes::VALUE_INVALID, &written.span, message, hint);
        }
        read
    }

    /// Notes that messages wait in a queue at this step, and come again from there.
    pub fn waits_in_queue(&mut self, pattern: &str, delay: Duration, span: &Range<usize>) {
        self.comes_again(pattern, span);
        if self.waits.ordered {
            let message = "a message that waits in a queue loses its place, and the route keeps order";
            self.error(codes::STEP_SHAPE, span, message, "write `hold: true` with at most 10s, or remove the order");
        }
        self.waits.delays.push(delay);
    }

    /// Notes that messages leave the route at this step, and come again as they came first.
    pub fn comes_again(&mut self, pattern: &str, span: &Range<usize>) {
        self.stands_alone(pattern, span);
        if self.waits.called {
            let message = "the message comes again from the queue, and what was called before would be called again";
            self.error(codes::STEP_SHAPE, span, message, format!("put `{pattern}` before the calls"));
        }
        self.waits.again = true;
    }

    /// Notes that messages wait at this step for those before them.
    pub fn resequences(&mut self, span: &Range<usize>) {
        self.comes_again("resequence", span);
        if !self.waits.ordered {
            let message = "the messages come out in order, and this route processes them side by side";
            let hint = "write `ordered_by` with the same key into the route, or `ordered: true`";
            self.error(codes::STEP_SHAPE, span, message, hint);
        }
    }

    /// Notes that messages pass a step no sooner than so long after each other.
    pub fn paced(&mut self, every: Duration, span: &Range<usize>) {
        let span = self.within.span.as_ref().unwrap_or(span).clone();
        self.waits.paces.push((span, every));
    }

    /// Reports it if a message may come here more than once in a run.
    pub fn stands_alone(&mut self, pattern: &str, span: &Range<usize>) {
        if let Some(outer) = self.part {
            let message = format!("`{pattern}` cannot stand among the steps of `{outer}`: a message waits once");
            self.error(codes::STEP_SHAPE, span, message, "put it into the route's own steps, or into a `choice` there");
        }
    }

    /// Whether the last of the messages that are in flight passes in time.
    pub(super) fn fits_pace(&mut self, prefetch: u16) {
        for (span, every) in std::mem::take(&mut self.waits.paces) {
            let last = every.saturating_mul(u32::from(prefetch));
            if last <= LONGEST_HOLD || prefetch == 0 {
                continue;
            }
            let fits = (LONGEST_HOLD.as_nanos() / every.as_nanos().max(1)).max(1);
            let message =
                format!("of {prefetch} messages in flight the last one would wait {}, and may 10m", spell(last));
            let hint = format!("write `prefetch: {fits}` in `from`, or let more messages pass");
            self.error(codes::VALUE_INVALID, &span, message, hint);
        }
    }
}
