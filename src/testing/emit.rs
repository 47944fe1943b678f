//! Writes values as YAML that people would write, and XML with a line for each element.

use crate::format::json::compact;
use crate::message::{Number, Value};

/// A line gets no longer than this if it can be helped.
const WIDTH: usize = 100;

/// A value as flow YAML on one line: `{ a: 1, b: [x, y] }`.
pub fn flow(value: &Value) -> String {
    match value {
        Value::Array(items) if items.is_empty() => "[]".to_owned(),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let member = |(name, value): (&crate::message::Text, &Value)| format!("{}: {}", scalar(name), flow(value));
            format!("{{ {} }}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => scalar(text),
        other => compact(other),
    }
}

/// A value after its key, within flow or block: on one line if it fits, else on lines that are indented more than
/// `indent`.
pub fn value(value: &Value, indent: usize) -> String {
    let short = flow(value);
    if indent + short.chars().count() <= WIDTH {
        return short;
    }
    let (open, close, items): (_, _, Vec<String>) = match value {
        Value::Array(items) => ('[', ']', items.iter().map(|item| self::value(item, indent + 4)).collect()),
        Value::Object(members) => {
            let member = |(name, item): (&crate::message::Text, &Value)| {
                format!("{}: {}", scalar(name), self::value(item, indent + 4))
            };
            ('{', '}', members.iter().map(member).collect())
        }
        _ => return short,
    };
    let (inner, outer) = (" ".repeat(indent + 4), " ".repeat(indent + 2));
    let lines: Vec<String> = items.into_iter().map(|item| format!("{inner}{item}")).collect();
    format!("{open}\n{}\n{outer}{close}", lines.join(",\n"))
}

/// A map as lines of block YAML, each indented by `indent`.
pub fn block(members: &[(String, Value)], indent: usize) -> String {
    let mut out = String::new();
    for (name, value) in members {
        let short = flow(value);
        let line = format!("{}{}: {short}", " ".repeat(indent), scalar(name));
        out.push_str(&match value {
            Value::Object(inner) if line.chars().count() > WIDTH => {
                let inner: Vec<_> = inner.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
                format!("{}{}:\n{}", " ".repeat(indent), scalar(name), block(&inner, indent + 2))
            }
            value => format!("{}{}: {}\n", " ".repeat(indent), scalar(name), self::value(value, indent)),
        });
    }
    out
}

/// Text without quotes where YAML reads it as text, else with JSON's.
fn scalar(text: &str) -> String {
    let begins = text.chars().next().is_some_and(|first| first.is_ascii_alphanumeric() || "_/".contains(first));
    let plain = |c: char| c.is_alphanumeric() || " _-./@+()".contains(c);
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_word = words.contains(&text.to_ascii_lowercase().as_str());
    let is_number = Number::parse(text).is_some() || text.starts_with(|c: char| c.is_ascii_digit());
    if begins && text.chars().all(plain) && !text.ends_with(' ') && !is_word && !is_number {
        text.to_owned()
    } else {
        compact(&Value::from(text))
    }
}

/// Well-formed XML without white space between its elements, with a line for each of them.
pub fn lines_of_xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let mut rest = text.trim();
    let mut after_tag = false;
    while let Some(at) = rest.find('<') {
        let (before, from) = rest.split_at(at);
        let end = from.find('>').map_or(from.len(), |end| end + 1);
        let (tag, next) = from.split_at(end);
        let closes = tag.starts_with("</");
        if closes {
            depth = depth.saturating_sub(1);
        }
        let content = if before.trim().is_empty() && after_tag { "" } else { before };
        out.push_str(content);
        // `<a></a>` and `<a>text</a>` stay on one line.
        let alone = closes && !out.ends_with('>');
        let empty = closes && content.is_empty() && opens_last(&out);
        if !out.is_empty() && content.is_empty() && !alone && !empty {
            out.push('\n');
            out.push_str(&"  ".repeat(depth));
        }
        out.push_str(tag);
        if !closes && !tag.ends_with("/>") && !tag.starts_with("<?") {
            depth += 1;
        }
        after_tag = true;
        rest = next;
    }
    out.push_str(rest);
    out
}

/// Whether the last tag is one that opens.
fn opens_last(out: &str) -> bool {
    out.rfind('<').and_then(|at| out.get(at..)).is_some_and(|tag| !tag.starts_with("</") && !tag.ends_with("/>"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::json;
    use crate::message::Limits;

    fn read(text: &str) -> Value {
        json::read(text.as_bytes(), &Limits::default()).expect("is JSON")
    }

    #[test]
    fn writes_what_yaml_reads_as_the_same() {
        let text = r#"{"a":1.10,"b":["x","007","true","a: b","-","é 1"],"c d":{},"n":null,"":[]}"#;
        let flow = flow(&read(text));
        assert_eq!(flow, r#"{ a: 1.10, b: [x, "007", "true", "a: b", "-", "é 1"], c d: {}, "n": null, "": [] }"#);
    }

    #[test]
    fn breaks_what_is_long() {
        let long = "x".repeat(60);
        let text = value(&read(&format!(r#"{{"a":"{long}","b":["{long}"]}}"#)), 4);
        assert_eq!(text, format!("{{\n        a: {long},\n        b: [{long}]\n      }}"));
    }

    #[test]
    fn breaks_xml_between_elements() {
        let text = "<a x=\"1\"><b>1 &lt; 2</b><c/><d></d><e><f>x</f></e></a>";
        let lines = "<a x=\"1\">\n  <b>1 &lt; 2</b>\n  <c/>\n  <d></d>\n  <e>\n    <f>x</f>\n  </e>\n</a>";
        assert_eq!(lines_of_xml(text), lines);
        assert_eq!(lines_of_xml(lines), lines);
    }
}
