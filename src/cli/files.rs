//! New files of a project: never over one that is there.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::{End, output};

/// Writes files, all or none; what is there already is in the way.
pub(super) fn write_new(files: &[(PathBuf, String)]) -> Result<(), End> {
    for (path, _) in files {
        if path.exists() {
            let message = format!("`{}` is there already, and nothing is overwritten", path.display());
            return Err(output::misuse(&message, Some("take another name, or edit that file")));
        }
    }
    for (path, text) in files {
        write(path, text)
            .map_err(|error| output::misuse(&format!("`{}` cannot be written: {error}", path.display()), None))?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())
}
