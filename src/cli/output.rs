//! Where a command writes.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use crate::config::{Project, render};
use crate::diagnostic::{Diagnostic, Severity, did_you_mean};
use crate::message::Violations;

use super::{End, input};

/// Writes data to stdout. A reader that has gone away is no error.
pub(super) fn bytes(data: &[u8]) -> End {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(data).and_then(|()| stdout.flush()) {
        Ok(()) => End::Good,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => End::Good,
        Err(error) => misuse(&format!("standard output cannot be written: {error}"), None),
    }
}

/// Writes text to stdout.
pub(super) fn data(text: &str) -> End {
    bytes(text.as_bytes())
}

/// Writes a document to stdout, and the newline that it may lack.
pub(super) fn line(document: &[u8]) -> End {
    let mut text = document.to_vec();
    if text.last() != Some(&b'\n') {
        text.push(b'\n');
    }
    bytes(&text)
}

/// Says what is wrong with a document.
pub(super) fn violations(file: &Path, violations: &Violations) -> End {
    for violation in violations.iter() {
        say(&render::violation(&input::shown(file), violation));
    }
    End::Invalid
}

/// Writes a line to stderr.
pub(super) fn say(text: &str) {
    // With stderr gone there is nobody left to tell.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Says what was misused.
pub(super) fn misuse(message: &str, hint: Option<&str>) -> End {
    say(&format!("error: {message}"));
    if let Some(hint) = hint {
        say(&format!("hint: {hint}"));
    }
    End::Misuse
}

/// Whether data for people may have colours.
pub(super) fn colours() -> bool {
    io::stdout().is_terminal() && wants_colours()
}

fn wants_colours() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Says that there is no such route, or why there is none.
pub(super) fn no_route(project: &Project, route: &str) -> End {
    if let Some(end) = refuse_broken(project) {
        return end;
    }
    let similar = did_you_mean(route, project.plans.iter().map(|plan| plan.name()));
    let hint = similar.map(|similar| format!("did you mean `{similar}`?"));
    misuse(&format!("no route `{route}`"), hint.as_deref())
}

/// Writes findings for people to stderr.
pub(super) fn diagnostics(all: &[Diagnostic]) {
    let colours = io::stderr().is_terminal() && wants_colours();
    for diagnostic in all {
        say(&render::human(diagnostic, colours));
        say("");
    }
}

/// `2 errors, 1 warning`.
pub(super) fn summary(all: &[Diagnostic]) -> String {
    let number = |severity| all.iter().filter(|one| one.severity == severity).count();
    format!("{}, {}", count(number(Severity::Error), "error"), count(number(Severity::Warning), "warning"))
}

/// `1 route`, `2 routes`.
pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Says why a project cannot be used, if it cannot.
pub(super) fn refuse_broken(project: &Project) -> Option<End> {
    if project.is_sound() {
        return None;
    }
    diagnostics(&project.diagnostics);
    Some(misuse(&format!("the project is broken: {}", summary(&project.diagnostics)), None))
}
