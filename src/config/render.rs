//! Findings for people and for machines.

use std::borrow::Cow;

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
    let text = &*without_passwords(&diagnostic.file.text);
    // The renderer takes no place beyond the text or within a character.
    let end = text.floor_char_boundary(diagnostic.span.end);
    let span = text.floor_char_boundary(diagnostic.span.start).min(end)..end;
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

/// The text with `*` for each byte of a password in a URL, so that places stay what they are.
fn without_passwords(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        let end = after.find(|c: char| c.is_whitespace() || "\"'<>".contains(c)).unwrap_or(after.len());
        let (url, next) = after.split_at(end);
        match url.rsplit_once('@').and_then(|(user, host)| Some((user.split_once(':')?, host))) {
            Some(((user, password), host)) if !password.starts_with("${") => {
                shown.extend([user, ":", &"*".repeat(password.len()), "@", host]);
            }
            _ => shown.push_str(url),
        }
        rest = next;
    }
    shown.push_str(rest);
    Cow::Owned(shown)
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
    docs: String,
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
        docs: format!("docs/reference/diagnostics.md#{}", diagnostic.code.to_ascii_lowercase()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{SourceFile, codes};

    #[test]
    fn shows_the_line_and_the_place() {
        let file = SourceFile::new("routes/x.yaml", "from: é\n  - tranform: a\n");
        let at = file.text.find("tranform").expect("is there");
        let found = Diagnostic::error(codes::STEP_UNKNOWN, &file, at..at + 8, "unknown step `tranform`")
            .label("no such step")
            .hint("did you mean `transform`?");
        insta::assert_snapshot!(human(&found, false), @r"
        error[TL401]: unknown step `tranform`
         --> routes/x.yaml:2:5
          |
        2 |   - tranform: a
          |     ^^^^^^^^ no such step
          |
          = hint: did you mean `transform`?
        ");
    }

    #[test]
    fn cuts_long_lines_around_the_place() {
        let text = format!("{}wrong{}", "a".repeat(5000), "b".repeat(5000));
        let file = SourceFile::new("x.json", text);
        let shown = human(&Diagnostic::error(codes::CONTRACT_SYNTAX, &file, 5000..5005, "this is wrong"), false);
        assert!(shown.lines().all(|line| line.chars().count() < 200), "{shown}");
        assert!(shown.contains("wrong"), "{shown}");
    }

    #[test]
    fn shows_no_password() {
        let file = SourceFile::new("trunkline.yaml", "url: 'amqp://user:p:ss@w0rd@host/' # see http://x\n");
        let shown = human(&Diagnostic::error(codes::SETTING_INVALID, &file, 5..10, "wrong"), false);
        assert!(shown.contains("amqp://user:*********@host/' # see http://x"), "{shown}");
    }

    #[test]
    fn a_place_beyond_the_file_is_its_end() {
        for (text, span) in [("a: é", 100..200), ("a: é", 5..5), ("a: é", 4..5), ("", 0..0), ("a\n", 2..2)] {
            let file = SourceFile::new("x.yaml", text);
            let shown = human(&Diagnostic::error(codes::YAML_SYNTAX, &file, span, "wrong"), false);
            assert!(shown.contains("x.yaml"), "{shown}");
        }
    }
}
