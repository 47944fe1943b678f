//! jq expressions of routes: conditions, headers, keys.

use std::sync::Arc;

use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::message::{Failure, Limits, Value};
use crate::transform::lang::Tables;
use crate::transform::{Embedded, Uses, Variables};

use super::run::Run;

/// A compiled expression that gives exactly one value.
#[derive(Debug)]
pub struct Expression {
    program: Arc<Embedded>,
    /// On one line, for people.
    source: String,
    uses: Uses,
    constant: Option<Value>,
}

impl Expression {
    /// Compiles an expression of a route file.
    ///
    /// # Errors
    /// Everything that is wrong in it.
    pub fn compile(file: &SourceFile, written: &Spanned<String>, limits: &Limits) -> Result<Self, Vec<Diagnostic>> {
        let program = Arc::new(Embedded::compile(file, written, &Tables::new())?);
        let uses = program.uses();
        let constant = if program.reads_input() || uses.contains(&true) {
            None
        } else {
            let outputs = program.run(&Value::Null, &Variables::default(), limits).unwrap_or_default();
            <[Value; 1]>::try_from(outputs).ok().map(|[value]| value)
        };
        let source = written.value.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(Self { program, source, uses, constant })
    }

    /// The program.
    pub fn program(&self) -> &Arc<Embedded> {
        &self.program
    }

    /// The expression as written, on one line.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it gives the same value for every message.
    pub fn is_constant(&self) -> bool {
        self.constant.is_some()
    }

    /// Whether it looks at the document, and not only at headers, properties and the like.
    pub fn reads_document(&self) -> bool {
        self.program.reads_input()
    }

    /// Whether a condition holds for every message, or for none.
    pub fn constant_truth(&self) -> Option<bool> {
        self.constant.as_ref().map(truth)
    }

    /// Whether the condition holds, as jq has it: everything but `false` and `null` does.
    pub fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        self.one(run).map(|value| truth(&value))
    }

    /// The same of another document than the message's.
    pub fn holds_for(&self, document: Value, run: &mut Run<'_>) -> Result<bool, Failure> {
        self.over(run, document).map(|value| truth(&value))
    }

    /// The one value that the expression gives for a message.
    pub fn one(&self, run: &mut Run<'_>) -> Result<Value, Failure> {
        let value = self.evaluate(run)?;
        if let Some(watch) = run.watch() {
            watch.evaluates(&self.source, &value);
        }
        Ok(value)
    }

    /// The one value that the expression gives for something else than the document.
    pub fn over(&self, run: &mut Run<'_>, input: Value) -> Result<Value, Failure> {
        let value = self.compute(run, &input)?;
        if let Some(watch) = run.watch() {
            watch.evaluates(&self.source, &value);
        }
        Ok(value)
    }

    fn evaluate(&self, run: &mut Run<'_>) -> Result<Value, Failure> {
        if let Some(value) = &self.constant {
            return Ok(value.clone());
        }
        let input = if self.program.reads_input() { run.document()?.clone() } else { Value::Null };
        self.compute(run, &input)
    }

    fn compute(&self, run: &mut Run<'_>, input: &Value) -> Result<Value, Failure> {
        let variables = run.variables(self.uses);
        let outputs = self.program.run(input, &variables, run.limits())?;
        <[Value; 1]>::try_from(outputs).map(|[value]| value).map_err(|outputs| {
            self.program.failure(&format!("the expression must give one value, and gave {}", outputs.len()))
        })
    }
}

fn truth(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}
