//! Example documents of an XSD, from its plan.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::costs::{Costs, NEVER};
use super::text::value;
use super::{Choices, DEEPEST, FULL_SIZE, MOST_DEPTH, MOST_SIZE};
use crate::contract::plan::rules::{ContentRules, Graph, Leaf, Letters, Model, TypeRules, UseIx};
use crate::contract::plan::types::{NameIx, NamespaceIx, Type, TypeIx, Wildcard};
use crate::contract::plan::{Plan, XSI};

/// Documents to try, the fullest first.
pub(super) fn samples(plan: &Plan, variant: u64) -> impl Iterator<Item = Bytes> {
    let costs = Costs::of(plan);
    (0..=MOST_DEPTH).rev().filter_map(move |depth| {
        let left = if depth == 0 { MOST_SIZE } else { FULL_SIZE };
        let mut maker = Maker { plan, costs: &costs, choices: Choices::new(variant), optional: depth, left, made: 0 };
        let (name, found) = plan.rules.root?;
        let root = maker.element(name, found, 0)?;
        Some(Bytes::from(Writer::write(plan, &root)))
    })
}

/// An element under construction.
struct Made {
    name: NameIx,
    attributes: Vec<(NameIx, String)>,
    /// What `xsi:type` names.
    derived: Option<NameIx>,
    content: Content,
}

enum Content {
    Text(String),
    Children(Vec<Child>),
}

enum Child {
    Element(Made),
    /// What a wildcard admits and nobody declares.
    Foreign(&'static str),
}

struct Maker<'p> {
    plan: &'p Plan,
    costs: &'p Costs<'p>,
    choices: Choices,
    /// Above this depth, what may be left out is there.
    optional: usize,
    left: usize,
    made: usize,
}

impl<'p> Maker<'p> {
    fn element(&mut self, name: NameIx, found: UseIx, depth: usize) -> Option<Made> {
        self.left = self.left.checked_sub(1)?;
        self.made += 1;
        let plan = self.plan;
        let found = plan.rules.uses.get(found as usize).filter(|_| depth < DEEPEST)?;
        let type_ix = self.concrete(found.type_ix)?;
        let mut made = Made { name, attributes: Vec::new(), derived: None, content: Content::Children(Vec::new()) };
        if type_ix != found.type_ix {
            made.derived = plan.types.get(type_ix as usize).and_then(|one| match one {
                Type::Complex(complex) => complex.name,
                Type::Simple(_) => None,
            });
        }
        let local = plan.local(name);
        let given = found.value.as_ref().map(|value| value.text.to_string());
        let is_optional = depth < self.optional;
        match plan.rules.types.get(type_ix as usize)? {
            TypeRules::Simple(check) => made.content = Content::Text(given.or_else(|| value(check, local, self.made))?),
            TypeRules::Complex(rules) => {
                for rule in rules.attributes.iter().filter(|rule| rule.required || is_optional) {
                    let fixed = rule.fixed.as_ref().map(ToString::to_string);
                    match fixed.or_else(|| value(&rule.check, plan.local(rule.name), self.made)) {
                        Some(text) => made.attributes.push((rule.name, text)),
                        None if rule.required => return None,
                        None => {}
                    }
                }
                match &rules.content {
                    ContentRules::Empty => {}
                    ContentRules::Simple(check) => {
                        made.content = Content::Text(given.or_else(|| value(check, local, self.made))?);
                    }
                    // A default value is that of an empty element.
                    ContentRules::Elements { mixed: true, .. } if given.is_some() => {
                        made.content = Content::Text(given.unwrap_or_default());
                    }
                    ContentRules::Elements { model, .. } => {
                        made.content = Content::Children(self.children(model, is_optional, depth + 1)?);
                    }
                }
            }
            TypeRules::Unknown => return None,
        }
        Some(made)
    }

