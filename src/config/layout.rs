//! One layout for the YAML files of a project: two spaces for each level, lists one level below their key, one space
//! behind `:` and `-`, one blank line at most, no white space at the ends of lines.
//!
//! It works on lines and changes white space alone; comments, quotes, the order of keys and what stands in `|` blocks
//! stay. What it does not know (tags, several documents, tabs, …) it refuses. What comes out is read again and
//! must be the same document.

use serde_saphyr::Error;

use crate::message::Value;

/// Why a file is left as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct Refused {
    /// From 1.
    pub line: usize,
    /// What the formatter does not know.
    pub reason: &'static str,
}

/// The file in its layout; formatting that again changes nothing.
pub fn layout(text: &str) -> Result<String, Refused> {
    let mut writer = Writer::default();
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        writer.line(line.trim_end_matches('\r')).map_err(|reason| Refused { line: number + 1, reason })?;
    }
    let out = writer.end();
    // The last word is the reader's: whatever was overlooked, no file changes its meaning.
    match (read(text), read(&out)) {
        (Ok(before), Ok(after)) if before == after => Ok(out),
        (Err(_), _) => {
            Err(Refused { line: 1, reason: "the file is not well-formed YAML; `trunkline check` tells where" })
        }
        _ => Err(Refused { line: 1, reason: "the file cannot be laid out without a change of its meaning" }),
    }
}

/// The document with the order of its keys.
fn read(text: &str) -> Result<Value, Error> {
    serde_saphyr::from_str::<crate::transform::Cell>(if text.trim().is_empty() { "{}" } else { text })
        .map(|cell| cell.0)
}

/// A level of nesting.
#[derive(Clone, Copy, Debug)]
struct Level {
    /// Where it stood.
    old: usize,
    /// Where it stands now.
    new: usize,
    is_list: bool,
}

/// What lines belong to that do not begin an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Nothing,
    /// A `|` or `>` block of an entry in this column; where its text stood and stands, once its first line is seen.
    Block { entry: usize, new: usize, text: Option<usize> },
    /// A text without quotes, which may go on in lines that are indented more than its entry.
    Plain { entry: usize, new: usize },
    /// A text in quotes, or brackets that are still open.
    Open { state: Scan, shift: isize, least: usize },
}

/// Where a scan of quotes and brackets has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Scan {
    quote: Option<char>,
    depth: usize,
}

/// A comment that has a line of its own.
struct Comment {
    text: String,
    old: usize,
    /// Where the level in whose column it stands is now.
    new: Option<usize>,
}

#[derive(Default)]
struct Writer {
    out: Vec<String>,
    levels: Vec<Level>,
    within: Within,
    blank: usize,
    /// Comments wait for the line that they stand above: it says how far in they are, unless they end a deeper level.
    /// `None` is a blank line.
    comments: Vec<Option<Comment>>,
}

