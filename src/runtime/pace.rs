//! The places of a route that messages pass one by one, so long after each other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync;

/// When the next message may pass each place; the places are steps, so that they are few.
#[derive(Default)]
pub(super) struct Pace {
    places: Mutex<BTreeMap<String, Place>>,
}

/// How late a timer may wake without the pace getting slower by it.
const SLACK: Duration = Duration::from_millis(2);

/// Whoever waits holds the lock, which is given on in the order of asking; whoever gives up leaves no trace.
type Place = Arc<sync::Mutex<Option<Instant>>>;

impl Pace {
    /// Resolves when the next message may pass.
    pub(super) async fn pass(&self, step: &str, every: Duration) {
        let place = {
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            match places.get(step) {
                Some(place) => Arc::clone(place),
                None => Arc::clone(places.entry(step.to_owned()).or_default()),
            }
        };
        let mut due = place.lock().await;
        if let Some(at) = *due {
            tokio::time::sleep_until(at.into()).await;
        }
        *due = next(*due, Instant::now(), every);
    }
}

/// When the next one may pass if one has passed now. What came late is not made up for, but for what timers are late.
fn next(due: Option<Instant>, now: Instant, every: Duration) -> Option<Instant> {
    let earliest = now.checked_sub(SLACK).unwrap_or(now);
    due.map_or(now, |due| due.max(earliest)).checked_add(every)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;

    #[test]
    fn what_came_late_is_not_made_up_for() {
        let (now, second) = (Instant::now() + Duration::from_secs(60), Duration::from_secs(1));
        let after = |due: Option<Instant>| next(due, now, second).expect("no overflow").duration_since(now);
        assert_eq!(after(None), second);
        assert_eq!(after(Some(now)), second);
        assert_eq!(after(Some(now - Duration::from_millis(1))), Duration::from_millis(999));
        assert_eq!(after(Some(now - Duration::from_secs(30))), second - SLACK);
    }

    #[tokio::test]
    async fn messages_pass_in_turn_and_each_place_counts_by_itself() {
        let (pace, every) = (Pace::default(), Duration::from_millis(20));
        let began = Instant::now();
        pace.pass("one", Duration::from_secs(3600)).await;
        let waits = pace.pass("one", every);
        assert!(tokio::time::timeout(Duration::from_millis(1), waits).await.is_err(), "it is not its turn");
        let passed = Mutex::new(Vec::new());
        join_all((0..5).map(|number| {
            let (pace, passed) = (&pace, &passed);
            async move {
                pace.pass("two", every).await;
                passed.lock().expect("is whole").push(number);
            }
        }))
        .await;
        assert_eq!(*passed.lock().expect("is whole"), [0, 1, 2, 3, 4]);
        assert!(began.elapsed() >= (every - SLACK) * 4);
    }
}
