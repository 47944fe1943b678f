//! Places in schema files: paths between files, lines and columns to bytes.

use std::ops::Range;

/// The path of the map that `location` means, written in the file `from`. `None` if it leaves the map.
pub(crate) fn join(from: &str, location: &str) -> Option<String> {
    if location.contains("://") {
        return None;
    }
    let location = location.split('#').next().unwrap_or_default();
    if location.is_empty() {
        return Some(from.to_owned());
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    if location.starts_with('/') {
        parts.clear();
    }
    for part in location.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The byte offset of a line and column, both from 1, columns in characters.
pub(crate) fn offset(text: &str, line: usize, column: usize) -> usize {
    let mut start = 0;
    for _ in 1..line {
        match text.get(start..).and_then(|rest| rest.find('\n')) {
            Some(at) => start += at + 1,
            None => return text.len(),
        }
    }
    let rest = text.get(start..).unwrap_or_default();
    start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
}

/// The bytes of the tag that stands at or around an offset, on one line.
pub(crate) fn element_span(text: &str, offset: usize) -> Range<usize> {
    let before = text.get(..offset).unwrap_or(text);
    let rest = text.get(before.len()..).unwrap_or_default();
    let start = if rest.starts_with('<') { before.len() } else { before.rfind('<').unwrap_or(before.len()) };
    let tag = text.get(start..).unwrap_or_default();
    let end = tag.find(['>', '\n']).map_or(tag.len(), |at| at + usize::from(tag.as_bytes().get(at) == Some(&b'>')));
    start..start + end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_inside_the_map_only() {
        assert_eq!(join("erp/order.xsd", "common.xsd").as_deref(), Some("erp/common.xsd"));
        assert_eq!(join("erp/order.xsd", "./../b/./c.xsd").as_deref(), Some("b/c.xsd"));
        assert_eq!(join("erp/order.xsd", "/b.xsd").as_deref(), Some("b.xsd"));
        assert_eq!(join("erp/order.json", "#/$defs/a").as_deref(), Some("erp/order.json"));
        assert_eq!(join("erp/order.xsd", "../../etc/passwd"), None);
        assert_eq!(join("erp/order.xsd", "http://example.com/x.xsd"), None);
        assert_eq!(join("erp/order.xsd", "file:///etc/passwd"), None);
    }

    #[test]
    fn places() {
        let text = "a\n  <ä b='1'>\n</ä>";
        assert_eq!(offset(text, 2, 3), 4);
        assert_eq!(&text[element_span(text, 4)], "<ä b='1'>");
        assert_eq!(&text[element_span(text, offset(text, 2, 6))], "<ä b='1'>");
        assert_eq!(offset(text, 9, 1), text.len());
    }
}
