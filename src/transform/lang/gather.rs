//! Outputs that are looked at one after the other, and outputs that an array gathers: neither is handed on as a copy.

use super::env::{Bound, Env};
use super::node::{Kind, Node, Part, Pattern, Step};
use super::ops::{self, truthy};
use super::paths::not_iterable;
use super::run::Run;
use super::stop::{Flow, Stop};
use crate::message::Value;

/// Looks at the outputs of an expression, one after the other.
pub(super) type See<'o> = &'o mut dyn FnMut(&Value) -> Flow;

impl Run<'_> {
    /// Like [`Run::each`], for outputs that are only looked at.
    pub(super) fn each_view(&self, node: &Node, env: &Env<'_>, input: &Value, see: See<'_>) -> Flow {
        if node.one {
            let mut room = Value::Null;
            return see(self.view(node, env, input, &mut room)?);
        }
        self.charge(1)?;
        self.deeper(|| self.see_of(node, env, input, see)).map_err(|stop| stop.at(node.span))
    }

    fn see_of(&self, node: &Node, env: &Env<'_>, input: &Value, see: See<'_>) -> Flow {
        match &node.kind {
            Kind::Path(base, steps) => {
                self.each_view(base, env, input, &mut |value| self.walk_steps(steps, env, input, value, see))
            }
            Kind::Pipe(left, right) => {
                self.each_view(left, env, input, &mut |middle| self.each_view(right, env, middle, see))
            }
            Kind::If(condition, then, otherwise) if condition.one => {
                let branch = if self.truth(condition, env, input)? { then } else { otherwise };
                self.each_view(branch, env, input, see)
            }
            Kind::Alternative(left, right) if left.one => {
                let mut room = Value::Null;
                match self.view(left, env, input, &mut room) {
                    Ok(value) if truthy(value) => return see(value),
                    Ok(_) => {}
                    Err(stop) => drop(stop.caught()?),
                }
                self.each_view(right, env, input, see)
            }
            _ => self.each_of(node, env, input, &mut |value| see(&value)),
        }
    }

    /// Follows steps from a value. `input` is what the indices are evaluated against.
    pub(super) fn walk_steps(&self, steps: &[Step], env: &Env<'_>, input: &Value, value: &Value, see: See<'_>) -> Flow {
        let Some((step, rest)) = steps.split_first() else {
            return see(value);
        };
        let absent = |stop: Stop| if step.optional { stop.caught().map(|_| ()) } else { Err(stop) };
        let mut go = |value: &Value| self.deeper(|| self.walk_steps(rest, env, input, value, see));
        match (&step.part, value) {
            (Part::Key(key), value) => {
                self.charge(1)?;
                ops::member(value, key, &step.near).map_or_else(absent, go)
            }
            (Part::Iterate, Value::Array(items)) => {
                self.charge(1)?;
                items.iter().try_for_each(go)
            }
            (Part::Iterate, Value::Object(members)) => {
                self.charge(1)?;
                members.values().try_for_each(go)
            }
            (Part::Iterate, value) => absent(not_iterable(value)),
            (Part::Index(_) | Part::Slice(..), value) => {
                let first = std::slice::from_ref(step);
                self.steps(first, env, input, value, None, &mut |value, _| go(value))
            }
        }
    }

    /// Puts every output of a node behind those that are there.
    pub(super) fn gather(&self, node: &Node, env: &Env<'_>, input: &Value, all: &mut Vec<Value>) -> Flow {
        if node.one {
            self.charge_items(all.len(), 1)?;
            return self.put(node, env, input, all.push_mut(Value::Null));
        }
        self.charge(1)?;
        self.deeper(|| match &node.kind {
            Kind::Comma(parts) => parts.iter().try_for_each(|part| self.gather(part, env, input, all)),
            Kind::Pipe(left, right) => {
                self.each_view(left, env, input, &mut |middle| self.gather(right, env, middle, all))
            }
            Kind::Bind(source, Pattern::Var, body) => self.each_view(source, env, input, &mut |value| {
                self.gather(body, &Env::new(env, Bound::Value(value)), input, all)
            }),
            Kind::If(condition, then, otherwise) if condition.one => {
                let branch = if self.truth(condition, env, input)? { then } else { otherwise };
                self.gather(branch, env, input, all)
            }
            Kind::Path(..) | Kind::Alternative(..) => self.see_of(node, env, input, &mut |value| {
                all.push(value.clone());
                self.charge_items(all.len(), 1)
            }),
            _ => self.each_of(node, env, input, &mut |value| {
                all.push(value);
                self.charge_items(all.len(), 1)
            }),
        })
        .map_err(|stop| stop.at(node.span))
    }
}
