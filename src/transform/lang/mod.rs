//! The mapping language: the total part of jq, compiled over our own tree.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::message::{Limits, Text, Value};

/// Named lookup tables, for `table("name")`.
pub type Tables = BTreeMap<String, BTreeMap<Text, Value>>;

/// A compiled program: immutable, shared between threads.
#[derive(Debug)]
pub struct Program {}

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
    pub fn compile(_source: &str, _variables: &[&str], _tables: &Tables) -> Result<Self, Vec<CompileError>> {
        Ok(Self {})
    }

    /// Runs the program; gives all outputs. `variables` are the values in the order of `compile`.
    pub fn run(&self, _input: &Value, _variables: &[Value], _limits: &Limits) -> Result<Vec<Value>, RunError> {
        Ok(Vec::new())
    }

    /// Whether the program looks at its input at all (a constant does not).
    pub fn reads_input(&self) -> bool {
        true
    }
}
