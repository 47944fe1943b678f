//! The strict reader: one value, nothing guessed, nothing lost, in one pass and without recursion.

use super::lexer::Lexer;
use super::pointer;
use crate::format::position::Refusal;
use crate::message::{Limits, Members, Text, Value, Violation};

/// No document nests deeper than this, whatever the limits say: dropping and comparing values recurse.
const MAX_DEPTH: usize = 1024;

/// Text up to this length is stored inline; longer text is a slice of the body.
const INLINE: usize = 23;

/// Reads a body (RFC 8259, UTF-8 without a byte order mark).
///
/// # Errors
/// One violation with rule, path, line and column: `json-…` for what is not strict JSON, `limit-…` for what the
/// limits do not allow.
pub fn read(body: &[u8], limits: &Limits) -> Result<Value, Violation> {
    if body.len() > limits.body_bytes {
        let message = format!("the body has {} bytes; at most {} are allowed", body.len(), limits.body_bytes);
        return Err(Violation::new("limit-body", "", message));
    }
    let refuse = |refusal: Refusal| refusal.into_violation(String::new(), body);
    if body.starts_with(b"\xef\xbb\xbf") {
        return Err(refuse(Refusal::new("json-bom", 0, "JSON begins without a byte order mark")));
    }
    let text = std::str::from_utf8(body)
        .map_err(|error| refuse(Refusal::new("json-utf8", error.valid_up_to(), "the body is not UTF-8")))?;
    let shared = Text::from(text);
    let mut reader =
        Reader { shared: &shared, lexer: Lexer::new(&shared), limits, nodes: 0, escapes: false, in_value: false };
    let mut open = Vec::with_capacity(8);
    reader.document(&mut open).map_err(|refusal| refusal.into_violation(path(&open, reader.in_value), body))
}

/// A container that is being read.
enum Open {
    Array(Vec<Value>),
    Object(Object),
}

#[derive(Default)]
struct Object {
    members: Members,
    /// The key of the container that is being read in it, or of the value that is refused.
    key: Text,
    /// A mark for each key so far, where the object is the first of its kind.
    marks: Marks,
    /// Where the object before it has what is likely the next key.
    near: usize,
}

/// What ends the reading of a container for a while, or for good.
enum Step {
    /// It holds another one, which begins here.
    Opens,
    Closes,
}

/// An object that nothing is known of gets room for so many members.
const USUAL: usize = 8;

/// Tells of most new keys that they are new: each leaves one of 64 marks.
#[derive(Default)]
struct Marks(u64);

impl Marks {
    /// Marks a key; gives whether it may have been marked before.
    fn mark(&mut self, key: &str) -> bool {
        let ends = key.as_bytes().first().zip(key.as_bytes().last());
        let ends = ends.map_or(0, |(first, last)| usize::from(*first) * 7 + usize::from(*last) * 13);
        let mark = 1 << ((key.len() * 3 + ends) % 64);
        let known = self.0 & mark != 0;
        self.0 |= mark;
        known
    }
}

struct Reader<'a> {
    shared: &'a Text,
    lexer: Lexer<'a>,
    limits: &'a Limits,
    nodes: usize,
    /// Whether there was a key with escapes.
    escapes: bool,
    /// Whether a refusal is about the next value, or about the container around it.
    in_value: bool,
}

impl<'a> Reader<'a> {
    fn document(&mut self, open: &mut Vec<Open>) -> Result<Value, Refusal> {
        let first = self.lexer.next_token();
        if !matches!(first, Some(b'{' | b'[')) {
            let root = self.scalar(first)?;
            return self.end(root);
        }
        self.open(open)?;
        loop {
            let step = match open.as_mut_slice() {
                [.., Open::Array(items), Open::Object(object)] => {
                    let before = match items.last() {
                        Some(Value::Object(before)) => Some(&**before),
                        _ => None,
                    };
                    self.members(object, before)
                }
                [.., Open::Object(object)] => self.members(object, None),
                [.., Open::Array(items)] => self.items(items),
                [] => Ok(Step::Closes),
            }?;
            if let Step::Opens = step {
                self.open(open)?;
                continue;
            }
            let value = match open.pop() {
                Some(Open::Array(items)) => Value::array(items),
                Some(Open::Object(object)) => Value::object(object.members),
                None => Value::Null,
            };
            match open.last_mut() {
                None => return self.end(value),
                Some(Open::Array(items)) => items.push(value),
                // Of a key that stands twice, the document was refused.
                Some(Open::Object(object)) => object.members.append(std::mem::take(&mut object.key), value),
            }
        }
    }

    fn end(&mut self, root: Value) -> Result<Value, Refusal> {
        match self.lexer.next_token() {
            None => Ok(root),
            Some(_) => Err(self.unexpected("json-trailing", "something follows the document")),
        }
    }

