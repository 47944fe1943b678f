//! Names of elements and attributes, and the namespaces that they need.

use super::Writer;
use crate::contract::plan::types::{NameIx, NamespaceIx};
use crate::format::xml::{Attribute, Binding, ExpandedName, NameId, PrefixId};
use crate::message::Text;

/// Index of the namespace of `xsi:type` and `xsi:nil` in every plan.
pub(super) const XSI_IX: NamespaceIx = 1;

impl Writer<'_> {
    pub(super) fn name_of_element(&mut self, ix: NameIx) -> (NameId, PrefixId) {
        let (name, namespace) = self.name(ix);
        let prefix = self.prefix(namespace);
        (name, if self.plan.default_namespace == Some(namespace) { PrefixId::default() } else { prefix })
    }

    pub(super) fn name_of_attribute(&mut self, ix: NameIx) -> (NameId, PrefixId) {
        let (name, namespace) = self.name(ix);
        (name, self.prefix(namespace))
    }

    fn name(&mut self, ix: NameIx) -> (NameId, NamespaceIx) {
        let plan = self.plan;
        let Some(name) = plan.names.get(ix as usize) else { return (self.tree.intern(&Text::new(), &Text::new()), 0) };
        if let Some(Some(id)) = self.ids.get(ix as usize) {
            return (*id, name.namespace);
        }
        let expanded = ExpandedName { namespace: plan.uri(name.namespace).clone(), local: name.local.clone() };
        let id = self.tree.add_name(expanded);
        if let Some(slot) = self.ids.get_mut(ix as usize) {
            *slot = Some(id);
        }
        (id, name.namespace)
    }

    /// The contract's prefix of a namespace, which the root element is to declare.
    pub(super) fn prefix(&mut self, namespace: NamespaceIx) -> PrefixId {
        let at = usize::from(namespace);
        if let Some(Some(id)) = self.prefixes.get(at) {
            return *id;
        }
        let Some(namespace) = self.plan.namespaces.get(at) else { return PrefixId::default() };
        let id = self.tree.add_prefix(namespace.prefix.clone());
        if let Some(slot) = self.prefixes.get_mut(at) {
            *slot = Some(id);
        }
        id
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
        let known = self.xsi.get(which).copied().flatten();
        let name = known.unwrap_or_else(|| {
            let local = Text::borrowed(if which == 0 { "type" } else { "nil" });
            self.tree.add_name(ExpandedName { namespace: self.plan.uri(XSI_IX).clone(), local })
        });
        if let Some(slot) = self.xsi.get_mut(which) {
            *slot = Some(name);
        }
        Attribute { name, prefix: self.prefix(XSI_IX), value }
    }
}
