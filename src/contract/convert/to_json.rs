//! XML to JSON: one walk over the tape, with the plan's tables at hand.

use std::sync::Arc;

use super::fragment;
use super::lexical;
use super::scope::Scope;
use super::{Instructions, Refused};
use crate::contract::plan::types::{
    ANY, Child, Complex, Content, Element as Declaration, Elements, Emit, Kind, NameIx, Order, Simple, TypeIx,
};
use crate::contract::plan::{Form, Plan, XSI};
use crate::format::xml::{self, Element, NameId, Node, Tree};
use crate::message::{Limits, Members, Text, Value, Violation};

/// Why and where a document is refused.
pub(super) struct Refusal {
    rule: &'static str,
    at: usize,
    message: String,
}

fn refuse<T>(rule: &'static str, at: usize, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { rule, at, message: message.into() })
}

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

struct Reader<'a> {
    plan: &'a Plan,
    tree: &'a Tree,
    names: Vec<Known>,
    instructions: Instructions,
    depth: usize,
}

/// What an element's attributes say about it.
#[derive(Default)]
struct Control<'a> {
    nil: bool,
    xsi_type: Option<&'a Text>,
}

impl<'a> Reader<'a> {
    fn new(plan: &'a Plan, tree: &'a Tree, instructions: Instructions, limits: &Limits) -> Self {
        let known = |name: &crate::format::xml::ExpandedName| match name.local.as_str() {
            "type" if name.namespace == XSI => Known::XsiType,
            "nil" if name.namespace == XSI => Known::XsiNil,
            _ if name.namespace == XSI => Known::XsiOther,
            _ => plan.name_ix(name).map_or(Known::Unknown, Known::Name),
        };
        Self { plan, tree, names: tree.names().iter().map(known).collect(), instructions, depth: limits.depth }
    }

    fn known(&self, id: NameId) -> Known {
        self.names.get(id.0 as usize).copied().unwrap_or(Known::Unknown)
    }

    fn shown(&self, id: NameId) -> &str {
        &self.tree.name(id).local
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
        let declared = self
            .plan
            .roots
            .iter()
            .find(|declared| matches!(self.known(element.name), Known::Name(name) if name == declared.name));
        let Some(declared) = declared else {
            let wanted = self.plan.roots.first().map_or("", |root| self.plan.local(root.name));
            let message = format!("the root element is `{}`, not `{wanted}` of the contract", self.shown(element.name));
            return refuse("root-element", at, message);
        };
        let value = self.element(at, element, declared, &Scope::root(element), 1)?;
        Ok(Value::from_iter([(Text::from(self.plan.local(declared.name)), value)]))
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

    /// An element that only a wildcard admits, as text.
    fn fragment(&self, at: usize, element: &'a Element, scope: &Scope<'_>) -> Result<Text, Refusal> {
        for (at, node) in self.inside(at, element) {
            if matches!(node, Node::Instruction { .. }) {
                self.instruction(at)?;
            }
        }
        Ok(fragment::write(self.plan, self.tree, at, scope))
    }

    fn element(
        &self,
        at: usize,
        element: &'a Element,
        declared: &Declaration,
        scope: &Scope<'_>,
        depth: usize,
    ) -> Result<Value, Refusal> {
        if depth > self.depth {
            return refuse("depth", at, format!("elements nest more than {} levels deep", self.depth));
        }
        let control = self.control(element);
        match self.plan.form(declared.type_ix) {
            Form::Scalar(simple) => {
                self.only_control(at, element)?;
                if let Some(name) = control.xsi_type
                    && self.type_of(at, name, scope)?.0 != declared.type_ix
                {
                    let message = format!(
                        "`xsi:type=\"{name}\"` has no place in JSON: by its contract this element is a plain value"
                    );
                    return refuse("xsi-type", at, message);
                }
                if control.nil { self.nil(at, element) } else { self.scalar(at, element, simple, declared, scope) }
            }
            Form::Object(complex) => {
                let mut members = Members::default();
                let form = match control.xsi_type {
                    Some(name) => {
                        let (ix, name) = self.type_of(at, name, scope)?;
                        members.insert(Text::borrowed("@xsi:type"), Value::String(self.plan.prefixed(name)));
                        self.plan.form(ix)
                    }
                    None => Form::Object(complex),
                };
                let bare_nil = match form {
                    Form::Scalar(simple) => {
                        self.only_control(at, element)?;
                        if !control.nil {
                            let value = self.scalar(at, element, simple, declared, scope)?;
                            members.insert(Text::borrowed("#text"), value);
                        }
                        false
                    }
                    Form::Object(complex) => {
                        self.attributes(at, element, complex, scope, &mut members)?;
                        if !control.nil {
                            self.content(at, element, complex, declared, scope, depth, &mut members)?;
                        }
                        !complex.has_attributes() && members.is_empty()
                    }
                };
                if control.nil {
                    let nil = self.nil(at, element)?;
                    if bare_nil {
                        return Ok(nil);
                    }
                    members.insert(Text::borrowed("#text"), nil);
                }
                Ok(Value::object(members))
            }
        }
    }

    fn control(&self, element: &Element) -> Control<'a> {
        let mut control = Control::default();
        for attribute in self.tree.attributes(element) {
            match self.known(attribute.name) {
                Known::XsiNil => control.nil = matches!(attribute.value.as_str().trim(), "true" | "1"),
                Known::XsiType => control.xsi_type = Some(&attribute.value),
                _ => {}
            }
        }
        control
    }