    /// The type itself, or of an abstract one the smallest of those derived from it.
    fn concrete(&self, ix: TypeIx) -> Option<TypeIx> {
        let mut ix = ix;
        for _ in 0..DEEPEST {
            match (self.plan.rules.types.get(ix as usize)?, self.plan.types.get(ix as usize)?) {
                (TypeRules::Unknown, Type::Complex(complex)) => {
                    ix = *complex.derived.iter().min_by_key(|ix| self.costs.of_type(**ix))?;
                }
                _ => return Some(ix),
            }
        }
        None
    }

    fn children(&mut self, model: &'p Model, optional: bool, depth: usize) -> Option<Vec<Child>> {
        let mut children = Vec::new();
        match model {
            Model::Sequence(leaves) | Model::All(leaves) => {
                for leaf in leaves {
                    let can = self.costs.of_letters(&leaf.term) != NEVER;
                    let wanted = optional && can && (self.choices.variant == 0 || self.choices.next(3) > 0);
                    self.leaf(leaf, if wanted { 1 } else { 0 }, depth, &mut children)?;
                }
            }
            Model::Graph(graph) => self.graph(graph, optional, depth, &mut children)?,
            Model::Unknown => return None,
        }
        Some(children)
    }

    /// A leaf as often as it must occur, and at least so often.
    fn leaf(&mut self, leaf: &'p Leaf, least: u32, depth: usize, children: &mut Vec<Child>) -> Option<()> {
        for time in 0..leaf.min.max(least).min(leaf.max) {
            let child = match &leaf.term {
                Letters::One(name, found) => self.element(*name, *found, depth).map(Child::Element),
                Letters::Some(list) => {
                    let mut list: Vec<_> =
                        list.iter().filter(|(_, found)| self.costs.of_use(*found) != NEVER).collect();
                    list.sort_by_key(|(_, found)| self.costs.of_use(*found));
                    let at = self.choices.next(list.len());
                    list.get(at).and_then(|(name, found)| self.element(*name, *found, depth)).map(Child::Element)
                }
                Letters::Wildcard(wildcard) => self.admitted(wildcard, depth),
            };
            match child {
                Some(child) => children.push(child),
                // It may be left out after all, if nothing was begun that counts.
                None if time >= leaf.min && self.left > 0 => {}
                None => return None,
            }
        }
        Some(())
    }

    /// Goes forward from leaf to leaf until the children may end: by the shortest way, or through what comes next.
    fn graph(&mut self, graph: &'p Graph, optional: bool, depth: usize, children: &mut Vec<Child>) -> Option<()> {
        let ahead = self.costs.ahead(graph);
        let (mut follow, mut may_end, mut from) = (&graph.first, graph.nullable, None);
        while optional || !may_end {
            let is_next =
                |at: &&u32| from.is_none_or(|from| **at > from) && self.costs.through(graph, **at, &ahead) != NEVER;
            let mut next: Vec<u32> = follow.iter().filter(is_next).copied().collect();
            if optional {
                next.sort_unstable();
            } else {
                next.sort_by_key(|at| self.costs.through(graph, *at, &ahead));
            }
            let Some(at) = next.get(self.choices.next(next.len())).copied() else { break };
            self.leaf(graph.leaves.get(at as usize)?, 1, depth, children)?;
            (follow, may_end, from) = (graph.follow.get(at as usize)?, graph.last.contains(&at), Some(at));
        }
        may_end.then_some(())
    }

    fn admitted(&mut self, wildcard: &Wildcard, depth: usize) -> Option<Child> {
        for (uri, text) in [("urn:example", "<example xmlns=\"urn:example\"/>"), ("", "<example/>")] {
            if !wildcard.strict && wildcard.namespaces.admits(uri) {
                return Some(Child::Foreign(text));
            }
        }
        let mut globals: Vec<(NameIx, UseIx)> =
            self.plan.rules.globals.iter().filter_map(|(name, found)| Some((*name, (*found)?))).collect();
        globals.sort_by_key(|(name, found)| (self.costs.of_use(*found), *name));
        let uri = |name: NameIx| self.plan.names.get(name as usize).map(|name| self.plan.uri(name.namespace).clone());
        let (name, found) =
            globals.into_iter().find(|(name, _)| uri(*name).is_some_and(|uri| wildcard.namespaces.admits(&uri)))?;
        self.element(name, found, depth).map(Child::Element)
    }
}

