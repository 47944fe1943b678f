//! Compiles the types that a root element can reach, and no others, into a plan.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use xsd_schema::{ComplexTypeKey, ElementKey, NameId, SchemaSet, SimpleTypeKey, TypeKey};

use super::model::{self, Declared};
use super::prefixes::{Prefixes, XML, XSI};
use super::rules::{Beyond, Check, Rules, TypeRules, UseIx};
use super::types::{
    Complex, Content, Element, Facets, Kind, Name, NameIx, Namespace, NamespaceIx, Simple, SimpleIx, Type, TypeIx,
    Whitespace,
};
use super::{Error, Plan};
use crate::message::Text;

/// The tables under construction.
pub(super) struct Compiler<'s> {
    pub(super) set: &'s SchemaSet,
    pub(super) prefixes: Prefixes,
    pub(super) namespaces: Vec<Namespace>,
    pub(super) names: Vec<Name>,
    name_ids: HashMap<(NamespaceIx, Text), NameIx>,
    pub(super) simples: Vec<Simple>,
    simple_ids: HashMap<SimpleTypeKey, SimpleIx>,
    types: Vec<Type>,
    type_ids: HashMap<TypeKey, TypeIx>,
    type_names: HashMap<NameIx, TypeIx>,
    queue: VecDeque<(ComplexTypeKey, TypeIx)>,
    substitutes: HashMap<ElementKey, Vec<ElementKey>>,
    derived: HashMap<ComplexTypeKey, Vec<ComplexTypeKey>>,
    pub(super) globals: Vec<ElementKey>,
    /// By [`SimpleIx`].
    pub(super) checks: Vec<Arc<Check>>,
    pub(super) rules: Rules,
    pub(super) global_uses: HashMap<ElementKey, UseIx>,
}

/// Compiles a plan for documents whose root is the named global element.
pub(super) fn compile(set: &SchemaSet, namespace: &str, local: &str, prefixes: Prefixes) -> Result<Plan, Error> {
    let unknown = || Error::Unresolved { kind: "element", name: local.to_owned() };
    let uri = if namespace.is_empty() { None } else { Some(set.name_table.get(namespace).ok_or_else(unknown)?) };
    let key = set.name_table.get(local).and_then(|local| set.lookup_element(uri, local)).ok_or_else(unknown)?;
    let mut compiler = Compiler::new(set, prefixes);
    let roots = compiler.roots(key)?;
    while let Some((key, ix)) = compiler.queue.pop_front() {
        let complex = compiler.complex(key, ix)?;
        if let Some(slot) = compiler.types.get_mut(ix as usize) {
            *slot = Type::Complex(Box::new(complex));
        }
    }
    Ok(compiler.finish(roots))
}

impl<'s> Compiler<'s> {
    fn new(set: &'s SchemaSet, prefixes: Prefixes) -> Self {
        let mut derived: HashMap<ComplexTypeKey, Vec<ComplexTypeKey>> = HashMap::new();
        for (key, data) in set.arenas.complex_types.iter() {
            if let Some(TypeKey::Complex(base)) = data.resolved_base_type
                && base != key
            {
                derived.entry(base).or_default().push(key);
            }
        }
        let global = |(key, data): (ElementKey, &xsd_schema::arenas::ElementDeclData)| {
            let name = data.name?;
            (set.lookup_element(data.target_namespace, name) == Some(key)).then_some(key)
        };
        let mut compiler = Self {
            set,
            prefixes,
            namespaces: Vec::new(),
            names: Vec::new(),
            name_ids: HashMap::new(),
            simples: Vec::new(),
            simple_ids: HashMap::new(),
            types: Vec::new(),
            type_ids: HashMap::new(),
            type_names: HashMap::new(),
            queue: VecDeque::new(),
            substitutes: model::substitutes(set),
            derived,
            globals: set.arenas.elements.iter().filter_map(global).collect(),
            checks: Vec::new(),
            rules: Rules::default(),
            global_uses: HashMap::new(),
        };
        for uri in ["", XSI, XML] {
            compiler.namespace(uri);
        }
        compiler
    }

    fn roots(&mut self, key: ElementKey) -> Result<Vec<Element>, Error> {
        let head = model::global(self.set, key);
        let roots: Vec<Declared> = self.members(&head);
        if !head.is_abstract {
            self.rules.root = Some((self.name(head.namespace, head.local), self.use_of(&head)));
        }
        Ok(roots.iter().map(|declared| self.declared(declared)).collect())
    }

