//! The answer to who asked, when the request has failed for good: whoever waits must not wait in vain.

use crate::endpoint::Address;
use crate::message::{Failure, Field, Headers, Message, Properties, Text, header_names as names};

use super::dead_letter::shorten;

/// The longest text of an error, in bytes.
const LONGEST: usize = 2 << 10;

/// The answer to a message that has become a dead letter: no body, and headers that say what failed. `None` if
/// nobody waits for an answer.
pub fn error_reply(asked: &Message, failure: &Failure, route: &str, id: Text) -> Option<(Address, Message)> {
    let reply_to = asked.properties.reply_to.clone().filter(|address| !address.is_empty())?;
    let text = |value: &str| Field::text(shorten(value, LONGEST));
    let headers = Headers::from([
        (Text::borrowed(names::ERROR), text(&failure.reason)),
        (Text::borrowed(names::FAILURE_TYPE), text(failure.kind.name())),
        (Text::borrowed(names::FAILURE_CLASS), text(failure.class.name())),
        (Text::borrowed(names::ROUTE), text(route)),
    ]);
    let properties = Properties {
        delivery_mode: Some(2),
        correlation_id: asked.properties.correlation_id.clone().or_else(|| asked.properties.message_id.clone()),
        message_id: Some(id),
        ..Properties::default()
    };
    let address = Address { exchange: Text::new(), routing_key: reply_to };
    Some((address, Message { headers, properties: properties.into(), ..Message::default() }))
}
