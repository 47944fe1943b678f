//! Numbers, strings and objects as they are written.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::Term;

use super::lower::{Lower, union};
use super::node::{Format, Kind, Names, Node, Part, Piece, Step};
use super::{format, ops};
use crate::diagnostic::{codes, did_you_mean};
use crate::message::{Members, Number, Text, Value};

impl<'s> Lower<'s> {
    pub(super) fn number(&mut self, digits: &'s str) -> Node {
        let span = self.span(digits);
        let trimmed = digits.trim_start_matches('0');
        let zero = if trimmed.starts_with(|c: char| c.is_ascii_digit()) { "" } else { "0" };
        match Number::parse(digits).or_else(|| Number::parse(&format!("{zero}{trimmed}"))) {
            Some(number) => self.node(Kind::Const(Value::Number(number)), span),
            None => self.error(codes::MAPPING_SYNTAX, span, format!("`{digits}` is not a number"), None),
        }
    }

    pub(super) fn string(&mut self, encoding: Option<&'s str>, parts: &[StrPart<&'s str, Term<&'s str>>]) -> Node {
        let mut span = encoding.and_then(|encoding| self.span(encoding));
        let kind = match encoding {
            None => Format::Text,
            Some(name) => match format::named(name.trim_start_matches('@')) {
                Some(kind) => kind,
                None => return self.unknown_format(name),
            },
        };
        let mut pieces: Vec<Piece> = Vec::new();
        let mut text = String::new();
        for part in parts {
            match part {
                StrPart::Str(part) => {
                    span = union(span, self.span(part));
                    text.push_str(part);
                }
                StrPart::Char(c) => text.push(*c),
                StrPart::Term(term) => {
                    if !text.is_empty() {
                        pieces.push(Piece::Text(Text::from(std::mem::take(&mut text))));
                    }
                    let node = self.term(term);
                    span = union(span, node.span);
                    pieces.push(Piece::Node(node));
                }
            }
        }
        let span = self.widened(span, "\\(", if text.is_empty() { ")" } else { "" });
        let span = self.widened(span, "\"", "\"");
        if pieces.is_empty() {
            return self.node(Kind::Const(Value::String(Text::from(text))), span);
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(Text::from(text)));
        }
        self.node(Kind::Interpolate(kind, pieces.into()), span)
    }

    pub(super) fn unknown_format(&mut self, name: &'s str) -> Node {
        let known = format::NAMES.iter().map(|(known, _)| *known);
        let hint = match did_you_mean(name.trim_start_matches('@'), known.clone()) {
            Some(similar) => format!("did you mean `@{similar}`?"),
            None => format!("there are {}", known.map(|known| format!("`@{known}`")).collect::<Vec<_>>().join(", ")),
        };
        let span = self.span(name);
        self.error(codes::MAPPING_UNKNOWN, span, format!("no format `{name}`"), Some(hint))
    }

    pub(super) fn object(&mut self, entries: &[(Term<&'s str>, Option<Term<&'s str>>)]) -> Node {
        let mut nodes = Vec::with_capacity(entries.len());
        let mut span = None;
        for (key, value) in entries {
            let (key, value) = match (key, value) {
                (Term::Var(name), None) => {
                    let span = self.span(name);
                    let key = Value::from(name.trim_start_matches('$'));
                    (self.node(Kind::Const(key), span), self.variable(name))
                }
                (key, Some(value)) => (self.term(key), self.term(value)),
                (key, None) => {
                    let (key, again) = (self.term(key), self.term(key));
                    let base = Box::new(self.node(Kind::Identity, None));
                    let part = match again.constant() {
                        Some(Value::String(key)) => Part::Key(key.clone()),
                        _ => Part::Index(again),
                    };
                    let span = key.span;
                    let value = self.node(Kind::Path(base, [Step::new(part, false)].into()), span);
                    (key, value)
                }
            };
            if let Some(constant) = key.constant()
                && constant.as_str().is_none()
            {
                let message = format!("a key of an object is a string, not {}", ops::described(constant));
                self.error(codes::MAPPING_SYNTAX, key.span, message, Some("write it in double quotes".into()));
            }
            span = union(span, union(key.span, value.span));
            nodes.push((key, value));
        }
        let keys = nodes.iter().map(|(key, value)| match key.constant() {
            Some(Value::String(key)) if value.one => Some((key.clone(), Value::Null)),
            _ => None,
        });
        let keys: Option<Members> = keys.collect();
        let places = nodes.iter().filter_map(|(key, _)| match key.constant() {
            Some(Value::String(text)) => Some((text.clone(), key.span)),
            _ => None,
        });
        self.keys.push(super::Keys { object: span, keys: places.collect() });
        if let Some(keys) = keys.filter(|keys| keys.len() == nodes.len()) {
            let values = nodes.into_iter().map(|(_, value)| value).collect();
            let names = Names { all: keys.keys().cloned().collect(), new: true };
            return self.node(Kind::Record(names, values), span);
        }
        self.node(Kind::Object(nodes.into()), span)
    }
}
