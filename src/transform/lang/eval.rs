//! The evaluator: nodes that give one value return it, the others hand each value to a callback.
//!
//! Callbacks instead of iterators keep everything on the stack. Whoever passes a callback must tell its failures
//! from those of the expression itself: see [`Run::guarded`].

use std::borrow::Cow;
use std::cell::Cell;

use jaq_core::ops::{Cmp, Math};

use super::Code;
use super::env::{Bound, Env};
use super::format;
use super::native::Native;
use super::node::{Arg, Fold, Kind, Node, Part, Pattern, Piece, Step};
use super::ops::{self, truthy};
use super::paths::Trail;
use super::stop::{Flow, Stop, fail, limit};
use crate::message::{Limits, Members, Text, Value};

/// Levels of evaluation inside each other; bounds the stack.
const MAX_DEPTH: u32 = 320;
/// Levels of a value that is only an intermediate result; bounds the recursion over it.
const MAX_VALUE_DEPTH: usize = 512;

/// Takes the outputs of an expression, one after the other.
pub(super) type Out<'o> = &'o mut dyn FnMut(Value) -> Flow;

/// One run of a program: what it may still spend, and the variables of the run.
pub(super) struct Run<'p> {
    code: &'p Code,
    globals: &'p [Value],
    limits: &'p Limits,
    steps: Cell<u64>,
    depth: Cell<u32>,
    labels: Cell<u64>,
    sample: Cell<u64>,
}

impl<'p> Run<'p> {
    pub(super) fn new(code: &'p Code, globals: &'p [Value], limits: &'p Limits) -> Self {
        Self {
            code,
            globals,
            limits,
            steps: Cell::new(limits.steps),
            depth: Cell::new(0),
            labels: Cell::new(0),
            sample: Cell::new(0),
        }
    }

    /// Spends evaluation steps.
    pub(super) fn charge(&self, steps: usize) -> Flow {
        let left = self.steps.get().checked_sub(u64::try_from(steps).unwrap_or(u64::MAX));
        match left {
            Some(left) => {
                self.steps.set(left);
                Ok(())
            }
            None => Err(limit(format!("the mapping takes more than {} steps", self.limits.steps))),
        }
    }

    /// Spends what the making of a text of this length costs.
    pub(super) fn charge_text(&self, bytes: usize) -> Flow {
        if bytes > self.limits.output_bytes {
            return Err(limit(format!("the mapping makes a text of more than {} bytes", self.limits.output_bytes)));
        }
        self.charge(bytes / 16)
    }

    /// Spends what the making of an array or object of this length costs.
    pub(super) fn charge_items(&self, len: usize, copied: usize) -> Flow {
        if len > self.limits.nodes {
            return Err(limit(format!("the mapping makes a list of more than {} values", self.limits.nodes)));
        }
        self.charge(copied)
    }

    /// Looks at every 64th value that is built, on average, so that no value gets so deep that dropping it is
    /// unsafe. What leaves the program is measured exactly, at its end.
    fn built(&self, value: Value) -> Flow<Value> {
        let next = self.sample.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.sample.set(next);
        if next >> 58 == 0 && format::deeper_than(&value, MAX_VALUE_DEPTH) {
            return Err(limit(format!("the mapping builds a value of more than {MAX_VALUE_DEPTH} levels")));
        }
        Ok(value)
    }

    pub(super) fn limits(&self) -> &Limits {
        self.limits
    }

    pub(super) fn max_items(&self) -> usize {
        self.limits.nodes
    }

    /// Runs something one level deeper.
    pub(super) fn deeper<T>(&self, inner: impl FnOnce() -> Flow<T>) -> Flow<T> {
        let depth = self.depth.get();
        if depth >= MAX_DEPTH {
            return Err(limit(format!("the mapping nests more than {MAX_DEPTH} evaluations")));
        }
        self.depth.set(depth + 1);
        let flow = inner();
        self.depth.set(depth);
        flow
    }

    pub(super) fn fresh_label(&self) -> u64 {
        let label = self.labels.get() + 1;
        self.labels.set(label);
        label
    }

