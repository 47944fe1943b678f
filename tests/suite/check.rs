//! Planted mistakes: each folder of `tests/cases/check/` is a small project with one, and what `trunkline check` says
//! of it stands in its `expected.stderr`. `TRUNKLINE_UPDATE_CASES=1` writes these files anew.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::program::{Output, trunkline};

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/check");
    let entries = std::fs::read_dir(folder).expect("the cases are there");
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.expect("is readable").path()).collect();
    cases.sort();
    cases
}

/// A case whose name ends in `-strict` is looked at so.
fn check(case: &Path, more: &[&str]) -> Output {
    let strict = case.to_string_lossy().ends_with("-strict").then_some("--strict");
    trunkline().args(["check", "--dir"]).arg(case).args(strict).args(more).run()
}

#[test]
fn every_planted_mistake_is_found_with_place_and_hint() {
    let update = std::env::var_os("TRUNKLINE_UPDATE_CASES").is_some();
    let mut wrong = Vec::new();
    let mut codes = BTreeSet::new();
    let cases = cases();
    for case in &cases {
        let name = case.file_name().expect("has a name").to_string_lossy();
        let human = check(case, &[]);
        let file = case.join("expected.stderr");
        if update {
            std::fs::write(&file, &human.stderr).expect("is writable");
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        if human.stderr != expected {
            wrong.push(format!("{name}: expected\n{expected}\nfound\n{}", human.stderr));
        }
        if !human.stdout.is_empty() {
            wrong.push(format!("{name}: wrote to stdout: {}", human.stdout));
        }

        let machine = check(case, &["--format", "json", "--deny-warnings"]);
        let report: serde_json::Value = serde_json::from_str(&machine.stdout).expect("is JSON");
        let found = report["diagnostics"].as_array().expect("is a list");
        let error = found.iter().any(|one| one["severity"] == "error");
        assert_eq!(human.code, if error { 2 } else { 0 }, "{name}");
        assert_eq!(machine.code, if error { 2 } else { 1 }, "{name}");
        assert_eq!(report["valid"], false, "{name}");
        if found.is_empty() {
            wrong.push(format!("{name}: nothing was found"));
        }
        for one in found {
            codes.insert(one["code"].as_str().expect("has a code").to_owned());
            let place = one["file"].is_string() && one["line"].as_u64() >= Some(1) && one["column"].as_u64() >= Some(1);
            if !place || one["hint"].as_str().is_none_or(str::is_empty) {
                wrong.push(format!("{name}: no place or no hint: {one}"));
            }
        }
    }
    assert!(cases.len() >= 25, "{} cases", cases.len());
    assert!(codes.len() >= 25, "{} codes: {codes:?}", codes.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_code_is_planted() {
    let planted: String =
        cases().iter().filter_map(|case| std::fs::read_to_string(case.join("expected.stderr")).ok()).collect();
    let missing: Vec<&str> = trunkline::diagnostic::codes::ALL
        .iter()
        .map(|(code, _)| *code)
        .filter(|code| !planted.contains(&format!("[{code}]")))
        .collect();
    assert!(missing.is_empty(), "no case shows {missing:?}");
}