    fn finish(mut self, roots: Vec<Element>) -> Plan {
        if self.rules.has_lax {
            self.know_globals();
        }
        let root_namespace =
            roots.first().and_then(|root| self.names.get(root.name as usize)).map(|name| name.namespace);
        let unqualified =
            |element: &Element| self.names.get(element.name as usize).is_some_and(|name| name.namespace == 0);
        let mut elements = self.types.iter().filter_map(|found| match found {
            Type::Complex(complex) => match &complex.content {
                Content::Elements(elements) => Some(elements),
                _ => None,
            },
            Type::Simple(_) => None,
        });
        let qualified = !elements.any(|elements| {
            !elements.wildcards.is_empty() || elements.children.iter().any(|child| unqualified(&child.element))
        });
        let has_names_in_values = self.simples.iter().any(|simple| simple.kind == Kind::QName);
        let default_namespace = root_namespace.filter(|root| {
            let uri = self.namespaces.get(usize::from(*root)).map_or("", |namespace| namespace.uri.as_str());
            *root != 0 && qualified && !has_names_in_values && !self.prefixes.declares_by_document(uri)
        });
        let mut plan = Plan {
            roots,
            namespaces: self.namespaces,
            names: self.names,
            simples: self.simples,
            types: self.types,
            type_names: self.type_names,
            shared: Arc::default(),
            written: Vec::new(),
            xsi: Default::default(),
            prefix_ids: Vec::new(),
            by_prefix: HashMap::default(),
            default_namespace,
            rules: self.rules,
        };
        plan.index();
        plan
    }

    /// The index of a namespace.
    pub(super) fn namespace(&mut self, uri: &str) -> NamespaceIx {
        let known = self.namespaces.iter().position(|namespace| namespace.uri == uri);
        let ix = known.unwrap_or_else(|| {
            let prefix = self.prefixes.of(uri);
            self.namespaces.push(Namespace { uri: uri.into(), prefix });
            self.namespaces.len() - 1
        });
        NamespaceIx::try_from(ix).unwrap_or(NamespaceIx::MAX)
    }

    /// The index of a name.
    pub(super) fn name(&mut self, namespace: Option<NameId>, local: NameId) -> NameIx {
        let set = self.set;
        let uri = namespace.map_or("", |id| set.name_table.resolve_ref(id));
        self.name_of(uri, set.name_table.resolve_ref(local))
    }

    pub(super) fn name_of(&mut self, uri: &str, local: &str) -> NameIx {
        let namespace = self.namespace(uri);
        let local = Text::from(local);
        let names = &mut self.names;
        *self.name_ids.entry((namespace, local.clone())).or_insert_with(|| {
            names.push(Name { namespace, local });
            u32::try_from(names.len() - 1).unwrap_or(u32::MAX)
        })
    }

    /// The key of a name: its local part, with the contract's prefix where that is wanted.
    pub(super) fn key(&self, name: NameIx, with_prefix: bool) -> Text {
        let Some(name) = self.names.get(name as usize) else { return Text::new() };
        match self.namespaces.get(usize::from(name.namespace)) {
            Some(namespace) if with_prefix && !namespace.prefix.is_empty() => {
                Text::from(format!("{}:{}", namespace.prefix, name.local))
            }
            _ => name.local.clone(),
        }
    }

    /// The index of a simple type; none is `xs:anySimpleType`.
    pub(super) fn simple_ix(&mut self, key: Option<SimpleTypeKey>) -> SimpleIx {
        let key = key.unwrap_or_else(|| self.set.builtin_types().any_simple_type);
        if let Some(ix) = self.simple_ids.get(&key) {
            return *ix;
        }
        let ix = u32::try_from(self.simples.len()).unwrap_or(u32::MAX);
        self.simple_ids.insert(key, ix);
        self.simples.push(Simple { kind: Kind::String, whitespace: Whitespace::Preserve, facets: Facets::default() });
        self.checks.push(Arc::new(Check::beyond(Beyond::default())));
        let simple = self.simple_of(key);
        let check = self.check_of(key);
        if let Some(slot) = self.checks.get_mut(ix as usize) {
            *slot = check;
        }
        if let Some(slot) = self.simples.get_mut(ix as usize) {
            *slot = simple;
        }
        ix
    }

    /// The index of a type; none is `xs:anyType`. What is derived from it can be named by `xsi:type`, so it comes too.
    pub(super) fn type_ix(&mut self, key: Option<TypeKey>) -> TypeIx {
        let key = key.unwrap_or_else(|| TypeKey::Complex(self.set.any_type_key()));
        if let Some(ix) = self.type_ids.get(&key) {
            return *ix;
        }
        let ix = u32::try_from(self.types.len()).unwrap_or(u32::MAX);
        self.type_ids.insert(key, ix);
        self.types.push(Type::Simple(0));
        self.rules.types.push(TypeRules::Unknown);
        let (name, namespace) = match key {
            TypeKey::Simple(simple) => {
                let simple_ix = self.simple_ix(Some(simple));
                let found = Type::Simple(simple_ix);
                if let (Some(slot), Some(check)) =
                    (self.rules.types.get_mut(ix as usize), self.checks.get(simple_ix as usize))
                {
                    *slot = TypeRules::Simple(Arc::clone(check));
                }
                if let Some(slot) = self.types.get_mut(ix as usize) {
                    *slot = found;
                }
                let data = self.set.arenas.simple_types.get(simple);
                data.map_or((None, None), |data| (data.name, data.target_namespace))
            }
            TypeKey::Complex(complex) => {
                self.queue.push_back((complex, ix));
                let data = self.set.arenas.complex_types.get(complex);
                data.map_or((None, None), |data| (data.name, data.target_namespace))
            }
        };
        if let Some(name) = name {
            let name = self.name(namespace, name);
            self.type_names.insert(name, ix);
        }
        if let TypeKey::Complex(complex) = key {
            for one in self.derived.get(&complex).cloned().unwrap_or_default() {
                self.type_ix(Some(TypeKey::Complex(one)));
            }
        }
        if self.set.is_any_type(key) {
            let simple: Vec<SimpleTypeKey> = self
                .set
                .arenas
                .simple_types
                .iter()
                .filter(|(_, data)| data.name.is_some())
                .map(|(key, _)| key)
                .collect();
            for one in simple {
                self.type_ix(Some(TypeKey::Simple(one)));
            }
        }
        ix
    }

