//! A strict reader: what is not namespace-well-formed XML 1.0 without a document type is refused.
//!
//! One pass over the decoded text, no recursion. A library was measured first: its strictest settings accepted 149 of
//! 243 ill-formed documents, and closing the gaps meant scanning every tag again.

use std::collections::HashSet;

use super::chars::{is_space, not_char};
use super::cursor::{Cursor, Result};
use super::decode::decode;
use super::recent::{Of, Recent, Written};
use super::scope::Scope;
use super::{Attribute, Binding, NameId, PrefixId, Tree, content, declaration, path};
use crate::format::position::Refusal;
use crate::message::{Limits, Text, Violation};

/// Room is made for one node in so many bytes, for so many nodes at the most.
const BYTES_A_NODE: usize = 16;
const MANY_NODES: usize = 4096;

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
    let mut reader = Reader::new(&text, limits);
    match reader.document() {
        Ok(()) => Ok(reader.tree),
        Err(refusal) => Err(refusal.into_violation(path::innermost(&reader.tree), reader.cursor.text().as_bytes())),
    }
}

struct Reader<'l> {
    cursor: Cursor<'l>,
    tree: Tree,
    scope: Scope,
    recent: Recent,
    open: Vec<Open>,
    /// The attributes of a tag before their prefixes are resolved.
    written: Vec<Unresolved>,
    nodes: usize,
    limits: &'l Limits,
}

/// An open element.
struct Open {
    /// Its name as written.
    start: usize,
    end: usize,
    /// For [`Scope::leave`].
    mark: usize,
}

struct Unresolved {
    name: Written,
    value: Text,
}

impl<'l> Reader<'l> {
    fn new(text: &'l Text, limits: &'l Limits) -> Self {
        let mut tree = Tree::with_capacity((text.len() / BYTES_A_NODE).min(MANY_NODES));
        let scope = Scope::new(&mut tree);
        let cursor = Cursor::new(text);
        Self { cursor, tree, scope, recent: Recent::new(), open: Vec::new(), written: Vec::new(), nodes: 0, limits }
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
        if let Some(name) = self.open.last().map(|open| self.cursor.part(open.start, open.end)) {
            return self.cursor.refused(format!("the document ends inside `<{name}>`"));
        }
        if rooted { Ok(()) } else { self.cursor.refused("the document has no root element") }
    }

