//! Delayed retries: a message that failed for the moment waits in a queue of the broker and comes again.
//!
//! It holds no slot meanwhile and survives any restart. There is one wait queue for each delay and source queue,
//! because a broker expires messages from the head of a queue only: a long delay would block a short one. What was
//! tried so far travels in headers, which only count if this route wrote them.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::endpoint::{Address, Delivery};
use crate::message::{Failure, Field, Headers, Message, Text, header_names as names};

use super::dead_letter::{Origin, rfc3339, shorten};
use super::left::mark;
use super::waited;

/// The longest reason that is kept of a past attempt, in bytes.
const PAST_REASON: usize = 160;

/// How often, and when, a transient failure is tried again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ladder {
    /// Attempts at once after each first one.
    pub immediate: u32,
    /// The delays, in order. After the last one the message is dead.
    pub delayed: Vec<Duration>,
}

/// What was tried of a message before this delivery.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tried {
    /// How often it has waited.
    pub waits: u32,
    /// How often the route was run.
    pub attempts: u32,
    /// When the message's own expiration is over.
    pub expires_at: Option<SystemTime>,
    /// How each wait came about.
    pub past: Vec<Past>,
}

/// Why a message had to wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Past {
    /// RFC 3339.
    pub at: String,
    /// What failed, as `timeout`.
    pub kind: String,
    /// One sentence for people.
    pub reason: String,
}

impl Ladder {
    /// The delay before the next attempt of a message that has waited so often; `None` if there is none.
    pub fn delay(&self, waits: u32) -> Option<Duration> {
        self.delayed.get(usize::try_from(waits).ok()?).copied()
    }

    /// Attempts in all.
    pub fn attempts(&self) -> u64 {
        (u64::from(self.immediate) + 1).saturating_mul(self.delayed.len() as u64 + 1)
    }
}

/// The arithmetic: `(1 + 2) × (1 + 3) = 12 attempts over 5m35s`.
impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at_once, waits) = (self.immediate, self.delayed.len());
        if waits == 0 {
            return write!(f, "1 + {at_once} = {} attempts at once", self.attempts());
        }
        let all = self.delayed.iter().sum();
        write!(f, "(1 + {at_once}) × (1 + {waits}) = {} attempts over {}", self.attempts(), spell(all))
    }
}

/// The queue in which messages of a queue wait.
pub fn wait_queue(queue: &str, delay: Duration) -> Text {
    Text::from(format!("{queue}.retry.{}", delay.as_millis()))
}

