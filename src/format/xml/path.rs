//! Where something stands in a document, for people: an XPath with indices.

use std::collections::HashMap;

use super::{Element, Node, Tree};

/// The path of the node at an index of the tape, as `/o:Order[1]/o:Line[2]`; of a text, its element's path.
pub fn path(tree: &Tree, at: usize) -> String {
    let mut steps: Vec<(String, HashMap<String, usize>)> = vec![(String::new(), HashMap::new())];
    for (index, node) in tree.nodes().iter().enumerate() {
        match node {
            Node::Start(element) => {
                let name = name(tree, element);
                let Some((_, counts)) = steps.last_mut() else { break };
                let count = counts.entry(name.clone()).or_default();
                *count += 1;
                let step = format!("/{name}[{count}]");
                if index > at {
                    break;
                }
                steps.push((step, HashMap::new()));
            }
            Node::End if index < at => drop(steps.pop()),
            Node::End | Node::Text { .. } | Node::Instruction { .. } => {}
        }
        if index >= at {
            break;
        }
    }
    steps.into_iter().map(|(step, _)| step).collect()
}

/// The path of the innermost element that is still open.
pub(super) fn innermost(tree: &Tree) -> String {
    path(tree, tree.nodes().len())
}

fn name(tree: &Tree, element: &Element) -> String {
    let local = &tree.name(element.name).local;
    match tree.prefix(element.prefix) {
        "" => local.to_string(),
        prefix => format!("{prefix}:{local}"),
    }
}
