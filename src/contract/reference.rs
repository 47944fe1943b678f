//! References to contracts: `erp/order-status#OrderStatusRequest`, `chat/order#/$defs/line`.

use super::Files;
use super::resolve::ResolveError;
use crate::diagnostic::{codes, did_you_mean};

/// The file that a reference means, with what stands behind its `#`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    /// The path of the file in the map.
    pub(crate) path: String,
    /// The root element or JSON Pointer; empty where none is given.
    pub(crate) root: &'a str,
}

/// The name of a contract file: its path without its ending. `None` for other files.
pub(crate) fn name(path: &str) -> Option<&str> {
    path.strip_suffix(".json").or_else(|| path.strip_suffix(".xsd"))
}

/// Finds the file of a reference.
pub(crate) fn target<'a>(files: &Files, reference: &'a str) -> Result<Target<'a>, ResolveError> {
    let (path, root) = reference.split_once('#').unwrap_or((reference, ""));
    let [json, xsd] = ["json", "xsd"].map(|ending| format!("{path}.{ending}"));
    match (files.contains_key(json.as_str()), files.contains_key(xsd.as_str())) {
        (true, false) => Ok(Target { path: json, root }),
        (false, true) => Ok(Target { path: xsd, root }),
        (true, true) => Err(ResolveError::new(
            codes::CONTRACT_AMBIGUOUS,
            format!("the contract `{path}` is both `{json}` and `{xsd}`"),
        )
        .hint("give one of the two files another name")),
        (false, false) => Err(unknown(files, path)),
    }
}

fn unknown(files: &Files, path: &str) -> ResolveError {
    let error = ResolveError::new(codes::CONTRACT_UNKNOWN, format!("no contract `{path}`"));
    if let Some(bare) = name(path).filter(|_| files.contains_key(path)) {
        return error.hint(format!("write `{bare}`, without the ending"));
    }
    if let Some(bare) = path.strip_prefix("schemas/").filter(|bare| exists(files, bare)) {
        return error.hint(format!("write `{bare}`: names start below `schemas/`"));
    }
    let names = || files.keys().filter_map(|path| name(path));
    let file = path.rsplit('/').next();
    let elsewhere = || names().find(|name| name.rsplit('/').next() == file);
    match did_you_mean(path, names()).or_else(elsewhere) {
        Some(meant) => error.hint(format!("did you mean `{meant}`?")),
        None => error.hint(format!("put it at `schemas/{path}.json` or `schemas/{path}.xsd`")),
    }
}

fn exists(files: &Files, name: &str) -> bool {
    ["json", "xsd"].iter().any(|ending| files.contains_key(format!("{name}.{ending}").as_str()))
}
