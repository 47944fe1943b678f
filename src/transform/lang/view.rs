//! Values that are only looked at: borrowed where they exist already.

use std::borrow::Cow;

use super::env::Env;
use super::node::{Kind, Node, Part, Step};
use super::ops::{self, truthy};
use super::run::Run;
use super::stop::Flow;
use crate::message::Value;

impl Run<'_> {
    /// The value of a node that gives exactly one; `room` is where it is made if it does not exist already.
    pub(super) fn view<'v>(
        &'v self,
        node: &'v Node,
        env: &'v Env<'v>,
        input: &'v Value,
        room: &'v mut Value,
    ) -> Flow<&'v Value> {
        match self.seen(node, env, input) {
            Ok(Some(value)) => Ok(value),
            Ok(None) => {
                self.put(node, env, input, room)?;
                Ok(room)
            }
            Err(stop) => Err(stop.at(node.span)),
        }
    }

    /// The value of a node, where it exists already: the input, a variable, a constant, a member of one of them.
    #[inline(always)]
    pub(super) fn seen<'v>(&'v self, node: &'v Node, env: &'v Env<'_>, input: &'v Value) -> Flow<Option<&'v Value>> {
        let Kind::Path(base, steps) = &node.kind else { return Ok(self.there(node, env, input)) };
        let Some(mut value) = self.there(base, env, input) else { return Ok(None) };
        for step in steps {
            value = match &step.part {
                _ if step.optional => return Ok(None),
                Part::Key(key) => ops::member(value, key, &step.near)?,
                Part::Index(index) => match self.there(index, env, input).map(|index| ops::index(value, index)) {
                    Some(Ok(Cow::Borrowed(part))) => part,
                    Some(Err(stop)) => return Err(stop),
                    Some(Ok(Cow::Owned(_))) | None => return Ok(None),
                },
                Part::Iterate | Part::Slice(..) => return Ok(None),
            };
        }
        Ok(Some(value))
    }

    /// Whether the value of a node that gives exactly one is neither `null` nor `false`.
    pub(super) fn truth(&self, node: &Node, env: &Env<'_>, input: &Value) -> Flow<bool> {
        match &node.kind {
            Kind::Compare(op, left, right) => {
                self.charge(1)?;
                self.deeper(|| self.comparison(*op, left, right, env, input)).map_err(|stop| stop.at(node.span))
            }
            _ => {
                let mut room = Value::Null;
                Ok(truthy(self.view(node, env, input, &mut room)?))
            }
        }
    }

    /// The value of a node that needs no evaluation.
    #[inline(always)]
    pub(super) fn there<'v>(&'v self, node: &'v Node, env: &'v Env<'_>, input: &'v Value) -> Option<&'v Value> {
        match &node.kind {
            Kind::Identity => Some(input),
            Kind::Const(value) => Some(value),
            Kind::Var(hops) => Some(env.value(*hops)),
            Kind::Global(at) => Some(self.globals.get(*at).unwrap_or(&ops::NULL)),
            _ => None,
        }
    }

    /// A path whose every step gives one value.
    pub(super) fn path(&self, base: &Node, steps: &[Step], env: &Env<'_>, input: &Value) -> Flow<Value> {
        let base = match self.there(base, env, input) {
            Some(value) => Cow::Borrowed(value),
            None => Cow::Owned(self.deeper(|| self.one(base, env, input))?),
        };
        self.follow_path(base, steps, env, input).map(Cow::into_owned)
    }

    fn follow_path<'v>(
        &'v self,
        mut current: Cow<'v, Value>,
        steps: &'v [Step],
        env: &'v Env<'v>,
        input: &'v Value,
    ) -> Flow<Cow<'v, Value>> {
        for step in steps {
            current = match (&step.part, current) {
                (Part::Key(key), Cow::Borrowed(value)) => Cow::Borrowed(ops::member(value, key, &step.near)?),
                (Part::Key(key), Cow::Owned(value)) => Cow::Owned(ops::member(&value, key, &step.near)?.clone()),
                (Part::Index(index), value) => {
                    let mut room = Value::Null;
                    let index = self.deeper(|| self.view(index, env, input, &mut room))?;
                    match value {
                        Cow::Borrowed(value) => ops::index(value, index)?,
                        Cow::Owned(value) => Cow::Owned(ops::index(&value, index)?.into_owned()),
                    }
                }
                (Part::Slice(from, to), value) => {
                    let bound = |bound: &Option<Node>| match bound {
                        Some(bound) => self.deeper(|| self.one(bound, env, input)),
                        None => Ok(Value::Null),
                    };
                    Cow::Owned(ops::slice(&value, &bound(from)?, &bound(to)?)?)
                }
                (Part::Iterate, value) => value,
            };
        }
        Ok(current)
    }
}
