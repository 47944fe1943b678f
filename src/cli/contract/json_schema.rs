//! `trunkline contract json-schema`: for a JSON participant, the contract of what it will get from an XML one.

use std::path::Path;

use crate::format::json;

use super::super::{End, contracts, output};

pub(super) fn run(dir: &Path, reference: &str) -> End {
    let found = match contracts::find(dir, reference) {
        Ok(found) => found,
        Err(end) => return end,
    };
    match found.contract.xml_plan() {
        Some(plan) => output::data(&json::pretty(&plan.json_schema(found.contract.reference()))),
        None => output::misuse(
            &format!("`{reference}` is not an XSD with a known root element"),
            Some("name the root element, as `erp/order#Order`; a JSON Schema is its own contract"),
        ),
    }
}
