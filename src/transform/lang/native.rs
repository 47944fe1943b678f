//! Functions of values alone: the list by name, and those of strings and numbers.

use std::fmt;
use std::sync::Arc;

use bigdecimal::RoundingMode;

use super::collections::{add, contains, flatten, from_entries, has, indices, keys, reverse, to_entries, transpose};
use super::run::Run;
use super::stop::{Flow, fail};
use super::{format, num, ops, time};
use crate::message::{Number, Text, Value};

/// Input and arguments to a value.
type Function = fn(&Run<'_>, &Value, &[&Value]) -> Flow<Value>;

/// A function of values.
#[derive(Clone, Copy)]
pub(super) struct Native {
    pub(super) name: &'static str,
    pub(super) arity: usize,
    pub(super) run: Function,
}

impl fmt::Debug for Native {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.arity)
    }
}

const fn native(name: &'static str, arity: usize, run: Function) -> Native {
    Native { name, arity, run }
}

/// The function of this name and number of arguments.
pub(super) fn find(name: &str, arity: usize) -> Option<Native> {
    ALL.iter().find(|native| native.name == name && native.arity == arity).copied()
}

/// Every function of values.
pub(super) const ALL: &[Native] = &[
    native("length", 0, length),
    native("utf8bytelength", 0, |_, v, _| Ok(ops::count(text(v)?.len()))),
    native("type", 0, |_, v, _| Ok(Value::from(v.type_name()))),
    native("tostring", 0, |run, v, _| format::encode(run, super::node::Format::Text, v).map(Value::String)),
    native("tojson", 0, |run, v, _| format::encode(run, super::node::Format::Json, v).map(Value::String)),
    native("fromjson", 0, |run, v, _| {
        let text = text(v)?;
        run.charge(text.len() / 4)?;
        crate::format::json::read(text.as_bytes(), run.limits())
            .map_err(|violation| fail(format!("the string is not JSON: {violation}")))
    }),
    native("tonumber", 0, to_number),
    native("toboolean", 0, to_boolean),
    native("keys", 0, |run, v, _| keys(run, v, true)),
    native("keys_unsorted", 0, |run, v, _| keys(run, v, false)),
    native("has", 1, has),
    native("contains", 1, |run, v, args| {
        let part = arg(args, 0);
        if v.type_name() != part.type_name() {
            let (v, part) = (ops::described(v), ops::described(part));
            return Err(fail(format!("{v} cannot be asked whether it contains {part}")));
        }
        Ok(Value::Bool(contains(run, v, part)?))
    }),
    native("add", 0, add),
    native("flatten", 0, |run, v, _| flatten(run, v, usize::MAX)),
    native("flatten", 1, |run, v, args| match arg(args, 0) {
        Value::Number(depth) => match usize::try_from(num::index(depth)) {
            Ok(depth) => flatten(run, v, depth),
            Err(_) => Err(fail("the depth of flatten is not negative")),
        },
        other => Err(fail(format!("the depth of flatten is a number, not {}", ops::described(other)))),
    }),
    native("reverse", 0, reverse),
    native("sort", 0, |run, v, _| {
        let mut items = list(v)?.to_vec();
        run.charge(items.len().saturating_mul(4))?;
        items.sort();
        Ok(Value::array(items))
    }),
    native("transpose", 0, transpose),
    native("bsearch", 1, |_, v, args| {
        Ok(match list(v)?.binary_search(arg(args, 0)) {
            Ok(at) => ops::count(at),
            Err(at) => Value::from(-1 - i64::try_from(at).unwrap_or(i64::MAX)),
        })
    }),
    native("indices", 1, |run, v, args| indices(run, v, arg(args, 0))),
    native("to_entries", 0, to_entries),
    native("from_entries", 0, from_entries),
    native("setpath", 2, |run, v, args| {
        let places = run.places_of(arg(args, 0))?;
        run.change_at(&places, v.clone(), &mut |_| Ok(Some(arg(args, 1).clone())))
    }),
    native("delpaths", 1, |run, v, args| Ok(run.delete(v.clone(), list(arg(args, 0))?.to_vec())?.unwrap_or_default())),
    native("startswith", 1, |_, v, args| Ok(Value::Bool(text(v)?.starts_with(text(arg(args, 0))?.as_str())))),
    native("endswith", 1, |_, v, args| Ok(Value::Bool(text(v)?.ends_with(text(arg(args, 0))?.as_str())))),
    native("ltrimstr", 1, |_, v, args| trimmed(v, arg(args, 0), true, false)),
    native("rtrimstr", 1, |_, v, args| trimmed(v, arg(args, 0), false, true)),
    native("trimstr", 1, |_, v, args| trimmed(v, arg(args, 0), true, true)),
    native("trim", 0, |_, v, _| Ok(Value::String(text(v)?.trim()))),
    native("ltrim", 0, |_, v, _| Ok(Value::String(text(v)?.trim_start()))),
    native("rtrim", 0, |_, v, _| Ok(Value::String(text(v)?.trim_end()))),
    native("ascii_downcase", 0, |run, v, _| {
        let text = text(v)?;
        run.charge_text(text.len(), text.len())?;
        Ok(Value::String(text.to_ascii_lowercase()))
    }),
    native("ascii_upcase", 0, |run, v, _| {
        let text = text(v)?;
        run.charge_text(text.len(), text.len())?;
        Ok(Value::String(text.to_ascii_uppercase()))
    }),
    native("explode", 0, |run, v, _| {
        let text = text(v)?;
        run.charge(text.len())?;
        Ok(text.chars().map(|c| Value::from(i64::from(u32::from(c)))).collect())
    }),
    native("implode", 0, implode),
    native("split", 1, |run, v, args| ops::split(run, text(v)?, text(arg(args, 0))?)),
    native("join", 1, join),
    native("floor", 0, |_, v, _| Ok(Value::Number(num::round(number(v)?, RoundingMode::Floor)?))),
    native("ceil", 0, |_, v, _| Ok(Value::Number(num::round(number(v)?, RoundingMode::Ceiling)?))),
    native("round", 0, |_, v, _| Ok(Value::Number(num::round(number(v)?, RoundingMode::HalfUp)?))),
    native("trunc", 0, |_, v, _| Ok(Value::Number(num::round(number(v)?, RoundingMode::Down)?))),
    native("rint", 0, |_, v, _| Ok(Value::Number(num::round(number(v)?, RoundingMode::HalfEven)?))),
    native("decimal", 2, decimal),
    native("fabs", 0, |_, v, _| double(v, f64::abs)),
    native("sqrt", 0, |_, v, _| double(v, f64::sqrt)),
    native("cbrt", 0, |_, v, _| double(v, f64::cbrt)),
    native("exp", 0, |_, v, _| double(v, f64::exp)),
    native("exp2", 0, |_, v, _| double(v, f64::exp2)),
    native("exp10", 0, |_, v, _| double(v, |x| 10f64.powf(x))),
    native("expm1", 0, |_, v, _| double(v, f64::exp_m1)),
    native("log", 0, |_, v, _| double(v, f64::ln)),
    native("log2", 0, |_, v, _| double(v, f64::log2)),
    native("log10", 0, |_, v, _| double(v, f64::log10)),
    native("log1p", 0, |_, v, _| double(v, f64::ln_1p)),
    native("sin", 0, |_, v, _| double(v, f64::sin)),
    native("cos", 0, |_, v, _| double(v, f64::cos)),
    native("tan", 0, |_, v, _| double(v, f64::tan)),
    native("asin", 0, |_, v, _| double(v, f64::asin)),
    native("acos", 0, |_, v, _| double(v, f64::acos)),
    native("atan", 0, |_, v, _| double(v, f64::atan)),
    native("sinh", 0, |_, v, _| double(v, f64::sinh)),
    native("cosh", 0, |_, v, _| double(v, f64::cosh)),
    native("tanh", 0, |_, v, _| double(v, f64::tanh)),
    native("asinh", 0, |_, v, _| double(v, f64::asinh)),
    native("acosh", 0, |_, v, _| double(v, f64::acosh)),
    native("atanh", 0, |_, v, _| double(v, f64::atanh)),
    native("pow", 2, |_, _, args| doubles(args, f64::powf)),
    native("atan2", 2, |_, _, args| doubles(args, f64::atan2)),
    native("hypot", 2, |_, _, args| doubles(args, f64::hypot)),
    native("fmin", 2, |_, _, args| doubles(args, f64::min)),
    native("fmax", 2, |_, _, args| doubles(args, f64::max)),
    native("fmod", 2, |_, _, args| doubles(args, |a, b| a % b)),
    native("copysign", 2, |_, _, args| doubles(args, f64::copysign)),
    native("fromdateiso8601", 0, |_, v, _| time::from_iso8601(text(v)?)),
    native("todateiso8601", 0, |_, v, _| time::to_iso8601(v)),
    native("strftime", 1, |run, v, args| {
        let format = text(arg(args, 0))?;
        run.charge_text(format.len(), format.len())?;
        time::format(v, format)
    }),
    native("strptime", 1, |_, v, args| time::parse(text(v)?, text(arg(args, 0))?)),
    native("mktime", 0, |_, v, _| time::of_parts(v)),
    native("gmtime", 0, |_, v, _| time::to_parts(v)),
];

