//! From source to jq's syntax tree, with errors in plain words at their places.

use jaq_core::load::lex::{self, Tok, Token};
use jaq_core::load::parse::{self, Term};
use jaq_core::load::{Lexer, Parser};

use super::CompileError;
use crate::diagnostic::codes;

/// Levels of brackets and interpolated strings.
const MAX_NESTING: usize = 200;
/// Tokens of one program: bounds the depth of any syntax tree.
const MAX_TOKENS: usize = 10_000;
/// Enough for a tree as deep as [`MAX_TOKENS`].
pub(super) const STACK_BYTES: usize = 256 << 20;

/// Parses a program and hands the tree on, or gives all that is wrong with it.
pub(super) fn parse<'s, T>(
    source: &'s str,
    then: impl FnOnce(Term<&'s str>) -> Result<T, Vec<CompileError>>,
) -> Result<T, Vec<CompileError>> {
    if let Some(at) = too_deep(source) {
        let message = format!("the program nests more than {MAX_NESTING} levels of brackets");
        return Err(vec![error(source, slice(source, at), message, "name the inner part with `def` or `as $name`")]);
    }
    let tokens = Lexer::new(source).lex().map_err(|errors| {
        let mut errors: Vec<_> = errors.iter().map(|found| lex_error(source, found)).collect();
        errors.truncate(5);
        errors
    })?;
    if count(&tokens) > MAX_TOKENS {
        let message = format!("the program has more than {MAX_TOKENS} words and signs");
        return Err(vec![error(source, source, message, "split it into several transforms, or move data to `tables`")]);
    }
    if let [Token(word @ ("import" | "include" | "module"), _), ..] = tokens.as_slice() {
        let mut refused = error(source, word, format!("`{word}` is not part of the mapping language"), "");
        refused.code = codes::MAPPING_REFUSED;
        refused.hint = Some("a mapping is one program: define what it needs with `def` at its start".into());
        return Err(vec![refused]);
    }
    let term = Parser::new(&tokens).parse(Parser::term).map_err(|errors| {
        let mut errors: Vec<_> = errors.iter().map(|found| parse_error(source, found)).collect();
        errors.truncate(5);
        errors
    })?;
    then(term)
}

/// The byte at which brackets nest too deep for the lexer, which recurses into each.
fn too_deep(source: &str) -> Option<usize> {
    let mut open: Vec<bool> = Vec::new();
    let mut bytes = source.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        let in_string = open.last() == Some(&true);
        match byte {
            b'"' if in_string => drop(open.pop()),
            b'\\' if in_string => {
                if let Some((_, b'(')) = bytes.next() {
                    open.push(false);
                }
            }
            _ if in_string => {}
            b'"' => open.push(true),
            b'(' | b'[' | b'{' => open.push(false),
            b')' | b']' | b'}' => drop(open.pop()),
            b'#' => {
                for (_, byte) in bytes.by_ref() {
                    if byte == b'\n' {
                        break;
                    }
                }
            }
            _ => {}
        }
        if open.len() > MAX_NESTING {
            return Some(at);
        }
    }
    None
}

fn count(tokens: &[Token<&str>]) -> usize {
    let inner = |Token(_, token): &Token<&str>| match token {
        Tok::Block(tokens) => count(tokens),
        Tok::Str(parts) => parts
            .iter()
            .map(|part| match part {
                lex::StrPart::Term(token) => count(std::slice::from_ref(token)),
                _ => 1,
            })
            .sum(),
        _ => 0,
    };
    tokens.iter().map(|token| 1 + inner(token)).sum()
}

/// Where a slice of the source stands in it.
pub(super) fn place(source: &str, part: &str) -> Option<(usize, usize)> {
    let start = (part.as_ptr() as usize).checked_sub(source.as_ptr() as usize)?;
    let end = start.checked_add(part.len())?;
    source.get(start..end).map(|_| (start, end))
}

/// The character at a byte, or the end.
fn slice(source: &str, at: usize) -> &str {
    let rest = source.get(at..).unwrap_or_default();
    let len = rest.chars().next().map_or(0, char::len_utf8);
    rest.get(..len).unwrap_or_default()
}

fn error(source: &str, part: &str, message: String, hint: &str) -> CompileError {
    let (start, end) = place(source, part).unwrap_or((source.len(), source.len()));
    let hint = (!hint.is_empty()).then(|| hint.to_owned());
    CompileError { code: codes::MAPPING_SYNTAX, span: start..end, message, hint }
}

