//! XML to JSON: one walk over the tape, with the plan's tables at hand.

mod attributes;
mod children;
mod element;
mod fragment;
mod order;
mod scope;
mod value;

use scope::Scope;

use super::{Instructions, Refused};
use crate::contract::plan::types::NameIx;
use crate::contract::plan::{Plan, XSI};
use crate::format::xml::{self, Element, ExpandedName, NameId, Node, Tree};
use crate::message::{Limits, Text, Value, Violation};

/// The JSON form of a document.
pub fn to_json(plan: &Plan, tree: &Tree, instructions: Instructions, limits: &Limits) -> Result<Value, Refused> {
    let reader = Reader::new(plan, tree, instructions, limits);
    reader.document().map_err(|Refusal { rule, at, message }| {
        let offset = match tree.nodes().get(at) {
            Some(
                Node::Start(Element { offset, .. }) | Node::Text { offset, .. } | Node::Instruction { offset, .. },
            ) => *offset,
            Some(Node::End) | None => 0,
        };
        Refused { violation: Violation::new(rule, xml::path(tree, at), message), offset }
    })
}

/// Why and where a document is refused.
struct Refusal {
    rule: &'static str,
    /// Index of a node.
    at: usize,
    message: String,
}

fn refuse<T>(rule: &'static str, at: usize, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { rule, at, message: message.into() })
}

/// What a name of the document is to the plan.
#[derive(Clone, Copy)]
enum Known {
    Name(NameIx),
    XsiType,
    XsiNil,
    /// `xsi:schemaLocation`, `xsi:noNamespaceSchemaLocation`
    XsiOther,
    Unknown,
}

/// The element that the walk has come to.
#[derive(Clone, Copy)]
struct Here<'a, 's> {
    /// Index of its node.
    at: usize,
    element: &'a Element,
    scope: &'s Scope<'s>,
    /// The root element's is 1.
    depth: usize,
}

struct Reader<'a> {
    plan: &'a Plan,
    tree: &'a Tree,
    /// By [`NameId`].
    names: Vec<Known>,
    instructions: Instructions,
    max_depth: usize,
}

impl<'a> Reader<'a> {
    fn new(plan: &'a Plan, tree: &'a Tree, instructions: Instructions, limits: &Limits) -> Self {
        let known = |name: &ExpandedName| match name.local.as_str() {
            "type" if name.namespace == XSI => Known::XsiType,
            "nil" if name.namespace == XSI => Known::XsiNil,
            _ if name.namespace == XSI => Known::XsiOther,
            _ => plan.name_ix(name).map_or(Known::Unknown, Known::Name),
        };
        Self { plan, tree, names: tree.names().map(known).collect(), instructions, max_depth: limits.depth }
    }

    fn document(&self) -> Result<Value, Refusal> {
        let mut root = None;
        for (at, node) in self.tree.nodes().iter().enumerate() {
            match node {
                Node::Start(element) if root.is_none() => root = Some((at, element)),
                Node::Instruction { .. } => self.instruction(at)?,
                _ => {}
            }
        }
        let Some((at, element)) = root else { return refuse("root-element", 0, "there is no root element") };
        let is_it = |name| matches!(self.known(element.name), Known::Name(known) if known == name);
        let Some(declared) = self.plan.roots.iter().find(|declared| is_it(declared.name)) else {
            let wanted = self.plan.roots.first().map_or("", |root| self.plan.local(root.name));
            let message = format!("the root element is `{}`, not `{wanted}` of the contract", self.shown(element.name));
            return refuse("root-element", at, message);
        };
        let value = self.element(Here { at, element, scope: &Scope::root(element), depth: 1 }, declared)?;
        Ok(Value::from_iter([(Text::from(self.plan.local(declared.name)), value)]))
    }

    fn known(&self, id: NameId) -> Known {
        self.names.get(id.0 as usize).copied().unwrap_or(Known::Unknown)
    }

    /// A name as messages show it.
    fn shown(&self, id: NameId) -> &str {
        &self.tree.name(id).local
    }

    /// The nodes inside an element, with their indexes.
    fn inside(&self, at: usize, element: &Element) -> impl Iterator<Item = (usize, &'a Node)> {
        let start = at + 1;
        let nodes = self.tree.nodes().get(start..element.end as usize).unwrap_or_default();
        nodes.iter().enumerate().map(move |(offset, node)| (start + offset, node))
    }

    fn instruction(&self, at: usize) -> Result<(), Refusal> {
        match (self.instructions, self.tree.nodes().get(at)) {
            (Instructions::Refuse, Some(Node::Instruction { target, .. })) => refuse(
                "processing-instruction",
                at,
                format!("the processing instruction `{target}` has no place in JSON"),
            ),
            _ => Ok(()),
        }
    }
}
