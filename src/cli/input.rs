//! What a command reads: documents, and contracts inside or outside a project.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::config::{Project, read_schemas};
use crate::contract::{Contract, Registry};
use crate::message::Limits;

use super::{End, output};

/// Reads a document; `-` is standard input.
pub(super) fn document(path: &Path) -> Result<Bytes, End> {
    let mut body = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut body).map(drop)
    } else {
        std::fs::read(path).map(|bytes| body = bytes)
    };
    match read {
        Ok(()) => Ok(body.into()),
        Err(error) => Err(output::misuse(&format!("`{}` cannot be read: {error}", path.display()), None)),
    }
}

/// How a document is named in messages.
pub(super) fn shown(path: &Path) -> String {
    if path == Path::new("-") { "<stdin>".to_owned() } else { path.display().to_string() }
}

/// A contract and the limits under which it reads.
pub(super) struct Resolved {
    pub contract: Arc<Contract>,
    pub limits: Limits,
}

/// A contract by its name in the project, or by the path of a schema file, with `#Root` if wanted.
pub(super) fn contract(dir: &Path, reference: &str) -> Result<Resolved, End> {
    let (path, root) = reference.split_once('#').map_or((reference, ""), |(path, root)| (path, root));
    let registry;
    let (name, limits) = if (path.ends_with(".xsd") || path.ends_with(".json")) && Path::new(path).is_file() {
        let (folder, stem) = outside(Path::new(path))?;
        let (files, wrong) = read_schemas(&folder);
        output::diagnostics(&wrong);
        registry = Registry::new(files);
        let name = if root.is_empty() { stem } else { format!("{stem}#{root}") };
        (name, Limits::default())
    } else {
        let project = Project::load(dir, std::env::vars());
        registry = project.contracts;
        (reference.to_owned(), project.settings.limits)
    };
    match registry.resolve(&name) {
        Ok(contract) => Ok(Resolved { contract, limits }),
        Err(error) => {
            output::diagnostics(&error.diagnostics);
            let hint = error.hint.as_deref();
            Err(output::misuse(&format!("[{}] {}", error.code, error.message), hint))
        }
    }
}

/// The folder to read and the file's name in it. Schemas often include their neighbours' folders (`../common/…`), so
/// the folder above is read where one of them is named.
fn outside(path: &Path) -> Result<(PathBuf, String), End> {
    let cannot = |error: std::io::Error| output::misuse(&format!("`{}` cannot be read: {error}", path.display()), None);
    let path = path.canonicalize().map_err(cannot)?;
    let text = std::fs::read_to_string(&path).map_err(cannot)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let root = if text.contains("\"../") { folder.parent().unwrap_or(folder) } else { folder };
    let name = path.strip_prefix(root).unwrap_or(&path).with_extension("");
    Ok((root.to_owned(), name.to_string_lossy().into_owned()))
}
