//! XPath of a node, with indices: `/Order/Lines[1]/Line[3]/@id`, with the document's own prefixes.

use crate::format::xml::{Element, Node, Tree};

/// The path of the element that starts at this index of the tape. Every step but the root has its index among the
/// siblings of its name, from 1.
pub(crate) fn path_of(tree: &Tree, at: usize) -> String {
    let Some(root) = root(tree) else { return String::new() };
    let (mut index, mut element) = root;
    let mut path = step(tree, element);
    while index != at {
        let parent = (index, element);
        let Some(next) = children(tree, parent).find(|(_, child)| child.end as usize >= at) else { break };
        (index, element) = next;
        let before = children(tree, parent).take_while(|(sibling, _)| *sibling < index);
        let position = before.filter(|(_, sibling)| sibling.name == element.name).count() + 1;
        path.push_str(&format!("{}[{position}]", step(tree, element)));
    }
    path
}

/// The path of an attribute of that element.
pub(crate) fn attribute_path(tree: &Tree, at: usize, prefix: &str, local: &str) -> String {
    let colon = if prefix.is_empty() { "" } else { ":" };
    format!("{}/@{prefix}{colon}{local}", path_of(tree, at))
}

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

fn step(tree: &Tree, element: &Element) -> String {
    let colon = if element.prefix.is_empty() { "" } else { ":" };
    format!("/{}{colon}{}", element.prefix, tree.name(element.name).local)
}
