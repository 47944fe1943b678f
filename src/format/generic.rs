//! The forms of documents that have no contract: they lose nothing and guess nothing.
//!
//! XML becomes an ordered tree of `{"name", "ns", "attributes", "children"}`. JSON becomes XML in the vocabulary of
//! XPath and XQuery Functions and Operators 3.1, section 17.5 (`json-to-xml`).

use super::xml::{Attribute, Binding, Element, Node, PrefixId, Tree, is_char, locate};
use crate::message::{Limits, Members, Text, Value, Violation};

/// The namespace of the elements of `json-to-xml`.
const FUNCTIONS: &str = "http://www.w3.org/2005/xpath-functions";
/// The namespace of namespace declarations (Namespaces in XML 1.0, section 3).
const DECLARATIONS: &str = "http://www.w3.org/2000/xmlns/";

/// The generic form of an XML document. `body` is what the tree was read from, for places.
///
/// # Errors
/// If the document has a processing instruction.
pub fn xml_to_value(tree: &Tree, body: &[u8]) -> Result<Value, Violation> {
    let mut open: Vec<(Members, Vec<Value>)> = Vec::new();
    let mut root = Value::Null;
    for node in tree.nodes() {
        match node {
            Node::Start(element) => open.push((head(tree, element), Vec::new())),
            Node::Text { text, .. } => {
                if let Some((_, children)) = open.last_mut() {
                    children.push(Value::String(text.clone()));
                }
            }
            Node::Instruction { target, offset } => {
                let (line, column) = locate(body, *offset);
                let message = format!("the processing instruction `{target}` has no place in JSON");
                return Err(Violation::new("xml-instruction", "", message).at(line, column));
            }
            Node::End => {
                let Some((mut members, children)) = open.pop() else { continue };
                members.insert(Text::borrowed("children"), Value::array(children));
                let element = Value::object(members);
                match open.last_mut() {
                    Some((_, children)) => children.push(element),
                    None => root = element,
                }
            }
        }
    }
    Ok(root)
}

fn head(tree: &Tree, element: &Element) -> Members {
    let name = tree.name(element.name);
    let mut members = named(&name.local, &name.namespace);
    let declared = tree.bindings(element).iter().map(|binding| {
        let local = if binding.prefix.is_empty() { Text::borrowed("xmlns") } else { binding.prefix.clone() };
        valued(named(&local, DECLARATIONS), &binding.uri)
    });
    let given = tree.attributes(element).iter().map(|attribute| {
        let name = tree.name(attribute.name);
        valued(named(&name.local, &name.namespace), &attribute.value)
    });
    members.insert(Text::borrowed("attributes"), declared.chain(given).collect());
    members
}

fn named(local: &str, namespace: &str) -> Members {
    let mut members = Members::default();
    members.insert(Text::borrowed("name"), Value::from(local));
    members.insert(Text::borrowed("ns"), Value::from(namespace));
    members
}

fn valued(mut members: Members, value: &Text) -> Value {
    members.insert(Text::borrowed("value"), Value::String(value.clone()));
    Value::object(members)
}

/// The XML form of a JSON document.
///
/// # Errors
/// If the document is nested more deeply than the limits allow.
pub fn value_to_xml(value: &Value, limits: &Limits) -> Result<Tree, Violation> {
    let mut tree = Tree::default();
    write(&mut tree, None, value, limits.depth)?;
    tree.bind_root([Binding { prefix: Text::borrowed(""), uri: Text::borrowed(FUNCTIONS) }]);
    Ok(tree)
}

