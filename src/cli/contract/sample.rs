//! `trunkline contract sample`: a valid example document.

use std::path::Path;

use crate::contract::sample::Error;

use super::super::{End, contracts, output};

pub(super) fn run(dir: &Path, reference: &str, variant: u64) -> Result<End, End> {
    let found = contracts::find(dir, reference)?;
    let contract = &found.contract;
    match contract.sample(variant, &found.limits) {
        Ok(body) => Ok(output::line(&body)),
        Err(error @ Error::Root) => {
            let roots = contract.xml_schema().map(|(schema, _)| schema.roots()).unwrap_or_default();
            let meant = roots.first().map_or("Name", |root| root.local.as_str());
            Err(output::misuse(
                &format!("`{reference}`: {error}"),
                Some(&format!("name one, as `{reference}#{meant}`")),
            ))
        }
        Err(error) => {
            output::say(&format!("`{reference}`: {error}"));
            if let Error::Invalid(violations) = &error {
                output::violations(Path::new("(the nearest one)"), violations);
            }
            Err(End::Invalid)
        }
    }
}
