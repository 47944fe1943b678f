//! `trunkline fmt`: one layout for the project's YAML files.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::config::layout::layout;
use crate::config::{Environment, SETTINGS_FILE, Settings, Sources, test_files};

use super::{End, output};

pub(super) fn run(dir: &Path, paths: &[PathBuf], check: bool) -> Result<End, End> {
    if paths == [PathBuf::from("-")] {
        let mut text = String::new();
        let read = std::io::stdin().lock().read_to_string(&mut text);
        read.map_err(|error| output::misuse(&format!("standard input cannot be read: {error}"), None))?;
        return match layout(&text) {
            Ok(done) if check && done != text => Err(End::Invalid),
            Ok(_) if check => Ok(End::Good),
            Ok(done) => Ok(output::data(&done)),
            Err(refused) => {
                output::say(&format!("<stdin>: {refused}"));
                Err(End::Invalid)
            }
        };
    }
    let mut paths = paths.to_vec();
    if paths.is_empty() {
        paths = all(dir);
    }
    let mut end = End::Good;
    let mut changed = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path)
            .map_err(|error| output::misuse(&format!("`{}` cannot be read: {error}", path.display()), None))?;
        match layout(&text) {
            Ok(done) if done == text => {}
            Ok(done) => {
                if check {
                    end = End::Invalid;
                } else {
                    replace(&path, &done).map_err(|error| {
                        output::misuse(&format!("`{}` cannot be written: {error}", path.display()), None)
                    })?;
                }
                changed.push(path);
            }
            Err(refused) => {
                output::say(&format!("{}: {refused}", path.display()));
                end = End::Invalid;
            }
        }
    }
    let list: String = changed.iter().map(|path| format!("{}\n", path.display())).collect();
    match output::data(&list) {
        End::Good => Ok(end),
        other => Err(other),
    }
}

/// The YAML files of a project.
fn all(dir: &Path) -> Vec<PathBuf> {
    let folders = Settings::load(dir, &Environment::of_process()).unwrap_or_default().directories;
    let mut wrong = Vec::new();
    let sources = Sources::read(dir, &folders, &mut wrong);
    let tests = test_files(dir, &folders, &mut wrong);
    let yaml = sources.routes.values().chain(sources.transforms.values()).chain(sources.steps.values());
    let files = yaml.chain(tests.values());
    let settings = [SETTINGS_FILE.to_owned()].into_iter().filter(|name| dir.join(name).exists());
    let mut paths: Vec<PathBuf> =
        settings.chain(files.map(|file| file.path.to_string())).map(|path| dir.join(path)).collect();
    paths.sort();
    paths
}

/// Puts a file in the place of another at once: nobody meets half of it.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    // Behind a link stands the file that is meant.
    let path = std::fs::canonicalize(path)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = path.with_file_name(format!(".{name}.new"));
    std::fs::write(&beside, text)?;
    std::fs::set_permissions(&beside, std::fs::metadata(&path)?.permissions())?;
    std::fs::rename(&beside, &path)
}
