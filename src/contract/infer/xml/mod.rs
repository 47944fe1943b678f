//! XSDs proposed from example documents.
//!
//! An element is described at its place: what stands below `Order` and what stands below `Invoice` are two elements,
//! also if both are called `Line`. A schema file describes one namespace. Where a document goes into another one, its
//! element is a global one there, and the same wherever it is met. Elements without a namespace belong to the schema of
//! the element around them.

mod order;
mod schema;
mod value;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use self::value::Values;
use crate::contract::convert::Refused;
use crate::contract::plan::{XML, XSI};
use crate::format::xml::{Element, ExpandedName, Node, Tree, path};
use crate::message::{Text, Violation};

pub use schema::Proposal;

/// Different elements and attributes, at all places together.
const MOST_PLACES: usize = 10_000;
/// Different children of one element.
const MOST_CHILDREN: usize = 1_000;
/// Attributes of the namespace of `xml:` that its schema declares.
const OF_XML: [&str; 4] = ["lang", "space", "base", "id"];

/// What was seen in example documents. A document costs no memory for what others have shown already.
#[derive(Debug, Default)]
pub struct Samples {
    documents: usize,
    places: usize,
    elements: Vec<Seen>,
    /// The elements that are declared globally, by name.
    globals: HashMap<ExpandedName, usize>,
    /// The attributes that are declared globally: those of another namespace than their element's.
    attributes: BTreeMap<ExpandedName, Values>,
    /// The namespaces in the order in which they were met, with the first prefix that stood for each.
    namespaces: Vec<(Text, Option<Text>)>,
    namespace_of: HashMap<Text, usize>,
}

/// What was seen of an element at its place.
#[derive(Debug)]
struct Seen {
    name: ExpandedName,
    /// The target namespace of the schema that declares it.
    schema: Text,
    is_global: bool,
    times: usize,
    /// How often it was empty because of `xsi:nil`.
    nils: usize,
    /// Whether `xsi:nil` was seen, be it true or not.
    is_nillable: bool,
    /// The texts of those without children.
    values: Values,
    /// Whether it ever had any character, …
    has_text: bool,
    /// … and one that is no white space.
    has_words: bool,
    children: Vec<Child>,
    child_of: HashMap<usize, usize>,
    local: HashMap<ExpandedName, usize>,
    /// Which children came right behind which others.
    follows: BTreeSet<(usize, usize)>,
    attributes: Vec<Attribute>,
    attribute_of: HashMap<ExpandedName, usize>,
}

/// What was seen of an element as the child of another.
#[derive(Debug)]
struct Child {
    /// The element.
    element: usize,
    /// In how many elements around it it was.
    times: usize,
    /// Whether one of them had several.
    repeats: bool,
}

#[derive(Debug)]
struct Attribute {
    name: ExpandedName,
    times: usize,
    /// Empty if it is declared globally.
    values: Values,
}

/// An element that is being read.
struct Open {
    element: usize,
    is_nil: bool,
    children: HashSet<usize>,
    last: Option<usize>,
    text: String,
}

impl Samples {
    /// Adds a document. Its depth is bounded by whoever read it.
    ///
    /// # Errors
    /// It has what no schema can be proposed for, or there is too much of it; the samples are then of no use.
    pub fn add(&mut self, tree: &Tree) -> Result<(), Refused> {
        self.documents += 1;
        let mut open: Vec<Open> = Vec::new();
        for (at, node) in tree.nodes().iter().enumerate() {
            match node {
                Node::Start(start) => {
                    let refused = |violation: Violation| Refused {
                        violation: Violation { path: path(tree, at), ..violation },
                        offset: start.offset,
                    };
                    let element = self.element(tree, start, open.last_mut()).map_err(refused)?;
                    let is_nil = self.attributes(tree, start, element).map_err(refused)?;
                    open.push(Open { element, is_nil, children: HashSet::new(), last: None, text: String::new() });
                }
                Node::Text { text, .. } => {
                    if let Some(open) = open.last_mut() {
                        open.text.push_str(text);
                    }
                }
                Node::Instruction { .. } => {}
                Node::End => {
                    if let Some(ended) = open.pop() {
                        self.end(&ended);
                    }
                }
            }
        }
        Ok(())
    }

    /// The element that starts.
    fn element(&mut self, tree: &Tree, start: &Element, parent: Option<&mut Open>) -> Result<usize, Violation> {
        let name = tree.name(start.name);
        if name.namespace == XML || name.namespace == XSI {
            let message = format!("no document has an element of the namespace `{}`", name.namespace);
            return Err(Violation::new("infer-namespace", "", message));
        }
        self.meet(&name.namespace, tree.prefix(start.prefix));
        let Some(parent) = parent else { return self.global(name) };
        let around = self.elements.get(parent.element).map(|around| (around.schema.clone(), around.local.get(name)));
        let (schema, known) = around.unwrap_or_default();
        let element = match known {
            Some(known) => *known,
            None if !name.namespace.is_empty() && name.namespace != schema => self.global(name)?,
            None => {
                let element = self.declare(name, schema, false)?;
                if let Some(around) = self.elements.get_mut(parent.element) {
                    around.local.insert(name.clone(), element);
                }
                element
            }
        };
        let Some(around) = self.elements.get_mut(parent.element) else { return Ok(element) };
        let next = around.children.len();
        let child = *around.child_of.entry(element).or_insert(next);
        if child == next {
            if next >= MOST_CHILDREN {
                return Err(too_many(&format!("more than {MOST_CHILDREN} different children of one element")));
            }
            around.children.push(Child { element, times: 0, repeats: false });
        }
        if !parent.children.insert(child)
            && let Some(child) = around.children.get_mut(child)
        {
            child.repeats = true;
        }
        if let Some(last) = parent.last.replace(child).filter(|last| *last != child) {
            around.follows.insert((last, child));
        }
        Ok(element)
    }

