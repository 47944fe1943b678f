//! The members of an object, told apart: attributes, children and the element's own value.

use super::{Found, Writer};
use crate::contract::plan::types::{ANY, Complex, Content, Elements, Order};
use crate::diagnostic::did_you_mean;
use crate::message::{Members, Value};

/// What is neither an attribute nor a child.
pub(super) struct Taken<'v> {
    /// `"#text": null`
    pub(super) nil: bool,
    /// The value of `#text`, `#seq` or `#mixed`.
    pub(super) control: Option<&'v Value>,
}

impl<'v> Writer<'v> {
    /// Puts attributes and children where they wait. Nothing if there were enough violations to give up.
    pub(super) fn take_members(&mut self, complex: &'v Complex, members: &'v Members) -> Option<Taken<'v>> {
        let mut taken = Taken { nil: false, control: None };
        let mut hint = 0;
        let named = match &complex.content {
            Content::Elements(elements @ Elements { order: Order::Names { .. }, .. }) => Some(elements),
            _ => None,
        };
        for (key, value) in members {
            let key = key.as_str();
            match (key.as_bytes().first(), named) {
                (Some(b'@'), _) if key == "@xsi:type" => {}
                (Some(b'@'), _) => self.attribute(complex, key, key.get(1..).unwrap_or_default(), value),
                (Some(b'#'), _) => self.control(complex, key, value, &mut taken),
                (_, Some(elements)) => match elements.child_of_key(key, hint) {
                    Some((slot, child)) => {
                        hint = slot.saturating_add(1);
                        self.found.push(Found { slot, position: child.position, key, value });
                    }
                    None => self.unknown(key, complex, &complex.content),
                },
                (_, None) => self.unknown(key, complex, &complex.content),
            }
            if self.is_full() {
                return None;
            }
        }
        Some(taken)
    }

    /// Takes a member that is neither an attribute nor a child by its name.
    fn control(&mut self, complex: &'v Complex, key: &'v str, value: &'v Value, taken: &mut Taken<'v>) {
        match &complex.content {
            _ if key == "#text" && matches!(value, Value::Null) => taken.nil = true,
            Content::Simple(_) if key == "#text" => taken.control = Some(value),
            Content::Elements(Elements { order: Order::Sequence, .. }) if key == "#seq" => taken.control = Some(value),
            Content::Elements(Elements { order: Order::Mixed, .. }) if key == "#mixed" => taken.control = Some(value),
            Content::Elements(Elements { order: Order::Names { any_position, .. }, wildcards, .. })
                if key == "#any" && !wildcards.is_empty() =>
            {
                self.found.push(Found { slot: ANY, position: *any_position, key, value });
            }
            content => self.unknown(key, complex, content),
        }
    }

    fn unknown(&mut self, key: &'v str, complex: &Complex, content: &Content) {
        let message = match content {
            Content::Elements(Elements { order: Order::Sequence, .. }) => {
                "the order of these elements matters: they stand in `#seq`, as `{\"#seq\": [{\"name\": …}, …]}`"
                    .to_owned()
            }
            Content::Elements(Elements { order: Order::Mixed, .. }) => {
                "text and elements stand in `#mixed`, as `{\"#mixed\": [\"text\", {\"name\": …}]}`".to_owned()
            }
            content => {
                let elements = match content {
                    Content::Elements(elements) => elements.children.as_slice(),
                    _ => &[],
                };
                let text = matches!(content, Content::Simple(_)).then_some("#text");
                let keys = elements.iter().map(|child| child.key.as_str());
                let keys = keys.chain(complex.attributes.iter().map(|attribute| attribute.key.as_str())).chain(text);
                undeclared(key, keys)
            }
        };
        self.refuse_key("unknown-key", key, message);
    }
}

/// What to say of a key that is none of these.
pub(super) fn undeclared<'k>(key: &str, keys: impl Iterator<Item = &'k str>) -> String {
    match did_you_mean(key, keys) {
        Some(meant) => format!("`{key}` is not declared here; did you mean `{meant}`?"),
        None => format!("`{key}` is not declared here"),
    }
}
