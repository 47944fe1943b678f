//! From a JSON Schema to a shape, one level at a time. Keywords that are not looked at only make the shape too large.

use super::lazy::Lazy;
use super::scalars::{Numbers, ruled};
use super::shape::{Field, List, Object, Shape};
use crate::contract::Outline;
use crate::message::{Members, Value};

/// Keywords that say which numbers and texts are allowed.
const OF_NUMBERS: [&str; 5] = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
const OF_TEXTS: [&str; 5] = ["pattern", "minLength", "maxLength", "format", Outline::PATTERN];

/// The shape of the values that a schema admits. `looks` counts references and alternatives inside each other.
pub(super) fn shape(outline: &Outline, looks: usize) -> Shape {
    let members = match outline.schema() {
        Value::Bool(false) => return Shape::default(),
        Value::Object(members) if looks < 16 && !outline.has_own_base() => members,
        _ => return Shape::anything(),
    };
    let referred = members.get("$ref").and_then(Value::as_str);
    let referred = referred.map(|reference| outline.refers(reference).map(|target| shape(&target, looks + 1)));
    if let (Some(target), true) = (&referred, outline.ignores_beside_references()) {
        return target.clone().unwrap_or_else(Shape::anything);
    }
    let mut found = own(outline, members);
    if let Some(Some(target)) = referred {
        found = found.meet(target);
    }
    let schemas = |name: &str| match members.get(name) {
        Some(Value::Array(items)) => items.iter().map(|item| shape(&outline.part(item), looks + 1)).collect(),
        _ => Vec::new(),
    };
    for part in schemas("allOf") {
        found = found.meet(part);
    }
    for alternatives in ["anyOf", "oneOf"] {
        if let Some(any) = schemas(alternatives).into_iter().reduce(Shape::join) {
            found = found.meet(any);
        }
    }
    found
}

/// What the keywords say that stand directly in a schema.
fn own(outline: &Outline, members: &Members) -> Shape {
    let mut found = Shape::anything();
    let named: Option<Vec<&str>> = match members.get("type") {
        Some(Value::String(name)) => Some(vec![name.as_str()]),
        Some(Value::Array(names)) => Some(names.iter().filter_map(Value::as_str).collect()),
        _ => None,
    };
    let is = |name: &str| named.as_ref().is_none_or(|named| named.contains(&name));
    found.null = is("null");
    (found.yes, found.no) = (is("boolean"), is("boolean"));
    found.number = match (is("number"), is("integer")) {
        (true, _) => Some(Numbers { which: ruled(members, &OF_NUMBERS), ..Numbers::ANY }),
        (false, true) => Some(Numbers { which: ruled(members, &OF_NUMBERS), ..Numbers::WHOLE }),
        (false, false) => None,
    };
    found.text = is("string").then(|| ruled(members, &OF_TEXTS));
    found.list = is("array").then(|| list(outline, members));
    found.object = is("object").then(|| object(outline, members));
    let allowed = match (members.get("const"), members.get("enum")) {
        (Some(only), _) => Some(std::slice::from_ref(only)),
        (None, Some(Value::Array(values))) => Some(values.as_slice()),
        _ => None,
    };
    match allowed.map(|values| values.iter().map(|value| Shape::exactly(value, None)).reduce(Shape::join)) {
        Some(Some(allowed)) => found.meet(allowed),
        _ => found,
    }
}

fn list(outline: &Outline, members: &Members) -> List {
    let one = |value: &Value| Lazy::Schema(outline.part(value));
    let mut items = match members.get("items") {
        Some(items @ Value::Object(_)) => one(items),
        Some(Value::Bool(false)) => Lazy::Never,
        _ => Lazy::Any,
    };
    if let Some(Value::Array(first)) = members.get("prefixItems") {
        items = first.iter().map(one).fold(items, Lazy::join);
    }
    List { items, filled: at_least_one(members, "minItems"), ..List::default() }
}

fn object(outline: &Outline, members: &Members) -> Object {
    let mut object = Object { of: vec![outline.name().clone()], ..Object::default() };
    if let Some(Value::Object(properties)) = members.get("properties") {
        for (name, schema) in properties.iter() {
            let shape = Lazy::Schema(outline.part(schema));
            object.fields.insert(name.clone(), Field { shape, certain: false, key: None, value: None });
        }
    }
    object.rest = match (members.get("additionalProperties"), members.get("patternProperties")) {
        (Some(Value::Bool(false)), None) => None,
        (Some(schema @ Value::Object(_)), None) => Some(Lazy::Schema(outline.part(schema))),
        _ => Some(Lazy::Any),
    };
    if let Some(Value::Array(required)) = members.get("required") {
        for name in required.iter() {
            let Value::String(name) = name else { continue };
            match (object.fields.get_mut(name), &object.rest) {
                (Some(field), _) => field.certain = true,
                (None, Some(rest)) => {
                    let field = Field { shape: rest.clone(), certain: true, key: None, value: None };
                    object.fields.insert(name.clone(), field);
                }
                (None, None) => {}
            }
        }
    }
    if object.rest.is_none() && object.fields.len() == 1 && at_least_one(members, "minProperties") {
        object.fields.values_mut().for_each(|field| field.certain = true);
    }
    object
}

fn at_least_one(members: &Members, keyword: &str) -> bool {
    matches!(members.get(keyword), Some(Value::Number(number)) if number.as_i64().is_some_and(|least| least > 0))
}
