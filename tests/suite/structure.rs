//! The rules of the house that a compiler does not hold: no module uses one below it, adapters and runtime do not know
//! each other, files stay readable.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A file of this many lines is two files.
const LONGEST_FILE: usize = 500;
/// A file of this many lines may have a second idea in it.
const LONG_FILE: usize = 400;

struct Source {
    /// Below `src/`.
    path: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut open: Vec<PathBuf> = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("is readable") {
            let path = entry.expect("is readable").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("is UTF-8");
                let path = path.strip_prefix(&root).expect("is below").to_string_lossy().into_owned();
                sources.push(Source { path, text });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

/// The modules of `lib.rs` in their order.
fn order(sources: &[Source]) -> HashMap<String, usize> {
    let lib = sources.iter().find(|source| source.path == "lib.rs").expect("is there");
    let modules = lib.text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    modules.enumerate().map(|(position, name)| (name.to_owned(), position)).collect()
}

/// The module of `lib.rs` that a file belongs to.
fn module(path: &str) -> &str {
    path.split('/').next().unwrap_or(path).trim_end_matches(".rs")
}

/// Takes out the files that hold tests only: those that stand as `mod name;` after `#[cfg(test)]`.
fn without_tests(sources: Vec<Source>) -> Vec<Source> {
    let mut tests = Vec::new();
    for source in &sources {
        let folder = match source.path.strip_suffix("mod.rs") {
            Some(folder) => folder.to_owned(),
            None => format!("{}/", source.path.trim_end_matches(".rs")),
        };
        let lines: Vec<&str> = source.text.lines().collect();
        for pair in lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]") {
            if let Some(name) = pair[1].strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) {
                tests.extend([format!("{folder}{name}.rs"), format!("{folder}{name}/")]);
            }
        }
    }
    let is_test = |path: &str| tests.iter().any(|test| path == test || test.ends_with('/') && path.starts_with(test));
    sources.into_iter().filter(|source| !is_test(&source.path)).collect()
}

/// Every `crate::name` outside tests, with its line from 1. Unit tests close a file.
fn uses(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    let code = source.text.lines().enumerate().take_while(|(_, line)| *line != "mod tests {");
    code.filter(|(_, line)| !line.trim_start().starts_with("//")).flat_map(|(number, line)| {
        line.split("crate::").skip(1).map(move |after| {
            let end = after.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(after.len());
            (number + 1, &after[..end])
        })
    })
}

#[test]
fn no_module_uses_one_below_it() {
    let sources = without_tests(sources());
    let order = order(&sources);
    assert!(order.len() > 10, "lib.rs lists {} modules", order.len());
    let mut wrong = Vec::new();
    for source in &sources {
        let Some(own) = order.get(module(&source.path)) else { continue };
        for (line, name) in uses(source) {
            if order.get(name).is_some_and(|other| other > own) {
                wrong.push(format!("src/{}:{line} uses `crate::{name}`, which stands below it in lib.rs", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_runtime_knows_no_adapter_and_no_adapter_the_runtime() {
    let mut wrong = Vec::new();
    for source in &without_tests(sources()) {
        let refused: &[&str] = match module(&source.path) {
            "adapter" => &["runtime", "ops", "route"],
            "runtime" => &["adapter"],
            _ => &[],
        };
        for (line, name) in uses(source).filter(|(_, name)| refused.contains(name)) {
            wrong.push(format!("src/{}:{line} names `{name}`", source.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_core_does_no_io_and_reads_no_clock() {
    let core = ["diagnostic", "message", "format", "contract", "transform", "endpoint", "route"];
    let refused = ["std::fs", "std::net", "std::process", "std::env", "tokio::", "SystemTime::now", "Instant::now"];
    let mut wrong = Vec::new();
    for source in without_tests(sources()).iter().filter(|source| core.contains(&module(&source.path))) {
        let code = source.text.lines().enumerate().take_while(|(_, line)| *line != "mod tests {");
        for (number, line) in code.filter(|(_, line)| !line.trim_start().starts_with("//")) {
            if let Some(word) = refused.iter().find(|word| line.contains(**word)) {
                wrong.push(format!("src/{}:{} names `{word}`", source.path, number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_stay_readable() {
    let mut wrong = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        if lines > LONGEST_FILE {
            wrong.push(format!("src/{}:{LONGEST_FILE} of {lines} lines: split the file", source.path));
        } else if lines > LONG_FILE {
            eprintln!("warning: src/{} has {lines} lines", source.path);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The names of headers and metrics. `contract/xsd/names.rs` names types within the schema engine, which nobody sees.
#[test]
fn names_stand_in_one_place() {
    let places = ["message/header_names.rs", "telemetry/names.rs", "contract/xsd/names.rs"];
    let mut wrong = Vec::new();
    let mut found = 0;
    for source in without_tests(sources()) {
        let code = source.text.lines().enumerate().take_while(|(_, line)| *line != "mod tests {");
        for (number, _) in code.filter(|(_, line)| line.contains("\"trunkline-") || line.contains("\"trunkline_")) {
            if places.contains(&source.path.as_str()) {
                found += 1;
            } else {
                wrong.push(format!("src/{}:{} writes out a name of ours", source.path, number + 1));
            }
        }
    }
    assert!(found >= 40, "{found} names");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_compiler_forbids_unsafe_code() {
    let manifest = include_str!("../../Cargo.toml");
    let lints = manifest.split_once("[lints.rust]\n").expect("is there").1;
    let lints = lints.split("\n[").next().unwrap_or(lints);
    assert!(lints.lines().any(|line| line == "unsafe_code = \"forbid\""), "{lints}");
}
