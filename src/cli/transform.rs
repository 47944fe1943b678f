//! `trunkline transform`: one mapping on one document.

use std::path::Path;

use crate::config::{Environment, Project};
use crate::diagnostic::did_you_mean;
use crate::message::Value;
use crate::transform::VARIABLES;

use super::{End, input, output};

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
