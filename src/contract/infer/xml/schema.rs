//! The schemas that the samples show, as text.
//!
//! Each element that holds more than a simple value has a type of its own, beside the others: a schema of deep documents
//! is not deep itself.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::order::groups;
use super::value::{Simple, Values};
use super::{Attribute, Child, Samples, Seen, is_foreign};
use crate::contract::plan::{XML, XS};
use crate::format::xml::{ExpandedName, push_value};
use crate::message::Text;

/// Where the engine, which has it built in, and others find the schema of `xml:lang` and its like.
const XML_SCHEMA: &str = "http://www.w3.org/2001/xml.xsd";

/// What stands at the top of each proposal, behind what it was made from.
const WHAT_IT_SAYS: [&str; 3] = [
    "     All that was seen is valid. What stood in each element of a kind is required; what one of them had several times",
    "     may be there any number of times. A type is narrower than xs:string only where different values prove it. What",
    "     the documents do not show, nobody knows here: look at each line. -->",
];

/// A schema file that is proposed. It refers to others by their names, in the same folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The name of the file, without its ending.
    pub name: String,
    /// Its target namespace; empty is none.
    pub namespace: Text,
    /// The schema.
    pub text: String,
}

impl Samples {
    /// The proposals, one for each namespace that declares something; first that of the first document's root.
    pub fn proposals(&self) -> Vec<Proposal> {
        let names = Names::of(self);
        let proposals = names.files.iter().map(|(namespace, name)| {
            let mut writer = Writer { samples: self, names: &names, namespace, out: String::new() };
            writer.schema();
            Proposal { name: name.clone(), namespace: namespace.clone(), text: writer.out }
        });
        let mut proposals: Vec<Proposal> = proposals.collect();
        let order = |namespace: &Text| self.namespaces.iter().position(|(known, _)| known == namespace);
        proposals.sort_by_key(|proposal| order(&proposal.namespace));
        proposals
    }
}

impl Seen {
    /// Whether it needs a type of its own.
    fn is_complex(&self) -> bool {
        !self.children.is_empty() || !self.attributes.is_empty()
    }

    /// How often it had content, or none without a reason.
    fn filled(&self) -> usize {
        self.times.saturating_sub(self.nils)
    }
}

/// What the things of the schemas are called.
struct Names {
    /// By namespace, the file without its ending.
    files: BTreeMap<Text, String>,
    prefixes: BTreeMap<Text, String>,
    /// The types of the elements that need one.
    types: Vec<Option<String>>,
}

impl Names {
    fn of(samples: &Samples) -> Self {
        let mut declares: HashSet<&Text> = samples.elements.iter().map(|element| &element.schema).collect();
        declares.extend(samples.attributes.keys().map(|name| &name.namespace));
        let root = samples.elements.first().map_or("", |root| root.name.local.as_str());
        let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_.".contains(char);
        let first = if root.chars().all(is_plain) && !root.is_empty() { root } else { "inferred" };
        let (mut files, mut prefixes, mut taken) = (BTreeMap::new(), BTreeMap::new(), HashSet::new());
        taken.extend(["xs", "xml", "xsi", ""].map(str::to_owned));
        for (namespace, prefix) in samples.namespaces.iter().filter(|(namespace, _)| declares.contains(namespace)) {
            let number = files.len() + 1;
            files.insert(namespace.clone(), if number == 1 { first.to_owned() } else { format!("{first}-{number}") });
            let wanted = prefix.as_deref().unwrap_or("tns");
            let free = std::iter::once(wanted.to_owned()).chain((2..).map(|more| format!("{wanted}{more}")));
            prefixes.extend(free.into_iter().find(|one| taken.insert(one.clone())).map(|one| (namespace.clone(), one)));
        }
        prefixes.remove("");
        Self { files, prefixes, types: Self::types(samples) }
    }

    /// A name for the type of each element that needs one: that of the element, with the element around it and then a
    /// number if another one has it.
    fn types(samples: &Samples) -> Vec<Option<String>> {
        let mut around: Vec<Option<usize>> = vec![None; samples.elements.len()];
        for (parent, seen) in samples.elements.iter().enumerate() {
            for child in &seen.children {
                if let Some(around) = around.get_mut(child.element) {
                    around.get_or_insert(parent);
                }
            }
        }
        let mut taken: HashSet<(&Text, String)> = HashSet::new();
        let mut numbers: BTreeMap<(&Text, String), usize> = BTreeMap::new();
        let mut types = Vec::with_capacity(samples.elements.len());
        for (seen, around) in samples.elements.iter().zip(around) {
            if !seen.is_complex() {
                types.push(None);
                continue;
            }
            let own = seen.name.local.to_string();
            let longer = around
                .and_then(|around| samples.elements.get(around))
                .map(|around| format!("{}.{own}", around.name.local));
            let known = [Some(own.clone()), longer].into_iter().flatten();
            let mut free = known.into_iter().find(|name| taken.insert((&seen.schema, name.clone())));
            let number = numbers.entry((&seen.schema, own.clone())).or_insert(1);
            while free.is_none() {
                *number += 1;
                free = Some(format!("{own}-{number}")).filter(|name| taken.insert((&seen.schema, name.clone())));
            }
            types.push(free);
        }
        types
    }

