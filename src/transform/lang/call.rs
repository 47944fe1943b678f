//! Calls: which function a name means, and what to say where it means none.

use std::sync::Arc;

use jaq_core::load::parse::Term;

use super::lower::{Lower, list, union};
use super::names::{Entry, LIBRARY};
use super::node::{Kind, Node, Part, RegexOp, Special, Step};
use super::pattern::Regex;
use super::{format, native, refused};
use crate::diagnostic::{codes, did_you_mean};
use crate::message::Value;

/// The functions over filters.
const SPECIALS: &[(&str, usize, Special)] = &[
    ("path", 1, Special::Path),
    ("first", 1, Special::First),
    ("last", 1, Special::Last),
    ("limit", 2, Special::Limit),
    ("skip", 2, Special::Skip),
    ("range", 3, Special::Range),
    ("isempty", 1, Special::IsEmpty),
    ("any", 2, Special::Any),
    ("all", 2, Special::All),
    ("sort_by", 1, Special::SortBy),
    ("group_by", 1, Special::GroupBy),
    ("unique_by", 1, Special::UniqueBy),
    ("min_by", 1, Special::MinBy),
    ("max_by", 1, Special::MaxBy),
    ("del", 1, Special::Del),
    ("getpath", 1, Special::GetPath),
    ("walk", 1, Special::Walk),
    ("error", 0, Special::Error),
    ("error", 1, Special::Error),
    ("combinations", 0, Special::Combinations),
];

/// The functions over regular expressions: name, whether they search all by themselves.
const REGEXES: &[(&str, RegexOp, bool)] = &[
    ("test", RegexOp::Test, false),
    ("match", RegexOp::Match, false),
    ("capture", RegexOp::Capture, false),
    ("scan", RegexOp::Scan, true),
    ("split", RegexOp::Split, true),
    ("splits", RegexOp::Splits, true),
    ("sub", RegexOp::Sub, false),
    ("gsub", RegexOp::Sub, true),
];

/// The functions that are nodes of their own.
const FORMS: &[(&str, usize)] =
    &[("empty", 0), ("not", 0), ("true", 0), ("false", 0), ("null", 0), ("map", 1), ("select", 1), ("table", 1)];

