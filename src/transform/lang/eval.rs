//! The evaluator: every output of a node goes to a callback.
//!
//! Callbacks instead of iterators keep everything on the stack. Whoever passes a callback must tell its failures
//! from those of the expression itself: see [`Run::guarded`].

use super::env::{Bound, Env};
use super::format;
use super::node::{Kind, Node, Piece};
use super::one::negate;
use super::ops::{self, truthy};
use super::paths::Trail;
use super::run::Run;
use super::stop::{Flow, Stop, fail};
use crate::message::{Members, Text, Value};

/// Takes the outputs of an expression, one after the other.
pub(super) type Out<'o> = &'o mut dyn FnMut(Value) -> Flow;

impl Run<'_> {
    /// Hands every output of a node to `out`.
    pub(super) fn each(&self, node: &Node, env: &Env<'_>, input: &Value, out: Out<'_>) -> Flow {
        if node.one {
            return out(self.one(node, env, input)?);
        }
        self.charge(1)?;
        self.deeper(|| self.each_of(node, env, input, out)).map_err(|stop| stop.at(node.span))
    }

    pub(super) fn each_of(&self, node: &Node, env: &Env<'_>, input: &Value, out: Out<'_>) -> Flow {
        match &node.kind {
            Kind::Empty => Ok(()),
            Kind::Recurse => self.recurse(input, None, &mut |value, _| out(value.clone())),
            Kind::Path(base, steps) => self.each_view(base, env, input, &mut |value| {
                self.walk_steps(steps, env, input, value, &mut |value| out(value.clone()))
            }),
            Kind::Pipe(left, right) => {
                self.each_view(left, env, input, &mut |middle| self.each(right, env, middle, out))
            }
            Kind::Bind(source, pattern, body) => self.each_view(source, env, input, &mut |value| {
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
                let value = (native.run)(self, input, &args)?;
                self.built(&value)?;
                out(value)
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

    pub(super) fn each_text(
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
                let len = text.len() + piece.len();
                self.charge_text(len, len)?;
                self.each_text(encoding, rest, joined(&text, &piece), env, input, out)
            }),
        }
    }

    pub(super) fn each_object(
        &self,
        entries: &[(Node, Node)],
        members: &Members,
        env: &Env<'_>,
        input: &Value,
        out: Out<'_>,
    ) -> Flow {
        let Some(((key, value), rest)) = entries.split_first() else {
            let object = Value::object(members.clone());
            self.built(&object)?;
            return out(object);
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

    pub(super) fn each_truth(
        &self,
        node: &Node,
        env: &Env<'_>,
        input: &Value,
        out: &mut dyn FnMut(bool) -> Flow,
    ) -> Flow {
        if node.one {
            return out(self.truth(node, env, input)?);
        }
        self.each_view(node, env, input, &mut |value| out(truthy(value)))
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

    pub(super) fn each_args(
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
