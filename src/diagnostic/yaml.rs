//! YAML with places: a file becomes plain data, or diagnostics that name line and column.

use std::ops::{Deref, Range};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_saphyr::{Error, Location};

use super::{Diagnostic, SourceFile, codes, did_you_mean};

/// A value and the bytes of the file in which it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Byte offsets in the file.
    pub span: Range<usize>,
}

impl<T> Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = serde_saphyr::Spanned::<T>::deserialize(deserializer)?;
        Ok(Self { span: bytes_of(&spanned.referenced), value: spanned.value })
    }
}

impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        generator.subschema_for::<T>()
    }
}

/// Reads one YAML document into plain data.
pub fn parse<T: DeserializeOwned>(file: &SourceFile) -> Result<T, Vec<Diagnostic>> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_nodes: 100_000, max_depth: 64, max_documents: 2 },
        strict_booleans: true,
    };
    let text = if file.text.trim().is_empty() { "{}" } else { &file.text };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| vec![diagnose(file, &error)])
}

/// The file offset of a byte inside a scalar's value: of a plain, a quoted or a literal block scalar (`|`).
///
/// `span` is where the scalar stands, `value` what it reads as. In a block scalar the indentation that YAML strips
/// is counted back in; where escapes make the way back ambiguous the nearest place before is given.
pub fn scalar_offset(file: &SourceFile, span: &Range<usize>, value: &str, offset: usize) -> usize {
    let rest = file.text.get(span.start..).unwrap_or_default();
    let line_start = file.text.get(..span.start).and_then(|text| text.rfind('\n')).map_or(0, |at| at + 1);
    let indentation = file.text.get(line_start..span.start).filter(|text| text.bytes().all(|byte| byte == b' '));
    let Some(indentation) = indentation.filter(|_| value.contains('\n')) else {
        let quote = usize::from(rest.starts_with(['"', '\'']));
        return (span.start + quote + offset).min(span.end.max(span.start));
    };
    let before = value.get(..offset).unwrap_or(value);
    let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1);
    let lines = file.text.get(line_start..).unwrap_or_default().split_inclusive('\n');
    let skipped: usize = lines.take(before.matches('\n').count()).map(str::len).sum();
    (line_start + skipped + indentation.len() + column).min(file.text.len())
}

fn bytes_of(location: &Location) -> Range<usize> {
    let span = location.span();
    let number = |value: Option<u64>| value.and_then(|value| usize::try_from(value).ok()).unwrap_or_default();
    let start = number(span.byte_offset());
    start..start + number(span.byte_len())
}

/// The place of an error. The scanner gives line and column only.
fn place_of(file: &SourceFile, location: &Location) -> Range<usize> {
    if location.span().byte_offset().is_some() {
        return bytes_of(location);
    }
    let number = |from_one: u64| usize::try_from(from_one).unwrap_or(usize::MAX).saturating_sub(1);
    let before: usize = file.text.split_inclusive('\n').take(number(location.line())).map(str::len).sum();
    let line = file.text.get(before..).unwrap_or_default();
    let at = before + line.chars().take(number(location.column())).map(char::len_utf8).sum::<usize>();
    at..at
}

fn diagnose(file: &SourceFile, error: &Error) -> Diagnostic {
    let error = error.without_snippet();
    let mut span = error.location().map(|location| place_of(file, &location)).unwrap_or_default();
    // A map as a whole is meant only by its first line.
    let end = file.text.get(span.clone()).and_then(|text| text.find('\n')).map_or(span.end, |at| span.start + at);
    span.end = end;
    match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            unknown(codes::YAML_UNKNOWN_KEY, "key", field, expected, file, span)
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            unknown(codes::VALUE_INVALID, "value", variant, expected, file, span)
        }
        Error::SerdeMissingField { field, .. } => {
            Diagnostic::error(codes::YAML_MISSING_KEY, file, span, format!("the key `{field}` is missing"))
                .label("in this map")
                .hint(format!("add `{field}: …`"))
        }
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("?");
            Diagnostic::error(codes::YAML_DUPLICATE_KEY, file, span, format!("the key `{key}` stands twice in one map"))
                .label("the second one")
                .hint("keep one of them")
        }
        Error::SerdeInvalidType { unexpected, expected, .. } => {
            let expected = in_words(expected);
            Diagnostic::error(codes::YAML_WRONG_TYPE, file, span, format!("expected {expected}, found {unexpected}"))
                .hint(format!("write {expected} here"))
        }
        Error::SerdeInvalidValue { unexpected, expected, .. } => {
            let expected = in_words(expected);
            Diagnostic::error(codes::VALUE_INVALID, file, span, format!("{unexpected} is not {expected}"))
                .hint(format!("write {expected} here"))
        }
        Error::InvalidScalar { ty, .. } => {
            let (expected, found) = (in_words(ty), file.text.get(span.clone()).unwrap_or_default());
            Diagnostic::error(codes::YAML_WRONG_TYPE, file, span, format!("expected {expected}, found `{found}`"))
                .hint(format!("write {expected} here"))
        }
        Error::InvalidBooleanStrict { .. } | Error::NullIntoString { .. } => {
            Diagnostic::error(codes::YAML_WRONG_TYPE, file, span, plain(error))
                .hint("the reference of this file lists each key with its type")
        }
        Error::Unexpected { expected, .. } => {
            let expected = in_words(expected);
            let found = match file.text.get(span.start..).and_then(|rest| rest.chars().next()) {
                Some('[' | '-') => ", found a list",
                Some('{') => ", found a map",
                _ => "",
            };
            Diagnostic::error(codes::YAML_WRONG_TYPE, file, span, format!("expected {expected}{found}"))
                .hint(format!("write {expected} here"))
        }
        Error::Message { msg, .. } => custom(file, span, msg),
        Error::MultipleDocuments { .. } => {
            Diagnostic::error(codes::YAML_SYNTAX, file, span, "a file holds one YAML document").hint("remove the `---`")
        }
        _ => {
            let words = plain(error);
            let hint = match words.contains("tab") {
                true => "indent with spaces: YAML allows no tabs there",
                false => "check indentation, quotes, brackets and colons",
            };
            Diagnostic::error(codes::YAML_SYNTAX, file, span, words).hint(hint)
        }
    }
}

