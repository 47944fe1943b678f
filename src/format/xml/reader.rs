//! A strict reader: what is not namespace-well-formed XML 1.0 without a document type is refused.
//!
//! One pass over the decoded text, no recursion. A library was measured first: its strictest settings accepted 149 of
//! 243 ill-formed documents, and closing the gaps meant scanning every tag again.

use std::collections::HashSet;

use super::chars::{is_char, is_name, is_name_start, is_space};
use super::decode::decode;
use super::scope::Scope;
use super::{Attribute, Binding, Fault, NameId, Tree, path};
use crate::format::line_column;
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
    let text = decode(body).map_err(|fault| {
        let (line, column) = line_column(body, fault.offset);
        Violation::new(fault.rule, "", fault.message).at(line, column)
    })?;
    let mut reader = Reader::new(Text::from(&*text), limits);
    reader.document().map_err(|fault| {
        let (line, column) = line_column(text.as_bytes(), fault.offset);
        Violation::new(fault.rule, path::innermost(&reader.tree), fault.message).at(line, column)
    })?;
    Ok(reader.tree)
}

type Result<T, E = Fault> = std::result::Result<T, E>;

struct Reader<'l> {
    text: Text,
    at: usize,
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
        Self { text, at: 0, tree: Tree::default(), scope: Scope::default(), open: Vec::new(), nodes: 0, limits }
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn fault<T>(&self, message: impl Into<String>) -> Result<T> {
        self.fault_at("xml-well-formed", self.at, message)
    }

    fn fault_at<T>(&self, rule: &'static str, offset: usize, message: impl Into<String>) -> Result<T> {
        Err(Fault::new(rule, offset, message))
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn skip_space(&mut self) -> bool {
        let start = self.at;
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
        self.at > start
    }

    fn slice(&self, start: usize, end: usize) -> Text {
        self.text.try_slice(start..end).unwrap_or_default()
    }

    fn offset(&self) -> u32 {
        u32::try_from(self.at).unwrap_or(u32::MAX)
    }

    fn count(&mut self) -> Result<()> {
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            let message = format!("more than {} elements, attributes and texts", self.limits.nodes);
            return self.fault_at("limit-nodes", self.at, message);
        }
        Ok(())
    }

    /// Productions 1, 22 and 27: prolog, one element, and what may follow it.
    fn document(&mut self) -> Result<()> {
        self.characters()?;
        if self.rest().starts_with("<?xml") && self.text.as_bytes().get(5).copied().is_some_and(is_space) {
            self.declaration()?;
        }
        let mut rooted = false;
        while self.at < self.text.len() {
            let Some(length) = memchr::memchr(b'<', self.rest().as_bytes()) else {
                self.character_data(self.text.len())?;
                break;
            };
            let start = self.at + length;
            self.character_data(start)?;
            self.at = start;
            match self.text.as_bytes().get(start + 1) {
                Some(b'/') => self.end_tag()?,
                Some(b'!') => self.declaration_like()?,
                Some(b'?') => self.instruction()?,
                _ if self.open.is_empty() && rooted => return self.fault("a second root element"),
                _ => {
                    rooted = true;
                    self.start_tag()?;
                }
            }
        }
        if let Some((name, _)) = self.open.last() {
            return self.fault(format!("the document ends inside `<{name}>`"));
        }
        if !rooted {
            return self.fault("the document has no root element");
        }
        Ok(())
    }

    /// Every character is one of production 2.
    fn characters(&self) -> Result<()> {
        // In UTF-8 the characters outside `Char` are the control bytes and two sequences that begin with EF BF.
        let suspicious = |byte: &u8| *byte < b' ' && !is_space(*byte) || *byte == 0xEF;
        if !self.text.as_bytes().iter().any(suspicious) {
            return Ok(());
        }
        match self.text.char_indices().find(|(_, character)| !is_char(*character)) {
            None => Ok(()),
            Some((at, character)) => {
                let message = format!("the character U+{:04X} cannot stand in XML", u32::from(character));
                self.fault_at("xml-character", at, message)
            }
        }
    }

    /// Production 23, strictly: version, encoding, standalone, in this order.
    fn declaration(&mut self) -> Result<()> {
        self.at += "<?xml".len();
        self.skip_space();
        let version = self.pseudo_attribute("version")?;
        let known = version.as_deref().is_some_and(|version| {
            version
                .strip_prefix("1.")
                .is_some_and(|minor| !minor.is_empty() && minor.bytes().all(|b| b.is_ascii_digit()))
        });
        if !known {
            return self.fault("the XML declaration begins with `version=\"1.0\"`");
        }
        let mut spaced = self.skip_space();
        if spaced && let Some(encoding) = self.pseudo_attribute("encoding")? {
            let mut bytes = encoding.bytes();
            let named = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
                && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
            if !named {
                return self.fault("the name of the encoding is not one");
            }
            spaced = self.skip_space();
        }
        if spaced && let Some(standalone) = self.pseudo_attribute("standalone")? {
            if !matches!(standalone.as_str(), "yes" | "no") {
                return self.fault("`standalone` is `yes` or `no`");
            }
            self.skip_space();
        }
        if self.eat("?>") { Ok(()) } else { self.fault("the XML declaration is not well-formed") }
    }

    fn pseudo_attribute(&mut self, name: &str) -> Result<Option<Text>> {
        if !self.eat(name) {
            return Ok(None);
        }
        self.skip_space();
        if !self.eat("=") {
            return self.fault(format!("`=` is missing after `{name}`"));
        }
        self.skip_space();
        let (start, end) = self.quoted()?;
        Ok(Some(self.slice(start, end)))
    }

    /// The range between quotes; stands behind them afterwards.
    fn quoted(&mut self) -> Result<(usize, usize)> {
        let Some(quote @ (b'"' | b'\'')) = self.peek() else { return self.fault("a value stands in quotes") };
        let start = self.at + 1;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let Some(length) = memchr::memchr(quote, rest) else { return self.fault("the closing quote is missing") };
        self.at = start + length + 1;
        Ok((start, start + length))
    }

    /// Production 7 of Namespaces, `QName`: prefix (or nothing) and local part.
    fn name(&mut self) -> Result<(Text, Text)> {
        let start = self.at;
        let first = self.ncname()?;
        if self.peek() != Some(b':') {
            return Ok((Text::new(), self.slice(start, first)));
        }
        self.at += 1;
        let local = self.at;
        let end = self.ncname()?;
        if self.peek() == Some(b':') {
            return self.fault("a name has one colon at the most");
        }
        Ok((self.slice(start, first), self.slice(local, end)))
    }

    /// Goes over an `NCName` and gives its end.
    fn ncname(&mut self) -> Result<usize> {
        let mut characters = self.rest().char_indices();
        match characters.next() {
            Some((_, first)) if is_name_start(first) => {}
            Some((_, other)) => {
                let shown = other.escape_default();
                return self.fault(format!("a name cannot begin with `{shown}`"));
            }
            None => return self.fault("a name is missing at the end of the document"),
        }
        let length = characters.find(|(_, character)| !is_name(*character)).map_or(self.rest().len(), |(at, _)| at);
        self.at += length;
        Ok(self.at)
    }

    /// Productions 40 and 44.
    fn start_tag(&mut self) -> Result<()> {
        let (start, offset) = (self.at, self.offset());
        if self.open.len() >= self.limits.depth {
            let message = format!("elements are nested deeper than {} levels", self.limits.depth);
            return self.fault_at("limit-depth", self.at, message);
        }
        self.count()?;
        self.at += 1;
        let (prefix, local) = self.name()?;
        let raw = self.slice(start + 1, self.at);
        let mark = self.scope.mark();
        let mut written: Vec<Written> = Vec::new();
        let empty = loop {
            let spaced = self.skip_space();
            match self.peek() {
                Some(b'>') => {
                    self.at += 1;
                    break false;
                }
                Some(b'/') if self.eat("/>") => break true,
                Some(_) if !spaced => {
                    return self.fault("white space is missing before an attribute, or `>` is missing");
                }
                Some(_) => self.attribute(&mut written, mark)?,
                None => return self.fault(format!("the document ends inside the tag `<{raw}`")),
            }
        };
        if prefix.as_str() == "xmlns" {
            return self.fault_at("xml-namespace", start, "an element cannot have the prefix `xmlns`");
        }
        let namespace = self.scope.namespace(&prefix, start)?;
        let name = self.tree.intern(&namespace, &local);
        let attributes = self.resolve(written)?;
        let bindings: Vec<Binding> = self.scope.since(mark).to_vec();
        self.tree.start(name, prefix, attributes, bindings, offset);
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
        let offset = self.at;
        let (prefix, local) = self.name()?;
        self.skip_space();
        if !self.eat("=") {
            return self.fault(format!("`=` is missing after the attribute `{local}`"));
        }
        self.skip_space();
        let (start, end) = self.quoted()?;
        let value = self.attribute_value(start, end)?;
        let declares = match (prefix.as_str(), local.as_str()) {
            ("", "xmlns") => Some(Text::new()),
            ("xmlns", _) => Some(local.clone()),
            _ => None,
        };
        match declares {
            Some(bound) => {
                if self.scope.since(mark).iter().any(|binding| binding.prefix == bound) {
                    return self.fault_at("xml-well-formed", offset, "the same namespace declaration twice");
                }
                self.scope.bind(bound, value, offset)
            }
            None => {
                written.push(Written { prefix, local, value, offset });
                Ok(())
            }
        }
    }

    /// Resolves the prefixes of a tag's attributes; no two of them may have one expanded name.
    fn resolve(&mut self, written: Vec<Written>) -> Result<Vec<Attribute>> {
        let mut seen: HashSet<NameId> = HashSet::new();
        let mut attributes: Vec<Attribute> = Vec::with_capacity(written.len());
        for Written { prefix, local, value, offset } in written {
            let namespace = if prefix.is_empty() { Text::new() } else { self.scope.namespace(&prefix, offset)? };
            let name = self.tree.intern(&namespace, &local);
            // Few attributes are compared one by one; many, as nobody but an attacker writes them, are hashed.
            let repeated = if attributes.len() < 16 {
                attributes.iter().any(|attribute| attribute.name == name)
            } else {
                if seen.is_empty() {
                    seen.extend(attributes.iter().map(|attribute| attribute.name));
                }
                !seen.insert(name)
            };
            if repeated {
                return self.fault_at("xml-well-formed", offset, format!("the attribute `{local}` stands twice"));
            }
            attributes.push(Attribute { name, prefix, value });
        }
        Ok(attributes)
    }

    /// Production 42; the name must be the one that was opened.
    fn end_tag(&mut self) -> Result<()> {
        let start = self.at;
        self.at += 2;
        self.name()?;
        let raw = self.slice(start + 2, self.at);
        self.skip_space();
        if !self.eat(">") {
            return self.fault(format!("`>` is missing after `</{raw}`"));
        }
        match self.open.pop() {
            Some((name, mark)) if name == raw => {
                self.tree.end();
                self.scope.leave(mark);
                Ok(())
            }
            Some((name, mark)) => {
                self.open.push((name.clone(), mark));
                self.fault_at("xml-well-formed", start, format!("`</{raw}>` ends `<{name}>`"))
            }
            None => self.fault_at("xml-well-formed", start, format!("`</{raw}>` ends nothing")),
        }
    }

    /// What begins with `<!`: a comment, CDATA, or what is refused.
    fn declaration_like(&mut self) -> Result<()> {
        let start = self.at;
        if self.eat("<!--") {
            let Some(length) = memchr::memmem::find(self.rest().as_bytes(), b"--") else {
                return self.fault_at("xml-well-formed", start, "the comment does not end");
            };
            self.at += length;
            return if self.eat("-->") { Ok(()) } else { self.fault("`--` cannot stand inside a comment") };
        }
        if self.rest().starts_with("<![CDATA[") && !self.open.is_empty() {
            self.at += "<![CDATA[".len();
            let Some(length) = memchr::memmem::find(self.rest().as_bytes(), b"]]>") else {
                return self.fault_at("xml-well-formed", start, "the CDATA section does not end");
            };
            self.count()?;
            let text = normalized_lines(self.slice(self.at, self.at + length));
            if !text.is_empty() {
                self.tree.text(text, u32::try_from(start).unwrap_or(u32::MAX));
            }
            self.at += length + "]]>".len();
            return Ok(());
        }
        if self.rest().starts_with("<!DOCTYPE") {
            return self.fault_at("xml-doctype", start, "a document type declaration is refused");
        }
        self.fault("`<!` begins a comment or, inside an element, a CDATA section")
    }

    /// Production 16; the target is a name other than `xml`.
    fn instruction(&mut self) -> Result<()> {
        let start = self.at;
        self.at += 2;
        let target = self.at;
        let end = self.ncname()?;
        let target = self.slice(target, end);
        if target.eq_ignore_ascii_case("xml") {
            return self.fault_at("xml-well-formed", start, "an XML declaration stands at the very beginning only");
        }
        let spaced = self.skip_space();
        let Some(length) = memchr::memmem::find(self.rest().as_bytes(), b"?>") else {
            return self.fault_at("xml-well-formed", start, "the processing instruction does not end");
        };
        if length > 0 && !spaced {
            return self.fault("white space is missing after the processing instruction's target");
        }
        self.at += length + 2;
        self.count()?;
        self.tree.instruction(target, u32::try_from(start).unwrap_or(u32::MAX));
        Ok(())
    }

    /// Character data up to `end`, where markup begins or the document ends.
    fn character_data(&mut self, end: usize) -> Result<()> {
        if self.at == end {
            return Ok(());
        }
        let raw = self.slice(self.at, end);
        if self.open.is_empty() {
            if let Some(position) = raw.bytes().position(|byte| !is_space(byte)) {
                return self.fault_at("xml-well-formed", self.at + position, "text outside the root element");
            }
            self.at = end;
            return Ok(());
        }
        if let Some(position) = memchr::memmem::find(raw.as_bytes(), b"]]>") {
            return self.fault_at("xml-well-formed", self.at + position, "`]]>` cannot stand in text");
        }
        self.count()?;
        let text = if memchr::memchr(b'&', raw.as_bytes()).is_some() {
            let mut text = String::with_capacity(raw.len());
            self.expand(&raw, self.at, &mut text, push_lines)?;
            Text::from(text)
        } else {
            normalized_lines(raw)
        };
        self.tree.text(text, self.offset());
        self.at = end;
        Ok(())
    }

    /// Section 3.3.3: references are replaced, white space becomes spaces.
    fn attribute_value(&self, start: usize, end: usize) -> Result<Text> {
        let raw = self.slice(start, end);
        if let Some(position) = memchr::memchr(b'<', raw.as_bytes()) {
            return self.fault_at("xml-well-formed", start + position, "`<` cannot stand in an attribute's value");
        }
        if !raw.bytes().any(|byte| matches!(byte, b'&' | b'\t' | b'\n' | b'\r')) {
            return Ok(raw);
        }
        let mut value = String::with_capacity(raw.len());
        self.expand(&raw, start, &mut value, push_spaces)?;
        Ok(Text::from(value))
    }

    /// Copies text with its references replaced; `push` normalizes what stands between them.
    fn expand(&self, raw: &str, start: usize, out: &mut String, push: fn(&str, &mut String)) -> Result<()> {
        let mut rest = raw;
        while let Some((before, after)) = rest.split_once('&') {
            push(before, out);
            let offset = start + (raw.len() - after.len()) - 1;
            let Some((reference, behind)) = after.split_once(';') else {
                return self.fault_at("xml-reference", offset, "`&` begins a reference, which ends with `;`");
            };
            out.push(self.reference(reference, offset)?);
            rest = behind;
        }
        push(rest, out);
        Ok(())
    }

    /// Productions 66 and 68; without a document type there are five entities.
    fn reference(&self, name: &str, offset: usize) -> Result<char> {
        let digits = |text: &str, radix| {
            let valid = !text.is_empty() && text.chars().all(|digit| digit.is_digit(radix));
            valid
                .then(|| u32::from_str_radix(text, radix).ok())
                .flatten()
                .and_then(char::from_u32)
                .filter(|c| is_char(*c))
        };
        let character = match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => match name.strip_prefix('#') {
                Some(number) => number.strip_prefix('x').map_or_else(|| digits(number, 10), |hex| digits(hex, 16)),
                None => {
                    let shown: String = name.chars().take(40).collect();
                    return self.fault_at("xml-reference", offset, format!("the entity `{shown}` is not defined"));
                }
            },
        };
        match character {
            Some(character) => Ok(character),
            None => self.fault_at("xml-reference", offset, "the reference is not to a character of XML"),
        }
    }
}

/// Section 2.11: every line ends with a line feed.
fn normalized_lines(text: Text) -> Text {
    if memchr::memchr(b'\r', text.as_bytes()).is_none() {
        return text;
    }
    let mut normalized = String::with_capacity(text.len());
    push_lines(&text, &mut normalized);
    Text::from(normalized)
}

fn push_lines(text: &str, out: &mut String) {
    let mut parts = text.split('\r');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        out.push('\n');
        out.push_str(part.strip_prefix('\n').unwrap_or(part));
    }
}

fn push_spaces(text: &str, out: &mut String) {
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' => {
                characters.next_if_eq(&'\n');
                out.push(' ');
            }
            '\t' | '\n' => out.push(' '),
            other => out.push(other),
        }
    }
}
