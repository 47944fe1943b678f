//! Schema files as a tree, with their global components by name.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use trunkline::format::xml::{self, Node as Tape, Tree};
use trunkline::message::Limits;

use super::Name;

/// One element of a schema file.
#[derive(Debug)]
pub struct Node {
    /// The local name, as `complexType`.
    pub kind: String,
    attributes: BTreeMap<String, String>,
    pub children: Vec<Rc<Node>>,
    scope: Rc<Scope>,
}

/// What a schema file says of itself, and the prefixes in scope.
#[derive(Debug, Default, Clone)]
struct Scope {
    target: String,
    qualified_elements: bool,
    qualified_attributes: bool,
    prefixes: HashMap<String, String>,
}

impl Node {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// The children of a kind.
    pub fn all<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Rc<Node>> {
        self.children.iter().filter(move |child| child.kind == kind)
    }

    pub fn first(&self, kind: &str) -> Option<&Rc<Node>> {
        self.children.iter().find(|child| child.kind == kind)
    }

    /// A qualified name in an attribute of this node.
    pub fn name_in(&self, attribute: &str) -> Option<Name> {
        self.attribute(attribute).map(|text| self.resolve(text))
    }

    pub fn resolve(&self, text: &str) -> Name {
        let (prefix, local) = text.split_once(':').unwrap_or(("", text));
        Name::new(self.scope.prefixes.get(prefix).map_or("", String::as_str), local)
    }

    pub fn target(&self) -> &str {
        &self.scope.target
    }

    /// The name of a local element or attribute declaration.
    pub fn local_name(&self) -> Name {
        let qualified = match (self.attribute("form"), self.kind.as_str()) {
            (Some(form), _) => form == "qualified",
            (None, "element") => self.scope.qualified_elements,
            (None, _) => self.scope.qualified_attributes,
        };
        Name::new(if qualified { &self.scope.target } else { "" }, self.attribute("name").expect("is named"))
    }
}

/// The global components of a schema and of all that it includes and imports.
pub struct Schemas {
    components: BTreeMap<(String, Name), Rc<Node>>,
}

/// The kinds of global components.
const GLOBAL: [&str; 6] = ["element", "complexType", "simpleType", "group", "attributeGroup", "attribute"];

impl Schemas {
    pub fn load(path: &Path) -> Self {
        let mut schemas = Self { components: BTreeMap::new() };
        let mut next = vec![path.to_owned()];
        let mut seen: Vec<PathBuf> = Vec::new();
        while let Some(path) = next.pop() {
            let path = path.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            if seen.contains(&path) {
                continue;
            }
            let text = std::fs::read(&path).expect("readable");
            let root = parse(&xml::read(&text, &Limits::default()).expect("well-formed"));
            for child in &root.children {
                let name = || Name::new(root.target(), child.attribute("name").expect("is named"));
                match child.kind.as_str() {
                    "include" | "import" => {
                        let folder = path.parent().expect("a folder");
                        next.extend(child.attribute("schemaLocation").map(|location| folder.join(location)));
                    }
                    kind if GLOBAL.contains(&kind) => {
                        schemas.components.insert((kind.to_owned(), name()), Rc::clone(child));
                    }
                    "annotation" => {}
                    other => panic!("{}: xs:{other} is not known to the generator", path.display()),
                }
            }
            seen.push(path);
        }
        schemas
    }

    pub fn find(&self, kind: &str, name: &Name) -> Option<&Rc<Node>> {
        self.components.get(&(kind.to_owned(), name.clone()))
    }

    pub fn get(&self, kind: &str, name: &Name) -> &Rc<Node> {
        self.find(kind, name).unwrap_or_else(|| panic!("no {kind} {name:?}"))
    }

    /// All global components of a kind.
    pub fn all<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a Name, &'a Rc<Node>)> {
        self.components.iter().filter(move |((known, _), _)| known == kind).map(|((_, name), node)| (name, node))
    }
}

fn parse(tree: &Tree) -> Rc<Node> {
    let mut open: Vec<Node> = Vec::new();
    for node in tree.nodes() {
        match node {
            Tape::Start(element) => {
                let attribute = |one: &xml::Attribute| (tree.name(one.name).local.to_string(), one.value.to_string());
                let attributes: BTreeMap<_, _> = tree.attributes(element).iter().map(attribute).collect();
                let mut scope = open.last().map_or_else(Scope::default, |parent| (*parent.scope).clone());
                for binding in tree.bindings(element) {
                    scope.prefixes.insert(binding.prefix.to_string(), binding.uri.to_string());
                }
                if open.is_empty() {
                    let is = |name: &str| attributes.get(name).is_some_and(|form| form == "qualified");
                    scope.target = attributes.get("targetNamespace").cloned().unwrap_or_default();
                    scope.qualified_elements = is("elementFormDefault");
                    scope.qualified_attributes = is("attributeFormDefault");
                }
                let kind = tree.name(element.name).local.to_string();
                open.push(Node { kind, attributes, children: Vec::new(), scope: Rc::new(scope) });
            }
            Tape::End => {
                let done = Rc::new(open.pop().expect("is open"));
                match open.last_mut() {
                    Some(parent) => parent.children.push(done),
                    None => return done,
                }
            }
            Tape::Text { .. } | Tape::Instruction { .. } => {}
        }
    }
    unreachable!("a document has a root")
}
