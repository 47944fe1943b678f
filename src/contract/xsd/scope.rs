//! The namespaces in scope of an element, for the values in which names stand: `xsi:type`, `xs:QName`.

use xsd_schema::ids::NameId as EngineName;
use xsd_schema::namespace::NamespaceContextSnapshot;
use xsd_schema::namespace::table::well_known;

use super::engine::Engine;
use super::names::{Names, UNKNOWN_TYPE};
use crate::format::xml::{Binding, Element, Tree};

/// The bindings of the open elements.
pub(crate) struct Scope<'a> {
    tree: &'a Tree,
    engine: &'a Engine,
    /// Innermost last.
    bindings: Vec<&'a Binding>,
    /// How many bindings stood before each open element.
    marks: Vec<usize>,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(tree: &'a Tree, engine: &'a Engine) -> Self {
        Self { tree, engine, bindings: Vec::new(), marks: Vec::new() }
    }

    pub(crate) fn enter(&mut self, element: &'a Element) {
        self.marks.push(self.bindings.len());
        self.bindings.extend(self.tree.bindings(element));
    }

    pub(crate) fn leave(&mut self) {
        self.bindings.truncate(self.marks.pop().unwrap_or_default());
    }

    /// The namespace of a prefix; the empty prefix without a default namespace has the empty one.
    fn namespace(&self, prefix: &str) -> Option<&str> {
        match prefix {
            "xml" => Some("http://www.w3.org/XML/1998/namespace"),
            _ => {
                let binding = self.bindings.iter().rev().find(|binding| binding.prefix == prefix);
                binding.map(|binding| binding.uri.as_str()).or(prefix.is_empty().then_some(""))
            }
        }
    }

    /// The bindings for the engine. Only a schema with values of type `xs:QName` or `xs:NOTATION` needs them, and
    /// only for such a schema names of documents enter the engine, whose growth is then bounded by its renewal.
    pub(crate) fn snapshot(&self) -> NamespaceContextSnapshot {
        let mut snapshot = NamespaceContextSnapshot::default();
        if !self.engine.has_names_in_values() {
            return snapshot;
        }
        let table = self.engine.names();
        for binding in self.bindings.iter().rev() {
            let uri = table.add(&binding.uri);
            if binding.prefix.is_empty() {
                snapshot.default_ns.get_or_insert(uri);
            } else {
                snapshot.bindings.push((table.add(&binding.prefix), uri));
            }
        }
        snapshot.default_ns = snapshot.default_ns.filter(|uri| *uri != well_known::EMPTY);
        snapshot
    }

    /// A value of `xsi:type` in a form that teaches the engine no name, with the binding that it needs.
    pub(crate) fn xsi_type(&self, value: &str, names: &Names<'_>) -> (String, Option<(EngineName, EngineName)>) {
        let value = value.trim_matches([' ', '\t', '\n', '\r']);
        let (prefix, local) = value.split_once(':').unwrap_or(("", value));
        match self.namespace(prefix) {
            Some(namespace) => names.xsi_type(namespace, local),
            None => (UNKNOWN_TYPE.to_owned(), None),
        }
    }
}
