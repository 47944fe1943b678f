//! An XML document with namespaces resolved: one flat tape in document order.
//!
//! Walking it is a loop over [`Node`]s, skipping an element is one jump to its `end`, and nothing recurses.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::ops::Range;
use std::sync::Arc;

use super::names::{Names, Written};
use crate::message::Text;

/// Index of an expanded name in its tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NameId(pub u32);

/// A prefix in its tree; none by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrefixId(pub(super) Option<NonZeroU32>);

/// A name with its namespace (Namespaces in XML 1.0); the empty namespace is none.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExpandedName {
    /// The namespace's URI, or empty.
    pub namespace: Text,
    /// The local part.
    pub local: Text,
}

/// One entry of the tape.
#[derive(Clone, Debug)]
pub enum Node {
    /// An element's start; its content follows, up to the matching [`Node::End`].
    Start(Element),
    /// Character data; CDATA and references are resolved, adjacent pieces joined.
    Text {
        /// The characters.
        text: Text,
        /// Whether it is known that none of them has to be escaped.
        plain: bool,
        /// Byte offset in the decoded body.
        offset: u32,
    },
    /// A processing instruction, kept so that conversion can refuse it.
    Instruction {
        /// The target.
        target: Text,
        /// Byte offset in the decoded body.
        offset: u32,
    },
    /// An element's end.
    End,
}

/// An element's start.
#[derive(Clone, Debug)]
pub struct Element {
    /// Its expanded name.
    pub name: NameId,
    /// The prefix as written: for [`Tree::prefix`].
    pub prefix: PrefixId,
    /// Its attributes without `xmlns…`: a range for [`Tree::attributes`].
    pub attributes: Range<u32>,
    /// The bindings that it declares: a range for [`Tree::bindings`].
    pub bindings: Range<u32>,
    /// Index on the tape of its [`Node::End`].
    pub end: u32,
    /// Byte offset of its `<` in the decoded body.
    pub offset: u32,
}

/// An attribute.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// Its expanded name; an attribute without a prefix has no namespace.
    pub name: NameId,
    /// The prefix as written: for [`Tree::prefix`].
    pub prefix: PrefixId,
    /// The value after normalization (XML 1.0 section 3.3.3, CDATA).
    pub value: Text,
}

/// A namespace declaration: `xmlns:prefix="uri"`, or `xmlns="uri"` with an empty prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The prefix, or empty for the default namespace.
    pub prefix: Text,
    /// The URI; empty takes the default namespace back.
    pub uri: Text,
}

/// A whole document. Built by the reader and by conversion, in document order.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// What comes before its own names and prefixes.
    common: Option<Arc<Names>>,
    names: Vec<ExpandedName>,
    ids: HashMap<ExpandedName, NameId, foldhash::fast::RandomState>,
    prefixes: Vec<Text>,
    nodes: Vec<Node>,
    attributes: Vec<Attribute>,
    bindings: Vec<Binding>,
    /// The first attribute and the first binding of the element that starts next.
    next_attribute: u32,
    next_binding: u32,
    open: Vec<u32>,
}

