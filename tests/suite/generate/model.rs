//! Elements, attributes and content models.

use std::rc::Rc;

use fastrand::Rng;

use super::element::{Element, Forms, Item, Name, Value};
use super::schema::{Node, Schemas};

pub(super) const XS: &str = "http://www.w3.org/2001/XMLSchema";
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Beyond this depth what may be left out is left out.
const DEEP: usize = 8;
/// Beyond so many elements as well.
const LARGE: usize = 60;

/// Makes documents.
pub struct Generator<'s> {
    pub(super) schemas: &'s Schemas,
    pub(super) rng: Rng,
    depth: usize,
    elements: usize,
}

/// The parts of a complex type under construction.
#[derive(Default)]
struct Parts {
    attributes: Vec<(Name, Value)>,
    items: Vec<Item>,
    mixed: bool,
    simple: bool,
}

impl<'s> Generator<'s> {
    pub fn new(schemas: &'s Schemas, seed: u64) -> Self {
        Self { schemas, rng: Rng::with_seed(seed), depth: 0, elements: 0 }
    }

    /// A document with this root element, or one of its substitutes.
    pub fn document(&mut self, root: &Name) -> Element {
        (self.depth, self.elements) = (0, 0);
        self.global(root)
    }

    /// A namespace that the schemas declare.
    pub(super) fn known_namespace(&mut self) -> String {
        let names: Vec<&Name> = self.schemas.all("element").map(|(name, _)| name).collect();
        names[self.rng.usize(0..names.len())].namespace.clone()
    }

    fn frugal(&self) -> bool {
        self.depth > DEEP || self.elements > LARGE
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.rng.u32(0..n) == 0
    }

    /// A global element or one of those that may stand in its place.
    fn global(&mut self, name: &Name) -> Element {
        let members = self.members(name);
        let name = members[self.rng.usize(0..members.len())].clone();
        let node = Rc::clone(self.schemas.get("element", &name));
        self.element(name, &node)
    }

    fn members(&self, head: &Name) -> Vec<Name> {
        let mut found = Vec::new();
        let mut next = vec![head.clone()];
        while let Some(name) = next.pop() {
            let of_head = |node: &Rc<Node>| node.name_in("substitutionGroup").as_ref() == Some(&name);
            next.extend(self.schemas.all("element").filter(|(_, node)| of_head(node)).map(|(name, _)| name.clone()));
            if self.schemas.get("element", &name).attribute("abstract") != Some("true") {
                found.push(name);
            }
        }
        found.sort();
        found
    }

    fn element(&mut self, name: Name, node: &Node) -> Element {
        self.depth += 1;
        self.elements += 1;
        let mut parts = Parts::default();
        let declared = node.name_in("type").or_else(|| self.type_of_head(node));
        let nil = node.attribute("nillable") == Some("true") && self.one_in(3);
        match (declared, node.first("complexType"), node.first("simpleType")) {
            (_, Some(local), _) => self.complex(local, &mut parts),
            (_, None, Some(local)) => self.simple(Rc::clone(local), &mut parts),
            (Some(declared), None, None) => self.named(&declared, &mut parts),
            (None, None, None) => parts.mixed = true,
        }
        if let Some(value) = node.attribute("fixed") {
            parts.items = vec![Item::Value(text(value))];
        }
        // An empty element with a default has that value.
        if let (Some(value), [Item::Value(Value::Text { text: empty, .. })]) =
            (node.attribute("default"), parts.items.as_slice())
            && empty.is_empty()
        {
            parts.items = vec![Item::Value(text(value))];
        }
        if nil {
            parts.items.clear();
            let yes = Value::Text { text: "true".to_owned(), collapses: true, forms: Forms::Boolean };
            parts.attributes.push((Name::new(XSI, "nil"), yes));
        }
        self.depth -= 1;
        let element_only = !parts.mixed && !parts.simple;
        Element { name, attributes: parts.attributes, items: parts.items, element_only }
    }

    fn type_of_head(&self, node: &Node) -> Option<Name> {
        let head = node.name_in("substitutionGroup")?;
        let head = self.schemas.get("element", &head);
        head.name_in("type").or_else(|| self.type_of_head(head))
    }

