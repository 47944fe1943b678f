//! How long to wait before the next attempt: doubling, capped, with jitter.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

/// The delays of one row of failed attempts: 0.1 s to 10 s, each up to a third shorter by chance, so that many
/// who failed together do not come back together.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failed: u32,
}

impl Backoff {
    /// The delay after one more failed attempt.
    pub(super) fn next(&mut self) -> Duration {
        let doubled = FIRST.saturating_mul(1u32.checked_shl(self.failed.min(16)).unwrap_or(u32::MAX));
        self.failed = self.failed.saturating_add(1);
        doubled.min(LONGEST).mul_f64(1.0 - fastrand::f64() / 3.0)
    }

    /// The delay after a refusal, which only a person can end.
    pub(super) fn slow(&mut self) -> Duration {
        LONGEST.mul_f64(1.0 - fastrand::f64() / 3.0)
    }

    /// Begins anew.
    pub(super) fn reset(&mut self) {
        self.failed = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_to_its_cap_and_begins_anew() {
        let mut backoff = Backoff::default();
        let first = backoff.next();
        assert!(first <= FIRST && first >= FIRST / 2, "{first:?}");
        let last = std::iter::repeat_with(|| backoff.next()).take(1_000).last().unwrap();
        assert!(last <= LONGEST && last >= LONGEST / 2, "{last:?}");
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }
}
