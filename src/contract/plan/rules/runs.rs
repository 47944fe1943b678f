//! Patterns that are one class of characters after the other, as codes and numbers have them: `[A-Z]{3}-[0-9]+`.
//!
//! They are told by one look at each byte, without an automaton.

use std::fmt;

use regex_syntax::Parser;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// More runs than this are left to the automaton.
const MOST: usize = 16;

/// Runs of characters, one after the other.
#[derive(Clone)]
pub(super) struct Runs(Vec<Run>);

#[derive(Clone)]
struct Run {
    /// By byte; a byte that is not ASCII is in none.
    class: Box<[bool; 256]>,
    min: usize,
    max: usize,
}

impl Runs {
    /// The runs of an anchored expression; `None` if it is anything else, or if how far a run goes is not plain to see.
    pub(super) fn of(expression: &str) -> Option<Self> {
        let hir = Parser::new().parse(expression).ok()?;
        let HirKind::Concat(parts) = hir.kind() else { return None };
        let [start, inner @ .., end] = parts.as_slice() else { return None };
        let (HirKind::Look(Look::Start), HirKind::Look(Look::End)) = (start.kind(), end.kind()) else { return None };
        let mut runs = Vec::new();
        for part in inner {
            add(part, &mut runs)?;
        }
        let is_plain = |pair: &[Run]| match pair {
            [run, next] => run.min == run.max || (next.min > 0 && run.is_apart(next)),
            _ => false,
        };
        (!runs.is_empty() && runs.len() <= MOST && runs.windows(2).all(is_plain)).then_some(Self(runs))
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        let mut rest = text.as_bytes();
        for run in &self.0 {
            let count = rest.iter().take(run.max).take_while(|byte| run.holds(**byte)).count();
            rest = match rest.get(count..) {
                Some(after) if count >= run.min => after,
                _ => return false,
            };
        }
        rest.is_empty()
    }
}

impl Run {
    fn holds(&self, byte: u8) -> bool {
        self.class.get(usize::from(byte)).copied().unwrap_or_default()
    }

    fn is_apart(&self, other: &Self) -> bool {
        self.class.iter().zip(other.class.iter()).all(|(own, other)| !(*own && *other))
    }
}

fn add(part: &Hir, runs: &mut Vec<Run>) -> Option<()> {
    match part.kind() {
        HirKind::Repetition(repetition) => {
            let min = usize::try_from(repetition.min).ok()?;
            let max = repetition.max.map_or(Some(usize::MAX), |max| usize::try_from(max).ok())?;
            runs.push(Run { class: class(&repetition.sub)?, min, max });
        }
        HirKind::Literal(literal) if literal.0.is_ascii() => {
            for byte in &literal.0 {
                let mut class = Box::new([false; 256]);
                *class.get_mut(usize::from(*byte))? = true;
                runs.push(Run { class, min: 1, max: 1 });
            }
        }
        _ => runs.push(Run { class: class(part)?, min: 1, max: 1 }),
    }
    Some(())
}

/// The bytes of a class of ASCII characters.
fn class(hir: &Hir) -> Option<Box<[bool; 256]>> {
    let mut bytes = Box::new([false; 256]);
    match hir.kind() {
        HirKind::Class(Class::Unicode(class)) => {
            for range in class.to_byte_class()?.ranges() {
                bytes.get_mut(usize::from(range.start())..=usize::from(range.end()))?.fill(true);
            }
        }
        HirKind::Literal(literal) => match *literal.0 {
            [byte] if byte.is_ascii() => *bytes.get_mut(usize::from(byte))? = true,
            _ => return None,
        },
        _ => return None,
    }
    Some(bytes)
}

impl fmt::Debug for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} runs", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    #[test]
    fn are_found_where_they_are_plain_to_see() {
        for expression in ["^(?:[0-9]{10})$", r"^(?:[0-9A-Z][0-9A-Z\-]{5,17})$", "^(?:ab[cd]+-x?)$", "^(?:x)$"] {
            assert!(Runs::of(expression).is_some(), "{expression}");
        }
        for expression in [
            "^(?:)$",
            "^(?:[a-z]*[a-z])$",
            "^(?:a+b?a)$",
            "^(?:a|bc)$",
            "^(?:(?:ab)+)$",
            "^(?:é)$",
            "^(?:[^a])$",
            "abc",
        ] {
            assert!(Runs::of(expression).is_none(), "{expression}");
        }
    }

    proptest! {
        #[test]
        fn match_what_the_automaton_matches(
            parts in prop::collection::vec("(\\[[abc0-2]{1,2}\\]|[abc])(|[?*+]|\\{[0-3]\\}|\\{[01],[1-3]\\})", 1..5),
            texts in prop::collection::vec("[abc012é]{0,8}", 32),
        ) {
            let expression = format!("^(?:{})$", parts.concat());
            if let (Some(runs), Ok(regex)) = (Runs::of(&expression), Regex::new(&expression)) {
                for text in texts {
                    prop_assert_eq!(runs.is_match(&text), regex.is_match(&text), "{} {}", expression, text);
                }
            }
        }
    }
}
