//! From a body to its document: content type, encoding, format.

use bytes::Bytes;

use crate::contract::{Contract, Format};
use crate::format::json;
use crate::message::{Failure, Kind, Limits, Message, Properties, Stage, Text, Value, Violations};

/// Refuses a body that is larger than the limits allow.
pub(crate) fn check_size(body: &Bytes, limits: &Limits, stage: Stage) -> Result<(), Failure> {
    if body.len() <= limits.body_bytes {
        return Ok(());
    }
    let reason = format!("the body has {} bytes, {} are allowed", body.len(), limits.body_bytes);
    Err(Failure { stage, ..Failure::permanent(Kind::Limit, reason) })
}

/// Reads a body by its contract.
pub(crate) fn read(message: &Message, contract: &Contract, limits: &Limits, stage: Stage) -> Result<Value, Failure> {
    check_size(&message.body, limits, stage)?;
    let content_type = message.properties.content_type.as_deref();
    if let (Some(content_type), Some(format)) = (content_type, content_type.and_then(format_of))
        && format != contract.format()
    {
        let expected = match contract.format() {
            Format::Json => "JSON",
            Format::Xml => "XML",
        };
        let contract = contract.reference();
        let reason = format!("content type `{content_type}` contradicts contract {contract}, which is {expected}");
        return Err(Failure { stage, ..Failure::permanent(Kind::ContentType, reason) });
    }
    check_encoding(&message.properties, stage)?;
    contract.read(&message.body, limits).map_err(|violations| failure(violations, stage))
}

/// Reads a body that no contract describes: JSON as it stands. What XML means, only a contract tells.
pub(crate) fn read_plain(message: &Message, limits: &Limits, stage: Stage) -> Result<Value, Failure> {
    check_size(&message.body, limits, stage)?;
    check_encoding(&message.properties, stage)?;
    if message.properties.content_type.as_deref().and_then(format_of) == Some(Format::Xml) {
        let reason = "XML is read by a contract only: add `accepts` to the route";
        return Err(Failure { stage, ..Failure::permanent(Kind::ContentType, reason) });
    }
    json::read(&message.body, limits).map_err(|violations| failure(violations.into(), stage))
}

fn check_encoding(properties: &Properties, stage: Stage) -> Result<(), Failure> {
    match properties.content_encoding.as_deref() {
        None | Some("" | "identity" | "utf-8" | "UTF-8" | "utf8") => Ok(()),
        Some(encoding) => {
            let reason = format!("content encoding `{encoding}` cannot be read; send the body without it");
            Err(Failure { stage, ..Failure::permanent(Kind::ContentType, reason) })
        }
    }
}

/// The format that a content type names, if it names one (RFC 8259 section 11, RFC 7303 section 4).
pub(crate) fn format_of(content_type: &str) -> Option<Format> {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let ends_with = |suffix: &str| {
        let at = media_type.len().checked_sub(suffix.len());
        at.and_then(|at| media_type.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
    };
    let is = |name: &str| media_type.eq_ignore_ascii_case(name);
    if is("application/json") || is("text/json") || ends_with("+json") {
        Some(Format::Json)
    } else if is("application/xml") || is("text/xml") || ends_with("+xml") {
        Some(Format::Xml)
    } else {
        None
    }
}

/// Sets the properties that describe a body which the bus has written: UTF-8 of this format.
pub(crate) fn describe(properties: &mut Properties, format: Format) {
    let kept = properties.content_type.as_deref().is_some_and(|content_type| {
        format_of(content_type) == Some(format) && !content_type.to_ascii_lowercase().contains("charset")
    });
    if !kept {
        properties.content_type = Some(Text::from(match format {
            Format::Json => "application/json",
            Format::Xml => "application/xml",
        }));
    }
    properties.content_encoding = None;
}

/// The failure for violations: its kind follows from the first rule that is broken.
pub(crate) fn failure(violations: Violations, stage: Stage) -> Failure {
    let rule = violations.iter().next().map(|first| first.rule.as_str()).unwrap_or_default();
    let kind = match rule.split('-').next().unwrap_or_default() {
        "limit" => Kind::Limit,
        "json" | "xml" => Kind::Syntax,
        "convert" => Kind::Conversion,
        "internal" => Kind::Internal,
        _ => Kind::Contract,
    };
    let contract = violations.iter().next().and_then(|first| first.contract.clone());
    let failure = Failure::of_violations(stage, kind, violations);
    match contract {
        Some(contract) => Failure { reason: format!("not valid under {contract}: {}", failure.reason), ..failure },
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_name_formats() {
        for json in ["application/json", "application/json; charset=utf-8", "application/vnd.shop+JSON", "text/json"] {
            assert_eq!(format_of(json), Some(Format::Json), "{json}");
        }
        for xml in ["application/xml", "TEXT/XML;charset=utf-8", "application/soap+xml"] {
            assert_eq!(format_of(xml), Some(Format::Xml), "{xml}");
        }
        for other in ["", "text/plain", "application/octet-stream", "json", "é+jso"] {
            assert_eq!(format_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_fitting_content_type_is_kept() {
        let mut properties =
            Properties { content_type: Some("application/vnd.a+json".into()), ..Properties::default() };
        describe(&mut properties, Format::Json);
        assert_eq!(properties.content_type.as_deref(), Some("application/vnd.a+json"));
        describe(&mut properties, Format::Xml);
        assert_eq!(properties.content_type.as_deref(), Some("application/xml"));
    }
}