pub(super) fn arg<'a>(args: &[&'a Value], at: usize) -> &'a Value {
    args.get(at).copied().unwrap_or(&ops::NULL)
}

pub(super) fn text(value: &Value) -> Flow<&Text> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(fail(format!("a string is needed here, not {}", ops::described(other)))),
    }
}

pub(super) fn number(value: &Value) -> Flow<&Number> {
    match value {
        Value::Number(number) => Ok(number),
        other => Err(fail(format!("a number is needed here, not {}", ops::described(other)))),
    }
}

pub(super) fn list(value: &Value) -> Flow<&Arc<Vec<Value>>> {
    match value {
        Value::Array(items) => Ok(items),
        other => Err(fail(format!("an array is needed here, not {}", ops::described(other)))),
    }
}

fn double(value: &Value, function: fn(f64) -> f64) -> Flow<Value> {
    Ok(Value::Number(num::of_f64(function(number(value)?.to_f64()))?))
}

fn doubles(args: &[&Value], function: fn(f64, f64) -> f64) -> Flow<Value> {
    let (a, b) = (number(arg(args, 0))?.to_f64(), number(arg(args, 1))?.to_f64());
    Ok(Value::Number(num::of_f64(function(a, b))?))
}

fn length(_: &Run<'_>, value: &Value, _: &[&Value]) -> Flow<Value> {
    Ok(match value {
        Value::Null => Value::from(0),
        Value::Bool(_) => return Err(fail("boolean has no length")),
        Value::Number(number) if number.to_text().starts_with('-') => Value::Number(num::negate(number)),
        Value::Number(number) => Value::Number(number.clone()),
        Value::String(text) => ops::count(text.chars().count()),
        Value::Array(items) => ops::count(items.len()),
        Value::Object(members) => ops::count(members.len()),
    })
}

