//! Writes what the cases have shown into their test files. Only the values that differ are replaced; comments and
//! everything else stay.

use std::collections::BTreeSet;
use std::ops::Range;

use super::case::Cases;
use super::emit;
use super::judge::{Fix, Mismatch};
use crate::diagnostic::SourceFile;
use crate::format::json;
use crate::message::{Limits, Value};

/// What is to be written.
#[derive(Debug, Default)]
pub struct Update {
    /// The new text of the test file, if it changes.
    pub text: Option<String>,
    /// Files of documents with what they hold from now on.
    pub files: Vec<(String, Vec<u8>)>,
}

/// What makes the cases of a file right, as far as that is a matter of what they expect.
pub fn update(cases: &Cases, results: &[(usize, Vec<Mismatch>, std::time::Duration)]) -> Update {
    let file = &cases.file;
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let mut files = Vec::new();
    let inputs = inputs(cases);
    for (index, mismatches, _) in results {
        let Some(case) = cases.cases.get(*index) else { continue };
        for mismatch in mismatches {
            let span = content(file, &mismatch.span);
            match &mismatch.fix {
                None => {}
                Some(Fix::File(path, _)) if inputs.contains(path.as_str()) => {}
                Some(Fix::File(path, body)) => files.push((path.clone(), readable(path, body))),
                Some(Fix::Value(shown)) => edits.push(value(file, span, shown)),
                Some(Fix::Plain(word)) => edits.push((span, word.clone())),
                Some(Fix::Text(text)) => edits.push(scalar(file, span, text)),
                Some(Fix::Key(name, word)) => {
                    let at = span.start;
                    edits.push(match file.text.get(span).is_some_and(|text| text.starts_with('{')) {
                        true => (at + 1..at + 1, format!(" {name}: {word},")),
                        false => (at..at, format!("{name}: {word}\n{}", " ".repeat(column(file, at)))),
                    });
                }
                Some(Fix::Expect(members)) => edits.push(expectation(file, &content(file, &case.whole), members)),
            }
        }
    }
    files.dedup();
    Update { text: apply(&file.text, edits), files }
}

/// The key `expect` at the end of a case.
fn expectation(file: &SourceFile, case: &Range<usize>, members: &[(String, Value)]) -> (Range<usize>, String) {
    let written = file.text.get(case.clone()).unwrap_or_default();
    if written.starts_with('{') {
        let at = case.start + written.strip_suffix('}').unwrap_or(written).trim_end().len();
        let value = members.iter().map(|(name, value)| (name.as_str().into(), value.clone())).collect::<Value>();
        return (at..at, format!(", expect: {}", emit::flow(&value)));
    }
    let column = column(file, case.start);
    let text = format!("\n{}expect:\n{}", " ".repeat(column), emit::block(members, column + 2));
    (case.end..case.end, text.trim_end().to_owned())
}

/// The documents that a case sends or answers with: what is expected must not overwrite them.
fn inputs(cases: &Cases) -> BTreeSet<&str> {
    cases.cases.iter().flat_map(|case| case.sent_files.iter().map(String::as_str)).collect()
}

/// All of a value: the reader of YAML gives of maps and lists only where they begin.
fn content(file: &SourceFile, span: &Range<usize>) -> Range<usize> {
    let text = file.text.get(span.start..).unwrap_or_default();
    let length = if text.starts_with(['{', '[']) {
        in_brackets(text)
    } else if span.is_empty() {
        in_block(text, column(file, span.start))
    } else {
        return span.start..span.start + file.text.get(span.clone()).unwrap_or_default().trim_end().len();
    };
    span.start..span.start + length
}

/// The length of a map or list in brackets. What stands in quotes or comments does not count.
fn in_brackets(text: &str) -> usize {
    let (mut depth, mut quote, mut before) = (0_usize, None, ' ');
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some('"'), '\\') if !escaped => {
                escaped = true;
                continue;
            }
            (Some(open), close) if open == close && !escaped => quote = None,
            (Some('#'), '\n') => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') if !before.is_alphanumeric() => quote = Some(character),
            (None, '#') if before.is_whitespace() => quote = Some('#'),
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + character.len_utf8();
                }
            }
            (None, _) => {}
        }
        (escaped, before) = (false, character);
    }
    text.len()
}

/// The length of a map or list without brackets that begins in this column: its lines are indented at least so far.
fn in_block(text: &str, column: usize) -> usize {
    let (mut end, mut at) = (0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let indentation = line.len() - line.trim_start_matches(' ').len();
        let words = line.trim();
        let is_empty = words.is_empty() || words.starts_with('#');
        if number > 0 && !is_empty && indentation < column {
            break;
        }
        if !is_empty {
            end = at + line.trim_end().len();
        }
        at += line.len();
    }
    end
}

