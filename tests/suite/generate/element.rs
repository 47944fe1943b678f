//! An abstract document, and the many ways to write it.

use std::collections::BTreeMap;
use std::fmt::Write;

use fastrand::Rng;

/// An expanded name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    pub namespace: String,
    pub local: String,
}

impl Name {
    pub fn new(namespace: &str, local: &str) -> Self {
        Self { namespace: namespace.to_owned(), local: local.to_owned() }
    }
}

/// A value: text with the forms that mean the same, or a name.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text {
        text: String,
        /// Whether white space at its ends means nothing.
        collapses: bool,
        /// Which other lexical forms mean the same.
        forms: Forms,
    },
    Name(Name),
}

/// The lexical forms of one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forms {
    /// No others.
    One,
    /// `+` and leading zeros mean nothing.
    Decimal,
    /// `true` is `1`, and `false` is `0`.
    Boolean,
}

/// An element.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    pub name: Name,
    pub attributes: Vec<(Name, Value)>,
    pub items: Vec<Item>,
    /// Whether white space between its children means nothing.
    pub element_only: bool,
}

/// What stands in an element.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    Element(Element),
    Value(Value),
}

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As simple as can be.
    Plain,
    /// With everything that means nothing.
    Decorated,
}

impl Element {
    /// The document as text. All that `rng` decides means nothing.
    pub fn write(&self, style: Style, rng: &mut Rng) -> String {
        let mut writer = Writer { style, rng, out: String::new(), prefixes: BTreeMap::new() };
        writer.out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
        writer.noise(true);
        writer.element(self, true);
        writer.noise(true);
        writer.out
    }

    /// The document as simple text, with these prefixes by their namespaces where they are given.
    pub fn write_with(&self, prefixes: BTreeMap<String, String>) -> String {
        let mut writer = Writer { style: Style::Plain, rng: &mut Rng::with_seed(0), out: String::new(), prefixes };
        writer.element(self, true);
        writer.out
    }
}

struct Writer<'r> {
    style: Style,
    rng: &'r mut Rng,
    out: String,
    /// All are declared at the root.
    prefixes: BTreeMap<String, String>,
}

impl Writer<'_> {
    /// Whether to decorate here.
    fn one_in(&mut self, n: u32) -> bool {
        self.style == Style::Decorated && self.rng.u32(0..n) == 0
    }

    fn collect(&mut self, element: &Element) {
        let names = element.attributes.iter().flat_map(|(name, value)| match value {
            Value::Name(of_value) => vec![name, of_value],
            Value::Text { .. } => vec![name],
        });
        for name in names.chain([&element.name]) {
            if !name.namespace.is_empty() && !self.prefixes.contains_key(&name.namespace) {
                let number = self.prefixes.len();
                let prefix = if self.style == Style::Plain { format!("p{number}") } else { self.any_prefix(number) };
                self.prefixes.insert(name.namespace.clone(), prefix);
            }
        }
        for item in &element.items {
            match item {
                Item::Element(child) => self.collect(child),
                Item::Value(_) => {}
            }
        }
    }

    fn any_prefix(&mut self, number: usize) -> String {
        let stem = ["a", "ns", "Order", "é", "_x"][self.rng.usize(0..5)];
        format!("{stem}{number}")
    }

    fn element(&mut self, element: &Element, root: bool) {
        if root {
            self.collect(element);
        }
        let name = self.name(&element.name);
        write!(self.out, "<{name}").unwrap();
        let mut attributes: Vec<String> = Vec::new();
        if root {
            let declared = |(uri, prefix): (&String, &String)| match prefix.as_str() {
                "" => format!("xmlns=\"{}\"", escape(uri)),
                prefix => format!("xmlns:{prefix}=\"{}\"", escape(uri)),
            };
            attributes.extend(self.prefixes.iter().map(declared));
            if self.one_in(3) {
                attributes.push("xmlns:unused=\"urn:unused\"".to_owned());
            }
        }
        for (name, value) in &element.attributes {
            let text = self.value(value);
            let name = self.name(name);
            attributes.push(format!("{name}=\"{}\"", escape(&text).replace('\n', "&#10;").replace('\t', "&#9;")));
        }
        if self.style == Style::Decorated {
            self.rng.shuffle(&mut attributes);
        }
        for attribute in attributes {
            let between = if self.one_in(4) { "\n  " } else { " " };
            self.out.push_str(between);
            self.out.push_str(&attribute);
        }
        if element.items.is_empty() && !self.one_in(2) {
            self.out.push_str("/>");
            return;
        }
        self.out.push('>');
        for item in &element.items {
            if element.element_only {
                self.noise(true);
            }
            match item {
                Item::Element(child) => self.element(child, false),
                Item::Value(value) => {
                    let text = self.value(value);
                    self.text(&text);
                }
            }
        }
        if element.element_only && !element.items.is_empty() {
            self.noise(true);
        } else if !element.items.is_empty() {
            self.noise(false);
        }
        write!(self.out, "</{name}>").unwrap();
    }

    /// A comment, or white space.
    fn noise(&mut self, space: bool) {
        if self.one_in(6) {
            self.out.push_str("<!-- means nothing -->");
        }
        if space && self.one_in(4) {
            self.out.push_str("\n  ");
        }
    }

    fn name(&self, name: &Name) -> String {
        match self.prefixes.get(&name.namespace) {
            Some(prefix) if !prefix.is_empty() => format!("{prefix}:{}", name.local),
            _ => name.local.clone(),
        }
    }

    fn value(&mut self, value: &Value) -> String {
        let (text, collapses, forms) = match value {
            Value::Name(name) => return self.name(name),
            Value::Text { text, collapses, forms } => (text, *collapses, *forms),
        };
        let mut text = text.clone();
        match forms {
            Forms::Decimal if !text.starts_with('-') && self.one_in(4) => {
                text = format!("{}{text}", ["+", "0", "+00"][self.rng.usize(0..3)]);
            }
            Forms::Boolean if self.one_in(2) => {
                text = if text == "true" { "1" } else { "0" }.to_owned();
            }
            _ => {}
        }
        if collapses && !text.is_empty() && self.one_in(4) {
            text = format!("{}{text}\n ", ["", " ", "\t"][self.rng.usize(0..3)]);
        }
        text
    }

    fn text(&mut self, text: &str) {
        if !text.contains("]]>") && self.one_in(5) {
            write!(self.out, "<![CDATA[{}]]>", text.replace('\r', "")).unwrap();
        } else if self.one_in(5) {
            let written: String = text.chars().map(|c| format!("&#x{:X};", u32::from(c))).collect();
            self.out.push_str(&written);
        } else {
            self.out.push_str(&escape(text));
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
