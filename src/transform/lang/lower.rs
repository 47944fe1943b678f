//! From jq's syntax tree to the compiled program: names resolved, constants folded, the rest refused.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{self, BinaryOp, Term};
use jaq_core::ops::Math;
use jaq_core::path;

use super::eval::Run;
use super::node::{Arg, Def, Fold, Format, Kind, Node, Part, Pattern, Piece, Span, Step};
use super::{Code, CompileError, Tables, format, ops, syntax};
use crate::diagnostic::{codes, did_you_mean};
use crate::message::{Limits, Members, Number, Text, Value};

/// Levels of expressions inside each other.
const MAX_LEVELS: usize = 256;
/// Times that a constant may repeat a string.
const MAX_REPEAT: i64 = 10_000;

/// The functions that are written in the language itself.
pub(super) static LIBRARY: LazyLock<Vec<parse::Def<&'static str>>> =
    LazyLock::new(|| jaq_core::load::parse(include_str!("library.jq"), |parser| parser.defs()).unwrap_or_default());

/// Tables by name, ready to be shared by nodes.
pub(super) type SharedTables<'t> = BTreeMap<&'t str, (Arc<str>, Arc<BTreeMap<Text, Value>>)>;

/// What a name stands for, with the number of bindings around it.
pub(super) enum Entry {
    Var(usize),
    Filter(usize),
    Label(usize),
    Def { id: usize, values: Vec<bool>, slots: usize, open: bool },
}

