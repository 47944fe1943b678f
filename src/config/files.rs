//! The only place that reads a project's files: everything after it works on texts in memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::contract::Files;
use crate::diagnostic::{Diagnostic, SourceFile, codes};

/// Folders within folders, at the most.
const MAX_DEPTH: usize = 16;

/// Reads a text file; `shown` is its path as diagnostics name it.
pub fn read_file(path: &Path, shown: &str) -> Result<SourceFile, Box<Diagnostic>> {
    let unreadable = |reason: String, hint: &str| {
        let nothing = SourceFile::new(shown, "");
        let message = format!("`{shown}` cannot be read: {reason}");
        Box::new(Diagnostic::error(codes::FILE_UNREADABLE, &nothing, 0..0, message).hint(hint))
    };
    let bytes = fs::read(path).map_err(|error| unreadable(error.to_string(), "check the path and its permissions"))?;
    let text = String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8".to_owned(), "save it as UTF-8"))?;
    Ok(SourceFile::new(shown, text.strip_prefix('\u{feff}').unwrap_or(&text)))
}

/// Every file below `root/folder` with one of these endings, by its path below `folder`; a missing folder is empty.
pub(super) fn read_folder(
    root: &Path,
    folder: &str,
    endings: &[&str],
    wrong: &mut Vec<Diagnostic>,
) -> BTreeMap<Arc<str>, SourceFile> {
    let mut found = BTreeMap::new();
    let mut folders = vec![(String::new(), 0)];
    while let Some((below, depth)) = folders.pop() {
        let Ok(entries) = fs::read_dir(root.join(folder).join(&below)) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
            let path = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
            if entry.path().is_dir() {
                if depth < MAX_DEPTH {
                    folders.push((path, depth + 1));
                }
            } else if endings.iter().any(|ending| path.ends_with(ending)) {
                let shown = if folder.is_empty() { path.clone() } else { format!("{folder}/{path}") };
                match read_file(&entry.path(), &shown) {
                    Ok(file) => drop(found.insert(Arc::from(path), file)),
                    Err(diagnostic) => wrong.push(*diagnostic),
                }
            }
        }
    }
    found
}

/// The schema files of a folder, for contracts outside any project.
pub fn read_schemas(folder: &Path) -> (Files, Vec<Diagnostic>) {
    let mut wrong = Vec::new();
    let files = read_folder(folder, "", &[".json", ".xsd"], &mut wrong);
    (files, wrong)
}
