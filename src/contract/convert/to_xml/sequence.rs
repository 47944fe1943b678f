//! The items of `#seq` and `#mixed`: put out in the order that they have.

use super::children::missing;
use super::members::undeclared;
use super::path::Step;
use super::{Writer, graft, value};
use crate::contract::convert::lexical;
use crate::contract::plan::types::Elements;
use crate::message::Value;

impl<'v> Writer<'v> {
    pub(super) fn in_sequence(&mut self, elements: &'v Elements, key: &'static str, value: Option<&'v Value>) {
        match value {
            Some(Value::Array(items)) => {
                self.step(Step::Key(key), |writer| writer.items(elements, key == "#mixed", items));
            }
            Some(value) => {
                self.refuse_key("array-expected", key, format!("an array is expected, not {}", value::a(value)));
            }
            None => {
                for slot in &elements.required {
                    self.refuse("missing-element", missing(elements, *slot));
                }
            }
        }
    }

    fn items(&mut self, elements: &'v Elements, mixed: bool, items: &'v [Value]) {
        let mut hint = 0;
        for (at, item) in items.iter().enumerate() {
            self.path.push(Step::Index(at));
            match item {
                Value::String(text) if mixed => match lexical::bad_character(text) {
                    Some(bad) => self.refuse("xml-character", value::not_carried(bad)),
                    None if text.is_empty() => {}
                    None => self.tree.text(text.clone(), 0),
                },
                Value::Object(members) if members.len() == 1 => {
                    for (key, value) in members.iter() {
                        self.step(Step::Key(key), |writer| writer.item(elements, key, value, &mut hint));
                    }
                }
                _ if mixed => self.refuse("item-expected", "a string or an object with one key is expected"),
                _ => self.refuse("item-expected", "an object with one key is expected"),
            }
            self.path.pop();
            if self.is_full() {
                break;
            }
        }
    }

    fn item(&mut self, elements: &'v Elements, key: &'v str, value: &'v Value, hint: &mut u16) {
        match elements.child_of_key(key, *hint) {
            Some((slot, child)) => {
                *hint = slot;
                self.element(&child.element, value);
            }
            None if key == "#any" => graft::graft(self, elements, value),
            None => {
                let keys = elements.children.iter().map(|child| child.key.as_str());
                self.refuse("unknown-key", undeclared(key, keys));
            }
        }
    }
}