    fn only_control(&self, at: usize, element: &Element) -> Result<(), Refusal> {
        for attribute in self.tree.attributes(element) {
            if matches!(self.known(attribute.name), Known::Name(_) | Known::Unknown) {
                let message = format!("the attribute `{}` is not declared here", self.shown(attribute.name));
                return refuse("unknown-attribute", at, message);
            }
        }
        Ok(())
    }

    /// The type that an `xsi:type` names, and its name.
    fn type_of(&self, at: usize, value: &Text, scope: &Scope<'_>) -> Result<(TypeIx, NameIx), Refusal> {
        let found = scope.expand(self.tree, value.as_str().trim(), true).and_then(|name| {
            let name = self.plan.name_ix(&name)?;
            Some((*self.plan.type_names.get(&name)?, name))
        });
        match found {
            Some(found) => Ok(found),
            None => {
                refuse("xsi-type", at, format!("`xsi:type=\"{value}\"` names no type that the contract admits here"))
            }
        }
    }

    fn nil(&self, at: usize, element: &Element) -> Result<Value, Refusal> {
        if at + 1 == element.end as usize {
            return Ok(Value::Null);
        }
        refuse("nil-content", at, "an element with `xsi:nil` must be empty")
    }

    fn scalar(
        &self,
        at: usize,
        element: &Element,
        simple: &Simple,
        declared: &Declaration,
        scope: &Scope<'_>,
    ) -> Result<Value, Refusal> {
        let text = self.text(at, element)?;
        match &declared.default {
            Some(default) if text.is_empty() => self.value(at, default, simple, scope),
            _ => self.value(at, &text, simple, scope),
        }
    }

    /// The text of an element without children.
    fn text(&self, at: usize, element: &Element) -> Result<Text, Refusal> {
        let mut found = Text::new();
        for (at, node) in self.inside(at, element) {
            match node {
                Node::Text { text, .. } if found.is_empty() => found = text.clone(),
                Node::Text { text, .. } => found.push_str(text),
                Node::Instruction { .. } => self.instruction(at)?,
                Node::Start(child) => {
                    let message = format!("the element `{}` stands where only text may", self.shown(child.name));
                    return refuse("unknown-element", at, message);
                }
                Node::End => {}
            }
        }
        Ok(found)
    }

    fn inside(&self, at: usize, element: &Element) -> impl Iterator<Item = (usize, &'a Node)> {
        let start = at + 1;
        let nodes = self.tree.nodes().get(start..element.end as usize).unwrap_or_default();
        nodes.iter().enumerate().map(move |(offset, node)| (start + offset, node))
    }

    fn value(&self, at: usize, text: &Text, simple: &Simple, scope: &Scope<'_>) -> Result<Value, Refusal> {
        let text = lexical::normalized(text, simple.whitespace);
        let wrong = |kind: &str| refuse("lexical-form", at, format!("`{text}` is not {kind}"));
        match &simple.kind {
            Kind::String => Ok(Value::String(text)),
            Kind::QName => match scope.expand(self.tree, &text, true) {
                Some(name) => Ok(Value::String(fragment::qualified(self.plan, &name))),
                None => wrong("a name with a declared prefix"),
            },
            Kind::Integer => {
                lexical::decimal(&text, true).map_or_else(|| wrong("an integer"), |n| Ok(Value::Number(n)))
            }
            Kind::Decimal => {
                lexical::decimal(&text, false).map_or_else(|| wrong("a decimal"), |n| Ok(Value::Number(n)))
            }
            Kind::Double if lexical::is_special_double(&text) => Ok(Value::String(text)),
            Kind::Double => lexical::double(&text).map_or_else(|| wrong("a number"), |n| Ok(Value::Number(n))),
            Kind::Boolean { .. } => match text.as_str() {
                "true" | "1" => Ok(Value::Bool(true)),
                "false" | "0" => Ok(Value::Bool(false)),
                _ => wrong("a boolean"),
            },
            Kind::List(item) => {
                let item = self.plan.simple(*item);
                let share = |word: &str| text.try_slice_ref(word).unwrap_or_else(|| Text::from(word));
                lexical::words(&text).map(|word| self.value(at, &share(word), item, scope)).collect()
            }
        }
    }

