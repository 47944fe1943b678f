//! The plan of an XSD contract: everything that conversion needs to know, compiled once from the schema for one root
//! element. A plan shares nothing with the XSD engine; it is immutable, and threads share it.

mod attributes;
mod compile;
mod elements;
mod json_schema;
mod model;
mod order;
mod prefixes;
pub(crate) mod rules;
mod simple;
pub(crate) mod types;

use std::collections::HashMap;
use std::sync::Arc;

use xsd_schema::SchemaSet;

pub(crate) use json_schema::PATTERN;
pub use prefixes::Prefixes;
pub(crate) use prefixes::{XML, XS, XSI};

use crate::format::xml::{ExpandedName, NameId, Names, PrefixId};
use crate::message::Text;
use types::{
    Attribute, Child, Complex, Element, Elements, Name, NameIx, Namespace, NamespaceIx, Simple, SimpleIx, Type, TypeIx,
};

/// Index of the namespace of `xsi:type` and `xsi:nil` in every plan.
pub(crate) const XSI_IX: NamespaceIx = 1;

/// A compiled contract for documents with one root element (or one of its substitutes).
#[derive(Debug)]
pub struct Plan {
    pub(crate) roots: Vec<Element>,
    pub(crate) namespaces: Vec<Namespace>,
    pub(crate) names: Vec<Name>,
    pub(crate) simples: Vec<Simple>,
    pub(crate) types: Vec<Type>,
    pub(crate) type_names: HashMap<NameIx, TypeIx>,
    /// What trees that conversion makes stand on: the names of `names` by their index, and those of `xsi`.
    shared: Arc<Names>,
    /// How the names of `names` are written.
    written: Vec<Written>,
    /// `xsi:type` and `xsi:nil` in `shared`.
    pub(crate) xsi: [(NameId, PrefixId); 2],
    /// By [`NamespaceIx`].
    prefix_ids: Vec<PrefixId>,
    by_prefix: HashMap<Text, NamespaceIx, foldhash::fast::RandomState>,
    /// The namespace that is written without a prefix.
    pub(crate) default_namespace: Option<NamespaceIx>,
    pub(crate) rules: rules::Rules,
}

/// A name with its prefixes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    pub(crate) namespace: NamespaceIx,
    pub(crate) of_element: PrefixId,
    pub(crate) of_attribute: PrefixId,
}

/// Why a schema gives no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A name that nothing declares.
    #[error("no {kind} `{name}` is declared")]
    Unresolved {
        /// What was looked for.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// Nesting or derivation beyond reason.
    #[error("`{name}` nests or derives more than 100 levels deep")]
    Depth {
        /// The type or group.
        name: String,
    },
    /// More elements in one content model than a plan holds.
    #[error("the content model of `{name}` has more than 65,534 elements")]
    Size {
        /// The type.
        name: String,
    },
}

impl Plan {
    /// Compiles the plan for documents whose root is this global element.
    pub fn compile(set: &SchemaSet, root: &ExpandedName, prefixes: Prefixes) -> Result<Self, Error> {
        compile::compile(set, &root.namespace, &root.local, prefixes)
    }

    fn index(&mut self) {
        let mut shared = Names::default();
        let prefixes: Vec<PrefixId> =
            self.namespaces.iter().map(|namespace| shared.add_prefix(namespace.prefix.clone())).collect();
        let prefix = |ix: NamespaceIx| prefixes.get(usize::from(ix)).copied().unwrap_or_default();
        for name in &self.names {
            let is_default = self.default_namespace == Some(name.namespace);
            let of_attribute = prefix(name.namespace);
            let of_element = if is_default { PrefixId::default() } else { of_attribute };
            let expanded = ExpandedName { namespace: self.uri(name.namespace).clone(), local: name.local.clone() };
            shared.add(expanded, of_element);
            self.written.push(Written { namespace: name.namespace, of_element, of_attribute });
        }
        self.xsi = ["type", "nil"].map(|local| {
            let name = ExpandedName { namespace: self.uri(XSI_IX).clone(), local: Text::borrowed(local) };
            (shared.add(name, prefix(XSI_IX)), prefix(XSI_IX))
        });
        self.prefix_ids = prefixes;
        self.shared = Arc::new(shared);
        let prefixes = self.namespaces.iter().zip(0..).filter(|(namespace, _)| !namespace.prefix.is_empty());
        self.by_prefix = prefixes.map(|(namespace, ix)| (namespace.prefix.clone(), ix)).collect();
    }

    /// The names on which the trees of conversion stand.
    pub(crate) fn shared(&self) -> &Arc<Names> {
        &self.shared
    }

    pub(crate) fn name_ix(&self, name: &ExpandedName) -> Option<NameIx> {
        self.shared.id(name).and_then(|id| self.name_ix_of(id))
    }

    /// What an id of the shared names is here.
    pub(crate) fn name_ix_of(&self, id: NameId) -> Option<NameIx> {
        ((id.0 as usize) < self.names.len()).then_some(id.0)
    }

    /// How a name is written.
    pub(crate) fn written(&self, ix: NameIx) -> Option<Written> {
        self.written.get(ix as usize).copied()
    }

    /// The contract's prefix of a namespace.
    pub(crate) fn prefix_id(&self, ix: NamespaceIx) -> PrefixId {
        self.prefix_ids.get(usize::from(ix)).copied().unwrap_or_default()
    }

