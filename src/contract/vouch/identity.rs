//! Looks whether what a constraint selects is unique.

use std::collections::HashSet;

use super::Names;
use crate::contract::plan::Plan;
use crate::contract::plan::rules::{Check, Constraint, Field, Identity};
use crate::contract::plan::types::NameIx;
use crate::format::xml::{Element, NameId, Node, Tree};

/// So many are compared one by one; more are hashed.
const FEW: usize = 8;

/// The simple types of the values of a document; kept only where something must be unique.
pub(super) struct Values<'p> {
    elements: Vec<Option<&'p Check>>,
    attributes: Vec<Option<&'p Check>>,
}

impl<'p> Values<'p> {
    pub(super) fn new(plan: &Plan, tree: &Tree) -> Self {
        let (elements, attributes) =
            if plan.rules.has_constraints { (tree.nodes().len(), tree.attribute_count()) } else { (0, 0) };
        Self { elements: vec![None; elements], attributes: vec![None; attributes] }
    }

    pub(super) fn element(&mut self, node: usize, check: &'p Check, nil: bool) {
        if let Some(slot) = self.elements.get_mut(node) {
            *slot = Some(check).filter(|_| !nil);
        }
    }

    pub(super) fn attribute(&mut self, attribute: usize, check: &'p Check) {
        if let Some(slot) = self.attributes.get_mut(attribute) {
            *slot = Some(check);
        }
    }
}

/// A document whose values are known.
pub(super) struct Scope<'s, 'p> {
    pub(super) tree: &'s Tree,
    pub(super) names: &'s Names<'p>,
    pub(super) values: &'s Values<'p>,
}

impl<'s> Scope<'s, '_> {
    /// Whether a constraint certainly holds within the element from one node to the other.
    pub(super) fn holds(&self, constraint: &Constraint, start: usize, end: usize) -> bool {
        let mut values = Vec::with_capacity(FEW);
        let mut holds = true;
        self.select(&constraint.selector, start, end, &mut |node, end| {
            holds = holds && self.gather(constraint, node, end, &mut values);
        });
        holds && are_distinct(&values, constraint.fields.len())
    }

    /// Adds the fields of a selected element. Gives whether the constraint can still hold.
    fn gather(&self, constraint: &Constraint, node: usize, end: usize, values: &mut Vec<Identity<'s>>) -> bool {
        let before = values.len();
        for field in &constraint.fields {
            match self.field(field, node, end) {
                Found::Value(value) => values.push(value),
                // An element without all of the fields is in no relation to the others.
                Found::Nothing if !constraint.is_key => {
                    values.truncate(before);
                    return true;
                }
                Found::Nothing | Found::Doubt => return false,
            }
        }
        true
    }

    fn field(&self, field: &Field, node: usize, end: usize) -> Found<'s> {
        let mut found = Found::Nothing;
        self.select(&field.elements, node, end, &mut |node, _| {
            let one = match field.attribute {
                None => self.text(node),
                Some(name) => self.attribute(node, name),
            };
            found = match (&found, one) {
                (_, Found::Nothing) => return,
                (Found::Nothing, one) => one,
                _ => Found::Doubt,
            };
        });
        found
    }

    fn text(&self, node: usize) -> Found<'s> {
        let text = match self.tree.nodes().get(node + 1) {
            Some(Node::Text { text, .. }) => text.as_str(),
            _ => "",
        };
        value(self.values.elements.get(node).copied().flatten(), text)
    }

    fn attribute(&self, node: usize, name: NameIx) -> Found<'s> {
        let Some(Node::Start(element)) = self.tree.nodes().get(node) else { return Found::Doubt };
        let mut attributes = (element.attributes.start as usize..).zip(self.tree.attributes(element));
        let found = attributes.find(|(_, attribute)| self.name(attribute.name) == Some(name));
        found.map_or(Found::Nothing, |(at, attribute)| {
            value(self.values.attributes.get(at).copied().flatten(), &attribute.value)
        })
    }

    /// Every element that a path leads to, with its end. A path is no longer than a schema wrote it.
    fn select(&self, path: &[NameIx], start: usize, end: usize, take: &mut dyn FnMut(usize, usize)) {
        let Some((step, rest)) = path.split_first() else { return take(start, end) };
        let mut at = start + 1;
        while at < end {
            at = match self.tree.nodes().get(at) {
                Some(Node::Start(Element { name, end, .. })) => {
                    if self.name(*name) == Some(*step) {
                        self.select(rest, at, *end as usize, take);
                    }
                    *end as usize + 1
                }
                _ => at + 1,
            };
        }
    }

    fn name(&self, id: NameId) -> Option<NameIx> {
        self.names.get(id)
    }
}

/// Whether no two rows of so many values are the same.
fn are_distinct(values: &[Identity<'_>], width: usize) -> bool {
    if width == 0 {
        return false;
    }
    let mut rows = values.chunks_exact(width);
    if rows.len() <= FEW {
        return rows.clone().enumerate().all(|(at, row)| values.chunks_exact(width).take(at).all(|other| other != row));
    }
    let mut seen = HashSet::with_capacity(rows.len());
    rows.all(|row| seen.insert(row))
}

/// What a field comes to.
enum Found<'t> {
    Value(Identity<'t>),
    Nothing,
    /// Only the engine can tell.
    Doubt,
}

fn value<'t>(check: Option<&Check>, text: &'t str) -> Found<'t> {
    check.and_then(|check| check.identity(text)).map_or(Found::Doubt, Found::Value)
}
