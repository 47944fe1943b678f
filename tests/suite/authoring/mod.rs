//! What helps to write contracts, transforms and routes.

mod asyncapi;
mod diff;
mod docs;
mod explain;
mod fmt;
mod infer;
mod infer_xml;
mod new;
mod sample;
mod schema;
mod watch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use trunkline::contract::{Files, Registry};
use trunkline::diagnostic::SourceFile;

/// The schema files of a folder as a project would have them.
fn schemas(folder: &Path) -> Files {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            let is_schema = path.extension().is_some_and(|ending| ending == "xsd" || ending == "json");
            if path.is_dir() {
                open.push(path);
            } else if is_schema {
                let name: Arc<str> = path.strip_prefix(folder).expect("is below").to_string_lossy().into();
                let text = std::fs::read_to_string(&path).expect("readable");
                files.insert(Arc::clone(&name), SourceFile::new(name.to_string(), text));
            }
        }
    }
    files
}

/// Every contract that can be named: the files themselves, and each of their roots.
fn references(registry: &Registry) -> Vec<String> {
    let names: Vec<String> = registry.names().map(str::to_owned).collect();
    let mut found = Vec::new();
    for name in names {
        let roots = registry.roots(&name).unwrap_or_else(|error| panic!("{name}: {}", error.message));
        found.extend(roots.iter().map(|root| format!("{name}#{root}")));
        found.push(name);
    }
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Writes a file below a folder.
fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(&path, text).expect("written");
    path
}

/// A folder of documents that is not part of the project.
fn shared(below: &str) -> Option<PathBuf> {
    let folder = root().join("../shared/fixtures").join(below);
    if !folder.exists() {
        eprintln!("skipped: {} is not here", folder.display());
    }
    folder.exists().then_some(folder)
}
