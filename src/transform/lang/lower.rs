//! From jq's syntax tree to the compiled program: names resolved, constants folded, the rest refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use jaq_core::load::parse::{self, BinaryOp, Term};
use jaq_core::ops::Math;
use jaq_core::path;

use super::names::Entry;
use super::node::{Def, Fold, Kind, Node, Part, Span, Step};
use super::run::Run;
use super::{Code, CompileError, Tables, ops, syntax};
use crate::diagnostic::codes;
use crate::message::{Limits, Text, Value};

/// Levels of expressions inside each other.
const MAX_LEVELS: usize = 256;
/// Times that a constant may repeat a string.
const MAX_REPEAT: i64 = 10_000;

/// Tables by name, ready to be shared by nodes.
pub(super) type SharedTables<'t> = BTreeMap<&'t str, (Arc<str>, Arc<BTreeMap<Text, Value>>)>;

/// The state of one compilation.
pub(super) struct Lower<'s> {
    pub(super) source: &'s str,
    pub(super) variables: &'s [&'s str],
    pub(super) tables: &'s SharedTables<'s>,
    pub(super) names: Vec<(&'s str, Entry)>,
    pub(super) slots: usize,
    pub(super) defs: Vec<Option<Def>>,
    pub(super) library: BTreeMap<(&'static str, usize), usize>,
    errors: Vec<CompileError>,
    pub(super) levels: usize,
    /// Whether each of the variables is looked at.
    pub(super) globals: Vec<bool>,
    /// Where the keys of objects stand.
    pub(super) keys: Vec<super::Keys>,
}

/// Shares the tables of a transform.
pub(super) fn shared(tables: &Tables) -> SharedTables<'_> {
    tables.iter().map(|(name, table)| (name.as_str(), (Arc::from(name.as_str()), Arc::new(table.clone())))).collect()
}