fn lex_error(source: &str, (expected, rest): &lex::Error<&str>) -> CompileError {
    let at = place(source, rest).map_or(source.len(), |(start, _)| start);
    let found = slice(source, at);
    let (message, hint) = match expected {
        lex::Expect::Delim("\"") => ("a string is not closed".to_owned(), "end it with `\"`".to_owned()),
        lex::Expect::Delim(open) => {
            let close = match *open {
                "(" => ")",
                "[" => "]",
                _ => "}",
            };
            let before = if found.is_empty() { "at the end".to_owned() } else { format!("before `{found}`") };
            (format!("`{open}` is not closed: `{close}` is missing"), format!("add `{close}` {before}"))
        }
        lex::Expect::Digit => {
            ("a number ends without a digit".to_owned(), "write the digits, as in `1.0` or `1e3`".into())
        }
        lex::Expect::Ident => ("a name must follow `$` or `@`".to_owned(), "as in `$name` or `@uri`".into()),
        lex::Expect::Escape => (
            format!("`\\{found}` is not an escape of a string"),
            r#"write one of `\"` `\\` `\/` `\b` `\f` `\n` `\r` `\t` `\u0000` or `\(…)`"#.into(),
        ),
        lex::Expect::Unicode => {
            ("`\\u` needs four hexadecimal digits of a character".to_owned(), "as in `\\u00e9`".into())
        }
        _ if found == "'" => ("`'` does not begin a string".to_owned(), "strings stand in double quotes".into()),
        _ => (
            format!("`{found}` means nothing here"),
            "check for a bracket too many, or a sign of another language".into(),
        ),
    };
    error(source, found, message, &hint)
}

fn parse_error(source: &str, (expected, found): &parse::TError<'_, &str>) -> CompileError {
    let part = found.map_or(source.get(source.len()..).unwrap_or_default(), |Token(text, _)| text);
    let first = part.split(char::is_whitespace).next().unwrap_or_default();
    let first = if first.chars().count() > 20 { slice(first, 0) } else { first };
    let (got, shown) = match found {
        None => ("the program ends".to_owned(), part),
        Some(_) => (format!("found `{first}`"), if first.is_empty() { part } else { first }),
    };
    if first == "?" && source.contains("?//") {
        let mut refused = error(source, part, "`?//` is not part of the mapping language".into(), "");
        refused.code = codes::MAPPING_REFUSED;
        refused.hint = Some("choose with `if` what to take apart".into());
        return refused;
    }
    let (want, hint) = match expected {
        parse::Expect::Just(word) => (format!("`{word}`"), String::new()),
        parse::Expect::Var => ("a variable".into(), "as in `$name`".into()),
        parse::Expect::Pattern => ("a pattern".into(), "as in `as $name`, `as [$a, $b]`, `as {key: $name}`".into()),
        parse::Expect::ElseOrEnd => ("`elif`, `else` or `end`".into(), "an `if` is closed by `end`".into()),
        parse::Expect::CommaOrRBrack => ("`,` or `]`".into(), String::new()),
        parse::Expect::CommaOrRBrace => {
            ("`,` or `}`".into(), "a value with operators of lowest rank stands in brackets: `{ key: (a, b) }`".into())
        }
        parse::Expect::SemicolonOrRParen => ("`;` or `)`".into(), "arguments are separated by `;`".into()),
        parse::Expect::Term => ("an expression".into(), String::new()),
        parse::Expect::Key => ("a key".into(), "as in `.name`, `.\"a name\"` or `.[\"@id\"]`".into()),
        parse::Expect::Ident => ("a name".into(), String::new()),
        parse::Expect::Arg => ("a parameter".into(), "as in `def f(g; $x): …;`".into()),
        parse::Expect::Str => ("a string".into(), String::new()),
        parse::Expect::Nothing => ("an operator or the end".into(), "join expressions with `|` or `,`".into()),
        _ => ("something else".into(), String::new()),
    };
    let hint = match (hint.is_empty(), found) {
        (false, _) => hint,
        (true, None) => format!("add {want} at the end"),
        (true, Some(_)) => format!("put {want} before `{first}`, or take `{first}` out"),
    };
    error(source, shown, format!("{want} is expected here, but {got}"), &hint)
}
