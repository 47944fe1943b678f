//! XML to JSON and back by a contract's plan, exactly: what the other form cannot say is refused with its place.
//!
//! Where the table of the formats leaves a choice, it is made here, once:
//!
//! - `xsi:type` needs an object to stand in. On an element that is a plain value by its contract it is refused, unless
//!   it names the declared type itself, which says nothing and is dropped; so is `xsi:nil="false"`.
//! - An empty element whose declaration has a default or fixed value has that value, as XML Schema says. An attribute
//!   that is absent stays absent.
//! - A union is a string, unless all its members are the same thing in JSON.
//! - `xs:all` is written in the order declared.
//! - A name of an attribute that only a wildcard admits is written `@p:name` with the contract's prefix, or
//!   `@Q{uri}name` where the contract has none for its namespace.
//! - An element that its content model declares is that one, also where a wildcard beside it would admit it. If
//!   it then stands out of order, or once too often for both, it is refused.

mod lexical;
mod to_json;
mod to_xml;

pub use to_json::to_json;
pub use to_xml::to_xml;

use crate::message::Violation;

/// What happens to processing instructions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Instructions {
    /// The document is refused: JSON has no place for them.
    #[default]
    Refuse,
    /// They are dropped.
    Drop,
}

/// Why a document has no JSON form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What is wrong, with its XPath.
    pub violation: Violation,
    /// Byte offset in the decoded body.
    pub offset: u32,
}
