//! Regular expressions: constant, compiled with the program, matched in linear time.

use std::fmt;

use super::env::Env;
use super::eval::Out;
use super::node::{Node, RegexOp};
use super::ops;
use super::run::Run;
use super::stop::{Flow, fail};
use crate::message::{Members, Text, Value};

/// Bytes of a compiled expression.
const MAX_SIZE: usize = 1 << 20;

/// A regular expression with the flags that concern the search.
pub(super) struct Regex {
    regex: regex::Regex,
    global: bool,
    skip_empty: bool,
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.regex)
    }
}

impl Regex {
    /// Compiles an expression with jq's flags.
    pub(super) fn new(pattern: &str, flags: &str, global: bool) -> Result<Self, String> {
        let mut builder = regex::RegexBuilder::new(pattern);
        builder.size_limit(MAX_SIZE);
        let (mut global, mut skip_empty) = (global, false);
        for flag in flags.chars() {
            match flag {
                'g' => global = true,
                'n' => skip_empty = true,
                'i' => drop(builder.case_insensitive(true)),
                'x' => drop(builder.ignore_whitespace(true)),
                's' => drop(builder.dot_matches_new_line(true)),
                'p' => drop(builder.dot_matches_new_line(true).multi_line(true)),
                other => return Err(format!("`{other}` is not a flag: there are `g`, `i`, `n`, `p`, `s` and `x`")),
            }
        }
        let regex = builder.build().map_err(|error| {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        })?;
        Ok(Self { regex, global, skip_empty })
    }
}

/// Counts characters up to growing byte positions.
struct Characters<'t> {
    text: &'t str,
    byte: usize,
    character: usize,
}

impl Characters<'_> {
    fn at(&mut self, byte: usize) -> Value {
        if byte < self.byte {
            (self.byte, self.character) = (0, 0);
        }
        self.character += self.text.get(self.byte..byte).unwrap_or_default().chars().count();
        self.byte = byte;
        ops::count(self.character)
    }
}

impl Run<'_> {
    pub(super) fn regex(
        &self,
        op: RegexOp,
        regex: &Regex,
        with: Option<&Node>,
        env: &Env<'_>,
        input: &Value,
        out: Out<'_>,
    ) -> Flow {
        let Value::String(text) = input else {
            return Err(fail(format!("{} cannot be matched: it is not a string", ops::described(input))));
        };
        self.charge(1 + text.len() / 16)?;
        let part = |range: std::ops::Range<usize>| Value::String(text.try_slice(range).unwrap_or_default());
        let mut characters = Characters { text, byte: 0, character: 0 };
        let found = regex
            .regex
            .captures_iter(text)
            .filter(|captures| !(regex.skip_empty && captures.get(0).is_none_or(|whole| whole.is_empty())));
        let found = found.take(if regex.global { usize::MAX } else { 1 });
        match op {
            RegexOp::Test => {
                let mut found = found;
                out(Value::Bool(found.next().is_some()))
            }
            RegexOp::Match => {
                for captures in found {
                    self.charge(captures.len())?;
                    out(described(regex, &captures, &mut characters, &part))?;
                }
                Ok(())
            }
            RegexOp::Capture => {
                for captures in found {
                    self.charge(captures.len())?;
                    out(named(regex, &captures, &part))?;
                }
                Ok(())
            }
            RegexOp::Scan => {
                for captures in found {
                    self.charge(captures.len())?;
                    let group =
                        |group: Option<regex::Match<'_>>| group.map(|found| part(found.range())).unwrap_or_default();
                    out(match captures.len() {
                        1 => group(captures.get(0)),
                        _ => captures.iter().skip(1).map(group).collect(),
                    })?;
                }
                Ok(())
            }
            RegexOp::Split | RegexOp::Splits => {
                let mut parts = Vec::new();
                let mut from = 0;
                for captures in found {
                    let Some(whole) = captures.get(0) else { continue };
                    parts.push(part(from..whole.start()));
                    from = whole.end();
                    self.charge_items(parts.len(), 1)?;
                }
                parts.push(part(from..text.len()));
                if op == RegexOp::Split { out(Value::array(parts)) } else { parts.into_iter().try_for_each(out) }
            }
            RegexOp::Sub => {
                let Some(with) = with else { return Err(fail("sub needs a replacement")) };
                // Each output of the replacement makes a result of its own.
                let mut results = vec![String::new()];
                let mut from = 0;
                for captures in found {
                    let Some(whole) = captures.get(0) else { continue };
                    let between = text.get(from..whole.start()).unwrap_or_default();
                    from = whole.end();
                    let mut replacements = Vec::new();
                    self.each(with, env, &named(regex, &captures, &part), &mut |value| match value {
                        Value::String(value) => {
                            replacements.push(value);
                            self.charge(1)
                        }
                        other => Err(fail(format!("a replacement is a string, not {}", ops::described(&other)))),
                    })?;
                    if let ([result], [replacement]) = (results.as_mut_slice(), replacements.as_slice()) {
                        result.push_str(between);
                        result.push_str(replacement);
                        self.charge_text(result.len(), between.len() + replacement.len())?;
                        continue;
                    }
                    let mut next = Vec::new();
                    for replacement in &replacements {
                        for result in &results {
                            let all = format!("{result}{between}{replacement}");
                            self.charge_text(all.len(), all.len())?;
                            next.push(all);
                            self.charge_items(next.len(), 1)?;
                        }
                    }
                    results = next;
                }
                let rest = text.get(from..).unwrap_or_default();
                results.into_iter().try_for_each(|result| out(Value::String(Text::from(result + rest))))
            }
        }
    }
}

/// The object that `match` gives.
fn described(
    regex: &Regex,
    captures: &regex::Captures<'_>,
    characters: &mut Characters<'_>,
    part: &dyn Fn(std::ops::Range<usize>) -> Value,
) -> Value {
    let mut describe = |found: Option<regex::Match<'_>>| -> Members {
        let key = |name: &'static str| Text::from_static(name);
        match found {
            Some(found) => [
                (key("offset"), characters.at(found.start())),
                (key("length"), ops::count(found.as_str().chars().count())),
                (key("string"), part(found.range())),
            ]
            .into_iter()
            .collect(),
            None => [(key("offset"), Value::from(-1)), (key("length"), Value::from(0)), (key("string"), Value::Null)]
                .into_iter()
                .collect(),
        }
    };
    let mut whole = describe(captures.get(0));
    let groups = captures.iter().zip(regex.regex.capture_names()).skip(1).map(|(found, name)| {
        let mut group = describe(found);
        group.insert(Text::from_static("name"), name.map_or(Value::Null, Value::from));
        Value::object(group)
    });
    let groups: Value = groups.collect();
    whole.insert(Text::from_static("captures"), groups);
    Value::object(whole)
}

/// The object of the named groups.
fn named(regex: &Regex, captures: &regex::Captures<'_>, part: &dyn Fn(std::ops::Range<usize>) -> Value) -> Value {
    let groups = captures.iter().zip(regex.regex.capture_names());
    let groups = groups.filter_map(|(found, name)| {
        Some((Text::from(name?), found.map(|found| part(found.range())).unwrap_or_default()))
    });
    Value::object(groups.collect())
}