impl Writer {
    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        let content = line.trim_start_matches(' ');
        let indent = line.len() - content.len();
        if self.goes_on(line, content, indent)? {
            return Ok(());
        }
        let content = content.trim_end_matches(' ');
        if content.is_empty() {
            if self.comments.is_empty() {
                self.blank += 1
            } else {
                self.comments.push(None)
            }
            return Ok(());
        }
        if content.starts_with('#') {
            let level = self.levels.iter().rev().find(|level| level.old == indent);
            let new = level.map(|level| level.new);
            self.comments.push(Some(Comment { text: content.to_owned(), old: indent, new }));
            return Ok(());
        }
        if line.contains('\t') {
            return Err("a tab; indent with spaces");
        }
        if indent == 0 && (content.starts_with("---") || content.starts_with("...") || content.starts_with('%')) {
            return Err("a marker of documents; write one document without it");
        }
        self.entry(content, indent)
    }

    /// Whether the line belongs to what is open; then it was taken.
    fn goes_on(&mut self, line: &str, content: &str, indent: usize) -> Result<bool, &'static str> {
        match self.within {
            Within::Nothing => Ok(false),
            Within::Block { entry, new, text } => {
                if content.is_empty() {
                    self.out.push(String::new());
                    return Ok(true);
                }
                if indent <= entry {
                    self.leave_block();
                    return Ok(false);
                }
                let start = text.unwrap_or(indent);
                let Some(rest) = line.get(start..).filter(|_| indent >= start) else {
                    return Err("a line of a block stands before its first one");
                };
                // What stands in a block is kept to the last space.
                self.out.push(format!("{}{rest}", " ".repeat(new + 2)));
                self.within = Within::Block { entry, new, text: Some(start) };
                Ok(true)
            }
            Within::Plain { entry, new } => {
                if content.is_empty() || content.starts_with('#') || indent <= entry {
                    self.within = Within::Nothing;
                    return Ok(false);
                }
                self.out.push(format!("{}{}", " ".repeat(new + 2), content.trim_end_matches(' ')));
                Ok(true)
            }
            Within::Open { state, shift, least } => {
                let content = content.trim_end_matches(' ');
                let state = scan(content, state)?;
                let moved = isize::try_from(indent).unwrap_or(0).saturating_add(shift);
                let to = usize::try_from(moved).unwrap_or(0).max(least);
                let padding = if content.is_empty() { String::new() } else { " ".repeat(to) };
                self.out.push(format!("{padding}{content}"));
                self.within =
                    if state == Scan::default() { Within::Nothing } else { Within::Open { state, shift, least } };
                Ok(true)
            }
        }
    }

    /// Blank lines at the end of a block stand behind it.
    fn leave_block(&mut self) {
        self.within = Within::Nothing;
        while self.out.last().is_some_and(String::is_empty) {
            self.out.pop();
            self.blank += 1;
        }
    }

    /// A line that begins an entry of a list or map, or is a value by itself.
    fn entry(&mut self, content: &str, indent: usize) -> Result<(), &'static str> {
        let is_item = content == "-" || content.starts_with("- ");
        while self
            .levels
            .last()
            .is_some_and(|level| level.old > indent || (level.old == indent && level.is_list && !is_item))
        {
            self.levels.pop();
        }
        let known = self.levels.last().is_some_and(|level| level.old == indent && level.is_list == is_item);
        if !known {
            let new = self.levels.last().map_or(0, |level| level.new + 2);
            self.levels.push(Level { old: indent, new, is_list: is_item });
        }
        let at = self.levels.last().map_or(0, |level| level.new);
        self.above(indent, at);
        let mut text = String::new();
        let (mut rest, mut column, mut new) = (content, indent, at);
        // An item may begin with an entry of its own, as `- name: x`.
        while let Some(after) = rest.strip_prefix("- ") {
            let inner = after.trim_start_matches(' ');
            if inner.starts_with('#') {
                break;
            }
            column += rest.len() - inner.len();
            new += 2;
            text.push_str("- ");
            rest = inner;
            let is_list = rest == "-" || rest.starts_with("- ");
            if is_list || key_end(rest).is_some() {
                self.levels.push(Level { old: column, new, is_list });
            }
        }
        if ["?", ":"].contains(&rest) || rest.starts_with("? ") || rest.starts_with(": ") {
            return Err("a key of this kind");
        }
        let (key, value) = match key_end(rest) {
            Some(end) => {
                (rest.get(..end).unwrap_or_default(), rest.get(end..).unwrap_or_default().trim_start_matches(' '))
            }
            // An item whose value stands below it.
            None if rest == "-" => (rest, ""),
            None => ("", rest),
        };
        if key.starts_with(['?', '&', '*', '!', '|', '>', '%', '@', '`'])
            || (key.starts_with(['[', '{']) && !key.is_empty())
        {
            return Err("a key of this kind");
        }
        text.push_str(key);
        if !key.is_empty() && !value.is_empty() {
            text.push(' ');
        }
        text.push_str(value);
        self.out.push(format!("{}{text}", " ".repeat(at)));
        // The entry to which lines below belong: the map's key, or the item.
        let (entry, new) = if key.is_empty() && column != indent { (indent, at) } else { (column, new) };
        self.value(value, entry, new)
    }

    /// What a value leaves open for the lines below.
    fn value(&mut self, value: &str, entry: usize, new: usize) -> Result<(), &'static str> {
        match value.chars().next() {
            None | Some('#') => {}
            Some('!') => return Err("a tag"),
            Some('*') => {}
            Some('&') => {
                let behind = value.split_once(' ').map_or("", |(_, behind)| behind.trim_start_matches(' '));
                // One anchor for each value: the rest is looked at like any other.
                if behind.starts_with('&') {
                    return Err("two anchors");
                }
                return self.value(behind, entry, new);
            }
            Some('|' | '>') => {
                if value.split([' ', '#']).next().unwrap_or_default().chars().any(|char| char.is_ascii_digit()) {
                    return Err("a block that says its own indentation");
                }
                self.within = Within::Block { entry, new, text: None };
            }
            Some('"' | '\'' | '[' | '{') => {
                let state = scan(value, Scan::default())?;
                if state != Scan::default() {
                    let shift = isize::try_from(new).unwrap_or(0) - isize::try_from(entry).unwrap_or(0);
                    self.within = Within::Open { state, shift, least: new };
                }
            }
            Some(_) => self.within = Within::Plain { entry, new },
        }
        Ok(())
    }

    /// What stands above a line: one blank line at most, then the comments that belong to it.
    fn above(&mut self, old: usize, new: usize) {
        let is_first = self.out.is_empty();
        if self.blank > 0 && !is_first {
            self.out.push(String::new());
        }
        self.blank = 0;
        let mut was_blank = true;
        for comment in std::mem::take(&mut self.comments) {
            match comment {
                Some(comment) => {
                    let at = comment.new.filter(|_| comment.old > old).unwrap_or(new);
                    self.out.push(format!("{}{}", " ".repeat(at), comment.text));
                }
                None if was_blank => {}
                None => self.out.push(String::new()),
            }
            was_blank = self.out.last().is_some_and(String::is_empty);
        }
    }

    fn end(mut self) -> String {
        self.leave_block();
        self.above(0, 0);
        while self.out.last().is_some_and(String::is_empty) {
            self.out.pop();
        }
        let mut text = self.out.join("\n");
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }
}

