//! `trunkline schema`: editors get what the program takes.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::root;
use crate::program::trunkline;

const KINDS: [&str; 5] = ["route", "steps", "transform", "test", "settings"];

/// The files of a folder, which need not be there.
fn files(below: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(below).into_iter().flatten().map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn schema(path: &Path) -> jsonschema::Validator {
    let text = std::fs::read_to_string(path).expect("is there");
    jsonschema::validator_for(&serde_json::from_str(&text).expect("JSON")).expect("a schema")
}

#[test]
fn each_kind_is_printed_as_the_reference_has_it() {
    for kind in KINDS {
        let out = trunkline().args(["schema", kind]).run();
        let page = root().join(format!("docs/reference/{kind}.schema.json"));
        assert_eq!((out.code, out.stderr.as_str()), (0, ""), "{out:?}");
        let both = [out.stdout, std::fs::read_to_string(page).expect("is there")];
        let [printed, page] = both.map(|text| serde_json::from_str::<Value>(&text).expect("JSON"));
        assert_eq!(printed, page, "{kind}");
    }
    assert_eq!(trunkline().args(["schema"]).run().code, 2);
}

/// The repository's own settings for editors lead to schemas under which its files are valid.
#[test]
fn the_shipped_files_are_wired_and_valid() {
    let text = std::fs::read_to_string(root().join(".vscode/settings.json")).expect("is there");
    let settings: Value = serde_json::from_str(&text).expect("JSON");
    let mut seen = 0;
    for (path, patterns) in settings["yaml.schemas"].as_object().expect("schemas") {
        let schema = schema(&root().join(path));
        let (folder, ending) = match patterns[0].as_str().expect("a pattern").split_once("/**/*") {
            Some((folder, ending)) => (root().join(folder), ending),
            None => (root(), patterns[0].as_str().expect("a pattern")),
        };
        let all = if folder == root() { vec![root().join("trunkline.yaml")] } else { files(&folder) };
        for file in all.iter().filter(|file| file.to_string_lossy().ends_with(ending)) {
            if patterns.as_array().expect("patterns").len() == 2 && file.to_string_lossy().ends_with(".test.yaml") {
                continue;
            }
            let text = std::fs::read_to_string(file).expect("readable");
            let document: Value =
                serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let wrong: Vec<String> = schema.iter_errors(&document).map(|error| error.to_string()).collect();
            assert!(wrong.is_empty(), "{} under {path}: {wrong:?}", file.display());
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen} files");
}

#[test]
fn a_project_is_wired_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = || trunkline().arg("--dir").arg(folder.path()).args(["schema", "--write"]).run();
    let out = write();
    assert_eq!((out.code, out.stderr.as_str(), out.stdout.lines().count()), (0, "", 6), "{out:?}");
    for kind in KINDS {
        schema(&folder.path().join(format!(".trunkline/{kind}.schema.json")));
    }
    let settings = folder.path().join(".vscode/settings.json");
    let text = std::fs::read_to_string(&settings).expect("is there");
    for path in serde_json::from_str::<Value>(&text).expect("JSON")["yaml.schemas"].as_object().expect("schemas").keys()
    {
        assert!(folder.path().join(path).exists(), "{path}");
    }
    std::fs::write(&settings, "{}\n").expect("written");
    let again = write();
    assert_eq!((again.code, again.stdout.lines().count()), (0, 5), "{again:?}");
    assert!(again.stderr.contains("is there already; it needs:"), "{again:?}");
    assert_eq!(std::fs::read_to_string(&settings).expect("is there"), "{}\n");
}
