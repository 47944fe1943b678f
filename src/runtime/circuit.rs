//! The states of a circuit breaker, without a clock: closed, open until a time, and then half open.

use std::time::{Duration, Instant};

/// One endpoint's failures in a row.
#[derive(Debug, Default)]
pub(super) struct Circuit {
    failures: u32,
    open_until: Option<Instant>,
    /// The last failure.
    pub(super) reason: String,
}

/// What an observation changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing that anybody waits for.
    None,
    /// It is open from now on.
    Opened,
    /// The message that was tried failed: it is open for another pause.
    Reopened,
    /// It is closed again.
    Closed,
}

impl Circuit {
    pub(super) fn succeeded(&mut self) -> Change {
        self.failures = 0;
        if self.open_until.take().is_some() { Change::Closed } else { Change::None }
    }

    pub(super) fn failed(&mut self, now: Instant, most: u32, pause: Duration, reason: &str) -> Change {
        self.failures = self.failures.saturating_add(1);
        reason.clone_into(&mut self.reason);
        let change = match self.open_until {
            None if self.failures >= most => Change::Opened,
            Some(until) if until <= now => Change::Reopened,
            // One that was under way already when it opened tells nothing new.
            _ => return Change::None,
        };
        self.open_until = Some(now + pause);
        change
    }

    /// Whether it has failed since its last success.
    pub(super) fn is_troubled(&self) -> bool {
        self.failures > 0
    }

    /// Until when nothing passes; in the past if it is half open, `None` if it is closed.
    pub(super) fn open_until(&self) -> Option<Instant> {
        self.open_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(30);

    #[test]
    fn opens_after_failures_in_a_row_and_closes_with_a_success() {
        let start = Instant::now();
        let mut circuit = Circuit::default();
        let fail = |circuit: &mut Circuit, after: u64| {
            circuit.failed(start + Duration::from_secs(after), 3, PAUSE, "no answer")
        };
        assert_eq!([fail(&mut circuit, 0), fail(&mut circuit, 0)], [Change::None; 2]);
        assert_eq!(circuit.succeeded(), Change::None);
        assert_eq!([fail(&mut circuit, 1), fail(&mut circuit, 1)], [Change::None; 2], "the count began anew");
        assert_eq!(fail(&mut circuit, 1), Change::Opened);
        assert_eq!(circuit.open_until(), Some(start + Duration::from_secs(31)));
        assert_eq!(fail(&mut circuit, 2), Change::None, "was under way");
        assert_eq!(circuit.open_until(), Some(start + Duration::from_secs(31)), "which does not prolong the pause");
        assert_eq!(fail(&mut circuit, 31), Change::Reopened);
        assert_eq!(circuit.open_until(), Some(start + Duration::from_secs(61)));
        assert_eq!(circuit.succeeded(), Change::Closed);
        assert_eq!((circuit.open_until(), circuit.is_troubled()), (None, false));
    }
}