pub(super) fn index(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

fn range(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

impl Tree {
    /// A tree with room for so many nodes.
    pub fn with_capacity(nodes: usize) -> Self {
        Self {
            nodes: Vec::with_capacity(nodes),
            attributes: Vec::with_capacity(nodes / 8),
            open: Vec::with_capacity(16),
            ..Self::default()
        }
    }

    /// A tree that stands on a table of names: their ids there are their ids here.
    pub fn of_names(names: Arc<Names>, nodes: usize) -> Self {
        Self { common: Some(names), ..Self::with_capacity(nodes) }
    }

    /// Whether the tree stands on this table of names.
    pub fn is_of(&self, names: &Arc<Names>) -> bool {
        self.common.as_ref().is_some_and(|own| Arc::ptr_eq(own, names))
    }

    /// The tape. A document's root element is its first [`Node::Start`].
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The expanded name.
    pub fn name(&self, id: NameId) -> &ExpandedName {
        static NONE: ExpandedName = ExpandedName { namespace: Text::borrowed(""), local: Text::borrowed("") };
        let at = id.0 as usize;
        let found = match &self.common {
            Some(common) => common.name(id).or_else(|| self.names.get(at.checked_sub(common.len())?)),
            None => self.names.get(at),
        };
        found.unwrap_or(&NONE)
    }

    /// The prefix, or nothing.
    pub fn prefix(&self, id: PrefixId) -> &str {
        let Some(at) = id.0.map(|id| id.get() as usize - 1) else { return "" };
        let common = self.common.as_ref().map_or(&[][..], |common| common.prefixes());
        let found = common.get(at).or_else(|| self.prefixes.get(at.checked_sub(common.len())?));
        found.map_or("", Text::as_str)
    }

    /// A name of the table on which the tree stands, as it is written; nothing if its prefix is not its usual one.
    pub(super) fn written(&self, name: NameId, prefix: PrefixId) -> Option<Written<'_>> {
        self.common.as_deref()?.written(name, prefix)
    }

    /// Every expanded name, by id: those of the table on which the tree stands, be they used or not, and its own.
    pub fn names(&self) -> impl Iterator<Item = &ExpandedName> {
        self.common.iter().flat_map(|common| common.iter()).chain(&self.names)
    }

    /// The attributes of an element, in the order written.
    pub fn attributes(&self, element: &Element) -> &[Attribute] {
        self.attributes.get(range(&element.attributes)).unwrap_or_default()
    }

    /// How many attributes the document has.
    pub fn attribute_count(&self) -> usize {
        self.attributes.len()
    }

    /// The namespace declarations of an element.
    pub fn bindings(&self, element: &Element) -> &[Binding] {
        self.bindings.get(range(&element.bindings)).unwrap_or_default()
    }

    /// Gives the id of an expanded name, new or known.
    pub fn intern(&mut self, namespace: &Text, local: &Text) -> NameId {
        let name = ExpandedName { namespace: namespace.clone(), local: local.clone() };
        let mut before = 0;
        if let Some(common) = &self.common {
            if let Some(id) = common.id(&name) {
                return id;
            }
            before = common.len();
        }
        *self.ids.entry(name).or_insert_with_key(|name| {
            self.names.push(name.clone());
            NameId(index(before + self.names.len() - 1))
        })
    }

    /// Gives an id to a prefix, which may have another already; none to the empty one.
    pub fn add_prefix(&mut self, prefix: Text) -> PrefixId {
        if prefix.is_empty() {
            return PrefixId::default();
        }
        self.prefixes.push(prefix);
        let before = self.common.as_ref().map_or(0, |common| common.prefixes().len());
        PrefixId(NonZeroU32::new(index(before + self.prefixes.len())))
    }

    /// Adds an attribute to the element that starts next.
    pub fn attribute(&mut self, attribute: Attribute) {
        self.attributes.push(attribute);
    }

    /// Adds a namespace declaration to the element that starts next.
    pub fn binding(&mut self, binding: Binding) {
        self.bindings.push(binding);
    }

    /// The attributes of the element that starts next.
    pub fn next_attributes(&self) -> &[Attribute] {
        self.attributes.get(self.next_attribute as usize..).unwrap_or_default()
    }

    /// The namespace declarations of the element that starts next.
    pub fn next_bindings(&self) -> &[Binding] {
        self.bindings.get(self.next_binding as usize..).unwrap_or_default()
    }

    /// Takes the attributes of the element that starts next back.
    pub fn take_attributes(&mut self) -> Vec<Attribute> {
        self.attributes.split_off(self.attributes.len().min(self.next_attribute as usize))
    }

    /// Drops what the element that starts next would have.
    pub fn forget_next(&mut self) {
        self.attributes.truncate(self.next_attribute as usize);
        self.bindings.truncate(self.next_binding as usize);
    }

    /// Opens an element.
    pub fn start(&mut self, name: NameId, prefix: PrefixId, offset: u32) {
        let element = self.element(name, prefix, offset);
        self.open.push(index(self.nodes.len()));
        self.nodes.push(Node::Start(element));
    }

    /// Adds an element that holds nothing but text, or nothing at all; `plain` as in [`Node::Text`].
    #[inline]
    pub fn leaf(&mut self, name: NameId, prefix: PrefixId, text: Text, plain: bool) {
        let mut element = self.element(name, prefix, 0);
        self.nodes.reserve(3);
        if text.is_empty() {
            element.end = index(self.nodes.len() + 1);
            self.nodes.push(Node::Start(element));
        } else {
            element.end = index(self.nodes.len() + 2);
            self.nodes.push(Node::Start(element));
            self.nodes.push(Node::Text { text, plain, offset: 0 });
        }
        self.nodes.push(Node::End);
    }

    fn element(&mut self, name: NameId, prefix: PrefixId, offset: u32) -> Element {
        let attributes = self.next_attribute..index(self.attributes.len());
        let bindings = self.next_binding..index(self.bindings.len());
        (self.next_attribute, self.next_binding) = (attributes.end, bindings.end);
        Element { name, prefix, attributes, bindings, end: 0, offset }
    }

    /// Adds namespace declarations to the root element: the writer of a document may know only at its end which ones
    /// are needed.
    pub fn bind_root(&mut self, bindings: impl IntoIterator<Item = Binding>) {
        let root = self.nodes.iter_mut().find_map(|node| match node {
            Node::Start(element) => Some(element),
            _ => None,
        });
        let Some(root) = root else { return };
        let own = self.bindings.get(range(&root.bindings)).map(<[Binding]>::to_vec).unwrap_or_default();
        let first = index(self.bindings.len());
        self.bindings.extend(own.into_iter().chain(bindings));
        self.next_binding = index(self.bindings.len());
        root.bindings = first..self.next_binding;
    }

    /// Closes the innermost open element.
    pub fn end(&mut self) {
        let end = index(self.nodes.len());
        self.nodes.push(Node::End);
        if let Some(start) = self.open.pop()
            && let Some(Node::Start(element)) = self.nodes.get_mut(start as usize)
        {
            element.end = end;
        }
    }

    /// Adds character data; joins it to text directly before.
    pub fn text(&mut self, text: Text, offset: u32) {
        match self.nodes.last_mut() {
            Some(Node::Text { text: before, plain, .. }) => {
                before.push_str(&text);
                *plain = false;
            }
            _ => self.nodes.push(Node::Text { text, plain: false, offset }),
        }
    }

    /// Adds a processing instruction.
    pub fn instruction(&mut self, target: Text, offset: u32) {
        self.nodes.push(Node::Instruction { target, offset });
    }

    /// How many elements are open.
    pub fn depth(&self) -> usize {
        self.open.len()
    }
}
