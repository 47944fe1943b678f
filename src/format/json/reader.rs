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
        Reader { shared: &shared, lexer: Lexer::new(&shared), limits, open: Vec::new(), nodes: 0, in_value: true };
    reader.document().map_err(|refusal| refusal.into_violation(reader.path(), body))
}

/// A container that is being read.
enum Open {
    Array(Vec<Value>),
    /// With the key whose value comes next, and a mark for each key so far.
    Object(Members, Text, Marks),
}

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
    open: Vec<Open>,
    nodes: usize,
    /// Whether a refusal is about the next value, or about the container around it.
    in_value: bool,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Value, Refusal> {
        loop {
            self.in_value = true;
            let Some(mut value) = self.value()? else { continue };
            self.in_value = false;
            // Puts the value where it belongs, and then the containers that it completes.
            loop {
                match self.open.last_mut() {
                    None => return self.end(value),
                    Some(Open::Array(items)) => items.push(value),
                    Some(Open::Object(members, key, _)) => {
                        // Of a key that stands twice, the document was refused.
                        members.append(std::mem::take(key), value);
                    }
                }
                match self.close()? {
                    Some(closed) => value = closed,
                    None => break,
                }
            }
        }
    }

    fn end(&mut self, root: Value) -> Result<Value, Refusal> {
        match self.lexer.next_token() {
            None => Ok(root),
            Some(_) => Err(self.unexpected("json-trailing", "something follows the document")),
        }
    }

    /// A scalar or an empty container. `None` if a container was opened.
    fn value(&mut self) -> Result<Option<Value>, Refusal> {
        let next = self.lexer.next_token();
        let start = self.lexer.offset();
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            let message = format!("the document has more than {} values", self.limits.nodes);
            return Err(Refusal::new("limit-nodes", start, message));
        }
        let literal = |reader: &mut Self, word: &str, value: Value| match reader.lexer.literal(word) {
            true => Ok(Some(value)),
            false => Err(reader.unexpected("json-syntax", "a value is expected here")),
        };
        match next {
            Some(b'{' | b'[') => self.open(start),
            Some(b'"') => self.text().map(|text| Some(Value::String(text))),
            Some(b'-' | b'0'..=b'9') => self.lexer.number().map(|number| Some(Value::Number(number))),
            Some(b't') => literal(self, "true", Value::Bool(true)),
            Some(b'f') => literal(self, "false", Value::Bool(false)),
            Some(b'n') => literal(self, "null", Value::Null),
            Some(_) => Err(self.unexpected("json-syntax", "a value is expected here")),
            None => Err(Refusal::new("json-syntax", start, "the document ends where a value is expected")),
        }
    }

    fn open(&mut self, start: usize) -> Result<Option<Value>, Refusal> {
        let depth = self.limits.depth.min(MAX_DEPTH);
        if self.open.len() >= depth {
            let message = format!("the document nests deeper than {depth} levels");
            return Err(Refusal::new("limit-depth", start, message));
        }
        let is_object = self.lexer.peek() == Some(b'{');
        self.lexer.bump();
        let first = self.lexer.next_token();
        match (is_object, first) {
            (true, Some(b'}')) => {
                self.lexer.bump();
                Ok(Some(Value::object(Members::default())))
            }
            (false, Some(b']')) => {
                self.lexer.bump();
                Ok(Some(Value::array(Vec::new())))
            }
            (true, _) => {
                self.open.push(Open::Object(Members::default(), Text::new(), Marks::default()));
                self.key(None)?;
                Ok(None)
            }
            (false, _) => {
                self.open.push(Open::Array(Vec::new()));
                Ok(None)
            }
        }
    }

    /// The key of a member up to its value; `comma` is where the one before it stands.
    fn key(&mut self, comma: Option<usize>) -> Result<(), Refusal> {
        self.in_value = false;
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
        let key = self.text()?;
        let is_known = match self.open.last_mut() {
            Some(Open::Object(members, next, marks)) => {
                let is_known = marks.mark(&key) && members.contains_key(&key);
                *next = key;
                is_known
            }
            _ => false,
        };
        if is_known {
            self.in_value = true;
            return Err(Refusal::new("json-duplicate-key", start, "the key stands twice in one object"));
        }
        if self.lexer.next_token() != Some(b':') {
            return Err(self.unexpected("json-syntax", "`:` is expected here"));
        }
        self.lexer.bump();
        Ok(())
    }

    /// What follows a value in its container: the container if it ends here, else the way to the next value.
    fn close(&mut self) -> Result<Option<Value>, Refusal> {
        let next = self.lexer.next_token();
        let at = self.lexer.offset();
        let is_object = matches!(self.open.last(), Some(Open::Object(..)));
        match (next, is_object) {
            (Some(b','), _) => {
                self.lexer.bump();
                if is_object {
                    self.key(Some(at))?;
                } else if self.lexer.next_token() == Some(b']') {
                    return Err(Refusal::new("json-syntax", at, "no comma stands after the last item"));
                }
                Ok(None)
            }
            (Some(b'}'), true) | (Some(b']'), false) => {
                self.lexer.bump();
                Ok(self.open.pop().map(|open| match open {
                    Open::Array(items) => Value::array(items),
                    Open::Object(members, ..) => Value::object(members),
                }))
            }
            (Some(_), true) => Err(self.unexpected("json-syntax", "`,` or `}` is expected here")),
            (Some(_), false) => Err(self.unexpected("json-syntax", "`,` or `]` is expected here")),
            (None, true) => Err(Refusal::new("json-syntax", at, "the document ends inside an object")),
            (None, false) => Err(Refusal::new("json-syntax", at, "the document ends inside an array")),
        }
    }

    fn text(&mut self) -> Result<Text, Refusal> {
        Ok(match self.lexer.plain_string() {
            Some(plain) if plain.len() > INLINE => self.shared.slice_ref(plain),
            Some(plain) => Text::from(plain),
            None => Text::from(self.lexer.string()?),
        })
    }

    fn unexpected(&self, rule: &'static str, message: &str) -> Refusal {
        let at = self.lexer.offset();
        Refusal::new(rule, at, message).of(self.lexer.snippet(at))
    }

    /// Where the reader stands.
    fn path(&self) -> String {
        let around = if self.in_value { self.open.len() } else { self.open.len().saturating_sub(1) };
        let mut path = String::new();
        for open in self.open.iter().take(around) {
            match open {
                Open::Array(items) => pointer::push(&mut path, &items.len().to_string()),
                Open::Object(_, key, _) => pointer::push(&mut path, key),
            }
        }
        path
    }
}

#[cfg(test)]
mod tests {
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
