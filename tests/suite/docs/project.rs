//! Every block of YAML is checked as what it is: a route or a transform beside the shipped example, settings in its
//! place, a pod by its probes.

use std::path::Path;

use serde_json::Value;

use trunkline::config::{Environment, Settings};
use trunkline::diagnostic::{SourceFile, yaml};

use super::{Block, blocks, file_of, pages, root};
use crate::program::trunkline;

/// The paths that the operator's listener serves for probes.
const PROBES: [(&str, &str); 2] = [("livenessProbe", "/livez"), ("readinessProbe", "/readyz")];

fn read(block: &Block, place: &str) -> Value {
    let file = SourceFile::new("block.yaml", block.text.as_str());
    yaml::parse(&file).unwrap_or_else(|error| panic!("{place}: {error:?}"))
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(path, text).expect("written");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let from = entry.expect("an entry").path();
        let to = to.join(from.file_name().expect("has a name"));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).expect("copied");
        }
    }
}

/// The shipped example in a folder of its own.
pub(crate) fn example() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["routes", "transforms", "schemas", "examples"] {
        copy(&root().join(name), &folder.path().join(name));
    }
    write(folder.path(), "trunkline.yaml", &std::fs::read_to_string(root().join("trunkline.yaml")).expect("readable"));
    folder
}

fn holds(folder: &Path, place: &str) {
    let out = trunkline().args(["check", "--deny-warnings", "--dir"]).arg(folder).run();
    assert_eq!(out.code, 0, "{place}: {}", out.stderr);
}

/// Settings, with the secrets that they refer to in a folder of the test.
fn settings_hold(project: &Path, text: &str, place: &str) {
    let secrets = tempfile::tempdir().expect("a folder");
    let mounted = "${file:/run/secrets/";
    for after in text.split(mounted).skip(1) {
        let (name, _) = after.split_once('}').expect("a reference ends");
        write(secrets.path(), name, "secret\n");
    }
    let text = text.replace(mounted, &format!("${{file:{}/", secrets.path().display()));
    write(project, "trunkline.yaml", &text);
    holds(project, place);
}

/// A pod whose probes reach the listener, and which has time to finish.
fn pod_holds(pod: &Value, place: &str) {
    let container = &pod["containers"][0];
    let variables = container["env"].as_array().expect("a list").iter();
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{place}: {value} is no text")).to_owned();
    let environment =
        variables.fold(Environment::default(), |all, one| all.with(&text(&one["name"]), &text(&one["value"])));
    let settings = Settings::load(&root(), &environment).unwrap_or_else(|wrong| panic!("{place}: {wrong:?}"));
    assert!(!settings.ops.listen.ip().is_loopback(), "{place}: the probes come from outside");
    for (probe, path) in PROBES {
        let get = &container[probe]["httpGet"];
        assert_eq!((&get["path"], &get["port"]), (&path.into(), &settings.ops.listen.port().into()), "{place}");
    }
    let grace = pod["terminationGracePeriodSeconds"].as_u64().expect("seconds");
    assert!(grace > settings.shutdown.deadline.0.as_secs(), "{place}");
}

#[test]
fn every_block_of_yaml_holds_beside_the_shipped_example() {
    let (mut files, mut settings, mut pods, mut tests) = (0, 0, 0, 0);
    for page in pages() {
        let text = std::fs::read_to_string(&page).expect("readable");
        let blocks = blocks(&text);
        if !blocks.iter().any(|block| block.language == "yaml") {
            continue;
        }
        let project = example();
        for (name, text) in blocks.iter().filter_map(file_of) {
            // What a page puts into a project of its own is checked beside the example too.
            write(project.path(), name.trim_start_matches("replay/"), text);
        }
        let mut apart = Vec::new();
        for block in blocks.iter().filter(|block| block.language == "yaml") {
            let place = format!("{}:{}", page.display(), block.line);
            let read = read(block, &place);
            let folder = if read.get("map").is_some() { "transforms" } else { "routes" };
            let is_settings = file_of(block).is_some_and(|(name, _)| name == "trunkline.yaml");
            if read.is_array() {
                // The cases of a route, in a file that the block names.
                assert!(file_of(block).is_some(), "{place}: of which route?");
                tests += 1;
            } else if read.get("containers").is_some() {
                pod_holds(&read, &place);
                pods += 1;
            } else if file_of(block).is_some_and(|(name, _)| name.starts_with("steps/")) {
                files += 1;
            } else if read.get("from").is_none() || is_settings {
                apart.push((block, place));
                settings += 1;
            } else {
                if file_of(block).is_none() {
                    write(project.path(), &format!("{folder}/block-{}.yaml", block.line), &block.text);
                }
                files += 1;
            }
        }
        holds(project.path(), &page.display().to_string());
        if tests > 0 {
            let out = trunkline().args(["test", "--dir"]).arg(project.path()).run();
            assert_eq!(out.code, 0, "{}: {}", page.display(), out.stdout);
        }
        apart.iter().for_each(|(block, place)| settings_hold(project.path(), &block.text, place));
    }
    assert!(files >= 3 && settings >= 1 && pods == 1 && tests >= 1, "{files} {settings} {pods} {tests}");
}