    /// Names the global elements and attributes, for what stands below a wildcard.
    fn know_globals(&mut self) {
        let set = self.set;
        for key in self.globals.clone() {
            let global = model::global(set, key);
            let name = self.name(global.namespace, global.local);
            self.rules.globals.entry(name).or_insert(None);
        }
        for (key, data) in set.arenas.attributes.iter() {
            if let Some(local) = data.name
                && set.lookup_attribute(data.target_namespace, local) == Some(key)
            {
                let name = self.name(data.target_namespace, local);
                self.rules.global_attributes.push(name);
            }
        }
    }

    /// Gives the global elements that a wildcard admits their rules.
    pub(super) fn admit_globals(&mut self, namespaces: &model::Namespaces) {
        for key in self.globals.clone() {
            let global = model::global(self.set, key);
            if namespaces.admits(global.namespace) && !global.is_abstract {
                let name = self.name(global.namespace, global.local);
                let found = self.use_of(&global);
                self.rules.globals.insert(name, Some(found));
            }
        }
    }

    pub(super) fn declared(&mut self, declared: &Declared) -> Element {
        Element {
            name: self.name(declared.namespace, declared.local),
            type_ix: self.type_ix(declared.type_key),
            nillable: declared.nillable,
            default: declared.default.as_deref().map(Text::from),
        }
    }

    /// The elements that may stand where this one is declared: itself, unless abstract, and its substitutes.
    pub(super) fn members(&self, head: &Declared) -> Vec<Declared> {
        let mut members: Vec<Declared> = (!head.is_abstract).then(|| head.clone()).into_iter().collect();
        let Some(key) = head.global else { return members };
        let block = self.set.arenas.elements.get(key).map(|data| data.block).unwrap_or_default();
        if block.contains_substitution() {
            return members;
        }
        let mut seen = vec![key];
        let mut next = VecDeque::from([key]);
        while let Some(key) = next.pop_front() {
            for one in self.substitutes.get(&key).into_iter().flatten() {
                if seen.contains(one) {
                    continue;
                }
                seen.push(*one);
                next.push_back(*one);
                let member = model::global(self.set, *one);
                let allowed = match (member.type_key, head.type_key) {
                    (Some(own), Some(of_head)) => self.set.is_type_derived_from(own, of_head, block),
                    _ => true,
                };
                if allowed && !member.is_abstract {
                    members.push(member);
                }
            }
        }
        members
    }

    fn complex(&mut self, key: ComplexTypeKey, ix: TypeIx) -> Result<Complex, Error> {
        let data = self.set.arenas.complex_types.get(key);
        let name = data.and_then(|data| data.name.map(|name| (data.target_namespace, name)));
        let derived = self.derived.get(&key).cloned().unwrap_or_default();
        let derived = derived.into_iter().map(|one| self.type_ix(Some(TypeKey::Complex(one)))).collect();
        let (attributes, any_attribute) = self.attributes(key);
        let model = model::content(self.set, key)?;
        let rules = self.rules_of(key, &attributes, &model);
        if let Some(slot) = self.rules.types.get_mut(ix as usize) {
            *slot = rules;
        }
        let content = match model {
            model::Content::Empty => Content::Empty,
            model::Content::Simple => Content::Simple(self.simple_content(key)),
            model::Content::Elements { mixed, particle } => {
                Content::Elements(self.elements(mixed, particle.as_ref()).map_err(|error| match error {
                    Error::Size { .. } => Error::Size { name: model::type_name(self.set, key) },
                    other => other,
                })?)
            }
        };
        Ok(Complex {
            name: name.map(|(namespace, name)| self.name(namespace, name)),
            is_any_type: self.set.is_any_type(TypeKey::Complex(key)),
            derived,
            is_abstract: data.is_some_and(|data| data.is_abstract),
            attributes,
            any_attribute,
            content,
        })
    }
}
