//! The laws of conversion, over documents that are generated from contracts.
//!
//! For each: X is a valid XML document, J a valid JSON form, S the contract.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bytes::Bytes;
use fastrand::Rng;
use trunkline::contract::{Contract, Files, Registry};
use trunkline::diagnostic::SourceFile;
use trunkline::format::json;
use trunkline::format::xml::{Node, Tree};
use trunkline::message::{Limits, Value};

use super::support::{canonical, cases, read};
use crate::generate::{Element, Generator, Name, Schemas, Style};

/// Documents of each root element; with all roots together more than ten thousand.
const EACH: u64 = 240;

/// A schema with its root elements.
pub(super) struct Subject {
    path: PathBuf,
    pub(super) schemas: Schemas,
    registry: Registry,
    /// The name of the contract.
    pub(super) name: String,
}

impl Subject {
    fn load(folder: &Path, file: &str) -> Self {
        let files = schema_files(folder);
        let path = folder.join(file);
        let name = file.trim_end_matches(".xsd").to_owned();
        Self { schemas: Schemas::load(&path), path, registry: Registry::new(files), name }
    }

    pub(super) fn roots(&self) -> Vec<Name> {
        let roots = self.registry.roots(&self.name).expect("a schema");
        let globals = self.schemas.all("element").map(|(name, _)| name);
        globals.filter(|name| roots.contains(&name.local)).cloned().collect()
    }

    pub(super) fn contract(&self, root: &str) -> std::sync::Arc<Contract> {
        let reference = format!("{}#{root}", self.name);
        self.registry.resolve(&reference).unwrap_or_else(|error| panic!("{reference}: {}", error.message))
    }
}

/// The schema files below a folder.
pub fn schema_files(folder: &Path) -> Files {
    let mut files = Files::new();
    collect(folder, folder, &mut files);
    files
}

fn collect(folder: &Path, root: &Path, files: &mut Files) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, root, files);
        } else if path.extension().is_some_and(|ending| ending == "xsd") {
            let below = path.strip_prefix(root).expect("below").to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).expect("readable");
            files.insert(below.as_str().into(), SourceFile::new(below, text));
        }
    }
}

/// The schemas of the shipped example, and those of the table of conversion.
pub(super) fn subjects() -> Vec<Subject> {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let mut all: Vec<Subject> = ["order", "inventory", "order-status", "shipment"]
        .iter()
        .map(|name| Subject::load(&example, &format!("erp/{name}.xsd")))
        .collect();
    let mut folders: Vec<PathBuf> = std::fs::read_dir(cases()).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    all.extend(folders.iter().map(|folder| Subject::load(folder, "schema.xsd")));
    all
}

/// A generated document with its forms.
pub(super) struct Case {
    /// Schema, root and seed, to make it again.
    id: String,
    pub(super) element: Element,
    xml: Bytes,
    json: Value,
}

/// Runs over every contract with its documents. What the contract refuses because of a rule that no generator can
/// keep, as a key that must be unique, is left out; it must stay rare.
pub(super) fn for_each(each: u64, mut test: impl FnMut(&Contract, &Subject, &[Case])) -> u64 {
    let limits = Limits::default();
    let mut count = 0;
    for subject in subjects() {
        for root in subject.roots() {
            let contract = subject.contract(&root.local);
            let mut cases = Vec::new();
            let mut refused = Vec::new();
            for seed in 0..each {
                let mut generator = Generator::new(&subject.schemas, seed);
                let element = generator.document(&root);
                let text = element.write(Style::Plain, &mut Rng::with_seed(seed));
                let id = format!("{} {} {seed}", subject.path.display(), root.local);
                let xml = Bytes::from(text);
                match contract.read(&xml, &limits) {
                    Ok(json) => cases.push(Case { id, element, xml, json }),
                    Err(violations) if unique_only(&violations) => {}
                    Err(violations) => refused.push(format!("{id}: {violations}\n{}", show(&xml))),
                }
            }
            assert!(refused.is_empty(), "{} valid documents were refused, as\n{}", refused.len(), refused[0]);
            assert!(cases.len() as u64 * 10 >= each * 9, "{}: too few documents keep its rules", subject.name);
            count += cases.len() as u64;
            test(&contract, &subject, &cases);
        }
    }
    count
}

fn unique_only(violations: &trunkline::message::Violations) -> bool {
    violations.iter().all(|violation| violation.rule.starts_with("cvc-identity-constraint"))
}

fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json_text(value: &Value) -> String {
    show(&json::write(value, &Limits::default()).expect("written"))
}

