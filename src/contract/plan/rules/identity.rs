//! Identity constraints (XML Schema part 1, section 3.11) whose paths go down by names alone.

use xsd_schema::namespace::{NameTable, NamespaceContextSnapshot};

use super::super::types::NameIx;

/// `xs:unique`, or `xs:key` where each field must be there.
#[derive(Clone, Debug)]
pub(crate) struct Constraint {
    pub(crate) selector: Vec<NameIx>,
    pub(crate) fields: Vec<Field>,
    pub(crate) is_key: bool,
}

/// A field, from a selected element.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) elements: Vec<NameIx>,
    pub(crate) attribute: Option<NameIx>,
}

/// An XPath of steps that are names, resolved; `None` for any other.
pub(super) fn path(
    xpath: &str,
    bindings: &NamespaceContextSnapshot,
    names: &NameTable,
    name: &mut dyn FnMut(&str, &str) -> NameIx,
) -> Option<Field> {
    let mut field = Field { elements: Vec::new(), attribute: None };
    for step in xpath.split('/').map(str::trim) {
        if field.attribute.is_some() {
            return None;
        }
        let (is_attribute, qualified) = match step.strip_prefix('@') {
            Some(rest) => (true, rest),
            None => (false, step.strip_prefix("child::").unwrap_or(step)),
        };
        if qualified == "." && !is_attribute {
            continue;
        }
        let (uri, local) = match qualified.split_once(':') {
            Some((prefix, local)) => (names.resolve(bindings.resolve_prefix(names.get(prefix)?)?), local),
            None => (String::new(), qualified),
        };
        if !local.starts_with(|char: char| char.is_alphabetic() || char == '_')
            || !local.chars().all(|char| char.is_alphanumeric() || "-_.".contains(char))
        {
            return None;
        }
        let found = name(&uri, local);
        if is_attribute {
            field.attribute = Some(found);
        } else {
            field.elements.push(found);
        }
    }
    Some(field)
}
