//! What a change of a contract breaks: documents that the old one admits and the new one refuses, and the other way
//! round.
//!
//! What is called compatible is so: where the comparison does not see through two schemas it says that it cannot tell,
//! and takes that for a break.

mod json;
mod xml;

use super::contract::Contract;

/// How many breaks are told.
const MOST_BREAKS: usize = 100;

/// A place where one contract refuses what the other one admits.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Break {
    /// Where in a document: a JSON Pointer, or the names of elements from the root on; `*` is each item or name.
    pub path: String,
    /// What is admitted here by the one and not by the other.
    pub message: String,
}

/// What breaks in either direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// What the old contract admits and the new one refuses: who reads by the new one cannot read all that was written.
    pub backward: Vec<Break>,
    /// What the new contract admits and the old one refuses: who reads by the old one cannot read all that will come.
    pub forward: Vec<Break>,
}

/// Why two contracts cannot be compared at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// JSON Schema and XSD.
    #[error("one contract is a JSON Schema and the other one an XSD")]
    Formats,
    /// An XSD without a known root.
    #[error("the contract names no root element, and has more than one")]
    Root,
}

/// Compares two contracts of one format.
pub fn difference(old: &Contract, new: &Contract) -> Result<Difference, Error> {
    let (backward, forward) = match (old.json_schema(), new.json_schema()) {
        (Some(old), Some(new)) => (json::breaks(old, new, Sides::BACKWARD), json::breaks(new, old, Sides::FORWARD)),
        (None, None) => {
            let (old_plan, new_plan) = (old.xml_plan().ok_or(Error::Root)?, new.xml_plan().ok_or(Error::Root)?);
            if is_same_text(old, new) {
                return Ok(Difference::default());
            }
            (xml::breaks(&old_plan, &new_plan, Sides::BACKWARD), xml::breaks(&new_plan, &old_plan, Sides::FORWARD))
        }
        _ => return Err(Error::Formats),
    };
    Ok(Difference { backward, forward })
}

/// Whether both are one root element of the same schema documents.
fn is_same_text(old: &Contract, new: &Contract) -> bool {
    match (old.xml_schema(), new.xml_schema()) {
        (Some((old, old_root)), Some((new, new_root))) => old_root == new_root && old.texts().eq(new.texts()),
        _ => false,
    }
}

/// How the two contracts are called: whose documents are looked at, and which one must admit them.
#[derive(Clone, Copy, Debug)]
struct Sides {
    from: &'static str,
    to: &'static str,
}

impl Sides {
    const BACKWARD: Self = Self { from: "old", to: "new" };
    const FORWARD: Self = Self { from: "new", to: "old" };
}

/// The breaks that were found, each once.
#[derive(Debug, Default)]
struct Breaks(Vec<Break>);

impl Breaks {
    fn add(&mut self, path: &str, message: String) {
        let found = Break { path: path.to_owned(), message };
        if self.0.len() < MOST_BREAKS && !self.0.contains(&found) {
            self.0.push(found);
        }
    }
}
