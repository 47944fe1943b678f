//! References to secrets in settings: `${env:NAME}` and `${file:/run/secrets/name}`.
//!
//! They are resolved after parsing, in scalar values only, so that a secret can neither change the structure of the
//! settings nor stand in a snippet of an error.

use std::fs;

use serde_json::Value;

/// A reference that gives no secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unresolved {
    /// As it is written.
    pub reference: String,
    /// Why.
    pub reason: String,
}

/// Resolves every reference in every string of a tree. The depth of settings is bounded by their type.
pub(super) fn resolve(value: &mut Value, unresolved: &mut Vec<Unresolved>) {
    match value {
        Value::String(text) if text.contains("${") => match resolve_text(text) {
            Ok(resolved) => *text = resolved,
            Err(error) => unresolved.push(error),
        },
        Value::Array(items) => items.iter_mut().for_each(|item| resolve(item, unresolved)),
        Value::Object(members) => members.values_mut().for_each(|member| resolve(member, unresolved)),
        _ => {}
    }
}

fn resolve_text(text: &str) -> Result<String, Unresolved> {
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        resolved.push_str(before);
        let Some((reference, behind)) = after.split_once('}') else {
            let reason = "the closing `}` is missing".to_owned();
            return Err(Unresolved { reference: format!("${{{after}"), reason });
        };
        let secret =
            look_up(reference).map_err(|reason| Unresolved { reference: format!("${{{reference}}}"), reason })?;
        resolved.push_str(&secret);
        rest = behind;
    }
    resolved.push_str(rest);
    Ok(resolved)
}

fn look_up(reference: &str) -> Result<String, String> {
    match reference.split_once(':') {
        Some(("env", name)) => std::env::var(name).map_err(|_| format!("the variable `{name}` is not set")),
        Some(("file", path)) => match fs::read_to_string(path) {
            Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) => Err(format!("`{path}` cannot be read: {error}")),
        },
        _ => Err("a reference is `${env:NAME}` or `${file:/path}`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolves_inside_a_text_and_names_what_is_missing() {
        let mut value =
            serde_json::json!({ "url": "amqp://${env:CARGO_PKG_NAME}@h", "list": ["${env:TRUNKLINE_NO_SUCH}"] });
        let mut unresolved = Vec::new();
        resolve(&mut value, &mut unresolved);
        assert_eq!(value["url"], "amqp://trunkline@h");
        assert_eq!(unresolved.len(), 1);
        assert_eq!(unresolved[0].reference, "${env:TRUNKLINE_NO_SUCH}");
        assert!(resolve_text("${env:X").is_err() && resolve_text("${vault:x}").is_err());
    }
}
