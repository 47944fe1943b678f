//! Places in a document: the XPath of a node of the tape, and the JSON Pointer of a value.

use crate::contract::xsd::path::path_of;
use crate::format::xml::{Node, Tree};

/// The XPath of the element at an index of the tape, or of the one around what stands there.
pub(super) fn of(tree: &Tree, at: usize) -> String {
    let nodes = tree.nodes();
    let around = (0..=at).rev().find(|index| match nodes.get(*index) {
        Some(Node::Start(element)) => *index == at || element.end as usize > at,
        _ => false,
    });
    around.map_or_else(String::new, |index| path_of(tree, index))
}

/// A step from a value into one that it holds.
#[derive(Clone, Copy)]
pub(super) enum Step<'v> {
    Key(&'v str),
    Index(usize),
}

/// The JSON Pointer (RFC 6901) of these steps.
pub(super) fn pointer(steps: &[Step<'_>]) -> String {
    let mut pointer = String::new();
    for step in steps {
        pointer.push('/');
        match step {
            Step::Key(key) => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
            Step::Index(index) => pointer.push_str(&index.to_string()),
        }
    }
    pointer
}
