//! Names while a program is compiled: variables, patterns, definitions, the library.

use std::sync::LazyLock;

use jaq_core::load::parse::{self, Term};

use super::lower::{Lower, list, union};
use super::node::{Arg, Def, Kind, Node, Pattern, Span};
use super::{ops, refused};
use crate::diagnostic::{codes, did_you_mean};

/// The functions that are written in the language itself.
pub(super) static LIBRARY: LazyLock<Vec<parse::Def<&'static str>>> =
    LazyLock::new(|| jaq_core::load::parse(include_str!("library.jq"), |parser| parser.defs()).unwrap_or_default());

/// What a name stands for, with the number of bindings around it.
pub(super) enum Entry {
    Var(usize),
    Filter(usize),
    Label(usize),
    Def { id: usize, values: Vec<bool>, slots: usize, open: bool },
}

impl<'s> Lower<'s> {
    /// Compiles a pattern and binds its variables; gives what to go back to.
    pub(super) fn open_pattern(&mut self, pattern: &parse::Pattern<&'s str>) -> (Pattern, usize, usize) {
        let (mark, slots) = (self.names.len(), self.slots);
        let mut vars = Vec::new();
        let pattern = self.pattern(pattern, &mut vars);
        for name in vars {
            self.names.push((name, Entry::Var(self.slots)));
            self.slots += 1;
        }
        (pattern, mark, slots)
    }

    pub(super) fn pattern(&mut self, pattern: &parse::Pattern<&'s str>, vars: &mut Vec<&'s str>) -> Pattern {
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

    pub(super) fn variable(&mut self, name: &'s str) -> Node {
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
            self.globals.iter_mut().skip(at).take(1).for_each(|used| *used = true);
            return self.node(Kind::Global(at), span);
        }
        if let Some(hint) = refused::variable(bare) {
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
    pub(super) fn define(&mut self, def: &parse::Def<&'s str>) -> usize {
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
    pub(super) fn is_parameter(&self, slot: usize) -> bool {
        self.names.iter().any(|(_, entry)| match entry {
            Entry::Def { values, slots, open: true, .. } => (*slots..slots + values.len()).contains(&slot),
            _ => false,
        })
    }

    pub(super) fn call_def(
        &mut self,
        id: usize,
        values: &[bool],
        slots: usize,
        args: &[Term<&'s str>],
        span: Span,
    ) -> Node {
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
