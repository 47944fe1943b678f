//! Functions that take filters.

use std::cmp::Ordering;

use super::env::Env;
use super::eval::Out;
use super::node::{Node, Special};
use super::num;
use super::ops;
use super::paths::{keys, not_iterable};
use super::run::Run;
use super::stop::{Flow, Stop, error, fail};
use crate::message::{Number, Value};

impl Run<'_> {
    pub(super) fn special(&self, special: Special, args: &[Node], env: &Env<'_>, input: &Value, out: Out<'_>) -> Flow {
        match (special, args) {
            (Special::Path, [filter]) => self.paths(filter, env, input, None, &mut |_, trail| out(keys(trail))),
            (Special::First, [filter]) => self.take(filter, env, input, 1, out),
            (Special::Limit, [count, filter]) => {
                self.each(count, env, input, &mut |count| self.take(filter, env, input, self.count(&count)?, out))
            }
            (Special::Skip, [count, filter]) => self.each(count, env, input, &mut |count| {
                let mut left = self.count(&count)?;
                self.each(filter, env, input, &mut |value| match left.checked_sub(1) {
                    Some(less) => {
                        left = less;
                        Ok(())
                    }
                    None => out(value),
                })
            }),
            (Special::Last, [filter]) => {
                let mut last = None;
                self.each(filter, env, input, &mut |value| {
                    last = Some(value);
                    Ok(())
                })?;
                last.map_or(Ok(()), out)
            }
            (Special::Range, [from, to, by]) => self.each(from, env, input, &mut |from| {
                self.each(to, env, input, &mut |to| {
                    self.each(by, env, input, &mut |by| self.range(&from, &to, &by, out))
                })
            }),
            (Special::IsEmpty, [filter]) => {
                let mut empty = true;
                self.take(filter, env, input, 1, &mut |_| {
                    empty = false;
                    Ok(())
                })?;
                out(Value::Bool(empty))
            }
            (Special::Any | Special::All, [generator, condition]) => {
                let wanted = special == Special::Any;
                let mut found = false;
                let label = self.fresh_label();
                let flow = self.each_view(generator, env, input, &mut |item| {
                    self.each_truth(condition, env, item, &mut |truth| {
                        if truth == wanted {
                            found = true;
                            return Err(Stop::Break(label));
                        }
                        Ok(())
                    })
                });
                match flow {
                    Err(Stop::Break(to)) if to == label => {}
                    flow => flow?,
                }
                out(Value::Bool(found == wanted))
            }
            (Special::SortBy, [filter]) => {
                out(self.keyed(filter, env, input)?.into_iter().map(|(_, item)| item).collect())
            }
            (Special::GroupBy, [filter]) => {
                out(groups(self.keyed(filter, env, input)?).into_iter().map(Value::array).collect())
            }
            (Special::UniqueBy, [filter]) => {
                let groups = groups(self.keyed(filter, env, input)?);
                out(groups.into_iter().filter_map(|group| group.into_iter().next()).collect())
            }
            (Special::MinBy, [filter]) => {
                let keyed = self.keys_of(filter, env, input)?;
                let least = keyed.into_iter().reduce(|a, b| if b.0 < a.0 { b } else { a });
                out(least.map(|(_, item)| item).unwrap_or_default())
            }
            (Special::MaxBy, [filter]) => {
                let keyed = self.keys_of(filter, env, input)?;
                let most = keyed.into_iter().reduce(|a, b| if b.0 >= a.0 { b } else { a });
                out(most.map(|(_, item)| item).unwrap_or_default())
            }
            (Special::Del, [filter]) => {
                let paths = self.located(filter, env, input)?;
                out(self.delete(input.clone(), paths)?.unwrap_or_default())
            }
            (Special::GetPath, [path]) => self.each(path, env, input, &mut |path| out(get_path(input, &path)?)),
            (Special::Walk, [filter]) => self.walk(filter, env, input, out),
            (Special::Error, []) => Err(error(input.clone())),
            (Special::Error, [message]) => self.each(message, env, input, &mut |value| Err(error(value))),
            (Special::Combinations, []) => match input {
                Value::Array(lists) => self.combinations(lists, &mut Vec::new(), out),
                other => Err(not_iterable(other)),
            },
            _ => Err(fail("the function has other arguments")),
        }
    }

    /// The first so many outputs.
    fn take(&self, filter: &Node, env: &Env<'_>, input: &Value, count: usize, out: Out<'_>) -> Flow {
        if count == 0 {
            return Ok(());
        }
        let label = self.fresh_label();
        let mut left = count;
        let flow = self.each(filter, env, input, &mut |value| {
            left -= 1;
            out(value)?;
            if left == 0 { Err(Stop::Break(label)) } else { Ok(()) }
        });
        match flow {
            Err(Stop::Break(to)) if to == label => Ok(()),
            flow => flow,
        }
    }

    /// A number of outputs; below zero is none.
    pub(super) fn count(&self, value: &Value) -> Flow<usize> {
        match value {
            Value::Number(number) => Ok(usize::try_from(num::index(number)).unwrap_or(0)),
            other => Err(fail(format!("a count is a number, not {}", ops::described(other)))),
        }
    }

    fn range(&self, from: &Value, to: &Value, by: &Value, out: Out<'_>) -> Flow {
        let (Value::Number(from), Value::Number(to), Value::Number(by)) = (from, to, by) else {
            return Err(fail("a range goes from number to number, by a number"));
        };
        let end = match by.cmp(&Number::from(0)) {
            Ordering::Greater => Ordering::Less,
            Ordering::Less => Ordering::Greater,
            Ordering::Equal => return Err(fail("a range by zero never ends")),
        };
        let mut at = from.clone();
        while at.cmp(to) == end {
            self.charge(1)?;
            let next = num::add(&at, by)?;
            out(Value::Number(std::mem::replace(&mut at, next)))?;
        }
        Ok(())
    }

    /// The items of the input with their keys.
    fn keys_of(&self, filter: &Node, env: &Env<'_>, input: &Value) -> Flow<Vec<(Vec<Value>, Value)>> {
        let Value::Array(items) = input else {
            return Err(fail(format!("{} cannot be ordered: it is not an array", ops::described(input))));
        };
        let keyed = items.iter().map(|item| {
            let mut key = Vec::new();
            self.each(filter, env, item, &mut |value| {
                key.push(value);
                self.charge(1)
            })?;
            Ok((key, item.clone()))
        });
        keyed.collect()
    }

    fn keyed(&self, filter: &Node, env: &Env<'_>, input: &Value) -> Flow<Vec<(Vec<Value>, Value)>> {
        let mut keyed = self.keys_of(filter, env, input)?;
        self.charge(keyed.len().saturating_mul(4))?;
        keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(keyed)
    }

    /// Rebuilds a value from its leaves, as jq defines it: all outputs for items, the first for members.
    fn walk(&self, filter: &Node, env: &Env<'_>, value: &Value, out: Out<'_>) -> Flow {
        self.charge(1)?;
        let rebuilt = match value {
            Value::Array(items) => {
                let mut rebuilt = Vec::with_capacity(items.len());
                for item in items.iter() {
                    self.deeper(|| {
                        self.walk(filter, env, item, &mut |value| {
                            rebuilt.push(value);
                            self.charge_items(rebuilt.len(), 1)
                        })
                    })?;
                }
                Value::array(rebuilt)
            }
            Value::Object(members) => {
                let mut rebuilt = crate::message::Members::default();
                for (key, item) in members.iter() {
                    let mut first = None;
                    self.deeper(|| {
                        self.walk(filter, env, item, &mut |value| {
                            first.get_or_insert(value);
                            Ok(())
                        })
                    })?;
                    if let Some(value) = first {
                        rebuilt.insert(key.clone(), value);
                    }
                }
                Value::object(rebuilt)
            }
            leaf => leaf.clone(),
        };
        self.each_owned(filter, env, rebuilt, out)
    }

    fn combinations(&self, lists: &[Value], chosen: &mut Vec<Value>, out: Out<'_>) -> Flow {
        self.charge(1)?;
        let Some((list, rest)) = lists.split_first() else {
            return out(Value::array(chosen.clone()));
        };
        let Value::Array(items) = list else { return Err(not_iterable(list)) };
        for item in items.iter() {
            chosen.push(item.clone());
            self.deeper(|| self.combinations(rest, chosen, out))?;
            chosen.pop();
        }
        Ok(())
    }
}

/// Runs of equal keys.
fn groups(keyed: Vec<(Vec<Value>, Value)>) -> Vec<Vec<Value>> {
    let mut groups: Vec<Vec<Value>> = Vec::new();
    let mut last: Option<Vec<Value>> = None;
    for (key, item) in keyed {
        match groups.last_mut() {
            Some(group) if last.as_ref() == Some(&key) => group.push(item),
            _ => groups.push(vec![item]),
        }
        last = Some(key);
    }
    groups
}

/// The value at a path; what does not exist is `null`.
fn get_path(value: &Value, path: &Value) -> Flow<Value> {
    let Value::Array(path) = path else { return Err(fail("a path is an array")) };
    let mut current = value.clone();
    for key in path.iter() {
        if matches!(current, Value::Null) {
            return Ok(Value::Null);
        }
        current = ops::index(&current, key)?.into_owned();
    }
    Ok(current)
}
