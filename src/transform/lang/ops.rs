//! Operators and access to parts of values.

use std::cmp::Ordering;
use std::sync::Arc;

use jaq_core::ops::{Cmp, Math};

use super::num;
use super::run::Run;
use super::stop::{Flow, Stop, fail, limit};
use crate::message::{Members, Near, Text, Value};

/// The absent value, for borrowing.
pub(super) static NULL: Value = Value::Null;
/// Levels of `*` between objects; deeper documents do not get through the readers.
const MAX_MERGE_DEPTH: usize = 512;

/// Everything but `null` and `false`.
pub(super) fn truthy(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

pub(super) fn compare(op: Cmp, a: &Value, b: &Value) -> bool {
    match op {
        Cmp::Eq => a == b,
        Cmp::Ne => a != b,
        Cmp::Lt => a.cmp(b) == Ordering::Less,
        Cmp::Le => a.cmp(b) != Ordering::Greater,
        Cmp::Gt => a.cmp(b) == Ordering::Greater,
        Cmp::Ge => a.cmp(b) != Ordering::Less,
    }
}

/// `l op r`. `repeat` allows the repetition of strings.
pub(super) fn math(run: &Run<'_>, op: Math, l: Value, r: &Value, repeat: bool) -> Flow<Value> {
    match op {
        Math::Add => add(run, l, r),
        Math::Sub => subtract(run, l, r),
        Math::Mul => multiply(run, l, r, repeat),
        Math::Div => divide(run, l, r),
        Math::Rem => match (&l, r) {
            (Value::Number(a), Value::Number(b)) => Ok(Value::Number(num::remainder(a, b)?)),
            _ => Err(fail(format!("{} and {} have no remainder", described(&l), described(r)))),
        },
    }
}

fn add(run: &Run<'_>, l: Value, r: &Value) -> Flow<Value> {
    Ok(match (l, r) {
        (Value::Null, other) => other.clone(),
        (l, Value::Null) => l,
        (Value::Number(a), Value::Number(b)) => Value::Number(num::add(&a, b)?),
        (Value::String(mut a), Value::String(b)) => {
            // A text that nobody else holds grows in place, so that building one piece by piece is linear.
            let copied = if a.as_mut_str().is_some() { 0 } else { a.len() };
            run.charge_text(a.len() + b.len(), copied + b.len())?;
            a.push_str(b);
            Value::String(a)
        }
        (Value::Array(mut a), Value::Array(b)) => {
            let copied = if Arc::get_mut(&mut a).is_some() { 0 } else { a.len() };
            run.charge_items(a.len() + b.len(), copied + b.len())?;
            Arc::make_mut(&mut a).extend(b.iter().cloned());
            Value::Array(a)
        }
        (Value::Object(mut a), Value::Object(b)) => {
            let copied = if Arc::get_mut(&mut a).is_some() { 0 } else { a.len() };
            run.charge_items(a.len() + b.len(), copied + b.len())?;
            Arc::make_mut(&mut a).extend(b.iter().map(|(key, value)| (key.clone(), value.clone())));
            Value::Object(a)
        }
        (l, r) => return Err(fail(format!("{} and {} cannot be added", described(&l), described(r)))),
    })
}

fn subtract(run: &Run<'_>, l: Value, r: &Value) -> Flow<Value> {
    match (l, r) {
        (Value::Number(a), Value::Number(b)) => Ok(Value::Number(num::subtract(&a, b)?)),
        (Value::Array(mut a), Value::Array(b)) => {
            run.charge_items(a.len(), a.len().saturating_mul(b.len()))?;
            Arc::make_mut(&mut a).retain(|item| !b.contains(item));
            Ok(Value::Array(a))
        }
        (l, r) => Err(fail(format!("{} cannot be subtracted from {}", described(r), described(&l)))),
    }
}

fn multiply(run: &Run<'_>, l: Value, r: &Value, repeat: bool) -> Flow<Value> {
    match (l, r) {
        (Value::Number(a), Value::Number(b)) => Ok(Value::Number(num::multiply(&a, b)?)),
        (Value::Number(count), Value::String(text)) if repeat => repeated(run, text, num::index(&count)),
        (Value::String(text), Value::Number(count)) if repeat => repeated(run, &text, num::index(count)),
        (Value::Object(mut a), Value::Object(b)) => {
            merge(run, &mut a, b, 0)?;
            Ok(Value::Object(a))
        }
        (l @ Value::String(_), r @ Value::Number(_)) | (l @ Value::Number(_), r @ Value::String(_)) => {
            let hint = "a string is repeated only a constant number of times";
            Err(fail(format!("{} and {} cannot be multiplied: {hint}", described(&l), described(r))))
        }
        (l, r) => Err(fail(format!("{} and {} cannot be multiplied", described(&l), described(r)))),
    }
}

fn repeated(run: &Run<'_>, text: &Text, count: i64) -> Flow<Value> {
    let Ok(count @ 1..) = usize::try_from(count) else {
        return Ok(Value::Null);
    };
    let len = text.len().saturating_mul(count);
    run.charge_text(len, len)?;
    Ok(Value::String(text.repeat(count)))
}

fn merge(run: &Run<'_>, a: &mut Arc<Members>, b: &Members, depth: usize) -> Flow {
    if depth > MAX_MERGE_DEPTH {
        return Err(limit("the objects to merge nest too deep"));
    }
    run.charge_items(a.len() + b.len(), a.len() + b.len())?;
    let a = Arc::make_mut(a);
    for (key, value) in b {
        match (a.get_mut(key), value) {
            (Some(Value::Object(inner)), Value::Object(other)) => merge(run, inner, other, depth + 1)?,
            (Some(inner), other) => *inner = other.clone(),
            (None, other) => drop(a.insert(key.clone(), other.clone())),
        }
    }
    Ok(())
}

fn divide(run: &Run<'_>, l: Value, r: &Value) -> Flow<Value> {
    match (&l, r) {
        (Value::Number(a), Value::Number(b)) => Ok(Value::Number(num::divide(a, b)?)),
        (Value::String(text), Value::String(separator)) => split(run, text, separator),
        _ => Err(fail(format!("{} cannot be divided by {}", described(&l), described(r)))),
    }
}

/// The parts of a text between separators; its characters if the separator is empty.
pub(super) fn split(run: &Run<'_>, text: &Text, separator: &str) -> Flow<Value> {
    let part = |part: &str| Value::String(text.try_slice_ref(part).unwrap_or_else(|| Text::from(part)));
    let parts: Vec<Value> = if text.is_empty() {
        Vec::new()
    } else if separator.is_empty() {
        text.chars().map(|c| Value::String(Text::from(c.encode_utf8(&mut [0; 4]) as &str))).collect()
    } else {
        text.as_str().split(separator).map(part).collect()
    };
    run.charge_items(parts.len(), parts.len())?;
    Ok(Value::array(parts))
}

/// How messages name a value: its type, and what it is where that is short.
pub(super) fn described(value: &Value) -> String {
    match value {
        Value::Number(number) => {
            let text = number.to_text();
            if text.len() <= 24 { format!("number {text}") } else { "number".to_owned() }
        }
        other => other.type_name().to_owned(),
    }
}

/// How messages name a key.
pub(super) fn key_name(key: &Value) -> String {
    match key {
        Value::String(text) => {
            let short: String = text.chars().take(40).collect();
            format!("\"{short}\"")
        }
        other => described(other),
    }
}

/// The part of a value under a key, borrowed where it exists as such.
pub(super) fn index<'v>(value: &'v Value, key: &Value) -> Flow<std::borrow::Cow<'v, Value>> {
    use std::borrow::Cow::{Borrowed, Owned};
    Ok(match (value, key) {
        (Value::Object(members), Value::String(key)) => Borrowed(members.get(key.as_str()).unwrap_or(&NULL)),
        (Value::Array(items), Value::Number(at)) => {
            Borrowed(position(num::index(at), items.len()).and_then(|at| items.get(at)).unwrap_or(&NULL))
        }
        (Value::Null, Value::String(_) | Value::Number(_) | Value::Null) => Borrowed(&NULL),
        (Value::Array(items), Value::Array(part)) => Owned(array_indices(items, part)),
        (Value::Null | Value::Array(_) | Value::String(_), Value::Object(range)) => {
            let bound = |name: &str| range.get(name).unwrap_or(&NULL);
            Owned(slice(value, bound("start"), bound("end"))?)
        }
        _ => return Err(fail(format!("{} cannot be indexed with {}", described(value), key_name(key)))),
    })
}

