//! Ways through the tape: the root, the children and the text of an element.

use crate::format::xml::{Element, Node, Tree};

/// The root element with its index.
pub(crate) fn root(tree: &Tree) -> Option<(usize, &Element)> {
    tree.nodes().iter().enumerate().find_map(|(index, node)| match node {
        Node::Start(element) => Some((index, element)),
        _ => None,
    })
}

/// The child elements of an element, each with its index.
pub(crate) fn children<'a>(tree: &'a Tree, parent: (usize, &Element)) -> impl Iterator<Item = (usize, &'a Element)> {
    let end = parent.1.end as usize;
    let mut next = parent.0 + 1;
    std::iter::from_fn(move || {
        while next < end {
            let index = next;
            match tree.nodes().get(index)? {
                Node::Start(element) => {
                    next = (element.end as usize).max(index) + 1;
                    return Some((index, element));
                }
                _ => next += 1,
            }
        }
        None
    })
}

/// The text directly in an element.
pub(crate) fn text(tree: &Tree, (at, element): (usize, &Element)) -> String {
    let mut text = String::new();
    let mut next = at + 1;
    while next < element.end as usize {
        match tree.nodes().get(next) {
            Some(Node::Text { text: piece, .. }) => text.push_str(piece),
            Some(Node::Start(child)) => next = (child.end as usize).max(next),
            _ => {}
        }
        next += 1;
    }
    text
}
