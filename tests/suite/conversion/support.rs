//! Contracts, documents and their comparison, for the tests of conversion.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use trunkline::contract::convert::{Instructions, to_json, to_xml};
use trunkline::contract::plan::{Plan, Prefixes};
use trunkline::format::json;
use trunkline::format::xml::{self, ExpandedName, Node, Tree};
use trunkline::message::{Limits, Text, Value, Violations};
use xsd_schema::{SchemaSet, SchemaSetBuilder};

/// The folder of the cases.
pub fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/conversion")
}

/// A compiled schema with the plans that a test asks for.
pub struct Contracts {
    pub set: SchemaSet,
    prefixes: Prefixes,
    plans: RefCell<BTreeMap<String, Rc<Plan>>>,
}

impl Contracts {
    pub fn load(schema: &Path) -> Self {
        let location = format!("file://{}", schema.display());
        let text = std::fs::read_to_string(schema).unwrap();
        let builder = SchemaSetBuilder::new().add_source(&text, &location);
        let set = builder.and_then(SchemaSetBuilder::compile).unwrap_or_else(|error| panic!("{location}: {error}"));
        let set = set.into_schema_set();
        let read = |uri: &str| std::fs::read_to_string(uri.trim_start_matches("file://")).unwrap_or_default();
        let texts: Vec<String> = set.documents.iter().map(|document| read(&document.base_uri)).collect();
        let prefixes = Prefixes::of_documents(texts.iter().map(String::as_str));
        Self { set, prefixes, plans: RefCell::default() }
    }

    /// The names of the global elements.
    pub fn roots(&self) -> Vec<ExpandedName> {
        let global = |(key, data): (_, &xsd_schema::arenas::ElementDeclData)| {
            let name = data.name?;
            (self.set.lookup_element(data.target_namespace, name) == Some(key)).then(|| ExpandedName {
                namespace: data.target_namespace.map_or("", |id| self.set.name_table.resolve_ref(id)).into(),
                local: self.set.name_table.resolve_ref(name).into(),
            })
        };
        self.set.arenas.elements.iter().filter_map(global).collect()
    }

    /// The plan for a document with this root, if there is such a root.
    pub fn get(&self, root: &str) -> Option<Rc<Plan>> {
        if let Some(plan) = self.plans.borrow().get(root) {
            return Some(Rc::clone(plan));
        }
        let name = self.roots().into_iter().find(|name| name.local == root)?;
        let plan = Rc::new(Plan::compile(&self.set, &name, self.prefixes.clone()).unwrap());
        self.plans.borrow_mut().insert(root.to_owned(), Rc::clone(&plan));
        Some(plan)
    }

    /// The plan for a document with this root.
    pub fn of(&self, root: &str) -> Rc<Plan> {
        self.get(root).unwrap_or_else(|| panic!("no global element `{root}`"))
    }
}

pub fn limits() -> Limits {
    Limits::default()
}

pub fn xml_to_json(plan: &Plan, xml: &str) -> Result<Value, Violations> {
    to_json(plan, &read(xml), Instructions::Refuse, &limits()).map_err(|refused| refused.violation.into())
}

pub fn json_to_xml(plan: &Plan, document: &Value) -> Result<String, Violations> {
    to_xml(plan, document, &limits()).map(|tree| write(&tree))
}

pub fn parse_json(text: &str) -> Value {
    json::read(&bytes::Bytes::copy_from_slice(text.as_bytes()), &limits())
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The local name of a document's root element.
pub fn root_of(tree: &Tree) -> String {
    let root = tree.nodes().iter().find_map(|node| match node {
        Node::Start(element) => Some(tree.name(element.name).local.to_string()),
        _ => None,
    });
    root.unwrap()
}

/// Reads well-formed XML.
pub fn read(text: &str) -> Tree {
    xml::read(text.as_bytes(), &limits()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Writes a tree as it stands.
pub fn write(tree: &Tree) -> String {
    String::from_utf8(xml::write(tree, &limits()).unwrap()).unwrap()
}

/// A tree as text in which equal documents are equal: names with their URIs, attributes sorted. Text of white space
/// beside elements is dropped if it holds a line break, as indentation does.
pub fn canonical(tree: &Tree) -> String {
    let nodes = tree.nodes();
    let mut out = String::new();
    let name = |id| {
        let name = tree.name(id);
        if name.namespace.is_empty() { name.local.to_string() } else { format!("{{{}}}{}", name.namespace, name.local) }
    };
    let indentation = |at: usize, text: &Text| {
        let beside =
            |at: Option<usize>| at.and_then(|at| nodes.get(at)).is_some_and(|node| matches!(node, Node::Start(_)));
        let after_end = at > 0 && matches!(nodes.get(at - 1), Some(Node::End));
        text.contains('\n') && text.chars().all(char::is_whitespace) && (beside(Some(at + 1)) || after_end)
    };
    for (at, node) in nodes.iter().enumerate() {
        match node {
            Node::Start(element) => {
                let mut attributes: Vec<String> = tree
                    .attributes(element)
                    .iter()
                    .map(|attribute| (name(attribute.name), attribute.value.as_str()))
                    .filter(|(name, _)| !name.ends_with("chemaLocation"))
                    .map(|(name, value)| format!(" {name}={value:?}"))
                    .collect();
                attributes.sort();
                out.push_str(&format!("<{}{}>", name(element.name), attributes.concat()));
            }
            Node::Text { text, .. } if indentation(at, text) => {}
            Node::Text { text, .. } => out.push_str(&format!("{text:?}")),
            Node::Instruction { target, .. } => out.push_str(&format!("<?{target}?>")),
            Node::End => out.push_str("</>\n"),
        }
    }
    out
}

/// Files of a folder with this ending, sorted.
pub fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    found.sort();
    found
}