    /// A named type, or one derived from it, which `xsi:type` then names.
    fn named(&mut self, name: &Name, parts: &mut Parts) {
        if name.namespace == XS || self.schemas.find("simpleType", name).is_some() {
            parts.simple = true;
            let value = self.value_of(name);
            return parts.items.push(Item::Value(value));
        }
        let mut derived = self.derived(name);
        let is_abstract = self.schemas.get("complexType", name).attribute("abstract") == Some("true");
        let chosen = if !is_abstract && (derived.is_empty() || !self.one_in(3)) {
            name.clone()
        } else {
            let chosen = derived.swap_remove(self.rng.usize(0..derived.len()));
            parts.attributes.push((Name::new(XSI, "type"), Value::Name(chosen.clone())));
            chosen
        };
        let node = Rc::clone(self.schemas.get("complexType", &chosen));
        self.complex(&node, parts);
    }

    /// The types derived from a type that are not abstract.
    fn derived(&self, base: &Name) -> Vec<Name> {
        let base_of = |node: &Rc<Node>| {
            let content = node.first("complexContent").or_else(|| node.first("simpleContent"))?;
            content.children.iter().find_map(|one| one.name_in("base"))
        };
        let mut found = Vec::new();
        for (name, node) in self.schemas.all("complexType") {
            if base_of(node).as_ref() == Some(base) {
                if node.attribute("abstract") != Some("true") {
                    found.push(name.clone());
                }
                found.extend(self.derived(name));
            }
        }
        found
    }

    fn simple(&mut self, node: Rc<Node>, parts: &mut Parts) {
        parts.simple = true;
        let value = self.value(&node);
        parts.items.push(Item::Value(value));
    }

    fn complex(&mut self, node: &Node, parts: &mut Parts) {
        parts.mixed |= node.attribute("mixed") == Some("true");
        if let Some(content) = node.first("simpleContent") {
            parts.simple = true;
            return self.simple_content(content, parts);
        }
        if let Some(content) = node.first("complexContent") {
            parts.mixed |= content.attribute("mixed") == Some("true");
            let derivation = content.children.iter().find(|one| one.attribute("base").is_some()).expect("is derived");
            let base = derivation.name_in("base").expect("has a base");
            if derivation.kind == "extension" {
                let base = Rc::clone(self.schemas.get("complexType", &base));
                self.complex(&base, parts);
            } else {
                assert!(
                    derivation.first("attribute").is_none(),
                    "restricted attributes are not known to the generator"
                );
            }
            return self.body(derivation, parts);
        }
        self.body(node, parts);
    }

    fn simple_content(&mut self, content: &Node, parts: &mut Parts) {
        let derivation = content.children.iter().find(|one| one.attribute("base").is_some()).expect("is derived");
        let base = derivation.name_in("base").expect("has a base");
        match self.schemas.find("complexType", &base).cloned() {
            Some(base) => self.complex(&base, parts),
            None => {
                let value = self.value_of(&base);
                parts.items.push(Item::Value(value));
            }
        }
        assert_eq!(derivation.kind, "extension", "restricted simple content is not known to the generator");
        self.attributes(derivation, parts);
    }

    /// The particle and the attributes of a complex type or of its derivation.
    fn body(&mut self, node: &Node, parts: &mut Parts) {
        for child in &node.children {
            if matches!(child.kind.as_str(), "sequence" | "choice" | "all" | "group") {
                self.particle(child, parts);
            }
        }
        if parts.mixed && self.one_in(2) {
            parts.items.push(Item::Value(text(" tail")));
        }
        self.attributes(node, parts);
    }

    fn occurrences(&mut self, node: &Node) -> usize {
        let number = |name: &str, or: usize| node.attribute(name).map_or(or, |n| n.parse().unwrap_or(usize::MAX));
        let (min, max) = (number("minOccurs", 1), number("maxOccurs", 1));
        if self.frugal() { min } else { self.rng.usize(min..=max.min(min + 2)) }
    }

