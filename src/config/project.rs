//! A whole folder, read and compiled; or everything that is wrong with it, at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::environment::Environment;
use super::settings::{Directories, Settings};
use super::{files, unused};
use crate::contract::{Files, Registry};
use crate::diagnostic::{Diagnostic, Severity, SourceFile, codes};
use crate::route::{Library, Plan, SubRoutes, check_set, compile};
use crate::transform::{Transform, Transforms, Use};

/// The name of the settings file.
pub const SETTINGS_FILE: &str = "trunkline.yaml";

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

/// The test files of a project, by the names of their routes. What cannot be read is absent, and said in `wrong`.
pub fn test_files(
    folder: &Path,
    directories: &Directories,
    wrong: &mut Vec<Diagnostic>,
) -> BTreeMap<String, SourceFile> {
    let files = files::below(folder, &directories.routes, &[".test.yaml"], wrong);
    let named = |(path, file): (Arc<str>, SourceFile)| Some((path.strip_suffix(".test.yaml")?.to_owned(), file));
    files.into_iter().filter_map(named).collect()
}

/// The files of a project, as they were read.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Routes by name.
    pub routes: BTreeMap<String, SourceFile>,
    /// Files of steps by name.
    pub steps: BTreeMap<String, SourceFile>,
    /// Transforms by name.
    pub transforms: BTreeMap<String, SourceFile>,
    /// Schema files by their path below the folder of schemas.
    pub schemas: Files,
}

impl Sources {
    /// Reads the files of a project. What cannot be read is absent, and said in `wrong`.
    pub fn read(folder: &Path, directories: &Directories, wrong: &mut Vec<Diagnostic>) -> Self {
        let mut named = |below: &str| {
            let mut names = BTreeMap::new();
            for (path, file) in files::below(folder, below, &[".yaml", ".yml"], wrong) {
                match files::name(&path, &file) {
                    Ok(Some(name)) => drop(names.insert(name, file)),
                    Ok(None) => {}
                    Err(found) => wrong.push(found),
                }
            }
            names
        };
        let routes = named(&directories.routes);
        let steps = named(&directories.steps);
        let transforms = named(&directories.transforms);
        Self {
            routes,
            steps,
            transforms,
            schemas: files::below(folder, &directories.schemas, &[".json", ".xsd"], wrong),
        }
    }
}

impl Project {
    /// Reads and compiles `trunkline.yaml`, `schemas/`, `transforms/`, `steps/` and `routes/` of a folder.
    pub fn load(folder: &Path, environment: &Environment) -> Self {
        let (settings, mut wrong) = match Settings::load(folder, environment) {
            Ok(settings) => (settings, Vec::new()),
            Err(wrong) => (Settings::unknown(), wrong),
        };
        let sources = Sources::read(folder, &settings.directories, &mut wrong);
        Self::compile(settings, &sources, wrong)
    }

    /// Compiles files that are in memory already. `diagnostics` is what was wrong with others.
    pub fn compile(settings: Settings, sources: &Sources, mut diagnostics: Vec<Diagnostic>) -> Self {
        if sources.routes.is_empty() {
            let nothing = SourceFile::new(format!("{}/", settings.directories.routes), "");
            let diagnostic = Diagnostic::error(codes::PROJECT_EMPTY, &nothing, 0..0, "the folder holds no routes");
            diagnostics.push(diagnostic.hint("name a project's folder with `--dir`, or write a `routes/NAME.yaml`"));
        }
        let contracts = Registry::new(sources.schemas.clone());
        diagnostics.extend(contracts.check());
        let mut transforms = Transforms::new();
        let mut broken_transforms = BTreeSet::new();
        for (name, file) in &sources.transforms {
            match Transform::compile(name, file, &contracts) {
                Ok(transform) => drop(transforms.insert(name.clone(), Arc::new(transform))),
                Err(wrong) => {
                    broken_transforms.insert(name.clone());
                    diagnostics.extend(wrong);
                }
            }
        }
        let (sub_routes, wrong) = SubRoutes::read(&sources.steps);
        diagnostics.extend(wrong);
        let library = Library {
            sub_routes: &sub_routes,
            contracts: &contracts,
            transforms: &transforms,
            broken_transforms: &broken_transforms,
            limits: settings.limits.message(),
            store: settings.store.is_some(),
        };
        let mut plans = Vec::new();
        for (name, file) in &sources.routes {
            let (plan, wrong) = compile(name, file, &library);
            plans.extend(plan.map(Arc::new));
            diagnostics.extend(wrong);
        }
        diagnostics.extend(check_set(plans.iter().map(AsRef::as_ref)));
        if is_sound(&diagnostics) {
            // Among mistakes they would be noise: most would go away with them.
            diagnostics.extend(unused::unused(sources));
        }
        sort(&mut diagnostics);
        Self { settings, contracts, transforms, plans, diagnostics }
    }

    /// Follows every mapping and expression against the contracts on both sides: what never fits is an error. With
    /// `strict` also what may not fit: a warning. This is for whoever writes them; to run a project it is not needed.
    pub fn check_mappings(&mut self, strict: bool) {
        let transforms = self.transforms.values().flat_map(|transform| transform.check(strict));
        let mut uses: BTreeMap<(Arc<str>, usize), Use> = BTreeMap::new();
        for one in self.plans.iter().flat_map(|plan| plan.uses()) {
            // In a file of steps, an expression may have several uses.
            let known = uses.remove(&one.place());
            uses.insert(one.place(), known.map_or_else(|| one.clone(), |known| known.join(one)));
        }
        let expressions = uses.values().flat_map(|one| one.check(strict));
        let entrances = self.plans.iter().flat_map(|plan| plan.entrances()).flat_map(|one| one.check(strict));
        let found: Vec<Diagnostic> = transforms.chain(expressions).chain(entrances).collect();
        self.diagnostics.extend(found);
        sort(&mut self.diagnostics);
    }

    /// Whether nothing prevents the project from running.
    pub fn is_sound(&self) -> bool {
        is_sound(&self.diagnostics)
    }
}

fn is_sound(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().all(|diagnostic| diagnostic.severity < Severity::Error)
}

/// By file and place; what two users of one broken file report alike stands once.
fn sort(diagnostics: &mut Vec<Diagnostic>) {
    let place = |one: &Diagnostic| (one.file.path.clone(), one.span.start, one.code, one.message.clone());
    diagnostics.sort_by_cached_key(place);
    diagnostics.dedup();
}
