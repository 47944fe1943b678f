//! Values of simple types as text.

use super::Writer;
use super::path::Step;
use crate::contract::convert::lexical;
use crate::contract::plan::types::{Kind, Simple, SimpleIx};
use crate::format::xml::{Look, is_ncname, look};
use crate::message::{Text, Value};

/// A value as text.
#[derive(Default)]
pub(super) struct Lexical {
    pub(super) text: Text,
    /// Whether it is known that nothing in it has to be escaped.
    pub(super) plain: bool,
}

impl Lexical {
    fn plain(text: Text) -> Self {
        Self { text, plain: true }
    }

    fn of(text: Text) -> Self {
        Self { text, plain: false }
    }
}

impl<'v> Writer<'v> {
    /// The text of a value of a simple type. The namespaces that names in it need are made ready.
    pub(super) fn lexical(&mut self, simple: &Simple, value: &Value) -> Option<Lexical> {
        match (&simple.kind, value) {
            (Kind::String, Value::String(text)) => match look(text) {
                Look::Plain => return Some(Lexical::plain(text.clone())),
                Look::Marked => return Some(Lexical::of(text.clone())),
                Look::Bad(bad) => {
                    self.refuse("xml-character", not_carried(bad));
                    return None;
                }
            },
            (Kind::Boolean { yes, .. }, Value::Bool(true)) => return Some(Lexical::plain(Text::borrowed(yes))),
            (Kind::Boolean { no, .. }, Value::Bool(false)) => return Some(Lexical::plain(Text::borrowed(no))),
            (Kind::Integer | Kind::Decimal, Value::Number(number)) => {
                if let Some(text) = lexical::decimal_text(number, simple.kind == Kind::Integer) {
                    return Some(Lexical::plain(text));
                }
            }
            (Kind::Double, Value::Number(number)) => return Some(Lexical::plain(number.to_text())),
            (Kind::Integer | Kind::Decimal, Value::String(text))
                if lexical::decimal(text, simple.kind == Kind::Integer).is_some() =>
            {
                return Some(Lexical::plain(text.clone()));
            }
            (Kind::Double, Value::String(text))
                if lexical::is_special_double(text) || lexical::double(text).is_some() =>
            {
                return Some(Lexical::plain(text.clone()));
            }
            (Kind::QName, Value::String(text)) => return self.name_in_value(text).map(Lexical::of),
            (Kind::List(item), Value::Array(items)) => return self.list(*item, items),
            _ => {}
        }
        self.refuse_value(&simple.kind, value);
        None
    }

    fn list(&mut self, item: SimpleIx, items: &[Value]) -> Option<Lexical> {
        let plan = self.plan;
        let simple = plan.simple(item);
        let mut joined = String::new();
        let mut plain = true;
        for (at, value) in items.iter().enumerate() {
            self.path.push(Step::Index(at));
            let found = self.lexical(simple, value);
            let word =
                found.as_ref().is_none_or(|one| !one.text.is_empty() && !one.text.bytes().any(lexical::is_space));
            if !word {
                self.refuse("list-item", "an item of an `xs:list` must not be empty or hold white space");
            }
            self.path.pop();
            if at > 0 {
                joined.push(' ');
            }
            let one = found?;
            joined.push_str(&one.text);
            plain &= one.plain;
        }
        Some(Lexical { text: Text::from(joined), plain })
    }

    fn name_in_value(&mut self, text: &Text) -> Option<Text> {
        let name = self.name_bound(text);
        if name.is_none() {
            let message = format!("`{text}` is no name with a prefix of the contract, nor `Q{{uri}}name`");
            self.refuse("lexical-form", message);
        }
        name
    }

    /// `p:name` with the contract's prefix, or `Q{uri}name` with a binding of its own.
    fn name_bound(&mut self, text: &Text) -> Option<Text> {
        if let Some((uri, local)) = text.as_str().strip_prefix("Q{").and_then(|rest| rest.split_once('}')) {
            if !is_ncname(local) || uri.is_empty() || self.plan.namespace_of_uri(uri).is_some() {
                return None;
            }
            let prefix = self.bound(&Text::from(uri));
            return Some(Text::from(format!("{prefix}:{local}")));
        }
        match text.as_str().split_once(':') {
            None => is_ncname(text).then(|| text.clone()),
            Some((prefix, local)) => {
                let namespace = self.plan.namespace_of_prefix(prefix)?;
                self.prefix(namespace);
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