    fn particle(&mut self, node: &Node, parts: &mut Parts) {
        for _ in 0..self.occurrences(node) {
            if parts.mixed && self.one_in(3) {
                let at = parts.items.len();
                if !matches!(parts.items.last(), Some(Item::Value(_))) {
                    parts.items.push(Item::Value(text(&format!("text {at} "))));
                }
            }
            let inner: Vec<Rc<Node>> =
                node.children.iter().filter(|child| child.kind != "annotation").cloned().collect();
            match node.kind.as_str() {
                "sequence" => inner.iter().for_each(|child| self.particle(child, parts)),
                "choice" if inner.is_empty() => {}
                "choice" => {
                    let at = self.rng.usize(0..inner.len());
                    self.particle(&inner[at], parts);
                }
                "all" => {
                    // JSON has no order of keys: what it is written in is the order declared.
                    inner.iter().for_each(|child| self.particle(child, parts));
                }
                "group" => {
                    let name = node.name_in("ref").expect("a reference");
                    let group = Rc::clone(self.schemas.get("group", &name));
                    self.body(&group, parts);
                }
                "element" => {
                    let element = match node.name_in("ref") {
                        Some(name) => self.global(&name),
                        None => self.element(node.local_name(), node),
                    };
                    parts.items.push(Item::Element(element));
                }
                "any" => {
                    let element = self.any(node);
                    parts.items.extend(element.map(Item::Element));
                }
                other => panic!("xs:{other} is not known to the generator"),
            }
        }
    }

    /// An element that a wildcard admits: a declared one, or one of which nobody knows anything.
    fn any(&mut self, node: &Node) -> Option<Element> {
        let namespace = node.attribute("namespace").unwrap_or("##any");
        let strict = node.attribute("processContents").unwrap_or("strict") == "strict";
        let foreign = matches!(namespace, "##any" | "##other");
        if foreign && !strict {
            let inner = Element {
                name: Name::new("urn:foreign", "inner"),
                attributes: vec![(Name::new("", "a"), text("1 < 2"))],
                items: vec![Item::Value(text("007 & <x>"))],
                element_only: false,
            };
            let items = if self.rng.bool() { vec![Item::Element(inner)] } else { vec![Item::Value(text("plain"))] };
            let name = Name::new("urn:foreign", ["note", "extra"][self.rng.usize(0..2)]);
            return Some(Element { name, attributes: Vec::new(), items, element_only: false });
        }
        let target = node.target().to_owned();
        let own = |name: &Name| namespace != "##other" && (foreign || name.namespace == target);
        // Only what is simple: the content of a wildcard may be anything, itself included.
        let known = self
            .schemas
            .all("element")
            .filter(|(name, node)| own(name) && node.name_in("type").is_some_and(|of| of.namespace == XS));
        let names: Vec<Name> = known.map(|(name, _)| name.clone()).collect();
        let name = names.get(self.rng.usize(0..names.len().max(1)))?.clone();
        Some(self.global(&name))
    }

    fn attributes(&mut self, node: &Node, parts: &mut Parts) {
        for child in &node.children {
            match child.kind.as_str() {
                "attribute" => self.attribute(child, parts),
                "attributeGroup" => {
                    let name = child.name_in("ref").expect("a reference");
                    let group = Rc::clone(self.schemas.get("attributeGroup", &name));
                    self.attributes(&group, parts);
                }
                "anyAttribute" if self.one_in(3) => {
                    let lax = child.attribute("processContents") != Some("strict");
                    if lax && child.attribute("namespace") != Some("##targetNamespace") {
                        parts.attributes.push((Name::new("urn:foreign", "extra"), text("1 & 2")));
                    }
                }
                _ => {}
            }
        }
    }

    fn attribute(&mut self, node: &Node, parts: &mut Parts) {
        let required = node.attribute("use") == Some("required");
        if node.attribute("use") == Some("prohibited") || (!required && !self.rng.bool()) {
            return;
        }
        let (name, declaration) = match node.name_in("ref") {
            Some(name) => {
                let found = Rc::clone(self.schemas.get("attribute", &name));
                (name, Some(found))
            }
            None => (node.local_name(), None),
        };
        let declared = declaration.as_deref().unwrap_or(node);
        let value = match (node.attribute("fixed"), declared.name_in("type"), declared.first("simpleType")) {
            (Some(fixed), _, _) => text(fixed),
            (None, Some(of), _) => self.value_of(&of),
            (None, None, Some(local)) => self.value(&Rc::clone(local)),
            (None, None, None) => text("anything"),
        };
        parts.attributes.push((name, value));
    }
}

fn text(text: &str) -> Value {
    Value::Text { text: text.to_owned(), collapses: false, forms: Forms::One }
}
