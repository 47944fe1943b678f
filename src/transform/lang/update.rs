//! Changing parts of a value: `=`, `|=`, `+=` and the like, `del`, `setpath`.

use std::sync::Arc;

use super::env::Env;
use super::eval::Out;
use super::node::{Kind, Node, Part, Special, Step};
use super::ops::{self, truthy};
use super::paths::{keys, not_a_path, not_iterable};
use super::run::Run;
use super::stop::{Flow, Stop, fail, limit};
use crate::message::Value;

/// Gives the new value of a place, or nothing to remove it.
pub(super) type Change<'f> = &'f mut dyn FnMut(Value) -> Flow<Option<Value>>;

/// Keys of a path that is changed; each is a level of the stack.
const MAX_PATH: usize = 200;

/// A step with its indices evaluated.
#[derive(Clone)]
pub(super) enum Place {
    Key(Value),
    Iterate,
    Slice(Value, Value),
}

impl Run<'_> {
    /// The outputs of an update node, for an input that may be changed in place.
    pub(super) fn updated(&self, node: &Node, env: &Env<'_>, input: Value, out: Out<'_>) -> Flow {
        match &node.kind {
            Kind::Update(path, value) => {
                let changed = self.update(path, env, input, &mut |old| self.first(value, env, old))?;
                changed.map_or(Ok(()), out)
            }
            Kind::Assign(path, value) => self.update_each(path, value, env, input, out, &|_, new| Ok(new.clone())),
            Kind::UpdateMath(path, op, value) => {
                self.update_each(path, value, env, input, out, &|old, new| ops::math(self, *op, old, new, false))
            }
            Kind::UpdateAlternative(path, value) => self.update_each(path, value, env, input, out, &|old, new| {
                Ok(if truthy(&old) { old } else { new.clone() })
            }),
            _ => Err(fail("this is not an update")),
        }
    }

    /// One whole result for each output of the right side.
    fn update_each(
        &self,
        path: &Node,
        value: &Node,
        env: &Env<'_>,
        input: Value,
        out: Out<'_>,
        change: &dyn Fn(Value, &Value) -> Flow<Value>,
    ) -> Flow {
        if value.one {
            let new = self.one(value, env, &input)?;
            return self.update(path, env, input, &mut |old| change(old, &new).map(Some))?.map_or(Ok(()), out);
        }
        self.each(value, env, &input, &mut |new| {
            self.update(path, env, input.clone(), &mut |old| change(old, &new).map(Some))?.map_or(Ok(()), &mut *out)
        })
    }

    /// The first output, if there is one.
    fn first(&self, node: &Node, env: &Env<'_>, input: Value) -> Flow<Option<Value>> {
        let mut first = None;
        let label = self.fresh_label();
        let flow = self.each_owned(node, env, input, &mut |value| {
            first = Some(value);
            if node.one { Ok(()) } else { Err(Stop::Break(label)) }
        });
        match flow {
            Err(Stop::Break(to)) if to == label => {}
            flow => flow?,
        }
        Ok(first)
    }

    /// Changes every place that `node` names.
    fn update(&self, node: &Node, env: &Env<'_>, value: Value, change: Change<'_>) -> Flow<Option<Value>> {
        self.charge(1)?;
        self.deeper(|| self.update_of(node, env, value, change)).map_err(|stop| stop.at(node.span))
    }

    fn update_of(&self, node: &Node, env: &Env<'_>, value: Value, change: Change<'_>) -> Flow<Option<Value>> {
        match &node.kind {
            Kind::Identity => change(value),
            Kind::Empty => Ok(Some(value)),
            Kind::Recurse => self.update_all(value, change),
            Kind::Path(base, steps) => {
                let mut all = Vec::new();
                self.places(steps, env, &value, Vec::new(), &mut all)?;
                self.update(base, env, value, &mut |value| {
                    let mut value = value;
                    for places in &all {
                        value = self.change_at(places, value, change)?;
                    }
                    Ok(Some(value))
                })
            }
            Kind::Pipe(left, right) => {
                self.update(left, env, value, &mut |value| self.update(right, env, value, change))
            }
            Kind::Bind(source, pattern, body) => {
                let input = value.clone();
                let mut current = Some(value);
                self.each_view(source, env, &input, &mut |item| {
                    self.bind(pattern, env, item, &mut |env| {
                        if let Some(value) = current.take() {
                            current = self.update(body, env, value, change)?;
                        }
                        Ok(())
                    })
                })?;
                Ok(current)
            }
            Kind::Comma(parts) => {
                let mut current = Some(value);
                for part in parts {
                    if let Some(value) = current.take() {
                        current = self.update(part, env, value, change)?;
                    }
                }
                Ok(current)
            }
            Kind::If(condition, then, otherwise) => {
                let mut branches = Vec::new();
                self.each(condition, env, &value, &mut |truth| {
                    branches.push(if truthy(&truth) { then } else { otherwise });
                    Ok(())
                })?;
                let mut current = Some(value);
                for branch in branches {
                    if let Some(value) = current.take() {
                        current = self.update(branch, env, value, change)?;
                    }
                }
                Ok(current)
            }
            Kind::Alternative(left, right) => {
                let chosen = if self.any_truthy(left, env, &value)? { left } else { right };
                self.update(chosen, env, value, change)
            }
            Kind::Closure(hops) => {
                let (filter, env) = env.filter(*hops)?;
                self.update(filter, env, value, change)
            }
            Kind::Call(def, args, hops) => {
                let body = self.body(*def)?;
                let input = value.clone();
                let mut current = Some(value);
                self.call(args, env, env.up(*hops), &input, &mut |env| {
                    if let Some(value) = current.take() {
                        current = self.update(body, env, value, change)?;
                    }
                    Ok(())
                })?;
                Ok(current)
            }
            Kind::Special(Special::First | Special::Last | Special::Limit | Special::Skip | Special::GetPath, _)
            | Kind::Try(..)
            | Kind::Label(_) => self.update_located(node, env, value, change),
            Kind::Special(Special::Error, _) => {
                self.each(node, env, &value, &mut |_| Ok(()))?;
                Ok(Some(value))
            }
            _ => Err(not_a_path()),
        }
    }

    /// Locates the places first, then changes them one by one; what is to be removed goes last, backwards.
    fn update_located(&self, node: &Node, env: &Env<'_>, value: Value, change: Change<'_>) -> Flow<Option<Value>> {
        let mut current = value;
        let mut removed = Vec::new();
        for path in self.located(node, env, &current)? {
            current = self.change_at(&self.places_of(&path)?, current, &mut |old| {
                let kept = old.clone();
                Ok(Some(match change(old)? {
                    Some(new) => new,
                    None => {
                        removed.push(path.clone());
                        kept
                    }
                }))
            })?;
        }
        self.delete(current, removed)
    }

    /// The paths that an expression names.
    pub(super) fn located(&self, node: &Node, env: &Env<'_>, value: &Value) -> Flow<Vec<Value>> {
        let mut paths = Vec::new();
        self.paths(node, env, value, None, &mut |_, trail| {
            paths.push(keys(trail));
            self.charge_items(paths.len(), 1)
        })?;
        Ok(paths)
    }

    /// Removes the places of these paths, all at once.
    pub(super) fn delete(&self, value: Value, mut paths: Vec<Value>) -> Flow<Option<Value>> {
        paths.sort();
        paths.dedup();
        let mut current = value;
        for path in paths.into_iter().rev() {
            let places = self.places_of(&path)?;
            if places.is_empty() {
                return Ok(None);
            }
            current = self.change_at(&places, current, &mut |_| Ok(None))?;
        }
        Ok(Some(current))
    }

    /// Every combination of the steps' indices.
    fn places(
        &self,
        steps: &[Step],
        env: &Env<'_>,
        input: &Value,
        before: Vec<(Place, bool)>,
        all: &mut Vec<Vec<(Place, bool)>>,
    ) -> Flow {
        let Some((step, rest)) = steps.split_first() else {
            all.push(before);
            return self.charge_items(all.len(), 1);
        };
        let mut go = |place: Place| {
            let mut before = before.clone();
            before.push((place, step.optional));
            self.places(rest, env, input, before, all)
        };
        match &step.part {
            Part::Key(key) => go(Place::Key(Value::String(key.clone()))),
            Part::Index(index) => self.each(index, env, input, &mut |index| go(place_of(&index))),
            Part::Iterate => go(Place::Iterate),
            Part::Slice(from, to) => {
                let all = |bound: &Option<Node>| {
                    let mut values = Vec::new();
                    match bound {
                        None => values.push(Value::Null),
                        Some(bound) => self.each(bound, env, input, &mut |value| {
                            values.push(value);
                            Ok(())
                        })?,
                    }
                    Ok::<_, Stop>(values)
                };
                let (from, to) = (all(from)?, all(to)?);
                from.iter().try_for_each(|from| to.iter().try_for_each(|to| go(Place::Slice(from.clone(), to.clone()))))
            }
        }
    }

    /// The places of a path as a value.
    pub(super) fn places_of(&self, path: &Value) -> Flow<Vec<(Place, bool)>> {
        let Value::Array(path) = path else { return Err(fail("a path is an array")) };
        if path.len() > MAX_PATH {
            return Err(limit(format!("a path has more than {MAX_PATH} keys")));
        }
        Ok(path.iter().map(|key| (place_of(key), false)).collect())
    }

    /// Changes what is at the end of the places; `null` becomes what the places need.
    pub(super) fn change_at(&self, places: &[(Place, bool)], value: Value, change: Change<'_>) -> Flow<Value> {
        let Some(((place, optional), rest)) = places.split_first() else {
            return Ok(change(value)?.unwrap_or_default());
        };
        self.charge(1)?;
        let mut inner = |value: Value| {
            if rest.is_empty() {
                return change(value);
            }
            self.deeper(|| self.change_at(rest, value, change)).map(Some)
        };
        match (place, value) {
            (Place::Key(Value::String(key)), Value::Null) => {
                let new = inner(Value::Null)?;
                Ok(new.map_or(Value::Null, |new| [(key.clone(), new)].into_iter().collect()))
            }
            (Place::Key(Value::String(key)), Value::Object(mut members)) => {
                let all = Arc::make_mut(&mut members);
                match all.get_mut(key) {
                    Some(slot) => match inner(std::mem::take(slot))? {
                        Some(new) => *slot = new,
                        None => drop(all.remove(key)),
                    },
                    None => {
                        if let Some(new) = inner(Value::Null)? {
                            all.insert(key.clone(), new);
                        }
                    }
                }
                Ok(Value::Object(members))
            }
            (Place::Key(Value::Number(at)), value @ (Value::Null | Value::Array(_))) => {
                self.change_item(super::num::index(at), value, &mut inner)
            }
            (Place::Iterate, Value::Array(mut items)) => {
                let all = std::mem::take(Arc::make_mut(&mut items));
                let mut kept = Vec::with_capacity(all.len());
                for item in all {
                    kept.extend(inner(item)?);
                }
                Ok(Value::array(kept))
            }
            (Place::Iterate, Value::Object(mut members)) => {
                let all = std::mem::take(Arc::make_mut(&mut members));
                let mut kept = crate::message::Members::with_capacity(all.len());
                for (key, item) in all {
                    if let Some(new) = inner(item)? {
                        kept.insert(key, new);
                    }
                }
                Ok(Value::object(kept))
            }
            (Place::Slice(from, to), value @ (Value::Null | Value::Array(_))) => {
                let was_null = matches!(value, Value::Null);
                let items = if let Value::Array(items) = value { items } else { Arc::default() };
                let (from, to) = ops::bounds(from, to, items.len())?;
                let part: Value = items.get(from..to).unwrap_or_default().iter().cloned().collect();
                let new = match inner(if was_null { Value::Null } else { part })? {
                    Some(Value::Array(new)) => new,
                    None | Some(Value::Null) => Arc::default(),
                    Some(other) => {
                        return Err(fail(format!("a slice is replaced by an array, not {}", ops::described(&other))));
                    }
                };
                let mut items = items;
                self.charge_items(items.len() + new.len(), items.len())?;
                Arc::make_mut(&mut items).splice(from..to, new.iter().cloned());
                Ok(Value::Array(items))
            }
            (_, value) if *optional => Ok(value),
            (Place::Iterate, value) => Err(not_iterable(&value)),
            (Place::Key(key), value) => {
                let (value, key) = (ops::described(&value), ops::key_name(key));
                Err(fail(format!("{value} cannot be changed at {key}")))
            }
            (Place::Slice(..), value) => Err(fail(format!("{} has no slice to change", ops::described(&value)))),
        }
    }

    fn change_item(&self, at: i64, value: Value, inner: Change<'_>) -> Flow<Value> {
        let (was_null, mut items) = match value {
            Value::Array(items) => (false, items),
            _ => (true, Arc::default()),
        };
        let len = items.len();
        let Some(at) = ops::position(at, len).or_else(|| usize::try_from(at).ok()) else {
            return Err(fail(format!("index {at} is before the start of an array of {len}")));
        };
        if at >= self.max_items() {
            return Err(limit(format!("index {at} makes a list of more than {} values", self.max_items())));
        }
        let all = Arc::make_mut(&mut items);
        match all.get_mut(at) {
            Some(slot) => match inner(std::mem::take(slot))? {
                Some(new) => *slot = new,
                None => drop(all.remove(at)),
            },
            None => match inner(Value::Null)? {
                Some(new) => {
                    self.charge_items(at, at - len)?;
                    all.resize(at, Value::Null);
                    all.push(new);
                }
                None if was_null => return Ok(Value::Null),
                None => {}
            },
        }
        Ok(Value::Array(items))
    }

    /// `.. |= f`: from the leaves up.
    fn update_all(&self, value: Value, change: Change<'_>) -> Flow<Option<Value>> {
        self.charge(1)?;
        let whole = [(Place::Iterate, true)];
        let inner = self.change_at(&whole, value, &mut |item| self.deeper(|| self.update_all(item, change)))?;
        change(inner)
    }
}

/// The place of a key as it stands in a path.
fn place_of(key: &Value) -> Place {
    match key {
        Value::Object(range) => {
            let bound = |name: &str| range.get(name).cloned().unwrap_or_default();
            Place::Slice(bound("start"), bound("end"))
        }
        key => Place::Key(key.clone()),
    }
}
