//! Why a message could not be processed. The same record serves the log, the headers, the CLI.

use std::fmt;

use super::text::Text;
use super::violation::Violations;

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Connection, timeout, broker nack: the same message may pass later.
    Transient,
    /// Contract, mapping, unroutable: the same message fails again.
    Permanent,
}

/// Where on its way the message failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Taken from its source: size, content type, syntax, the accepted contract.
    Receive,
    /// In a step.
    Process,
    /// On the way out.
    Send,
}

/// What failed: a stable name, used as header and metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The body is larger, deeper or longer than the limits allow.
    Limit,
    /// The content type contradicts the contract.
    ContentType,
    /// The body is not JSON or not well-formed XML.
    Syntax,
    /// The document is not what its contract says.
    Contract,
    /// The document cannot be converted without loss.
    Conversion,
    /// A mapping or expression failed.
    Mapping,
    /// No queue is bound for the message's exchange and routing key.
    Unroutable,
    /// The broker refused the message (nack, overflow).
    Nack,
    /// A participant did not answer in time.
    Timeout,
    /// The connection to the broker was lost.
    Connection,
    /// A participant answered with an error, or there is nobody to answer to.
    Participant,
    /// The route itself refuses the message: its step `fail`.
    Rejected,
    /// The body waits in a store, and is not there any more.
    Claim,
    /// What the store has of a conversation, a group or a sequence does not fit: others have changed it, it has gone on
    /// already, or it cannot be read.
    State,
    /// A defect of the bus itself.
    Internal,
}

/// A failure always knows class, stage, step, path and reason.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Whether trying again can help.
    pub class: Class,
    /// Where it failed.
    pub stage: Stage,
    /// What failed.
    pub kind: Kind,
    /// The step's id, if it was in one.
    pub step: Option<String>,
    /// Path in the document, if one is known.
    pub path: Option<String>,
    /// One sentence for people.
    pub reason: String,
    /// The broken rules, if it was a contract.
    pub violations: Option<Violations>,
    /// Which parts of the message are left to do, if the others are done: the header
    /// [`PARTS_LEFT`](super::header_names::PARTS_LEFT) of the message when it comes again.
    pub left: Option<Text>,
}

impl Failure {
    /// A failure in no step yet.
    pub fn new(class: Class, stage: Stage, kind: Kind, reason: impl Into<String>) -> Self {
        Self { class, stage, kind, step: None, path: None, reason: reason.into(), violations: None, left: None }
    }

    /// A permanent failure of a step.
    pub fn permanent(kind: Kind, reason: impl Into<String>) -> Self {
        Self::new(Class::Permanent, Stage::Process, kind, reason)
    }

    /// A permanent failure for these violations.
    pub fn of_violations(stage: Stage, kind: Kind, violations: Violations) -> Self {
        let path = violations.iter().next().map(|first| first.path.clone());
        let reason = violations.to_string();
        Self { path, violations: Some(violations), ..Self::new(Class::Permanent, stage, kind, reason) }
    }

    /// Names the step, unless an inner step is already named.
    #[must_use]
    pub fn in_step(mut self, step: &str) -> Self {
        self.step.get_or_insert_with(|| step.to_owned());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failure ({})", self.class, self.kind)?;
        if let Some(step) = &self.step {
            write!(f, " in step `{step}`")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for Failure {}

impl Class {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Permanent => "permanent",
        }
    }
}

impl Stage {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Receive => "receive",
            Self::Process => "process",
            Self::Send => "send",
        }
    }
}

impl Kind {
    /// Every kind, for the reference page.
    pub const ALL: [Self; 15] = [
        Self::Limit,
        Self::ContentType,
        Self::Syntax,
        Self::Contract,
        Self::Conversion,
        Self::Mapping,
        Self::Unroutable,
        Self::Nack,
        Self::Timeout,
        Self::Connection,
        Self::Participant,
        Self::Rejected,
        Self::Claim,
        Self::State,
        Self::Internal,
    ];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::ContentType => "content_type",
            Self::Syntax => "syntax",
            Self::Contract => "contract",
            Self::Conversion => "conversion",
            Self::Mapping => "mapping",
            Self::Unroutable => "unroutable",
            Self::Nack => "nack",
            Self::Timeout => "timeout",
            Self::Connection => "connection",
            Self::Participant => "participant",
            Self::Rejected => "rejected",
            Self::Claim => "claim",
            Self::State => "state",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
