//! Pattern facets for the linear regex engine.
//!
//! XML Schema's regular expressions (part 2, appendix F) differ from those of `regex` in small ways. Only the common
//! part is translated; `None` leaves the type to the engine.

use regex::{Regex, RegexBuilder};

use super::runs::Runs;

/// More than this memory for one pattern is refused.
const SIZE_LIMIT: usize = 256 << 10;

/// A pattern of a schema as an anchored expression that matches nothing else.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    regex: Regex,
    runs: Option<Runs>,
}

impl Pattern {
    pub(crate) fn is_match(&self, text: &str) -> bool {
        match &self.runs {
            Some(runs) => runs.is_match(text),
            None => self.regex.is_match(text),
        }
    }

    /// The expression.
    pub(crate) fn as_str(&self) -> &str {
        self.regex.as_str()
    }
}

/// The pattern of a schema, if it is of the common part.
pub(crate) fn translate(pattern: &str) -> Option<Pattern> {
    let mut out = String::with_capacity(pattern.len() + 8);
    out.push_str("^(?:");
    let mut chars = pattern.chars().peekable();
    let mut groups = 0_u32;
    while let Some(char) = chars.next() {
        match char {
            '\\' => out.push_str(outside(chars.next()?)?),
            '[' => class(&mut chars, &mut out)?,
            '.' => out.push_str(r"[^\n\r]"),
            '(' if chars.peek() == Some(&'?') => return None,
            '(' => {
                groups += 1;
                out.push_str("(?:");
            }
            ')' => {
                groups = groups.checked_sub(1)?;
                out.push(')');
            }
            '?' | '*' | '+' => {
                out.push(char);
                // A quantifier of a quantifier means something else in the other dialect.
                if matches!(chars.peek(), Some('?' | '*' | '+' | '{')) {
                    return None;
                }
            }
            '{' => {
                out.push('{');
                loop {
                    match chars.next()? {
                        '}' => break,
                        char @ ('0'..='9' | ',') => out.push(char),
                        _ => return None,
                    }
                }
                out.push('}');
                if matches!(chars.peek(), Some('?' | '*' | '+' | '{')) {
                    return None;
                }
            }
            '|' => out.push('|'),
            ']' | '}' => return None,
            '^' | '$' => {
                out.push('\\');
                out.push(char);
            }
            char => out.push_str(&regex::escape(char.encode_utf8(&mut [0; 4]))),
        }
    }
    out.push_str(")$");
    if groups > 0 {
        return None;
    }
    let regex = RegexBuilder::new(&out).size_limit(SIZE_LIMIT).dfa_size_limit(SIZE_LIMIT).build().ok()?;
    Some(Pattern { regex, runs: Runs::of(&out) })
}

/// An escape outside of a class. `\d` and its like are narrower here than in XML Schema, never wider.
fn outside(char: char) -> Option<&'static str> {
    Some(match char {
        'd' => "[0-9]",
        's' => r"[ \t\n\r]",
        'w' => "[0-9A-Za-z]",
        'n' => r"\n",
        'r' => r"\r",
        't' => r"\t",
        '-' => r"\-",
        '\\' => r"\\",
        '|' => r"\|",
        '.' => r"\.",
        '?' => r"\?",
        '*' => r"\*",
        '+' => r"\+",
        '(' => r"\(",
        ')' => r"\)",
        '{' => r"\{",
        '}' => r"\}",
        '[' => r"\[",
        ']' => r"\]",
        '^' => r"\^",
        _ => return None,
    })
}

/// A class after its `[`: characters, ranges, and single-character escapes; no subtraction.
fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) -> Option<()> {
    out.push('[');
    let negative = chars.peek() == Some(&'^');
    if negative {
        chars.next();
        out.push('^');
    }
    let mut is_empty = true;
    loop {
        match chars.next()? {
            ']' if is_empty => return None,
            ']' => break,
            '[' => return None,
            '\\' => match chars.next()? {
                'd' if !negative => out.push_str("0-9"),
                's' if !negative => out.push_str(r" \t\n\r"),
                'w' if !negative => out.push_str("0-9A-Za-z"),
                // Narrower is wider here.
                'd' | 's' | 'w' => return None,
                char => out.push_str(outside(char)?),
            },
            '-' => {
                // A range in between, or itself at either end.
                let is_last = chars.peek() == Some(&']');
                out.push_str(if is_empty || is_last { r"\-" } else { "-" });
            }
            char if char.is_ascii_punctuation() => out.push_str(&regex::escape(char.encode_utf8(&mut [0; 4]))),
            char => out.push(char),
        }
        is_empty = false;
    }
    out.push(']');
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_what_the_schema_means() {
        for (pattern, yes, no) in [
            ("[0-9]{10}", "0123456789", "01234567890"),
            (r"[0-9A-Z][0-9A-Z\-]{5,17}", "007-4410-B", "-07-4410"),
            ("[A-Z]{2,}|x", "ABC", "xx"),
            (r"\d+(\.\d{2})?", "12.50", "12.5"),
            ("a.c", "abc", "a\nc"),
            ("[^/]+", "a-b", "a/b"),
            ("[a&&b]", "&", "&&"),
            ("^a$", "^a$", "a"),
            ("[-+]?1", "-1", "--1"),
            ("", "", "a"),
        ] {
            let found = translate(pattern).expect(pattern);
            assert!(found.is_match(yes) && !found.is_match(no), "{pattern}");
        }
    }

    #[test]
    fn leaves_the_rest_to_the_engine() {
        for pattern in
            [r"\p{Lu}", r"\i\c*", "[A-Z-[IO]]", r"[^\d]", "a+?", "(?:a)", "a{1}{2}", "[a", "a)", "(a", "a{1,100000}{9}"]
        {
            assert!(translate(pattern).is_none(), "{pattern}");
        }
    }
}
