//! Expressions as paths: for `path(…)`, for access, and for everything that changes a part of a value.

use super::env::{Bound, Env};
use super::node::{Kind, Node, Part, Special, Step};
use super::ops::{self, truthy};
use super::run::Run;
use super::stop::{Flow, Stop, fail};
use crate::message::Value;

/// The keys that lead to a value, innermost first; on the stack.
pub(super) struct Trail<'t> {
    pub(super) up: Option<&'t Trail<'t>>,
    pub(super) key: Value,
}

/// Takes values with the way to them.
type Visit<'o> = &'o mut dyn FnMut(&Value, Option<&Trail<'_>>) -> Flow;

/// The path as `path(…)` gives it.
pub(super) fn keys(mut trail: Option<&Trail<'_>>) -> Value {
    let mut keys = Vec::new();
    while let Some(step) = trail {
        keys.push(step.key.clone());
        trail = step.up;
    }
    keys.reverse();
    Value::array(keys)
}

impl Run<'_> {
    /// Follows steps from a value. `input` is what the indices are evaluated against.
    pub(super) fn steps(
        &self,
        steps: &[Step],
        env: &Env<'_>,
        input: &Value,
        value: &Value,
        trail: Option<&Trail<'_>>,
        out: Visit<'_>,
    ) -> Flow {
        let Some((step, rest)) = steps.split_first() else {
            return out(value, trail);
        };
        self.charge(1)?;
        let mut go = |value: &Value, key: Value| {
            let trail = Trail { up: trail, key };
            self.deeper(|| self.steps(rest, env, input, value, Some(&trail), out))
        };
        let absent = |stop: Stop| if step.optional { stop.caught().map(|_| ()) } else { Err(stop) };
        match &step.part {
            Part::Key(key) => match ops::member(value, key, &step.near) {
                Ok(value) => go(value, Value::String(key.clone())),
                Err(stop) => absent(stop),
            },
            Part::Index(index) => self.each(index, env, input, &mut |index| match ops::index(value, &index) {
                Ok(value) => go(&value, index),
                Err(stop) => absent(stop),
            }),
            Part::Iterate => match value {
                Value::Array(items) => items.iter().enumerate().try_for_each(|(at, item)| go(item, ops::count(at))),
                Value::Object(members) => {
                    members.iter().try_for_each(|(key, item)| go(item, Value::String(key.clone())))
                }
                _ => absent(not_iterable(value)),
            },
            Part::Slice(from, to) => self.each_bound(from.as_ref(), env, input, &mut |from| {
                self.each_bound(to.as_ref(), env, input, &mut |to| match ops::slice(value, &from, &to) {
                    Ok(part) => go(&part, range(from.clone(), to)),
                    Err(stop) => absent(stop),
                })
            }),
        }
    }

    fn each_bound(
        &self,
        bound: Option<&Node>,
        env: &Env<'_>,
        input: &Value,
        out: &mut dyn FnMut(Value) -> Flow,
    ) -> Flow {
        match bound {
            None => out(Value::Null),
            Some(bound) => self.each(bound, env, input, out),
        }
    }

    /// Every place that an expression names, from the value at a place.
    pub(super) fn paths(
        &self,
        node: &Node,
        env: &Env<'_>,
        at: &Value,
        trail: Option<&Trail<'_>>,
        out: Visit<'_>,
    ) -> Flow {
        self.charge(1)?;
        self.deeper(|| self.paths_of(node, env, at, trail, out)).map_err(|stop| stop.at(node.span))
    }

    fn paths_of(&self, node: &Node, env: &Env<'_>, at: &Value, trail: Option<&Trail<'_>>, out: Visit<'_>) -> Flow {
        match &node.kind {
            Kind::Identity => out(at, trail),
            Kind::Empty => Ok(()),
            Kind::Recurse => self.recurse(at, trail, out),
            Kind::Path(base, steps) => {
                self.paths(base, env, at, trail, &mut |value, trail| self.steps(steps, env, at, value, trail, out))
            }
            Kind::Pipe(left, right) => {
                self.paths(left, env, at, trail, &mut |value, trail| self.paths(right, env, value, trail, out))
            }
            Kind::Bind(source, pattern, body) => self.each_view(source, env, at, &mut |value| {
                self.bind(pattern, env, value, &mut |env| self.paths(body, env, at, trail, out))
            }),
            Kind::Comma(parts) => parts.iter().try_for_each(|part| self.paths(part, env, at, trail, out)),
            Kind::If(condition, then, otherwise) => self.each(condition, env, at, &mut |truth| {
                self.paths(if truthy(&truth) { then } else { otherwise }, env, at, trail, out)
            }),
            Kind::Alternative(left, right) => {
                let chosen = if self.any_truthy(left, env, at)? { left } else { right };
                self.paths(chosen, env, at, trail, out)
            }
            Kind::Try(body, catch) => {
                let mut outer = None;
                let flow = self.paths(body, env, at, trail, &mut |value, trail| {
                    out(value, trail).map_err(|stop| {
                        outer = Some(stop);
                        Stop::Break(0)
                    })
                });
                match (outer, flow) {
                    (Some(stop), _) => Err(stop),
                    (None, Ok(())) => Ok(()),
                    (None, Err(stop)) => {
                        let value = stop.caught()?;
                        catch.as_ref().map_or(Ok(()), |catch| self.paths(catch, env, &value, trail, out))
                    }
                }
            }
            Kind::Label(body) => {
                let label = self.fresh_label();
                match self.paths(body, &Env::new(env, Bound::Label(label)), at, trail, out) {
                    Err(Stop::Break(to)) if to == label => Ok(()),
                    flow => flow,
                }
            }
            Kind::Break(hops) => Err(env.label(*hops)),
            Kind::Closure(hops) => {
                let (filter, env) = env.filter(*hops)?;
                self.paths(filter, env, at, trail, out)
            }
            Kind::Call(def, args, hops) => {
                let body = self.body(*def)?;
                self.call(args, env, env.up(*hops), at, &mut |env| self.paths(body, env, at, trail, out))
            }
            Kind::Special(special, args) => self.special_paths(*special, args, env, at, trail, out),
            // A constant or variable may stand for a path only where its value goes unused, as jq allows for `null`.
            _ => Err(not_a_path()),
        }
    }

    fn special_paths(
        &self,
        special: Special,
        args: &[Node],
        env: &Env<'_>,
        at: &Value,
        trail: Option<&Trail<'_>>,
        out: Visit<'_>,
    ) -> Flow {
        match (special, args) {
            (Special::First, [filter]) => {
                let label = self.fresh_label();
                let flow = self.paths(filter, env, at, trail, &mut |value, trail| {
                    out(value, trail)?;
                    Err(Stop::Break(label))
                });
                match flow {
                    Err(Stop::Break(to)) if to == label => Ok(()),
                    flow => flow,
                }
            }
            (Special::Last, [filter]) => {
                let mut last = None;
                self.paths(filter, env, at, trail, &mut |_, found| {
                    last = Some(keys(found));
                    Ok(())
                })?;
                let Some(Value::Array(path)) = last else { return Ok(()) };
                // The whole path is known; it is walked again from the place where this one began.
                let begun = trail_len(trail);
                self.follow(path.get(begun..).unwrap_or_default(), at, trail, out)
            }
            (Special::Limit | Special::Skip, [count, filter]) => self.each(count, env, at, &mut |count| {
                let count = self.count(&count)?;
                let label = self.fresh_label();
                let mut seen = 0;
                if special == Special::Limit && count == 0 {
                    return Ok(());
                }
                let flow = self.paths(filter, env, at, trail, &mut |value, trail| {
                    seen += 1;
                    if special == Special::Skip {
                        return if seen > count { out(value, trail) } else { Ok(()) };
                    }
                    out(value, trail)?;
                    if seen >= count { Err(Stop::Break(label)) } else { Ok(()) }
                });
                match flow {
                    Err(Stop::Break(to)) if to == label => Ok(()),
                    flow => flow,
                }
            }),
            (Special::GetPath, [path]) => self.each(path, env, at, &mut |path| {
                let Value::Array(path) = path else { return Err(fail("a path is an array")) };
                self.follow(&path, at, trail, out)
            }),
            (Special::Error, args) => {
                let mut raised = at.clone();
                if let [message] = args {
                    self.each(message, env, at, &mut |value| {
                        raised = value;
                        Ok(())
                    })?;
                }
                Err(super::stop::error(raised))
            }
            _ => Err(not_a_path()),
        }
    }

    /// Walks along given keys; what does not exist is `null`.
    fn follow(&self, path: &[Value], at: &Value, trail: Option<&Trail<'_>>, out: Visit<'_>) -> Flow {
        let Some((key, rest)) = path.split_first() else {
            return out(at, trail);
        };
        self.charge(1)?;
        let value = ops::index(at, key)?;
        self.deeper(|| self.follow(rest, &value, Some(&Trail { up: trail, key: key.clone() }), out))
    }

    pub(super) fn any_truthy(&self, node: &Node, env: &Env<'_>, input: &Value) -> Flow<bool> {
        let mut any = false;
        let label = self.fresh_label();
        let flow = self.each(node, env, input, &mut |value| {
            any = truthy(&value);
            if any { Err(Stop::Break(label)) } else { Ok(()) }
        });
        match flow {
            Err(Stop::Break(to)) if to == label => {}
            Err(stop) => drop(stop.caught()?),
            Ok(()) => {}
        }
        Ok(any)
    }
}

fn trail_len(mut trail: Option<&Trail<'_>>) -> usize {
    let mut len = 0;
    while let Some(step) = trail {
        len += 1;
        trail = step.up;
    }
    len
}

fn range(from: Value, to: Value) -> Value {
    Value::object([("start".into(), from), ("end".into(), to)].into_iter().collect())
}

pub(super) fn not_iterable(value: &Value) -> Stop {
    fail(format!("{} has no values to iterate over", ops::described(value)))
}

pub(super) fn not_a_path() -> Stop {
    fail("this is not a path into the input, so it cannot be changed or located")
}
