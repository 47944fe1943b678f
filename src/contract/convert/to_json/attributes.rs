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
        let mut last = None;
        let mut in_order = true;
        for attribute in self.tree.attributes(here.element) {
            let declared = match self.known(attribute.name) {
                Known::XsiNil | Known::XsiType | Known::XsiOther => continue,
                Known::Name(name) => complex.attribute_of_name(name),
                Known::Unknown => None,
            };
            if let Some((order, declared)) = declared {
                let value = self.value(here.at, &attribute.value, self.plan.simple(declared.simple), here.scope)?;
                members.append(declared.key.clone(), value);
                in_order &= last < Some(order);
                last = Some(order);
                continue;
            }
            let name = self.tree.name(attribute.name);
            match &complex.any_attribute {
                Some(any) if !any.strict && any.namespaces.admits(&name.namespace) => {
                    let key = Text::from(format!("@{}", fragment::qualified(self.plan, name)));
                    members.insert(key, Value::String(attribute.value.clone()));
                    in_order &= last < Some(usize::MAX);
                    last = Some(usize::MAX);
                }
                _ => {
                    let message = format!("the attribute `{}` is not declared here", name.local);
                    return refuse("unknown-attribute", here.at, message);
                }
            }
        }
        if !in_order {
            let place = |key: &Text| complex.attribute_of_key(key).map_or(usize::MAX, |(order, _)| order);
            let mut all: Vec<(Text, Value)> = std::mem::take(members).into_iter().collect();
            all.sort_by_cached_key(|(key, _)| (key != "@xsi:type", place(key), key.clone()));
            members.extend(all);
        }
        Ok(())
    }
}
