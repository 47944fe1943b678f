//! `trunkline convert`: XML to JSON and JSON to XML, by contract.

use std::path::Path;

use bytes::Bytes;

use crate::config::{Environment, Settings};
use crate::contract::{self, Contract};
use crate::format::{generic, json, xml};
use crate::message::{Limits, Violations};

use super::{End, Format, contracts, input, output};

pub(super) fn run(dir: &Path, reference: &str, file: &Path, from: Option<Format>) -> End {
    let found = match contracts::find(dir, reference) {
        Ok(found) => found,
        Err(end) => return end,
    };
    if found.contract.format() != contract::Format::Xml {
        let hint = "name an XSD; a document of a JSON Schema is JSON and stays JSON";
        return output::misuse(&format!("`{reference}` is a JSON Schema, which says nothing of XML"), Some(hint));
    }
    let body = match input::document(file, &found.limits) {
        Ok(body) => body,
        Err(end) => return end,
    };
    match convert(&found.contract, &found.limits, &body, from.unwrap_or_else(|| format_of(&body))) {
        Ok(converted) => output::line(&converted),
        Err(violations) => output::violations(file, &violations),
    }
}

/// Converts without a contract.
pub(super) fn generic(dir: &Path, file: &Path, from: Option<Format>) -> End {
    let limits = match Settings::load(dir, &Environment::of_process()) {
        Ok(settings) => settings.limits.message(),
        Err(wrong) => {
            output::diagnostics(&wrong);
            return output::misuse("the settings are broken", None);
        }
    };
    let body = match input::document(file, &limits) {
        Ok(body) => body,
        Err(end) => return end,
    };
    let converted = match from.unwrap_or_else(|| format_of(&body)) {
        Format::Xml => xml::read(&body, &limits)
            .and_then(|tree| generic::xml_to_value(&tree, &body))
            .and_then(|value| json::write(&value, &limits)),
        Format::Json => json::read(&body, &limits)
            .and_then(|value| generic::value_to_xml(&value, &limits))
            .and_then(|tree| xml::write(&tree, &limits)),
    };
    match converted {
        Ok(converted) => output::line(&converted),
        Err(violation) => output::violations(file, &violation.into()),
    }
}

fn convert(contract: &Contract, limits: &Limits, body: &Bytes, from: Format) -> Result<Bytes, Violations> {
    match from {
        Format::Xml => Ok(Bytes::from(json::write(&contract.read(body, limits)?, limits)?)),
        Format::Json => contract.write(&json::read(body, limits)?, limits),
    }
}

/// Every XML document has `<` first, after a byte order mark, white space and, in UTF-16, zero bytes; no JSON document
/// has.
pub(super) fn format_of(body: &[u8]) -> Format {
    let passed_over = |byte: &&u8| byte.is_ascii_whitespace() || b"\xef\xbb\xbf\xff\xfe\0".contains(byte);
    match body.iter().find(|byte| !passed_over(byte)) {
        Some(b'<') => Format::Xml,
        _ => Format::Json,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_format_by_its_first_character() {
        for xml in [&b"<a/>"[..], b"\xef\xbb\xbf <a/>", b"\xff\xfe<\0a\0", b"\xfe\xff\0<"] {
            assert_eq!(format_of(xml), Format::Xml);
        }
        for json in [&b"{}"[..], b" []", b"", b"\"<\"", b"1"] {
            assert_eq!(format_of(json), Format::Json);
        }
    }
}
