//! Reports of tests: for people, for programs, and as JUnit has it.

use std::fmt::{self, Write};

use serde_json::{Value, json};

use super::case::Case;
use super::coverage::{Part, percent};
use super::judge::Mismatch;
use super::suite::Report;
use crate::diagnostic::SourceFile;

/// The parts of which coverage is told, in order.
const PARTS: [Part; 3] = [Part::Branch, Part::Step, Part::Failure];

/// How a report for people is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// With the colours of a terminal.
    pub colours: bool,
    /// With what no case has reached.
    pub coverage: bool,
}

/// The text in a colour of ANSI, if colours are wanted.
pub fn paint(text: &str, colour: anstyle::AnsiColor, wanted: bool) -> String {
    if !wanted {
        return text.to_owned();
    }
    let style = colour.on_default();
    format!("{style}{text}{style:#}")
}

/// For people.
pub fn human(report: &Report<'_>, manner: Manner) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write_all(&mut out, report, manner);
    out
}

fn write_all(out: &mut String, report: &Report<'_>, manner: Manner) -> fmt::Result {
    for file in report.files.iter().filter(|file| !file.results.is_empty()) {
        let failed = file.results.iter().filter(|(_, mismatches, _)| !mismatches.is_empty()).count();
        let path = &file.cases.file.path;
        let all = file.results.len();
        let (word, colour) = match failed {
            0 => (format!("{all} passed"), anstyle::AnsiColor::Green),
            failed => (format!("{failed} of {all} failed"), anstyle::AnsiColor::Red),
        };
        writeln!(out, "{path}: {}", paint(&word, colour, manner.colours))?;
        for (index, mismatches, _) in &file.results {
            if let Some(case) = file.cases.cases.get(*index)
                && !mismatches.is_empty()
            {
                write!(out, "{}", Failed { file: &file.cases.file, case, mismatches, colours: manner.colours })?;
            }
        }
    }
    let (all, failed) = report.counts();
    let cases = if all == 1 { "case" } else { "cases" };
    writeln!(out, "{all} {cases}, {failed} failed, in {}ms", report.elapsed.as_millis())?;
    if manner.coverage {
        coverage(out, report)?;
    }
    Ok(())
}

/// What is not as expected of one case.
struct Failed<'a> {
    file: &'a SourceFile,
    case: &'a Case,
    mismatches: &'a [Mismatch],
    colours: bool,
}

impl fmt::Display for Failed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = |offset: usize| {
            let (line, column) = self.file.line_column(offset);
            format!("{}:{line}:{column}", self.file.path)
        };
        writeln!(f, "\n  {}: {}", place(self.case.span.start), self.case.name)?;
        for mismatch in self.mismatches {
            writeln!(f, "    {}: {}", place(mismatch.span.start), mismatch.what)?;
            for difference in &mismatch.differences {
                if !difference.path.is_empty() {
                    writeln!(f, "      {}", difference.path)?;
                }
                let expected = difference.expected.as_deref().unwrap_or("nothing");
                let found = difference.found.as_deref().unwrap_or("nothing");
                let (minus, plus) = (format!("- {expected}"), format!("+ {found}"));
                writeln!(f, "        {}", paint(&minus, anstyle::AnsiColor::Red, self.colours))?;
                writeln!(f, "        {}", paint(&plus, anstyle::AnsiColor::Green, self.colours))?;
            }
        }
        writeln!(f)
    }
}

fn coverage(out: &mut String, report: &Report<'_>) -> fmt::Result {
    writeln!(out, "\ncoverage")?;
    for part in PARTS {
        let (reached, all) = report.reached(part);
        let name = plural(part);
        writeln!(out, "  {name:<14} {:>3}%  {reached} of {all}", percent((reached, all)))?;
    }
    let left = || report.coverage.iter().flat_map(|(plan, items)| items.iter().map(move |item| (plan, item)));
    let mut left = left().filter(|(_, item)| !item.reached).peekable();
    if left.peek().is_some() {
        writeln!(out, "not reached")?;
    }
    for (plan, item) in left {
        let (line, column) = plan.file().line_column(item.at);
        writeln!(out, "  {}:{line}:{column}: {} `{}`", plan.file().path, item.part.name(), item.name)?;
    }
    Ok(())
}

fn plural(part: Part) -> &'static str {
    match part {
        Part::Step => "steps",
        Part::Branch => "branches",
        Part::Failure => "failure paths",
    }
}

