//! The prefixes that a contract gives its namespaces: those of its schema documents, never a message's.

use std::collections::HashMap;

use quick_xml::events::Event;
use quick_xml::{Reader, XmlVersion};

use crate::message::Text;

/// The namespace of `xsi:type` and `xsi:nil`.
pub(crate) const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// The namespace of the prefix `xml`.
pub(crate) const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// The namespace of the built-in types.
pub(crate) const XS: &str = "http://www.w3.org/2001/XMLSchema";

/// The prefixes of a contract's namespaces. The first document that binds a prefix to a namespace decides; a prefix
/// stands for one namespace, and a namespace without a free prefix gets `ns1`, `ns2`, ….
#[derive(Clone, Debug)]
pub struct Prefixes {
    by_uri: HashMap<Text, Text>,
    taken: HashMap<Text, Text>,
    made: Vec<Text>,
}

impl Prefixes {
    /// Reads the prefixes that schema documents declare on their root elements, the contract's own document first.
    pub fn of_documents<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut prefixes = Self { by_uri: HashMap::new(), taken: HashMap::new(), made: Vec::new() };
        prefixes.bind("xsi", XSI);
        prefixes.bind("xml", XML);
        for text in texts {
            prefixes.read(text);
        }
        prefixes
    }

    fn read(&mut self, text: &str) {
        let mut reader = Reader::from_str(text);
        let start = loop {
            match reader.read_event() {
                Ok(Event::Start(start) | Event::Empty(start)) => break start,
                Ok(Event::Eof) | Err(_) => return,
                Ok(_) => {}
            }
        };
        for attribute in start.attributes().flatten() {
            let prefix = attribute.key.as_ref().strip_prefix(b"xmlns:").map(std::str::from_utf8);
            let (Some(Ok(prefix)), Ok(uri)) = (prefix, attribute.normalized_value(XmlVersion::default())) else {
                continue;
            };
            self.bind(prefix, &uri);
        }
    }

    fn bind(&mut self, prefix: &str, uri: &str) {
        if !self.taken.contains_key(prefix) && !self.by_uri.contains_key(uri) && !uri.is_empty() {
            self.taken.insert(prefix.into(), uri.into());
            self.by_uri.insert(uri.into(), prefix.into());
        }
    }

    /// Whether a document declares a prefix for the namespace.
    pub(super) fn declares_by_document(&self, uri: &str) -> bool {
        self.by_uri.get(uri).is_some_and(|prefix| !self.made.contains(prefix))
    }

    /// The prefix of a namespace, generated if need be.
    pub(super) fn of(&mut self, uri: &str) -> Text {
        if uri.is_empty() {
            return Text::new();
        }
        if uri == XS {
            self.bind("xs", XS);
        }
        while !self.by_uri.contains_key(uri) {
            let prefix = Text::from(format!("ns{}", self.made.len() + 1));
            self.bind(&prefix, uri);
            self.made.push(prefix);
        }
        self.by_uri.get(uri).cloned().unwrap_or_default()
    }
}
