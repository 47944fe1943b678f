//! `trunkline test`: the cases of the test files, without a broker.

use std::path::{Path, PathBuf};

use crate::config::settings::Directories;
use crate::config::{Environment, Fingerprint, Project, Settings};
use crate::testing::report::{self, Manner};
use crate::testing::suite::{Report, Suite};
use crate::testing::update::{Update, update};

use super::watch::until_changed;
use super::{End, output};

/// What is asked for.
pub(super) struct Asked<'a> {
    pub(super) paths: &'a [PathBuf],
    pub(super) filter: Option<&'a str>,
    pub(super) coverage: bool,
    pub(super) update: bool,
    pub(super) watch: bool,
    pub(super) style: TestStyle,
}

/// How the report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum TestStyle {
    /// For people.
    Human,
    /// For programs.
    Json,
    /// The XML that continuous integration reads.
    Junit,
}

pub(super) fn run(dir: &Path, asked: &Asked<'_>) -> End {
    loop {
        let before = seen(dir);
        let end = match once(dir, asked) {
            Ok(end) | Err(end) => end,
        };
        if !asked.watch {
            return end;
        }
        output::say("waiting for changes; Ctrl-C ends");
        until_changed(&before, || seen(dir));
    }
}

/// What the tests are made from: the files of the project, and the documents that may stand in its other folders.
fn seen(dir: &Path) -> (Fingerprint, Fingerprint) {
    let settings = Settings::load(dir, &Environment::of_process()).unwrap_or_default();
    let documents =
        Directories { routes: "examples".to_owned(), transforms: "tests".to_owned(), ..settings.directories.clone() };
    let others = Settings { directories: documents, ..Settings::default() };
    (Fingerprint::of(dir, &settings), Fingerprint::of(dir, &others))
}

fn once(dir: &Path, asked: &Asked<'_>) -> Result<End, End> {
    let project = Project::load(dir, &Environment::of_process());
    if let Some(end) = output::refuse_broken(&project) {
        return Err(end);
    }
    let selected = selected(asked.paths)?;
    let is_selected = |path: &str| selected.is_empty() || is_below(&dir.join(path), &selected);
    let load = || {
        Suite::load(dir, &project, is_selected).map_err(|wrong| {
            output::diagnostics(&wrong);
            output::misuse(&format!("the tests are broken: {}", output::summary(&wrong)), None)
        })
    };
    let is_wanted = |name: &str| asked.filter.is_none_or(|part| name.contains(part));
    let mut suite = load()?;
    if asked.update && write(dir, &suite.run(is_wanted))? {
        suite = load()?;
    }
    let report = suite.run(is_wanted);
    let (all, failed) = report.counts();
    if all == 0 {
        let hint = match asked.filter {
            Some(_) => "the name of a case is `route: name`, and `--filter` is a part of it",
            None => "write `routes/NAME.test.yaml` beside `routes/NAME.yaml`",
        };
        return Err(output::misuse("there is no such case", Some(hint)));
    }
    let text = match asked.style {
        TestStyle::Human => report::human(&report, Manner { colours: output::colours(), coverage: asked.coverage }),
        TestStyle::Json => format!("{:#}\n", report::machine(&report)),
        TestStyle::Junit => report::junit(&report),
    };
    match (output::data(&text), failed) {
        (End::Good, 0) => Ok(End::Good),
        (End::Good, _) => Ok(End::Invalid),
        (end, _) => Err(end),
    }
}

/// Writes what the cases have shown; whether anything was to be written.
fn write(dir: &Path, report: &Report<'_>) -> Result<bool, End> {
    let mut written = false;
    for file in &report.files {
        let Update { text, files } = update(file.cases, &file.results);
        let own = text.map(|text| (file.cases.file.path.to_string(), text.into_bytes()));
        for (path, bytes) in files.into_iter().chain(own) {
            std::fs::write(dir.join(&path), bytes)
                .map_err(|error| output::misuse(&format!("`{path}` cannot be written: {error}"), None))?;
            output::say(&format!("wrote {path}"));
            written = true;
        }
    }
    Ok(written)
}

/// The places that are asked for, without links in them.
fn selected(paths: &[PathBuf]) -> Result<Vec<PathBuf>, End> {
    let real = |path: &PathBuf| {
        std::fs::canonicalize(path).map_err(|error| {
            let message = format!("`{}` cannot be read: {error}", path.display());
            output::misuse(&message, Some("name a folder, a route's file or a test file"))
        })
    };
    paths.iter().map(real).collect()
}

/// Whether a file is one of the places or below one. A route's file stands for its test file, and the other way round.
fn is_below(file: &Path, places: &[PathBuf]) -> bool {
    let file = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let bare = |path: &Path| {
        let text = path.to_string_lossy();
        let text = text.strip_suffix(".yaml").unwrap_or(&text);
        text.strip_suffix(".test").unwrap_or(text).to_owned()
    };
    places.iter().any(|place| file.starts_with(place) || bare(&file) == bare(place))
}
