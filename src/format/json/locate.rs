//! Finds the place of a value again: only a violation pays for positions.

use super::lexer::Lexer;
use super::pointer;
use crate::format::line_column;

/// Line and column of the value that a pointer names in a body that [`super::read`] took. `None` if it names nothing.
pub fn locate(body: &[u8], pointer: &str) -> Option<(u32, u32)> {
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return None;
    }
    let mut lexer = Lexer::new(std::str::from_utf8(body).ok()?);
    lexer.next_token()?;
    for token in pointer::tokens(pointer) {
        match lexer.peek()? {
            b'{' => enter_object(&mut lexer, &token)?,
            b'[' => enter_array(&mut lexer, pointer::index(&token)?)?,
            _ => return None,
        }
    }
    Some(line_column(body, lexer.offset()))
}

/// Stops at the value of this key.
fn enter_object(lexer: &mut Lexer<'_>, wanted: &str) -> Option<()> {
    loop {
        lexer.bump();
        if lexer.next_token()? != b'"' {
            return None;
        }
        let key = lexer.string().ok()?;
        lexer.next_token()?;
        lexer.bump();
        lexer.next_token()?;
        if key == wanted {
            return Some(());
        }
        skip_value(lexer)?;
        if lexer.next_token()? != b',' {
            return None;
        }
    }
}

/// Stops at the item of this index.
fn enter_array(lexer: &mut Lexer<'_>, wanted: usize) -> Option<()> {
    lexer.bump();
    for _ in 0..wanted {
        if lexer.next_token()? == b']' {
            return None;
        }
        skip_value(lexer)?;
        if lexer.next_token()? != b',' {
            return None;
        }
        lexer.bump();
    }
    (lexer.next_token()? != b']').then_some(())
}

/// Steps over one whole value.
fn skip_value(lexer: &mut Lexer<'_>) -> Option<()> {
    let mut depth = 0_usize;
    loop {
        match lexer.next_token()? {
            b'"' => drop(lexer.string().ok()?),
            b'{' | b'[' => {
                depth += 1;
                lexer.bump();
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                lexer.bump();
            }
            b',' | b':' => lexer.bump(),
            _ => lexer.skip_word(),
        }
        if depth == 0 {
            return Some(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_values_again() {
        let body = b"{\n  \"a\": [1, {\"b\": \"x]\", \"c/d\": true}, []],\n  \"e\\u0066\": -1.5\n}";
        assert_eq!(locate(body, ""), Some((1, 1)));
        assert_eq!(locate(body, "/a"), Some((2, 8)));
        assert_eq!(locate(body, "/a/1/c~1d"), Some((2, 31)));
        assert_eq!(locate(body, "/a/2"), Some((2, 38)));
        assert_eq!(locate(body, "/ef"), Some((3, 14)));
        for nowhere in ["/a/3", "/x", "/a/1/b/c", "/a/2/0", "a"] {
            assert_eq!(locate(body, nowhere), None, "{nowhere}");
        }
    }
}