/// For programs; the fields are stable.
pub fn machine(report: &Report<'_>) -> Value {
    let mut cases = Vec::new();
    for file in &report.files {
        let place = |offset: usize| file.cases.file.line_column(offset);
        for (index, mismatches, took) in &file.results {
            let Some(case) = file.cases.cases.get(*index) else { continue };
            let (line, column) = place(case.span.start);
            let told = |mismatch: &Mismatch| {
                let (line, column) = place(mismatch.span.start);
                let differences = mismatch
                    .differences
                    .iter()
                    .map(|one| json!({ "path": one.path, "expected": one.expected, "found": one.found }));
                json!({
                    "what": mismatch.what,
                    "line": line,
                    "column": column,
                    "differences": differences.collect::<Vec<_>>(),
                })
            };
            cases.push(json!({
                "file": &*file.cases.file.path,
                "line": line,
                "column": column,
                "route": file.cases.plan.name(),
                "name": case.name,
                "passed": mismatches.is_empty(),
                "microseconds": u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                "mismatches": mismatches.iter().map(told).collect::<Vec<_>>(),
            }));
        }
    }
    let mut reached = serde_json::Map::new();
    for part in PARTS {
        let (hit, all) = report.reached(part);
        reached.insert(
            plural(part).replace(' ', "_"),
            json!({ "reached": hit, "of": all, "percent": percent((hit, all)) }),
        );
    }
    let mut left = Vec::new();
    for (plan, items) in &report.coverage {
        for item in items.iter().filter(|item| !item.reached) {
            let (line, column) = plan.file().line_column(item.at);
            left.push(json!({
                "route": plan.name(),
                "kind": item.part.name().replace(' ', "_"),
                "name": item.name,
                "file": &*plan.file().path,
                "line": line,
                "column": column,
            }));
        }
    }
    let (all, failed) = report.counts();
    json!({
        "passed": failed == 0,
        "cases": all,
        "failed": failed,
        "milliseconds": u64::try_from(report.elapsed.as_millis()).unwrap_or(u64::MAX),
        "results": cases,
        "coverage": { "reached": reached, "not_reached": left },
    })
}

/// The XML that continuous integration reads: a `testsuite` for each file.
pub fn junit(report: &Report<'_>) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a string does not fail.
    let _ = write_junit(&mut out, report);
    out
}

fn write_junit(out: &mut String, report: &Report<'_>) -> fmt::Result {
    let (all, failed) = report.counts();
    let time = report.elapsed.as_secs_f64();
    writeln!(
        out,
        "<testsuites name=\"trunkline\" tests=\"{all}\" failures=\"{failed}\" errors=\"0\" time=\"{time:.6}\">"
    )?;
    for file in report.files.iter().filter(|file| !file.results.is_empty()) {
        let failed = file.results.iter().filter(|(_, mismatches, _)| !mismatches.is_empty()).count();
        let time: f64 = file.results.iter().map(|(_, _, took)| took.as_secs_f64()).sum();
        let (route, all, path) = (escape(file.cases.plan.name()), file.results.len(), escape(&file.cases.file.path));
        writeln!(
            out,
            "  <testsuite name=\"{route}\" tests=\"{all}\" failures=\"{failed}\" errors=\"0\" skipped=\"0\" time=\"{time:.6}\" file=\"{path}\">"
        )?;
        for (index, mismatches, took) in &file.results {
            let Some(case) = file.cases.cases.get(*index) else { continue };
            let (name, time) = (escape(&case.name), took.as_secs_f64());
            let (line, _) = file.cases.file.line_column(case.span.start);
            write!(
                out,
                "    <testcase name=\"{name}\" classname=\"{route}\" file=\"{path}\" line=\"{line}\" time=\"{time:.6}\""
            )?;
            if mismatches.is_empty() {
                writeln!(out, "/>")?;
                continue;
            }
            let what: Vec<&str> = mismatches.iter().map(|mismatch| mismatch.what.as_str()).collect();
            let text = Failed { file: &file.cases.file, case, mismatches, colours: false }.to_string();
            let (what, text) = (escape(&what.join(", ")), escape(&text));
            writeln!(out, ">\n      <failure message=\"{what}\" type=\"mismatch\">{text}</failure>\n    </testcase>")?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

/// What XML 1.0 cannot carry becomes the replacement character.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(character),
            control if control < ' ' || matches!(control, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}
