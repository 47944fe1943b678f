//! Names of elements and attributes, and the namespaces that they need.

use super::Writer;
use crate::contract::plan::types::{NameIx, NamespaceIx};
use crate::contract::plan::{Written, XSI_IX};
use crate::format::xml::{Attribute, Binding, NameId, PrefixId};
use crate::message::Text;

impl Writer<'_> {
    pub(super) fn name_of_element(&mut self, ix: NameIx) -> (NameId, PrefixId) {
        let (name, written) = self.name(ix);
        (name, written.of_element)
    }

    pub(super) fn name_of_attribute(&mut self, ix: NameIx) -> (NameId, PrefixId) {
        let (name, written) = self.name(ix);
        (name, written.of_attribute)
    }

    fn name(&mut self, ix: NameIx) -> (NameId, Written) {
        match self.plan.written(ix) {
            Some(written) => {
                self.need(written.namespace);
                (NameId(ix), written)
            }
            None => {
                let none = PrefixId::default();
                let written = Written { namespace: 0, of_element: none, of_attribute: none };
                (self.tree.intern(&Text::new(), &Text::new()), written)
            }
        }
    }

    /// The root element is to declare the namespace.
    fn need(&mut self, namespace: NamespaceIx) {
        if let Some(needed) = self.needed.get_mut(usize::from(namespace)) {
            *needed = true;
        }
    }

    /// The contract's prefix of a namespace, which the root element is to declare.
    pub(super) fn prefix(&mut self, namespace: NamespaceIx) -> PrefixId {
        self.need(namespace);
        self.plan.prefix_id(namespace)
    }

    /// The prefix of a namespace that is not the contract's, which the next element is to declare.
    pub(super) fn bound(&mut self, uri: &Text) -> Text {
        if let Some(binding) = self.tree.next_bindings().iter().find(|binding| binding.uri == *uri) {
            return binding.prefix.clone();
        }
        let prefix = self.plan.free_prefix_after(self.tree.next_bindings().len());
        self.tree.binding(Binding { prefix: prefix.clone(), uri: uri.clone() });
        prefix
    }

    /// `xsi:type` (0) or `xsi:nil` (1).
    pub(super) fn xsi_attribute(&mut self, which: usize, value: Text) -> Attribute {
        self.need(XSI_IX);
        let (name, prefix) = self.plan.xsi.get(which).copied().unwrap_or_default();
        Attribute { name, prefix, value }
    }
}