impl<'s> Lower<'s> {
    pub(super) fn call(&mut self, name: &'s str, args: &[Term<&'s str>]) -> Node {
        let span = self.span(name);
        if name.starts_with('@') && args.is_empty() {
            return match format::named(name.trim_start_matches('@')) {
                Some(encoding) => self.node(Kind::Format(encoding), span),
                None => self.unknown_format(name),
            };
        }
        if let Some(node) = self.call_own(name, args, span) {
            return self.placed(node, name);
        }
        if let Some(node) = self.form(name, args) {
            return node;
        }
        if let Some((_, _, special)) = SPECIALS.iter().find(|(known, n, _)| *known == name && *n == args.len()) {
            let args: Vec<Node> = args.iter().map(|arg| self.term(arg)).collect();
            let span = self.call_span(name, &args);
            return self.node(Kind::Special(*special, args.into()), span);
        }
        if let Some((_, op, global)) = REGEXES.iter().find(|(known, ..)| *known == name)
            && takes(*op, args.len())
        {
            return self.regular(name, *op, *global, args);
        }
        if let Some(native) = native::find(name, args.len()) {
            let nodes: Vec<Node> = args.iter().map(|arg| self.term(arg)).collect();
            let span = self.call_span(name, &nodes);
            if name == "decimal" {
                self.check_rounding(nodes.get(1));
            }
            return self.node(Kind::Native(native, nodes.into()), span);
        }
        match self.call_library(name, args, span) {
            Some(node) => self.placed(node, name),
            None => self.unknown(name, args.len()),
        }
    }

    fn placed(&self, mut node: Node, name: &str) -> Node {
        if let Kind::Call(_, args, _) = &node.kind {
            let spans = args.iter().map(|arg| match arg {
                super::node::Arg::Value(node) | super::node::Arg::Filter(node) => node.span,
            });
            node.span = spans.fold(self.span(name), union);
        }
        node
    }

    fn form(&mut self, name: &'s str, args: &[Term<&'s str>]) -> Option<Node> {
        let span = self.span(name);
        let kind = match (name, args) {
            ("empty", []) => Kind::Empty,
            ("true", []) => Kind::Const(Value::Bool(true)),
            ("false", []) => Kind::Const(Value::Bool(false)),
            ("null", []) => Kind::Const(Value::Null),
            ("not", []) => Kind::Not(Box::new(self.node(Kind::Identity, span))),
            ("map", [filter]) => {
                let filter = self.term(filter);
                let span = self.call_span(name, std::slice::from_ref(&filter));
                let base = Box::new(self.node(Kind::Identity, None));
                let items = self.node(Kind::Path(base, [Step::new(Part::Iterate, false)].into()), span);
                let items = self.node(Kind::Pipe(Box::new(items), Box::new(filter)), span);
                return Some(self.node(Kind::Array(Box::new(items)), span));
            }
            ("select", [filter]) => {
                let filter = self.term(filter);
                let span = self.call_span(name, std::slice::from_ref(&filter));
                let (then, otherwise) = (self.node(Kind::Identity, None), self.node(Kind::Empty, None));
                return Some(self.node(Kind::If(Box::new(filter), Box::new(then), Box::new(otherwise)), span));
            }
            ("table", [name_of]) => {
                let name_of = self.term(name_of);
                return Some(self.table(name, &name_of));
            }
            _ => return None,
        };
        Some(self.node(kind, span))
    }

    fn table(&mut self, call: &'s str, name: &Node) -> Node {
        let span = self.call_span(call, std::slice::from_ref(name));
        let Some(Value::String(name_text)) = name.constant() else {
            let message = "the name of a table is a constant string".to_owned();
            let hint = "as in `.channel | table(\"channel\")`: the key is the input".to_owned();
            return self.error(codes::MAPPING_TABLE, union(name.span, span), message, Some(hint));
        };
        if let Some((shared_name, table)) = self.tables.get(name_text.as_str()) {
            return self.node(Kind::Table(shared_name.clone(), table.clone()), span);
        }
        let hint = match did_you_mean(name_text, self.tables.keys().copied()) {
            Some(similar) => format!("did you mean `{similar}`?"),
            None if self.tables.is_empty() => "add it under `tables`".to_owned(),
            None => format!("there are {}", list(self.tables.keys().map(|name| format!("`{name}`")))),
        };
        self.error(codes::MAPPING_TABLE, name.span, format!("no table `{name_text}`"), Some(hint))
    }

    fn check_rounding(&mut self, rounding: Option<&Node>) {
        let Some((Some(Value::String(name)), span)) = rounding.map(|node| (node.constant(), node.span)) else { return };
        let known = native::ROUNDINGS.iter().map(|(known, _)| *known);
        if known.clone().any(|known| name == known) {
            return;
        }
        let hint = match did_you_mean(name, known.clone()) {
            Some(similar) => format!("did you mean `{similar}`?"),
            None => format!("there are {}", list(known.map(|name| format!("`{name}`")))),
        };
        self.error(codes::MAPPING_UNKNOWN, span, format!("no rounding `{name}`"), Some(hint));
    }

    /// A function over a regular expression, which must be constant: `f(re)`, `f(re; flags)`, `f([re, flags])`.
    fn regular(&mut self, name: &'s str, op: RegexOp, global: bool, args: &[Term<&'s str>]) -> Node {
        let mut nodes: Vec<Node> = args.iter().map(|arg| self.term(arg)).collect();
        let span = self.call_span(name, &nodes);
        let with = (op == RegexOp::Sub && nodes.len() > 1).then(|| Box::new(nodes.remove(1)));
        let pattern_span = nodes.first().map_or(span, |node| union(node.span, None));
        let text = |value: Option<&Value>| match value {
            None | Some(Value::Null) => Some(String::new()),
            Some(Value::String(text)) => Some(text.as_str().to_owned()),
            Some(_) => None,
        };
        let parts = match (nodes.first().and_then(Node::constant), nodes.get(1)) {
            (Some(Value::Array(both)), None) => text(both.first()).zip(text(both.get(1))),
            (Some(pattern @ Value::String(_)), flags) => {
                let flags = match flags {
                    None => Some(String::new()),
                    Some(flags) => flags.constant().and_then(|flags| text(Some(flags))),
                };
                text(Some(pattern)).zip(flags)
            }
            _ => None,
        };
        let Some((pattern, flags)) = parts else {
            let message = "a regular expression and its flags are constant strings".to_owned();
            let hint = "write it out, or use `contains`, `startswith`, `index` or `split(text)`".to_owned();
            return self.error(codes::MAPPING_REGEX, pattern_span.or(span), message, Some(hint));
        };
        match Regex::new(&pattern, &flags, global) {
            Ok(regex) => {
                let kind = Kind::Regex(op, Arc::new(regex), with);
                self.node(kind, span)
            }
            Err(reason) => {
                let hint = "the engine is linear: there is no look-around and there are no back-references".to_owned();
                let message = format!("the regular expression is not valid: {reason}");
                self.error(codes::MAPPING_REGEX, pattern_span.or(span), message, Some(hint))
            }
        }
    }

    fn unknown(&mut self, name: &'s str, arity: usize) -> Node {
        let span = self.span(name);
        let own = self.names.iter().filter_map(|(known, entry)| match entry {
            Entry::Def { values, .. } => Some((*known, values.len())),
            Entry::Filter(_) => Some((*known, 0)),
            _ => None,
        });
        let mut known: Vec<(&str, usize)> = own.collect();
        for function in functions() {
            known.push(function);
        }
        let mut arities: Vec<usize> = known.iter().filter(|(other, _)| *other == name).map(|(_, n)| *n).collect();
        if let Some(hint) = refused::function(name)
            && !arities.contains(&arity)
        {
            let message = format!("`{name}` is not part of the mapping language");
            return self.error(codes::MAPPING_REFUSED, span, message, Some(hint.into()));
        }
        if arities.is_empty() {
            let similar = did_you_mean(name, known.iter().map(|(known, _)| *known));
            let hint = similar.map(|similar| format!("did you mean `{similar}`?"));
            let hint = hint.or_else(|| Some("a string stands in double quotes, a key after a point".into()));
            return self.error(codes::MAPPING_UNKNOWN, span, format!("no function `{name}`"), hint);
        }
        arities.sort_unstable();
        arities.dedup();
        let takes = list(arities.iter().map(|n| if *n == 0 { "none".to_owned() } else { n.to_string() }));
        let message = format!("`{name}` does not take {arity} argument{}", if arity == 1 { "" } else { "s" });
        let hint = Some(format!("arguments that it takes: {takes}; they are separated by `;`"));
        self.error(codes::MAPPING_UNKNOWN, span, message, hint)
    }
}

fn takes(op: RegexOp, arity: usize) -> bool {
    match op {
        RegexOp::Sub => (2..=3).contains(&arity),
        RegexOp::Split => arity == 2,
        _ => (1..=2).contains(&arity),
    }
}

/// Every function of the language with its number of arguments.
pub(super) fn functions() -> impl Iterator<Item = (&'static str, usize)> {
    let regexes = REGEXES.iter().flat_map(|(name, op, _)| {
        let op = *op;
        (1..=3).filter(move |arity| takes(op, *arity)).map(move |arity| (*name, arity))
    });
    let specials = SPECIALS.iter().map(|(name, arity, _)| (*name, *arity));
    let natives = native::ALL.iter().map(|native| (native.name, native.arity));
    let library = LIBRARY.iter().map(|def| (def.name, def.args.len()));
    FORMS.iter().copied().chain(specials).chain(regexes).chain(natives).chain(library)
}
