//! Values of simple types.

use super::scope::Scope;
use super::{Here, Reader, Refusal, fragment, refuse};
use crate::contract::convert::lexical;
use crate::contract::plan::types::{Element as Declaration, Kind, Simple};
use crate::format::xml::Node;
use crate::message::{Text, Value};

impl<'a> Reader<'a> {
    /// The value of an element without children.
    pub(super) fn scalar(&self, here: Here<'a, '_>, simple: &Simple, declared: &Declaration) -> Result<Value, Refusal> {
        // Nearly always there is one text and nothing else.
        let joined;
        let mut inside = self.inside(here.at, here.element);
        let text = match (inside.next(), inside.next()) {
            (Some((_, Node::Text { text, .. })), None) => text,
            _ => {
                joined = self.text(here)?;
                &joined
            }
        };
        match &declared.default {
            Some(default) if text.is_empty() => self.value(here.at, default, simple, here.scope),
            _ => self.value(here.at, text, simple, here.scope),
        }
    }

    fn text(&self, here: Here<'a, '_>) -> Result<Text, Refusal> {
        let mut found = Text::new();
        for (at, node) in self.inside(here.at, here.element) {
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

    /// What a text is as a value of the type.
    pub(super) fn value(&self, at: usize, text: &Text, simple: &Simple, scope: &Scope<'_>) -> Result<Value, Refusal> {
        if simple.kind == Kind::String {
            return Ok(Value::String(lexical::normalized(text, simple.whitespace)));
        }
        let text = lexical::normalized(text, simple.whitespace);
        let wrong = |kind: &str| refuse("lexical-form", at, format!("`{text}` is not {kind}"));
        match &simple.kind {
            Kind::String => Ok(Value::String(text)),
            Kind::QName => match scope.expand(self.tree, &text, true) {
                Some(name) => Ok(Value::String(fragment::qualified(self.plan, &name))),
                None => wrong("a name with a declared prefix"),
            },
            Kind::Integer => match lexical::decimal(&text, true) {
                Some(number) => Ok(Value::Number(number)),
                None => wrong("an integer"),
            },
            Kind::Decimal => match lexical::decimal(&text, false) {
                Some(number) => Ok(Value::Number(number)),
                None => wrong("a decimal"),
            },
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
}
