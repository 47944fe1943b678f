//! How an evaluation ends before its last output.

use super::node::Span;
use super::num;
use crate::message::Value;

/// The result of a part of an evaluation.
pub(super) type Flow<T = ()> = Result<T, Stop>;

/// Why no further output follows.
#[derive(Clone, Debug)]
pub(super) enum Stop {
    /// To the label of this number; zero is nobody's label.
    Break(u64),
    /// A failure on its way to a `try` or to the end.
    Raised(Box<Raised>),
}

/// A failure as it was raised.
#[derive(Clone, Debug)]
pub(super) struct Raised {
    /// What `catch` gets: a message, or the value of `error(value)`.
    pub(super) value: Value,
    pub(super) span: Span,
    /// A bound was reached: no `try` catches this.
    pub(super) limit: bool,
}

impl Stop {
    /// Names the place, unless an inner place is already named.
    #[cold]
    pub(super) fn at(mut self, span: Span) -> Self {
        if let Self::Raised(raised) = &mut self
            && raised.span.is_none()
        {
            raised.span = span;
        }
        self
    }

    /// The value that a `catch` gets, or the stop itself where it cannot be caught.
    pub(super) fn caught(self) -> Result<Value, Self> {
        match self {
            Self::Raised(raised) if !raised.limit => Ok(raised.value),
            other => Err(other),
        }
    }
}

/// A failure with this message.
pub(super) fn fail(message: impl AsRef<str>) -> Stop {
    error(Value::from(message.as_ref()))
}

/// A failure with this value.
pub(super) fn error(value: Value) -> Stop {
    Stop::Raised(Box::new(Raised { value, span: None, limit: false }))
}

/// A failure that no `try` catches.
pub(super) fn limit(message: impl AsRef<str>) -> Stop {
    Stop::Raised(Box::new(Raised { value: Value::from(message.as_ref()), span: None, limit: true }))
}

impl From<num::Error> for Stop {
    fn from(error: num::Error) -> Self {
        match error {
            num::Error::TooLarge => limit(error.to_string()),
            other => fail(other.to_string()),
        }
    }
}