    /// Begins a container; its bracket is next.
    fn open(&mut self, open: &mut Vec<Open>) -> Result<(), Refusal> {
        self.in_value = true;
        self.count()?;
        let depth = self.limits.depth.min(MAX_DEPTH);
        if open.len() >= depth {
            let message = format!("the document nests deeper than {depth} levels");
            return Err(Refusal::new("limit-depth", self.lexer.offset(), message));
        }
        self.in_value = false;
        open.push(match self.lexer.peek() {
            Some(b'{') => Open::Object(Object::default()),
            _ => Open::Array(Vec::new()),
        });
        self.lexer.bump();
        Ok(())
    }

    /// Counts the value that is next.
    fn count(&mut self) -> Result<(), Refusal> {
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            let message = format!("the document has more than {} values", self.limits.nodes);
            return Err(Refusal::new("limit-nodes", self.lexer.offset(), message));
        }
        Ok(())
    }

    /// Reads members up to the end, or to a container in them. In an array, the object before is mostly alike.
    fn members(&mut self, object: &mut Object, before: Option<&Members>) -> Result<Step, Refusal> {
        loop {
            let next = self.lexer.next_token();
            let at = self.lexer.offset();
            let is_first = object.members.is_empty();
            let comma = match next {
                Some(b'}') => {
                    self.lexer.bump();
                    return Ok(Step::Closes);
                }
                Some(b',') if !is_first => {
                    self.lexer.bump();
                    Some(at)
                }
                _ if is_first => {
                    object.members = Members::with_capacity(before.map_or(USUAL, Members::len));
                    None
                }
                Some(_) => return Err(self.unexpected("json-syntax", "`,` or `}` is expected here")),
                None => return Err(Refusal::new("json-syntax", at, "the document ends inside an object")),
            };
            let key = self.key(object, comma, before)?;
            let next = self.lexer.next_token();
            if matches!(next, Some(b'{' | b'[')) {
                object.key = key;
                return Ok(Step::Opens);
            }
            match self.scalar(next) {
                Ok(value) => object.members.append(key, value),
                Err(refusal) => {
                    object.key = key;
                    return Err(refusal);
                }
            }
        }
    }

    /// Reads items up to the end, or to a container in them.
    fn items(&mut self, items: &mut Vec<Value>) -> Result<Step, Refusal> {
        loop {
            let mut next = self.lexer.next_token();
            let at = self.lexer.offset();
            let is_first = items.is_empty();
            match next {
                Some(b']') => {
                    self.lexer.bump();
                    return Ok(Step::Closes);
                }
                Some(b',') if !is_first => {
                    self.lexer.bump();
                    next = self.lexer.next_token();
                    if next == Some(b']') {
                        return Err(Refusal::new("json-syntax", at, "no comma stands after the last item"));
                    }
                }
                _ if is_first => {}
                Some(_) => return Err(self.unexpected("json-syntax", "`,` or `]` is expected here")),
                None => return Err(Refusal::new("json-syntax", at, "the document ends inside an array")),
            }
            if matches!(next, Some(b'{' | b'[')) {
                return Ok(Step::Opens);
            }
            items.push(self.scalar(next)?);
        }
    }

    /// The key of a member up to its value; `comma` is where the one before it stands.
    fn key(&mut self, object: &mut Object, comma: Option<usize>, before: Option<&Members>) -> Result<Text, Refusal> {
        let next = self.lexer.next_token();
        let start = self.lexer.offset();
        match (next, comma) {
            (Some(b'"'), _) => {}
            (Some(b'}'), Some(comma)) => {
                return Err(Refusal::new("json-syntax", comma, "no comma stands after the last member"));
            }
            (Some(_), _) => return Err(self.unexpected("json-syntax", "a key in quotes is expected here")),
            (None, _) => return Err(Refusal::new("json-syntax", start, "the document ends inside an object")),
        }
        let key = match before.and_then(|before| self.likely_key(object, before)) {
            Some(key) => key,
            None => self.other_key(object, before.is_some())?,
        };
        if self.lexer.next_token() != Some(b':') {
            return Err(self.unexpected("json-syntax", "`:` is expected here"));
        }
        self.lexer.bump();
        Ok(key)
    }

    /// The key, if the object before has it where it is likely to be. All keys that were found in that one's order are
    /// different, as they are there.
    fn likely_key(&mut self, object: &mut Object, before: &Members) -> Option<Text> {
        if self.escapes {
            return None;
        }
        for at in [object.near, object.near.saturating_add(1)] {
            let (name, _) = before.get_at(at)?;
            if self.lexer.skip_plain(name) {
                object.near = at + 1;
                return Some(name.clone());
            }
        }
        object.near = usize::MAX;
        None
    }

    /// Any key; if there is an object before, keys of this one may have left no marks.
    fn other_key(&mut self, object: &mut Object, has_before: bool) -> Result<Text, Refusal> {
        let start = self.lexer.offset();
        let key = match self.lexer.plain_string() {
            Some(plain) => self.plain_text(plain),
            None => {
                self.escapes = true;
                Text::from(self.lexer.string()?)
            }
        };
        if (has_before || object.marks.mark(&key)) && object.members.contains_key(&key) {
            object.key = key;
            self.in_value = true;
            return Err(Refusal::new("json-duplicate-key", start, "the key stands twice in one object"));
        }
        Ok(key)
    }

    /// A value that is no container; `next` is what it begins with.
    #[inline]
    fn scalar(&mut self, next: Option<u8>) -> Result<Value, Refusal> {
        self.in_value = true;
        self.count()?;
        let value = match next {
            Some(b'"') => Value::String(match self.lexer.plain_string() {
                Some(plain) => self.plain_text(plain),
                None => Text::from(self.lexer.string()?),
            }),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.lexer.number()?),
            Some(b't') if self.lexer.literal("true") => Value::Bool(true),
            Some(b'f') if self.lexer.literal("false") => Value::Bool(false),
            Some(b'n') if self.lexer.literal("null") => Value::Null,
            Some(_) => return Err(self.unexpected("json-syntax", "a value is expected here")),
            None => {
                let message = "the document ends where a value is expected";
                return Err(Refusal::new("json-syntax", self.lexer.offset(), message));
            }
        };
        self.in_value = false;
        Ok(value)
    }

    fn plain_text(&self, plain: &str) -> Text {
        if plain.len() > INLINE { self.shared.slice_ref(plain) } else { Text::from(plain) }
    }

    fn unexpected(&self, rule: &'static str, message: &str) -> Refusal {
        let at = self.lexer.offset();
        Refusal::new(rule, at, message).of(self.lexer.snippet(at))
    }
}

