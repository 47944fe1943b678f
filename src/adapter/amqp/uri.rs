//! The broker's URI, checked: lapin passes over what it does not understand, and connects elsewhere.

use lapin::uri::AMQPUri;

/// RabbitMQ's own. lapin takes a larger frame for a broken connection, so it must not be below the broker's: a
/// message with large headers would cut the connection again and again.
const FRAME_MAX: u32 = 131_072;
/// A dead letter has up to 28 KiB of headers, and properties, which must fit into one frame.
pub const FRAME_MIN: u32 = 32_768;
/// Seconds; a dead peer is noticed after twice as long.
const HEARTBEAT: u16 = 10;
const CONNECT_MILLISECONDS: u64 = 5_000;
/// What lapin understands.
const PARAMETERS: [&str; 5] = ["heartbeat", "frame_max", "channel_max", "connection_timeout", "auth_mechanism"];

/// What is wrong with a broker's URI. No message shows the URI itself: it holds a password.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not of the form `amqp://user:password@host:port/vhost`.
    #[error("not a broker's URI: {0}; expected `amqp://user:password@host:5672/%2f`")]
    Malformed(String),
    /// A trailing `/` names the virtual host with the empty name, which hardly anybody has.
    #[error("the virtual host is empty; for the default one write `/%2f` or leave the `/` away")]
    EmptyVirtualHost,
    /// An address that lapin would silently take as `localhost`.
    #[error("IPv6 addresses are not supported in a broker's URI; use a host name")]
    Ipv6,
    /// A parameter that lapin would silently pass over.
    #[error("unknown parameter `{0}`; known are heartbeat, frame_max, channel_max, connection_timeout, auth_mechanism")]
    UnknownParameter(String),
    /// A value with which the connection could not work.
    #[error("`{parameter}` must be {expected}")]
    Parameter {
        /// Its name.
        parameter: &'static str,
        /// What it can be.
        expected: &'static str,
    },
}

/// Parses a URI and sets what it leaves open.
pub(super) fn parse(text: &str) -> Result<AMQPUri, Error> {
    let malformed = |reason: &str| Error::Malformed(reason.to_owned());
    let (scheme, rest) = text.split_once("://").ok_or_else(|| malformed("it has no scheme"))?;
    if !["amqp", "amqps"].contains(&scheme) {
        return Err(malformed("the scheme is neither `amqp` nor `amqps`"));
    }
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = address.split_once('/').map_or((address, None), |(host, path)| (host, Some(path)));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if host.starts_with('[') {
        return Err(Error::Ipv6);
    }
    if host.is_empty() || host.starts_with(':') {
        return Err(malformed("it has no host"));
    }
    if path.is_some_and(str::is_empty) {
        return Err(Error::EmptyVirtualHost);
    }
    if path.is_some_and(|path| path.contains('/')) {
        return Err(malformed("the virtual host has a `/`, which is written `%2f`"));
    }
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let name = parameter.split('=').next().unwrap_or_default();
        if !PARAMETERS.contains(&name) {
            return Err(Error::UnknownParameter(name.to_owned()));
        }
    }
    // lapin's reason may hold the whole URI.
    let mut uri: AMQPUri = text.parse().map_err(|reason: String| {
        if reason.contains("://") { malformed("it cannot be read") } else { Error::Malformed(reason) }
    })?;
    if uri.query.frame_max.is_some_and(|bytes| bytes < FRAME_MIN) {
        return Err(Error::Parameter {
            parameter: "frame_max",
            expected: "32768 or more, or the headers of a dead letter do not fit into a frame",
        });
    }
    if uri.query.heartbeat == Some(0) {
        return Err(Error::Parameter {
            parameter: "heartbeat",
            expected: "1 second or more, or a dead broker is not noticed",
        });
    }
    uri.query.frame_max.get_or_insert(FRAME_MAX);
    uri.query.heartbeat.get_or_insert(HEARTBEAT);
    uri.query.connection_timeout.get_or_insert(CONNECT_MILLISECONDS);
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_would_connect_elsewhere() {
        assert_eq!(parse("amqp://h/"), Err(Error::EmptyVirtualHost));
        assert_eq!(parse("amqp://h/?heartbeat=5"), Err(Error::EmptyVirtualHost));
        assert_eq!(parse("amqp://u:p@[2001:db8::1]/%2f"), Err(Error::Ipv6));
        assert_eq!(parse("amqp://[::1]:5672"), Err(Error::Ipv6));
        assert_eq!(parse("amqp://h?heartbeats=5"), Err(Error::UnknownParameter("heartbeats".into())));
        assert!(matches!(parse("amqp://h?heartbeat=0"), Err(Error::Parameter { parameter: "heartbeat", .. })));
        assert!(matches!(parse("amqp://h?frame_max=16384"), Err(Error::Parameter { parameter: "frame_max", .. })));
        for wrong in [
            "localhost:5672",
            "http://h",
            "amqp:///%2f",
            "amqp://u:p@:5672",
            "amqp://h/a/b",
            "amqp://a,b:5,c:6",
            "amqp://h?heartbeat=abc",
            "amqp://u:secret@h:99999/%2f",
            "amqp://u:secret@h h",
        ] {
            let error = parse(wrong).expect_err(wrong);
            assert!(matches!(error, Error::Malformed(_)), "{wrong}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn sets_what_is_left_open() {
        let uri = parse("amqp://u:p%40s%5Bs@broker:5673/%2fshop?heartbeat=4").expect("is right");
        assert_eq!((uri.vhost.as_str(), uri.authority.userinfo.password.as_str()), ("/shop", "p@s[s"));
        assert_eq!((uri.query.heartbeat, uri.query.frame_max), (Some(4), Some(FRAME_MAX)));
        assert_eq!(parse("amqps://127.0.0.1").expect("is right").authority.port, 5671);
        assert_eq!(parse("amqp://h").expect("is right").vhost, "/");
    }
}
