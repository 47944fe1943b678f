//! The places in an XSD where other files are named: `include`, `import`, `redefine` with their `schemaLocation`.

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::events::Event;
use quick_xml::events::attributes::Attribute;
use quick_xml::{Reader, XmlVersion};

/// One `schemaLocation` of a schema file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Directive {
    /// The location.
    pub(crate) location: String,
    /// The bytes of the location as written in the file.
    pub(crate) span: Range<usize>,
    /// The namespace of an import.
    pub(crate) namespace: Option<String>,
}

impl Directive {
    /// Whether the engine has the schema of this namespace built in.
    pub(crate) fn is_well_known(&self) -> bool {
        matches!(
            self.namespace.as_deref(),
            Some("http://www.w3.org/XML/1998/namespace" | "http://www.w3.org/1999/xlink")
        )
    }
}

/// The directives of a schema file, up to its end or its first syntax error.
pub(crate) fn directives(text: &str) -> Vec<Directive> {
    let mut reader = Reader::from_str(text);
    let mut found = Vec::new();
    loop {
        let start = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let (Ok(Event::Start(tag)) | Ok(Event::Empty(tag))) = (match reader.read_event() {
            Ok(Event::Eof) | Err(_) => return found,
            event => event,
        }) else {
            continue;
        };
        if !matches!(tag.local_name().as_ref(), b"include" | b"import" | b"redefine") {
            continue;
        }
        let attribute = |name: &str| tag.try_get_attribute(name).ok().flatten();
        let unescaped =
            |attribute: Attribute<'_>| attribute.normalized_value(XmlVersion::default()).ok().map(Cow::into_owned);
        let Some(written) = attribute("schemaLocation") else { continue };
        let end = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let span = value_span(text.get(start..end).unwrap_or_default(), &written.value)
            .map_or(start..end, |span| start + span.start..start + span.end);
        let Some(location) = unescaped(written) else { continue };
        found.push(Directive { location, span, namespace: attribute("namespace").and_then(unescaped) });
    }
}

/// The bytes of the value of `schemaLocation` in a tag.
fn value_span(tag: &str, value: &[u8]) -> Option<Range<usize>> {
    let name = tag.find("schemaLocation")?;
    let start = name + tag.get(name..)?.find(std::str::from_utf8(value).ok()?)?;
    Some(start..start + value.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_locations_with_their_places() {
        let text = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <!-- <xs:include schemaLocation="no.xsd"/> -->
  <xs:include schemaLocation="a.xsd"/>
  <xs:import namespace="urn:b" schemaLocation='../b.xsd'>
  </xs:import>
  <xs:import namespace="urn:c"/>
  <xs:redefine schemaLocation="x&amp;y.xsd"/>
</xs:schema>"#;
        let found = directives(text);
        let of: Vec<_> = found.iter().map(|one| (one.location.as_str(), &text[one.span.clone()])).collect();
        assert_eq!(of, [("a.xsd", "a.xsd"), ("../b.xsd", "../b.xsd"), ("x&y.xsd", "x&amp;y.xsd")]);
        assert_eq!(found[1].namespace.as_deref(), Some("urn:b"));
    }
}
