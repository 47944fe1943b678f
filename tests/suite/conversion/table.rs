//! Each row of the table is a folder of `tests/cases/conversion/`: `schema.xsd` and documents.
//!
//! - `NAME.xml` and `NAME.json` say the same: each converts to the other.
//! - `NAME.*.xml` are other ways to write `NAME.xml`: they convert to `NAME.json` too.
//! - `NAME.*.json` are other ways to write `NAME.json`: they convert to `NAME.xml` too.
//! - `refused.*.xml` and `refused.*.json` are refused; a snapshot beside them holds where and why.

use std::path::Path;

use super::support::{Contracts, canonical, cases, files, json_to_xml, parse_json, read, root_of, xml_to_json};
use trunkline::format::json;
use trunkline::message::{Value, Violations};

fn stem(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().split('.').next().unwrap().to_owned()
}

fn root_key(document: &Value) -> String {
    match document {
        Value::Object(members) => members.keys().next().map_or_else(String::new, ToString::to_string),
        _ => String::new(),
    }
}

fn show(violations: &Violations) -> String {
    violations.iter().map(|one| format!("{} [{}] {}\n", one.path, one.rule, one.message)).collect()
}

#[test]
fn every_row_both_ways() {
    let mut rows: Vec<_> = std::fs::read_dir(cases()).unwrap().map(|entry| entry.unwrap().path()).collect();
    rows.sort();
    let mut documents = 0;
    let mut wrong = Vec::new();
    for row in rows {
        let contracts = Contracts::load(&row.join("schema.xsd"));
        for path in files(&row, ".xml").into_iter().filter(|path| stem(path) != "refused") {
            let xml = std::fs::read_to_string(&path).unwrap();
            let tree = read(&xml);
            let json = std::fs::read_to_string(row.join(stem(&path) + ".json")).unwrap();
            let expected = parse_json(&json);
            let expected = json::pretty(&expected);
            let actual = xml_to_json(&contracts.of(&root_of(&tree)), &xml);
            let actual = actual.map_or_else(|error| show(&error), |value| json::pretty(&value));
            if actual.trim() != expected.trim() {
                wrong.push(format!("{}\nwanted: {expected}\nfound: {actual}", path.display()));
            }
            documents += 1;
        }
        for path in files(&row, ".json").into_iter().filter(|path| stem(path) != "refused") {
            let document = parse_json(&std::fs::read_to_string(&path).unwrap());
            let xml = std::fs::read_to_string(row.join(stem(&path) + ".xml")).unwrap();
            let tree = read(&xml);
            let actual = json_to_xml(&contracts.of(&root_of(&tree)), &document);
            let same = actual.as_ref().is_ok_and(|actual| canonical(&read(actual)) == canonical(&tree));
            if !same {
                let actual = actual.unwrap_or_else(|error| show(&error));
                wrong.push(format!("{}\nwanted: {}\nfound: {actual}", path.display(), xml.trim()));
            }
            documents += 1;
        }
        refusals(&row, &contracts, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(documents >= 80, "only {documents} documents");
}

fn refusals(row: &Path, contracts: &Contracts, wrong: &mut Vec<String>) {
    let mut all = String::new();
    for path in files(row, ".xml").into_iter().chain(files(row, ".json")).filter(|path| stem(path) == "refused") {
        let text = std::fs::read_to_string(&path).unwrap();
        let result = if path.extension().is_some_and(|ending| ending == "xml") {
            xml_to_json(&contracts.of(&root_of(&read(&text))), &text).map(|value| format!("{value:?}"))
        } else {
            let document = parse_json(&text);
            let root = root_key(&document);
            let plan = contracts.get(&root).unwrap_or_else(|| contracts.of(&contracts.roots()[0].local));
            json_to_xml(&plan, &document)
        };
        let name = path.file_name().unwrap().to_string_lossy();
        match result {
            Err(violations) => all.push_str(&format!("{name}\n{}", show(&violations))),
            Ok(converted) => wrong.push(format!("{} was accepted: {converted}", path.display())),
        }
    }
    if !all.is_empty() {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(row);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!("refused", all));
    }
}
