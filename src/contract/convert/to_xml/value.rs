//! Values of simple types as text.

use super::Writer;
use super::path::Step;
use crate::contract::convert::lexical;
use crate::contract::plan::types::{Kind, Simple, SimpleIx};
use crate::format::xml::{Binding, is_ncname};
use crate::message::{Text, Value};

impl<'v> Writer<'v> {
    /// The text of a value of a simple type. The namespaces that names in it need are made ready.
    pub(super) fn lexical(&mut self, simple: &Simple, value: &Value) -> Option<Text> {
        let found = match (&simple.kind, value) {
            (Kind::String, Value::String(text)) => {
                if let Some(bad) = lexical::bad_character(text) {
                    self.refuse("xml-character", not_carried(bad));
                    return None;
                }
                Some(text.clone())
            }
            (Kind::QName, Value::String(text)) => {
                let name = self.name_in_value(text);
                if name.is_none() {
                    self.refuse(
                        "lexical-form",
                        format!("`{text}` is no name with a prefix of the contract, nor `Q{{uri}}name`"),
                    );
                }
                return name;
            }
            (Kind::Boolean { yes, .. }, Value::Bool(true)) => Some(Text::borrowed(yes)),
            (Kind::Boolean { no, .. }, Value::Bool(false)) => Some(Text::borrowed(no)),
            (Kind::Integer, Value::Number(number)) => lexical::decimal_text(number, true),
            (Kind::Decimal, Value::Number(number)) => lexical::decimal_text(number, false),
            (Kind::Double, Value::Number(number)) => Some(number.to_text()),
            (Kind::Integer, Value::String(text)) => lexical::decimal(text, true).map(|_| text.clone()),
            (Kind::Decimal, Value::String(text)) => lexical::decimal(text, false).map(|_| text.clone()),
            (Kind::Double, Value::String(text)) => {
                let fits = lexical::is_special_double(text) || lexical::double(text).is_some();
                fits.then(|| text.clone())
            }
            (Kind::List(item), Value::Array(items)) => return self.list(*item, items),
            _ => None,
        };
        if found.is_none() {
            self.refuse_value(&simple.kind, value);
        }
        found
    }

    fn list(&mut self, item: SimpleIx, items: &[Value]) -> Option<Text> {
        let plan = self.plan;
        let simple = plan.simple(item);
        let mut joined = String::new();
        for (at, value) in items.iter().enumerate() {
            self.path.push(Step::Index(at));
            let found = self.lexical(simple, value);
            let word = found.as_ref().is_none_or(|text| !text.is_empty() && !text.bytes().any(lexical::is_space));
            if !word {
                self.refuse("list-item", "an item of an `xs:list` must not be empty or hold white space");
            }
            self.path.pop();
            if at > 0 {
                joined.push(' ');
            }
            joined.push_str(&found?);
        }
        Some(Text::from(joined))
    }

    /// `p:name` with the contract's prefix, or `Q{uri}name` with a binding of its own.
    fn name_in_value(&mut self, text: &Text) -> Option<Text> {
        if let Some((uri, local)) = text.as_str().strip_prefix("Q{").and_then(|rest| rest.split_once('}')) {
            if !is_ncname(local) || uri.is_empty() || self.plan.namespace_of_uri(uri).is_some() {
                return None;
            }
            let binding = Binding { prefix: self.plan.free_prefix(), uri: Text::from(uri) };
            let name = Text::from(format!("{}:{local}", binding.prefix));
            if !self.bindings.contains(&binding) {
                self.bindings.push(binding);
            }
            return Some(name);
        }
        match text.as_str().split_once(':') {
            None => is_ncname(text).then(|| text.clone()),
            Some((prefix, local)) => {
                let namespace = self.plan.namespace_of_prefix(prefix)?;
                self.mark(namespace);
                is_ncname(local).then(|| text.clone())
            }
        }
    }

    fn refuse_value(&mut self, kind: &Kind, value: &Value) {
        let rule = match (kind, value) {
            (Kind::List(_), _) => "array-expected",
            (Kind::Boolean { .. }, _) => "boolean-expected",
            (Kind::Integer | Kind::Decimal | Kind::Double, Value::Number(_)) => "number-for-type",
            (Kind::Integer | Kind::Decimal | Kind::Double, Value::String(_)) => "lexical-form",
            (Kind::Integer | Kind::Decimal | Kind::Double, _) => "number-expected",
            (Kind::String | Kind::QName, _) => "string-expected",
        };
        let message = match (rule, value) {
            ("number-for-type", Value::Number(number)) if *kind == Kind::Integer => {
                format!("{number} is not an integer")
            }
            ("number-for-type", Value::Number(number)) => format!("{number} has too many digits"),
            ("lexical-form", Value::String(text)) => format!("`{text}` is not {}", expected(kind)),
            _ => format!("{} is expected, not {}", expected(kind), a(value)),
        };
        self.refuse(rule, message);
    }
}

pub(super) fn not_carried(bad: char) -> String {
    format!("XML cannot carry the character U+{:04X}", u32::from(bad))
}

pub(super) fn a(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn expected(kind: &Kind) -> &'static str {
    match kind {
        Kind::String | Kind::QName => "a string",
        Kind::Integer => "an integer",
        Kind::Decimal => "a decimal",
        Kind::Double => "a number",
        Kind::Boolean { .. } => "a boolean",
        Kind::List(_) => "an array",
    }
}
