//! What two documents differ in, by path: JSON by value with its numbers as written, XML in canonical form.

use crate::format::json::{compact, pointer};
use crate::format::xml::{Node, Tree};
use crate::message::Value;

/// More differences than these tell nothing more.
const MOST: usize = 20;
/// The longest value that is shown, in characters.
const LONGEST: usize = 160;

/// One place at which two documents differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// A JSON Pointer, or a path of elements with indices.
    pub path: String,
    /// What should be there, if anything should.
    pub expected: Option<String>,
    /// What is there, if anything is.
    pub found: Option<String>,
}

impl Difference {
    /// At the place itself.
    pub fn new(path: impl Into<String>, expected: Option<&str>, found: Option<&str>) -> Self {
        Self { path: path.into(), expected: expected.map(shorten), found: found.map(shorten) }
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}

/// What two values differ in. The order of an object's members does not count, `1.10` is not `1.1`.
pub fn json(expected: &Value, found: &Value) -> Vec<Difference> {
    let mut all = Vec::new();
    values(expected, found, &mut String::new(), &mut all);
    all
}

/// Whether two values are the same, numbers as written.
pub fn same(expected: &Value, found: &Value) -> bool {
    json(expected, found).is_empty()
}

/// Both come from readers that bound the depth.
fn values(expected: &Value, found: &Value, path: &mut String, all: &mut Vec<Difference>) {
    if all.len() >= MOST {
        return;
    }
    let length = path.len();
    match (expected, found) {
        (Value::Object(a), Value::Object(b)) => {
            for (name, value) in a.iter() {
                pointer::push(path, name);
                match b.get(name) {
                    Some(other) => values(value, other, path, all),
                    None => all.push(Difference::new(&**path, Some(&compact(value)), None)),
                }
                path.truncate(length);
            }
            for (name, value) in b.iter().filter(|(name, _)| !a.contains_key(name)) {
                pointer::push(path, name);
                all.push(Difference::new(&**path, None, Some(&compact(value))));
                path.truncate(length);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for index in 0..a.len().max(b.len()) {
                pointer::push(path, &index.to_string());
                match (a.get(index), b.get(index)) {
                    (Some(value), Some(other)) => values(value, other, path, all),
                    (value, other) => {
                        let (value, other) = (value.map(compact), other.map(compact));
                        all.push(Difference::new(&**path, value.as_deref(), other.as_deref()));
                    }
                }
                path.truncate(length);
            }
        }
        (Value::Number(a), Value::Number(b)) if a.to_text() == b.to_text() => {}
        (a, b) if !matches!(a, Value::Number(_)) && a == b => {}
        (a, b) => all.push(Difference::new(&**path, Some(&compact(a)), Some(&compact(b)))),
    }
}

/// An element without its prefixes, comments, and the white space between elements.
#[derive(Debug)]
struct Element<'a> {
    namespace: &'a str,
    local: &'a str,
    attributes: Vec<(String, &'a str)>,
    children: Vec<Child<'a>>,
}

#[derive(Debug)]
enum Child<'a> {
    Element(Element<'a>),
    Text(&'a str),
}

/// What two documents differ in. Prefixes, the order of attributes and white space between elements do not count.
pub fn xml(expected: &Tree, found: &Tree) -> Vec<Difference> {
    let mut all = Vec::new();
    match (root(expected), root(found)) {
        (Some(a), Some(b)) if (a.namespace, a.local) == (b.namespace, b.local) => {
            elements(&a, &b, &format!("/{}", a.local), &mut all);
        }
        (a, b) => {
            let (a, b) = (a.map(|a| a.to_string()), b.map(|b| b.to_string()));
            all.push(Difference::new("/", a.as_deref(), b.as_deref()));
        }
    }
    all
}

fn root(tree: &Tree) -> Option<Element<'_>> {
    let mut open: Vec<Element<'_>> = Vec::new();
    for node in tree.nodes() {
        match node {
            Node::Start(element) => {
                let name = tree.name(element.name);
                let attributes = tree.attributes(element).iter().map(|attribute| {
                    let name = tree.name(attribute.name);
                    let name = match name.namespace.is_empty() {
                        true => name.local.to_string(),
                        false => format!("{{{}}}{}", name.namespace, name.local),
                    };
                    (name, attribute.value.as_str())
                });
                let mut attributes: Vec<_> = attributes.collect();
                attributes.sort();
                open.push(Element { namespace: &name.namespace, local: &name.local, attributes, children: Vec::new() });
            }
            Node::Text { text, .. } => {
                if let Some(element) = open.last_mut() {
                    element.children.push(Child::Text(text));
                }
            }
            Node::Instruction { .. } => {}
            Node::End => {
                let Some(mut element) = open.pop() else { continue };
                let has_elements = element.children.iter().any(|child| matches!(child, Child::Element(_)));
                if has_elements {
                    element.children.retain(|child| !matches!(child, Child::Text(text) if text.trim().is_empty()));
                }
                match open.last_mut() {
                    Some(parent) => parent.children.push(Child::Element(element)),
                    None => return Some(element),
                }
            }
        }
    }
    None
}

/// The depth is bounded by the reader.
fn elements(a: &Element<'_>, b: &Element<'_>, path: &str, all: &mut Vec<Difference>) {
    for (name, value) in &a.attributes {
        let other = b.attributes.iter().find(|(other, _)| other == name).map(|(_, value)| *value);
        if other != Some(value) {
            all.push(Difference::new(format!("{path}/@{name}"), Some(value), other));
        }
    }
    for (name, value) in b.attributes.iter().filter(|(name, _)| !a.attributes.iter().any(|(other, _)| other == name)) {
        all.push(Difference::new(format!("{path}/@{name}"), None, Some(value)));
    }
    let (mut left, mut right) = (0, 0);
    while left < a.children.len() || right < b.children.len() {
        if all.len() >= MOST {
            return;
        }
        match (a.children.get(left), b.children.get(right)) {
            (Some(Child::Element(one)), Some(Child::Element(other))) if one.is_called_as(other) => {
                elements(one, other, &step(path, a, left), all);
                (left, right) = (left + 1, right + 1);
            }
            (Some(Child::Text(one)), Some(Child::Text(other))) => {
                if one != other {
                    all.push(Difference::new(format!("{path}/text()"), Some(one), Some(other)));
                }
                (left, right) = (left + 1, right + 1);
            }
            // What comes later in the other document is no replacement: something stands between.
            (Some(one), Some(_)) if !b.children.iter().skip(right).any(|other| one.is_like(other)) => {
                all.push(Difference::new(step(path, a, left), Some(&one.to_string()), None));
                left += 1;
            }
            (_, Some(other)) => {
                all.push(Difference::new(step(path, b, right), None, Some(&other.to_string())));
                right += 1;
            }
            (Some(one), None) => {
                all.push(Difference::new(step(path, a, left), Some(&one.to_string()), None));
                left += 1;
            }
            (None, None) => return,
        }
    }
}

/// The path of a child; with its index, from 1, where several have its name.
fn step(path: &str, parent: &Element<'_>, at: usize) -> String {
    let Some(Child::Element(child)) = parent.children.get(at) else { return format!("{path}/text()") };
    let alike = |children: &[Child<'_>]| {
        children.iter().filter(|other| matches!(other, Child::Element(other) if child.is_called_as(other))).count()
    };
    let local = child.local;
    match alike(&parent.children) {
        0 | 1 => format!("{path}/{local}"),
        _ => format!("{path}/{local}[{}]", alike(parent.children.get(..=at).unwrap_or_default())),
    }
}

impl Element<'_> {
    fn is_called_as(&self, other: &Element<'_>) -> bool {
        (self.namespace, self.local) == (other.namespace, other.local)
    }
}

impl Child<'_> {
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Element(one), Self::Element(other)) => one.is_called_as(other),
            (Self::Text(_), Self::Text(_)) => true,
            _ => false,
        }
    }
}

