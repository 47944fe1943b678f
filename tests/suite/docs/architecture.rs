//! The map of the code is true: its rooms, its files, and the tests that hold its invariants are there.

use std::collections::BTreeSet;
use std::path::Path;

use super::root;

fn page() -> String {
    std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("readable")
}

fn section<'p>(page: &'p str, title: &str) -> &'p str {
    page.split("\n## ").find(|part| part.starts_with(title)).expect("is there")
}

/// What stands between backticks.
pub(super) fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The names of all tests below a folder: functions after an attribute that makes a test of them.
pub(super) fn tests_below(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            tests_below(&path, names);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).expect("readable");
            let mut is_test = false;
            for line in text.lines().map(str::trim_start) {
                let name = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
                match name.and_then(|rest| rest.split_once('(')) {
                    Some((name, _)) if is_test => drop(names.insert(name.to_owned())),
                    _ => {}
                }
                is_test = line.starts_with("#[test]")
                    || line.starts_with("#[tokio::test")
                    || is_test && line.starts_with("#[");
            }
        }
    }
}

#[test]
fn every_invariant_is_held_by_tests_that_exist() {
    let mut tests = BTreeSet::new();
    for folder in ["src", "tests"] {
        tests_below(&root().join(folder), &mut tests);
    }
    let page = page();
    let invariants = section(&page, "Invariants");
    let numbered = invariants.split('\n').filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).count();
    let held: Vec<&str> = invariants.split("Held by").skip(1).collect();
    assert_eq!(held.len(), numbered, "an invariant without tests");
    for part in held {
        let end = part.find(".\n").expect("the list ends");
        let is_name = |word: &&str| word.contains('_') && !word.contains(['.', '/']);
        let named: Vec<&str> = quoted(&part[..end]).filter(is_name).collect();
        assert!(!named.is_empty(), "{part}");
        for name in named {
            assert!(tests.contains(name), "there is no test `{name}`");
        }
    }
}

#[test]
fn every_room_and_every_file_that_is_named_exists() {
    let page = page();
    let lib = std::fs::read_to_string(root().join("src/lib.rs")).expect("readable");
    let modules: Vec<&str> = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let rows = section(&page, "Rooms").lines().filter_map(|line| line.strip_prefix("| `"));
    let rooms: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    assert_eq!(rooms, modules, "the rooms are the modules of lib.rs, in their order");
    let links = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let paths = quoted(&page).filter(|word| word.contains('/') && word.starts_with(|c: char| c.is_ascii_lowercase()));
    let paths: Vec<&str> = links.chain(paths).filter(|path| !path.contains(' ')).collect();
    assert!(paths.len() >= 8, "{paths:?}");
    for path in paths {
        assert!(root().join(path).exists(), "`{path}` is not there");
    }
}
