//! What proves a guarantee exists: every test and every fault of the campaign that the page names.

use std::collections::BTreeSet;
use std::path::Path;

use super::architecture::{quoted, tests_below};

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("readable")
}

/// The names of the campaign's faults, as its own list has them.
fn faults() -> BTreeSet<String> {
    let source = read("tests/chaos/faults.rs");
    let list = source.split_once("\nkinds! {").expect("the list").1.split_once("\n}").expect("its end").0;
    list.lines().filter_map(|line| line.split('"').nth(1)).map(str::to_owned).collect()
}

#[test]
fn every_fault_has_its_row_and_every_proof_exists() {
    let page = read("docs/guarantees.md");
    let mut tests = BTreeSet::new();
    for folder in ["src", "tests"] {
        tests_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut tests);
    }
    let faults = faults();
    assert!(faults.len() >= 20, "{faults:?}");
    let mut proven = BTreeSet::new();
    let rows: Vec<&str> =
        page.lines().filter(|line| line.starts_with("| ") && line.matches(" | ").count() == 4).collect();
    assert!(rows.len() >= 20, "{} rows", rows.len());
    for row in rows.iter().filter(|row| !row.starts_with("| ---") && !row.starts_with("| fault |")) {
        let proof = row.rsplit(" | ").next().expect("a column");
        assert!(proof.contains('`') || proof.contains("the campaign"), "nothing proves: {row}");
        for name in quoted(proof) {
            assert!(tests.contains(name) || faults.contains(name), "there is no test and no fault `{name}`: {row}");
            proven.insert(name.to_owned());
        }
    }
    let forgotten: Vec<_> = faults.difference(&proven).collect();
    assert!(forgotten.is_empty(), "without a row: {forgotten:?}");
}

#[test]
fn every_metric_that_is_named_exists() {
    let page = read("docs/guarantees.md");
    let metrics = read("docs/reference/metrics.md");
    let named: BTreeSet<&str> =
        quoted(&page).filter(|word| word.starts_with("trunkline_")).filter_map(|word| word.split('{').next()).collect();
    assert!(named.len() >= 8, "{named:?}");
    for name in named {
        assert!(metrics.contains(&format!("`{name}`")), "there is no metric `{name}`");
    }
}
