//! What only a wildcard admits: an element as text, in a form that does not depend on the prefixes of its document.
//!
//! It is exclusive canonical XML with prefixes of our choice: the contract's where it has one for the namespace, else
//! `n1`, `n2`, … in the order in which the namespaces are met.

use crate::contract::plan::{Plan, XSI};
use crate::format::xml::{Attribute, Element, ExpandedName, Node, Tree};
use crate::message::Text;

use super::scope::{Scope, bound, expand};

/// A name as a value of JSON: with the contract's prefix, or as `Q{uri}local` (XPath 3.1) where it has none.
pub(super) fn qualified(plan: &Plan, name: &ExpandedName) -> Text {
    if name.namespace.is_empty() {
        return name.local.clone();
    }
    match prefix_of(plan, &name.namespace) {
        Some(prefix) => Text::from(format!("{prefix}:{}", name.local)),
        None => Text::from(format!("Q{{{}}}{}", name.namespace, name.local)),
    }
}

fn prefix_of<'p>(plan: &'p Plan, uri: &str) -> Option<&'p Text> {
    let namespace = plan.namespaces.iter().find(|namespace| namespace.uri == uri)?;
    Some(&namespace.prefix).filter(|prefix| !prefix.is_empty())
}

/// The element at an index of the tape as text.
pub(super) fn write(plan: &Plan, tree: &Tree, at: usize, scope: &Scope<'_>) -> Text {
    let mut writer =
        Writer { plan, tree, scope, out: String::new(), open: Vec::new(), made: Vec::new(), declared: Vec::new() };
    for node in tree.nodes().get(at..).unwrap_or_default() {
        match node {
            Node::Start(element) => writer.start(element),
            Node::Text { text, .. } => escape_text(&mut writer.out, text),
            Node::Instruction { .. } => {}
            Node::End => writer.end(),
        }
        if writer.open.is_empty() {
            break;
        }
    }
    Text::from(writer.out)
}

struct Writer<'a> {
    plan: &'a Plan,
    tree: &'a Tree,
    scope: &'a Scope<'a>,
    out: String,
    open: Vec<(&'a Element, Text)>,
    /// Namespaces that have no prefix in the contract, with the one they get here.
    made: Vec<(Text, Text)>,
    /// Prefixes declared, each with the depth at which it was.
    declared: Vec<(usize, Text)>,
}

impl<'a> Writer<'a> {
    fn prefix(&mut self, uri: &Text) -> Text {
        if uri.is_empty() {
            return Text::new();
        }
        if let Some(prefix) = prefix_of(self.plan, uri) {
            return prefix.clone();
        }
        if let Some((_, prefix)) = self.made.iter().find(|(known, _)| known == uri) {
            return prefix.clone();
        }
        let taken = |prefix: &str| self.plan.namespace_of_prefix(prefix).is_some();
        let mut number = self.made.len() + 1;
        while taken(&format!("n{number}")) || self.made.iter().any(|(_, known)| *known == format!("n{number}")) {
            number += 1;
        }
        let prefix = Text::from(format!("n{number}"));
        self.made.push((uri.clone(), prefix.clone()));
        prefix
    }

    fn qualify(&mut self, name: &ExpandedName, needed: &mut Vec<(Text, Text)>) -> Text {
        let prefix = self.prefix(&name.namespace);
        if prefix.is_empty() {
            return name.local.clone();
        }
        let declared = prefix == "xml" || self.declared.iter().any(|(_, known)| *known == prefix);
        if !declared && !needed.iter().any(|(known, _)| *known == prefix) {
            needed.push((prefix.clone(), name.namespace.clone()));
        }
        Text::from(format!("{prefix}:{}", name.local))
    }

    fn start(&mut self, element: &'a Element) {
        let tree = self.tree;
        let mut needed = Vec::new();
        let name = self.qualify(tree.name(element.name), &mut needed);
        let mut attributes: Vec<&Attribute> = tree.attributes(element).iter().collect();
        let key = |attribute: &Attribute| {
            let name = tree.name(attribute.name);
            (name.namespace.clone(), name.local.clone())
        };
        attributes.sort_by_cached_key(|attribute| key(attribute));
        let mut written: Vec<(Text, Text)> = Vec::with_capacity(attributes.len());
        for attribute in attributes {
            let expanded = tree.name(attribute.name);
            let name = self.qualify(expanded, &mut needed);
            let value = if expanded.namespace == XSI && expanded.local == "type" {
                self.type_name(element, &attribute.value, &mut needed)
            } else {
                attribute.value.clone()
            };
            written.push((name, value));
        }
        needed.sort_unstable_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
        self.out.push('<');
        self.out.push_str(&name);
        for (prefix, uri) in needed {
            self.out.push_str(" xmlns:");
            self.out.push_str(&prefix);
            self.out.push_str("=\"");
            escape_attribute(&mut self.out, &uri);
            self.out.push('"');
            self.declared.push((self.open.len(), prefix));
        }
        for (name, value) in written {
            self.out.push(' ');
            self.out.push_str(&name);
            self.out.push_str("=\"");
            escape_attribute(&mut self.out, &value);
            self.out.push('"');
        }
        self.out.push('>');
        self.open.push((element, name));
    }

    fn end(&mut self) {
        let Some((_, name)) = self.open.pop() else { return };
        self.out.push_str("</");
        self.out.push_str(&name);
        self.out.push('>');
        let depth = self.open.len();
        self.declared.retain(|(at, _)| *at < depth);
    }

    /// The value of `xsi:type` is a name, so its prefix follows too.
    fn type_name(&mut self, element: &Element, value: &Text, needed: &mut Vec<(Text, Text)>) -> Text {
        let uri = |prefix: &str| {
            let inner = std::iter::once(element).chain(self.open.iter().rev().map(|(element, _)| *element));
            inner
                .into_iter()
                .find_map(|one| bound(self.tree, one, prefix))
                .or_else(|| self.scope.uri(self.tree, prefix))
        };
        match expand(value.as_str().trim(), true, uri) {
            Some(name) => self.qualify(&name, needed),
            None => value.clone(),
        }
    }
}

/// Canonical XML 1.0, section 2.3: text nodes.
fn escape_text(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#xD;"),
            c => out.push(c),
        }
    }
}

/// Canonical XML 1.0, section 2.3: attribute nodes.
fn escape_attribute(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#x9;"),
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            c => out.push(c),
        }
    }
}
