//! Nodes that give exactly one value: it is made where it belongs, and not handed on.

use jaq_core::ops::{Cmp, Math};

use super::env::{Bound, Env};
use super::format;
use super::native::Native;
use super::node::{Format, Kind, Node, Pattern, Piece};
use super::ops::{self, truthy};
use super::run::Run;
use super::stop::{Flow, fail};
use crate::message::{Text, Value};

impl Run<'_> {
    /// The value of a node that gives exactly one.
    pub(super) fn one(&self, node: &Node, env: &Env<'_>, input: &Value) -> Flow<Value> {
        let mut value = Value::Null;
        self.put(node, env, input, &mut value)?;
        Ok(value)
    }

    /// Puts the value of a node that gives exactly one in its place. Where it fails, anything may stand there.
    pub(super) fn put(&self, node: &Node, env: &Env<'_>, input: &Value, place: &mut Value) -> Flow {
        self.charge(1)?;
        match self.seen(node, env, input) {
            Ok(Some(value)) => {
                set(place, value.clone());
                Ok(())
            }
            Ok(None) => self.deeper(|| self.put_of(node, env, input, place)).map_err(|stop| stop.at(node.span)),
            Err(stop) => Err(stop.at(node.span)),
        }
    }

    /// Each case is a function of its own, so that the frames of nested expressions stay small.
    #[inline(always)]
    fn put_of(&self, node: &Node, env: &Env<'_>, input: &Value, place: &mut Value) -> Flow {
        match &node.kind {
            Kind::Path(base, steps) if node.one => {
                set(place, self.path(base, steps, env, input)?);
                Ok(())
            }
            Kind::Record(..) => self.put_object(node, env, input, place),
            Kind::Array(inner) => self.put_array(inner, env, input, place),
            Kind::Math(Math::Add, left, ..) if left.members > 0 => self.put_object(node, env, input, place),
            Kind::Math(op, left, right, repeat) => self.put_math(*op, left, right, *repeat, env, input, place),
            Kind::Pipe(left, right) => self.put_pipe(left, right, env, input, place),
            Kind::If(condition, then, otherwise) => {
                let branch = if self.truth(condition, env, input)? { then } else { otherwise };
                self.put(branch, env, input, place)
            }
            Kind::Compare(op, left, right) => {
                set(place, Value::Bool(self.comparison(*op, left, right, env, input)?));
                Ok(())
            }
            Kind::Not(inner) => {
                set(place, Value::Bool(!self.truth(inner, env, input)?));
                Ok(())
            }
            Kind::And(left, right) => {
                set(place, Value::Bool(self.truth(left, env, input)? && self.truth(right, env, input)?));
                Ok(())
            }
            Kind::Or(left, right) => {
                set(place, Value::Bool(self.truth(left, env, input)? || self.truth(right, env, input)?));
                Ok(())
            }
            Kind::Alternative(left, right) => self.put_alternative(left, right, env, input, place),
            Kind::Bind(source, Pattern::Var, body) => self.put_binding(source, body, env, input, place),
            Kind::Negate(inner) => self.put_negated(inner, env, input, place),
            Kind::Interpolate(encoding, pieces) => self.put_text(*encoding, pieces, env, input, place),
            Kind::Format(encoding) => {
                set(place, Value::String(format::encode(self, *encoding, input)?));
                Ok(())
            }
            Kind::Native(native, args) => self.put_native(native, args, env, input, place),
            Kind::Table(name, table) => {
                set(place, format::lookup(name, table, input)?.clone());
                Ok(())
            }
            Kind::Call(def, args, hops) if args.is_empty() => self.put(self.body(*def)?, env.up(*hops), input, place),
            Kind::Reduce(fold) => {
                let state = self.one(&fold.init, env, input)?;
                set(place, self.reduce(fold, env, input, state)?);
                Ok(())
            }
            _ => self.put_only(node, env, input, place),
        }
    }

    fn put_object(&self, node: &Node, env: &Env<'_>, input: &Value, place: &mut Value) -> Flow {
        set(place, self.object(node, env, input)?);
        self.built(place)
    }

    fn put_array(&self, inner: &Node, env: &Env<'_>, input: &Value, place: &mut Value) -> Flow {
        let mut items = if inner.one { Vec::with_capacity(1) } else { Vec::new() };
        self.gather(inner, env, input, &mut items)?;
        set(place, Value::array(items));
        self.built(place)
    }

    #[expect(clippy::too_many_arguments, reason = "a node in its parts, and where it is evaluated")]
    fn put_math(
        &self,
        op: Math,
        left: &Node,
        right: &Node,
        repeat: bool,
        env: &Env<'_>,
        input: &Value,
        place: &mut Value,
    ) -> Flow {
        self.put(left, env, input, place)?;
        let mut room = Value::Null;
        let right = self.view(right, env, input, &mut room)?;
        if let (Value::Number(l), Value::Number(r)) = (&*place, right) {
            let number = Value::Number(super::num::math(op, l, r)?);
            *place = number;
        } else {
            *place = ops::math(self, op, std::mem::take(place), right, repeat)?;
        }
        Ok(())
    }

    pub(super) fn comparison(&self, op: Cmp, left: &Node, right: &Node, env: &Env<'_>, input: &Value) -> Flow<bool> {
        let (mut a, mut b) = (Value::Null, Value::Null);
        let (l, r) = (self.view(left, env, input, &mut a)?, self.view(right, env, input, &mut b)?);
        Ok(ops::compare(op, l, r))
    }

    fn put_pipe(&self, left: &Node, right: &Node, env: &Env<'_>, input: &Value, place: &mut Value) -> Flow {
        let mut room = Value::Null;
        let middle = self.view(left, env, input, &mut room)?;
        self.put(right, env, middle, place)
    }

    fn put_alternative(&self, left: &Node, right: &Node, env: &Env<'_>, input: &Value, place: &mut Value) -> Flow {
        match self.put(left, env, input, place) {
            Ok(()) if truthy(place) => return Ok(()),
            Ok(()) => {}
            Err(stop) => drop(stop.caught()?),
        }
        self.put(right, env, input, place)
    }

    fn put_binding(&self, source: &Node, body: &Node, env: &Env<'_>, input: &Value, place: &mut Value) -> Flow {
        let mut room = Value::Null;
        let value = self.view(source, env, input, &mut room)?;
        self.put(body, &Env::new(env, Bound::Value(value)), input, place)
    }

    fn put_negated(&self, inner: &Node, env: &Env<'_>, input: &Value, place: &mut Value) -> Flow {
        let mut room = Value::Null;
        set(place, negate(self.view(inner, env, input, &mut room)?)?);
        Ok(())
    }

    fn put_native(&self, native: &Native, args: &[Node], env: &Env<'_>, input: &Value, place: &mut Value) -> Flow {
        let value = match args {
            [] => (native.run)(self, input, &[])?,
            [first] => {
                let mut room = Value::Null;
                (native.run)(self, input, &[self.view(first, env, input, &mut room)?])?
            }
            [first, second] => {
                let (mut a, mut b) = (Value::Null, Value::Null);
                let first = self.view(first, env, input, &mut a)?;
                (native.run)(self, input, &[first, self.view(second, env, input, &mut b)?])?
            }
            args => {
                let args = args.iter().map(|arg| self.one(arg, env, input)).collect::<Flow<Vec<_>>>()?;
                (native.run)(self, input, &args.iter().collect::<Vec<_>>())?
            }
        };
        set(place, value);
        self.built(place)
    }

    fn put_text(&self, encoding: Format, pieces: &[Piece], env: &Env<'_>, input: &Value, place: &mut Value) -> Flow {
        let mut text = Text::new();
        for piece in pieces {
            let before = text.len();
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Node(node) => {
                    let mut room = Value::Null;
                    let value = self.view(node, env, input, &mut room)?;
                    text.push_str(&format::encode(self, encoding, value)?);
                }
            }
            self.charge_text(text.len(), text.len() - before)?;
        }
        set(place, Value::String(text));
        Ok(())
    }

    /// The only output of a node that has no shorter way to it.
    fn put_only(&self, node: &Node, env: &Env<'_>, input: &Value, place: &mut Value) -> Flow {
        let mut found = false;
        self.each_of(node, env, input, &mut |value| {
            set(place, value);
            found = true;
            Ok(())
        })?;
        if found { Ok(()) } else { Err(fail("the expression gives no value")) }
    }
}

/// Puts a value where there mostly is none yet, which spares looking for what to drop.
#[inline]
fn set(place: &mut Value, value: Value) {
    match place {
        Value::Null => std::mem::forget(std::mem::replace(place, value)),
        _ => *place = value,
    }
}

/// `-value`.
pub(super) fn negate(value: &Value) -> Flow<Value> {
    match value {
        Value::Number(number) => Ok(Value::Number(super::num::negate(number))),
        other => Err(fail(format!("{} cannot be negated", ops::described(other)))),
    }
}
