//! An element: a plain value, an object, or null.

use super::scope::Scope;
use super::{Here, Known, Reader, Refusal, refuse};
use crate::contract::plan::Form;
use crate::contract::plan::types::{Complex, Content, Element as Declaration, Elements, NameIx, Order, Simple, TypeIx};
use crate::format::xml::{Element, Node};
use crate::message::{Members, Text, Value};

/// What an element's attributes say about it.
#[derive(Default)]
struct Control<'a> {
    nil: bool,
    xsi_type: Option<&'a Text>,
}

impl<'a> Reader<'a> {
    pub(super) fn element(&self, here: Here<'a, '_>, declared: &Declaration) -> Result<Value, Refusal> {
        if here.depth > self.max_depth {
            let message = format!("elements nest more than {} levels deep", self.max_depth);
            return refuse("depth", here.at, message);
        }
        let control = self.control(here.element);
        match self.plan.form(declared.type_ix) {
            Form::Scalar(simple) => self.plain(here, simple, declared, &control),
            Form::Object(complex) => self.object(here, complex, declared, &control),
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

    /// An element that is a plain value by its contract.
    fn plain(
        &self,
        here: Here<'a, '_>,
        simple: &Simple,
        declared: &Declaration,
        control: &Control<'_>,
    ) -> Result<Value, Refusal> {
        self.no_attributes(here)?;
        if let Some(name) = control.xsi_type
            && self.type_of(here.at, name, here.scope)?.0 != declared.type_ix
        {
            let message =
                format!("`xsi:type=\"{name}\"` has no place in JSON: by its contract this element is a plain value");
            return refuse("xsi-type", here.at, message);
        }
        if control.nil { self.nil(here) } else { self.scalar(here, simple, declared) }
    }

    /// An element that is an object by its contract, as its declared type or the one that `xsi:type` names.
    fn object(
        &self,
        here: Here<'a, '_>,
        complex: &'a Complex,
        declared: &Declaration,
        control: &Control<'_>,
    ) -> Result<Value, Refusal> {
        let mut members = Members::with_capacity(self.size(here, complex));
        let form = match control.xsi_type {
            Some(name) => {
                let (ix, name) = self.type_of(here.at, name, here.scope)?;
                members.insert(Text::borrowed("@xsi:type"), Value::String(self.plan.prefixed(name)));
                self.plan.form(ix)
            }
            None => Form::Object(complex),
        };
        match form {
            Form::Scalar(simple) => {
                self.no_attributes(here)?;
                if !control.nil {
                    members.insert(Text::borrowed("#text"), self.scalar(here, simple, declared)?);
                }
            }
            Form::Object(complex) => {
                self.attributes(here, complex, &mut members)?;
                if !control.nil {
                    self.content(here, complex, declared, &mut members)?;
                }
            }
        }
        if control.nil {
            let nil = self.nil(here)?;
            let stands_alone = matches!(form, Form::Object(complex) if !complex.has_attributes());
            if stands_alone && members.is_empty() {
                return Ok(nil);
            }
            members.insert(Text::borrowed("#text"), nil);
        }
        Ok(Value::object(members))
    }

    /// How many members the element will have, at a guess.
    fn size(&self, here: Here<'a, '_>, complex: &Complex) -> usize {
        let content = match &complex.content {
            Content::Empty => 0,
            Content::Elements(elements @ Elements { order: Order::Names { .. }, .. }) => self.count(here, elements),
            Content::Simple(_) | Content::Elements(_) => 1,
        };
        here.element.attributes.len() + content
    }

    fn content(
        &self,
        here: Here<'a, '_>,
        complex: &Complex,
        declared: &Declaration,
        members: &mut Members,
    ) -> Result<(), Refusal> {
        match &complex.content {
            Content::Empty => self.nothing(here),
            Content::Simple(simple) => {
                let value = self.scalar(here, self.plan.simple(*simple), declared)?;
                members.insert(Text::borrowed("#text"), value);
                Ok(())
            }
            Content::Elements(elements) => match &elements.order {
                Order::Names { program, any, plain, any_position } => {
                    let order = (!*any).then_some((program.as_slice(), *plain, *any_position));
                    self.by_names(here, elements, order, members)
                }
                Order::Sequence => self.in_sequence(here, elements, "#seq", members),
                Order::Mixed => self.in_sequence(here, elements, "#mixed", members),
            },
        }
    }

    /// Empty content holds no character at all, not even white space.
    fn nothing(&self, here: Here<'a, '_>) -> Result<(), Refusal> {
        for (at, node) in self.inside(here.at, here.element) {
            match node {
                Node::Instruction { .. } => self.instruction(at)?,
                _ => return refuse("not-empty", at, "this element must be empty"),
            }
        }
        Ok(())
    }

    fn no_attributes(&self, here: Here<'a, '_>) -> Result<(), Refusal> {
        for attribute in self.tree.attributes(here.element) {
            if matches!(self.known(attribute.name), Known::Name(_) | Known::Unknown) {
                let message = format!("the attribute `{}` is not declared here", self.shown(attribute.name));
                return refuse("unknown-attribute", here.at, message);
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

    fn nil(&self, here: Here<'a, '_>) -> Result<Value, Refusal> {
        if here.at + 1 == here.element.end as usize {
            return Ok(Value::Null);
        }
        refuse("nil-content", here.at, "an element with `xsi:nil` must be empty")
    }
}