/// Also takes what forms and old systems write: leading zeros and a plus sign.
fn to_number(_: &Run<'_>, value: &Value, _: &[&Value]) -> Flow<Value> {
    let text = match value {
        Value::Number(_) => return Ok(value.clone()),
        other => text(other)?,
    };
    let lenient = || {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", text.strip_prefix('+').unwrap_or_else(|| text.clone())),
        };
        let digits = digits.trim_start_matches('0');
        let zero = if digits.starts_with(|c: char| c.is_ascii_digit()) { "" } else { "0" };
        let has_zero = text.contains('0');
        let text = format!("{sign}{zero}{digits}");
        if zero.is_empty() || has_zero { Number::parse(&text) } else { None }
    };
    Number::parse(text).or_else(lenient).map(Value::Number).ok_or_else(|| {
        let short: String = text.chars().take(40).collect();
        fail(format!("\"{short}\" is not a number"))
    })
}

fn to_boolean(_: &Run<'_>, value: &Value, _: &[&Value]) -> Flow<Value> {
    match value {
        Value::Bool(_) => Ok(value.clone()),
        Value::String(text) if text == "true" => Ok(Value::Bool(true)),
        Value::String(text) if text == "false" => Ok(Value::Bool(false)),
        other => Err(fail(format!("{} is not a boolean", ops::described(other)))),
    }
}