    /// Hands every output of a node to `out`.
    pub(super) fn each(&self, node: &Node, env: &Env<'_>, input: &Value, out: Out<'_>) -> Flow {
        if node.one {
            return out(self.one(node, env, input)?);
        }
        self.charge(1)?;
        self.deeper(|| self.each_of(node, env, input, out)).map_err(|stop| stop.at(node.span))
    }

    fn each_of(&self, node: &Node, env: &Env<'_>, input: &Value, out: Out<'_>) -> Flow {
        match &node.kind {
            Kind::Empty => Ok(()),
            Kind::Recurse => self.recurse(input, None, &mut |value, _| out(value.clone())),
            Kind::Path(base, steps) if matches!(base.kind, Kind::Identity) => {
                self.steps(steps, env, input, input, None, &mut |value, _| out(value.clone()))
            }
            Kind::Path(base, steps) => self.each(base, env, input, &mut |value| {
                self.steps(steps, env, input, &value, None, &mut |value, _| out(value.clone()))
            }),
            Kind::Pipe(left, right) if left.one => {
                let middle = self.view(left, env, input)?;
                self.each(right, env, &middle, out)
            }
            Kind::Pipe(left, right) => self.each(left, env, input, &mut |middle| self.each(right, env, &middle, out)),
            Kind::Bind(source, pattern, body) => self.each(source, env, input, &mut |value| {
                self.bind(pattern, env, value, &mut |env| self.each(body, env, input, out))
            }),
            Kind::Comma(parts) => parts.iter().try_for_each(|part| self.each(part, env, input, out)),
            Kind::If(condition, then, otherwise) => self.each_truth(condition, env, input, &mut |truth| {
                self.each(if truth { then } else { otherwise }, env, input, out)
            }),
            Kind::Not(inner) => self.each_truth(inner, env, input, &mut |truth| out(Value::Bool(!truth))),
            Kind::And(left, right) => self.each_truth(left, env, input, &mut |truth| {
                if truth {
                    self.each_truth(right, env, input, &mut |truth| out(Value::Bool(truth)))
                } else {
                    out(Value::Bool(false))
                }
            }),
            Kind::Or(left, right) => self.each_truth(left, env, input, &mut |truth| {
                if truth {
                    out(Value::Bool(true))
                } else {
                    self.each_truth(right, env, input, &mut |truth| out(Value::Bool(truth)))
                }
            }),
            Kind::Alternative(left, right) => {
                let mut any = false;
                let tried = self.guarded(|out| self.each(left, env, input, out), &mut |value| {
                    if truthy(&value) {
                        any = true;
                        return out(value);
                    }
                    Ok(())
                })?;
                if let Err(stop) = tried {
                    stop.caught()?;
                }
                if any { Ok(()) } else { self.each(right, env, input, out) }
            }
            Kind::Try(body, catch) => match self.guarded(|out| self.each(body, env, input, out), out)? {
                Ok(()) => Ok(()),
                Err(stop) => {
                    let value = stop.caught()?;
                    catch.as_ref().map_or(Ok(()), |catch| self.each(catch, env, &value, out))
                }
            },
            Kind::Negate(inner) => self.each(inner, env, input, &mut |value| out(negate(&value)?)),
            Kind::Math(op, left, right, repeat) => self.each(left, env, input, &mut |l| {
                self.each(right, env, input, &mut |r| out(ops::math(self, *op, l.clone(), &r, *repeat)?))
            }),
            Kind::Compare(op, left, right) => self.each(left, env, input, &mut |l| {
                self.each(right, env, input, &mut |r| out(Value::Bool(ops::compare(*op, &l, &r))))
            }),
            Kind::Object(entries) => self.each_object(entries, &Members::default(), env, input, out),
            Kind::Interpolate(encoding, pieces) => self.each_text(*encoding, pieces, Text::new(), env, input, out),
            Kind::Reduce(fold) => {
                self.each(&fold.init, env, input, &mut |state| out(self.reduce(fold, env, input, state)?))
            }
            Kind::Foreach(fold, extract) => self.each(&fold.init, env, input, &mut |state| {
                self.foreach(fold, extract.as_deref(), env, input, state, out)
            }),
            Kind::Label(body) => {
                let label = self.fresh_label();
                let env = Env::new(env, Bound::Label(label));
                match self.each(body, &env, input, out) {
                    Err(Stop::Break(to)) if to == label => Ok(()),
                    flow => flow,
                }
            }
            Kind::Break(hops) => Err(env.label(*hops)),
            Kind::Closure(hops) => {
                let (filter, env) = env.filter(*hops)?;
                self.each(filter, env, input, out)
            }
            Kind::Call(def, args, hops) => {
                let body = self.body(*def)?;
                self.call(args, env, env.up(*hops), input, &mut |env| self.each(body, env, input, out))
            }
            Kind::Native(native, args) => self.each_args(args, env, input, Vec::new(), &mut |args| {
                let args: Vec<&Value> = args.iter().collect();
                out(self.built((native.run)(self, input, &args)?)?)
            }),
            Kind::Special(special, args) => self.special(*special, args, env, input, out),
            Kind::Regex(op, regex, with) => self.regex(*op, regex, with.as_deref(), env, input, out),
            Kind::Assign(..) | Kind::Update(..) | Kind::UpdateMath(..) | Kind::UpdateAlternative(..) => {
                self.updated(node, env, input.clone(), out)
            }
            Kind::Identity | Kind::Const(_) | Kind::Var(_) | Kind::Global(_) => out(self.one(node, env, input)?),
            Kind::Array(_) | Kind::Record(..) | Kind::Format(_) | Kind::Table(..) => out(self.one(node, env, input)?),
        }
    }