    pub(crate) fn uri(&self, ix: NamespaceIx) -> &Text {
        static NONE: Text = Text::borrowed("");
        self.namespaces.get(usize::from(ix)).map_or(&NONE, |namespace| &namespace.uri)
    }

    pub(crate) fn namespace_of_prefix(&self, prefix: &str) -> Option<NamespaceIx> {
        self.by_prefix.get(prefix).copied()
    }

    pub(crate) fn namespace_of_uri(&self, uri: &str) -> Option<NamespaceIx> {
        let found = self.namespaces.iter().position(|namespace| namespace.uri == uri)?;
        NamespaceIx::try_from(found).ok()
    }

    /// A prefix that the contract does not use: the next after so many.
    pub(crate) fn free_prefix_after(&self, others: usize) -> Text {
        let mut free = (1_u32..).map(|number| Text::from(format!("n{number}")));
        free.by_ref().filter(|prefix| !self.by_prefix.contains_key(prefix)).nth(others).unwrap_or_default()
    }

    pub(crate) fn simple(&self, ix: SimpleIx) -> &Simple {
        static STRING: Simple = Simple {
            kind: types::Kind::String,
            whitespace: types::Whitespace::Preserve,
            facets: types::Facets {
                enumeration: None,
                patterns: Vec::new(),
                min_length: None,
                max_length: None,
                minimum: None,
                maximum: None,
            },
        };
        self.simples.get(ix as usize).unwrap_or(&STRING)
    }

    /// How values of a type stand in JSON.
    pub(crate) fn form(&self, ix: TypeIx) -> Form<'_> {
        match self.types.get(ix as usize) {
            Some(Type::Complex(complex)) => match complex.content {
                types::Content::Simple(simple) if !complex.has_attributes() => Form::Scalar(self.simple(simple)),
                _ => Form::Object(complex),
            },
            Some(Type::Simple(simple)) => Form::Scalar(self.simple(*simple)),
            None => Form::Scalar(self.simple(SimpleIx::MAX)),
        }
    }

    /// The local name.
    pub(crate) fn local(&self, ix: NameIx) -> &str {
        self.names.get(ix as usize).map_or("", |name| name.local.as_str())
    }

    /// The name with the contract's prefix, as `p:Name`.
    pub(crate) fn prefixed(&self, ix: NameIx) -> Text {
        let Some(name) = self.names.get(ix as usize) else { return Text::new() };
        match self.namespaces.get(usize::from(name.namespace)) {
            Some(namespace) if !namespace.prefix.is_empty() => {
                Text::from(format!("{}:{}", namespace.prefix, name.local))
            }
            _ => name.local.clone(),
        }
    }

    /// The name that `p:Name` stands for with the contract's prefixes.
    pub(crate) fn name_of_prefixed(&self, text: &str) -> Option<NameIx> {
        let (prefix, local) = text.split_once(':').unwrap_or(("", text));
        let namespace = if prefix.is_empty() { 0 } else { self.namespace_of_prefix(prefix)? };
        self.name_ix(&ExpandedName { namespace: self.uri(namespace).clone(), local: local.into() })
    }
}

/// How values of a type stand in JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form<'p> {
    /// The value itself.
    Scalar(&'p Simple),
    /// An object.
    Object(&'p Complex),
}

impl Elements {
    /// The child of a name, trying the one after `hint` first: documents follow their schema.
    pub(crate) fn child_of_name(&self, name: NameIx, hint: u16) -> Option<(u16, &Child)> {
        for at in [hint, hint.saturating_add(1)] {
            if let Some(child) = self.children.get(usize::from(at)).filter(|child| child.element.name == name) {
                return Some((at, child));
            }
        }
        let found = self.by_name.binary_search_by_key(&name, |(name, _)| *name).ok()?;
        let (_, at) = self.by_name.get(found)?;
        Some((*at, self.children.get(usize::from(*at))?))
    }

    /// The child of a key, trying the one at `hint` and the next few first.
    pub(crate) fn child_of_key(&self, key: &str, hint: u16) -> Option<(u16, &Child)> {
        let near = self.children.get(usize::from(hint)..).unwrap_or_default();
        for (child, at) in near.iter().take(4).zip(hint..) {
            if child.key.as_str() == key {
                return Some((at, child));
            }
        }
        let key_at = |at: &u16| self.children.get(usize::from(*at)).map_or("", |child| child.key.as_str());
        let found = self.by_key.binary_search_by(|at| key_at(at).cmp(key)).ok()?;
        let at = self.by_key.get(found)?;
        Some((*at, self.children.get(usize::from(*at))?))
    }

    /// Whether a wildcard admits an undeclared element of the namespace.
    pub(crate) fn admits(&self, uri: &str) -> bool {
        self.wildcards.iter().any(|wildcard| !wildcard.strict && wildcard.namespaces.admits(uri))
    }
}

impl Complex {
    pub(crate) fn attribute_of_name(&self, name: NameIx) -> Option<(usize, &Attribute)> {
        self.attributes.iter().enumerate().find(|(_, attribute)| attribute.name == name)
    }

    pub(crate) fn attribute_of_key(&self, key: &str) -> Option<(usize, &Attribute)> {
        self.attributes.iter().enumerate().find(|(_, attribute)| attribute.key == key)
    }
}
