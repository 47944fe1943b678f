//! What travels: a message with its headers, properties and body, and the document that a body holds.

mod decimal;
mod failure;
mod field;
pub mod header_names;
mod limits;
mod members;
mod near;
mod number;
mod shared;
mod text;
mod value;
mod violation;

use bytes::Bytes;

pub use failure::{Class, Failure, Kind, Stage};
pub use field::{Field, Headers, Properties};
pub use limits::Limits;
pub use members::{Iter as MembersIter, Members};
pub(crate) use near::Near;
pub(crate) use number::power;
pub use number::{MAX_EXPONENT, Number};
pub use shared::Shared;
pub use text::Text;
pub use value::Value;
pub use violation::{MAX_VIOLATIONS, Violation, Violations};

/// Headers, properties and the bytes as received.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// The application's headers.
    pub headers: Headers,
    /// The basic properties.
    pub properties: Shared<Properties>,
    /// The body, untouched until a step changes it.
    pub body: Bytes,
}
