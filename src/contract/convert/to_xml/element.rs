//! An element: of a plain value, of an object, or of null.

use super::members::Taken;
use super::path::Step;
use super::value::Lexical;
use super::{Writer, value};
use crate::contract::plan::Form;
use crate::contract::plan::types::{Complex, Content, Element as Declaration, Order, Simple};
use crate::message::{Members, Text, Value};

const NOT_NILLABLE: &str = "null is not allowed here: the element is not nillable";

impl<'v> Writer<'v> {
    pub(super) fn element(&mut self, declared: &'v Declaration, value: &'v Value) {
        if self.tree.depth() >= self.limits.depth {
            return self.refuse("depth", format!("elements nest more than {} levels deep", self.limits.depth));
        }
        let plan = self.plan;
        match (plan.form(declared.type_ix), value) {
            (Form::Scalar(_), Value::Null) => self.nil(declared),
            (Form::Scalar(simple), value) => self.scalar(declared, simple, value),
            (Form::Object(complex), Value::Null) if !complex.has_attributes() => self.nil(declared),
            (Form::Object(_), Value::Object(members)) => self.object(declared, members),
            (Form::Object(_), Value::Null) if declared.nillable => {
                self.refuse("object-expected", "an object is expected; for `xsi:nil` write `{\"#text\": null}`");
            }
            (Form::Object(_), Value::Null) => self.refuse("null-not-nillable", NOT_NILLABLE),
            (Form::Object(_), other) => {
                self.refuse("object-expected", format!("an object is expected, not {}", value::a(other)));
            }
        }
    }

    fn nil(&mut self, declared: &Declaration) {
        if !declared.nillable {
            return self.refuse("null-not-nillable", NOT_NILLABLE);
        }
        let nil = self.xsi_attribute(1, Text::borrowed("true"));
        self.tree.attribute(nil);
        self.leaf(declared.name, Lexical::default());
    }

    fn scalar(&mut self, declared: &Declaration, simple: &Simple, value: &Value) {
        let Some(written) = self.lexical(simple, value) else { return };
        if written.text.is_empty()
            && let Some(default) = declared.default.as_ref().filter(|default| !default.is_empty())
        {
            return self.refuse(
                "empty-for-default",
                format!("an empty element of this name would mean its default, `{default}`"),
            );
        }
        self.leaf(declared.name, written);
    }

    fn object(&mut self, declared: &'v Declaration, members: &'v Members) {
        let plan = self.plan;
        // A refused element may have left its own.
        self.places.clear();
        self.tree.forget_next();
        let mut type_ix = declared.type_ix;
        if let Some(written) = members.get("@xsi:type") {
            match self.xsi_type(written) {
                Some(ix) => type_ix = ix,
                None => return,
            }
        }
        match plan.form(type_ix) {
            Form::Scalar(simple) => {
                for key in members.keys().filter(|key| *key != "#text" && *key != "@xsi:type") {
                    self.refuse_key("unknown-key", key, "only `#text` may stand beside this `@xsi:type`");
                }
                match members.get("#text") {
                    Some(Value::Null) => self.nil(declared),
                    Some(value) => self.step(Step::Key("#text"), |writer| writer.scalar(declared, simple, value)),
                    None => self.refuse("missing-text", "`#text` is missing"),
                }
            }
            Form::Object(complex) if complex.is_abstract => {
                self.refuse(
                    "abstract-type",
                    "the element's type is abstract: `@xsi:type` must name a type derived from it",
                );
            }
            Form::Object(complex) => {
                let base = self.found.len();
                let outer = std::mem::replace(&mut self.base, base);
                self.complex(declared, complex, members);
                self.found.truncate(base);
                self.base = outer;
            }
        }
    }

    fn complex(&mut self, declared: &'v Declaration, complex: &'v Complex, members: &'v Members) {
        let Some(Taken { nil, control }) = self.take_members(complex, members) else { return };
        self.required_attributes(complex);
        self.sort_attributes();
        if nil {
            if self.found.len() > self.base {
                return self.refuse("nil-content", "`\"#text\": null` is `xsi:nil`: nothing else may stand beside it");
            }
            return self.nil(declared);
        }
        match &complex.content {
            Content::Empty => self.leaf(declared.name, Lexical::default()),
            Content::Simple(simple) => match control {
                Some(value) => {
                    let simple = self.plan.simple(*simple);
                    self.step(Step::Key("#text"), |writer| writer.scalar(declared, simple, value));
                }
                None => self.refuse("missing-text", "`#text` is missing: the element's own value"),
            },
            Content::Elements(elements) => {
                self.open(declared.name);
                match &elements.order {
                    Order::Names { program, plain, .. } => {
                        self.required_elements(elements);
                        if *plain { self.in_places(elements) } else { self.in_turns(elements, program) }
                    }
                    Order::Sequence => self.in_sequence(elements, "#seq", control),
                    Order::Mixed => self.in_sequence(elements, "#mixed", control),
                }
                self.tree.end();
            }
        }
    }
}