/// Laws 1, 2 and 7: there and back gives the same document, in both directions, and then the same bytes for ever.
#[test]
fn there_and_back_is_the_same() {
    let limits = Limits::default();
    let count = for_each(EACH, |contract, _, cases| {
        for Case { id, element, json, .. } in cases {
            let back =
                contract.write(json, &limits).unwrap_or_else(|error| panic!("{id}: {error}\n{}", json_text(json)));
            let again = contract.read(&back, &limits).unwrap_or_else(|error| panic!("{id}: {error}\n{}", show(&back)));
            assert_eq!(json_text(&again), json_text(json), "law 1: {id}");
            let tree = read(&show(&back));
            // Names in values are compared with the prefixes that they were written with.
            let same = element.write_with(prefixes_of(&tree));
            assert_eq!(canonical(&tree), canonical(&read(&same)), "law 2: {id}");
            let stable = contract.write(&again, &limits).expect("written before");
            assert_eq!(stable, back, "law 7: {id}");
        }
    });
    assert!(count >= 10_000, "{count} documents");
}

fn prefixes_of(tree: &Tree) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for node in tree.nodes() {
        let Node::Start(element) = node else { continue };
        for binding in tree.bindings(element).iter().filter(|binding| !binding.uri.is_empty()) {
            let known = found.entry(binding.uri.to_string()).or_insert_with(|| binding.prefix.to_string());
            if known.is_empty() {
                *known = binding.prefix.to_string();
            }
        }
    }
    found
}

/// Law 6 and more: prefixes, comments, CDATA, white space that a type drops and other forms of one number change
/// nothing.
#[test]
fn what_means_nothing_changes_nothing() {
    let limits = Limits::default();
    for_each(EACH, |contract, _, cases| {
        for (case, seed) in cases.iter().zip(1_000..) {
            let decorated = Bytes::from(case.element.write(Style::Decorated, &mut Rng::with_seed(seed)));
            let read = contract.read(&decorated, &limits);
            let read = read.unwrap_or_else(|error| panic!("{}: {error}\n{}", case.id, show(&decorated)));
            assert_eq!(json_text(&read), json_text(&case.json), "law 6: {}\n{}", case.id, show(&decorated));
        }
    });
}

/// Law 3: what is generated, and what comes back, is valid for another validator too.
#[test]
fn what_comes_back_is_valid_for_xmllint() {
    if Command::new("xmllint").arg("--version").stderr(Stdio::null()).status().is_err() {
        eprintln!("skipped: xmllint is not installed (Debian package `libxml2-utils`)");
        return;
    }
    let limits = Limits::default();
    for_each(40, |contract, subject, cases| {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("xmllint");
        command.args(["--noout", "--nonet", "--schema"]).arg(&subject.path).stdout(Stdio::null());
        for (at, Case { json, xml, .. }) in cases.iter().enumerate() {
            let written = contract.write(json, &limits).expect("written");
            for (name, bytes) in [("x", xml), ("j", &written)] {
                let path = folder.path().join(format!("{name}{at}.xml"));
                std::fs::write(&path, bytes).expect("written");
                command.arg(path);
            }
        }
        let said = command.output().expect("xmllint runs");
        let complaints = String::from_utf8_lossy(&said.stderr);
        let wrong: Vec<&str> = complaints.lines().filter(|line| !line.ends_with(" validates")).collect();
        assert!(said.status.success(), "law 3: {}: {}", subject.path.display(), wrong.join("\n"));
    });
}

/// Law 3, the other half: the JSON form is valid for the JSON Schema that is derived from the contract, and for no
/// other shape: a member that the contract does not know is refused by both.
#[test]
fn the_json_form_is_valid_for_the_derived_schema() {
    let limits = Limits::default();
    for_each(EACH, |contract, subject, cases| {
        let schema = contract.xml_plan().expect("has a root").json_schema(contract.reference());
        let text = json_text(&schema);
        let file = SourceFile::new("derived.json", text.as_str());
        let registry = Registry::new(Files::from([("derived.json".into(), file)]));
        let derived = registry
            .resolve("derived")
            .unwrap_or_else(|error| panic!("{}: {:?}\n{text}", subject.name, error.diagnostics));
        for Case { id, json, .. } in cases {
            let valid = derived.validate(json, &limits);
            assert!(valid.is_ok(), "law 3: {id}: {}\n{}\n{text}", valid.unwrap_err(), json_text(json));
            let Value::Object(members) = json else { panic!("{id}: not an object") };
            let mut more = (**members).clone();
            more.insert("unknown".into(), Value::Null);
            assert!(derived.validate(&Value::object(more), &limits).is_err(), "law 3: {id}");
        }
    });
}

