//! A strict reader: what is not namespace-well-formed XML 1.0 without a document type is refused.
//!
//! One pass over the decoded text, no recursion. A library was measured first: its strictest settings accepted 149 of
//! 243 ill-formed documents, and closing the gaps meant scanning every tag again.

use std::collections::HashSet;

use super::chars::{is_char, is_space};
use super::cursor::{Cursor, Result};
use super::decode::decode;
use super::scope::Scope;
use super::{Attribute, Binding, NameId, Tree, content, declaration, path};
use crate::format::position::Refusal;
use crate::message::{Limits, Text, Violation};

/// Reads a document.
///
/// # Errors
/// A violation with one of the rules `xml-…` or `limit-…`, its line and column, and the path of the element in which
/// it stands.
pub fn read(body: &[u8], limits: &Limits) -> Result<Tree, Violation> {
    if body.len() > limits.body_bytes {
        let message = format!("the body has {} bytes, more than the {} allowed", body.len(), limits.body_bytes);
        return Err(Violation::new("limit-body", "", message));
    }
    let text = Text::from(&*decode(body)?);
    let mut reader = Reader::new(text, limits);
    match reader.document() {
        Ok(()) => Ok(reader.tree),
        Err(refusal) => Err(refusal.into_violation(path::innermost(&reader.tree), reader.cursor.text().as_bytes())),
    }
}

struct Reader<'l> {
    cursor: Cursor,
    tree: Tree,
    scope: Scope,
    /// Raw name and bindings mark of each open element.
    open: Vec<(Text, usize)>,
    nodes: usize,
    limits: &'l Limits,
}

/// An attribute before its prefix is resolved.
struct Written {
    prefix: Text,
    local: Text,
    value: Text,
    offset: usize,
}

impl<'l> Reader<'l> {
    fn new(text: Text, limits: &'l Limits) -> Self {
        let mut tree = Tree::default();
        let scope = Scope::new(&mut tree);
        Self { cursor: Cursor::new(text), tree, scope, open: Vec::new(), nodes: 0, limits }
    }