    /// The value of a node that gives exactly one.
    pub(super) fn one(&self, node: &Node, env: &Env<'_>, input: &Value) -> Flow<Value> {
        self.charge(1)?;
        self.deeper(|| self.one_of(node, env, input)).map_err(|stop| stop.at(node.span))
    }

    /// Each case is a function of its own, so that the frames of nested expressions stay small.
    fn one_of(&self, node: &Node, env: &Env<'_>, input: &Value) -> Flow<Value> {
        match &node.kind {
            Kind::Identity => Ok(input.clone()),
            Kind::Const(value) => Ok(value.clone()),
            Kind::Var(hops) => Ok(env.value(*hops).clone()),
            Kind::Global(at) => Ok(self.globals.get(*at).unwrap_or(&ops::NULL).clone()),
            Kind::Path(base, steps) => self.one_path(base, steps, env, input),
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

    fn truth(&self, node: &Node, env: &Env<'_>, input: &Value) -> Flow<bool> {
        Ok(truthy(&*self.view(node, env, input)?))
    }

    fn one_path(&self, base: &Node, steps: &[Step], env: &Env<'_>, input: &Value) -> Flow<Value> {
        self.path(base, steps, env, input).map(Cow::into_owned)
    }

    fn one_math(&self, op: Math, left: &Node, right: &Node, repeat: bool, env: &Env<'_>, input: &Value) -> Flow<Value> {
        let l = self.one(left, env, input)?;
        let r = self.view(right, env, input)?;
        ops::math(self, op, l, &r, repeat)
    }

    fn one_comparison(&self, op: Cmp, left: &Node, right: &Node, env: &Env<'_>, input: &Value) -> Flow<Value> {
        let (l, r) = (self.view(left, env, input)?, self.view(right, env, input)?);
        Ok(Value::Bool(ops::compare(op, &l, &r)))
    }

    fn one_pipe(&self, left: &Node, right: &Node, env: &Env<'_>, input: &Value) -> Flow<Value> {
        let middle = self.view(left, env, input)?;
        self.one(right, env, &middle)
    }

    fn one_alternative(&self, left: &Node, right: &Node, env: &Env<'_>, input: &Value) -> Flow<Value> {
        match self.view(left, env, input) {
            Ok(value) if truthy(&value) => Ok(value.into_owned()),
            Ok(_) => self.one(right, env, input),
            Err(stop) => {
                stop.caught()?;
                self.one(right, env, input)
            }
        }
    }

    fn one_binding(&self, source: &Node, body: &Node, env: &Env<'_>, input: &Value) -> Flow<Value> {
        let env = Env::new(env, Bound::Value(self.one(source, env, input)?));
        self.one(body, &env, input)
    }

    fn one_native(&self, native: Native, args: &[Node], env: &Env<'_>, input: &Value) -> Flow<Value> {
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
    fn only(&self, node: &Node, env: &Env<'_>, input: &Value) -> Flow<Value> {
        let mut result = None;
        self.each_of(node, env, input, &mut |value| {
            result = Some(value);
            Ok(())
        })?;
        result.ok_or_else(|| fail("the expression gives no value"))
    }

    /// The value of a node that gives exactly one, borrowed where it exists already.
    pub(super) fn view<'v>(&'v self, node: &'v Node, env: &'v Env<'v>, input: &'v Value) -> Flow<Cow<'v, Value>> {
        match &node.kind {
            Kind::Identity => Ok(Cow::Borrowed(input)),
            Kind::Const(value) => Ok(Cow::Borrowed(value)),
            Kind::Var(hops) => Ok(Cow::Borrowed(env.value(*hops))),
            Kind::Global(at) => Ok(Cow::Borrowed(self.globals.get(*at).unwrap_or(&ops::NULL))),
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
        let mut current = self.deeper(|| self.view(base, env, input))?;
        for step in steps {
            current = match (&step.part, current) {
                (Part::Key(key), Cow::Borrowed(value)) => Cow::Borrowed(ops::member(value, key)?),
                (Part::Key(key), Cow::Owned(value)) => Cow::Owned(ops::member(&value, key)?.clone()),
                (Part::Index(index), value) => {
                    let index = self.view(index, env, input)?;
                    match value {
                        Cow::Borrowed(value) => ops::index(value, &index)?,
                        Cow::Owned(value) => Cow::Owned(ops::index(&value, &index)?.into_owned()),
                    }
                }
                (Part::Slice(from, to), value) => {
                    let bound = |bound: &'v Option<Node>| match bound {
                        Some(bound) => self.view(bound, env, input),
                        None => Ok(Cow::Borrowed(&ops::NULL)),
                    };
                    Cow::Owned(ops::slice(&value, &*bound(from)?, &*bound(to)?)?)
                }
                (Part::Iterate, value) => value,
            };
        }
        Ok(current)
    }

    fn record(&self, keys: &Members, values: &[Node], env: &Env<'_>, input: &Value) -> Flow<Value> {
        let mut members = keys.clone();
        for (slot, value) in members.values_mut().zip(values) {
            *slot = self.one(value, env, input)?;
        }
        self.built(Value::object(members))
    }

    fn array(&self, inner: &Node, env: &Env<'_>, input: &Value) -> Flow<Value> {
        let mut items = Vec::new();
        self.each(inner, env, input, &mut |value| {
            items.push(value);
            self.charge_items(items.len(), 1)
        })?;
        self.built(Value::array(items))
    }

    fn text(&self, encoding: super::node::Format, pieces: &[Piece], env: &Env<'_>, input: &Value) -> Flow<Value> {
        let mut text = Text::new();
        for piece in pieces {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Node(node) => text.push_str(&format::encode(self, encoding, &*self.view(node, env, input)?)?),
            }
            self.charge_text(text.len())?;
        }
        Ok(Value::String(text))
    }

