//! A whole folder, read and compiled; or everything that is wrong with it, at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::files::{read_file, read_folder};
use super::settings::Settings;
use crate::contract::{Files, Registry};
use crate::diagnostic::{Diagnostic, Severity, SourceFile, codes};
use crate::route::{Library, Plan, check_set, compile};
use crate::transform::{Transform, Transforms};

/// What a folder holds. Parts that are wrong are absent, and said in `diagnostics`.
#[derive(Debug)]
pub struct Project {
    /// The settings; the defaults where the file is missing.
    pub settings: Settings,
    /// The contracts.
    pub contracts: Registry,
    /// The transforms that compile, by name.
    pub transforms: Transforms,
    /// The routes that compile, in the order of their names.
    pub plans: Vec<Arc<Plan>>,
    /// Every finding, by file and place.
    pub diagnostics: Vec<Diagnostic>,
}

impl Project {
    /// Reads and compiles `trunkline.yaml`, `schemas/`, `transforms/` and `routes/` of a folder.
    pub fn load(folder: &Path, environment: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut wrong = Vec::new();
        let settings = load_settings(folder, environment, &mut wrong);
        let schemas = read_folder(folder, "schemas", &[".json", ".xsd"], &mut wrong);
        let transforms = read_folder(folder, "transforms", &[".yaml"], &mut wrong);
        let routes = read_folder(folder, "routes", &[".yaml"], &mut wrong);
        Self::compile(settings, schemas, &transforms, &routes, wrong)
    }

    /// Compiles files that are in memory already, by their paths below the three folders.
    pub fn compile(
        settings: Settings,
        schemas: Files,
        transform_files: &BTreeMap<Arc<str>, SourceFile>,
        route_files: &BTreeMap<Arc<str>, SourceFile>,
        mut diagnostics: Vec<Diagnostic>,
    ) -> Self {
        let contracts = Registry::new(schemas);
        diagnostics.extend(contracts.check());
        let mut transforms = Transforms::new();
        let mut broken = BTreeSet::new();
        for (path, file) in transform_files {
            let name = path.trim_end_matches(".yaml");
            match Transform::compile(name, file, &contracts) {
                Ok(transform) => drop(transforms.insert(name.to_owned(), Arc::new(transform))),
                Err(wrong) => {
                    broken.insert(name.to_owned());
                    diagnostics.extend(wrong);
                }
            }
        }
        let library = Library {
            contracts: &contracts,
            transforms: &transforms,
            broken_transforms: &broken,
            limits: settings.limits.clone(),
        };
        let mut plans = Vec::new();
        let mut found = 0;
        for (path, file) in route_files.iter().filter(|(path, _)| !path.ends_with(".test.yaml")) {
            found += 1;
            let (plan, wrong) = compile(path.trim_end_matches(".yaml"), file, &library);
            plans.extend(plan.map(Arc::new));
            diagnostics.extend(wrong);
        }
        if found == 0 {
            let nothing = SourceFile::new("routes/", "");
            let diagnostic = Diagnostic::error(codes::PROJECT_EMPTY, &nothing, 0..0, "the folder holds no routes");
            diagnostics.push(diagnostic.hint("name a project's folder with `--dir`, or write a `routes/NAME.yaml`"));
        }
        diagnostics.extend(check_set(plans.iter().map(AsRef::as_ref)));
        sort(&mut diagnostics);
        Self { settings, contracts, transforms, plans, diagnostics }
    }

    /// Whether nothing prevents the project from running.
    pub fn is_sound(&self) -> bool {
        self.diagnostics.iter().all(|diagnostic| diagnostic.severity < Severity::Error)
    }
}

fn load_settings(
    folder: &Path,
    environment: impl IntoIterator<Item = (String, String)>,
    wrong: &mut Vec<Diagnostic>,
) -> Settings {
    let path = folder.join("trunkline.yaml");
    let file = if path.exists() {
        match read_file(&path, "trunkline.yaml") {
            Ok(file) => file,
            Err(diagnostic) => {
                wrong.push(*diagnostic);
                return Settings::default();
            }
        }
    } else {
        SourceFile::new("trunkline.yaml", "")
    };
    Settings::load(&file, environment).unwrap_or_else(|found| {
        wrong.extend(found);
        Settings::default()
    })
}

/// By file and place; what two users of one broken file report alike stands once.
fn sort(diagnostics: &mut Vec<Diagnostic>) {
    let place = |one: &Diagnostic| (one.file.path.clone(), one.span.start, one.code, one.message.clone());
    diagnostics.sort_by_cached_key(place);
    diagnostics.dedup();
}
