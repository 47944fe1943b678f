//! XML 1.0 with namespaces: a strict reader onto a flat tape, a writer, and the canonical form.

mod canonical;
mod chars;
mod decode;
mod path;
mod reader;
mod scope;
mod tree;
mod writer;

#[cfg(test)]
mod tests;

pub use canonical::{canonical, canonical_at};
pub use chars::{is_char, is_ncname};
pub use path::path;
pub use reader::read;
pub use scope::XML_NAMESPACE;
pub use tree::{Attribute, Binding, Element, ExpandedName, NameId, Node, Tree};
pub use writer::{pretty, write};

/// What is wrong in a document, before its place is known as line and column.
#[derive(Debug)]
struct Fault {
    rule: &'static str,
    offset: usize,
    message: String,
}

impl Fault {
    fn new(rule: &'static str, offset: usize, message: impl Into<String>) -> Self {
        Self { rule, offset, message: message.into() }
    }
}
