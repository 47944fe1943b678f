//! `trunkline validate`: documents against a contract, or the contract alone.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::config::render;
use crate::message::Violation;

use super::{End, Style, contracts, input, output};

#[derive(Serialize)]
struct Report {
    valid: bool,
    contract: String,
    files: Vec<FileReport>,
}

#[derive(Serialize)]
struct FileReport {
    file: String,
    valid: bool,
    violations: Vec<Violation>,
}

pub(super) fn run(dir: &Path, reference: &str, files: &[PathBuf], style: Style) -> End {
    let resolved = match contracts::find(dir, reference) {
        Ok(resolved) => resolved,
        Err(end) => return end,
    };
    if files.is_empty() && style == Style::Human {
        output::say(&format!("the contract `{reference}` is valid"));
    }
    let mut end = End::Good;
    let mut reports = Vec::new();
    for path in files {
        let body = match input::document(path, &resolved.limits) {
            Ok(body) => body,
            Err(end) => return end,
        };
        let file = input::shown(path);
        let violations = match resolved.contract.read(&body, &resolved.limits) {
            Ok(_) => Vec::new(),
            Err(violations) => violations.into_vec(),
        };
        if !violations.is_empty() {
            end = End::Invalid;
        }
        if style == Style::Human {
            for violation in &violations {
                output::say(&render::violation(&file, violation));
            }
            if violations.is_empty() {
                output::say(&format!("{file}: valid"));
            }
        }
        reports.push(FileReport { file, valid: violations.is_empty(), violations });
    }
    if style == Style::Json {
        let report = Report { valid: end == End::Good, contract: reference.to_owned(), files: reports };
        match serde_json::to_string_pretty(&report) {
            Ok(text) => drop(output::data(&(text + "\n"))),
            Err(error) => return output::misuse(&format!("the report cannot be written: {error}"), None),
        }
    }
    end
}
