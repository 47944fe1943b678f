//! Child elements: members by their names, or the items of `#seq` and `#mixed`.

use std::sync::Arc;

use super::order::Watch;
use super::{Here, Known, Reader, Refusal, fragment, refuse};
use crate::contract::convert::lexical;
use crate::contract::plan::types::{Child, Elements, Emit};
use crate::format::xml::{Element, Node};
use crate::message::{Members, Text, Value};

impl<'a> Reader<'a> {
    /// Children whose order follows from their names.
    pub(super) fn by_names(
        &self,
        here: Here<'a, '_>,
        elements: &Elements,
        order: Option<(&[Emit], bool, u16)>,
        members: &mut Members,
    ) -> Result<(), Refusal> {
        let mut watch = Watch::new(order);
        let mut any = Vec::new();
        // Neighbours of one name are gathered before they become a member.
        let mut run: Option<(u16, &Child, Vec<Value>)> = None;
        let mut hint = 0;
        // The highest slot that a member has: what is beyond it comes for the first time.
        let mut highest = None;
        for (at, node) in self.children(here) {
            let child = match node {
                Node::Start(child) => child,
                Node::Instruction { .. } => {
                    self.instruction(at)?;
                    continue;
                }
                Node::Text { text, .. } => {
                    no_text(at, text)?;
                    continue;
                }
                Node::End => continue,
            };
            let mut found = self.child(at, child, elements, hint)?;
            if let Some((slot, one)) = found
                && !one.repeated
                && Some(slot) <= highest
                && members.contains_key(&one.key)
            {
                self.once_more(at, child, elements, one)?;
                found = None;
            }
            if !watch.pass(found) {
                let name = self.shown(child.name);
                let message = format!("`{name}` stands out of the content model's order, which JSON cannot say");
                return refuse("order", at, message);
            }
            let Some((slot, declared)) = found else {
                any.push(Value::String(self.fragment(at, child, here)?));
                continue;
            };
            hint = slot;
            highest = highest.max(Some(slot));
            let value = self.enter(here, at, child, declared)?;
            if !declared.repeated {
                if let Some((_, known, values)) = run.take() {
                    append(members, known, values);
                }
                members.append(declared.key.clone(), value);
                continue;
            }
            match &mut run {
                Some((known, _, values)) if *known == slot => values.push(value),
                _ => {
                    if let Some((_, known, values)) = run.replace((slot, declared, vec![value])) {
                        append(members, known, values);
                    }
                }
            }
        }
        if let Some((_, known, values)) = run {
            append(members, known, values);
        }
        watch.end(here.at)?;
        if !any.is_empty() {
            members.insert(Text::borrowed("#any"), Value::array(any));
        }
        Ok(())
    }

    /// Children whose order is kept, under `#seq` or `#mixed`.
    pub(super) fn in_sequence(
        &self,
        here: Here<'a, '_>,
        elements: &Elements,
        key: &'static str,
        members: &mut Members,
    ) -> Result<(), Refusal> {
        let mixed = key == "#mixed";
        let mut items: Vec<Value> = Vec::new();
        let mut hint = 0;
        for (at, node) in self.children(here) {
            match node {
                Node::Start(child) => items.push(match self.child(at, child, elements, hint)? {
                    Some((slot, declared)) => {
                        hint = slot;
                        let value = self.enter(here, at, child, declared)?;
                        Value::from_iter([(declared.key.clone(), value)])
                    }
                    None => {
                        let text = self.fragment(at, child, here)?;
                        Value::from_iter([(Text::borrowed("#any"), Value::String(text))])
                    }
                }),
                Node::Text { text, .. } if mixed => match items.last_mut() {
                    Some(Value::String(before)) => before.push_str(text),
                    _ => items.push(Value::String(text.clone())),
                },
                Node::Text { text, .. } => no_text(at, text)?,
                Node::Instruction { .. } => self.instruction(at)?,
                Node::End => {}
            }
        }
        if !items.is_empty() {
            members.insert(Text::borrowed(key), Value::array(items));
        }
        Ok(())
    }

    /// How many members the children will be, at a guess: neighbours of one name are one.
    pub(super) fn count(&self, here: Here<'a, '_>, elements: &Elements) -> usize {
        let mut last = None;
        let names = self.children(here).filter_map(|(_, node)| match node {
            Node::Start(child) => Some(child.name),
            _ => None,
        });
        names.filter(|name| last.replace(*name) != Some(*name)).take(elements.children.len() + 1).count()
    }

    /// The nodes that stand directly in an element, with their indexes.
    fn children(&self, here: Here<'a, '_>) -> impl Iterator<Item = (usize, &'a Node)> {
        let (nodes, end) = (self.tree.nodes(), here.element.end as usize);
        let mut next = here.at + 1;
        std::iter::from_fn(move || {
            let at = next;
            let node = nodes.get(at).filter(|_| at < end)?;
            next = match node {
                Node::Start(child) => child.end as usize + 1,
                _ => at + 1,
            };
            Some((at, node))
        })
    }

    fn enter(&self, here: Here<'a, '_>, at: usize, child: &'a Element, declared: &Child) -> Result<Value, Refusal> {
        let scope = here.scope.enter(child);
        self.element(Here { at, element: child, scope: &scope, depth: here.depth + 1 }, &declared.element)
    }

    /// The declaration of a child, or none where a wildcard admits what nobody declares.
    fn child<'e>(
        &self,
        at: usize,
        child: &Element,
        elements: &'e Elements,
        hint: u16,
    ) -> Result<Option<(u16, &'e Child)>, Refusal> {
        let declared = match self.known(child.name) {
            Known::Name(name) => elements.child_of_name(name, hint),
            _ => None,
        };
        if declared.is_none() && !elements.admits(&self.tree.name(child.name).namespace) {
            let message = format!("the element `{}` is not declared here", self.shown(child.name));
            return refuse("unknown-element", at, message);
        }
        Ok(declared)
    }

    /// What comes once more than the model has it can only be a wildcard's.
    fn once_more(&self, at: usize, child: &Element, elements: &Elements, declared: &Child) -> Result<(), Refusal> {
        let namespace = &self.tree.name(child.name).namespace;
        if elements.wildcards.iter().any(|any| any.namespaces.admits(namespace)) {
            return Ok(());
        }
        refuse("repeated-element", at, format!("`{}` may occur only once here", declared.key))
    }

    /// An element that only a wildcard admits, as text.
    fn fragment(&self, at: usize, element: &'a Element, parent: Here<'a, '_>) -> Result<Text, Refusal> {
        for (at, node) in self.inside(at, element) {
            if matches!(node, Node::Instruction { .. }) {
                self.instruction(at)?;
            }
        }
        Ok(fragment::write(self.plan, self.tree, at, parent.scope))
    }
}

/// White space between elements means nothing, CDATA or not (XML Schema 1.0 part 1, cvc-complex-type 2.3).
fn no_text(at: usize, text: &Text) -> Result<(), Refusal> {
    if text.bytes().all(lexical::is_space) {
        return Ok(());
    }
    refuse("text", at, "there is text where only elements may stand")
}

fn append(members: &mut Members, child: &Child, values: Vec<Value>) {
    match members.get_mut(&child.key) {
        Some(Value::Array(known)) => Arc::make_mut(known).extend(values),
        _ => {
            members.insert(child.key.clone(), Value::array(values));
        }
    }
}
