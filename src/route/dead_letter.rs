//! Dead Letter: the original message with the record of its failure in the headers.

use std::time::SystemTime;

use serde::Serialize;

use crate::message::{Failure, Field, Headers, Message, Text, Violations, header_names as names};

use super::left::mark;
use super::retry::Past;

/// The longest reason, in bytes.
const REASON: usize = 2 << 10;
/// The longest list of violations, in bytes of JSON.
const VIOLATIONS: usize = 4 << 10;
/// The longest list of past failures, in bytes of JSON.
const PAST: usize = 6 << 10;
/// The longest step id and path, in bytes.
const SHORT: usize = 512;
/// All headers together stay below the smallest frame that is used with a broker (32 KiB), with room for the
/// properties.
pub(super) const ALL_HEADERS: usize = 28 << 10;

/// Where a message came from, and what was tried.
#[derive(Clone, Debug)]
pub struct Origin<'a> {
    /// The route.
    pub route: &'a str,
    /// The queue from which it was taken.
    pub queue: &'a str,
    /// The exchange to which it was published.
    pub exchange: &'a str,
    /// The routing key with which it was published.
    pub routing_key: &'a str,
    /// How often the route was run.
    pub attempts: u32,
    /// When it failed for the last time.
    pub time: SystemTime,
}

/// Composes the dead letter: body, headers and properties of the original, and the failure in `trunkline-…` headers.
///
/// Only what would make the broker drop, refuse, expire or copy it is moved aside: `x-death…` goes, `expiration`,
/// `user_id` and `CC` become headers of ours.
pub fn dead_letter(original: &Message, failure: &Failure, past: &[Past], origin: &Origin<'_>) -> Message {
    let mut message = original.clone();
    names::strip_traces(&mut message.headers);
    names::set_copies_aside(&mut message.headers);
    let mut ours = Headers::new();
    let mut put = |name: &'static str, value: &str, longest: usize| {
        ours.insert(Text::borrowed(name), Field::text(shorten(value, longest)));
    };
    put(names::FAILURE_CLASS, failure.class.name(), SHORT);
    put(names::FAILURE_STAGE, failure.stage.name(), SHORT);
    put(names::FAILURE_TYPE, failure.kind.name(), SHORT);
    put(names::FAILURE_REASON, &failure.reason, REASON);
    if let Some(step) = &failure.step {
        put(names::FAILURE_STEP, step, SHORT);
    }
    if let Some(path) = failure.path.as_ref().filter(|path| !path.is_empty()) {
        put(names::FAILURE_PATH, path, SHORT);
    }
    if let Some(json) = failure.violations.as_ref().and_then(violations_json) {
        put(names::FAILURE_VIOLATIONS, &json, VIOLATIONS);
    }
    if let Some(json) = past_json(past) {
        put(names::PAST, &json, PAST);
    }
    put(names::ROUTE, origin.route, SHORT);
    put(names::QUEUE, origin.queue, SHORT);
    put(names::EXCHANGE, origin.exchange, SHORT);
    put(names::ROUTING_KEY, origin.routing_key, SHORT);
    put(names::FAILED_AT, &rfc3339(origin.time), SHORT);
    if let Some(expiration) = message.properties.expiration.take() {
        put(names::EXPIRATION, &expiration, SHORT);
    }
    if let Some(user_id) = message.properties.user_id.take() {
        put(names::USER_ID, &user_id, SHORT);
    }
    ours.insert(Text::borrowed(names::ATTEMPTS), Field::I64(origin.attempts.into()));
    if let Some(left) = &failure.left {
        mark(&mut message.headers, left);
    }
    ours.extend(message.headers.remove_entry(names::PARTS_LEFT));
    message.properties.delivery_mode = Some(2);
    fit(&mut message.headers, &mut ours);
    message.headers.append(&mut ours);
    message
}

/// Makes both sets of headers fit into one frame: first our details go, then the largest of the others.
fn fit(headers: &mut Headers, ours: &mut Headers) {
    let excess =
        |headers: &Headers, ours: &Headers| (table_size(headers) + table_size(ours)).checked_sub(ALL_HEADERS + 1);
    if excess(headers, ours).is_some() {
        ours.remove(names::FAILURE_VIOLATIONS);
    }
    if excess(headers, ours).is_some() {
        ours.remove(names::PAST);
    }
    if excess(headers, ours).is_some()
        && let Some(reason) = ours.get(names::FAILURE_REASON).and_then(Field::as_str).map(|reason| shorten(reason, 256))
    {
        ours.insert(Text::borrowed(names::FAILURE_REASON), Field::text(reason));
    }
    let mut dropped = Vec::new();
    while excess(headers, ours).is_some() {
        let largest = headers.iter().max_by_key(|(name, field)| name.len() + field_size(field, 0));
        let Some(name) = largest.map(|(name, _)| name.clone()) else { break };
        headers.remove(&name);
        dropped.push(shorten(&name, 64));
        let list = shorten(&dropped.join(", "), SHORT);
        ours.insert(Text::borrowed(names::DROPPED), Field::text(list));
    }
}

