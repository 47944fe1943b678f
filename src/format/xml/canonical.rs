//! Exclusive XML Canonicalization 1.0, without comments: one text for all ways to write the same document.
//!
//! Processing instructions are left out, because a tape keeps only that they are there; conversion refuses them.

use std::collections::HashMap;

use super::writer::escape;
use super::{Node, Tree};
use crate::message::Text;

/// The canonical form of a whole document.
pub fn canonical(tree: &Tree) -> String {
    let first = tree.nodes().iter().position(|node| matches!(node, Node::Start(_)));
    first.map(|at| canonical_at(tree, at)).unwrap_or_default()
}

/// The canonical form of the element that starts at an index of the tape.
pub fn canonical_at(tree: &Tree, at: usize) -> String {
    let Some(Node::Start(root)) = tree.nodes().get(at) else { return String::new() };
    let nodes = tree.nodes().get(at..=root.end as usize).unwrap_or_default();
    let mut out = String::new();
    // The namespace of each prefix as far as it is written; what each declaration has hidden, and how many
    // declarations there were before each open element, to take them back.
    let mut in_scope: HashMap<&str, Text> = HashMap::new();
    let mut hidden: Vec<(&str, Option<Text>)> = Vec::new();
    let mut open: Vec<(String, usize)> = Vec::new();
    for node in nodes {
        match node {
            Node::Start(element) => {
                let mark = hidden.len();
                let name = tree.name(element.name);
                let mut used = vec![(tree.prefix(element.prefix), name.namespace.clone())];
                let mut attributes = Vec::new();
                for attribute in tree.attributes(element) {
                    let expanded = tree.name(attribute.name);
                    let prefix = tree.prefix(attribute.prefix);
                    if !prefix.is_empty() {
                        used.push((prefix, expanded.namespace.clone()));
                    }
                    attributes.push((expanded.namespace.clone(), expanded.local.clone(), attribute));
                }
                used.sort();
                used.dedup();
                attributes.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
                let qualified = qualified(tree.prefix(element.prefix), &name.local);
                out.push('<');
                out.push_str(&qualified);
                for (prefix, uri) in used {
                    let known = in_scope.get(prefix).map(Text::as_str).unwrap_or_default();
                    if known == uri.as_str() || prefix == "xml" {
                        continue;
                    }
                    out.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
                    out.push_str(prefix);
                    out.push_str("=\"");
                    push_value(&uri, &mut out);
                    out.push('"');
                    let before = in_scope.insert(prefix, uri);
                    hidden.push((prefix, before));
                }
                for (_, local, attribute) in attributes {
                    out.push(' ');
                    out.push_str(&self::qualified(tree.prefix(attribute.prefix), &local));
                    out.push_str("=\"");
                    push_value(&attribute.value, &mut out);
                    out.push('"');
                }
                out.push('>');
                open.push((qualified, mark));
            }
            Node::Text { text, .. } => escape(text, &mut out, |byte| match byte {
                b'&' => Some("&amp;"),
                b'<' => Some("&lt;"),
                b'>' => Some("&gt;"),
                b'\r' => Some("&#xD;"),
                _ => None,
            }),
            Node::Instruction { .. } => {}
            Node::End => {
                if let Some((name, mark)) = open.pop() {
                    out.push_str("</");
                    out.push_str(&name);
                    out.push('>');
                    for (prefix, before) in hidden.drain(mark.min(hidden.len())..).rev() {
                        match before {
                            Some(uri) => in_scope.insert(prefix, uri),
                            None => in_scope.remove(prefix),
                        };
                    }
                }
            }
        }
    }
    out
}

fn qualified(prefix: &str, local: &str) -> String {
    if prefix.is_empty() { local.to_owned() } else { format!("{prefix}:{local}") }
}

fn push_value(text: &str, out: &mut String) {
    escape(text, out, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'"' => Some("&quot;"),
        b'\t' => Some("&#x9;"),
        b'\n' => Some("&#xA;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    });
}
