//! Following the references of schemas: from one place in the files to another.

use super::lint::{base, decoded};
use super::schema::JsonSchema;
use super::source::{Base, Sources};
use crate::format::json::pointer;
use crate::message::Value;

/// A schema where it stands.
#[derive(Clone, Debug)]
pub(crate) struct At<'s> {
    /// Against what its references are read.
    pub(crate) base: Base,
    pub(crate) schema: &'s Value,
}

impl<'s> At<'s> {
    /// A part of the schema, in the same file.
    pub(crate) fn part(&self, schema: &'s Value) -> Self {
        Self { base: self.base.clone(), schema }
    }
}

/// Where a compiled schema stands.
pub(crate) fn start(schema: &JsonSchema) -> Option<At<'_>> {
    let (sources, path, at) = schema.place();
    let Some(Ok(source)) = sources.get(path) else { return None };
    Some(At { base: base(path, &source.json), schema: pointer::resolve(&source.value, at)? })
}

/// What a `$ref` leads to.
pub(crate) fn target<'s>(sources: &'s Sources, from: &Base, reference: &str) -> Option<At<'s>> {
    let (file, fragment) = reference.split_once('#').unwrap_or((reference, ""));
    let path = sources.path_of(from, file)?;
    let Some(Ok(source)) = sources.get(path) else { return None };
    let schema = if fragment.is_empty() || fragment.starts_with('/') {
        pointer::resolve(&source.value, &decoded(fragment))
    } else {
        anchored(&source.value, fragment)
    };
    Some(At { base: base(path, &source.json), schema: schema? })
}

/// Whether the file is of a draft in which `$ref` alone counts of all that stands beside it (up to draft 7).
pub(crate) fn is_alone(sources: &Sources, base: &Base) -> bool {
    let Some(Ok(source)) = sources.get(&base.path) else { return false };
    let draft = source.json.get("$schema").and_then(serde_json::Value::as_str);
    draft.is_some_and(|draft| ["draft-04", "draft-06", "draft-07"].iter().any(|old| draft.contains(old)))
}

/// The schema that declares an anchor, in the way of any draft. The depth is that of the file.
fn anchored<'s>(value: &'s Value, name: &str) -> Option<&'s Value> {
    match value {
        Value::Array(items) => items.iter().find_map(|item| anchored(item, name)),
        Value::Object(members) => {
            let is = |key: &str, wanted: &str| members.get(key).and_then(Value::as_str) == Some(wanted);
            let id = format!("#{name}");
            if is("$anchor", name) || is("$dynamicAnchor", name) || is("$id", &id) || is("id", &id) {
                return Some(value);
            }
            members.values().find_map(|member| anchored(member, name))
        }
        _ => None,
    }
}
