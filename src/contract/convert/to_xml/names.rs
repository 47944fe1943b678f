//! Names of elements and attributes, and the namespaces that they need.

use super::Writer;
use crate::contract::plan::types::{NameIx, NamespaceIx};
use crate::format::xml::{Attribute, NameId};
use crate::message::Text;

/// Index of the namespace of `xsi:type` and `xsi:nil` in every plan.
pub(super) const XSI_IX: NamespaceIx = 1;

impl Writer<'_> {
    pub(super) fn name_of_element(&mut self, ix: NameIx) -> (NameId, Text) {
        let namespace = self.plan.names.get(ix as usize).map_or(0, |name| name.namespace);
        let prefix = if self.plan.default_namespace == Some(namespace) { Text::new() } else { self.prefix(namespace) };
        self.mark(namespace);
        (self.name_id(ix), prefix)
    }

    pub(super) fn name_of_attribute(&mut self, ix: NameIx) -> (NameId, Text) {
        let namespace = self.plan.names.get(ix as usize).map_or(0, |name| name.namespace);
        self.mark(namespace);
        (self.name_id(ix), self.prefix(namespace))
    }

    fn prefix(&self, namespace: NamespaceIx) -> Text {
        self.plan.namespaces.get(usize::from(namespace)).map_or_else(Text::new, |namespace| namespace.prefix.clone())
    }

    /// The root element is to declare the namespace.
    pub(super) fn mark(&mut self, namespace: NamespaceIx) {
        if namespace != 0
            && let Some(used) = self.used.get_mut(usize::from(namespace))
        {
            *used = true;
        }
    }

    fn name_id(&mut self, ix: NameIx) -> NameId {
        if let Some(Some(id)) = self.ids.get(ix as usize) {
            return *id;
        }
        let plan = self.plan;
        let id = match plan.names.get(ix as usize) {
            Some(name) => self.tree.intern(plan.uri(name.namespace), &name.local),
            None => self.tree.intern(&Text::new(), &Text::new()),
        };
        if let Some(slot) = self.ids.get_mut(ix as usize) {
            *slot = Some(id);
        }
        id
    }

    /// `xsi:type` (0) or `xsi:nil` (1).
    pub(super) fn xsi_attribute(&mut self, which: usize, value: Text) -> Attribute {
        self.mark(XSI_IX);
        let known = self.xsi.get(which).copied().flatten();
        let name = known.unwrap_or_else(|| {
            let local = Text::borrowed(if which == 0 { "type" } else { "nil" });
            self.tree.intern(self.plan.uri(XSI_IX), &local)
        });
        if let Some(slot) = self.xsi.get_mut(which) {
            *slot = Some(name);
        }
        Attribute { name, prefix: self.prefix(XSI_IX), value }
    }
}