fn line_start(file: &SourceFile, at: usize) -> usize {
    file.text.get(..at).and_then(|text| text.rfind('\n')).map_or(0, |newline| newline + 1)
}

/// The indentation of the line in which something stands; the dash of a list is a part of it.
fn indent(file: &SourceFile, at: usize) -> usize {
    let line = file.text.get(line_start(file, at)..).unwrap_or_default();
    line.len() - line.trim_start_matches([' ', '-']).len()
}

fn column(file: &SourceFile, at: usize) -> usize {
    at - line_start(file, at)
}

/// Text in place of a scalar: as a block scalar if it is one or can be one, else in quotes. Gives the span that it
/// replaces.
fn scalar(file: &SourceFile, span: Range<usize>, text: &str) -> (Range<usize>, String) {
    let start = line_start(file, span.start);
    let before = file.text.get(start..span.start).unwrap_or_default();
    let lines = if text.starts_with('<') { emit::lines_of_xml(text) } else { text.to_owned() };
    let indented = |by: &str| lines.lines().collect::<Vec<_>>().join(&format!("\n{by}"));
    if before.trim().is_empty() && file.text.get(..start).is_some_and(is_block_mark) {
        return (span, indented(before));
    }
    if has_own_lines(file, &span) && lines.contains('\n') {
        let by = " ".repeat(indent(file, span.start) + 2);
        return (span, format!("|\n{by}{}", indented(&by)));
    }
    (span, emit::flow(&Value::from(text)))
}

/// A value in place of another one: in block style where that is possible and better, else in brackets.
fn value(file: &SourceFile, span: Range<usize>, value: &Value) -> (Range<usize>, String) {
    let indent = indent(file, span.start);
    let short = emit::value(value, indent);
    match value {
        Value::Object(members) if short.contains('\n') && has_own_lines(file, &span) => {
            let members: Vec<_> = members.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
            // The space after the colon goes too.
            let start = span.start.saturating_sub(1);
            (start..span.end, format!("\n{}", emit::block(&members, indent + 2).trim_end()))
        }
        _ => (span, short),
    }
}

/// Whether a value stands alone after its key, outside of brackets, so that it may go on below.
fn has_own_lines(file: &SourceFile, span: &Range<usize>) -> bool {
    let before = file.text.get(line_start(file, span.start)..span.start).unwrap_or_default();
    let key = before.trim_start_matches([' ', '-']);
    let after = file.text.get(span.end..).unwrap_or_default().split('\n').next().unwrap_or_default();
    key.ends_with(": ") && !key.starts_with(['{', '[', '"']) && !key.contains(['{', '[']) && after.trim().is_empty()
}

/// Whether the line before ends with the mark of a block scalar.
fn is_block_mark(before: &str) -> bool {
    before.trim_end().trim_end_matches(['+', '-']).ends_with(['|', '>'])
}

/// A document as people keep it in a file.
fn readable(path: &str, body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    let mut text = match json::read(body, &Limits::default()) {
        Ok(value) => json::pretty(&value),
        Err(_) if path.ends_with(".xml") => emit::lines_of_xml(&text),
        Err(_) => text.into_owned(),
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text.into_bytes()
}

/// The text with its edits, the last ones first. Of edits that overlap, the one that begins earlier wins.
fn apply(text: &str, mut edits: Vec<(Range<usize>, String)>) -> Option<String> {
    edits.sort_by_key(|(span, _)| (span.start, span.end));
    edits.dedup();
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (span, new) in edits {
        if span.start < done {
            continue;
        }
        out.push_str(text.get(done..span.start)?);
        out.push_str(&new);
        done = span.end;
    }
    out.push_str(text.get(done..)?);
    (out != text).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_all_of_a_value() {
        let text = "- name: a\n  flow: { a: 'x}', b: [\"]\\\"\", 1], # }\n    c: it's } # end\n  block:\n    one: 1\n    # inner\n    two: 2\n\n  # after\n- name: b\n";
        let file = SourceFile::new("x.yaml", text);
        let at = |word: &str| file.text.find(word).expect("is there");
        let whole = |span: Range<usize>| file.text[content(&file, &span)].to_owned();
        let flow = at("{ a");
        assert_eq!(whole(flow..flow + 1), "{ a: 'x}', b: [\"]\\\"\", 1], # }\n    c: it's }");
        assert_eq!(whole(at("one: 1")..at("one: 1")), "one: 1\n    # inner\n    two: 2");
        assert!(whole(at("name: a")..at("name: a")).ends_with("two: 2"));
    }
}