impl std::fmt::Display for Child<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Element(element) => element.fmt(f),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

/// As people read it: with namespaces only where there is no text instead.
impl std::fmt::Display for Element<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<{}", self.local)?;
        for (name, value) in &self.attributes {
            write!(f, " {name}=\"{value}\"")?;
        }
        match self.children.as_slice() {
            [] => f.write_str("/>"),
            [Child::Text(text)] => write!(f, ">{text}</{}>", self.local),
            _ => write!(f, ">…</{}>", self.local),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{json as json_format, xml as xml_format};
    use crate::message::Limits;

    fn shown(all: Vec<Difference>) -> Vec<String> {
        let line = |one: Difference| format!("{} {:?} {:?}", one.path, one.expected.as_deref(), one.found.as_deref());
        all.into_iter().map(line).collect()
    }

    fn of_json(a: &str, b: &str) -> Vec<String> {
        let read = |text: &str| json_format::read(text.as_bytes(), &Limits::default()).expect("is JSON");
        shown(json(&read(a), &read(b)))
    }

    fn of_xml(a: &str, b: &str) -> Vec<String> {
        let read = |text: &str| xml_format::read(text.as_bytes(), &Limits::default()).expect("is XML");
        shown(xml(&read(a), &read(b)))
    }

    #[test]
    fn json_differs_by_path_and_digits() {
        assert!(of_json(r#"{"a":1,"b":[1.10,"x"]}"#, r#"{"b":[1.10,"x"],"a":1}"#).is_empty());
        assert_eq!(
            of_json(r#"{"a":1.10,"b":[1,2],"c":null,"e/f":1}"#, r#"{"a":1.1,"b":[1],"c":0,"d":true,"e/f":"1"}"#),
            [
                r#"/a Some("1.10") Some("1.1")"#,
                r#"/b/1 Some("2") None"#,
                r#"/c Some("null") Some("0")"#,
                r#"/e~1f Some("1") Some("\"1\"")"#,
                r#"/d None Some("true")"#,
            ]
        );
    }

    #[test]
    fn xml_is_the_same_whatever_its_prefixes_and_white_space() {
        let written = "<o:a xmlns:o='urn:x' c='1' b='2'>\n  <o:d> x </o:d>\n  <e/>\n</o:a>";
        assert!(of_xml(written, "<a xmlns='urn:x' b='2' c='1'><d> x </d><e xmlns=''></e></a>").is_empty());
        assert_eq!(
            of_xml(written, "<a xmlns='urn:x' b='2' c='1'><d>x</d><e/></a>"),
            [r#"/a/d/text() Some(" x ") Some("x")"#, r#"/a/e Some("<e/>") None"#, r#"/a/e None Some("<e/>")"#]
        );
    }

    #[test]
    fn xml_names_what_is_missing_and_what_is_too_much() {
        assert_eq!(
            of_xml("<a><b>1</b><b>2</b><d/></a>", "<a x='1'><b>1</b><c/><b>3</b></a>"),
            [
                r#"/a/@x None Some("1")"#,
                r#"/a/c None Some("<c/>")"#,
                r#"/a/b[2]/text() Some("2") Some("3")"#,
                r#"/a/d Some("<d/>") None"#
            ]
        );
        assert_eq!(of_xml("<a/>", "<b>x</b>"), [r#"/ Some("<a/>") Some("<b>x</b>")"#]);
    }
}
