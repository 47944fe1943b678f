//! What is wrong in a file that a user wrote: code, place, words, hint. Rendered only by the command line.

use std::ops::Range;
use std::sync::Arc;

/// A file of the project as it was read. Core rooms get files in this form and never touch the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Path relative to the project, with `/`.
    pub path: Arc<str>,
    /// The whole text.
    pub text: Arc<str>,
}

impl SourceFile {
    /// A file of this path and text.
    pub fn new(path: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    /// Line and column in characters, both from 1, of a byte offset.
    pub fn line_column(&self, offset: usize) -> (u32, u32) {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = self.text.get(..offset).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let line = before.matches('\n').count() + 1;
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        (count(line), count(column))
    }
}

/// How much a diagnostic matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The project runs, but something is most likely not meant.
    Warning,
    /// The project does not start.
    Error,
}

/// One finding in a user's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code, as `TL201`; each has its section in the reference. Constants live in [`codes`].
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong, in one sentence, with the offending name in backticks.
    pub message: String,
    /// The file.
    pub file: SourceFile,
    /// The bytes of the file that are meant; empty at the place where something is missing.
    pub span: Range<usize>,
    /// What is written under the span.
    pub label: Option<String>,
    /// The concrete rewrite.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: &'static str, file: &SourceFile, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            file: file.clone(),
            span,
            label: None,
            hint: None,
        }
    }

    /// A warning at a place.
    pub fn warning(code: &'static str, file: &SourceFile, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, file, span, message) }
    }

    /// Adds what is written under the span.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Adds the concrete rewrite.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

pub mod codes;
pub mod yaml;
mod similar;

pub use similar::did_you_mean;
