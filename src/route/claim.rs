//! The claims of bodies that wait in the store: how they are named, what a message carries of them, how they are fetched.
//!
//! A body's name is its SHA-256, so that a body which is put in again takes no further room, and that what comes back is
//! known to be what was put in.

use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::endpoint::store::{Change, Expect, Name, Record};
use crate::message::{Failure, Field, Headers, Kind, Message, Stage, Text, header_names as names};

use super::dead_letter::rfc3339;
use super::ports::Ports;

/// Whose the records are. All routes share them.
const SPACE: &str = "claim";
/// Attempts to write beside others who write the same body. Each conflict means that one of them has done it.
const ATTEMPTS: usize = 100;

/// What a message carries in place of its body.
pub(crate) struct Ticket {
    name: String,
    bytes: usize,
    until: String,
}

/// Puts a body into the store for so long at least; it is durable there when this resolves.
pub(crate) async fn check_in(ports: &dyn Ports, body: &Bytes, keep: Duration) -> Result<Ticket, Failure> {
    let name = digest(body);
    let record = named(&name);
    let until = ports.now().checked_add(keep).unwrap_or_else(|| ports.now());
    let ticket = Ticket { name, bytes: body.len(), until: rfc3339(until) };
    for _ in 0..ATTEMPTS {
        let expect = match ports.load(&record).await? {
            Some(Record { until: Some(end), value, .. }) if end >= until && value == *body => return Ok(ticket),
            Some(Record { version, .. }) => Expect::Version(version),
            None => Expect::Nothing,
        };
        let put = Change { name: record.clone(), expect, to: Some((body.clone(), Some(until))) };
        if ports.commit(&[put]).await? {
            return Ok(ticket);
        }
    }
    let reason = "others changed the same body in the store again and again";
    Err(Failure::new(crate::message::Class::Transient, Stage::Process, Kind::Claim, reason))
}

/// The body of a message that carries a claim; `None` if it has a body of its own.
pub(crate) async fn fetch(ports: &dyn Ports, message: &Message) -> Result<Option<Bytes>, Failure> {
    let Some(claim) = claimed(&message.headers) else { return Ok(None) };
    let failed = |reason: String| Failure { stage: Stage::Receive, ..Failure::permanent(Kind::Claim, reason) };
    let name = claim.as_str().unwrap_or_default();
    if name.len() != 64 || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(failed(format!("the header `{}` does not name a body in the store", names::CLAIM)));
    }
    let Some(Record { value, .. }) = ports.load(&named(name)).await? else {
        let until = message.headers.get(names::CLAIM_UNTIL).and_then(Field::as_str).unwrap_or("an unknown time");
        return Err(failed(format!(
            "the body is not in the store of this bus: it was kept until {until} at least; keep bodies for longer, or let \
             both buses use the same store"
        )));
    };
    if digest(&value) != name {
        return Err(failed("the body in the store is not the one that was put in".to_owned()));
    }
    Ok(Some(value))
}

/// Refuses a message whose body is elsewhere.
pub(crate) fn expect_body(message: &Message) -> Result<(), Failure> {
    if claimed(&message.headers).is_none() {
        return Ok(());
    }
    let reason =
        "the body waits in the store, where the order of messages is not looked up; take the key from `$headers`";
    Err(Failure { stage: Stage::Receive, ..Failure::permanent(Kind::Claim, reason) })
}

/// The claim that a message carries.
pub(crate) fn claimed(headers: &Headers) -> Option<&Field> {
    headers.get(names::CLAIM)
}

/// Puts a claim in the place of a message's body.
pub(crate) fn take_body(message: &mut Message, ticket: Ticket) {
    let bytes = i64::try_from(ticket.bytes).unwrap_or(i64::MAX);
    let headers = &mut message.headers;
    headers.insert(Text::borrowed(names::CLAIM), Field::text(ticket.name));
    headers.insert(Text::borrowed(names::CLAIM_BYTES), Field::I64(bytes));
    headers.insert(Text::borrowed(names::CLAIM_UNTIL), Field::text(ticket.until));
    message.body = Bytes::new();
}

/// Removes the claim: the message has a body of its own again.
pub(crate) fn drop_claim(headers: &mut Headers) {
    for name in [names::CLAIM, names::CLAIM_BYTES, names::CLAIM_UNTIL] {
        headers.remove(name);
    }
}

fn named(name: &str) -> Name {
    Name { space: Text::borrowed(SPACE), key: Text::from(name) }
}

/// The SHA-256 in hexadecimal digits.
pub(crate) fn digest(body: &[u8]) -> String {
    Sha256::digest(body).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
