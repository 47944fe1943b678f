//! From an argument to a contract: a name in the project, or a schema file anywhere.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::config::{Environment, Settings, Sources};
use crate::contract::{Contract, Registry};
use crate::diagnostic::SourceFile;
use crate::message::Limits;

use super::{End, output};

/// Files that one schema file may lead to.
const MOST_FILES: usize = 2_000;

/// A contract and the bounds in which its documents are read.
pub(super) struct Found {
    pub(super) contract: Arc<Contract>,
    pub(super) limits: Limits,
}

/// Finds the contract that an argument names; says why if there is none.
///
/// An argument that ends in `.xsd` or `.json`, before a `#root`, is the path of a schema file. It and the files that
/// it refers to are read from where they stand; the project plays no part.
pub(super) fn find(folder: &Path, argument: &str) -> Result<Found, End> {
    let (path, root) = match argument.split_once('#') {
        Some((path, root)) => (path, Some(root)),
        None => (argument, None),
    };
    let (registry, reference, limits) = if path.ends_with(".xsd") || path.ends_with(".json") {
        let (registry, name) = standalone(Path::new(path))?;
        let reference = root.map_or(name.clone(), |root| format!("{name}#{root}"));
        (registry, reference, Limits::default())
    } else {
        let settings = Settings::load(folder, &Environment::of_process()).map_err(|wrong| {
            output::diagnostics(&wrong);
            output::misuse("the settings are broken", None)
        })?;
        // Only the schema files count here; what is wrong elsewhere is `check`'s business.
        let sources = Sources::read(folder, &settings.directories, &mut Vec::new());
        (Registry::new(sources.schemas), argument.to_owned(), settings.limits.message())
    };
    registry.resolve(&reference).map(|contract| Found { contract, limits }).map_err(|error| {
        output::diagnostics(&error.diagnostics);
        let general = "a contract is a path below `schemas/` without its ending, or the path of a schema file";
        output::misuse(&format!("{} ({})", error.message, error.code), Some(error.hint.as_deref().unwrap_or(general)))
    })
}

/// A registry over a schema file and what it leads to, and the name of the file in it.
fn standalone(path: &Path) -> Result<(Registry, String), End> {
    let unreadable = |error: std::io::Error| {
        let message = format!("`{}` cannot be read: {error}", path.display());
        output::misuse(&message, Some("name a schema file, as `order.xsd`"))
    };
    let first = normal(&std::path::absolute(path).map_err(unreadable)?);
    let mut read = BTreeMap::new();
    let mut open = vec![first.clone()];
    while let Some(next) = open.pop() {
        if read.contains_key(&next) || read.len() >= MOST_FILES {
            continue;
        }
        let text = match std::fs::read_to_string(&next) {
            Ok(text) => text,
            Err(error) if next == first => return Err(unreadable(error)),
            // The compiler names the reference that leads nowhere.
            Err(_) => continue,
        };
        open.extend(references(&text).filter_map(|reference| Some(normal(&next.parent()?.join(reference)))));
        read.insert(next, text);
    }
    let folder = common_folder(read.keys());
    let below = |path: &Path| {
        let path = path.strip_prefix(&folder).unwrap_or(path);
        path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
    };
    let name = below(&first);
    let name = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem).to_owned();
    let file = |(path, text): (PathBuf, String)| {
        let below = below(&path);
        (Arc::from(below.as_str()), SourceFile::new(below, text))
    };
    Ok((Registry::new(read.into_iter().map(file).collect()), name))
}

/// Local files that a schema names: `schemaLocation="…"` of an XSD, `"$ref": "…"` of a JSON Schema.
///
/// It only decides what is read; whether a reference is right is the compiler's business.
fn references(text: &str) -> impl Iterator<Item = &str> {
    let marks = ["schemaLocation", "\"$ref\""];
    marks.into_iter().flat_map(|mark| text.split(mark).skip(1)).filter_map(|after| {
        let after = after.trim_start().strip_prefix(['=', ':'])?.trim_start();
        let quote = after.chars().next().filter(|quote| "\"'".contains(*quote))?;
        let value = after.get(1..)?.split(quote).next()?.split('#').next()?;
        (!value.is_empty() && !value.contains("://")).then_some(value)
    })
}

/// Takes `.` and `..` out of an absolute path.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}

fn common_folder<'a>(paths: impl Iterator<Item = &'a PathBuf>) -> PathBuf {
    let mut folders = paths.map(|path| path.parent().unwrap_or(path));
    let first = folders.next().unwrap_or(Path::new("")).to_owned();
    folders.fold(first, |common, folder| {
        common.components().zip(folder.components()).take_while(|(a, b)| a == b).map(|(part, _)| part).collect()
    })
}
