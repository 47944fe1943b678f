//! jq expressions of routes: conditions, headers, keys.

use crate::diagnostic::yaml::{Spanned, scalar_offset};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::message::{Failure, Kind, Limits, Value};
use crate::transform::VARIABLES;
use crate::transform::lang::{CompileError, Program, RunError, Tables};

use super::run::Run;

/// Which of [`VARIABLES`] a program uses.
pub type Uses = [bool; 4];

/// The variables whose names stand in a program's source.
pub fn uses(source: &str) -> Uses {
    VARIABLES.map(|name| source.contains(&format!("${name}")))
}

/// A compiled expression that gives exactly one value.
#[derive(Debug)]
pub struct Expression {
    program: Program,
    source: String,
    file: SourceFile,
    at: Spanned<String>,
    uses: Uses,
    constant: Option<Value>,
}

impl Expression {
    /// Compiles an expression of a route file.
    pub fn compile(file: &SourceFile, written: &Spanned<String>, limits: &Limits) -> Result<Self, Vec<Diagnostic>> {
        let program = Program::compile(&written.value, &VARIABLES, &Tables::new()).map_err(|errors| {
            let diagnostic = |error: CompileError| {
                let offset = |at| scalar_offset(file, &written.span, &written.value, at);
                let span = offset(error.span.start)..offset(error.span.end);
                let diagnostic = Diagnostic::error(error.code, file, span, error.message);
                match error.hint {
                    Some(hint) => diagnostic.hint(hint),
                    None => diagnostic,
                }
            };
            errors.into_iter().map(diagnostic).collect::<Vec<_>>()
        })?;
        let uses = uses(&written.value);
        let mut expression = Self {
            program,
            source: one_line(&written.value),
            file: file.clone(),
            at: written.clone(),
            uses,
            constant: None,
        };
        if !expression.program.reads_input() && uses == [false; 4] {
            let outputs = expression
                .program
                .run(&Value::Null, &[Value::Null, Value::Null, Value::Null, Value::Null], limits)
                .unwrap_or_default();
            expression.constant = <[Value; 1]>::try_from(outputs).ok().map(|[value]| value);
        }
        Ok(expression)
    }

    /// The expression as written, on one line.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether a condition holds for every message, or for none.
    pub fn constant_truth(&self) -> Option<bool> {
        self.constant.as_ref().map(truth)
    }

    /// Whether the condition holds, as jq has it: everything but `false` and `null` does.
    pub fn holds(&self, run: &mut Run<'_>) -> Result<bool, Failure> {
        self.one(run).map(|value| truth(&value))
    }

    /// The one value that the expression gives for a message.
    pub fn one(&self, run: &mut Run<'_>) -> Result<Value, Failure> {
        if let Some(value) = &self.constant {
            return Ok(value.clone());
        }
        let input = if self.program.reads_input() { run.document()?.clone() } else { Value::Null };
        let variables = run.variables(self.uses);
        let outputs = self.program.run(&input, &variables, run.limits()).map_err(|error| self.failed(&error))?;
        let count = outputs.len();
        <[Value; 1]>::try_from(outputs).map(|[value]| value).map_err(|_| {
            let reason = format!("{}: the expression must give one value, and gave {count}", self.place(0));
            Failure::permanent(Kind::Mapping, reason)
        })
    }

    fn failed(&self, error: &RunError) -> Failure {
        let kind = if error.limit { Kind::Limit } else { Kind::Mapping };
        Failure::permanent(kind, format!("{}: {}", self.place(error.span.start), error.message))
    }

    fn place(&self, offset: usize) -> String {
        let offset = scalar_offset(&self.file, &self.at.span, &self.at.value, offset);
        let (line, column) = self.file.line_column(offset);
        format!("{}:{line}:{column}", self.file.path)
    }
}

fn truth(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

/// Source of several lines as one, for people.
fn one_line(source: &str) -> String {
    source.split_whitespace().collect::<Vec<_>>().join(" ")
}
