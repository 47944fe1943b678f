//! What lapin says, in words that help an operator.

use std::future::Future;
use std::time::Duration;

use lapin::ErrorKind;
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};

use crate::endpoint::EndpointError;

/// No exchange with the broker takes longer than this: lapin itself waits for ever.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Runs one exchange with the broker under [`PATIENCE`].
pub(super) async fn within<T>(what: &str, future: impl Future<Output = lapin::Result<T>>) -> Result<T, EndpointError> {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(result) => result.map_err(|error| classify(what, &error)),
        Err(_) => Err(EndpointError::Unavailable(format!("{what}: no answer from the broker within {PATIENCE:?}"))),
    }
}

/// A failed exchange as something that may pass, or as something that somebody must change.
pub(super) fn classify(what: &str, error: &lapin::Error) -> EndpointError {
    let text = format!("{what}: {}", words(error));
    let refused = match error.kind() {
        ErrorKind::ProtocolError(protocol) => {
            let text = protocol.get_message().as_str();
            matches!(
                protocol.kind(),
                AMQPErrorKind::Soft(
                    AMQPSoftError::ACCESSREFUSED
                        | AMQPSoftError::NOTFOUND
                        | AMQPSoftError::PRECONDITIONFAILED
                        | AMQPSoftError::RESOURCELOCKED
                )
            ) || text.contains("ACCESS_REFUSED")
                || text.contains("NOT_ALLOWED")
        }
        _ => false,
    };
    if refused { EndpointError::Refused(text) } else { EndpointError::Unavailable(text) }
}

/// Any failure after which the session is of no use.
pub(super) fn unavailable(what: &str, error: &lapin::Error) -> EndpointError {
    EndpointError::Unavailable(format!("{what}: {}", words(error)))
}

/// A name or an argument that cannot be written.
pub(super) fn refused(error: crate::adapter::wire::Error) -> EndpointError {
    EndpointError::Refused(error.to_string())
}

/// Whether the broker says that something does not exist.
pub(super) fn is_not_found(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(protocol)
        if matches!(protocol.kind(), AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND)))
}

/// The broker's own sentence where there is one.
pub(super) fn words(error: &lapin::Error) -> String {
    match error.kind() {
        ErrorKind::ProtocolError(protocol) => protocol.get_message().to_string(),
        ErrorKind::MissingHeartbeatError => "the broker sent no heartbeat in time".to_owned(),
        _ => error.to_string(),
    }
}
