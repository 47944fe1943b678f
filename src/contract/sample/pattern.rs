//! Text that a regular expression matches.

use regex_syntax::Parser;
use regex_syntax::hir::{Class, Hir, HirKind};

/// No text is longer than this.
const LONGEST: usize = 10_000;

/// A text in which the expression matches; `variant` makes it longer, or takes another branch.
pub(super) fn matching(pattern: &str, variant: usize) -> Option<String> {
    let hir = Parser::new().parse(pattern).ok()?;
    let mut out = String::new();
    write(&hir, variant, &mut out).then_some(out)
}

/// XML Schema's dialect, as near as the syntax of the other one comes.
pub(super) fn of_xml_schema(pattern: &str) -> String {
    let names = pattern.replace(r"\i", "[A-Za-z_]").replace(r"\c", r"[A-Za-z0-9._\-]");
    names.replace("-[", "--[")
}

/// The depth is that of the parsed expression, which its parser bounds.
fn write(hir: &Hir, variant: usize, out: &mut String) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0).map(|text| out.push_str(text)).is_ok(),
        HirKind::Class(class) => character(class, out.chars().count()).map(|found| out.push(found)).is_some(),
        HirKind::Capture(capture) => write(&capture.sub, variant, out),
        HirKind::Concat(parts) => parts.iter().all(|part| write(part, variant, out)),
        HirKind::Alternation(branches) => {
            let at = variant.checked_rem(branches.len()).unwrap_or(0);
            branches.get(at).is_some_and(|branch| write(branch, variant, out))
        }
        HirKind::Repetition(repetition) => {
            let least = usize::try_from(repetition.min).unwrap_or(usize::MAX);
            let most = repetition.max.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
            let times = least.saturating_add(variant).min(most).min(LONGEST);
            (0..times).all(|_| out.len() < LONGEST && write(&repetition.sub, variant, out))
        }
    }
}

/// A character of a class: a digit or letter if there is one, another one at each place.
fn character(class: &Class, at: usize) -> Option<char> {
    let Class::Unicode(class) = class else { return None };
    let holds = |char: &char| class.ranges().iter().any(|range| (range.start()..=range.end()).contains(char));
    let plain: Vec<char> = ['1'..='9', '0'..='0', 'A'..='Z', 'a'..='z'].into_iter().flatten().filter(holds).collect();
    let others = || (' '..='~').filter(holds);
    match at.checked_rem(plain.len()) {
        Some(at) => plain.get(at).copied(),
        None => others().next().or_else(|| class.ranges().first().map(|range| range.start())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_what_it_was_made_from() {
        for pattern in [
            "^[0-9]{10}$",
            r"^\+[0-9]{6,15}$",
            "^[A-Z]{2}-[a-z]+$",
            r"^-?[0-9]{1,12}(\.[0-9]{1,4})?$",
            "a|bc|d*",
            r"\p{Lu}x",
        ] {
            let regex = regex::Regex::new(pattern).expect(pattern);
            for variant in 0..5 {
                let text = matching(pattern, variant).expect(pattern);
                assert!(regex.is_match(&text), "{pattern}: {text}");
            }
        }
        assert_eq!(matching("^[0-9]{4}$", 0).as_deref(), Some("1234"));
        assert_eq!(matching("(?:a{1000}){1000}", 0), None);
        assert_eq!(of_xml_schema(r"\i\c*|[A-Z-[IO]]"), r"[A-Za-z_][A-Za-z0-9._\-]*|[A-Z--[IO]]");
    }
}