    fn count(&mut self) -> Result<()> {
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            let message = format!("more than {} elements, attributes and texts", self.limits.nodes);
            return Err(Refusal::new("limit-nodes", self.cursor.at, message));
        }
        Ok(())
    }

    /// Productions 1, 22 and 27: prolog, one element, and what may follow it.
    fn document(&mut self) -> Result<()> {
        self.characters()?;
        if declaration::begins(self.cursor.text().as_bytes()) {
            declaration::read(&mut self.cursor)?;
        }
        let mut rooted = false;
        while !self.cursor.is_at_end() {
            let length = self.cursor.until_byte(b'<').unwrap_or(self.cursor.rest().len());
            self.character_data(length)?;
            match self.cursor.ahead(1) {
                _ if self.cursor.is_at_end() => {}
                Some(b'/') => self.end_tag()?,
                Some(b'!') => self.comment_or_cdata()?,
                Some(b'?') => self.instruction()?,
                _ if self.open.is_empty() && rooted => return self.cursor.refused("a second root element"),
                _ => {
                    rooted = true;
                    self.start_tag()?;
                }
            }
        }
        if let Some((name, _)) = self.open.last() {
            return self.cursor.refused(format!("the document ends inside `<{name}>`"));
        }
        if rooted { Ok(()) } else { self.cursor.refused("the document has no root element") }
    }

    /// Every character is one of production 2.
    fn characters(&self) -> Result<()> {
        let text = self.cursor.text();
        // In UTF-8 the characters outside `Char` are the control bytes and two sequences that begin with EF BF.
        let suspicious = |byte: &u8| *byte < b' ' && !is_space(*byte) || *byte == 0xEF;
        if !text.as_bytes().iter().any(suspicious) {
            return Ok(());
        }
        match text.char_indices().find(|(_, character)| !is_char(*character)) {
            None => Ok(()),
            Some((at, character)) => {
                let message = format!("the character U+{:04X} cannot stand in XML", u32::from(character));
                Err(Refusal::new("xml-character", at, message))
            }
        }
    }

    /// Productions 40 and 44.
    fn start_tag(&mut self) -> Result<()> {
        let (start, offset) = (self.cursor.at, self.cursor.offset());
        if self.open.len() >= self.limits.depth {
            let message = format!("elements are nested deeper than {} levels", self.limits.depth);
            return Err(Refusal::new("limit-depth", start, message));
        }
        self.count()?;
        self.cursor.at += 1;
        let (prefix, local) = self.cursor.qname()?;
        let raw = self.cursor.slice(start + 1, self.cursor.at);
        let mark = self.scope.mark();
        let mut written: Vec<Written> = Vec::new();
        let empty = loop {
            let spaced = self.cursor.skip_space();
            match self.cursor.peek() {
                Some(b'>') => {
                    self.cursor.at += 1;
                    break false;
                }
                Some(b'/') if self.cursor.eat("/>") => break true,
                Some(_) if !spaced => {
                    return self.cursor.refused("white space is missing before an attribute, or `>` is missing");
                }
                Some(_) => self.attribute(&mut written, mark)?,
                None => return self.cursor.refused(format!("the document ends inside the tag `<{raw}`")),
            }
        };
        if prefix.as_str() == "xmlns" {
            return Err(Refusal::new("xml-namespace", start, "an element cannot have the prefix `xmlns`"));
        }
        let (namespace, prefix) = self.scope.namespace(&prefix, start)?;
        let name = self.tree.intern(&namespace, &local);
        self.resolve(written)?;
        self.scope.since(mark).for_each(|binding| self.tree.binding(binding.clone()));
        self.tree.start(name, prefix, offset);
        if empty {
            self.tree.end();
            self.scope.leave(mark);
        } else {
            self.open.push((raw, mark));
        }
        Ok(())
    }

    /// Production 41: an attribute, or a namespace declaration.
    fn attribute(&mut self, written: &mut Vec<Written>, mark: usize) -> Result<()> {
        self.count()?;
        let offset = self.cursor.at;
        let (prefix, local) = self.cursor.qname()?;
        self.cursor.skip_space();
        if !self.cursor.eat("=") {
            return self.cursor.refused(format!("`=` is missing after the attribute `{local}`"));
        }
        self.cursor.skip_space();
        let (start, end) = self.cursor.quoted()?;
        let value = content::attribute_value(self.cursor.slice(start, end), start)?;
        match (prefix.as_str(), local.as_str()) {
            ("", "xmlns") => self.bind(Text::new(), value, mark, offset),
            ("xmlns", _) => self.bind(local, value, mark, offset),
            _ => {
                written.push(Written { prefix, local, value, offset });
                Ok(())
            }
        }
    }

    fn bind(&mut self, prefix: Text, uri: Text, mark: usize, offset: usize) -> Result<()> {
        self.scope.bind(Binding { prefix, uri }, &mut self.tree, mark, offset)
    }

    /// Resolves the prefixes of a tag's attributes; no two of them may have one expanded name.
    fn resolve(&mut self, written: Vec<Written>) -> Result<()> {
        let mut seen: HashSet<NameId> = HashSet::new();
        for Written { prefix, local, value, offset } in written {
            let (namespace, prefix) =
                if prefix.is_empty() { Default::default() } else { self.scope.namespace(&prefix, offset)? };
            let name = self.tree.intern(&namespace, &local);
            // Few attributes are compared one by one; many, as nobody but an attacker writes them, are hashed.
            let attributes = self.tree.next_attributes();
            let repeated = if attributes.len() < 16 {
                attributes.iter().any(|attribute| attribute.name == name)
            } else {
                if seen.is_empty() {
                    seen.extend(attributes.iter().map(|attribute| attribute.name));
                }
                !seen.insert(name)
            };
            if repeated {
                return self.cursor.refused_at(offset, format!("the attribute `{local}` stands twice"));
            }
            self.tree.attribute(Attribute { name, prefix, value });
        }
        Ok(())
    }

    /// Production 42; the name must be the one that was opened.
    fn end_tag(&mut self) -> Result<()> {
        let start = self.cursor.at;
        self.cursor.at += 2;
        self.cursor.qname()?;
        let raw = self.cursor.slice(start + 2, self.cursor.at);
        self.cursor.skip_space();
        if !self.cursor.eat(">") {
            return self.cursor.refused(format!("`>` is missing after `</{raw}`"));
        }
        match self.open.last() {
            Some((name, mark)) if *name == raw => {
                self.scope.leave(*mark);
                self.tree.end();
                self.open.pop();
                Ok(())
            }
            Some((name, _)) => self.cursor.refused_at(start, format!("`</{raw}>` ends `<{name}>`")),
            None => self.cursor.refused_at(start, format!("`</{raw}>` ends nothing")),
        }
    }

    /// What begins with `<!`: a comment, CDATA, or what is refused.
    fn comment_or_cdata(&mut self) -> Result<()> {
        let (start, offset) = (self.cursor.at, self.cursor.offset());
        if self.cursor.eat("<!--") {
            let Some(length) = self.cursor.until("--") else {
                return self.cursor.refused_at(start, "the comment does not end");
            };
            self.cursor.at += length;
            let ends = self.cursor.eat("-->");
            return if ends { Ok(()) } else { self.cursor.refused("`--` cannot stand inside a comment") };
        }
        if !self.open.is_empty() && self.cursor.eat("<![CDATA[") {
            let Some(length) = self.cursor.until("]]>") else {
                return self.cursor.refused_at(start, "the CDATA section does not end");
            };
            self.count()?;
            let end = self.cursor.at + length;
            let text = content::lines(self.cursor.slice(self.cursor.at, end));
            if !text.is_empty() {
                self.tree.text(text, offset);
            }
            self.cursor.at = end + "]]>".len();
            return Ok(());
        }
        if self.cursor.rest().starts_with("<!DOCTYPE") {
            return Err(Refusal::new("xml-doctype", start, "a document type declaration is refused"));
        }
        self.cursor.refused("`<!` begins a comment or, inside an element, a CDATA section")
    }

    /// Production 16; the target is a name other than `xml`.
    fn instruction(&mut self) -> Result<()> {
        let (start, offset) = (self.cursor.at, self.cursor.offset());
        self.cursor.at += 2;
        let target = self.cursor.ncname()?;
        if target.eq_ignore_ascii_case("xml") {
            return self.cursor.refused_at(start, "an XML declaration stands at the very beginning only");
        }
        let spaced = self.cursor.skip_space();
        let Some(length) = self.cursor.until("?>") else {
            return self.cursor.refused_at(start, "the processing instruction does not end");
        };
        if length > 0 && !spaced {
            return self.cursor.refused("white space is missing after the processing instruction's target");
        }
        self.cursor.at += length + 2;
        self.count()?;
        self.tree.instruction(target, offset);
        Ok(())
    }

    /// Character data of this length: up to where markup begins or the document ends.
    fn character_data(&mut self, length: usize) -> Result<()> {
        if length == 0 {
            return Ok(());
        }
        let (start, offset) = (self.cursor.at, self.cursor.offset());
        let raw = self.cursor.slice(start, start + length);
        if !self.open.is_empty() {
            self.count()?;
            self.tree.text(content::character_data(raw, start)?, offset);
        } else if let Some(at) = raw.bytes().position(|byte| !is_space(byte)) {
            return self.cursor.refused_at(start + at, "text outside the root element");
        }
        self.cursor.at += length;
        Ok(())
    }
}