/// A duration as people write it: `5m35s`.
pub fn spell(duration: Duration) -> String {
    let mut rest = duration.as_millis();
    let mut text = String::new();
    for (unit, millis) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if rest >= millis {
            text.push_str(&format!("{}{unit}", rest / millis));
            rest %= millis;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Undoes [`postpone`]: the delivery as it came first, and what was tried of it.
pub fn resume(mut delivery: Delivery, route: &str) -> (Delivery, Tried) {
    let headers = &mut delivery.message.headers;
    let text = |headers: &Headers, name: &str| headers.get(name).and_then(Field::as_str).map(str::to_owned);
    let number = |headers: &Headers, name: &str| match headers.get(name) {
        Some(Field::I64(number)) => u32::try_from(*number).ok(),
        _ => None,
    };
    let Some(waits) = number(headers, names::WAITS).filter(|_| text(headers, names::ROUTE).as_deref() == Some(route))
    else {
        return (delivery, Tried::default());
    };
    let past = text(headers, names::PAST).and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
    let expires_at = text(headers, names::EXPIRES_AT).and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let tried = Tried {
        waits,
        attempts: number(headers, names::ATTEMPTS).unwrap_or(waits),
        expires_at: expires_at.map(SystemTime::from),
        past,
    };
    if let Some(exchange) = text(headers, names::EXCHANGE) {
        delivery.address.exchange = exchange.into();
    }
    if let Some(key) = text(headers, names::ROUTING_KEY) {
        delivery.address.routing_key = key.into();
    }
    delivery.message.properties.expiration = text(headers, names::EXPIRATION).map(Text::from);
    delivery.message.properties.user_id = text(headers, names::USER_ID).map(Text::from);
    names::restore_copies(headers);
    names::strip_traces(headers);
    (delivery, tried)
}

/// Where a message waits that has failed for the moment, and what it carries meanwhile; `None` if it has waited often
/// enough, or would expire in the meantime.
pub fn postpone(
    original: &Message,
    failure: &Failure,
    tried: &Tried,
    origin: &Origin<'_>,
    ladder: &Ladder,
) -> Option<(Address, Message)> {
    let (delay, expires_at) = due(original, tried, ladder, origin.time)?;
    let past = tried.with(failure, origin.time);
    let tried = Tried { waits: tried.waits.saturating_add(1), attempts: origin.attempts, expires_at, past };
    let mut message = waiting(original, &tried, origin);
    if let Some(left) = &failure.left {
        mark(&mut message.headers, left);
    }
    Some((to_wait(origin.queue, delay), message))
}

/// Where a message waits for a delay of its route, and what it carries meanwhile.
pub fn delayed(
    original: &Message,
    step: &Text,
    delay: Duration,
    tried: &Tried,
    origin: &Origin<'_>,
) -> (Address, Message) {
    (to_wait(origin.queue, delay), again(original, step, tried, origin))
}

/// What a message carries that comes again as it came first, and then passes this step.
pub fn again(original: &Message, step: &Text, tried: &Tried, origin: &Origin<'_>) -> Message {
    let tried = Tried { attempts: origin.attempts, ..tried.clone() };
    let mut message = waiting(original, &tried, origin);
    waited::mark(&mut message.headers, origin.route, step);
    message
}

fn to_wait(queue: &str, delay: Duration) -> Address {
    Address { exchange: Text::new(), routing_key: wait_queue(queue, delay) }
}

/// A message as it waits.
fn waiting(original: &Message, tried: &Tried, origin: &Origin<'_>) -> Message {
    let mut message = original.clone();
    names::strip_traces(&mut message.headers);
    names::set_copies_aside(&mut message.headers);
    message.properties.delivery_mode = Some(2);
    let mut put = |name: &'static str, field: Field| message.headers.insert(Text::borrowed(name), field);
    put(names::ROUTE, Field::text(origin.route));
    put(names::WAITS, Field::I64(tried.waits.into()));
    put(names::ATTEMPTS, Field::I64(tried.attempts.into()));
    put(names::EXCHANGE, Field::text(origin.exchange));
    put(names::ROUTING_KEY, Field::text(origin.routing_key));
    if !tried.past.is_empty()
        && let Ok(json) = serde_json::to_string(&tried.past)
    {
        put(names::PAST, Field::text(json));
    }
    if let Some(end) = tried.expires_at {
        put(names::EXPIRES_AT, Field::text(rfc3339(end)));
    }
    if let Some(expiration) = message.properties.expiration.take() {
        put(names::EXPIRATION, Field::text(expiration.as_str()));
    }
    if let Some(user_id) = message.properties.user_id.take() {
        put(names::USER_ID, Field::text(user_id.as_str()));
    }
    message
}

/// How long a message that has failed for the moment waits in its place, in a route that keeps order, and what was tried
/// of it then; `None` if it has waited often enough, or would expire in the meantime.
pub fn wait_in_place(
    original: &Message,
    failure: &Failure,
    tried: &Tried,
    attempts: u32,
    now: SystemTime,
    ladder: &Ladder,
) -> Option<(Duration, Tried)> {
    let (delay, expires_at) = due(original, tried, ladder, now)?;
    let waits = tried.waits.saturating_add(1);
    Some((delay, Tried { waits, attempts, expires_at, past: tried.with(failure, now) }))
}

/// The next delay, and when the message's own expiration is over.
fn due(original: &Message, tried: &Tried, ladder: &Ladder, now: SystemTime) -> Option<(Duration, Option<SystemTime>)> {
    let delay = ladder.delay(tried.waits)?;
    let lifetime = || original.properties.expiration.as_ref()?.parse().ok().map(Duration::from_millis);
    let expires_at = tried.expires_at.or_else(|| now.checked_add(lifetime()?));
    let in_time = expires_at.is_none_or(|end| now.checked_add(delay).is_some_and(|due| due < end));
    in_time.then_some((delay, expires_at))
}

impl Tried {
    /// The past with this failure at its end.
    fn with(&self, failure: &Failure, at: SystemTime) -> Vec<Past> {
        let reason = shorten(&failure.reason, PAST_REASON);
        let now = Past { at: rfc3339(at), kind: failure.kind.name().to_owned(), reason };
        self.past.iter().cloned().chain([now]).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::endpoint::Tag;
    use crate::message::{Class, Kind, Stage};

    const DELAYED: [Duration; 3] = [Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(300)];

    fn ladder() -> Ladder {
        Ladder { immediate: 2, delayed: DELAYED.into() }
    }

    fn delivery() -> Delivery {
        let mut message = Message { body: "body".into(), ..Message::default() };
        message.properties.delivery_mode = Some(2);
        message.headers.insert("shop".into(), Field::U8(7));
        message.headers.insert("CC".into(), Field::Array(vec![Field::text("audit")]));
        message.properties.user_id = Some("shop".into());
        let address = Address { exchange: "orders".into(), routing_key: "new".into() };
        Delivery { tag: Tag(1), redelivered: false, address, message }
    }

    fn origin(attempts: u32, seconds: u64) -> Origin<'static> {
        let time = UNIX_EPOCH + Duration::from_secs(seconds);
        Origin { route: "a", queue: "in", exchange: "orders", routing_key: "new", attempts, time }
    }

    fn failure() -> Failure {
        Failure::new(Class::Transient, Stage::Process, Kind::Timeout, "no answer ".repeat(40))
    }

    #[test]
    fn the_arithmetic_is_told() {
        assert_eq!(ladder().to_string(), "(1 + 2) × (1 + 3) = 12 attempts over 5m35s");
        assert_eq!(Ladder::default().to_string(), "1 + 0 = 1 attempts at once");
        assert_eq!(spell(Duration::from_millis(3_661_001)), "1h1m1s1ms");
    }

    #[test]
    fn climbs_every_rung_and_comes_back_as_it_was() {
        let first = delivery();
        let (mut now, mut tried) = resume(first.clone(), "a");
        assert_eq!(tried, Tried::default());
        for (waits, rung) in (1_u32..).zip(DELAYED) {
            let (address, waiting) =
                postpone(&now.message, &failure(), &tried, &origin(waits * 3, 60), &ladder()).expect("waits");
            assert_eq!(address.routing_key, format!("in.retry.{}", rung.as_millis()));
            assert_eq!(waiting.properties.user_id, None, "the broker would refuse it");
            let back = Address { exchange: "".into(), routing_key: "in".into() };
            (now, tried) = resume(Delivery { message: waiting, address: back, ..first.clone() }, "a");
            assert_eq!((tried.waits, tried.attempts, tried.past.len()), (waits, waits * 3, waits as usize));
            assert_eq!(
                (&now.message.headers, &now.message.properties),
                (&first.message.headers, &first.message.properties)
            );
            assert_eq!(now.address, first.address);
        }
        assert!(tried.past.iter().all(|past| past.kind == "timeout" && past.reason.len() <= PAST_REASON));
        assert_eq!(postpone(&now.message, &failure(), &tried, &origin(12, 60), &ladder()), None);
    }

    #[test]
    fn counts_only_what_this_route_wrote() {
        let (_, waiting) =
            postpone(&delivery().message, &failure(), &Tried::default(), &origin(3, 0), &ladder()).expect("waits");
        let (_, tried) = resume(Delivery { message: waiting, ..delivery() }, "another");
        assert_eq!(tried, Tried::default());
    }

    #[test]
    fn a_message_that_would_expire_does_not_wait() {
        let mut delivery = delivery();
        delivery.message.properties.expiration = Some("20000".into());
        let (_, waiting) =
            postpone(&delivery.message, &failure(), &Tried::default(), &origin(3, 100), &ladder()).expect("5s fit");
        assert_eq!(waiting.properties.expiration, None, "it would leave the wait queue too early");
        let (again, tried) = resume(Delivery { message: waiting, ..delivery }, "a");
        assert_eq!(again.message.properties.expiration.as_deref(), Some("20000"));
        assert_eq!(tried.expires_at, Some(UNIX_EPOCH + Duration::from_secs(120)));
        assert_eq!(postpone(&again.message, &failure(), &tried, &origin(6, 106), &ladder()), None, "30s do not fit");
    }
}