/// Where the key of an entry ends, behind its `:`; `None` if the text is a value.
fn key_end(text: &str) -> Option<usize> {
    let mut quote: Option<char> = None;
    let mut escaped = false;
    let mut depth = 0_usize;
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        match (quote, char) {
            (Some('"'), '\\') => escaped = !escaped,
            (Some('\''), '\'') if next == Some('\'') => drop(chars.next()),
            (Some(open), char) if char == open && !escaped => quote = None,
            (Some(_), _) => escaped = false,
            (None, '"' | '\'') if at == 0 || depth > 0 => quote = Some(char),
            (None, '[' | '{') if at == 0 || depth > 0 => depth += 1,
            (None, ']' | '}') => depth = depth.saturating_sub(1),
            (None, ':') if depth == 0 && next.is_none_or(|next| next == ' ') => return Some(at + 1),
            (None, '#') if depth == 0 && text.get(..at).is_some_and(|before| before.ends_with(' ')) => return None,
            (None, _) => {}
        }
    }
    None
}

/// Goes through a line of quotes and brackets.
fn scan(text: &str, state: Scan) -> Result<Scan, &'static str> {
    let Scan { mut quote, mut depth } = state;
    let mut escaped = false;
    let mut before = ' ';
    // What a token begins behind.
    let mut last = ',';
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match (quote, char) {
            (Some('"'), '\\') => escaped = !escaped,
            (Some('\''), '\'') if chars.peek() == Some(&'\'') => drop(chars.next()),
            (Some(open), char) if char == open && !escaped => quote = None,
            (Some(_), _) => escaped = false,
            (None, '#') if before == ' ' => break,
            (None, '"' | '\'') if "[{,:".contains(last) => quote = Some(char),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth = depth.checked_sub(1).ok_or("a bracket that nothing opens")?,
            (None, '!') if depth > 0 && "[{,:".contains(last) => return Err("a tag"),
            (None, _) => {}
        }
        before = char;
        if char != ' ' {
            last = char;
        }
    }
    Ok(Scan { quote, depth })
}