/// Writes what was made, for people.
struct Writer<'p> {
    plan: &'p Plan,
    out: String,
    /// Namespaces of names with a prefix.
    prefixed: BTreeSet<NamespaceIx>,
    /// Whether there are names in the namespace without one.
    has_default: bool,
    has_types: bool,
}

impl<'p> Writer<'p> {
    fn write(plan: &'p Plan, root: &Made) -> String {
        let mut writer =
            Self { plan, out: String::new(), prefixed: BTreeSet::new(), has_default: false, has_types: false };
        writer.collect(root);
        writer.element(root, 0);
        writer.out
    }

    /// All namespaces are declared at the root.
    fn collect(&mut self, made: &Made) {
        let of = |name: NameIx| self.plan.names.get(name as usize).map(|name| name.namespace);
        // An attribute is never in the namespace without a prefix, and what `xsi:type` names has one as well.
        let names = made.attributes.iter().map(|(name, _)| *name).chain(made.derived);
        let mut prefixed: Vec<NamespaceIx> = names.filter_map(of).collect();
        match of(made.name) {
            own if own == self.plan.default_namespace => self.has_default = true,
            own => prefixed.extend(own),
        }
        self.prefixed.extend(prefixed);
        self.has_types |= made.derived.is_some();
        if let Content::Children(children) = &made.content {
            for child in children {
                if let Child::Element(child) = child {
                    self.collect(child);
                }
            }
        }
    }

    fn declarations(&self) -> String {
        let mut all = String::new();
        let of = |ix: NamespaceIx| self.plan.namespaces.get(usize::from(ix)).filter(|one| !one.uri.is_empty());
        if let Some(namespace) = self.plan.default_namespace.and_then(of).filter(|_| self.has_default) {
            all.push_str(&format!(" xmlns=\"{}\"", escaped(&namespace.uri)));
        }
        for namespace in self.prefixed.iter().filter_map(|ix| of(*ix)) {
            if namespace.prefix != "xml" && namespace.prefix != "xsi" {
                all.push_str(&format!(" xmlns:{}=\"{}\"", namespace.prefix, escaped(&namespace.uri)));
            }
        }
        if self.has_types {
            all.push_str(&format!(" xmlns:xsi=\"{XSI}\""));
        }
        all
    }

    fn element(&mut self, made: &Made, depth: usize) {
        let plan = self.plan;
        let indent = "  ".repeat(depth);
        let namespace = plan.names.get(made.name as usize).map(|name| name.namespace);
        let name =
            if namespace == plan.default_namespace { plan.local(made.name).into() } else { plan.prefixed(made.name) };
        self.out.push_str(&format!("{indent}<{name}"));
        if depth == 0 {
            let declarations = self.declarations();
            self.out.push_str(&declarations);
        }
        if let Some(derived) = made.derived {
            self.out.push_str(&format!(" xsi:type=\"{}\"", plan.prefixed(derived)));
        }
        for (name, text) in &made.attributes {
            self.out.push_str(&format!(" {}=\"{}\"", plan.prefixed(*name), escaped(text)));
        }
        match &made.content {
            Content::Text(text) if text.is_empty() => self.out.push_str("/>\n"),
            Content::Children(children) if children.is_empty() => self.out.push_str("/>\n"),
            Content::Text(text) => self.out.push_str(&format!(">{}</{name}>\n", escaped(text))),
            Content::Children(children) => {
                self.out.push_str(">\n");
                for child in children {
                    match child {
                        Child::Element(child) => self.element(child, depth + 1),
                        Child::Foreign(text) => self.out.push_str(&format!("{indent}  {text}\n")),
                    }
                }
                self.out.push_str(&format!("{indent}</{name}>\n"));
            }
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
