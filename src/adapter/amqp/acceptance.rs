//! Whether the broker takes a message of a size: a message of zeros is published to a queue that does not exist, so that
//! the broker confirms it, or refuses it, and keeps nothing.

use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Connection};

use super::Amqp;
use super::error::{classify, words};
use crate::endpoint::EndpointError;

/// A large message takes its time over a slow line.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often an alarm is looked for meanwhile.
const TICK: Duration = Duration::from_millis(100);

/// What the broker does with a message of the size in question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// Takes it.
    Taken,
    /// It is too large; messages up to this number of bytes are taken.
    UpTo(u64),
    /// Takes no message at all at the moment: it has an alarm.
    Blocked,
    /// Refuses it for another reason, in the broker's words.
    Refused(String),
}

impl Amqp {
    /// Publishes an empty message and one of a size to nobody.
    ///
    /// # Errors
    /// There is no connection, it was lost, or the broker did not answer in time.
    pub async fn accepts(&self, bytes: usize) -> Result<Acceptance, EndpointError> {
        // Of its own, and not closed: a broker with an alarm reads nothing from it any more.
        let connection = self.connect("doctor").await.map_err(|failed| failed.error)?;
        // The size is looked at before the permission.
        match publish(&connection, 0).await? {
            Acceptance::Taken => publish(&connection, bytes).await,
            other => Ok(other),
        }
    }
}

async fn publish(connection: &Connection, bytes: usize) -> Result<Acceptance, EndpointError> {
    const WHAT: &str = "publishing a message to nobody";
    let published = async {
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let nobody = format!("trunkline.doctor.{}", uuid::Uuid::new_v4().simple());
        let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
        let body = vec![0; bytes];
        channel.basic_publish("".into(), nobody.as_str().into(), options, &body, properties).await?.await
    };
    let blocked = async {
        while !connection.status().blocked() {
            tokio::time::sleep(TICK).await;
        }
    };
    let answered = tokio::select! {
        () = blocked => return Ok(Acceptance::Blocked),
        answered = tokio::time::timeout(PATIENCE, published) => answered,
    };
    match answered {
        Err(_) => Err(EndpointError::Unavailable(format!("{WHAT}: no confirm within {PATIENCE:?}"))),
        Ok(Ok(_confirmed)) => Ok(Acceptance::Taken),
        Ok(Err(error)) => match (limit(&words(&error)), classify(WHAT, &error)) {
            (Some(bytes), _) => Ok(Acceptance::UpTo(bytes)),
            (None, EndpointError::Refused(_)) => Ok(Acceptance::Refused(words(&error))),
            (None, lost) => Err(lost),
        },
    }
}

/// The number in `message size 16777217 is larger than configured max size 16777216`.
pub(super) fn limit(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once("message size ")?;
    let (_, rest) = rest.split_once("larger than")?;
    rest.split_whitespace().find_map(|word| word.trim_end_matches('.').parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_limit() {
        let text = "PRECONDITION_FAILED - message size 16777217 is larger than configured max size 16777216";
        assert_eq!(limit(text), Some(16_777_216));
        let older = "PRECONDITION_FAILED - message size 600 larger than max size 512";
        assert_eq!(limit(older), Some(512));
        assert_eq!(limit("PRECONDITION_FAILED - invalid expiration '-1'"), None);
    }
}
