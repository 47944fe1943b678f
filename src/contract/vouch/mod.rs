//! Tells of most valid documents that they are valid, in a fraction of the engine's time.
//!
//! The answer is either a certain yes, or that the engine must be asked: it also words what is wrong.

mod identity;

use super::plan::rules::{
    AttributeRule, Check, ComplexRules, ContentRules, Model, State, Step, TypeRules, Use, UseIx, is_uri,
};
use super::plan::types::{NameIx, Wildcard};
use super::plan::{Plan, XSI, XSI_IX};
use crate::format::xml::{Element, NameId, Node, Tree};

/// Whether the document certainly is valid for the plan's root element.
pub fn vouches(plan: &Plan, tree: &Tree) -> bool {
    Walk::new(plan, tree).run().is_some()
}

/// An element whose children are being taken.
struct Open<'p> {
    model: &'p Model,
    mixed: bool,
    state: State,
    found: &'p Use,
    start: usize,
}

/// The plan's names of the tree's.
enum Names<'p> {
    /// The tree stands on the plan's names.
    Shared(&'p Plan),
    /// By [`NameId`].
    Looked(Vec<Option<NameIx>>),
}

impl<'p> Names<'p> {
    fn new(plan: &'p Plan, tree: &Tree) -> Self {
        if tree.is_of(plan.shared()) {
            return Self::Shared(plan);
        }
        Self::Looked(tree.names().map(|name| plan.name_ix(name)).collect())
    }

    fn get(&self, id: NameId) -> Option<NameIx> {
        match self {
            Self::Shared(plan) => plan.name_ix_of(id),
            Self::Looked(names) => names.get(id.0 as usize).copied().flatten(),
        }
    }
}

struct Walk<'p, 't> {
    plan: &'p Plan,
    tree: &'t Tree,
    names: Names<'p>,
    open: Vec<Open<'p>>,
    values: identity::Values<'p>,
}

impl<'p, 't> Walk<'p, 't> {
    fn new(plan: &'p Plan, tree: &'t Tree) -> Self {
        let names = Names::new(plan, tree);
        Self { plan, tree, names, open: Vec::with_capacity(16), values: identity::Values::new(plan, tree) }
    }

    /// `None` as soon as only the engine can tell.
    fn run(&mut self) -> Option<()> {
        let nodes = self.tree.nodes();
        let mut at = 0;
        while let Some(node) = nodes.get(at) {
            at = match node {
                Node::Start(element) => self.start(at, element)?,
                Node::Text { text, .. } => {
                    let is_blank = || text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
                    (self.open.last()?.mixed || is_blank()).then_some(at + 1)?
                }
                Node::Instruction { .. } => at + 1,
                Node::End => {
                    let open = self.open.pop()?;
                    open.model.may_end(open.state).then_some(())?;
                    self.leave(open.found, open.start, at)?;
                    at + 1
                }
            };
        }
        Some(())
    }

    /// Takes an element, and its content where that is no elements; gives the node to go on with.
    fn start(&mut self, at: usize, element: &Element) -> Option<usize> {
        let name = self.name(element.name);
        let rules = &self.plan.rules;
        let Some(open) = self.open.last_mut() else {
            let (root, found) = rules.root?;
            return (name == Some(root)).then(|| self.element(at, element, found))?;
        };
        match open.model.step(&mut open.state, name, || self.tree.name(element.name).namespace.as_str())? {
            Step::Use(found) => self.element(at, element, found),
            Step::Wildcard(wildcard) => self.any(at, element, name, wildcard),
        }
    }

    /// Takes an element that a wildcard admits.
    fn any(&mut self, at: usize, element: &Element, name: Option<NameIx>, wildcard: &Wildcard) -> Option<usize> {
        let after = element.end as usize + 1;
        if wildcard.skip {
            return Some(after);
        }
        let rules = &self.plan.rules;
        if let Some(global) = name.and_then(|name| rules.globals.get(&name)) {
            return self.element(at, element, (*global)?);
        }
        let nodes = self.tree.nodes().get(at..after).filter(|_| !wildcard.strict)?;
        // Nobody declares it; below it, a declared element or attribute would count again.
        let is_known = |id: NameId| self.name(id).is_some_and(|name| rules.globals.contains_key(&name));
        let is_plain =
            |id: NameId| !self.is_xsi(id) && self.name(id).is_none_or(|name| !rules.global_attributes.contains(&name));
        let is_free = |node: &Node| match node {
            Node::Start(one) => {
                !is_known(one.name) && self.tree.attributes(one).iter().all(|attribute| is_plain(attribute.name))
            }
            _ => true,
        };
        nodes.iter().all(is_free).then_some(after)
    }

