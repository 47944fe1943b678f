//! Functions of arrays and objects.

use super::native::{arg, list};
use super::run::Run;
use super::stop::{Flow, Stop, fail};
use super::{format, num, ops};
use crate::message::{Members, Text, Value};

pub(super) fn keys(run: &Run<'_>, value: &Value, sorted: bool) -> Flow<Value> {
    match value {
        Value::Object(members) => {
            run.charge(members.len())?;
            let mut keys: Vec<&Text> = members.keys().collect();
            if sorted {
                keys.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
            }
            Ok(keys.into_iter().cloned().map(Value::String).collect())
        }
        Value::Array(items) => Ok((0..items.len()).map(ops::count).collect()),
        other => Err(fail(format!("{} has no keys", ops::described(other)))),
    }
}

pub(super) fn has(_: &Run<'_>, value: &Value, args: &[&Value]) -> Flow<Value> {
    match (value, arg(args, 0)) {
        (Value::Object(members), Value::String(key)) => Ok(Value::Bool(members.contains_key(key))),
        (Value::Array(items), Value::Number(at)) => {
            Ok(Value::Bool(usize::try_from(num::index(at)).is_ok_and(|at| at < items.len())))
        }
        (value, key) => {
            Err(fail(format!("{} cannot be asked whether it has {}", ops::described(value), ops::key_name(key))))
        }
    }
}

