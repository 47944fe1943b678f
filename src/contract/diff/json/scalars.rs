//! Whether the texts and numbers of an alternative are within the bounds of a schema.

use bigdecimal::{BigDecimal, Zero};

use super::alternative::{Alternative, decimal};
use crate::contract::json::At;
use crate::message::Value;

/// What a schema demands of a text, a number, or the size of a list or object, and the alternative does not.
/// `whose` is how the schema's contract is called.
pub(super) fn demands(from: &Alternative<'_>, to: &At<'_>, whose: &str) -> Vec<String> {
    let values = from.values();
    let listed = |holds: &dyn Fn(&Value) -> bool| values.as_ref().is_some_and(|values| values.iter().all(holds));
    let mut found = Vec::new();
    let mut demand = |message: String| found.push(format!("{message} for the {whose} contract"));
    let (longer, shorter): (&[&str], &[&str]) = match from.kind {
        "string" => (&["minLength"], &["maxLength"]),
        "array" => (&["minItems"], &["maxItems"]),
        "object" => (&["minProperties"], &["maxProperties"]),
        _ => (&[], &[]),
    };
    let size = |value: &Value| match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        _ => 0,
    };
    let whole = |size: usize| BigDecimal::from(u64::try_from(size).unwrap_or(u64::MAX));
    for key in longer {
        let Some(bound) = to.schema.get(key).and_then(decimal) else { continue };
        let required = if from.kind == "object" { required(from) } else { 0 };
        let own = from.most(key).into_iter().chain([whole(required)]).max();
        if own.is_none_or(|own| own < bound) && !listed(&|value| whole(size(value)) >= bound) {
            demand(format!("it may be too short: `{key}` is {bound}"));
        }
    }
    for key in shorter {
        let Some(bound) = to.schema.get(key).and_then(decimal) else { continue };
        let closed = (from.kind == "object" && from.others().is_none() && from.patterns().is_empty())
            .then(|| whole(from.names().len()));
        let own = from.least(key).into_iter().chain(closed).min();
        if own.is_none_or(|own| own > bound) && !listed(&|value| whole(size(value)) <= bound) {
            demand(format!("it may be too long: `{key}` is {bound}"));
        }
    }
    match from.kind {
        "string" => {
            for key in ["pattern", "format"] {
                let Some(wanted) = to.schema.get(key).and_then(Value::as_str) else { continue };
                let has_own = from.all(key).any(|own| own.as_str() == Some(wanted));
                let regex = (key == "pattern").then(|| regex::Regex::new(wanted).ok()).flatten();
                let matches = |value: &Value| match (&regex, value) {
                    (Some(regex), Value::String(text)) => regex.is_match(text),
                    _ => false,
                };
                if !has_own && !listed(&matches) {
                    demand(format!("it need not be of the {key} `{wanted}`"));
                }
            }
        }
        "integer" | "fraction" => numbers(from, to, &listed, &mut demand),
        _ => {}
    }
    found
}

/// How many names must be there.
fn required(from: &Alternative<'_>) -> usize {
    let mut names: Vec<&str> = Vec::new();
    for list in from.all("required") {
        if let Value::Array(all) = list {
            names.extend(all.iter().filter_map(Value::as_str));
        }
    }
    names.sort_unstable();
    names.dedup();
    names.len()
}

/// Whether all values are listed and a condition holds for each of them.
type Listed<'a> = dyn Fn(&dyn Fn(&Value) -> bool) -> bool + 'a;

fn numbers(from: &Alternative<'_>, to: &At<'_>, listed: &Listed<'_>, demand: &mut dyn FnMut(String)) {
    let least: Option<Bound> =
        from.schemas.iter().flat_map(|at| bounds(at, "minimum", "exclusiveMinimum")).max_by(|a, b| {
            // Of equal ones the open one is the narrower.
            a.value.cmp(&b.value).then(a.open.cmp(&b.open))
        });
    let most: Option<Bound> = from
        .schemas
        .iter()
        .flat_map(|at| bounds(at, "maximum", "exclusiveMaximum"))
        .min_by(|a, b| a.value.cmp(&b.value).then(b.open.cmp(&a.open)));
    let number = |value: &Value| decimal(value).unwrap_or_default();
    for wanted in bounds(to, "minimum", "exclusiveMinimum") {
        let fits = |own: &Bound| own.value > wanted.value || (own.value == wanted.value && (own.open || !wanted.open));
        let holds = |value: &Value| fits(&Bound { value: number(value), open: false });
        if !least.as_ref().is_some_and(&fits) && !listed(&holds) {
            demand(format!(
                "it may be too small: the least is {}{}",
                if wanted.open { "above " } else { "" },
                wanted.value
            ));
        }
    }
    for wanted in bounds(to, "maximum", "exclusiveMaximum") {
        let fits = |own: &Bound| own.value < wanted.value || (own.value == wanted.value && (own.open || !wanted.open));
        let holds = |value: &Value| fits(&Bound { value: number(value), open: false });
        if !most.as_ref().is_some_and(&fits) && !listed(&holds) {
            demand(format!(
                "it may be too large: the most is {}{}",
                if wanted.open { "below " } else { "" },
                wanted.value
            ));
        }
    }
    if let Some(wanted) = to.schema.get("multipleOf").and_then(decimal).filter(|wanted| !wanted.is_zero()) {
        let one = (from.kind == "integer").then(|| BigDecimal::from(1));
        let mut own = from.all("multipleOf").filter_map(decimal).chain(one);
        let is_multiple = |number: BigDecimal| (number % &wanted).is_zero();
        if !own.any(is_multiple) && !listed(&|value| is_multiple(number(value))) {
            demand(format!("it need not be a multiple of {wanted}"));
        }
    }
}

struct Bound {
    value: BigDecimal,
    /// Whether the value itself is out of bounds.
    open: bool,
}

/// The bounds of one schema; before draft 6 the exclusive one is `true` beside the other.
fn bounds(at: &At<'_>, inclusive: &str, exclusive: &str) -> Vec<Bound> {
    let exclusive = at.schema.get(exclusive);
    let open = exclusive == Some(&Value::Bool(true));
    let closed = at.schema.get(inclusive).and_then(decimal).map(|value| Bound { value, open });
    let other = exclusive.and_then(decimal).map(|value| Bound { value, open: true });
    closed.into_iter().chain(other).collect()
}