impl<'s> Lower<'s> {
    pub(super) fn new(source: &'s str, variables: &'s [&'s str], tables: &'s SharedTables<'s>) -> Self {
        Self {
            source,
            variables,
            tables,
            names: Vec::new(),
            slots: 0,
            defs: Vec::new(),
            library: BTreeMap::new(),
            errors: Vec::new(),
            levels: 0,
            globals: vec![false; variables.len()],
            keys: Vec::new(),
        }
    }

    /// Compiles a whole program.
    pub(super) fn program(mut self, term: &Term<&'s str>) -> Result<Code, Vec<CompileError>> {
        let main = self.term(term);
        if !self.errors.is_empty() {
            self.errors.sort_by_key(|error| (error.span.start, error.span.end));
            self.errors.dedup();
            return Err(self.errors);
        }
        let reads_input = super::reads::reads(&main, &self.defs, &mut BTreeMap::new());
        Ok(Code { main, defs: self.defs, reads_input, globals: self.globals, keys: self.keys })
    }

    pub(super) fn error(&mut self, code: &'static str, span: Span, message: String, hint: Option<String>) -> Node {
        let (start, end) = span.map_or((0, self.source.len()), |(start, end)| (start as usize, end as usize));
        self.errors.push(CompileError { code, span: start..end, message, hint });
        Node { kind: Kind::Const(Value::Null), span, one: true, members: 0 }
    }

    /// A node of this kind, folded if constant.
    pub(super) fn node(&self, kind: Kind, span: Span) -> Node {
        let kind = fold(kind);
        let one = kind.gives_one(&self.defs);
        let members = kind.members();
        Node { kind, span, one, members }
    }

    /// Where a slice of the source stands; nothing for the library's.
    pub(super) fn span(&self, part: &str) -> Span {
        let (start, end) = syntax::place(self.source, part)?;
        Some((u32::try_from(start).ok()?, u32::try_from(end).ok()?))
    }

    /// Widens a span by what stands directly before and after it.
    pub(super) fn widened(&self, span: Span, before: &str, after: &str) -> Span {
        let (start, end) = span?;
        let text = |from: usize, to: usize| self.source.get(from..to).unwrap_or_default();
        let head = text(0, start as usize);
        let start = if head.ends_with(before) { head.len() - before.len() } else { head.len() };
        let tail = text(end as usize, self.source.len());
        let space = tail.len() - tail.trim_start().len();
        let closes = !after.is_empty() && tail.trim_start().starts_with(after);
        let end = if closes { end as usize + space + after.len() } else { end as usize };
        Some((u32::try_from(start).ok()?, u32::try_from(end).ok()?))
    }

    pub(super) fn term(&mut self, term: &Term<&'s str>) -> Node {
        if self.levels >= MAX_LEVELS {
            let message = format!("the program nests more than {MAX_LEVELS} expressions");
            let hint = "name inner parts with `def` or `as $name`".to_owned();
            return self.error(codes::MAPPING_REFUSED, None, message, Some(hint));
        }
        self.levels += 1;
        let node = self.term_of(term);
        self.levels -= 1;
        node
    }

    pub(super) fn boxed(&mut self, term: &Term<&'s str>) -> Box<Node> {
        Box::new(self.term(term))
    }

    pub(super) fn term_of(&mut self, term: &Term<&'s str>) -> Node {
        match term {
            Term::Id => self.node(Kind::Identity, None),
            Term::Recurse => self.node(Kind::Recurse, None),
            Term::Num(digits) => self.number(digits),
            Term::Str(encoding, parts) => self.string(*encoding, parts),
            Term::Arr(None) => self.node(Kind::Const(Value::array(Vec::new())), None),
            Term::Arr(Some(inner)) => {
                let inner = self.boxed(inner);
                let span = self.widened(inner.span, "[", "]");
                self.node(Kind::Array(inner), span)
            }
            Term::Obj(entries) => self.object(entries),
            Term::Neg(inner) => {
                let inner = self.boxed(inner);
                let span = self.widened(inner.span, "-", "");
                self.node(Kind::Negate(inner), span)
            }
            Term::BinOp(left, op, right) => self.binary(left, op, right),
            Term::Label(name, body) => {
                let span = self.span(name);
                let mark = self.names.len();
                self.names.push((name, Entry::Label(self.slots)));
                self.slots += 1;
                let body = self.boxed(body);
                self.slots -= 1;
                self.names.truncate(mark);
                let span = union(span, body.span);
                self.node(Kind::Label(body), span)
            }
            Term::Break(name) => {
                let span = self.span(name);
                let label = self.names.iter().rev().find_map(|(known, entry)| match entry {
                    Entry::Label(slot) if known == name => Some(*slot),
                    _ => None,
                });
                match label {
                    Some(slot) => self.node(Kind::Break(self.slots - slot - 1), span),
                    None => {
                        let message = format!("no label `{name}` stands around this `break`");
                        let hint = format!("write `label {name} | …` around it");
                        self.error(codes::MAPPING_UNKNOWN, span, message, Some(hint))
                    }
                }
            }
            Term::Fold(word, source, pattern, args) => self.fold(word, source, pattern, args),
            Term::TryCatch(body, catch) => {
                let body = self.boxed(body);
                let catch = catch.as_ref().map(|catch| self.boxed(catch));
                let span = catch.as_ref().map_or(body.span, |catch| union(body.span, catch.span));
                self.node(Kind::Try(body, catch), span)
            }
            Term::IfThenElse(branches, otherwise) => {
                let otherwise = match otherwise {
                    Some(otherwise) => self.term(otherwise),
                    None => self.node(Kind::Identity, None),
                };
                let branches: Vec<_> = branches.iter().map(|(c, then)| (self.boxed(c), self.boxed(then))).collect();
                branches.into_iter().rev().fold(otherwise, |otherwise, (condition, then)| {
                    let span = union(condition.span, union(then.span, otherwise.span));
                    self.node(Kind::If(condition, then, Box::new(otherwise)), span)
                })
            }
            Term::Def(defs, body) => {
                let mark = self.names.len();
                for def in defs {
                    self.define(def);
                }
                let body = self.term(body);
                self.names.truncate(mark);
                body
            }
            Term::Call(name, args) => self.call(name, args),
            Term::Var(name) => self.variable(name),
            Term::Path(base, path::Path(parts)) => self.path(base, parts),
        }
    }

    pub(super) fn binary(&mut self, left: &Term<&'s str>, op: &BinaryOp<&'s str>, right: &Term<&'s str>) -> Node {
        if let BinaryOp::Pipe(Some(pattern)) = op {
            let source = self.boxed(left);
            let (pattern, mark, slots) = self.open_pattern(pattern);
            let body = self.boxed(right);
            (self.slots, _) = (slots, self.names.truncate(mark));
            let span = union(source.span, body.span);
            return self.node(Kind::Bind(source, pattern, body), span);
        }
        if let BinaryOp::Comma = op {
            let mut parts = Vec::new();
            let mut span = None;
            for part in [left, right] {
                let part = self.term(part);
                span = union(span, part.span);
                match part.kind {
                    Kind::Comma(inner) => parts.extend(inner),
                    _ => parts.push(part),
                }
            }
            return self.node(Kind::Comma(parts.into()), span);
        }
        let (l, mut r) = (self.boxed(left), self.boxed(right));
        let span = union(l.span, r.span);
        let kind = match op {
            BinaryOp::Pipe(_) | BinaryOp::Comma => Kind::Pipe(l, r),
            BinaryOp::Alt => Kind::Alternative(l, r),
            BinaryOp::Or => Kind::Or(l, r),
            BinaryOp::And => Kind::And(l, r),
            BinaryOp::Math(Math::Mul) => return self.product(l, r, span),
            BinaryOp::Math(op) => {
                if let Math::Add = op {
                    r.add_to(&l);
                }
                Kind::Math(*op, l, r, false)
            }
            BinaryOp::Cmp(op) => Kind::Compare(*op, l, r),
            BinaryOp::Assign => Kind::Assign(l, r),
            BinaryOp::Update => Kind::Update(l, r),
            BinaryOp::UpdateMath(op) => Kind::UpdateMath(l, *op, r),
            BinaryOp::UpdateAlt => Kind::UpdateAlternative(l, r),
        };
        self.node(kind, span)
    }

    /// A product may repeat a string, but only a constant number of times.
    pub(super) fn product(&mut self, l: Box<Node>, r: Box<Node>, span: Span) -> Node {
        let count = [&l, &r].into_iter().find_map(|side| match side.constant() {
            Some(Value::Number(number)) => Some(super::num::index(number)),
            _ => None,
        });
        let is_text = |node: &Node| match &node.kind {
            Kind::Const(Value::String(_)) | Kind::Interpolate(..) | Kind::Format(_) => true,
            Kind::Native(native, _) => native.name == "tostring",
            _ => false,
        };
        if is_text(&l) || is_text(&r) {
            let hint = Some(format!("repeat by a constant up to {MAX_REPEAT}, as in `\"-\" * 3`, or cut with `.[:n]`"));
            match count {
                None => {
                    let message = "a string is repeated without a bound".to_owned();
                    return self.error(codes::MAPPING_REFUSED, span, message, hint);
                }
                Some(count) if count > MAX_REPEAT => {
                    let message = format!("a string is repeated more than {MAX_REPEAT} times");
                    return self.error(codes::MAPPING_REFUSED, span, message, hint);
                }
                Some(_) => {}
            }
        }
        let repeat = count.is_some_and(|count| count <= MAX_REPEAT);
        self.node(Kind::Math(Math::Mul, l, r, repeat), span)
    }

    pub(super) fn fold(
        &mut self,
        word: &'s str,
        source: &Term<&'s str>,
        pattern: &parse::Pattern<&'s str>,
        args: &[Term<&'s str>],
    ) -> Node {
        let span = self.span(word);
        let (init, update, extract) = match (word, args) {
            (_, [init, update]) => (init, update, None),
            ("foreach", [init, update, extract]) => (init, update, Some(extract)),
            _ => {
                let form =
                    if word == "reduce" { "(init; update)" } else { "(init; update)` or `(init; update; extract)" };
                let message = format!("`{word}` has {} arguments, which it does not take", args.len());
                return self.error(codes::MAPPING_SYNTAX, span, message, Some(format!("it takes `{form}`")));
            }
        };
        let source = self.term(source);
        let init = self.term(init);
        let (pattern, mark, slots) = self.open_pattern(pattern);
        let update = self.term(update);
        let extract = extract.map(|extract| self.boxed(extract));
        (self.slots, _) = (slots, self.names.truncate(mark));
        let span = union(span, union(source.span, union(init.span, update.span)));
        let span = union(span, extract.as_ref().and_then(|extract| extract.span));
        let fold = Box::new(Fold { source, pattern, init, update });
        self.node(if word == "reduce" { Kind::Reduce(fold) } else { Kind::Foreach(fold, extract) }, span)
    }

    pub(super) fn path(&mut self, base: &Term<&'s str>, parts: &[(path::Part<Term<&'s str>>, path::Opt)]) -> Node {
        let base = self.boxed(base);
        let mut span = base.span;
        let mut steps = Vec::with_capacity(parts.len());
        for (part, optional) in parts {
            let part = match part {
                path::Part::Index(index) => {
                    let index = self.term(index);
                    span = union(span, self.widened(index.span, ".", ""));
                    match index.constant() {
                        Some(Value::String(key)) => Part::Key(key.clone()),
                        _ => Part::Index(index),
                    }
                }
                path::Part::Range(None, None) => Part::Iterate,
                path::Part::Range(from, to) => {
                    let from = from.as_ref().map(|from| self.term(from));
                    let to = to.as_ref().map(|to| self.term(to));
                    for bound in [&from, &to].into_iter().flatten() {
                        span = union(span, bound.span);
                    }
                    Part::Slice(from, to)
                }
            };
            steps.push(Step::new(part, matches!(optional, path::Opt::Optional)));
        }

        let (base, steps) = match base.kind {
            Kind::Path(inner, before) if matches!(inner.kind, Kind::Identity) && steps.iter().all(Step::fixed) => {
                (inner, before.into_iter().chain(steps).collect())
            }
            _ => (base, steps),
        };
        self.node(Kind::Path(base, steps.into()), span)
    }
}

