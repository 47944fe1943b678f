//! JSON Pointer (RFC 6901).

use std::borrow::Cow;

use crate::message::Value;

/// Adds a reference token: `/`, then the token with `~` as `~0` and `/` as `~1`.
pub fn push(pointer: &mut String, token: &str) {
    pointer.push('/');
    for character in token.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// The reference tokens, unescaped. A pointer that is not empty and does not begin with `/` has none.
pub fn tokens(pointer: &str) -> impl Iterator<Item = Cow<'_, str>> {
    pointer.split('/').skip(1).map(|token| match token.contains('~') {
        true => Cow::Owned(token.replace("~1", "/").replace("~0", "~")),
        false => Cow::Borrowed(token),
    })
}

/// A reference token as an index of an array: digits without a leading zero.
pub fn index(token: &str) -> Option<usize> {
    let canonical = token == "0" || !token.starts_with(['0', '+']);
    if canonical { token.parse().ok() } else { None }
}

/// The value that a pointer names.
pub fn resolve<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return None;
    }
    tokens(pointer).try_fold(value, |value, token| match value {
        Value::Object(members) => members.get(token.as_ref()),
        Value::Array(items) => items.get(index(&token)?),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Limits;

    #[test]
    fn resolves_the_examples_of_the_rfc() {
        let body = br#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#;
        let value = super::super::read(body, &Limits::default()).expect("strict JSON");
        let at = |pointer| resolve(&value, pointer).map(super::super::compact);
        assert_eq!(at("").map(|text| text.len()), Some(body.len()));
        assert_eq!(at("/foo/0").as_deref(), Some("\"bar\""));
        assert_eq!(at("/").as_deref(), Some("0"));
        assert_eq!(at("/a~1b").as_deref(), Some("1"));
        assert_eq!(at("/m~0n").as_deref(), Some("8"));
        assert_eq!(at("/ ").as_deref(), Some("7"));
        for nowhere in ["/foo/2", "/foo/00", "/foo/+1", "/foo/-", "foo", "/bar", "/foo/0/x"] {
            assert_eq!(at(nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn escapes_and_unescapes() {
        let mut pointer = String::new();
        push(&mut pointer, "a/b~1");
        push(&mut pointer, "");
        assert_eq!(pointer, "/a~1b~01/");
        assert_eq!(tokens(&pointer).collect::<Vec<_>>(), ["a/b~1", ""]);
    }
}
