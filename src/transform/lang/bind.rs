//! Everything that binds names while it runs: patterns, calls, folds.

use super::env::{Bound, Env};
use super::eval::Out;
use super::node::{Arg, Fold, Kind, Node, Pattern};
use super::ops;
use super::run::Run;
use super::stop::Flow;
use crate::message::Value;

impl Run<'_> {
    /// Binds the variables of a pattern and goes on.
    pub(super) fn bind(
        &self,
        pattern: &Pattern,
        env: &Env<'_>,
        value: &Value,
        then: &mut dyn FnMut(&Env<'_>) -> Flow,
    ) -> Flow {
        match pattern {
            Pattern::Var => then(&Env::new(env, Bound::Value(value))),
            Pattern::Parts(parts) => self.bind_parts(parts, env, env, value, then),
        }
    }

    /// Indices are evaluated in the scope and against the value in which the pattern stands.
    pub(super) fn bind_parts(
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
        self.each_view(index, outer, value, &mut |index| {
            let part = ops::index(value, index)?;
            let mut next = |env: &Env<'_>| self.deeper(|| self.bind_parts(rest, outer, env, value, then));
            match pattern {
                Pattern::Var => next(&Env::new(env, Bound::Value(&part))),
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
            Some((Arg::Value(node), rest)) => self.each_view(node, caller, input, &mut |value| {
                self.call(rest, caller, &Env::new(scope, Bound::Value(value)), input, then)
            }),
        }
    }

    /// The last output of the update is the next state; without an output it is `null`.
    pub(super) fn reduce(&self, fold: &Fold, env: &Env<'_>, input: &Value, mut state: Value) -> Flow<Value> {
        self.each_view(&fold.source, env, input, &mut |item| {
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

    pub(super) fn foreach(
        &self,
        fold: &Fold,
        extract: Option<&Node>,
        env: &Env<'_>,
        input: &Value,
        mut state: Value,
        out: Out<'_>,
    ) -> Flow {
        self.each_view(&fold.source, env, input, &mut |item| {
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
                let r = self.one(right, env, &input)?;
                out(ops::math(self, *op, input, &r, *repeat).map_err(|stop| stop.at(node.span))?)
            }
            Kind::If(condition, then, otherwise) if condition.one => {
                self.charge(1)?;
                let branch = if self.truth(condition, env, &input)? { then } else { otherwise };
                self.deeper(|| self.each_owned(branch, env, input, out))
            }
            Kind::Bind(source, Pattern::Var, body) if source.one => {
                let value = self.one(source, env, &input)?;
                let env = Env::new(env, Bound::Value(&value));
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
}