    fn global(&mut self, name: &ExpandedName) -> Result<usize, Violation> {
        if let Some(known) = self.globals.get(name) {
            return Ok(*known);
        }
        let element = self.declare(name, name.namespace.clone(), true)?;
        self.globals.insert(name.clone(), element);
        Ok(element)
    }

    fn declare(&mut self, name: &ExpandedName, schema: Text, is_global: bool) -> Result<usize, Violation> {
        self.place()?;
        self.elements.push(Seen {
            name: name.clone(),
            schema,
            is_global,
            times: 0,
            nils: 0,
            is_nillable: false,
            values: Values::default(),
            has_text: false,
            has_words: false,
            children: Vec::new(),
            child_of: HashMap::new(),
            local: HashMap::new(),
            follows: BTreeSet::new(),
            attributes: Vec::new(),
            attribute_of: HashMap::new(),
        });
        Ok(self.elements.len() - 1)
    }

    fn place(&mut self) -> Result<(), Violation> {
        self.places += 1;
        if self.places > MOST_PLACES {
            return Err(too_many(&format!("more than {MOST_PLACES} different elements and attributes")));
        }
        Ok(())
    }

    /// Notes a namespace, and the prefix that stands for it first.
    fn meet(&mut self, namespace: &Text, prefix: &str) {
        let next = self.namespaces.len();
        let at = *self.namespace_of.entry(namespace.clone()).or_insert(next);
        if at == next {
            self.namespaces.push((namespace.clone(), None));
        }
        if let Some((_, known)) = self.namespaces.get_mut(at)
            && !prefix.is_empty()
        {
            known.get_or_insert_with(|| prefix.into());
        }
    }

    /// Notes the attributes of an element; whether it is nil.
    fn attributes(&mut self, tree: &Tree, start: &Element, element: usize) -> Result<bool, Violation> {
        let mut is_nil = false;
        if let Some(seen) = self.elements.get_mut(element) {
            seen.times += 1;
        }
        for attribute in tree.attributes(start) {
            let name = tree.name(attribute.name);
            match (name.namespace.as_str(), name.local.as_str()) {
                (XSI, "nil") => {
                    is_nil = matches!(attribute.value.trim().as_str(), "true" | "1");
                    if let Some(seen) = self.elements.get_mut(element) {
                        seen.is_nillable = true;
                    }
                }
                // Hints where schemas lie, which nobody follows.
                (XSI, "schemaLocation" | "noNamespaceSchemaLocation") => {}
                (XSI, local) => {
                    let message =
                        format!("what `xsi:{local}` says stands in the schema of the document's author alone");
                    return Err(Violation::new("infer-xsi", "", message));
                }
                (XML, local) if !OF_XML.contains(&local) => {
                    let message = format!("`xml:{local}` is none of `xml:lang`, `xml:space`, `xml:base`, `xml:id`");
                    return Err(Violation::new("infer-xml", "", message));
                }
                _ => self.attribute(element, name, tree.prefix(attribute.prefix), &attribute.value)?,
            }
        }
        Ok(is_nil)
    }

    fn attribute(&mut self, element: usize, name: &ExpandedName, prefix: &str, value: &Text) -> Result<(), Violation> {
        let Some(seen) = self.elements.get_mut(element) else { return Ok(()) };
        let next = seen.attributes.len();
        let at = *seen.attribute_of.entry(name.clone()).or_insert(next);
        if at == next {
            seen.attributes.push(Attribute { name: name.clone(), times: 0, values: Values::default() });
        }
        let is_foreign = is_foreign(name, &seen.schema);
        if let Some(attribute) = seen.attributes.get_mut(at) {
            attribute.times += 1;
            if !is_foreign {
                attribute.values.add(value);
            }
        }
        if at == next {
            self.place()?;
        }
        if is_foreign && name.namespace != XML {
            self.meet(&name.namespace, prefix);
            self.attributes.entry(name.clone()).or_default().add(value);
        }
        Ok(())
    }

    fn end(&mut self, ended: &Open) {
        let Some(seen) = self.elements.get_mut(ended.element) else { return };
        let has_children = !ended.children.is_empty();
        if ended.is_nil && !has_children && ended.text.is_empty() {
            seen.nils += 1;
            return;
        }
        seen.has_text |= !ended.text.is_empty();
        seen.has_words |= ended.text.contains(|char| !matches!(char, ' ' | '\t' | '\n' | '\r'));
        for child in &ended.children {
            if let Some(child) = seen.children.get_mut(*child) {
                child.times += 1;
            }
        }
        if !has_children {
            seen.values.add(&Text::from(ended.text.as_str()));
        }
    }
}

/// Whether an attribute is declared globally, in the schema of its own namespace.
fn is_foreign(name: &ExpandedName, schema: &Text) -> bool {
    !name.namespace.is_empty() && name.namespace != *schema
}

fn too_many(what: &str) -> Violation {
    Violation::new(
        "infer-many",
        "",
        format!("there are {what}; a schema of that size helps nobody: leave documents out"),
    )
}
