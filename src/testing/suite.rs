//! All the test files of a project: read, run, and summed up.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bench;
use super::case::{self, Cases};
use super::coverage::{self, Item, Part};
use super::judge::{self, Mismatch};
use super::onlooker::Hit;
use crate::config::{Project, test_files};
use crate::diagnostic::{Diagnostic, Severity, codes, did_you_mean};
use crate::route::Plan;

/// The test files of a project, ready to run.
#[derive(Debug, Default)]
pub struct Suite {
    /// In the order of their names.
    pub files: Vec<Cases>,
    /// The routes whose coverage is of interest.
    pub routes: Vec<Arc<Plan>>,
}

/// What all cases have shown.
#[derive(Debug)]
pub struct Report<'a> {
    /// In the order of the files.
    pub files: Vec<FileReport<'a>>,
    /// What was reached of each route.
    pub coverage: Vec<(Arc<Plan>, Vec<Item>)>,
    /// How long all cases took.
    pub elapsed: Duration,
}

/// What the cases of one file have shown.
#[derive(Debug)]
pub struct FileReport<'a> {
    /// The file.
    pub cases: &'a Cases,
    /// Of each case that was run: its index, what is not as expected, and how long it took.
    pub results: Vec<(usize, Vec<Mismatch>, Duration)>,
}

impl Suite {
    /// Reads the test files whose path `is_selected`.
    ///
    /// # Errors
    /// Everything that is wrong in them.
    pub fn load(folder: &Path, project: &Project, is_selected: impl Fn(&str) -> bool) -> Result<Self, Vec<Diagnostic>> {
        let mut wrong = Vec::new();
        let mut suite = Self::default();
        let read = |path: &str| std::fs::read(folder.join(path)).map_err(|error| error.to_string());
        let files = test_files(folder, &project.settings.directories, &mut wrong);
        wrong.retain(|one: &Diagnostic| is_selected(&one.file.path));
        for (name, file) in files.iter().filter(|(_, file)| is_selected(&file.path)) {
            let Some(plan) = project.plans.iter().find(|plan| plan.name() == name) else {
                let message = format!("there is no route `{name}` to test");
                let found = Diagnostic::error(codes::TEST_ROUTE, file, 0..0, message);
                let names = project.plans.iter().map(|plan| plan.name());
                wrong.push(match did_you_mean(name, names) {
                    Some(similar) => found.hint(format!("rename it to `{similar}.test.yaml`")),
                    None => found.hint("put it beside its route, as `routes/NAME.test.yaml` beside `routes/NAME.yaml`"),
                });
                continue;
            };
            match case::compile(file, plan, &read) {
                Ok(cases) => suite.files.push(cases),
                Err(found) => wrong.extend(found),
            }
        }
        suite.routes = project.plans.iter().filter(|plan| is_selected(&plan.file().path)).cloned().collect();
        if wrong.iter().any(|one| one.severity == Severity::Error) { Err(wrong) } else { Ok(suite) }
    }

    /// Runs the cases whose name, as `route: case`, is wanted.
    pub fn run(&self, is_wanted: impl Fn(&str) -> bool) -> Report<'_> {
        let began = Instant::now();
        let mut hits: BTreeMap<&str, BTreeSet<Hit>> = BTreeMap::new();
        let mut files = Vec::new();
        for cases in &self.files {
            let mut results = Vec::new();
            for (index, case) in cases.cases.iter().enumerate() {
                if !is_wanted(&format!("{}: {}", cases.plan.name(), case.name)) {
                    continue;
                }
                let began = Instant::now();
                let observed = bench::run(&cases.plan, case);
                let mismatches = judge::judge(&cases.plan, case, &observed);
                hits.entry(cases.plan.name()).or_default().extend(observed.hits);
                results.push((index, mismatches, began.elapsed()));
            }
            files.push(FileReport { cases, results });
        }
        let none = BTreeSet::new();
        let reached = |plan: &Arc<Plan>| coverage::of(plan, hits.get(plan.name()).unwrap_or(&none));
        let coverage = self.routes.iter().map(|plan| (Arc::clone(plan), reached(plan))).collect();
        Report { files, coverage, elapsed: began.elapsed() }
    }
}

impl Report<'_> {
    /// How many cases were run, and how many of them failed.
    pub fn counts(&self) -> (usize, usize) {
        let results = || self.files.iter().flat_map(|file| &file.results);
        (results().count(), results().filter(|(_, mismatches, _)| !mismatches.is_empty()).count())
    }

    /// How much of all routes was reached.
    pub fn reached(&self, part: Part) -> (usize, usize) {
        coverage::count(self.coverage.iter().flat_map(|(_, items)| items), part)
    }
}
