//! Reading the files of a project. The only place that walks folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, SourceFile, codes};

/// A file of a project is written by people; whatever is larger is most likely another file.
const LARGEST_FILE: u64 = 32 << 20;
/// Folders within folders, counted from the project's folder; also the end of a symbolic link that leads to itself.
const DEEPEST: usize = 16;

/// Every file below a folder, by its path; what cannot be read is not there.
pub(super) fn paths(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = open.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if !path.is_dir() {
                files.push(path);
            } else if depth < DEEPEST {
                open.push((path, depth + 1));
            }
        }
    }
    files
}

/// The files below a folder that have one of these endings, by their path in it, with `/`. A folder that is not
/// there holds no files; hidden files are none.
pub(super) fn below(
    project: &Path,
    folder: &str,
    endings: &[&str],
    wrong: &mut Vec<Diagnostic>,
) -> BTreeMap<Arc<str>, SourceFile> {
    let mut files = BTreeMap::new();
    let mut open = vec![String::new()];
    while let Some(inner) = open.pop() {
        let shown = join(folder, &inner);
        let entries = match std::fs::read_dir(project.join(&shown)) {
            Ok(entries) => entries,
            Err(error) if inner.is_empty() && error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                wrong.push(unreadable(&shown, &error.to_string()));
                continue;
            }
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                let message = format!("the name `{}` is not UTF-8", name.display());
                let file = SourceFile::new(join(&shown, &name.to_string_lossy()), "");
                wrong.push(Diagnostic::error(codes::FILE_NAME, &file, 0..0, message).hint("rename the file"));
                continue;
            };
            if name.starts_with('.') {
                continue;
            }
            let path = join(&inner, name);
            // Follows symbolic links: mounted configuration is often made of them.
            let is_folder = std::fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_dir());
            if is_folder {
                if path.matches('/').count() < DEEPEST {
                    open.push(path);
                } else {
                    wrong.push(unreadable(&join(folder, &path), "folders are nested too deeply"));
                }
            } else if endings.iter().any(|ending| path.ends_with(ending)) {
                match read(project, &join(folder, &path)) {
                    Ok(file) => drop(files.insert(Arc::from(path), file)),
                    Err(diagnostic) => wrong.push(diagnostic),
                }
            }
        }
    }
    files
}

/// Reads one file by its path in the project.
pub(super) fn read(project: &Path, path: &str) -> Result<SourceFile, Diagnostic> {
    let on_disk = project.join(path);
    let size = std::fs::metadata(&on_disk).map_err(|error| unreadable(path, &error.to_string()))?.len();
    if size > LARGEST_FILE {
        return Err(unreadable(path, &format!("it has {size} bytes, at most {LARGEST_FILE} are read")));
    }
    let bytes = std::fs::read(&on_disk).map_err(|error| unreadable(path, &error.to_string()))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(SourceFile::new(path, text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let bytes = error.into_bytes();
            let before = String::from_utf8_lossy(bytes.get(..valid).unwrap_or_default()).into_owned();
            let file = SourceFile::new(path, before);
            let message = format!("byte {valid} of the file is not UTF-8");
            Err(Diagnostic::error(codes::FILE_UNREADABLE, &file, valid..valid, message).hint("save the file as UTF-8"))
        }
    }
}

fn unreadable(path: &str, reason: &str) -> Diagnostic {
    let file = SourceFile::new(path, "");
    let message = format!("`{path}` cannot be read: {reason}");
    Diagnostic::error(codes::FILE_UNREADABLE, &file, 0..0, message).hint("check the path and its permissions")
}

fn join(folder: &str, name: &str) -> String {
    match (folder.is_empty(), name.is_empty()) {
        (true, _) => name.to_owned(),
        (_, true) => folder.to_owned(),
        _ => format!("{}/{name}", folder.trim_end_matches('/')),
    }
}

/// The name that a YAML file's path makes, or why it makes none. Test files have none, and are not wrong.
pub(super) fn name(path: &str, file: &SourceFile) -> Result<Option<String>, Diagnostic> {
    let wrong = |message: String, hint: &str| Err(Diagnostic::error(codes::FILE_NAME, file, 0..0, message).hint(hint));
    if path.ends_with(".yml") {
        return wrong(format!("`{}` is not read: the ending is `.yaml`", file.path), "rename it to `….yaml`");
    }
    let Some(name) = path.strip_suffix(".yaml").filter(|name| !name.ends_with(".test")) else { return Ok(None) };
    let fits = |character: char| character.is_ascii_alphanumeric() || "-_./".contains(character);
    match name.chars().find(|character| !fits(*character)) {
        Some(character) => {
            wrong(format!("`{character}` cannot stand in a name"), "use letters, digits, `-`, `_` and `.`")
        }
        None => Ok(Some(name.to_owned())),
    }
}
