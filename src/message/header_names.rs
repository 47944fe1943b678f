//! Every header that the bus itself writes or reads.

use super::{Headers, Text};

/// What all of our headers begin with.
pub const PREFIX: &str = "trunkline-";

/// Set by a participant on its answer: the answer is an error, and this is its text.
pub const ERROR: &str = "trunkline-error";

/// `transient` or `permanent`.
pub const FAILURE_CLASS: &str = "trunkline-failure-class";
/// `receive`, `process` or `send`.
pub const FAILURE_STAGE: &str = "trunkline-failure-stage";
/// What failed, as `contract` or `timeout`.
pub const FAILURE_TYPE: &str = "trunkline-failure-type";
/// The step's id.
pub const FAILURE_STEP: &str = "trunkline-failure-step";
/// The path in the document.
pub const FAILURE_PATH: &str = "trunkline-failure-path";
/// One sentence for people.
pub const FAILURE_REASON: &str = "trunkline-failure-reason";
/// The broken rules, as a JSON array of violations.
pub const FAILURE_VIOLATIONS: &str = "trunkline-failure-violations";
/// When it failed, RFC 3339.
pub const FAILED_AT: &str = "trunkline-failed-at";
/// How often the route was run.
pub const ATTEMPTS: &str = "trunkline-attempts";
/// How often the message has waited for a delayed retry; only on messages that wait.
pub const WAITS: &str = "trunkline-waits";
/// Why it had to wait each time, as a JSON array of `at`, `kind` and `reason`.
pub const PAST: &str = "trunkline-past-failures";
/// When the message's own `expiration` is over, RFC 3339; only on messages that wait.
pub const EXPIRES_AT: &str = "trunkline-expires-at";
/// The route's name.
pub const ROUTE: &str = "trunkline-route";
/// The queue from which the message was taken.
pub const QUEUE: &str = "trunkline-original-queue";
/// The exchange to which the message was published.
pub const EXCHANGE: &str = "trunkline-original-exchange";
/// The routing key with which the message was published.
pub const ROUTING_KEY: &str = "trunkline-original-routing-key";
/// The property `expiration` of the message, which would remove it from a dead-letter queue.
pub const EXPIRATION: &str = "trunkline-original-expiration";
/// The property `user_id` of the message, which a broker accepts from that user only.
pub const USER_ID: &str = "trunkline-original-user-id";
/// The header `CC` of the message, which would send whatever the bus sends to further routing keys.
pub const COPIES: &str = "trunkline-original-cc";
/// The name of the body in the store, where a message travels without it: its SHA-256 in hexadecimal digits.
pub const CLAIM: &str = "trunkline-claim";
/// How many bytes that body has.
pub const CLAIM_BYTES: &str = "trunkline-claim-bytes";
/// Until when that body is in the store at least, RFC 3339.
pub const CLAIM_UNTIL: &str = "trunkline-claim-until";
/// The route, and behind `#` its step, whose complete group a message is. The route goes on behind that step.
pub const AGGREGATE: &str = "trunkline-aggregate";
/// What made the group complete: `count`, `condition` or `timeout`.
pub const AGGREGATE_BY: &str = "trunkline-aggregate-by";
/// The route, and behind `#` its step, for which a message tells, in time, that the time of a group is over.
pub const AGGREGATE_TIMER: &str = "trunkline-aggregate-timer";
/// How many numbers right before the message's own were given up by the step that put it in order.
pub const RESEQUENCE_MISSING: &str = "trunkline-resequence-missing";
/// The route, and behind `#` its step, for which a message tells, in time, that another one has waited long enough.
pub const RESEQUENCE_TIMER: &str = "trunkline-resequence-timer";
/// Names of headers that had to go, because all together did not fit into one frame.
pub const DROPPED: &str = "trunkline-dropped-headers";
/// Which parts of the message are left to do, as JSON: of a message that waits, or is dead, because some of its parts
/// failed and the others are done.
pub const PARTS_LEFT: &str = "trunkline-parts-left";
/// The position of a part among the parts of its message, from 1.
pub const PART_POSITION: &str = "trunkline-part-position";
/// How many parts the message has.
pub const PART_COUNT: &str = "trunkline-part-count";
/// The id of the message that it is a part of.
pub const PART_OF: &str = "trunkline-part-of";
/// Which routes the message has passed, and when: a list of texts as `2026-11-20T10:15:30.000Z shop/new-order`.
pub const HISTORY: &str = "trunkline-history";

/// Which steps of its route a message has waited for, as JSON.
pub const WAITED: &str = "trunkline-waited";

/// What of ours is a part of its message: it would be another one without it.
const KEPT: [&str; 14] = [
    CLAIM,
    CLAIM_BYTES,
    CLAIM_UNTIL,
    HISTORY,
    PARTS_LEFT,
    PART_POSITION,
    PART_COUNT,
    PART_OF,
    WAITED,
    AGGREGATE,
    AGGREGATE_BY,
    AGGREGATE_TIMER,
    RESEQUENCE_MISSING,
    RESEQUENCE_TIMER,
];

/// Whether a header is the broker's own: a trace of its dead-lettering, with which it drops messages that go round, or
/// its count of deliveries from one queue, which is wrong in the next.
pub fn is_broker_trace(name: &str) -> bool {
    name == "x-death"
        || name == "x-delivery-count"
        || name.starts_with("x-first-death-")
        || name.starts_with("x-last-death-")
}

/// The header by which a publisher names further routing keys (RabbitMQ's sender-selected distribution).
const CC: &str = "CC";

/// Renames `CC`: it was for the exchange to which the message was published first.
pub fn set_copies_aside(headers: &mut Headers) {
    if let Some(keys) = headers.remove(CC) {
        headers.insert(Text::borrowed(COPIES), keys);
    }
}

/// Undoes [`set_copies_aside`].
pub fn restore_copies(headers: &mut Headers) {
    if let Some(keys) = headers.remove(COPIES) {
        headers.insert(Text::borrowed(CC), keys);
    }
}

/// Whether a message is one that a step has sent to its own route: a complete group, a message whose turn it is, or a
/// timer.
pub fn is_own(headers: &Headers) -> bool {
    [AGGREGATE, AGGREGATE_TIMER, RESEQUENCE_TIMER, WAITED].iter().any(|name| headers.contains_key(*name))
}

/// Removes what tells that a message is a group or a timer: what its route sends on is none.
pub fn strip_own(headers: &mut Headers) {
    headers.remove(AGGREGATE);
    headers.remove(AGGREGATE_TIMER);
    headers.remove(RESEQUENCE_TIMER);
}

/// Removes the traces of earlier dead-lettering, the broker's and ours, as a message has that comes again. What is left
/// of it to do is no trace.
pub fn strip_traces(headers: &mut Headers) {
    let is_trace = |name: &str| is_broker_trace(name) || name.starts_with(PREFIX) && !KEPT.contains(&name);
    if headers.keys().any(|name| is_trace(name)) {
        headers.retain(|name, _| !is_trace(name));
    }
}
