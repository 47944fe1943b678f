//! The circuit breaker of a route.

use std::time::Duration;

use crate::diagnostic::codes;
use crate::endpoint::settings::parse_duration;
use crate::route::breaker::Breaker;
use crate::route::model::{self, BreakerSetting, Route};

use super::Compiler;

/// More than the attempts of one message by the default ladder: one bad message does not stop a route.
const FAILURES: u32 = 20;
const MOST_FAILURES: u32 = 10_000;
const PAUSE: Duration = Duration::from_secs(30);
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

impl Compiler<'_> {
    /// `None` if the route goes on whatever fails.
    pub(super) fn breaker(&mut self, route: &Route) -> Option<Breaker> {
        let (failures, pause) = match &route.on_error.breaker {
            BreakerSetting::Off => return None,
            BreakerSetting::On(model::Breaker { failures, pause }) => (failures, pause),
        };
        let failures = failures.as_ref().map_or(FAILURES, |written| {
            if !(1..=MOST_FAILURES).contains(&written.value) {
                let message = format!("a breaker cannot open after {} failures", written.value);
                self.error(codes::VALUE_INVALID, &written.span, message, "write a number from 1 to 10000");
            }
            written.value
        });
        let pause = pause.as_ref().map_or(PAUSE, |written| {
            let read = parse_duration(&written.value).filter(|read| (SHORTEST_PAUSE..=LONGEST_PAUSE).contains(read));
            read.unwrap_or_else(|| {
                let message = format!("`{}` is not a pause", written.value);
                self.error(
                    codes::VALUE_INVALID,
                    &written.span,
                    message,
                    "write a duration from 100ms to 10m, as `30s`",
                );
                PAUSE
            })
        });
        Some(Breaker { failures, pause })
    }
}