    /// Attributes in the contract's order, so that theirs in the document does not matter.
    fn attributes(
        &self,
        at: usize,
        element: &Element,
        complex: &Complex,
        scope: &Scope<'_>,
        members: &mut Members,
    ) -> Result<(), Refusal> {
        let mut found: Vec<(usize, Text, Value)> = Vec::new();
        for attribute in self.tree.attributes(element) {
            let declared = match self.known(attribute.name) {
                Known::XsiNil | Known::XsiType | Known::XsiOther => continue,
                Known::Name(name) => complex.attribute_of_name(name),
                Known::Unknown => None,
            };
            if let Some((order, declared)) = declared {
                let value = self.value(at, &attribute.value, self.plan.simple(declared.simple), scope)?;
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
                    return refuse("unknown-attribute", at, message);
                }
            }
        }
        if found.len() > 1 {
            found.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.as_str().cmp(b.1.as_str())));
        }
        members.extend(found.into_iter().map(|(_, key, value)| (key, value)));
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "the walk's whole state, in one place")]
    fn content(
        &self,
        at: usize,
        element: &'a Element,
        complex: &Complex,
        declared: &Declaration,
        scope: &Scope<'_>,
        depth: usize,
        members: &mut Members,
    ) -> Result<(), Refusal> {
        match &complex.content {
            Content::Empty => {
                for (at, node) in self.inside(at, element) {
                    match node {
                        Node::Instruction { .. } => self.instruction(at)?,
                        _ => return refuse("not-empty", at, "this element must be empty"),
                    }
                }
                Ok(())
            }
            Content::Simple(simple) => {
                let value = self.scalar(at, element, self.plan.simple(*simple), declared, scope)?;
                members.insert(Text::borrowed("#text"), value);
                Ok(())
            }
            Content::Elements(elements) => match &elements.order {
                Order::Names { program, any, plain, any_position } => {
                    let order = (!*any).then_some((program.as_slice(), *plain, *any_position));
                    self.by_names(at, element, elements, order, scope, depth, members)
                }
                Order::Sequence => self.in_sequence(at, element, elements, "#seq", scope, depth, members),
                Order::Mixed => self.in_sequence(at, element, elements, "#mixed", scope, depth, members),
            },
        }
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

    #[expect(clippy::too_many_arguments, reason = "the walk's whole state, in one place")]
    fn by_names(
        &self,
        at: usize,
        element: &'a Element,
        elements: &Elements,
        order: Option<(&[Emit], bool, u16)>,
        scope: &Scope<'_>,
        depth: usize,
        members: &mut Members,
    ) -> Result<(), Refusal> {
        let mut any = Vec::new();
        let mut run: Option<(&Child, Vec<Value>)> = None;
        let mut hint = 0;
        let mut position = 0;
        let mut slots = Vec::new();
        let mut next = at + 1;
        while let Some(node) = self.tree.nodes().get(next).filter(|_| next < element.end as usize) {
            let here = next;
            next += 1;
            let child = match node {
                Node::Start(child) => child,
                Node::Text { text, .. } if text.bytes().all(lexical::is_space) => continue,
                Node::Text { .. } => return refuse("text", here, "there is text where only elements may stand"),
                Node::Instruction { .. } => {
                    self.instruction(here)?;
                    continue;
                }
                Node::End => continue,
            };
            next = child.end as usize + 1;
            let mut found = self.child(here, child, elements, hint)?;
            if let Some((_, one)) = found
                && !one.repeated
                && members.contains_key(&one.key)
            {
                // What comes once more than the model has it can only be a wildcard's.
                found = None;
                if !elements.wildcards.iter().any(|any| any.namespaces.admits(&self.tree.name(child.name).namespace)) {
                    return refuse("repeated-element", here, format!("`{}` may occur only once here", one.key));
                }
            }
            let slot = found.map_or(ANY, |(slot, _)| slot);
            match order {
                Some((_, true, any_position)) => {
                    let own = found.map_or(any_position, |(_, child)| child.position);
                    if own < position {
                        let name = self.shown(child.name);
                        return refuse(
                            "order",
                            here,
                            format!("`{name}` stands out of the content model's order, which JSON cannot say"),
                        );
                    }
                    position = own;
                }
                Some((_, false, _)) => slots.push(slot),
                None => {}
            }
            let Some((_, declared)) = found else {
                any.push(Value::String(self.fragment(here, child, scope)?));
                continue;
            };
            hint = slot;
            let value = self.element(here, child, &declared.element, &scope.enter(child), depth + 1)?;
            if !declared.repeated {
                if let Some((known, values)) = run.take() {
                    append(members, known, values);
                }
                members.insert(declared.key.clone(), value);
                continue;
            }
            match &mut run {
                Some((known, values)) if known.key == declared.key => values.push(value),
                _ => {
                    if let Some((known, values)) = run.replace((declared, vec![value])) {
                        append(members, known, values);
                    }
                }
            }
        }
        if let Some((known, values)) = run {
            append(members, known, values);
        }
        if let Some((program, false, _)) = order
            && !follows(program, &slots)
        {
            return refuse("order", at, "its elements stand out of the content model's order, which JSON cannot say");
        }
        if !any.is_empty() {
            members.insert(Text::borrowed("#any"), Value::array(any));
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "the walk's whole state, in one place")]
    fn in_sequence(
        &self,
        at: usize,
        element: &'a Element,
        elements: &Elements,
        key: &'static str,
        scope: &Scope<'_>,
        depth: usize,
        members: &mut Members,
    ) -> Result<(), Refusal> {
        let mixed = key == "#mixed";
        let mut items: Vec<Value> = Vec::new();
        let mut hint = 0;
        let mut next = at + 1;
        while let Some(node) = self.tree.nodes().get(next).filter(|_| next < element.end as usize) {
            let here = next;
            next += 1;
            match node {
                Node::Start(child) => {
                    next = child.end as usize + 1;
                    items.push(match self.child(here, child, elements, hint)? {
                        Some((slot, declared)) => {
                            hint = slot;
                            let value = self.element(here, child, &declared.element, &scope.enter(child), depth + 1)?;
                            Value::from_iter([(declared.key.clone(), value)])
                        }
                        None => {
                            let text = self.fragment(here, child, scope)?;
                            Value::from_iter([(Text::borrowed("#any"), Value::String(text))])
                        }
                    });
                }
                Node::Text { text, .. } if mixed => match items.last_mut() {
                    Some(Value::String(before)) => before.push_str(text),
                    _ => items.push(Value::String(text.clone())),
                },
                Node::Text { text, .. } if text.bytes().all(lexical::is_space) => {}
                Node::Text { .. } => return refuse("text", here, "there is text where only elements may stand"),
                Node::Instruction { .. } => self.instruction(here)?,
                Node::End => {}
            }
        }
        if !items.is_empty() {
            members.insert(Text::borrowed(key), Value::array(items));
        }
        Ok(())
    }
}