    fn each_text(
        &self,
        encoding: super::node::Format,
        pieces: &[Piece],
        text: Text,
        env: &Env<'_>,
        input: &Value,
        out: Out<'_>,
    ) -> Flow {
        match pieces.split_first() {
            None => out(Value::String(text)),
            Some((Piece::Text(piece), rest)) => self.each_text(encoding, rest, joined(&text, piece), env, input, out),
            Some((Piece::Node(node), rest)) => self.each(node, env, input, &mut |value| {
                let piece = format::encode(self, encoding, &value)?;
                self.charge_text(text.len() + piece.len())?;
                self.each_text(encoding, rest, joined(&text, &piece), env, input, out)
            }),
        }
    }

    fn each_object(
        &self,
        entries: &[(Node, Node)],
        members: &Members,
        env: &Env<'_>,
        input: &Value,
        out: Out<'_>,
    ) -> Flow {
        let Some(((key, value), rest)) = entries.split_first() else {
            return out(self.built(Value::object(members.clone()))?);
        };
        self.each(key, env, input, &mut |key| {
            let Value::String(key) = key else {
                return Err(fail(format!("a key of an object is a string, not {}", ops::described(&key))));
            };
            self.each(value, env, input, &mut |value| {
                self.charge(members.len())?;
                let mut members = members.clone();
                members.insert(key.clone(), value);
                self.deeper(|| self.each_object(rest, &members, env, input, out))
            })
        })
    }