/// The member of an object, for constant keys.
#[inline(always)]
pub(super) fn member<'v>(value: &'v Value, key: &Text, near: &Near) -> Flow<&'v Value> {
    match value {
        Value::Object(members) => Ok(near.member(members).unwrap_or(&NULL)),
        Value::Null => Ok(&NULL),
        _ => Err(no_member(value, key)),
    }
}

#[cold]
fn no_member(value: &Value, key: &str) -> Stop {
    fail(format!("{} cannot be indexed with \"{key}\"", described(value)))
}

/// The position that an index means, counted from the end if negative.
pub(super) fn position(index: i64, len: usize) -> Option<usize> {
    match usize::try_from(index) {
        Ok(index) => (index < len).then_some(index),
        Err(_) => len.checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
    }
}

/// The bounds of a slice, within `0..=len`.
pub(super) fn bounds(from: &Value, to: &Value, len: usize) -> Flow<(usize, usize)> {
    let bound = |value: &Value, default: usize, up: bool| match value {
        Value::Null => Ok(default),
        Value::Number(number) => {
            let at = num::index(number);
            let at = if up && !number.is_integer() { at.saturating_add(1) } else { at };
            Ok(match usize::try_from(at) {
                Ok(at) => at.min(len),
                Err(_) => len.saturating_sub(usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX)),
            })
        }
        other => Err(fail(format!("a slice goes from number to number, not {}", described(other)))),
    };
    let from = bound(from, 0, false)?;
    Ok((from, bound(to, len, true)?.max(from)))
}

/// `.[from:to]`, counted in characters for strings.
pub(super) fn slice(value: &Value, from: &Value, to: &Value) -> Flow<Value> {
    match value {
        Value::Null => Ok(Value::Null),
        Value::Array(items) => {
            let (from, to) = bounds(from, to, items.len())?;
            Ok(items.get(from..to).unwrap_or_default().iter().cloned().collect())
        }
        Value::String(text) => {
            let len = if text.is_ascii() { text.len() } else { text.chars().count() };
            let (from, to) = bounds(from, to, len)?;
            let byte = |at: usize| {
                if len == text.len() { at } else { text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte) }
            };
            Ok(Value::String(text.try_slice(byte(from)..byte(to)).unwrap_or_default()))
        }
        other => Err(fail(format!("{} cannot be sliced", described(other)))),
    }
}

/// Where a part stands in an array; parts may overlap.
pub(super) fn array_indices(items: &[Value], part: &[Value]) -> Value {
    if part.is_empty() {
        return Value::array(Vec::new());
    }
    let found = items.windows(part.len()).enumerate().filter(|(_, window)| *window == part);
    found.map(|(at, _)| count(at)).collect()
}

/// A number of things.
pub(super) fn count(n: usize) -> Value {
    Value::from(i64::try_from(n).unwrap_or(i64::MAX))
}
