//! From a tape to bytes: UTF-8, with the prefixes and declarations that the tape has.

use super::chars::{is_marked, marked};
use super::{Element, NameId, Node, PrefixId, Tree};
use crate::format::scan;
use crate::message::{Limits, Violation};

/// Room for a node of a document as most are: tags, and a text that is short.
const BYTES_A_NODE: usize = 24;

/// Writes a document for machines.
///
/// # Errors
/// If it would be larger than [`Limits::output_bytes`].
pub fn write(tree: &Tree, limits: &Limits) -> Result<Vec<u8>, Violation> {
    let mut out = String::with_capacity(tree.nodes().len() * BYTES_A_NODE);
    out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let mut open: Vec<&Element> = Vec::with_capacity(16);
    let mut nodes = tree.nodes();
    loop {
        match nodes {
            [] => break,
            [Node::Start(element), Node::End, rest @ ..] => {
                open_start(tree, element, &mut out);
                out.push_str("/>");
                nodes = rest;
            }
            [Node::Start(element), Node::Text { text, plain, .. }, Node::End, rest @ ..] => {
                start(tree, element, &mut out);
                if *plain {
                    debug_assert!(special(text.as_bytes(), 0).is_none(), "`{text}` is not plain");
                    out.push_str(text);
                } else {
                    push_text(text, &mut out);
                }
                end(tree, element, &mut out);
                nodes = rest;
            }
            [Node::Start(element), rest @ ..] => {
                start(tree, element, &mut out);
                open.push(element);
                nodes = rest;
            }
            [Node::End, rest @ ..] => {
                if let Some(element) = open.pop() {
                    end(tree, element, &mut out);
                }
                nodes = rest;
            }
            [Node::Text { text, .. }, rest @ ..] => {
                push_text(text, &mut out);
                nodes = rest;
            }
            [Node::Instruction { .. }, rest @ ..] => nodes = rest,
        }
        if out.len() > limits.output_bytes {
            let message = format!("the document would have more than {} bytes", limits.output_bytes);
            return Err(Violation::new("limit-output", "", message));
        }
    }
    Ok(out.into_bytes())
}

/// Writes a document for people: elements that hold only elements are indented.
pub fn pretty(tree: &Tree) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let mut open: Vec<(&Element, bool)> = Vec::new();
    let mut nodes = tree.nodes().iter().enumerate().peekable();
    while let Some((index, node)) = nodes.next() {
        let indented = open.last().is_none_or(|(_, indented)| *indented);
        match node {
            Node::Start(element) => {
                if indented {
                    out.push_str(&"  ".repeat(open.len()));
                }
                if matches!(nodes.peek(), Some((_, Node::End))) {
                    nodes.next();
                    open_start(tree, element, &mut out);
                    out.push_str("/>");
                    if indented {
                        out.push('\n');
                    }
                } else {
                    start(tree, element, &mut out);
                    let holds_text = holds_text(tree, index, element);
                    if !holds_text && indented {
                        out.push('\n');
                    }
                    open.push((element, indented && !holds_text));
                }
            }
            Node::Text { text, .. } => {
                if !indented || !text.trim().is_empty() {
                    push_text(text, &mut out);
                }
            }
            Node::Instruction { .. } => {}
            Node::End => {
                let closed = open.pop();
                if closed.as_ref().is_some_and(|(_, indented)| *indented) {
                    out.push_str(&"  ".repeat(open.len()));
                }
                if let Some((element, _)) = closed {
                    end(tree, element, &mut out);
                }
                if open.last().is_none_or(|(_, indented)| *indented) {
                    out.push('\n');
                }
            }
        }
    }
    out
}

/// Whether an element has text of its own that is not white space.
fn holds_text(tree: &Tree, index: usize, element: &Element) -> bool {
    let mut at = index + 1;
    while at < element.end as usize {
        match tree.nodes().get(at) {
            Some(Node::Start(child)) => at = child.end as usize,
            Some(Node::Text { text, .. }) if !text.trim().is_empty() => return true,
            _ => {}
        }
        at += 1;
    }
    false
}

fn push_name(tree: &Tree, prefix: PrefixId, name: NameId, out: &mut String) {
    if let Some(written) = tree.written(name, prefix) {
        return out.push_str(written.name());
    }
    let prefix = tree.prefix(prefix);
    if !prefix.is_empty() {
        out.push_str(prefix);
        out.push(':');
    }
    out.push_str(&tree.name(name).local);
}

/// Writes an element's start tag.
fn start(tree: &Tree, element: &Element, out: &mut String) {
    if element.attributes.is_empty()
        && element.bindings.is_empty()
        && let Some(written) = tree.written(element.name, element.prefix)
    {
        return out.push_str(written.start);
    }
    open_start(tree, element, out);
    out.push('>');
}

/// Writes an element's start tag but for its end.
fn open_start(tree: &Tree, element: &Element, out: &mut String) {
    match tree.written(element.name, element.prefix) {
        Some(written) => out.push_str(written.open()),
        None => {
            out.push('<');
            push_name(tree, element.prefix, element.name, out);
        }
    }
    for binding in tree.bindings(element) {
        out.push_str(if binding.prefix.is_empty() { " xmlns" } else { " xmlns:" });
        out.push_str(&binding.prefix);
        out.push_str("=\"");
        push_value(&binding.uri, out);
        out.push('"');
    }
    for attribute in tree.attributes(element) {
        out.push(' ');
        push_name(tree, attribute.prefix, attribute.name, out);
        out.push_str("=\"");
        push_value(&attribute.value, out);
        out.push('"');
    }
}

fn end(tree: &Tree, element: &Element, out: &mut String) {
    match tree.written(element.name, element.prefix) {
        Some(written) => out.push_str(written.end),
        None => {
            out.push_str("</");
            push_name(tree, element.prefix, element.name, out);
            out.push('>');
        }
    }
}

fn push_text(text: &str, out: &mut String) {
    escape(text, out, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'\r' => Some("&#13;"),
        _ => None,
    });
}

/// Writes an attribute's value. White space other than the space would be normalized away by whoever reads it.
pub(crate) fn push_value(text: &str, out: &mut String) {
    escape(text, out, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'"' => Some("&quot;"),
        b'\t' => Some("&#9;"),
        b'\n' => Some("&#10;"),
        b'\r' => Some("&#13;"),
        _ => None,
    });
}

/// Copies in runs between what must be escaped, of which all is ASCII.
pub(super) fn escape(text: &str, out: &mut String, escaped: impl Fn(u8) -> Option<&'static str>) {
    let bytes = text.as_bytes();
    let Some(first) = special(bytes, 0) else { return out.push_str(text) };
    let (mut copied, mut next) = (0, Some(first));
    while let Some((here, byte)) = next {
        if let Some(replacement) = escaped(byte) {
            out.push_str(text.get(copied..here).unwrap_or_default());
            out.push_str(replacement);
            copied = here + 1;
        }
        next = special(bytes, here + 1);
    }
    out.push_str(text.get(copied..).unwrap_or_default());
}

/// The next byte that has to be escaped somewhere, and where.
fn special(bytes: &[u8], from: usize) -> Option<(usize, u8)> {
    let rest = bytes.get(from..)?;
    let at = scan::find(rest, marked, is_marked)?;
    Some((from + at, *rest.get(at)?))
}
