//! What a dead letter tells of its failure.

use std::fmt;

use serde::Serialize;

use crate::message::{Field, Message, header_names as names};

/// The headers that an operator looks at; all of them are absent where the broker itself gave the message up.
#[derive(Debug, Serialize)]
pub(super) struct Letter<'a> {
    pub(super) message_id: Option<&'a str>,
    pub(super) failed_at: Option<&'a str>,
    pub(super) class: Option<&'a str>,
    #[serde(rename = "type")]
    pub(super) kind: Option<&'a str>,
    pub(super) stage: Option<&'a str>,
    pub(super) step: Option<&'a str>,
    pub(super) path: Option<&'a str>,
    pub(super) reason: Option<&'a str>,
    pub(super) attempts: Option<i64>,
}

impl<'a> Letter<'a> {
    pub(super) fn of(message: &'a Message) -> Self {
        let text = |name: &str| message.headers.get(name).and_then(Field::as_str);
        let attempts = match message.headers.get(names::ATTEMPTS) {
            Some(Field::I64(attempts)) => Some(*attempts),
            _ => None,
        };
        Self {
            message_id: message.properties.message_id.as_deref(),
            failed_at: text(names::FAILED_AT),
            class: text(names::FAILURE_CLASS),
            kind: text(names::FAILURE_TYPE),
            stage: text(names::FAILURE_STAGE),
            step: text(names::FAILURE_STEP),
            path: text(names::FAILURE_PATH),
            reason: text(names::FAILURE_REASON),
            attempts,
        }
    }
}

/// One line: `2026-01-05T10:00:00Z order-7: contract in step erp, 12 attempts: …`.
impl fmt::Display for Letter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = self.failed_at {
            write!(f, "{at} ")?;
        }
        write!(f, "{}: ", self.message_id.unwrap_or("without an id"))?;
        let Some(kind) = self.kind else { return f.write_str("given up by the broker, which says why in `x-death`") };
        f.write_str(kind)?;
        if let Some(step) = self.step {
            write!(f, " in step {step}")?;
        }
        if let Some(attempts) = self.attempts {
            write!(f, ", {attempts} attempt{}", if attempts == 1 { "" } else { "s" })?;
        }
        if let Some(reason) = self.reason {
            write!(f, ": {}", reason.replace(char::is_control, " "))?;
        }
        Ok(())
    }
}