/// Where the reader stands.
fn path(open: &[Open], in_value: bool) -> String {
    let around = if in_value { open.len() } else { open.len().saturating_sub(1) };
    let mut path = String::new();
    for open in open.iter().take(around) {
        match open {
            Open::Array(items) => pointer::push(&mut path, &items.len().to_string()),
            Open::Object(object) => pointer::push(&mut path, &object.key),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::compact;
    use super::*;

    fn refusal(body: &str, limits: &Limits) -> (String, String, Option<u32>, Option<u32>) {
        let violation = read(body.as_bytes(), limits).expect_err(body);
        (violation.rule, violation.path, violation.line, violation.column)
    }

    #[track_caller]
    fn refused(body: &str, rule: &str, path: &str, line: u32, column: u32) {
        let expected = (rule.to_owned(), path.to_owned(), Some(line), Some(column));
        assert_eq!(refusal(body, &Limits::default()), expected, "{body}");
    }

    #[test]
    fn keeps_order_digits_and_characters() {
        let body = r#" {"b": [1.10, -0, 12345678901234567890, 1E400],
            "a": {"":"\u00e9\ud83d\ude00\n\/"}, "long": "a text of more than twenty-three bytes",
            "t": [true, false, null, {}, []]} "#;
        let value = read(body.as_bytes(), &Limits::default()).expect("strict JSON");
        assert_eq!(
            compact(&value),
            concat!(
                r#"{"b":[1.10,-0,12345678901234567890,1E400],"a":{"":"é😀\n/"},"#,
                r#""long":"a text of more than twenty-three bytes","t":[true,false,null,{},[]]}"#
            )
        );
    }

    #[test]
    fn a_key_with_a_quote_is_no_key_that_ends_there() {
        refused(r#"[{"a\"b":1},{"a"b":1}]"#, "json-syntax", "/1", 1, 17);
        refused(r#"[{"a":1,"b":2},{"b":1,"a":2,"b":3}]"#, "json-duplicate-key", "/1/b", 1, 29);
        refused(r#"[{"a":1},{"a":007}]"#, "json-number", "/1/a", 1, 15);
    }

    #[test]
    fn long_text_shares_the_body() {
        let body = br#"["a text of more than twenty-three bytes","another text of more than twenty-three"]"#;
        let Ok(Value::Array(items)) = read(body, &Limits::default()) else { panic!("strict JSON") };
        let address = |at: usize| items[at].as_str().expect("text").as_ptr() as usize;
        assert_eq!(address(1) - address(0), 41);
    }

    #[test]
    fn names_rule_path_and_place() {
        refused("", "json-syntax", "", 1, 1);
        refused("{\"a\":1,\n \"b\":2, \"a\":3}", "json-duplicate-key", "/a", 2, 9);
        refused(r#"{"a":{"x/y":1,"x\u002fy":2}}"#, "json-duplicate-key", "/a/x~1y", 1, 15);
        refused(r#"{"a":[0,{"b":007}]}"#, "json-number", "/a/1/b", 1, 14);
        refused(r#"[[],[1,[2,"\ud800"]]]"#, "json-surrogate", "/1/1/1", 1, 12);
        refused(r#"["\udc00\ud800"]"#, "json-surrogate", "/0", 1, 3);
        refused(r#"["\ud800\ud800"]"#, "json-surrogate", "/0", 1, 3);
        refused("[1,]", "json-syntax", "", 1, 3);
        refused(r#"{"a":1,}"#, "json-syntax", "", 1, 7);
        refused(r#"{"a":1 "b":2}"#, "json-syntax", "", 1, 8);
        refused("{a:1}", "json-syntax", "", 1, 2);
        refused(r#"{"a" 1}"#, "json-syntax", "", 1, 6);
        refused("1 2", "json-trailing", "", 1, 3);
        refused("[NaN]", "json-syntax", "/0", 1, 2);
        refused("[1.]", "json-number", "/0", 1, 2);
        refused("[+1]", "json-syntax", "/0", 1, 2);
        refused("[1e9999999999]", "json-number", "/0", 1, 2);
        refused("[\"\u{1}\"]", "json-control-character", "/0", 1, 3);
        refused("[\"a\nb\"]", "json-control-character", "/0", 1, 4);
        refused(r#"["\x"]"#, "json-escape", "/0", 1, 3);
        refused(r#"["\u12"]"#, "json-escape", "/0", 1, 3);
        refused(r#"["abc"#, "json-syntax", "/0", 1, 2);
        refused("[1", "json-syntax", "", 1, 3);
        refused("\u{feff}{}", "json-bom", "", 1, 1);
        refused("[truex]", "json-syntax", "", 1, 6);
        refused("// no\n1", "json-syntax", "", 1, 1);
        let violation = read(b"[\"\xff\"]", &Limits::default()).expect_err("not UTF-8");
        assert_eq!((violation.rule.as_str(), violation.column), ("json-utf8", Some(3)));
    }

    proptest! {
        /// Objects of an array are read by the one before: any keys in any order, with escapes and without.
        #[test]
        fn reads_objects_that_are_alike_and_those_that_are_not(
            objects in prop::collection::vec(prop::collection::vec((0_usize..7, any::<bool>()), 0..6), 0..5),
        ) {
            const KEYS: [(&str, &str); 7] = [
                ("a", "\\u0061"),
                ("ab", "a\\u0062"),
                ("a\\\"", "\\u0061\\u0022"),
                ("a\\\\b", "a\\u005cb"),
                ("", ""),
                ("ä", "\\u00e4"),
                ("a key of more than twenty-three bytes", "a key of more than twenty-three byte\\u0073"),
            ];
            let body = |escaped: bool| {
                let member = |(key, written): &(usize, bool)| {
                    let (plain, other) = KEYS[*key];
                    format!(r#""{}":[{{}}]"#, if escaped && *written { other } else { plain })
                };
                let object = |keys: &Vec<_>| format!("{{{}}}", keys.iter().map(member).collect::<Vec<_>>().join(","));
                format!("[{}]", objects.iter().map(object).collect::<Vec<_>>().join(","))
            };
            let twice = objects.iter().enumerate().find_map(|(index, keys)| {
                let at = (1..keys.len()).find(|at| keys[..*at].iter().any(|(key, _)| *key == keys[*at].0))?;
                let (key, _) = KEYS[keys[at].0];
                Some(format!("/{index}/{}", key.replace("\\\"", "\"").replace("\\\\", "\\")))
            });
            match (read(body(true).as_bytes(), &Limits::default()), twice) {
                (Ok(value), None) => prop_assert_eq!(compact(&value), body(false)),
                (Err(violation), Some(path)) => {
                    prop_assert_eq!((violation.rule.as_str(), violation.path), ("json-duplicate-key", path));
                }
                (other, twice) => prop_assert!(false, "{other:?} {twice:?}"),
            }
        }
    }

    #[test]
    fn keeps_the_limits() {
        let limits = Limits { depth: 3, nodes: 5, body_bytes: 20, ..Limits::default() };
        assert!(read(b"[[[1]]]", &limits).is_ok());
        assert_eq!(refusal("[[[[1]]]]", &limits).0, "limit-depth");
        assert_eq!(refusal("[[[[1]]]]", &limits).1, "/0/0/0");
        assert!(read(b"[1,2,3,4]", &limits).is_ok());
        assert_eq!(refusal("[1,2,3,4,5]", &limits).0, "limit-nodes");
        assert_eq!(refusal("[1                   ]", &limits).0, "limit-body");
        let deep = "[".repeat(1_000_000);
        let boundless = Limits { depth: usize::MAX, ..Limits::default() };
        assert_eq!(refusal(&deep, &boundless).0, "limit-depth");
    }
}