pub(super) fn table_size(headers: &Headers) -> usize {
    headers.iter().map(|(name, field)| 1 + name.len() + field_size(field, 0)).sum()
}

/// Bytes of a field on the wire, at most.
fn field_size(field: &Field, depth: usize) -> usize {
    if depth > 64 {
        return ALL_HEADERS;
    }
    match field {
        Field::ShortString(text) => 2 + text.len(),
        Field::LongString(bytes) | Field::Bytes(bytes) => 5 + bytes.len(),
        Field::Array(items) => 5 + items.iter().map(|item| field_size(item, depth + 1)).sum::<usize>(),
        Field::Table(members) => {
            5 + members.iter().map(|(name, item)| 1 + name.len() + field_size(item, depth + 1)).sum::<usize>()
        }
        _ => 9,
    }
}

/// As many violations as fit, in order; always a whole JSON array. `None` if not even the first one fits.
fn violations_json(violations: &Violations) -> Option<String> {
    json_list(violations.iter(), VIOLATIONS)
}

/// The past failures that fit, from the first one.
fn past_json(past: &[Past]) -> Option<String> {
    json_list(past.iter(), PAST)
}

fn json_list<T: Serialize>(items: impl Iterator<Item = T>, longest: usize) -> Option<String> {
    let mut json = String::from("[");
    for item in items {
        let Ok(one) = serde_json::to_string(&item) else { continue };
        if json.len() + one.len() + 2 > longest {
            break;
        }
        if json.len() > 1 {
            json.push(',');
        }
        json.push_str(&one);
    }
    json.push(']');
    (json.len() > 2).then_some(json)
}

pub(super) fn shorten(text: &str, longest: usize) -> String {
    if text.len() <= longest {
        return text.to_owned();
    }
    let mut end = longest.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text.get(..end).unwrap_or_default())
}

pub(super) fn rfc3339(time: SystemTime) -> String {
    let timestamp = jiff::Timestamp::try_from(time).unwrap_or_default();
    format!("{timestamp:.3}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::{Kind, Violation};

    fn headers() -> impl Strategy<Value = Headers> {
        let field = prop_oneof![
            any::<i64>().prop_map(Field::I64),
            "[a-zé]{0,40}".prop_map(Field::text),
            (0_usize..9_000).prop_map(|length| Field::text("x".repeat(length))),
            "[a-z]{0,9}".prop_map(|text| Field::Table([("inner".into(), Field::text(text))].into())),
        ];
        proptest::collection::btree_map("[a-w][a-zé]{0,60}".prop_map(Text::from), field, 0..12)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn fits_and_keeps_what_fits(headers in headers(), reason in ".{0,3000}", values in 0_usize..9) {
            let violation = |at: usize| Violation::new("type", format!("/{at}"), "é".repeat(400));
            let violations = Violations::none_of((0..values).map(violation).collect()).err();
            let failure = Failure { violations, ..Failure::permanent(Kind::Contract, reason) };
            let origin = Origin {
                route: "a",
                queue: "q",
                exchange: "e",
                routing_key: "k",
                attempts: 1,
                time: SystemTime::UNIX_EPOCH,
            };
            let original = Message { headers, ..Message::default() };
            let letter = dead_letter(&original, &failure, &[], &origin);
            prop_assert!(table_size(&letter.headers) <= ALL_HEADERS);
            for name in [names::FAILURE_CLASS, names::FAILURE_TYPE, names::FAILURE_REASON, names::ATTEMPTS, names::QUEUE] {
                prop_assert!(letter.headers.contains_key(name), "{}", name);
            }
            let dropped = letter.headers.contains_key(names::DROPPED);
            let kept = original.headers.iter().all(|(name, field)| letter.headers.get(name) == Some(field));
            prop_assert_ne!(kept, dropped);
            if let Some(json) = letter.headers.get(names::FAILURE_VIOLATIONS).and_then(Field::as_str) {
                let list: Vec<serde_json::Value> = serde_json::from_str(json).expect("whole JSON");
                prop_assert!(!list.is_empty());
            }
        }
    }
}