fn append(members: &mut Members, child: &Child, values: Vec<Value>) {
    match members.get_mut(&child.key) {
        Some(Value::Array(known)) => Arc::make_mut(known).extend(values),
        _ => {
            members.insert(child.key.clone(), Value::array(values));
        }
    }
}

/// Whether a program puts the slots out in just this order.
fn follows(program: &[Emit], slots: &[u16]) -> bool {
    let mut left: std::collections::BTreeMap<u16, u32> = std::collections::BTreeMap::new();
    for slot in slots {
        *left.entry(*slot).or_default() += 1;
    }
    let mut expected = slots.iter();
    let mut take = |slot: u16, count: u32, left: &mut std::collections::BTreeMap<u16, u32>| {
        let held = left.entry(slot).or_default();
        let taken = count.min(*held);
        *held -= taken;
        (0..taken).all(|_| expected.next() == Some(&slot))
    };
    let fits = program.iter().all(|emit| match emit {
        Emit::All(slot) => take(*slot, u32::MAX, &mut left),
        Emit::Take(slot, count) => take(*slot, *count, &mut left),
        Emit::Loop(word) => {
            while word.iter().any(|(slot, _)| left.get(slot).is_some_and(|count| *count > 0)) {
                if !word.iter().all(|(slot, count)| take(*slot, *count, &mut left)) {
                    return false;
                }
            }
            true
        }
    });
    fits && left.values().all(|count| *count == 0)
}
