//! XML 1.0 with namespaces: a strict reader onto a flat tape, a writer, and the canonical form.

mod canonical;
mod chars;
mod content;
mod cursor;
mod declaration;
mod decode;
mod names;
mod path;
mod reader;
mod recent;
mod scope;
mod tree;
mod writer;

#[cfg(test)]
mod tests;

pub use canonical::{canonical, canonical_at};
pub use chars::{Look, is_char, is_ncname, look, not_char};
pub use names::Names;
pub use path::path;
pub use reader::read;
pub use scope::XML_NAMESPACE;
pub use tree::{Attribute, Binding, Element, ExpandedName, NameId, Node, PrefixId, Tree};
pub(crate) use writer::push_value;
pub use writer::{pretty, write};

/// Line and column, both from 1, of an offset of the tape in the body that [`read`] took.
pub fn locate(body: &[u8], offset: u32) -> (u32, u32) {
    decode::decode(body).map_or((1, 1), |text| super::line_column(text.as_bytes(), offset as usize))
}
