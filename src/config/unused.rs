//! Warnings for steps, transforms and contracts that nobody uses.

use super::project::Sources;
use super::references::References;
use crate::contract::Files;
use crate::diagnostic::{Diagnostic, SourceFile, codes};

/// A warning for each file that nothing leads to.
pub(super) fn unused(sources: &Sources) -> Vec<Diagnostic> {
    let mut used = References::default();
    sources.routes.values().chain(sources.steps.values()).for_each(|file| used.add(file));
    let mut warnings = Vec::new();
    for (name, file) in &sources.steps {
        if !used.steps.contains(name) {
            let message = format!("no route runs the steps `{name}`");
            warnings.push(warning(file, message, format!("run them, as `- run: {name}`, or remove the file")));
        }
    }
    for (name, file) in &sources.transforms {
        if !used.transforms.contains(name) {
            let message = format!("no route uses the transform `{name}`");
            warnings.push(warning(file, message, "use it in a step, as `- transform: …`, or remove the file"));
        }
    }
    sources.transforms.values().for_each(|file| used.add(file));
    for (path, file) in &sources.schemas {
        let Some((name, _)) = path.rsplit_once('.') else { continue };
        if !used.contracts.contains(name) && !named_by_another(path, &sources.schemas) {
            let message = format!("nothing uses the contract `{name}`");
            warnings.push(warning(file, message, "name it in a route or transform, or remove the file"));
        }
    }
    warnings
}

/// Whether another schema file names this one, as includes, imports and `$ref`s do.
fn named_by_another(path: &str, files: &Files) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    files.iter().any(|(other, file)| **other != *path && file.text.contains(name))
}

fn warning(file: &SourceFile, message: String, hint: impl Into<String>) -> Diagnostic {
    Diagnostic::warning(codes::UNUSED, file, 0..0, message).hint(hint)
}
