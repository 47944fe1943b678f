//! What fits on the wire of AMQP 0-9-1 and what RabbitMQ takes, checked before anything is sent: a broker answers to
//! a violation by closing the channel, and with it whatever else is on its way.

use crate::endpoint::Address;
use crate::message::{Field, Headers, Properties};

/// What AMQP 0-9-1 cannot carry.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A short string is longer than its length byte can say.
    #[error("`{name}` has {bytes} bytes, more than the 255 of a short string")]
    TooLong {
        /// The property or header.
        name: &'static str,
        /// Its length.
        bytes: usize,
    },
    /// RabbitMQ closes the channel on a message beyond its `max_message_size`.
    #[error("the body has {bytes} bytes, more than the {limit} that the broker takes (`max_message_size`)")]
    BodyTooLarge {
        /// Its length.
        bytes: usize,
        /// The broker's limit.
        limit: usize,
    },
    /// RabbitMQ closes the channel on an expiration that is not a number, or too large a one.
    #[error("`expiration` is `{0}`, not a number of milliseconds up to 4294967295")]
    Expiration(String),
    /// RabbitMQ closes the channel where these are not lists of text: they name further routing keys.
    #[error("header `{0}` must be a list of routing keys")]
    CarbonCopy(&'static str),
    /// More nesting than anybody writes, and maybe more than a reader's stack holds.
    #[error("headers are nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// The header frame would exceed the negotiated frame size, which closes the connection.
    #[error("headers and properties take about {bytes} bytes, more than the {limit} of a frame")]
    TooLarge {
        /// An estimate from above.
        bytes: usize,
        /// The frame size.
        limit: usize,
    },
}

/// The deepest nesting of tables and lists in headers.
pub const MAX_DEPTH: usize = 64;

/// The most bytes of a short string.
const SHORT: usize = 255;

/// Checks the properties and headers of a message that is to be published.
pub fn check(properties: &Properties, headers: &Headers, frame_max: usize) -> Result<(), Error> {
    for name in ["CC", "BCC"] {
        let is_text = |item: &Field| matches!(item, Field::LongString(_));
        match headers.get(name) {
            None => {}
            Some(Field::Array(items)) if items.iter().all(is_text) => {}
            Some(_) => return Err(Error::CarbonCopy(name)),
        }
    }
    let bytes = FRAME + size_of_properties(properties)? + size_of_table(headers, 0)?;
    if bytes > frame_max {
        return Err(Error::TooLarge { bytes, limit: frame_max });
    }
    if let Some(expiration) = &properties.expiration
        // Without the sign that Rust's parser allows.
        && (!expiration.bytes().all(|byte| byte.is_ascii_digit()) || expiration.parse::<u32>().is_err())
    {
        return Err(Error::Expiration(expiration.to_string()));
    }
    Ok(())
}

/// Checks where a message is sent to.
pub fn check_address(to: &Address) -> Result<(), Error> {
    check_short("exchange", &to.exchange)?;
    check_short("routing_key", &to.routing_key)
}

/// Checks a text that is written as a short string.
pub fn check_short(name: &'static str, text: &str) -> Result<(), Error> {
    if text.len() > SHORT { Err(Error::TooLong { name, bytes: text.len() }) } else { Ok(()) }
}

/// Frame, class, weight, body size and flags of a content header (AMQP 0-9-1 section 4.2.6.1).
const FRAME: usize = 7 + 2 + 2 + 8 + 2 + 1;

fn size_of_properties(properties: &Properties) -> Result<usize, Error> {
    let Properties {
        content_type,
        content_encoding,
        delivery_mode: _,
        priority: _,
        correlation_id,
        reply_to,
        expiration,
        message_id,
        timestamp: _,
        kind,
        user_id,
        app_id,
        cluster_id,
    } = properties;
    let texts = [
        ("content_type", content_type),
        ("content_encoding", content_encoding),
        ("correlation_id", correlation_id),
        ("reply_to", reply_to),
        ("expiration", expiration),
        ("message_id", message_id),
        ("type", kind),
        ("user_id", user_id),
        ("app_id", app_id),
        ("cluster_id", cluster_id),
    ];
    // Delivery mode, priority, timestamp.
    let mut bytes = 1 + 1 + 8;
    for (name, text) in texts {
        if let Some(text) = text {
            check_short(name, text)?;
            bytes += 1 + text.len();
        }
    }
    Ok(bytes)
}

fn size_of_table(table: &Headers, depth: usize) -> Result<usize, Error> {
    if depth > MAX_DEPTH {
        return Err(Error::TooDeep);
    }
    table.iter().try_fold(4, |sum, (name, field)| {
        check_short("a header's name", name)?;
        Ok(sum + 1 + name.len() + size_of(field, depth)?)
    })
}

/// Bytes on the wire, at most, with the letter of the type.
fn size_of(field: &Field, depth: usize) -> Result<usize, Error> {
    if depth > MAX_DEPTH {
        return Err(Error::TooDeep);
    }
    Ok(match field {
        Field::ShortString(text) => 5 + text.len(),
        Field::LongString(bytes) | Field::Bytes(bytes) => 5 + bytes.len(),
        Field::Array(items) => items.iter().try_fold(5, |sum, item| Ok(sum + size_of(item, depth + 1)?))?,
        Field::Table(table) => 1 + size_of_table(table, depth + 1)?,
        _ => 9,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Text;

    fn refusal(properties: Properties, headers: Headers) -> Error {
        check(&properties, &headers, 32_768).expect_err("is refused")
    }

    #[test]
    fn refuses_what_would_close_the_channel() {
        let with = |properties| refusal(properties, Headers::new());
        let long = Text::from("x".repeat(256));
        let properties = Properties { message_id: Some(long.clone()), ..Properties::default() };
        assert_eq!(with(properties), Error::TooLong { name: "message_id", bytes: 256 });
        for wrong in ["abc", "", "-1", "+1", "1.5", " 1", "4294967296", "99999999999999999999"] {
            let properties = Properties { expiration: Some(wrong.into()), ..Properties::default() };
            assert_eq!(with(properties), Error::Expiration(wrong.into()));
        }
        let header = |name: &'static str, field| refusal(Properties::default(), Headers::from([(name.into(), field)]));
        assert!(matches!(header("big", Field::text("x".repeat(40_000))), Error::TooLarge { .. }));
        assert_eq!(header("CC", Field::text("audit")), Error::CarbonCopy("CC"));
        assert_eq!(header("BCC", Field::Array(vec![Field::I32(1)])), Error::CarbonCopy("BCC"));
        let deep = (0..100).fold(Field::Void, |inner, _| Field::Array(vec![inner]));
        assert_eq!(header("deep", deep), Error::TooDeep);
        let long_name = Headers::from([(long, Field::Void)]);
        assert_eq!(refusal(Properties::default(), long_name), Error::TooLong { name: "a header's name", bytes: 256 });
    }

    /// The broker cuts the connection on a frame that is one byte too long.
    #[test]
    fn the_size_of_a_frame_is_never_underestimated() {
        let full = || Some(Text::from("x".repeat(255)));
        let properties = Properties {
            content_type: full(),
            content_encoding: full(),
            correlation_id: full(),
            reply_to: full(),
            message_id: full(),
            kind: full(),
            app_id: full(),
            cluster_id: full(),
            ..Properties::default()
        };
        let sized = |bytes| Headers::from([("big".into(), Field::text("x".repeat(bytes)))]);
        assert!(check(&properties, &sized(30_675), 32_768).is_ok());
        assert!(matches!(refusal(properties, sized(30_676)), Error::TooLarge { bytes: 32_769, limit: 32_768 }));
    }
}
