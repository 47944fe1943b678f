//! The namespace bindings in scope, for names in values (`xsi:type`, `xs:QName`).

use crate::format::xml::{Element, ExpandedName, Tree};
use crate::message::Text;

/// An element with its ancestors.
pub(super) struct Scope<'s> {
    parent: Option<&'s Scope<'s>>,
    element: &'s Element,
}

impl<'s> Scope<'s> {
    pub(super) fn root(element: &'s Element) -> Self {
        Self { parent: None, element }
    }

    pub(super) fn enter(&'s self, element: &'s Element) -> Scope<'s> {
        Scope { parent: Some(self), element }
    }

    /// The namespace of a prefix; of the empty one only if `with_default`.
    pub(super) fn expand(&self, tree: &Tree, text: &str, with_default: bool) -> Option<ExpandedName> {
        expand(text, with_default, |prefix| self.uri(tree, prefix))
    }

    pub(super) fn uri(&self, tree: &Tree, prefix: &str) -> Option<Text> {
        let ancestors = std::iter::successors(Some(self), |scope| scope.parent);
        ancestors.into_iter().find_map(|scope| bound(tree, scope.element, prefix))
    }
}

/// What the element itself binds a prefix to.
pub(super) fn bound(tree: &Tree, element: &Element, prefix: &str) -> Option<Text> {
    tree.bindings(element).iter().find(|binding| binding.prefix == prefix).map(|binding| binding.uri.clone())
}

/// Splits a qualified name and looks its prefix up.
pub(super) fn expand(text: &str, with_default: bool, uri: impl Fn(&str) -> Option<Text>) -> Option<ExpandedName> {
    let (prefix, local) = text.split_once(':').unwrap_or(("", text));
    let namespace = match prefix {
        "" if with_default => uri("").unwrap_or_default(),
        "" => Text::new(),
        "xml" => Text::borrowed(crate::contract::plan::XML),
        prefix => uri(prefix)?,
    };
    let plain = !local.is_empty() && !local.contains([':', ' ']);
    plain.then(|| ExpandedName { namespace, local: Text::from(local) })
}
