//! `trunkline transform`: one mapping on one document, once or whenever a file changes.

use std::io::IsTerminal;
use std::path::Path;
use std::time::SystemTime;

use crate::config::{Environment, Fingerprint, Project, Settings};
use crate::diagnostic::did_you_mean;
use crate::message::Value;
use crate::transform::VARIABLES;

use super::watch::until_changed;
use super::{End, input, output};

/// Runs the mapping again and again, until somebody ends the program.
pub(super) fn watch(dir: &Path, name: &str, file: &Path) -> End {
    if file == Path::new("-") {
        return output::misuse("standard input cannot be watched", Some("name the document's file"));
    }
    loop {
        let before = seen(dir, file);
        if std::io::stdout().is_terminal() {
            // Clears the screen: what is on it is what the files say now.
            output::data("\u{1b}[2J\u{1b}[H");
        }
        run(dir, name, file);
        output::say("waiting for changes; Ctrl-C ends");
        until_changed(&before, || seen(dir, file));
    }
}

/// The files of the project and the document, as they are now.
fn seen(dir: &Path, file: &Path) -> (Fingerprint, Option<(u64, Option<SystemTime>)>) {
    let settings = Settings::load(dir, &Environment::of_process()).unwrap_or_default();
    let document = std::fs::metadata(file).ok().map(|found| (found.len(), found.modified().ok()));
    (Fingerprint::of(dir, &settings), document)
}

pub(super) fn run(dir: &Path, name: &str, file: &Path) -> End {
    let project = Project::load(dir, &Environment::of_process());
    let Some(transform) = project.transforms.get(name) else {
        if let Some(end) = output::refuse_broken(&project) {
            return end;
        }
        let similar = did_you_mean(name, project.transforms.keys().map(String::as_str));
        let hint = similar.map(|similar| format!("did you mean `{similar}`?"));
        return output::misuse(&format!("no transform `{name}`"), hint.as_deref());
    };
    let limits = &project.settings.limits.message();
    let body = match input::document(file, limits) {
        Ok(body) => body,
        Err(end) => return end,
    };
    let document = match transform.from().read(&body, limits) {
        Ok(document) => document,
        Err(violations) => return output::violations(file, &violations),
    };
    let variables = vec![Value::Null; VARIABLES.len()];
    let mapped = match transform.run(&document, &variables, limits) {
        Ok(mapped) => mapped,
        Err(failure) => {
            output::say(&failure.to_string());
            return End::Invalid;
        }
    };
    match transform.to().write(&mapped, limits) {
        Ok(body) => output::line(&body),
        Err(violations) => {
            output::say(&format!("what `{name}` made is not valid:"));
            output::violations(file, &violations)
        }
    }
}
