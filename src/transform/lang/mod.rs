//! The mapping language: the total part of jq, compiled over our own tree.
//!
//! jq's lexer and parser (`jaq-core`) give the syntax tree; everything after that is ours. Every accepted program
//! ends on every input: there is no recursion and no endless generator, and steps, depth and sizes are bounded
//! besides. Numbers are computed exactly.

mod bind;
mod call;
mod collections;
mod env;
mod eval;
mod follow;
mod format;
mod gather;
mod literal;
mod lower;
mod names;
mod native;
mod node;
mod num;
mod object;
mod one;
mod ops;
mod paths;
mod pattern;
mod reads;
mod refused;
mod run;
mod special;
mod stop;
mod syntax;
mod time;
mod update;
mod view;

#[cfg(test)]
mod differential;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;

use crate::diagnostic::codes;
use crate::message::{Limits, Text, Value};

pub(super) use follow::{Finding, Followed, Shape, Target, misfits};

/// Named lookup tables, for `table("name")`.
pub type Tables = BTreeMap<String, BTreeMap<Text, Value>>;

/// Bytes of one program.
const MAX_SOURCE: usize = 256 << 10;

/// A compiled program: immutable, shared between threads.
#[derive(Debug)]
pub struct Program {
    code: Code,
    source_len: usize,
}

/// The tree of a program and its functions.
#[derive(Debug)]
struct Code {
    main: node::Node,
    defs: Vec<Option<node::Def>>,
    reads_input: bool,
    /// Whether each global variable is looked at.
    globals: Vec<bool>,
    keys: Vec<Keys>,
}

/// An object in the source, and its constant keys with their places.
#[derive(Debug)]
struct Keys {
    object: node::Span,
    keys: Vec<(Text, node::Span)>,
}

impl Default for Code {
    fn default() -> Self {
        let main = node::Node { kind: node::Kind::Empty, span: None, one: false, members: 0 };
        Self { main, defs: Vec::new(), reads_input: false, globals: Vec::new(), keys: Vec::new() }
    }
}

/// What is wrong in a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// One of [`crate::diagnostic::codes`].
    pub code: &'static str,
    /// Bytes of the program's source.
    pub span: Range<usize>,
    /// What is wrong, in one sentence.
    pub message: String,
    /// The concrete rewrite.
    pub hint: Option<String>,
}

/// Why a run failed.
#[derive(Clone, Debug, PartialEq)]
pub struct RunError {
    /// What went wrong; of `error(…)` its message.
    pub message: String,
    /// The bytes of the source that were being evaluated.
    pub span: Range<usize>,
    /// A bound of [`Limits`] was reached, rather than a mistake of the document.
    pub limit: bool,
}

impl Program {
    /// Compiles a source. `variables` are the global variables that a run will bind, without `$`, in order.
    pub fn compile(source: &str, variables: &[&str], tables: &Tables) -> Result<Self, Vec<CompileError>> {
        let failed = |message: String| {
            vec![CompileError { code: codes::MAPPING_SYNTAX, span: 0..source.len(), message, hint: None }]
        };
        if source.len() > MAX_SOURCE {
            return Err(failed(format!("the program is larger than {MAX_SOURCE} bytes")));
        }
        // The parser recurses with the program's nesting, so it gets a stack that is large enough for any.
        std::thread::scope(|scope| {
            let compile = || {
                let tables = lower::shared(tables);
                syntax::parse(source, |term| lower::Lower::new(source, variables, &tables).program(&term))
            };
            let thread = std::thread::Builder::new().stack_size(syntax::STACK_BYTES).spawn_scoped(scope, compile);
            let thread = thread.map_err(|error| failed(format!("the program cannot be compiled: {error}")))?;
            thread.join().unwrap_or_else(|_| Err(failed("the program cannot be compiled".into())))
        })
        .map(|code| Self { code, source_len: source.len() })
    }

    /// Runs the program; gives all outputs. `variables` are the values in the order of `compile`.
    pub fn run(&self, input: &Value, variables: &[Value], limits: &Limits) -> Result<Vec<Value>, RunError> {
        let mut outputs = Vec::new();
        self.each(input, variables, limits, |value| {
            outputs.push(value);
            true
        })?;
        Ok(outputs)
    }

    /// Runs the program; gives its only output, or how many it has if that is not one.
    pub fn only(&self, input: &Value, variables: &[Value], limits: &Limits) -> Result<Result<Value, usize>, RunError> {
        let (mut only, mut count) = (Value::Null, 0);
        self.each(input, variables, limits, |value| {
            only = value;
            count += 1;
            true
        })?;
        Ok(if count == 1 { Ok(only) } else { Err(count) })
    }

    /// Runs the program until its first output, if it has any.
    pub fn first(&self, input: &Value, variables: &[Value], limits: &Limits) -> Result<Option<Value>, RunError> {
        let mut first = None;
        self.each(input, variables, limits, |value| {
            first = Some(value);
            false
        })?;
        Ok(first)
    }

    /// Whether the first output is neither `null` nor `false`: the meaning of a condition.
    pub fn truthy(&self, input: &Value, variables: &[Value], limits: &Limits) -> Result<bool, RunError> {
        Ok(self.first(input, variables, limits)?.is_some_and(|value| ops::truthy(&value)))
    }

    /// Runs the program and hands each output on, until `take` has enough.
    fn each(
        &self,
        input: &Value,
        variables: &[Value],
        limits: &Limits,
        mut take: impl FnMut(Value) -> bool,
    ) -> Result<(), RunError> {
        let run = run::Run::new(&self.code, variables, limits);
        let flow = run.each(&self.code.main, &env::Env::root(), input, &mut |value| {
            if format::deeper_than(&value, limits.depth) {
                return Err(stop::limit(format!("the mapping gives a value of more than {} levels", limits.depth)));
            }
            run.charge(1)?;
            if take(value) { Ok(()) } else { Err(stop::Stop::Break(0)) }
        });
        match flow {
            Ok(()) | Err(stop::Stop::Break(0)) => Ok(()),
            Err(stop::Stop::Break(_)) => Err(self.error("a label was left that no longer stands", None, false)),
            Err(stop::Stop::Raised(raised)) => {
                let message = match &raised.value {
                    Value::String(text) => text.as_str().to_owned(),
                    other => format::shown(other),
                };
                Err(self.error(&message, raised.span, raised.limit))
            }
        }
    }

    fn error(&self, message: &str, span: node::Span, limit: bool) -> RunError {
        let span = span.map_or(0..self.source_len, |(start, end)| start as usize..end as usize);
        RunError { message: message.to_owned(), span, limit }
    }

    /// Whether the program looks at its input at all (a constant does not).
    pub fn reads_input(&self) -> bool {
        self.code.reads_input
    }

    /// Whether the program looks at the global variable in this place of those that it was compiled with.
    pub fn uses(&self, variable: usize) -> bool {
        self.code.globals.get(variable).is_some_and(|used| *used)
    }
}
