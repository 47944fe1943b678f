//! The order that a route keeps, and what goes with it.

use std::time::Duration;

use crate::diagnostic::codes;
use crate::diagnostic::yaml::Spanned;
use crate::endpoint::settings::{AmqpSource, parse_size};
use crate::route::model::Route;
use crate::route::order::Order;
use crate::route::retry::{Ladder, spell};
use crate::transform::Wanted;

use super::{Compiler, DEFAULT_PREFETCH};

/// Half of RabbitMQ's `consumer_timeout`, after which the broker takes an unsettled message away: the other half is for
/// the attempts themselves.
const LONGEST_LADDER: Duration = Duration::from_secs(15 * 60);

/// Whether a route keeps any order.
pub(super) fn is_wanted(route: &Route) -> bool {
    route.ordered.as_ref().is_some_and(|ordered| ordered.value) || route.ordered_by.is_some()
}

impl Compiler<'_> {
    pub(super) fn order(&mut self, route: &Route) -> Option<Order> {
        let strict = route.ordered.as_ref().filter(|ordered| ordered.value);
        match (strict, &route.ordered_by) {
            (None, None) => Some(Order::None),
            (Some(_), None) => Some(Order::Strict),
            (strict, Some(key)) => {
                if strict.is_some() {
                    let message = "`ordered` and `ordered_by` exclude each other";
                    self.error(codes::VALUE_INVALID, &key.span, message, "keep one of them");
                }
                let expression = self.expression_of_document(key, Wanted::Anything)?;
                if expression.is_constant() {
                    let message = "every message has the same key";
                    self.error(codes::VALUE_INVALID, &key.span, message, "write `ordered: true` if that is meant");
                }
                Some(Order::ByKey(Box::new(expression)))
            }
        }
    }

    /// How many messages are taken before the first of them is settled.
    pub(super) fn prefetch(&mut self, route: &Route, source: &AmqpSource) -> u16 {
        let strict = route.ordered.as_ref().is_some_and(|ordered| ordered.value);
        match &source.prefetch {
            Some(written) if strict && written.value != 1 => {
                let message = "a route with `ordered: true` has one message in flight";
                self.error(codes::VALUE_INVALID, &written.span, message, "remove `prefetch`");
                1
            }
            Some(written) => written.value,
            None if strict => 1,
            None => DEFAULT_PREFETCH,
        }
    }

    /// How many bytes of bodies are taken before the first of them is settled, if the route says so.
    pub(super) fn prefetch_bytes(&mut self, source: &AmqpSource) -> Option<usize> {
        let written = source.prefetch_bytes.as_ref()?;
        let read = parse_size(&written.value).filter(|bytes| *bytes > 0);
        if read.is_none() {
            let message = format!("`{}` is not a size", written.value);
            self.error(codes::VALUE_INVALID, &written.span, message, "write digits and a unit, as `512KiB` or `8MiB`");
        }
        read
    }

    /// A message that waits in its place is unsettled meanwhile, which the broker allows for a bounded time.
    pub(super) fn fits_in_place(&mut self, route: &Route, ladder: &Ladder) {
        let all: Duration = ladder.delayed.iter().sum();
        if let Some(Spanned { span, .. }) = &route.on_error.retry.delayed
            && all > LONGEST_LADDER
        {
            let message = format!("in a route that keeps order a message cannot wait {} in its place", spell(all));
            let hint = "shorten the delays to 15m in all: the broker takes a message away that is unsettled for 30m";
            self.error(codes::VALUE_INVALID, span, message, hint);
        }
    }
}
