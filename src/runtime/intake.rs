//! How much a route may take: back pressure by count and by bytes, of the route and of the process, and by its circuit
//! breakers. At a bound the source is simply not read any more.

use std::time::Instant;

use super::breaker::{self, Breakers};

/// The bounds of one route.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Messages that the broker has no word of yet.
    pub(super) messages: usize,
    /// Bytes of bodies in flight.
    pub(super) bytes: usize,
}

/// What a route has, as far as its bounds are concerned.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    pub(super) unacknowledged: usize,
    pub(super) in_flight: usize,
    pub(super) bytes: usize,
    /// The size of a body as they come; 0 as long as none has come.
    pub(super) body: usize,
}

/// What a route may take now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Intake {
    /// Messages; none of them if 0.
    pub(super) room: usize,
    /// Whether the bounds of the process are in the way.
    pub(super) process: bool,
    /// Whether a circuit breaker is in the way, until that time if one is known.
    pub(super) breaker: Option<Option<Instant>>,
}

impl Intake {
    /// `left` are the messages and the bytes that the process allows.
    pub(super) fn now(bounds: Bounds, load: Load, left: (usize, usize), breakers: &Breakers) -> Self {
        let (room, process) = room(bounds, load, left);
        match breakers.intake() {
            breaker::Intake::All => Self { room, process, breaker: None },
            breaker::Intake::One => Self { room: room.min(1), process, breaker: Some(None) },
            breaker::Intake::Nothing(until) => Self { room: 0, process, breaker: Some(until) },
        }
    }
}

/// How many messages fit, and whether there is less room in the process than in the route.
fn room(bounds: Bounds, load: Load, (messages, bytes): (usize, usize)) -> (usize, bool) {
    // Of bodies whose size nobody knows yet, one fits for sure.
    let fit = |bytes: usize| if bytes == 0 { 0 } else { bytes.checked_div(load.body).unwrap_or(1).max(1) };
    let own = bounds.messages.saturating_sub(load.unacknowledged).min(fit(bounds.bytes.saturating_sub(load.bytes)));
    let all = messages.min(fit(bytes));
    // Whatever the others hold, a route goes on one by one.
    let room = if load.in_flight == 0 { own.min(all.max(1)) } else { own.min(all) };
    (room, room < own)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { messages: 10, bytes: 1_000 };
    const ALL: (usize, usize) = (usize::MAX, usize::MAX);

    #[test]
    fn the_tightest_bound_decides() {
        let load = Load { unacknowledged: 4, in_flight: 4, bytes: 400, body: 100 };
        assert_eq!(room(BOUNDS, Load::default(), ALL), (1, false));
        assert_eq!(room(BOUNDS, Load { body: 1, ..Load::default() }, ALL), (10, false));
        assert_eq!(room(BOUNDS, load, ALL), (6, false));
        assert_eq!(room(BOUNDS, Load { body: 300, ..load }, ALL), (2, false));
        assert_eq!(room(BOUNDS, Load { bytes: 999, ..load }, ALL), (1, false));
        assert_eq!(room(BOUNDS, Load { bytes: 1_000, ..load }, ALL), (0, false));
        assert_eq!(room(BOUNDS, Load { unacknowledged: 10, ..load }, ALL), (0, false));
        assert_eq!(room(BOUNDS, load, (3, usize::MAX)), (3, true));
        assert_eq!(room(BOUNDS, load, (3, 150)), (1, true));
        assert_eq!(room(BOUNDS, load, (3, 0)), (0, true));
    }

    #[test]
    fn a_route_with_nothing_in_flight_goes_on_whatever_the_others_hold() {
        assert_eq!(room(BOUNDS, Load { body: 100, ..Load::default() }, (0, 0)), (1, true));
        assert_eq!(room(BOUNDS, Load { unacknowledged: 10, ..Load::default() }, (0, 0)), (0, false));
    }
}
