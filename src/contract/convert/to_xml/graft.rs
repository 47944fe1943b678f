//! An `#any` fragment, put into the document that is being written.

use super::Writer;
use crate::contract::plan::types::Elements;
use crate::format::xml::{self, Attribute, Element, Node, Tree};
use crate::message::{Text, Value};

/// Puts a fragment out, if a wildcard of the content model admits it and no key is meant for it.
pub(super) fn graft(writer: &mut Writer<'_>, elements: &Elements, value: &Value) {
    let Value::String(text) = value else {
        return writer.refuse("string-expected", "the text of one XML element is expected");
    };
    let tree = match xml::read(text.as_bytes(), writer.limits) {
        Ok(tree) => tree,
        Err(violation) => {
            return writer.refuse("any-fragment", format!("this is not one XML element: {}", violation.message));
        }
    };
    let Some(root) = tree.nodes().iter().find_map(start) else { return };
    let name = tree.name(root.name);
    let uri = name.namespace.as_str();
    let declared = writer.plan.name_ix(name).and_then(|name| elements.child_of_name(name, 0));
    let admitted = match declared {
        Some((slot, child)) if child.repeated || !writer.holds(slot) => {
            return writer
                .refuse("any-declared", format!("the contract declares `{}`: give it by that key", child.key));
        }
        Some(_) => elements.wildcards.iter().any(|wildcard| wildcard.namespaces.admits(uri)),
        None => elements.admits(uri),
    };
    if !admitted {
        return writer
            .refuse("any-not-admitted", format!("no wildcard here admits `{}` of `{uri}` undeclared", name.local));
    }
    copy(writer, &tree);
}

fn start(node: &Node) -> Option<&Element> {
    match node {
        Node::Start(element) => Some(element),
        _ => None,
    }
}

fn copy(writer: &mut Writer<'_>, from: &Tree) {
    let outside = writer.tree.depth();
    let name_of = |tree: &mut Tree, name, prefix| {
        let name = from.name(name);
        (tree.intern(&name.namespace, &name.local), tree.add_prefix(Text::from(from.prefix(prefix))))
    };
    for node in from.nodes() {
        match node {
            Node::Start(element) => {
                if writer.tree.depth() >= writer.limits.depth {
                    while writer.tree.depth() > outside {
                        writer.tree.end();
                    }
                    return writer
                        .refuse("depth", format!("elements nest more than {} levels deep", writer.limits.depth));
                }
                let (name, prefix) = name_of(&mut writer.tree, element.name, element.prefix);
                for attribute in from.attributes(element) {
                    let (name, prefix) = name_of(&mut writer.tree, attribute.name, attribute.prefix);
                    writer.tree.attribute(Attribute { name, prefix, value: attribute.value.clone() });
                }
                from.bindings(element).iter().for_each(|binding| writer.tree.binding(binding.clone()));
                writer.tree.start(name, prefix, 0);
            }
            Node::Text { text, .. } if writer.tree.depth() > outside => writer.tree.text(text.clone(), 0),
            Node::Text { .. } => {}
            Node::Instruction { target, .. } => {
                writer.refuse(
                    "processing-instruction",
                    format!("the processing instruction `{target}` has no place here"),
                );
            }
            Node::End => writer.tree.end(),
        }
    }
}
