//! A program that stands in a user's file: its mistakes and its failures have their place there.

use std::ops::Range;

use super::lang::{CompileError, Program, RunError, Tables};
use super::{Uses, VARIABLES};
use crate::diagnostic::yaml::{Spanned, scalar_offset};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::message::{Failure, Kind, Limits, Value};

/// A compiled program with the file that it stands in.
#[derive(Debug)]
pub struct Embedded {
    program: Program,
    file: SourceFile,
    written: Spanned<String>,
}

impl Embedded {
    /// Compiles a program that uses [`VARIABLES`].
    ///
    /// # Errors
    /// Everything that is wrong in it.
    pub fn compile(file: &SourceFile, written: &Spanned<String>, tables: &Tables) -> Result<Self, Vec<Diagnostic>> {
        let program = Program::compile(&written.value, &VARIABLES, tables).map_err(|errors| {
            let diagnostic = |error: CompileError| {
                let span = in_file(file, written, &error.span);
                Diagnostic { hint: error.hint, ..Diagnostic::error(error.code, file, span, error.message) }
            };
            errors.into_iter().map(diagnostic).collect::<Vec<_>>()
        })?;
        Ok(Self { program, file: file.clone(), written: written.clone() })
    }

    pub(super) fn program(&self) -> &Program {
        &self.program
    }

    /// The bytes of the file for bytes of the program.
    pub(super) fn place(&self, span: &Range<usize>) -> Range<usize> {
        in_file(&self.file, &self.written, span)
    }

    /// The program as written.
    pub fn source(&self) -> &str {
        &self.written.value
    }

    /// The file.
    pub fn file(&self) -> &SourceFile {
        &self.file
    }

    /// Whether the program looks at its input at all.
    pub fn reads_input(&self) -> bool {
        self.program.reads_input()
    }

    /// The variables that it looks at.
    pub fn uses(&self) -> Uses {
        std::array::from_fn(|at| self.program.uses(at))
    }

    /// All outputs. `variables` are the values of [`VARIABLES`] in their order.
    ///
    /// # Errors
    /// A failure whose reason begins with the place, as `transforms/chat/order.yaml:12:7: …`.
    pub fn run(&self, input: &Value, variables: &[Value], limits: &Limits) -> Result<Vec<Value>, Failure> {
        self.program.run(input, variables, limits).map_err(|error| self.stopped(error))
    }

    /// The only output, or how many there are if that is not one. `variables` are as for [`Self::run`].
    ///
    /// # Errors
    /// As of [`Self::run`].
    pub fn only(&self, input: &Value, variables: &[Value], limits: &Limits) -> Result<Result<Value, usize>, Failure> {
        self.program.only(input, variables, limits).map_err(|error| self.stopped(error))
    }

    fn stopped(&self, RunError { message, span, limit }: RunError) -> Failure {
        self.failed(if limit { Kind::Limit } else { Kind::Mapping }, &span, &message)
    }

    /// A failure of the whole program.
    pub fn failure(&self, message: &str) -> Failure {
        self.failed(Kind::Mapping, &(0..0), message)
    }

    fn failed(&self, kind: Kind, span: &Range<usize>, message: &str) -> Failure {
        let span = in_file(&self.file, &self.written, span);
        let (line, column) = self.file.line_column(span.start);
        Failure::permanent(kind, format!("{}:{line}:{column}: {message}", self.file.path))
    }
}

/// The bytes of the file for bytes of the program.
fn in_file(file: &SourceFile, written: &Spanned<String>, span: &Range<usize>) -> Range<usize> {
    let offset = |at| scalar_offset(file, &written.span, &written.value, at);
    let start = offset(span.start);
    start..offset(span.end).max(start)
}
