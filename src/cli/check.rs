//! `trunkline check`: everything that is wrong with a project and its test files, at once.

use std::path::Path;

use serde::Serialize;

use crate::config::{Environment, Project, render};
use crate::diagnostic::Severity;
use crate::testing::suite::Suite;

use super::{End, Style, output};

#[derive(Serialize)]
struct Report<'a> {
    valid: bool,
    routes: usize,
    transforms: usize,
    diagnostics: Vec<render::Record<'a>>,
}

pub(super) fn run(dir: &Path, style: Style, strict: bool, deny_warnings: bool) -> End {
    let mut project = Project::load(dir, &Environment::of_process());
    if project.is_sound() {
        // Test files are read against the plans of their routes, so these come first.
        project.diagnostics.extend(Suite::load(dir, &project, |_| true).err().unwrap_or_default());
        project.check_mappings(strict);
    }
    let all = &project.diagnostics;
    let limit = if deny_warnings { Severity::Warning } else { Severity::Error };
    let valid = all.iter().all(|diagnostic| diagnostic.severity < limit);
    match style {
        Style::Json => {
            let diagnostics = all.iter().map(render::record).collect();
            let (routes, transforms) = (project.plans.len(), project.transforms.len());
            let report = Report { valid, routes, transforms, diagnostics };
            match serde_json::to_string_pretty(&report) {
                Ok(text) => drop(output::data(&(text + "\n"))),
                Err(error) => return output::misuse(&format!("the report cannot be written: {error}"), None),
            }
        }
        Style::Human => {
            output::diagnostics(all);
            let found = output::summary(all);
            let routes = output::count(project.plans.len(), "route");
            let transforms = output::count(project.transforms.len(), "transform");
            let contracts = output::count(project.contracts.names().count(), "contract");
            output::say(&match project.is_sound() {
                true => format!("checked {routes}, {transforms}, {contracts}: {found}"),
                false => format!("the project is broken: {found}"),
            });
        }
    }
    match (project.is_sound(), valid) {
        (false, _) => End::Misuse,
        (true, false) => End::Invalid,
        (true, true) => End::Good,
    }
}