    /// Every character is one of production 2.
    fn characters(&self) -> Result<()> {
        let text = self.cursor.text();
        match not_char(text) {
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
        let written = self.cursor.qname()?;
        let raw = self.cursor.part(written.start, written.end);
        let mark = self.scope.mark();
        self.written.clear();
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
                Some(_) => self.attribute(mark)?,
                None => return self.cursor.refused(format!("the document ends inside the tag `<{raw}`")),
            }
        };
        if raw.starts_with("xmlns:") {
            return Err(Refusal::new("xml-namespace", start, "an element cannot have the prefix `xmlns`"));
        }
        if self.scope.mark() > mark {
            self.recent.forget();
        }
        let (name, prefix) = self.name(Of::Element, written, start)?;
        self.resolve()?;
        self.scope.since(mark).for_each(|binding| self.tree.binding(binding.clone()));
        self.tree.start(name, prefix, offset);
        if empty {
            self.tree.end();
            self.leave(mark);
        } else {
            self.open.push(Open { start: written.start, end: written.end, mark });
        }
        Ok(())
    }

    /// Takes the bindings of an element that ended out of scope.
    fn leave(&mut self, mark: usize) {
        if self.scope.mark() > mark {
            self.scope.leave(mark);
            self.recent.forget();
        }
    }

    /// The name that a qualified name stands for; `offset` is for the refusal of its prefix.
    fn name(&mut self, of: Of, written: Written, offset: usize) -> Result<(NameId, PrefixId)> {
        let text = self.cursor.text();
        let raw = self.cursor.part(written.start, written.end).as_bytes();
        if let Some(known) = self.recent.get(of, text.as_bytes(), raw) {
            return Ok(known);
        }
        let prefix = self.cursor.part(written.start, written.colon.unwrap_or(written.start));
        let local = self.cursor.slice(written.colon.map_or(written.start, |colon| colon + 1), written.end);
        let (namespace, prefix) = match (of, prefix) {
            (Of::Attribute, "") => (Text::new(), PrefixId::default()),
            (_, prefix) => self.scope.namespace(prefix, offset)?,
        };
        let found = (self.tree.intern(&namespace, &local), prefix);
        self.recent.put(of, written, raw, found);
        Ok(found)
    }

    /// Production 41: an attribute, or a namespace declaration.
    fn attribute(&mut self, mark: usize) -> Result<()> {
        self.count()?;
        let name = self.cursor.qname()?;
        let raw = self.cursor.part(name.start, name.end);
        self.cursor.skip_space();
        if !self.cursor.eat("=") {
            let local = self.cursor.part(name.colon.map_or(name.start, |colon| colon + 1), name.end);
            return self.cursor.refused(format!("`=` is missing after the attribute `{local}`"));
        }
        self.cursor.skip_space();
        let (start, end) = self.cursor.quoted()?;
        let value = content::attribute_value(self.cursor.slice(start, end), start)?;
        let declared = match raw.strip_prefix("xmlns") {
            Some("") => Text::new(),
            Some(declared) if declared.starts_with(':') => self.cursor.slice(name.end - declared.len() + 1, name.end),
            _ => {
                self.written.push(Unresolved { name, value });
                return Ok(());
            }
        };
        self.scope.bind(Binding { prefix: declared, uri: value }, &mut self.tree, mark, name.start)
    }

    /// Resolves the prefixes of a tag's attributes; no two of them may have one expanded name.
    fn resolve(&mut self) -> Result<()> {
        let mut seen: Option<HashSet<NameId>> = None;
        let mut written = std::mem::take(&mut self.written);
        for Unresolved { name: written, value } in written.drain(..) {
            let (name, prefix) = self.name(Of::Attribute, written, written.start)?;
            let attributes = self.tree.next_attributes();
            // Few attributes are compared one by one; many, as nobody but an attacker writes them, are hashed.
            let repeated = if attributes.len() < 16 {
                attributes.iter().any(|attribute| attribute.name == name)
            } else {
                let all = || attributes.iter().map(|attribute| attribute.name).collect();
                !seen.get_or_insert_with(all).insert(name)
            };
            if repeated {
                let local = self.cursor.part(written.colon.map_or(written.start, |colon| colon + 1), written.end);
                return self.cursor.refused_at(written.start, format!("the attribute `{local}` stands twice"));
            }
            self.tree.attribute(Attribute { name, prefix, value });
        }
        self.written = written;
        Ok(())
    }

    /// Production 42; the name must be the one that was opened.
    fn end_tag(&mut self) -> Result<()> {
        let start = self.cursor.at;
        self.cursor.at += 2;
        let expected = self.open.last().map(|open| self.cursor.part(open.start, open.end));
        if let Some(name) = expected
            && let Some(rest) = self.cursor.rest().strip_prefix(name)
            && rest.starts_with('>')
        {
            self.cursor.at += name.len() + 1;
            self.close();
            return Ok(());
        }
        let written = self.cursor.qname()?;
        let raw = self.cursor.part(written.start, written.end);
        self.cursor.skip_space();
        if !self.cursor.eat(">") {
            return self.cursor.refused(format!("`>` is missing after `</{raw}`"));
        }
        match expected {
            Some(name) if name == raw => {
                self.close();
                Ok(())
            }
            Some(name) => self.cursor.refused_at(start, format!("`</{raw}>` ends `<{name}>`")),
            None => self.cursor.refused_at(start, format!("`</{raw}>` ends nothing")),
        }
    }

    fn close(&mut self) {
        self.tree.end();
        if let Some(Open { mark, .. }) = self.open.pop() {
            self.leave(mark);
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
        self.cursor.ncname()?;
        let target = self.cursor.slice(start + 2, self.cursor.at);
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
