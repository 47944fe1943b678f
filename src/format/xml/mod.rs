//! XML 1.0 with namespaces.

mod tree;

pub use tree::{Attribute, Binding, Element, ExpandedName, NameId, Node, Tree};