fn trimmed(value: &Value, fix: &Value, start: bool, end: bool) -> Flow<Value> {
    let (Value::String(text), Value::String(fix)) = (value, fix) else {
        return Ok(value.clone());
    };
    let mut text = text.clone();
    if start && let Some(rest) = text.strip_prefix(fix.as_str()) {
        text = rest;
    }
    if end && let Some(rest) = text.strip_suffix(fix.as_str()) {
        text = rest;
    }
    Ok(Value::String(text))
}

fn implode(run: &Run<'_>, value: &Value, _: &[&Value]) -> Flow<Value> {
    let items = list(value)?;
    run.charge(items.len())?;
    let char = |item: &Value| {
        let code = u32::try_from(num::index(number(item)?)).ok().and_then(char::from_u32);
        code.ok_or_else(|| fail(format!("{} is not a character of Unicode", ops::described(item))))
    };
    Ok(Value::String(items.iter().map(char).collect::<Flow<String>>()?.into()))
}

fn join(run: &Run<'_>, value: &Value, args: &[&Value]) -> Flow<Value> {
    let items = list(value)?;
    if items.is_empty() {
        return Ok(Value::from(""));
    }
    let separator = text(arg(args, 0))?;
    let mut joined = Text::new();
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            joined.push_str(separator);
        }
        match item {
            Value::Null => {}
            Value::String(text) => joined.push_str(text),
            Value::Bool(_) | Value::Number(_) => {
                joined.push_str(&format::encode(run, super::node::Format::Text, item)?);
            }
            other => return Err(fail(format!("{} cannot be joined to a string", ops::described(other)))),
        }
        run.charge_items(at, 1)?;
        run.charge_text(joined.len(), separator.len() + item.as_str().map_or(0, str::len))?;
    }
    Ok(Value::String(joined))
}

/// The roundings of `decimal(scale; rounding)`.
pub(super) const ROUNDINGS: &[(&str, RoundingMode)] = &[
    ("half_even", RoundingMode::HalfEven),
    ("half_up", RoundingMode::HalfUp),
    ("half_down", RoundingMode::HalfDown),
    ("up", RoundingMode::Up),
    ("down", RoundingMode::Down),
    ("ceiling", RoundingMode::Ceiling),
    ("floor", RoundingMode::Floor),
];

fn decimal(_: &Run<'_>, value: &Value, args: &[&Value]) -> Flow<Value> {
    let scale = number(arg(args, 0))?;
    let scale = u8::try_from(num::index(scale)).ok().filter(|scale| *scale <= 100);
    let scale = scale.ok_or_else(|| fail("the scale of decimal is a number from 0 to 100"))?;
    let name = text(arg(args, 1))?;
    let mode = ROUNDINGS.iter().find(|(rounding, _)| rounding == name).map(|(_, mode)| *mode);
    let mode = mode.ok_or_else(|| fail(format!("`{name}` is not a rounding of decimal")))?;
    Ok(Value::Number(num::fixed(number(value)?, scale, mode)?))
}