/// A type as serde names it, in the words of people who write files.
pub fn in_words(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number",
        "i8" | "i16" | "i32" | "i64" | "isize" => "an integer",
        "f32" | "f64" => "a number",
        "a boolean" | "bool" | "boolean" => "`true` or `false`",
        "a string" | "string" | "str" | "string scalar" => "text",
        "map" | "mapping start" => "a map of keys",
        "seq" | "sequence start" => "a list, as `[a, b]`",
        "null" => "nothing",
        "a sequence" => "a list, as `[a, b]`",
        expected if expected.starts_with("struct ") => "a map of keys",
        expected => expected,
    }
}

/// A message that our own types gave: `TL401: text | hint` carries its code and hint.
fn custom(file: &SourceFile, span: Range<usize>, message: &str) -> Diagnostic {
    let known = codes::ALL.iter().find(|(code, _)| message.starts_with(&format!("{code}: ")));
    let (code, text) = match known {
        Some((code, _)) => (*code, message.get(code.len() + 2..).unwrap_or(message)),
        None => (codes::VALUE_INVALID, message),
    };
    match text.split_once(" | ") {
        Some((text, hint)) => Diagnostic::error(code, file, span, text).hint(hint),
        None => Diagnostic::error(code, file, span, text),
    }
}

fn unknown(
    code: &'static str,
    what: &str,
    name: &str,
    expected: &[&'static str],
    file: &SourceFile,
    span: Range<usize>,
) -> Diagnostic {
    let diagnostic = Diagnostic::error(code, file, span, format!("unknown {what} `{name}`"));
    let all = || expected.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match did_you_mean(name, expected.iter().copied()) {
        Some(similar) => diagnostic.label(format!("did you mean `{similar}`?")).hint(format!("write `{similar}`")),
        None if expected.is_empty() => diagnostic.hint("no keys are expected here"),
        None => diagnostic.hint(format!("expected one of {}", all())),
    }
}

/// The library's words without its place, which the diagnostic carries itself.
fn plain(error: &Error) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    let cut = [" at line ", ", line "].iter().filter_map(|mark| first.find(mark)).min().unwrap_or(first.len());
    first.get(..cut).unwrap_or(first).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read into")]
    struct Sample {
        name: Spanned<String>,
        #[serde(default)]
        count: u16,
        #[serde(default)]
        map: Option<Spanned<String>>,
    }

    fn file(text: &str) -> SourceFile {
        SourceFile::new("sample.yaml", text)
    }

    fn finding(text: &str) -> (String, (u32, u32), Option<String>) {
        let file = file(text);
        let mut all = parse::<Sample>(&file).expect_err("is wrong");
        let one = all.remove(0);
        (format!("{} {}", one.code, one.message), file.line_column(one.span.start), one.hint)
    }

    #[test]
    fn names_the_place_of_each_mistake() {
        let (text, place, hint) = finding("name: a\ncuont: 1\n");
        assert_eq!((text.as_str(), place), ("TL102 unknown key `cuont`", (2, 1)));
        assert_eq!(hint.as_deref(), Some("write `count`"));
        let (text, place, _) = finding("name: a\nname: b\n");
        assert_eq!((text.as_str(), place), ("TL103 the key `name` stands twice in one map", (2, 1)));
        let (text, place, _) = finding("count: 1\n");
        assert_eq!((text.as_str(), place), ("TL105 the key `name` is missing", (1, 1)));
        let (text, place, _) = finding("name: a\ncount: many\n");
        assert!(text.starts_with("TL104 "), "{text}");
        assert_eq!(place, (2, 8));
        let (text, place, _) = finding("name: [a]\n");
        assert!(text.starts_with("TL1"), "{text}");
        assert_eq!(place, (1, 7));
        assert!(finding("name: \"a\n").0.starts_with("TL101 "));
    }

    #[test]
    fn finds_the_way_back_into_a_block_scalar() {
        let file = file("name: é\nmap: |\n  first\n\n    second line\n");
        let sample: Sample = parse(&file).expect("is right");
        let map = sample.map.expect("is given");
        assert_eq!(&file.text[sample.name.span.clone()], "é");
        for word in ["first", "second", "line"] {
            let inside = map.value.find(word).expect("is in it");
            let offset = scalar_offset(&file, &map.span, &map.value, inside);
            assert!(file.text[offset..].starts_with(word), "{word}: {:?}", &file.text[offset..]);
        }
    }

    #[test]
    fn finds_the_way_back_into_quotes() {
        let file = file("name: '. | nope'\n");
        let sample: Sample = parse(&file).expect("is right");
        let offset = scalar_offset(&file, &sample.name.span, &sample.name.value, 4);
        assert!(file.text[offset..].starts_with("nope"));
    }
}