/// Writes one value; `depth` is how many levels may still follow.
fn write(tree: &mut Tree, key: Option<&str>, value: &Value, depth: usize) -> Result<(), Violation> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Violation::new("limit-depth", "", "the document is nested too deeply"));
    };
    let (name, text) = match value {
        Value::Null => ("null", None),
        Value::Bool(value) => ("boolean", Some(Text::borrowed(if *value { "true" } else { "false" }))),
        Value::Number(number) => ("number", Some(Text::from(number.to_string()))),
        Value::String(text) => ("string", Some(text.clone())),
        Value::Array(_) => ("array", None),
        Value::Object(_) => ("map", None),
    };
    if let Some(key) = key {
        let (written, escaped) = escape(key);
        attribute(tree, "key", written);
        if escaped {
            attribute(tree, "escaped-key", Text::borrowed("true"));
        }
    }
    let text = text.map(|text| {
        let (written, escaped) = escape(&text);
        if escaped {
            attribute(tree, "escaped", Text::borrowed("true"));
        }
        written
    });
    let name = tree.intern(&Text::borrowed(FUNCTIONS), &Text::borrowed(name));
    tree.start(name, PrefixId::default(), 0);
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        tree.text(text, 0);
    }
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| write(tree, None, item, depth))?,
        Value::Object(members) => {
            members.iter().try_for_each(|(key, member)| write(tree, Some(key), member, depth))?;
        }
        _ => {}
    }
    tree.end();
    Ok(())
}

fn attribute(tree: &mut Tree, name: &'static str, value: Text) {
    let name = tree.intern(&Text::borrowed(""), &Text::borrowed(name));
    tree.attribute(Attribute { name, prefix: PrefixId::default(), value });
}

/// Characters that XML cannot carry become JSON's escapes, and then so does every backslash.
fn escape(text: &str) -> (Text, bool) {
    if text.chars().all(is_char) {
        return (Text::from(text), false);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\\' => escaped.push_str("\\\\"),
            character if is_char(character) => escaped.push(character),
            character => escaped.push_str(&format!("\\u{:04X}", u32::from(character))),
        }
    }
    (Text::from(escaped), true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{json, xml};

    fn to_json(text: &str) -> Result<String, Violation> {
        let tree = xml::read(text.as_bytes(), &Limits::default())?;
        xml_to_value(&tree, text.as_bytes()).map(|value| json::compact(&value))
    }

    fn to_xml(text: &str) -> Result<String, Violation> {
        let limits = Limits::default();
        let tree = value_to_xml(&json::read(text.as_bytes(), &limits)?, &limits)?;
        Ok(String::from_utf8(xml::write(&tree, &limits)?).expect("is UTF-8"))
    }

    #[test]
    fn xml_keeps_order_names_and_declarations() {
        let json = to_json("<p:a xmlns:p='urn:p' k='1'>x<b p:k=''/>y</p:a>").expect("converts");
        assert_eq!(
            json,
            concat!(
                r#"{"name":"a","ns":"urn:p","attributes":["#,
                r#"{"name":"p","ns":"http://www.w3.org/2000/xmlns/","value":"urn:p"},{"name":"k","ns":"","value":"1"}],"#,
                r#""children":["x",{"name":"b","ns":"","attributes":[{"name":"k","ns":"urn:p","value":""}],"children":[]},"y"]}"#,
            )
        );
        assert_eq!(to_json("<a>\n<?pi x?></a>").expect_err("refuses").line, Some(2));
    }

    #[test]
    fn json_becomes_the_vocabulary_of_xpath() {
        let xml = to_xml(r#"{"a":[1.10,"x",true,null],"b\u0001\\":"\u0002\\","":""}"#).expect("converts");
        let expected = concat!(
            r#"<map xmlns="http://www.w3.org/2005/xpath-functions"><array key="a"><number>1.10</number>"#,
            r#"<string>x</string><boolean>true</boolean><null/></array>"#,
            r#"<string key="b\u0001\\" escaped-key="true" escaped="true">\u0002\\</string><string key=""/></map>"#,
        );
        assert!(xml.ends_with(expected), "{xml}");
        assert_eq!(to_xml("7").expect("converts").matches("<number").count(), 1);
    }

    #[test]
    fn depth_is_bounded() {
        let mut value = Value::Null;
        for _ in 0..100 {
            value = Value::array(vec![value]);
        }
        assert_eq!(value_to_xml(&value, &Limits::default()).expect_err("is too deep").rule, "limit-depth");
    }
}
