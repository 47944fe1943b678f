//! A contract as a JSON Schema, to be read rather than to be validated with.

use std::sync::Arc;

use super::json::{At, Base, Sources, allows, target};
use super::plan::PATTERN;
use crate::format::json::pointer;
use crate::message::Value;

/// A place in the JSON Schema of a contract: of its own, or of the JSON form of an XSD's documents.
#[derive(Clone, Debug)]
pub struct Outline {
    at: Value,
    document: Value,
    files: Option<(Arc<Sources>, Base)>,
    /// The contract.
    name: Arc<str>,
}

impl Outline {
    /// Beside the `pattern` of an XSD's type: as the XSD has it, which is for people.
    pub const PATTERN: &str = PATTERN;

    /// A schema that refers only to itself.
    pub(super) fn alone(schema: Value) -> Self {
        Self { at: schema.clone(), document: schema, files: None, name: Arc::default() }
    }

    /// A schema in one of the files.
    pub(super) fn in_files(sources: &Arc<Sources>, at: &At<'_>) -> Self {
        let document = match sources.get(&at.base.path) {
            Some(Ok(source)) => source.value.clone(),
            _ => at.schema.clone(),
        };
        let files = Some((Arc::clone(sources), at.base.clone()));
        Self { at: at.schema.clone(), document, files, name: Arc::default() }
    }

    /// The same, as that of the contract of this name.
    pub(super) fn of(self, contract: &str) -> Self {
        Self { name: contract.into(), ..self }
    }

    /// The name of the contract.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The schema at this place.
    pub fn schema(&self) -> &Value {
        &self.at
    }

    /// Whether a text or number is as keywords say that were taken out of a schema, as `{ "maxLength": 3 }`.
    pub fn allows(keywords: &Value, value: &Value) -> bool {
        allows(keywords, value)
    }

    /// A schema that stands in this one.
    pub fn part(&self, schema: &Value) -> Self {
        Self { at: schema.clone(), ..self.clone() }
    }

    /// The schema to which a reference here leads.
    pub fn refers(&self, reference: &str) -> Option<Self> {
        match &self.files {
            Some((sources, base)) => {
                let outline = Self::in_files(sources, &target(sources, base, reference)?);
                Some(Self { name: self.name.clone(), ..outline })
            }
            None => {
                let at = pointer::resolve(&self.document, reference.strip_prefix('#')?)?.clone();
                Some(Self { at, ..self.clone() })
            }
        }
    }

    /// Whether references below here are read against something else than the file.
    pub fn has_own_base(&self) -> bool {
        self.at.get("$id").or_else(|| self.at.get("id")).is_some_and(|id| id.as_str().is_some()) && !self.is_whole()
    }

    /// Whether nothing counts beside a reference, as before draft 2019-09.
    pub fn ignores_beside_references(&self) -> bool {
        let draft = self.document.get("$schema").and_then(Value::as_str).unwrap_or_default();
        ["draft-03", "draft-04", "draft-06", "draft-07"].iter().any(|old| draft.contains(old))
    }

    fn is_whole(&self) -> bool {
        is_same(&self.at, &self.document)
    }
}

/// By identity: two places that say the same are two places.
impl PartialEq for Outline {
    fn eq(&self, other: &Self) -> bool {
        is_same(&self.at, &other.at)
    }
}

fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => Arc::ptr_eq(a, b),
        (Value::Bool(a), Value::Bool(b)) => a == b,
        _ => false,
    }
}
