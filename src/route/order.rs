//! In which order a route processes its messages.

use crate::format::json::compact;
use crate::message::{Text, Value};

use super::expression::Expression;

/// In which order a route processes its messages.
#[derive(Debug, Default)]
pub enum Order {
    /// As they come, side by side.
    #[default]
    None,
    /// One at a time.
    Strict,
    /// One at a time of each key.
    ByKey(Box<Expression>),
}

impl Order {
    /// Whether any two messages are kept in order.
    pub fn is_kept(&self) -> bool {
        !matches!(self, Self::None)
    }
}

/// The name of a key. Different values have different names: a text is not the number that looks like it.
pub(super) fn name(key: Value) -> Text {
    match key {
        Value::String(text) => text,
        other => Text::from(format!("\0{}", compact(&other))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_keys_have_different_names() {
        let keys = [Value::from("1"), Value::from(1), Value::Null, Value::from("null"), Value::Bool(true)];
        let names: std::collections::BTreeSet<_> = keys.into_iter().map(name).collect();
        assert_eq!(names.len(), 5, "{names:?}");
        assert_eq!(name(Value::from(1)), name(Value::from(1)));
    }
}