/// Law 4: a change of one leaf of the JSON form changes the XML, or is refused.
#[test]
fn a_change_of_one_leaf_shows() {
    let limits = Limits::default();
    let mut changed = 0;
    for_each(40, |contract, _, cases| {
        for (case, seed) in cases.iter().zip(0..) {
            let mut rng = Rng::with_seed(seed);
            let leaves = leaves(&case.json);
            let at = rng.usize(0..leaves.max(1));
            let mut left = at;
            let other = change(&case.json, &mut left, &mut rng);
            if json_text(&other) == json_text(&case.json) {
                continue;
            }
            let before = contract.write(&case.json, &limits).expect("written");
            if let Ok(after) = contract.write(&other, &limits) {
                changed += 1;
                assert_ne!(after, before, "law 4: {}\n{}\n{}", case.id, json_text(&case.json), json_text(&other));
            }
        }
    });
    assert!(changed > 500, "{changed} changes were accepted");
}

fn leaves(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(leaves).sum(),
        Value::Object(members) => members.values().map(leaves).sum(),
        _ => 1,
    }
}

/// The value with another leaf at a position.
fn change(value: &Value, left: &mut usize, rng: &mut Rng) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| change(item, left, rng)).collect(),
        Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), change(value, left, rng))).collect(),
        leaf if *left == 0 => {
            *left = usize::MAX;
            match leaf {
                Value::Bool(yes) => Value::Bool(!yes),
                Value::String(text) => Value::from(format!("{text}{}", ["x", "1", "é"][rng.usize(0..3)]).as_str()),
                Value::Number(number) => {
                    let text = number.to_text();
                    let other = if text.ends_with('1') { "2" } else { "1" };
                    let cut = text.get(..text.len() - 1).unwrap_or_default();
                    let body = bytes::Bytes::from(format!("{cut}{other}"));
                    json::read(&body, &Limits::default()).unwrap_or(Value::Null)
                }
                _ => Value::from("was null"),
            }
        }
        leaf => {
            *left = left.saturating_sub(1);
            leaf.clone()
        }
    }
}

/// Law 5: what stands at a path is of the same JSON type in all documents of a contract.
#[test]
fn a_path_has_one_type() {
    for_each(EACH, |_, subject, cases| {
        let mut known: BTreeMap<String, (&'static str, &str)> = BTreeMap::new();
        for case in cases {
            let mut next = vec![(String::new(), &case.json)];
            while let Some((path, value)) = next.pop() {
                let kind = match value {
                    // `xsi:nil`, and the content of a wildcard or of mixed content, which is anything by its contract.
                    Value::Null => continue,
                    Value::Bool(_) => "boolean",
                    Value::Number(_) => "number",
                    Value::String(text) if matches!(text.as_str(), "INF" | "-INF" | "NaN") => continue,
                    Value::String(_) => "string",
                    Value::Array(items) => {
                        let free = path.ends_with("/#mixed") || path.ends_with("/#seq");
                        let inner = |(at, item)| {
                            (if free { format!("{path}/{at}.{}", case.id) } else { format!("{path}/*") }, item)
                        };
                        next.extend(items.iter().enumerate().map(inner));
                        "array"
                    }
                    Value::Object(members) => {
                        next.extend(members.iter().map(|(key, value)| (format!("{path}/{key}"), value)));
                        "object"
                    }
                };
                let (before, by) = *known.entry(path.clone()).or_insert((kind, &case.id));
                assert_eq!(before, kind, "law 5: {path} in {} and in {by} ({})", case.id, subject.name);
            }
        }
    });
}

/// Law 8: any bytes give a document or a refusal with its path; nothing panics, nothing grows beyond its bound.
#[test]
fn any_bytes_give_a_document_or_a_refusal() {
    let limits = Limits { body_bytes: 1 << 20, ..Limits::default() };
    let (mut accepted, mut refused) = (0, 0);
    for_each(40, |contract, _, cases| {
        for (case, seed) in cases.iter().zip(0..) {
            let mut rng = Rng::with_seed(seed);
            let mut bytes = case.xml.to_vec();
            for _ in 0..rng.usize(1..4) {
                let at = rng.usize(0..bytes.len());
                match rng.u8(0..6) {
                    0 => bytes[at] = rng.u8(..),
                    1 => drop(bytes.remove(at)),
                    2 => bytes.insert(at, b"<>&/\"'x0 "[rng.usize(0..9)]),
                    3 => bytes.truncate(at.max(1)),
                    _ if bytes[at].is_ascii_alphanumeric() => bytes[at] = b"0123456789az"[rng.usize(0..12)],
                    _ => {}
                }
            }
            match contract.read(&Bytes::from(bytes), &limits) {
                Ok(json) => {
                    accepted += 1;
                    contract.write(&json, &limits).unwrap_or_else(|error| panic!("law 8: {}: {error}", case.id));
                }
                Err(violations) => {
                    refused += 1;
                    assert!(violations.iter().next().is_some_and(|first| !first.message.is_empty()));
                }
            }
        }
    });
    assert!(accepted > 50 && refused > 1_000, "{accepted} accepted, {refused} refused");
}