pub(super) fn contains(run: &Run<'_>, whole: &Value, part: &Value) -> Flow<bool> {
    run.charge(1)?;
    Ok(match (whole, part) {
        (Value::String(whole), Value::String(part)) => {
            run.charge(whole.len() / 16)?;
            memchr::memmem::find(whole.as_bytes(), part.as_bytes()).is_some()
        }
        (Value::Array(whole), Value::Array(part)) => {
            for part in part.iter() {
                let mut found = false;
                for whole in whole.iter() {
                    found = found || run.deeper(|| contains(run, whole, part))?;
                }
                if !found {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Object(whole), Value::Object(part)) => {
            for (key, part) in part.iter() {
                let inside = match whole.get(key) {
                    Some(whole) => run.deeper(|| contains(run, whole, part))?,
                    None => false,
                };
                if !inside {
                    return Ok(false);
                }
            }
            true
        }
        (whole, part) => whole == part,
    })
}

pub(super) fn add(run: &Run<'_>, value: &Value, _: &[&Value]) -> Flow<Value> {
    let mut sum = Value::Null;
    let mut plus = |item: &Value| {
        run.charge(1)?;
        sum = ops::math(run, jaq_core::ops::Math::Add, std::mem::take(&mut sum), item, false)?;
        Ok::<(), Stop>(())
    };
    match value {
        Value::Array(items) => items.iter().try_for_each(&mut plus)?,
        Value::Object(members) => members.values().try_for_each(&mut plus)?,
        other => return Err(super::paths::not_iterable(other)),
    }
    Ok(sum)
}

pub(super) fn flatten(run: &Run<'_>, value: &Value, depth: usize) -> Flow<Value> {
    fn into(run: &Run<'_>, items: &[Value], depth: usize, flat: &mut Vec<Value>) -> Flow {
        for item in items {
            match item {
                Value::Array(inner) if depth > 0 => run.deeper(|| into(run, inner, depth - 1, flat))?,
                item => {
                    flat.push(item.clone());
                    run.charge_items(flat.len(), 1)?;
                }
            }
        }
        Ok(())
    }
    let mut flat = Vec::new();
    match value {
        Value::Array(items) => into(run, items, depth, &mut flat)?,
        Value::Object(members) => into(run, &members.values().cloned().collect::<Vec<_>>(), depth, &mut flat)?,
        other => return Err(super::paths::not_iterable(other)),
    }
    Ok(Value::array(flat))
}

pub(super) fn reverse(run: &Run<'_>, value: &Value, _: &[&Value]) -> Flow<Value> {
    match value {
        Value::Null => Ok(Value::array(Vec::new())),
        Value::String(text) => {
            run.charge_text(text.len(), text.len())?;
            Ok(Value::String(text.chars().rev().collect::<String>().into()))
        }
        other => {
            let items = list(other)?;
            run.charge(items.len())?;
            Ok(items.iter().rev().cloned().collect())
        }
    }
}

pub(super) fn transpose(run: &Run<'_>, value: &Value, _: &[&Value]) -> Flow<Value> {
    let rows = list(value)?.iter().map(list).collect::<Flow<Vec<_>>>()?;
    let width = rows.iter().map(|row| row.len()).max().unwrap_or(0);
    run.charge_items(rows.len().saturating_mul(width), rows.len().saturating_mul(width))?;
    let column = |at: usize| rows.iter().map(|row| row.get(at).cloned().unwrap_or_default()).collect::<Value>();
    Ok((0..width).map(column).collect())
}

pub(super) fn indices(run: &Run<'_>, value: &Value, part: &Value) -> Flow<Value> {
    match (value, part) {
        (Value::Null, _) => Ok(Value::Null),
        (Value::String(_), Value::String(part)) if part.is_empty() => Ok(Value::array(Vec::new())),
        (Value::String(text), Value::String(part)) => {
            run.charge(text.len() / 16)?;
            let finder = memchr::memmem::Finder::new(part.as_bytes());
            let (mut found, mut from, mut characters) = (Vec::new(), 0, 0);
            while let Some(rest) = text.get(from..)
                && let Some(offset) = finder.find(rest.as_bytes())
            {
                let (before, behind) = rest.split_at_checked(offset).unwrap_or((rest, ""));
                characters += before.chars().count();
                found.push(ops::count(characters));
                // Parts may overlap: the search goes on at the next character.
                from += offset + behind.chars().next().map_or(1, char::len_utf8);
                characters += 1;
                run.charge_items(found.len(), 1 + part.len() / 16)?;
            }
            Ok(Value::array(found))
        }
        (Value::Array(items), Value::Array(part)) => {
            run.charge(items.len().saturating_mul(part.len().max(1)))?;
            Ok(ops::array_indices(items, part))
        }
        (Value::Array(items), part) => {
            run.charge(items.len())?;
            let found = items.iter().enumerate().filter(|(_, item)| *item == part);
            Ok(found.map(|(at, _)| ops::count(at)).collect())
        }
        (value, part) => {
            Err(fail(format!("{} cannot be searched for {}", ops::described(value), ops::described(part))))
        }
    }
}

pub(super) fn to_entries(run: &Run<'_>, value: &Value, _: &[&Value]) -> Flow<Value> {
    let entry = |key: Value, value: &Value| {
        let mut entry = Members::with_capacity(2);
        entry.append(Text::from_static("key"), key);
        entry.append(Text::from_static("value"), value.clone());
        Value::object(entry)
    };
    match value {
        // An entry is an object of its own, which costs more than an item.
        Value::Object(members) => {
            run.charge(members.len().saturating_mul(8))?;
            Ok(members.iter().map(|(key, value)| entry(Value::String(key.clone()), value)).collect())
        }
        Value::Array(items) => {
            run.charge(items.len().saturating_mul(8))?;
            Ok(items.iter().enumerate().map(|(at, value)| entry(ops::count(at), value)).collect())
        }
        other => Err(fail(format!("{} has no entries: it is not an object", ops::described(other)))),
    }
}

pub(super) fn from_entries(run: &Run<'_>, value: &Value, _: &[&Value]) -> Flow<Value> {
    let mut members = Members::default();
    for entry in list(value)?.iter() {
        let Value::Object(entry) = entry else {
            return Err(fail(format!("an entry is an object with key and value, not {}", ops::described(entry))));
        };
        let first = |names: &[&str]| names.iter().find_map(|name| entry.get(name));
        let named = ["key", "k", "name", "Name", "Key", "K"];
        let key = named.iter().find_map(|name| entry.get(name).filter(|key| !matches!(key, Value::Null)));
        let key = match key.unwrap_or(&ops::NULL) {
            Value::String(key) => key.clone(),
            key @ (Value::Null | Value::Bool(_) | Value::Number(_)) => {
                format::encode(run, super::node::Format::Text, key)?
            }
            other => return Err(fail(format!("the key of an entry is a string, not {}", ops::described(other)))),
        };
        members.insert(key, first(&["value", "v", "Value", "V"]).cloned().unwrap_or_default());
        run.charge_items(members.len(), 1)?;
    }
    Ok(Value::object(members))
}
