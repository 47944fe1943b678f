//! `trunkline schema`: what editors complete and check the project's files by.

use std::path::Path;

use serde_json::json;

use crate::config::Settings;
use crate::config::settings::Directories;
use crate::route::model::{Route, SubRoute};
use crate::testing::model::Case;
use crate::transform::Model as Transform;

use super::{End, files, output};

/// Where the schemas of a project are put.
const FOLDER: &str = ".trunkline";

/// A kind of file that people write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Kind {
    /// `routes/….yaml`
    Route,
    /// `steps/….yaml`
    Steps,
    /// `transforms/….yaml`
    Transform,
    /// `routes/….test.yaml`
    Test,
    /// `trunkline.yaml`
    Settings,
}

const KINDS: [(Kind, &str); 5] = [
    (Kind::Route, "route"),
    (Kind::Steps, "steps"),
    (Kind::Transform, "transform"),
    (Kind::Test, "test"),
    (Kind::Settings, "settings"),
];

pub(super) fn print(kind: Kind) -> Result<End, End> {
    Ok(output::data(&schema(kind)?))
}

/// Writes all schemas into the project, and tells the editor which files they are of.
pub(super) fn write(dir: &Path) -> Result<End, End> {
    let directories = Settings::load(dir, &crate::config::Environment::of_process()).unwrap_or_default().directories;
    let mut written = Vec::new();
    for (kind, name) in KINDS {
        let path = dir.join(FOLDER).join(format!("{name}.schema.json"));
        let text = schema(kind)?;
        // Made anew with each version of the program; nobody edits it.
        let made = std::fs::create_dir_all(dir.join(FOLDER)).and_then(|()| std::fs::write(&path, text));
        made.map_err(|error| output::misuse(&format!("`{}` cannot be written: {error}", path.display()), None))?;
        written.push(path);
    }
    let settings = editor(&directories);
    let path = dir.join(".vscode/settings.json");
    if path.exists() {
        output::say(&format!("`{}` is there already; it needs:\n{settings}", path.display()));
    } else {
        files::write_new(&[(path.clone(), settings)])?;
        written.push(path);
    }
    let list: String = written.iter().map(|path| format!("{}\n", path.display())).collect();
    Ok(output::data(&list))
}

fn schema(kind: Kind) -> Result<String, End> {
    let schema = match kind {
        Kind::Route => schemars::schema_for!(Route),
        Kind::Steps => schemars::schema_for!(SubRoute),
        Kind::Transform => schemars::schema_for!(Transform),
        Kind::Test => schemars::schema_for!(Vec<Case>),
        Kind::Settings => schemars::schema_for!(Settings),
    };
    let text = serde_json::to_string_pretty(&schema);
    text.map(|text| text + "\n")
        .map_err(|error| output::misuse(&format!("the schema cannot be written: {error}"), None))
}

/// What the YAML language server is told. A test file is no route.
fn editor(directories: &Directories) -> String {
    let routes = directories.routes.trim_matches('/');
    let steps = directories.steps.trim_matches('/');
    let transforms = directories.transforms.trim_matches('/');
    let at = |name: &str| format!("./{FOLDER}/{name}.schema.json");
    let settings = json!({
        "yaml.schemas": {
            at("route"): [format!("{routes}/**/*.yaml"), format!("!{routes}/**/*.test.yaml")],
            at("test"): [format!("{routes}/**/*.test.yaml")],
            at("steps"): [format!("{steps}/**/*.yaml")],
            at("transform"): [format!("{transforms}/**/*.yaml")],
            at("settings"): ["trunkline.yaml"],
        }
    });
    format!("{settings:#}\n")
}