    /// A name as a schema refers to it.
    fn reference(&self, namespace: &Text, local: &str) -> String {
        match self.prefixes.get(namespace) {
            Some(prefix) => format!("{prefix}:{local}"),
            None if namespace == XML => format!("xml:{local}"),
            None => local.to_owned(),
        }
    }
}

struct Writer<'a> {
    samples: &'a Samples,
    names: &'a Names,
    /// The target namespace.
    namespace: &'a Text,
    out: String,
}

/// `name="value"`, with a space before it.
fn set(name: &str, value: &str) -> String {
    let mut text = format!(" {name}=\"");
    push_value(value, &mut text);
    text.push('"');
    text
}

impl Writer<'_> {
    fn line(&mut self, depth: usize, text: &str) {
        self.out.push_str(&"  ".repeat(depth));
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn schema(&mut self) {
        let samples = self.samples;
        let own = || samples.elements.iter().enumerate().filter(|(_, seen)| seen.schema == *self.namespace);
        let elements: Vec<(usize, &Seen)> = own().collect();
        let imports = self.imports(elements.iter().map(|(_, seen)| *seen));
        self.line(0, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
        let several = format!("{} documents", samples.documents);
        let documents = if samples.documents == 1 { "1 document" } else { several.as_str() };
        self.line(
            0,
            &format!("<!-- A proposal, made from {documents} by `trunkline contract infer`, and no contract yet."),
        );
        WHAT_IT_SAYS.iter().for_each(|line| self.line(0, line));
        let mut start = format!("<xs:schema{}", set("xmlns:xs", XS));
        let used = imports.iter().chain([self.namespace]);
        for (namespace, prefix) in used.filter_map(|namespace| self.names.prefixes.get_key_value(namespace)) {
            start.push_str(&set(&format!("xmlns:{prefix}"), namespace));
        }
        if !self.namespace.is_empty() {
            start.push_str(&set("targetNamespace", self.namespace));
            start.push_str(" elementFormDefault=\"qualified\"");
        }
        self.line(0, &(start + ">"));
        for namespace in &imports {
            let file = self.names.files.get(namespace).map(|name| format!("{name}.xsd"));
            let location = file.unwrap_or_else(|| XML_SCHEMA.to_owned());
            let import = format!("<xs:import{}{}/>", set("namespace", namespace), set("schemaLocation", &location));
            self.line(1, &import);
        }
        for (element, seen) in elements.iter().filter(|(_, seen)| seen.is_global) {
            self.element(1, *element, seen, "");
        }
        for (name, values) in samples.attributes.iter().filter(|(name, _)| name.namespace == *self.namespace) {
            self.simple(1, "xs:attribute", [&set("name", &name.local), ""], values);
        }
        for (element, seen) in elements {
            if let Some(Some(name)) = self.names.types.get(element) {
                self.complex(name, seen);
            }
        }
        self.line(0, "</xs:schema>");
    }

    /// The namespaces of what these elements refer to in other schemas.
    fn imports<'s>(&self, elements: impl Iterator<Item = &'s Seen>) -> BTreeSet<Text> {
        let mut found = BTreeSet::new();
        for seen in elements {
            let children = seen.children.iter().filter_map(|child| self.samples.elements.get(child.element));
            found.extend(children.map(|child| child.schema.clone()));
            let foreign = seen.attributes.iter().filter(|attribute| is_foreign(&attribute.name, self.namespace));
            found.extend(foreign.map(|attribute| attribute.name.namespace.clone()));
        }
        found.remove(self.namespace);
        found
    }

    /// The declaration of an element.
    fn element(&mut self, depth: usize, element: usize, seen: &Seen, occurs: &str) {
        let mut attributes = set("name", &seen.name.local);
        if seen.name.namespace != *self.namespace {
            attributes.push_str(" form=\"unqualified\"");
        }
        let nillable = if seen.is_nillable { " nillable=\"true\"" } else { "" };
        let rest = format!("{occurs}{nillable}");
        match self.names.types.get(element) {
            Some(Some(name)) => {
                let reference = set("type", &self.names.reference(self.namespace, name));
                self.line(depth, &format!("<xs:element{attributes}{reference}{rest}/>"));
            }
            _ => self.simple(depth, "xs:element", [&attributes, &rest], &seen.values),
        }
    }

    /// A declaration with a simple type, which stands between these attributes.
    fn simple(&mut self, depth: usize, tag: &str, [name, rest]: [&str; 2], values: &Values) {
        match values.simple() {
            Simple::Named(built_in) => self.line(depth, &format!("<{tag}{name} type=\"{built_in}\"{rest}/>")),
            Simple::OneOf(texts) => {
                self.line(depth, &format!("<{tag}{name}{rest}>"));
                self.line(depth + 1, "<xs:simpleType>");
                self.line(depth + 2, "<xs:restriction base=\"xs:string\">");
                for text in texts {
                    self.line(depth + 3, &format!("<xs:enumeration{}/>", set("value", text)));
                }
                self.line(depth + 2, "</xs:restriction>");
                self.line(depth + 1, "</xs:simpleType>");
                self.line(depth, &format!("</{tag}>"));
            }
        }
    }

    fn complex(&mut self, name: &str, seen: &Seen) {
        let is_mixed = !seen.children.is_empty() && seen.has_words;
        let mixed = if is_mixed { " mixed=\"true\"" } else { "" };
        self.line(1, &format!("<xs:complexType{}{mixed}>", set("name", name)));
        if seen.children.is_empty() && seen.has_text {
            self.line(2, "<xs:simpleContent>");
            self.line(3, &format!("<xs:extension base=\"{}\">", seen.values.name()));
            self.attributes(4, seen);
            self.line(3, "</xs:extension>");
            self.line(2, "</xs:simpleContent>");
        } else {
            self.content(seen);
            self.attributes(2, seen);
        }
        self.line(1, "</xs:complexType>");
    }

    /// The children, in the order that all documents keep.
    fn content(&mut self, seen: &Seen) {
        let groups = groups(seen.children.len(), &seen.follows);
        let members = |group: &[usize]| group.iter().filter_map(|at| seen.children.get(*at)).collect::<Vec<_>>();
        if let [only] = groups.as_slice()
            && only.len() > 1
            && members(only).iter().all(|child| !child.repeats)
        {
            self.line(2, "<!-- The documents have these in different orders. -->");
            self.line(2, "<xs:all>");
            members(only).into_iter().for_each(|child| self.child(3, child, seen.filled()));
            self.line(2, "</xs:all>");
            return;
        }
        if groups.is_empty() {
            return;
        }
        self.line(2, "<xs:sequence>");
        for group in &groups {
            let members = members(group);
            if let [only] = members.as_slice() {
                self.child(3, only, seen.filled());
                continue;
            }
            let is_required = members.iter().any(|child| child.times == seen.filled());
            let least = if is_required { "" } else { " minOccurs=\"0\"" };
            self.line(3, "<!-- The documents have these in different orders. -->");
            self.line(3, &format!("<xs:choice{least} maxOccurs=\"unbounded\">"));
            members.into_iter().for_each(|child| self.particle(4, child, ""));
            self.line(3, "</xs:choice>");
        }
        self.line(2, "</xs:sequence>");
    }

    fn child(&mut self, depth: usize, child: &Child, all: usize) {
        let least = if child.times < all { " minOccurs=\"0\"" } else { "" };
        let most = if child.repeats { " maxOccurs=\"unbounded\"" } else { "" };
        self.particle(depth, child, &format!("{least}{most}"));
    }

    fn particle(&mut self, depth: usize, child: &Child, occurs: &str) {
        let Some(seen) = self.samples.elements.get(child.element) else { return };
        if seen.is_global {
            let reference = set("ref", &self.reference(&seen.name));
            self.line(depth, &format!("<xs:element{reference}{occurs}/>"));
        } else {
            self.element(depth, child.element, seen, occurs);
        }
    }

    fn attributes(&mut self, depth: usize, seen: &Seen) {
        for Attribute { name, times, values } in &seen.attributes {
            let usage = if *times == seen.times { " use=\"required\"" } else { "" };
            if is_foreign(name, self.namespace) {
                let reference = set("ref", &self.reference(name));
                self.line(depth, &format!("<xs:attribute{reference}{usage}/>"));
                continue;
            }
            let form = if name.namespace.is_empty() { "" } else { " form=\"qualified\"" };
            self.simple(depth, "xs:attribute", [&set("name", &name.local), &format!("{form}{usage}")], values);
        }
    }

    fn reference(&self, name: &ExpandedName) -> String {
        self.names.reference(&name.namespace, &name.local)
    }
}
