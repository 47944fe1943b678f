//! The broker's URI, checked: lapin passes over what it does not understand, and connects elsewhere.

use lapin::uri::AMQPUri;

/// A large frame costs memory for each connection; a small one leaves no room for headers.
const FRAME_MAX: u32 = 32_768;
/// Seconds; a dead peer is noticed after twice as long.
const HEARTBEAT: u16 = 10;
const CONNECT_MILLISECONDS: u64 = 5_000;

/// What is wrong with a broker's URI.
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
}

/// Parses a URI and sets what it leaves open.
pub(super) fn parse(text: &str) -> Result<AMQPUri, Error> {
    let malformed = |error: String| Error::Malformed(error);
    let (_, rest) = text.split_once("://").ok_or_else(|| malformed("no scheme".to_owned()))?;
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    if address.contains(['[', ']']) {
        return Err(Error::Ipv6);
    }
    if address.ends_with('/') {
        return Err(Error::EmptyVirtualHost);
    }
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let name = parameter.split('=').next().unwrap_or_default();
        if !["heartbeat", "frame_max", "channel_max", "connection_timeout", "auth_mechanism"].contains(&name) {
            return Err(Error::UnknownParameter(name.to_owned()));
        }
    }
    let mut uri: AMQPUri = text.parse().map_err(malformed)?;
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
        assert_eq!(parse("amqp://u:p@[2001:db8::1]/%2f"), Err(Error::Ipv6));
        assert_eq!(parse("amqp://h?heartbeats=5"), Err(Error::UnknownParameter("heartbeats".into())));
        assert!(matches!(parse("localhost:5672"), Err(Error::Malformed(_))));
        assert!(matches!(parse("amqp://a,b/%2f?heartbeat=abc"), Err(Error::Malformed(_))));
    }

    #[test]
    fn sets_what_is_left_open() {
        let uri = parse("amqp://u:p%40ss@broker:5673/%2fshop?heartbeat=4").expect("is right");
        assert_eq!((uri.vhost.as_str(), uri.authority.userinfo.password.as_str()), ("/shop", "p@ss"));
        assert_eq!((uri.query.heartbeat, uri.query.frame_max), (Some(4), Some(FRAME_MAX)));
    }
}