    fn each_truth(&self, node: &Node, env: &Env<'_>, input: &Value, out: &mut dyn FnMut(bool) -> Flow) -> Flow {
        if node.one {
            let truth = truthy(&*self.view(node, env, input)?);
            return out(truth);
        }
        self.each(node, env, input, &mut |value| out(truthy(&value)))
    }

    /// Runs something whose failures are to be caught. The outer result is what `out` ended with, which is none of
    /// the catcher's business.
    pub(super) fn guarded(&self, body: impl FnOnce(Out<'_>) -> Flow, out: Out<'_>) -> Flow<Flow> {
        let mut outer = None;
        let flow = body(&mut |value| {
            out(value).map_err(|stop| {
                outer = Some(stop);
                Stop::Break(0)
            })
        });
        match outer {
            Some(stop) => Err(stop),
            None => Ok(flow),
        }
    }

    /// Binds the variables of a pattern and goes on.
    pub(super) fn bind(
        &self,
        pattern: &Pattern,
        env: &Env<'_>,
        value: Value,
        then: &mut dyn FnMut(&Env<'_>) -> Flow,
    ) -> Flow {
        match pattern {
            Pattern::Var => then(&Env::new(env, Bound::Value(value))),
            Pattern::Parts(parts) => self.bind_parts(parts, env, env, &value, then),
        }
    }

    /// Indices are evaluated in the scope and against the value in which the pattern stands.
    fn bind_parts(
        &self,
        parts: &[(Node, Pattern)],
        outer: &Env<'_>,
        env: &Env<'_>,
        value: &Value,
        then: &mut dyn FnMut(&Env<'_>) -> Flow,
    ) -> Flow {
        let Some(((index, pattern), rest)) = parts.split_first() else {
            return then(env);
        };
        self.each(index, outer, value, &mut |index| {
            let part = ops::index(value, &index)?.into_owned();
            let mut next = |env: &Env<'_>| self.deeper(|| self.bind_parts(rest, outer, env, value, then));
            match pattern {
                Pattern::Var => next(&Env::new(env, Bound::Value(part))),
                Pattern::Parts(inner) => self.deeper(|| self.bind_parts(inner, outer, env, &part, &mut next)),
            }
        })
    }

    /// Binds the arguments of a call on top of the definition's scope and goes on.
    pub(super) fn call(
        &self,
        args: &[Arg],
        caller: &Env<'_>,
        scope: &Env<'_>,
        input: &Value,
        then: &mut dyn FnMut(&Env<'_>) -> Flow,
    ) -> Flow {
        match args.split_first() {
            None => then(scope),
            Some((Arg::Filter(filter), rest)) => {
                self.call(rest, caller, &Env::new(scope, Bound::Filter(filter, caller)), input, then)
            }
            Some((Arg::Value(node), rest)) => self.each(node, caller, input, &mut |value| {
                self.call(rest, caller, &Env::new(scope, Bound::Value(value)), input, then)
            }),
        }
    }

    pub(super) fn body(&self, def: usize) -> Flow<&'p Node> {
        let def = self.code.defs.get(def).and_then(Option::as_ref);
        def.map(|def| &def.body).ok_or_else(|| fail("the function is not defined"))
    }

    fn each_args(
        &self,
        args: &[Node],
        env: &Env<'_>,
        input: &Value,
        bound: Vec<Value>,
        then: &mut dyn FnMut(&[Value]) -> Flow,
    ) -> Flow {
        match args.split_first() {
            None => then(&bound),
            Some((arg, rest)) => self.each(arg, env, input, &mut |value| {
                let mut bound = bound.clone();
                bound.push(value);
                self.each_args(rest, env, input, bound, then)
            }),
        }
    }

    /// The last output of the update is the next state; without an output it is `null`.
    fn reduce(&self, fold: &Fold, env: &Env<'_>, input: &Value, mut state: Value) -> Flow<Value> {
        self.each(&fold.source, env, input, &mut |item| {
            self.bind(&fold.pattern, env, item, &mut |env| {
                let mut next = Value::Null;
                self.each_owned(&fold.update, env, std::mem::take(&mut state), &mut |value| {
                    next = value;
                    Ok(())
                })?;
                state = next;
                Ok(())
            })
        })?;
        Ok(state)
    }

    fn foreach(
        &self,
        fold: &Fold,
        extract: Option<&Node>,
        env: &Env<'_>,
        input: &Value,
        mut state: Value,
        out: Out<'_>,
    ) -> Flow {
        self.each(&fold.source, env, input, &mut |item| {
            self.bind(&fold.pattern, env, item, &mut |env| {
                let mut next = Value::Null;
                self.each(&fold.update, env, &state, &mut |value| {
                    next = value.clone();
                    match extract {
                        None => out(value),
                        Some(extract) => self.each(extract, env, &value, out),
                    }
                })?;
                state = std::mem::take(&mut next);
                Ok(())
            })
        })
    }

    /// Like [`Run::each`], but may change the input in place.
    pub(super) fn each_owned(&self, node: &Node, env: &Env<'_>, input: Value, out: Out<'_>) -> Flow {
        match &node.kind {
            Kind::Identity => out(input),
            Kind::Math(op, left, right, repeat) if right.one && matches!(left.kind, Kind::Identity) => {
                self.charge(1)?;
                let r = self.view(right, env, &input)?;
                let r = match r {
                    Cow::Borrowed(value) => value.clone(),
                    Cow::Owned(value) => value,
                };
                out(ops::math(self, *op, input, &r, *repeat).map_err(|stop| stop.at(node.span))?)
            }
            Kind::If(condition, then, otherwise) if condition.one => {
                self.charge(1)?;
                let branch = if truthy(&*self.view(condition, env, &input)?) { then } else { otherwise };
                self.deeper(|| self.each_owned(branch, env, input, out))
            }
            Kind::Bind(source, Pattern::Var, body) if source.one => {
                let env = Env::new(env, Bound::Value(self.one(source, env, &input)?));
                self.deeper(|| self.each_owned(body, &env, input, out))
            }
            Kind::Pipe(left, right) => {
                self.charge(1)?;
                self.deeper(|| {
                    self.each_owned(left, env, input, &mut |middle| self.each_owned(right, env, middle, out))
                })
            }
            Kind::Assign(..) | Kind::Update(..) | Kind::UpdateMath(..) | Kind::UpdateAlternative(..) => {
                self.charge(1)?;
                self.deeper(|| self.updated(node, env, input, out)).map_err(|stop| stop.at(node.span))
            }
            _ => self.each(node, env, &input, out),
        }
    }

    /// `..`: the value itself, then everything in it.
    pub(super) fn recurse(
        &self,
        value: &Value,
        trail: Option<&Trail<'_>>,
        out: &mut dyn FnMut(&Value, Option<&Trail<'_>>) -> Flow,
    ) -> Flow {
        self.charge(1)?;
        out(value, trail)?;
        match value {
            Value::Array(items) => items.iter().enumerate().try_for_each(|(at, item)| {
                let trail = Trail { up: trail, key: ops::count(at) };
                self.deeper(|| self.recurse(item, Some(&trail), out))
            }),
            Value::Object(members) => members.iter().try_for_each(|(key, item)| {
                let trail = Trail { up: trail, key: Value::String(key.clone()) };
                self.deeper(|| self.recurse(item, Some(&trail), out))
            }),
            _ => Ok(()),
        }
    }
}

fn joined(a: &str, b: &str) -> Text {
    Text::concat_slices(&[a, b])
}

fn negate(value: &Value) -> Flow<Value> {
    match value {
        Value::Number(number) => Ok(Value::Number(super::num::negate(number))),
        other => Err(fail(format!("{} cannot be negated", ops::described(other)))),
    }
}
