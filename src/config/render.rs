//! Findings for people and for machines.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde::Serialize;

use crate::diagnostic::{Diagnostic, Severity};
use crate::message::Violation;

/// A finding as the compiler of Rust would show it: code, place, source line, hint.
pub fn human(diagnostic: &Diagnostic, colours: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let text = &*diagnostic.file.text;
    let end = diagnostic.span.end.min(text.len());
    let span = diagnostic.span.start.min(end)..end;
    let mut mark = AnnotationKind::Primary.span(span);
    if let Some(label) = &diagnostic.label {
        mark = mark.label(label.as_str());
    }
    let snippet = Snippet::source(text).path(&*diagnostic.file.path).annotation(mark);
    let mut group = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code).element(snippet);
    if let Some(hint) = &diagnostic.hint {
        group = group.element(Level::HELP.with_name("hint").message(hint.as_str()));
    }
    let renderer = if colours { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}

/// A finding for machines; the fields are stable.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    code: &'a str,
    severity: &'a str,
    message: &'a str,
    file: &'a str,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
    label: Option<&'a str>,
    hint: Option<&'a str>,
}

/// A finding for machines.
pub fn record(diagnostic: &Diagnostic) -> Record<'_> {
    let (line, column) = diagnostic.file.line_column(diagnostic.span.start);
    let (end_line, end_column) = diagnostic.file.line_column(diagnostic.span.end);
    Record {
        code: diagnostic.code,
        severity: match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        message: &diagnostic.message,
        file: &diagnostic.file.path,
        line,
        column,
        end_line,
        end_column,
        label: diagnostic.label.as_deref(),
        hint: diagnostic.hint.as_deref(),
    }
}

/// A violation in one line: `file:line:col: path: message [rule]`.
pub fn violation(file: &str, violation: &Violation) -> String {
    let place = match (violation.line, violation.column) {
        (Some(_), Some(_)) => format!("{file}:"),
        _ => format!("{file}: "),
    };
    let schema = violation.schema_location.as_ref().map(|at| format!(" (see {at})")).unwrap_or_default();
    format!("{place}{violation}{schema}")
}
