//! Namespace bindings in scope while a document is read (Namespaces in XML 1.0).

use super::{Binding, Fault};
use crate::message::Text;

/// The namespace that the prefix `xml` is bound to.
pub const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";
/// The namespace that the prefix `xmlns` is bound to; nothing else may be.
const XMLNS_NAMESPACE: &str = "http://www.w3.org/2000/xmlns/";

/// A stack of bindings.
#[derive(Default)]
pub(super) struct Scope {
    bindings: Vec<Binding>,
}

impl Scope {
    /// How many bindings are in scope; for [`Scope::leave`].
    pub(super) fn mark(&self) -> usize {
        self.bindings.len()
    }

    pub(super) fn leave(&mut self, mark: usize) {
        self.bindings.truncate(mark);
    }

    /// Adds `xmlns:prefix="uri"`, or `xmlns="uri"` with an empty prefix.
    pub(super) fn bind(&mut self, prefix: Text, uri: Text, offset: usize) -> Result<(), Fault> {
        let fault = |message: String| Err(Fault::new("xml-namespace", offset, message));
        match (prefix.as_str(), uri.as_str()) {
            ("xmlns", _) => return fault("the prefix `xmlns` cannot be declared".to_owned()),
            ("xml", uri) if uri != XML_NAMESPACE => {
                return fault("the prefix `xml` cannot be bound to another namespace".to_owned());
            }
            (prefix, XML_NAMESPACE) if prefix != "xml" => {
                return fault("only the prefix `xml` can be bound to its namespace".to_owned());
            }
            (_, XMLNS_NAMESPACE) => return fault("no prefix can be bound to the namespace of `xmlns`".to_owned()),
            (prefix, "") if !prefix.is_empty() => {
                return fault(format!("the prefix `{prefix}` cannot be bound to no namespace"));
            }
            _ => {}
        }
        self.bindings.push(Binding { prefix, uri });
        Ok(())
    }

    /// The bindings since a mark: those of one element.
    pub(super) fn since(&self, mark: usize) -> &[Binding] {
        self.bindings.get(mark..).unwrap_or_default()
    }

    /// The namespace of a prefix; the default namespace for an empty one.
    pub(super) fn namespace(&self, prefix: &str, offset: usize) -> Result<Text, Fault> {
        if prefix == "xml" {
            return Ok(Text::borrowed(XML_NAMESPACE));
        }
        match self.bindings.iter().rev().find(|binding| binding.prefix.as_str() == prefix) {
            Some(binding) => Ok(binding.uri.clone()),
            None if prefix.is_empty() => Ok(Text::new()),
            None => Err(Fault::new("xml-namespace", offset, format!("the prefix `{prefix}` is not declared"))),
        }
    }
}