    fn element(&mut self, at: usize, element: &Element, found: UseIx) -> Option<usize> {
        let found = self.plan.rules.uses.get(found as usize)?;
        let nil = self.instance_attributes(element, found)?;
        match self.plan.rules.types.get(found.type_ix as usize)? {
            TypeRules::Unknown => None,
            TypeRules::Simple(check) => {
                let has_attributes = self.tree.attributes(element).iter().any(|one| !self.is_xsi(one.name));
                (!has_attributes).then(|| self.value(at, found, check, nil))?
            }
            TypeRules::Complex(rules) => self.complex(at, element, found, rules, nil),
        }
    }

    fn complex(
        &mut self,
        at: usize,
        element: &Element,
        found: &'p Use,
        rules: &'p ComplexRules,
        nil: bool,
    ) -> Option<usize> {
        self.attributes(element, rules)?;
        match &rules.content {
            ContentRules::Simple(check) => self.value(at, found, check, nil),
            ContentRules::Elements { model, mixed } if !nil => {
                // A value would have to be that of an empty element.
                found.value.is_none().then_some(())?;
                self.open.push(Open { model, mixed: *mixed, state: State::default(), found, start: at });
                Some(at + 1)
            }
            ContentRules::Empty | ContentRules::Elements { .. } => {
                (element.end as usize == at + 1 && found.value.is_none()).then_some(())?;
                self.leave(found, at, at + 1)?;
                Some(at + 2)
            }
        }
    }

    /// Takes an element whose content is a value.
    fn value(&mut self, at: usize, found: &'p Use, check: &'p Check, nil: bool) -> Option<usize> {
        let nodes = self.tree.nodes();
        let (text, end) = match (nodes.get(at + 1)?, nodes.get(at + 2)) {
            (Node::End, _) => ("", at + 1),
            (Node::Text { text, .. }, Some(Node::End)) => (text.as_str(), at + 2),
            _ => return None,
        };
        let holds = match &found.value {
            _ if nil => text.is_empty() && end == at + 1 && found.value.is_none(),
            Some(value) if text.is_empty() || (value.is_fixed && value.text != *text) => false,
            _ => check.holds(text),
        };
        holds.then_some(())?;
        self.values.element(at, check, nil);
        self.leave(found, at, end)?;
        Some(end + 1)
    }

    /// Looks at the attributes of `xsi`. Gives whether the element is nil.
    fn instance_attributes(&self, element: &Element, found: &Use) -> Option<bool> {
        let mut nil = false;
        if element.attributes.is_empty() {
            return Some(nil);
        }
        for attribute in self.tree.attributes(element) {
            if !self.is_xsi(attribute.name) {
                continue;
            }
            match self.tree.name(attribute.name).local.as_str() {
                "nil" if found.nillable => {
                    nil = match attribute.value.as_str() {
                        "true" | "1" => true,
                        "false" | "0" => false,
                        _ => return None,
                    }
                }
                "schemaLocation" => {
                    let words = attribute.value.as_str().split_ascii_whitespace();
                    let is_plain = words.clone().all(is_uri);
                    (is_plain && words.count().is_multiple_of(2)).then_some(())?;
                }
                "noNamespaceSchemaLocation" => {
                    is_uri(&attribute.value).then_some(())?;
                }
                _ => return None,
            }
        }
        Some(nil)
    }

    fn attributes(&mut self, element: &Element, rules: &'p ComplexRules) -> Option<()> {
        let mut missing = rules.required;
        for (at, attribute) in (element.attributes.start as usize..).zip(self.tree.attributes(element)) {
            if self.is_xsi(attribute.name) {
                continue;
            }
            let name = self.name(attribute.name)?;
            let rule: &AttributeRule = rules.attributes.iter().find(|rule| rule.name == name)?;
            let is_fixed = rule.fixed.as_ref().is_none_or(|fixed| *fixed == attribute.value);
            (is_fixed && rule.check.holds(&attribute.value)).then_some(())?;
            missing -= usize::from(rule.required);
            self.values.attribute(at, &rule.check);
        }
        (missing == 0).then_some(())
    }

    /// Looks at what must be unique within an element that ends.
    fn leave(&self, found: &Use, start: usize, end: usize) -> Option<()> {
        let constraints = found.constraints.as_ref()?;
        if constraints.is_empty() {
            return Some(());
        }
        let scope = identity::Scope { tree: self.tree, names: &self.names, values: &self.values };
        constraints.iter().all(|constraint| scope.holds(constraint, start, end)).then_some(())
    }

    fn name(&self, id: NameId) -> Option<NameIx> {
        self.names.get(id)
    }

    fn is_xsi(&self, id: NameId) -> bool {
        match self.name(id).and_then(|ix| self.plan.written(ix)) {
            Some(name) => name.namespace == XSI_IX,
            None => self.tree.name(id).namespace == XSI,
        }
    }
}
