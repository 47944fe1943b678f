//! References to secrets: `${env:NAME}` and `${file:/run/secrets/name}`, in scalar values only.

use std::path::Path;

use super::environment::Environment;
use super::tree::{Kind, Node};
use crate::diagnostic::{Diagnostic, codes};

/// A secret file is small; whatever is larger is most likely another file.
const LARGEST_SECRET: u64 = 64 << 10;

/// Replaces every reference by what it names. A relative path is seen from the project's folder.
pub(super) fn resolve(node: &mut Node, environment: &Environment, directory: &Path, wrong: &mut Vec<Diagnostic>) {
    match &mut node.kind {
        Kind::Text(text) if text.contains("${") => match replace(text, environment, directory) {
            Ok(resolved) => {
                *text = resolved;
                node.hidden = true;
            }
            Err((message, hint)) => {
                let place = &node.place;
                let found = Diagnostic::error(codes::SECRET_UNRESOLVED, &place.file, place.span.clone(), message);
                wrong.push(found.hint(hint));
            }
        },
        Kind::List(items) => items.iter_mut().for_each(|item| resolve(item, environment, directory, wrong)),
        Kind::Map(entries) => {
            entries.iter_mut().for_each(|(.., value)| resolve(value, environment, directory, wrong));
        }
        _ => {}
    }
}

fn replace(text: &str, environment: &Environment, directory: &Path) -> Result<String, (String, String)> {
    let mut rest = text;
    let mut resolved = String::with_capacity(text.len());
    while let Some((before, after)) = rest.split_once("${") {
        let Some((reference, after)) = after.split_once('}') else {
            return Err(("a reference to a secret has no end".to_owned(), "close it with `}`".to_owned()));
        };
        resolved.push_str(before);
        resolved.push_str(&look_up(reference, environment, directory)?);
        rest = after;
    }
    resolved.push_str(rest);
    Ok(resolved)
}

fn look_up(reference: &str, environment: &Environment, directory: &Path) -> Result<String, (String, String)> {
    match reference.split_once(':') {
        Some(("env", name)) => environment.get(name).map(str::to_owned).ok_or_else(|| {
            let message = format!("the environment variable `{name}` is not set");
            (message, format!("set `{name}` before starting, or name another variable"))
        }),
        Some(("file", path)) => read(&directory.join(path)).map_err(|reason| {
            let message = format!("the secret file `{path}` cannot be read: {reason}");
            (message, "make the file readable for the user that runs the bus".to_owned())
        }),
        _ => {
            let message = format!("`${{{reference}}}` is not a reference to a secret");
            Err((message, "write `${env:NAME}` or `${file:/run/secrets/name}`".to_owned()))
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > LARGEST_SECRET {
        return Err(format!("it has {size} bytes, a secret at most {LARGEST_SECRET}"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}