/// The state of one compilation.
pub(super) struct Lower<'s> {
    pub(super) source: &'s str,
    variables: &'s [&'s str],
    pub(super) tables: &'s SharedTables<'s>,
    pub(super) names: Vec<(&'s str, Entry)>,
    slots: usize,
    defs: Vec<Option<Def>>,
    library: BTreeMap<(&'static str, usize), usize>,
    errors: Vec<CompileError>,
    levels: usize,
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
        Ok(Code { main, defs: self.defs, reads_input })
    }

    pub(super) fn error(&mut self, code: &'static str, span: Span, message: String, hint: Option<String>) -> Node {
        let (start, end) = span.map_or((0, self.source.len()), |(start, end)| (start as usize, end as usize));
        self.errors.push(CompileError { code, span: start..end, message, hint });
        Node { kind: Kind::Const(Value::Null), span, one: true }
    }

    /// A node of this kind, folded if constant.
    pub(super) fn node(&self, kind: Kind, span: Span) -> Node {
        let kind = fold(kind);
        let one = kind.gives_one(&self.defs);
        Node { kind, span, one }
    }

    /// Where a slice of the source stands; nothing for the library's.
    pub(super) fn span(&self, part: &str) -> Span {
        let (start, end) = syntax::place(self.source, part)?;
        Some((u32::try_from(start).ok()?, u32::try_from(end).ok()?))
    }

    /// Widens a span by what stands directly before and after it.
    fn widened(&self, span: Span, before: &str, after: &str) -> Span {
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

    fn boxed(&mut self, term: &Term<&'s str>) -> Box<Node> {
        Box::new(self.term(term))
    }

    fn term_of(&mut self, term: &Term<&'s str>) -> Node {
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

    fn number(&mut self, digits: &'s str) -> Node {
        let span = self.span(digits);
        let trimmed = digits.trim_start_matches('0');
        let zero = if trimmed.starts_with(|c: char| c.is_ascii_digit()) { "" } else { "0" };
        match Number::parse(digits).or_else(|| Number::parse(&format!("{zero}{trimmed}"))) {
            Some(number) => self.node(Kind::Const(Value::Number(number)), span),
            None => self.error(codes::MAPPING_SYNTAX, span, format!("`{digits}` is not a number"), None),
        }
    }

    fn string(&mut self, encoding: Option<&'s str>, parts: &[StrPart<&'s str, Term<&'s str>>]) -> Node {
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

    fn object(&mut self, entries: &[(Term<&'s str>, Option<Term<&'s str>>)]) -> Node {
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
                    let value = self.node(Kind::Path(base, [Step { part, optional: false }].into()), span);
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
        if let Some(keys) = keys.filter(|keys| keys.len() == nodes.len()) {
            let values = nodes.into_iter().map(|(_, value)| value).collect();
            return self.node(Kind::Record(Box::new(keys), values), span);
        }
        self.node(Kind::Object(nodes.into()), span)
    }

    fn binary(&mut self, left: &Term<&'s str>, op: &BinaryOp<&'s str>, right: &Term<&'s str>) -> Node {
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
        let (l, r) = (self.boxed(left), self.boxed(right));
        let span = union(l.span, r.span);
        let kind = match op {
            BinaryOp::Pipe(_) | BinaryOp::Comma => Kind::Pipe(l, r),
            BinaryOp::Alt => Kind::Alternative(l, r),
            BinaryOp::Or => Kind::Or(l, r),
            BinaryOp::And => Kind::And(l, r),
            BinaryOp::Math(Math::Mul) => return self.product(l, r, span),
            BinaryOp::Math(op) => Kind::Math(*op, l, r, false),
            BinaryOp::Cmp(op) => Kind::Compare(*op, l, r),
            BinaryOp::Assign => Kind::Assign(l, r),
            BinaryOp::Update => Kind::Update(l, r),
            BinaryOp::UpdateMath(op) => Kind::UpdateMath(l, *op, r),
            BinaryOp::UpdateAlt => Kind::UpdateAlternative(l, r),
        };
        self.node(kind, span)
    }

    /// A product may repeat a string, but only a constant number of times.
    fn product(&mut self, l: Box<Node>, r: Box<Node>, span: Span) -> Node {
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

    fn fold(
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

    /// Compiles a pattern and binds its variables; gives what to go back to.
    fn open_pattern(&mut self, pattern: &parse::Pattern<&'s str>) -> (Pattern, usize, usize) {
        let (mark, slots) = (self.names.len(), self.slots);
        let mut vars = Vec::new();
        let pattern = self.pattern(pattern, &mut vars);
        for name in vars {
            self.names.push((name, Entry::Var(self.slots)));
            self.slots += 1;
        }
        (pattern, mark, slots)
    }

    fn pattern(&mut self, pattern: &parse::Pattern<&'s str>, vars: &mut Vec<&'s str>) -> Pattern {
        match pattern {
            parse::Pattern::Var(name) => {
                vars.push(name);
                Pattern::Var
            }
            parse::Pattern::Arr(items) => {
                let part = |(at, item): (usize, &parse::Pattern<&'s str>)| {
                    let index = self.node(Kind::Const(ops::count(at)), None);
                    (index, self.pattern(item, vars))
                };
                Pattern::Parts(items.iter().enumerate().map(part).collect())
            }
            parse::Pattern::Obj(entries) => {
                let part = |(key, item): &(Term<&'s str>, parse::Pattern<&'s str>)| {
                    let key = self.term(key);
                    (key, self.pattern(item, vars))
                };
                Pattern::Parts(entries.iter().map(part).collect())
            }
        }
    }

    fn path(&mut self, base: &Term<&'s str>, parts: &[(path::Part<Term<&'s str>>, path::Opt)]) -> Node {
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
            steps.push(Step { part, optional: matches!(optional, path::Opt::Optional) });
        }

        let (base, steps) = match base.kind {
            Kind::Path(inner, before) if matches!(inner.kind, Kind::Identity) && steps.iter().all(Step::fixed) => {
                (inner, before.into_iter().chain(steps).collect())
            }
            _ => (base, steps),
        };
        self.node(Kind::Path(base, steps.into()), span)
    }

    fn variable(&mut self, name: &'s str) -> Node {
        let span = self.span(name);
        let bare = name.trim_start_matches('$');
        let bound = self.names.iter().rev().find_map(|(known, entry)| match entry {
            Entry::Var(slot) if *known == name => Some(*slot),
            _ => None,
        });
        if let Some(slot) = bound {
            return self.node(Kind::Var(self.slots - slot - 1), span);
        }
        if let Some(at) = self.variables.iter().position(|known| *known == bare) {
            return self.node(Kind::Global(at), span);
        }
        if let Some(hint) = super::refused::variable(bare) {
            let message = format!("`{name}` is not part of the mapping language");
            return self.error(codes::MAPPING_REFUSED, span, message, Some(hint.into()));
        }
        let bound = self.names.iter().filter(|(_, entry)| matches!(entry, Entry::Var(_)));
        let known: Vec<&str> =
            bound.map(|(name, _)| name.trim_start_matches('$')).chain(self.variables.iter().copied()).collect();
        let hint = match did_you_mean(bare, known.iter().copied()) {
            Some(similar) => Some(format!("did you mean `${similar}`?")),
            None if known.is_empty() => Some(format!("bind it first: `… as {name} | …`")),
            None => Some(format!("there are {}", list(known.iter().map(|name| format!("`${name}`"))))),
        };
        self.error(codes::MAPPING_UNKNOWN, span, format!("no variable `{name}`"), hint)
    }

    /// Compiles a definition; its name is known from here on.
    fn define(&mut self, def: &parse::Def<&'s str>) -> usize {
        let id = self.defs.len();
        self.defs.push(None);
        let values: Vec<bool> = def.args.iter().map(|name| name.starts_with('$')).collect();
        self.names.push((def.name, Entry::Def { id, values, slots: self.slots, open: true }));
        let at = self.names.len();
        let slots = self.slots;
        for name in &def.args {
            let entry = if name.starts_with('$') { Entry::Var(self.slots) } else { Entry::Filter(self.slots) };
            self.names.push((name, entry));
            self.slots += 1;
        }
        let body = self.term(&def.body);
        self.slots = slots;
        self.names.truncate(at);
        if let Some((_, Entry::Def { open, .. })) = self.names.last_mut() {
            *open = false;
        }
        if let Some(slot) = self.defs.get_mut(id) {
            *slot = Some(Def { body });
        }
        id
    }

    /// A call of a name that the program itself defines.
    pub(super) fn call_own(&mut self, name: &'s str, args: &[Term<&'s str>], span: Span) -> Option<Node> {
        let mut found = None;
        for (known, entry) in self.names.iter().rev() {
            match entry {
                Entry::Filter(slot) if *known == name && args.is_empty() => {
                    found = Some(Ok(Kind::Closure(self.slots - slot - 1)));
                }
                Entry::Var(slot) if args.is_empty() && known.strip_prefix('$') == Some(name) => {
                    found = self.is_parameter(*slot).then(|| Ok(Kind::Var(self.slots - slot - 1)));
                }
                Entry::Def { id, values, slots, open } if *known == name && values.len() == args.len() => {
                    found = Some(Err((*id, values.clone(), *slots, *open)));
                }
                _ => {}
            }
            if found.is_some() {
                break;
            }
        }
        match found? {
            Ok(kind) => Some(self.node(kind, span)),
            Err((_, _, _, true)) => {
                let message = format!("`{name}` calls itself");
                let hint = "use `..`, `walk(f)`, `reduce` or `range(n)`, which always end".to_owned();
                Some(self.error(codes::MAPPING_REFUSED, span, message, Some(hint)))
            }
            Err((id, values, slots, false)) => Some(self.call_def(id, &values, slots, args, span)),
        }
    }

    /// jq lets a parameter `$x` also be called as `x`.
    fn is_parameter(&self, slot: usize) -> bool {
        self.names.iter().any(|(_, entry)| match entry {
            Entry::Def { values, slots, open: true, .. } => (*slots..slots + values.len()).contains(&slot),
            _ => false,
        })
    }

    fn call_def(&mut self, id: usize, values: &[bool], slots: usize, args: &[Term<&'s str>], span: Span) -> Node {
        let args: Vec<Arg> = args
            .iter()
            .zip(values)
            .map(|(arg, value)| if *value { Arg::Value(self.term(arg)) } else { Arg::Filter(self.term(arg)) })
            .collect();
        self.node(Kind::Call(id, args.into(), self.slots - slots), span)
    }

    /// A call of a function of the library, which is compiled when first called.
    pub(super) fn call_library(&mut self, name: &'s str, args: &[Term<&'s str>], span: Span) -> Option<Node> {
        let def = LIBRARY.iter().find(|def| def.name == name && def.args.len() == args.len())?;
        let id = match self.library.get(&(def.name, def.args.len())) {
            Some(id) => *id,
            None => {
                let names = std::mem::take(&mut self.names);
                let slots = std::mem::take(&mut self.slots);
                let levels = std::mem::take(&mut self.levels);
                let id = self.define(def);
                (self.names, self.slots, self.levels) = (names, slots, levels);
                self.library.insert((def.name, def.args.len()), id);
                id
            }
        };
        let values: Vec<bool> = def.args.iter().map(|name| name.starts_with('$')).collect();
        Some(self.call_def(id, &values, 0, args, span))
    }

    /// The place of a call: its name and, if there are any, its arguments.
    pub(super) fn call_span(&self, name: &str, nodes: &[Node]) -> Span {
        let span = nodes.iter().fold(self.span(name), |span, node| union(span, node.span));
        if nodes.is_empty() { span } else { self.widened(span, "", ")") }
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
            keys.keys().zip(values).map(|(key, value)| Some((key.clone(), value?))).collect()
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
