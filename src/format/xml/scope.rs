//! Namespace bindings in scope while a document is read (Namespaces in XML 1.0).

use std::collections::HashMap;

use super::{Binding, PrefixId, Tree};
use crate::format::position::Refusal;
use crate::message::Text;

/// The namespace that the prefix `xml` is bound to.
pub const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";
/// The namespace that the prefix `xmlns` is bound to; nothing else may be.
const XMLNS_NAMESPACE: &str = "http://www.w3.org/2000/xmlns/";

/// Up to so many bindings are compared one by one; more, as nobody but an attacker declares them, are hashed.
const FEW: usize = 16;

struct Bound {
    binding: Binding,
    /// Its prefix in the tree.
    prefix: PrefixId,
    /// The binding of the same prefix that it hides.
    hides: Option<usize>,
}

/// The bindings of all open elements.
pub(super) struct Scope {
    /// The prefix `xml` in the tree.
    xml: PrefixId,
    /// In the order of their declaration.
    bindings: Vec<Bound>,
    /// The binding of each prefix that counts.
    current: HashMap<Text, usize, foldhash::fast::RandomState>,
}

impl Scope {
    pub(super) fn new(tree: &mut Tree) -> Self {
        Self { xml: tree.add_prefix(Text::borrowed("xml")), bindings: Vec::new(), current: HashMap::default() }
    }

    /// How many bindings are in scope; for [`Scope::leave`].
    pub(super) fn mark(&self) -> usize {
        self.bindings.len()
    }

    /// Takes back the bindings since a mark.
    pub(super) fn leave(&mut self, mark: usize) {
        while self.bindings.len() > mark
            && let Some(Bound { binding, hides, .. }) = self.bindings.pop()
        {
            match hides {
                Some(before) => self.current.insert(binding.prefix, before),
                None => self.current.remove(&binding.prefix),
            };
        }
    }

    /// Adds `xmlns:prefix="uri"`, or `xmlns="uri"` with an empty prefix, to the element whose bindings began at `mark`.
    pub(super) fn bind(
        &mut self,
        Binding { prefix, uri }: Binding,
        tree: &mut Tree,
        mark: usize,
        offset: usize,
    ) -> Result<(), Refusal> {
        let refused = |message: String| Err(Refusal::new("xml-namespace", offset, message));
        match (prefix.as_str(), uri.as_str()) {
            ("xmlns", _) => return refused("the prefix `xmlns` cannot be declared".to_owned()),
            ("xml", uri) if uri != XML_NAMESPACE => {
                return refused("the prefix `xml` cannot be bound to another namespace".to_owned());
            }
            (prefix, XML_NAMESPACE) if prefix != "xml" => {
                return refused("only the prefix `xml` can be bound to its namespace".to_owned());
            }
            (_, XMLNS_NAMESPACE) => return refused("no prefix can be bound to the namespace of `xmlns`".to_owned()),
            (prefix, "") if !prefix.is_empty() => {
                return refused(format!("the prefix `{prefix}` cannot be bound to no namespace"));
            }
            _ => {}
        }
        let hides = self.current.insert(prefix.clone(), self.bindings.len());
        if hides.is_some_and(|before| before >= mark) {
            return Err(Refusal::new("xml-well-formed", offset, "the same namespace declaration twice"));
        }
        let id = tree.add_prefix(prefix.clone());
        self.bindings.push(Bound { binding: Binding { prefix, uri }, prefix: id, hides });
        Ok(())
    }

    /// The bindings since a mark: those of one element.
    pub(super) fn since(&self, mark: usize) -> impl Iterator<Item = &Binding> {
        self.bindings.iter().skip(mark).map(|bound| &bound.binding)
    }

    /// The namespace of a prefix, and the prefix in the tree; the default namespace for an empty one.
    pub(super) fn namespace(&self, prefix: &str, offset: usize) -> Result<(Text, PrefixId), Refusal> {
        let bound = if self.bindings.len() <= FEW {
            self.bindings.iter().rev().find(|bound| bound.binding.prefix == prefix)
        } else {
            self.current.get(prefix).and_then(|at| self.bindings.get(*at))
        };
        match bound {
            Some(bound) => Ok((bound.binding.uri.clone(), bound.prefix)),
            None if prefix.is_empty() => Ok((Text::new(), PrefixId::default())),
            None if prefix == "xml" => Ok((Text::borrowed(XML_NAMESPACE), self.xml)),
            None => Err(Refusal::new("xml-namespace", offset, format!("the prefix `{prefix}` is not declared"))),
        }
    }
}
