//! Attributes: the `@name` members of an object.

use super::members::undeclared;
use super::path::Step;
use super::{Writer, value};
use crate::contract::convert::lexical;
use crate::contract::plan::XSI_IX;
use crate::contract::plan::types::{Complex, TypeIx};
use crate::format::xml::{Attribute, is_ncname};
use crate::message::{Text, Value};

/// Where an attribute stands among those of its element.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// `xsi:type`
    Type,
    /// By the order of declaration.
    Declared(usize),
    /// What only a wildcard admits: by name.
    Any,
}

impl<'v> Writer<'v> {
    pub(super) fn attribute(&mut self, complex: &'v Complex, key: &'v str, name: &'v str, value: &'v Value) {
        self.path.push(Step::Key(key));
        match complex.attribute_of_key(key) {
            Some((order, declared)) => {
                let simple = self.plan.simple(declared.simple);
                let value = self.lexical(simple, value).unwrap_or_default().text;
                let (name, prefix) = self.name_of_attribute(declared.name);
                self.put(Place::Declared(order), Attribute { name, prefix, value });
            }
            None => self.any_attribute(complex, key, name, value),
        }
        self.path.pop();
    }

    fn any_attribute(&mut self, complex: &'v Complex, key: &'v str, name: &'v str, value: &'v Value) {
        let admitted =
            |uri: &str| complex.any_attribute.as_ref().is_some_and(|any| !any.strict && any.namespaces.admits(uri));
        let (uri, local) = if let Some((uri, local)) = name.strip_prefix("Q{").and_then(|rest| rest.split_once('}')) {
            let known = self.plan.namespace_of_uri(uri).is_some();
            (if known { None } else { Some(Text::from(uri)) }, local)
        } else if let Some((prefix, local)) = name.split_once(':') {
            let namespace = self.plan.namespace_of_prefix(prefix).filter(|namespace| *namespace != XSI_IX);
            (namespace.map(|ix| self.plan.uri(ix).clone()), local)
        } else {
            (Some(Text::new()), name)
        };
        let Some(uri) = uri.filter(|uri| admitted(uri) && is_ncname(local)) else {
            let keys = complex.attributes.iter().map(|attribute| attribute.key.as_str());
            return self.refuse("unknown-key", undeclared(key, keys));
        };
        let Value::String(value) = value else {
            return self.refuse("string-expected", format!("a string is expected, not {}", value::a(value)));
        };
        if let Some(bad) = lexical::bad_character(value) {
            return self.refuse("xml-character", value::not_carried(bad));
        }
        let prefix = match self.plan.namespace_of_uri(&uri) {
            Some(namespace) => self.prefix(namespace),
            None => {
                let prefix = self.bound(&uri);
                self.tree.add_prefix(prefix)
            }
        };
        let name = self.tree.intern(&uri, &Text::from(local));
        self.put(Place::Any, Attribute { name, prefix, value: value.clone() });
    }

    /// The type that `@xsi:type` names.
    pub(super) fn xsi_type(&mut self, value: &Value) -> Option<TypeIx> {
        let plan = self.plan;
        let found = value.as_str().and_then(|text| {
            let name = plan.name_of_prefixed(text)?;
            Some((text, *plan.type_names.get(&name)?, name))
        });
        let Some((text, ix, name)) = found else {
            self.refuse_key("xsi-type", "@xsi:type", "this names no type that the contract admits, with its prefix");
            return None;
        };
        let namespace = plan.names.get(name as usize).map_or(0, |name| name.namespace);
        self.prefix(namespace);
        let text = if plan.default_namespace == Some(namespace) && namespace != 0 {
            Text::from(plan.local(name))
        } else {
            Text::from(text)
        };
        let attribute = self.xsi_attribute(0, text);
        self.put(Place::Type, attribute);
        Some(ix)
    }

    pub(super) fn required_attributes(&mut self, complex: &Complex) {
        for (order, attribute) in complex.attributes.iter().enumerate().filter(|(_, attribute)| attribute.required) {
            if !self.places.contains(&Place::Declared(order)) && !self.is_full() {
                self.refuse("missing-attribute", format!("`{}` is missing", attribute.key));
            }
        }
    }

    /// Brings the attributes into their places, wherever the members stood.
    pub(super) fn sort_attributes(&mut self) {
        if self.places.is_sorted() && !self.places.ends_with(&[Place::Any, Place::Any]) {
            return;
        }
        let mut placed: Vec<(Place, Attribute)> = self.places.drain(..).zip(self.tree.take_attributes()).collect();
        placed.sort_unstable_by(|a, b| {
            let name = |attribute: &Attribute| self.tree.name(attribute.name).local.as_str();
            a.0.cmp(&b.0).then_with(|| name(&a.1).cmp(name(&b.1)))
        });
        placed.into_iter().for_each(|(_, attribute)| self.tree.attribute(attribute));
    }

    fn put(&mut self, place: Place, attribute: Attribute) {
        self.places.push(place);
        self.tree.attribute(attribute);
    }
}
