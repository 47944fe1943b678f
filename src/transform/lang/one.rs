//! Nodes that give exactly one value: returned, not handed on, and borrowed where it exists already.

use std::borrow::Cow;
use std::sync::Arc;

use jaq_core::ops::{Cmp, Math};

use super::env::{Bound, Env};
use super::format;
use super::native::Native;
use super::node::{Format, Kind, Node, Part, Pattern, Piece, Step};
use super::ops::{self, truthy};
use super::run::Run;
use super::stop::{Flow, fail};
use crate::message::{Members, Text, Value};

impl Run<'_> {
    /// The value of a node that gives exactly one.
    pub(super) fn one(&self, node: &Node, env: &Env<'_>, input: &Value) -> Flow<Value> {
        self.charge(1)?;
        if let Some(value) = self.there(node, env, input) {
            return Ok(value.clone());
        }
        if let Kind::Path(base, steps) = &node.kind {
            return self.path(base, steps, env, input).map(Cow::into_owned).map_err(|stop| stop.at(node.span));
        }
        self.deeper(|| self.one_of(node, env, input)).map_err(|stop| stop.at(node.span))
    }

    /// Each case is a function of its own, so that the frames of nested expressions stay small.
    pub(super) fn one_of(&self, node: &Node, env: &Env<'_>, input: &Value) -> Flow<Value> {
        match &node.kind {
            Kind::Record(keys, values) => self.record(keys, values, env, input),
            Kind::Array(inner) => self.array(inner, env, input),
            Kind::Math(op, left, right, repeat) => self.one_math(*op, left, right, *repeat, env, input),
            Kind::Compare(op, left, right) => self.one_comparison(*op, left, right, env, input),
            Kind::Pipe(left, right) => self.one_pipe(left, right, env, input),
            Kind::If(condition, then, otherwise) => {
                let branch = if self.truth(condition, env, input)? { then } else { otherwise };
                self.one(branch, env, input)
            }
            Kind::Not(inner) => Ok(Value::Bool(!self.truth(inner, env, input)?)),
            Kind::And(left, right) => Ok(Value::Bool(self.truth(left, env, input)? && self.truth(right, env, input)?)),
            Kind::Or(left, right) => Ok(Value::Bool(self.truth(left, env, input)? || self.truth(right, env, input)?)),
            Kind::Alternative(left, right) => self.one_alternative(left, right, env, input),
            Kind::Bind(source, Pattern::Var, body) => self.one_binding(source, body, env, input),
            Kind::Negate(inner) => negate(&*self.view(inner, env, input)?),
            Kind::Interpolate(encoding, pieces) => self.text(*encoding, pieces, env, input),
            Kind::Format(encoding) => format::encode(self, *encoding, input).map(Value::String),
            Kind::Native(native, args) => self.one_native(*native, args, env, input),
            Kind::Table(name, table) => format::lookup(name, table, input),
            Kind::Reduce(fold) => self.reduce(fold, env, input, self.one(&fold.init, env, input)?),
            _ => self.only(node, env, input),
        }
    }

    pub(super) fn truth(&self, node: &Node, env: &Env<'_>, input: &Value) -> Flow<bool> {
        Ok(truthy(&*self.view(node, env, input)?))
    }

    pub(super) fn one_math(
        &self,
        op: Math,
        left: &Node,
        right: &Node,
        repeat: bool,
        env: &Env<'_>,
        input: &Value,
    ) -> Flow<Value> {
        let l = self.one(left, env, input)?;
        if let (Math::Add, Value::Object(_)) = (op, &l) {
            return self.extended(l, right, env, input);
        }
        let r = self.view(right, env, input)?;
        ops::math(self, op, l, &r, repeat)
    }

    /// `object + right`: the members of an object that is written there go straight to where they belong.
    fn extended(&self, object: Value, right: &Node, env: &Env<'_>, input: &Value) -> Flow<Value> {
        match (&right.kind, object) {
            (Kind::If(condition, then, otherwise), object) => {
                let branch = if self.truth(condition, env, input)? { then } else { otherwise };
                self.deeper(|| self.extended(object, branch, env, input))
            }
            (Kind::Record(keys, _), object) if keys.is_empty() => Ok(object),
            (Kind::Record(keys, values), Value::Object(mut members)) => {
                let copied = if Arc::get_mut(&mut members).is_some() { 0 } else { members.len() };
                self.charge_items(members.len() + keys.len(), copied + keys.len())?;
                let all = Arc::make_mut(&mut members);
                for (key, value) in keys.keys().zip(values) {
                    all.insert(key.clone(), self.one(value, env, input)?);
                }
                self.built(Value::Object(members))
            }
            (_, object) => ops::math(self, Math::Add, object, &*self.view(right, env, input)?, false),
        }
    }

    pub(super) fn one_comparison(
        &self,
        op: Cmp,
        left: &Node,
        right: &Node,
        env: &Env<'_>,
        input: &Value,
    ) -> Flow<Value> {
        let (l, r) = (self.view(left, env, input)?, self.view(right, env, input)?);
        Ok(Value::Bool(ops::compare(op, &l, &r)))
    }

    pub(super) fn one_pipe(&self, left: &Node, right: &Node, env: &Env<'_>, input: &Value) -> Flow<Value> {
        let middle = self.view(left, env, input)?;
        self.one(right, env, &middle)
    }

    pub(super) fn one_alternative(&self, left: &Node, right: &Node, env: &Env<'_>, input: &Value) -> Flow<Value> {
        match self.view(left, env, input) {
            Ok(value) if truthy(&value) => Ok(value.into_owned()),
            Ok(_) => self.one(right, env, input),
            Err(stop) => {
                stop.caught()?;
                self.one(right, env, input)
            }
        }
    }

    pub(super) fn one_binding(&self, source: &Node, body: &Node, env: &Env<'_>, input: &Value) -> Flow<Value> {
        let env = Env::new(env, Bound::Value(self.one(source, env, input)?));
        self.one(body, &env, input)
    }

    pub(super) fn one_native(&self, native: Native, args: &[Node], env: &Env<'_>, input: &Value) -> Flow<Value> {
        let value = match args {
            [] => (native.run)(self, input, &[])?,
            [first] => (native.run)(self, input, &[&*self.view(first, env, input)?])?,
            args => {
                let args = args.iter().map(|arg| self.view(arg, env, input)).collect::<Flow<Vec<_>>>()?;
                let args: Vec<&Value> = args.iter().map(|arg| &**arg).collect();
                (native.run)(self, input, &args)?
            }
        };
        self.built(value)
    }

    /// The only output of a node that has no shorter way to it.
    pub(super) fn only(&self, node: &Node, env: &Env<'_>, input: &Value) -> Flow<Value> {
        let mut result = None;
        self.each_of(node, env, input, &mut |value| {
            result = Some(value);
            Ok(())
        })?;
        result.ok_or_else(|| fail("the expression gives no value"))
    }

    /// The value of a node that needs no evaluation.
    fn there<'v>(&'v self, node: &'v Node, env: &'v Env<'_>, input: &'v Value) -> Option<&'v Value> {
        match &node.kind {
            Kind::Identity => Some(input),
            Kind::Const(value) => Some(value),
            Kind::Var(hops) => Some(env.value(*hops)),
            Kind::Global(at) => Some(self.globals.get(*at).unwrap_or(&ops::NULL)),
            _ => None,
        }
    }

    /// The value of a node that gives exactly one, borrowed where it exists already.
    pub(super) fn view<'v>(&'v self, node: &'v Node, env: &'v Env<'v>, input: &'v Value) -> Flow<Cow<'v, Value>> {
        if let Some(value) = self.there(node, env, input) {
            return Ok(Cow::Borrowed(value));
        }
        match &node.kind {
            Kind::Path(base, steps) if node.one => {
                self.charge(1)?;
                self.path(base, steps, env, input).map_err(|stop| stop.at(node.span))
            }
            _ => self.one(node, env, input).map(Cow::Owned),
        }
    }

    /// A path whose every step gives one value.
    fn path<'v>(
        &'v self,
        base: &'v Node,
        steps: &'v [Step],
        env: &'v Env<'v>,
        input: &'v Value,
    ) -> Flow<Cow<'v, Value>> {
        let Some(mut value) = self.there(base, env, input) else {
            let base = self.deeper(|| self.view(base, env, input))?;
            return self.rest_of_path(base, steps, env, input);
        };
        for (at, step) in steps.iter().enumerate() {
            let Part::Key(key) = &step.part else {
                return self.rest_of_path(Cow::Borrowed(value), steps.get(at..).unwrap_or_default(), env, input);
            };
            value = ops::member(value, key, &step.near)?;
        }
        Ok(Cow::Borrowed(value))
    }

    fn rest_of_path<'v>(
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
                    let index = self.deeper(|| self.view(index, env, input))?;
                    match value {
                        Cow::Borrowed(value) => ops::index(value, &index)?,
                        Cow::Owned(value) => Cow::Owned(ops::index(&value, &index)?.into_owned()),
                    }
                }
                (Part::Slice(from, to), value) => {
                    let bound = |bound: &'v Option<Node>| match bound {
                        Some(bound) => self.deeper(|| self.view(bound, env, input)),
                        None => Ok(Cow::Borrowed(&ops::NULL)),
                    };
                    Cow::Owned(ops::slice(&value, &*bound(from)?, &*bound(to)?)?)
                }
                (Part::Iterate, value) => value,
            };
        }
        Ok(current)
    }

    pub(super) fn record(&self, keys: &Members, values: &[Node], env: &Env<'_>, input: &Value) -> Flow<Value> {
        let mut members = keys.clone();
        for (slot, value) in members.values_mut().zip(values) {
            *slot = self.one(value, env, input)?;
        }
        self.built(Value::object(members))
    }

    pub(super) fn array(&self, inner: &Node, env: &Env<'_>, input: &Value) -> Flow<Value> {
        let mut items = Vec::new();
        self.each(inner, env, input, &mut |value| {
            items.push(value);
            self.charge_items(items.len(), 1)
        })?;
        self.built(Value::array(items))
    }

    pub(super) fn text(&self, encoding: Format, pieces: &[Piece], env: &Env<'_>, input: &Value) -> Flow<Value> {
        let mut text = Text::new();
        for piece in pieces {
            let before = text.len();
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Node(node) => text.push_str(&format::encode(self, encoding, &*self.view(node, env, input)?)?),
            }
            self.charge_text(text.len(), text.len() - before)?;
        }
        Ok(Value::String(text))
    }
}

/// `-value`.
pub(super) fn negate(value: &Value) -> Flow<Value> {
    match value {
        Value::Number(number) => Ok(Value::Number(super::num::negate(number))),
        other => Err(fail(format!("{} cannot be negated", ops::described(other)))),
    }
}