impl Step {
    /// Does not look at the input of the path, so that paths may be joined.
    fn fixed(&self) -> bool {
        match &self.part {
            Part::Key(_) | Part::Iterate => true,
            Part::Index(index) => index.constant().is_some(),
            Part::Slice(from, to) => [from, to].into_iter().flatten().all(|bound| bound.constant().is_some()),
        }
    }
}

pub(super) fn union(a: Span, b: Span) -> Span {
    match (a, b) {
        (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
        (span, None) | (None, span) => span,
    }
}

/// `a, b and c`.
pub(super) fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

/// Computes what is constant.
fn fold(kind: Kind) -> Kind {
    let value = match &kind {
        Kind::Array(inner) => match &inner.kind {
            Kind::Const(value) => Some(Value::array(vec![value.clone()])),
            Kind::Comma(parts) => parts.iter().map(|part| part.constant().cloned()).collect(),
            Kind::Empty => Some(Value::array(Vec::new())),
            _ => None,
        },
        Kind::Record(keys, values) => {
            let values = values.iter().map(|value| value.constant().cloned());
            keys.all.iter().zip(values).map(|(key, value)| Some((key.clone(), value?))).collect()
        }
        Kind::Negate(inner) => match inner.constant() {
            Some(Value::Number(number)) => Some(Value::Number(super::num::negate(number))),
            _ => None,
        },
        Kind::Math(op, left, right, repeat) => left.constant().zip(right.constant()).and_then(|(l, r)| {
            let (code, limits) = (Code::default(), Limits { steps: 100_000, ..Limits::default() });
            ops::math(&Run::new(&code, &[], &limits), *op, l.clone(), r, *repeat).ok()
        }),
        _ => None,
    };
    value.map_or(kind, Kind::Const)
}
