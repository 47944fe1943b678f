//! Attributes: `@name` members.

use super::{Here, Known, Reader, Refusal, fragment, refuse};
use crate::contract::plan::types::Complex;
use crate::message::{Members, Text, Value};

impl<'a> Reader<'a> {
    /// Attributes in the contract's order, so that theirs in the document does not matter. Those that only a wildcard
    /// admits follow, by name.
    pub(super) fn attributes(
        &self,
        here: Here<'a, '_>,
        complex: &Complex,
        members: &mut Members,
    ) -> Result<(), Refusal> {
        let mut found: Vec<(usize, Text, Value)> = Vec::new();
        for attribute in self.tree.attributes(here.element) {
            let declared = match self.known(attribute.name) {
                Known::XsiNil | Known::XsiType | Known::XsiOther => continue,
                Known::Name(name) => complex.attribute_of_name(name),
                Known::Unknown => None,
            };
            if let Some((order, declared)) = declared {
                let value = self.value(here.at, &attribute.value, self.plan.simple(declared.simple), here.scope)?;
                found.push((order, declared.key.clone(), value));
                continue;
            }
            let name = self.tree.name(attribute.name);
            match &complex.any_attribute {
                Some(any) if !any.strict && any.namespaces.admits(&name.namespace) => {
                    let key = Text::from(format!("@{}", fragment::qualified(self.plan, name)));
                    found.push((usize::MAX, key, Value::String(attribute.value.clone())));
                }
                _ => {
                    let message = format!("the attribute `{}` is not declared here", name.local);
                    return refuse("unknown-attribute", here.at, message);
                }
            }
        }
        if found.len() > 1 {
            found.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.as_str().cmp(b.1.as_str())));
        }
        members.extend(found.into_iter().map(|(_, key, value)| (key, value)));
        Ok(())
    }
}
