//! A valid example document, made from the contract alone: the same one each time.
//!
//! Whatever is made is held against the contract before it is given: an example that is not valid is none. What may be
//! left out is there while it is not nested too deeply and the document stays small, so that the example shows much.

mod costs;
mod json;
mod number;
mod pattern;
mod text;
mod xml;

use bytes::Bytes;

use super::contract::Contract;
use crate::message::{Limits, Violations};

/// Down to so many levels, at most, what may be left out is there.
const MOST_DEPTH: usize = 6;
/// An example with what may be left out has no more values or elements than this.
const FULL_SIZE: usize = 150;
/// An example has no more than this.
const MOST_SIZE: usize = 20_000;
/// Nesting beyond this is given up.
const DEEPEST: usize = 60;

/// Why there is no example.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The contract names no root element.
    #[error("the contract names no root element, and has more than one")]
    Root,
    /// Nothing could be made that its rules allow.
    #[error("no document could be made from its rules alone")]
    None,
    /// What was made is not valid.
    #[error("no document that was made from its rules is valid")]
    Invalid(Violations),
}

impl Contract {
    /// A valid document in the format of the contract; `variant` 0 is the plainest, others differ in what they choose.
    pub fn sample(&self, variant: u64, limits: &Limits) -> Result<Bytes, Error> {
        let mut error = Error::None;
        let mut valid = |body: Bytes| match self.read(&body, limits) {
            Ok(_) => Some(body),
            Err(violations) => {
                error = Error::Invalid(violations);
                None
            }
        };
        let found = match (self.json_schema(), self.xml_schema()) {
            (Some(schema), _) => json::samples(schema, variant).find_map(&mut valid),
            (None, _) => {
                let plan = self.xml_plan().ok_or(Error::Root)?;
                xml::samples(&plan, variant).find_map(&mut valid)
            }
        };
        found.ok_or(error)
    }
}

/// Decides, by a variant and a count of decisions, which of `among` is taken: always the first in the plainest variant.
#[derive(Clone, Debug)]
struct Choices {
    variant: u64,
    made: u64,
}

impl Choices {
    fn new(variant: u64) -> Self {
        Self { variant, made: 0 }
    }

    /// Below `among`; 0 if that is 0.
    fn next(&mut self, among: usize) -> usize {
        self.made += 1;
        if self.variant == 0 || among == 0 {
            return 0;
        }
        // The finalizer of splitmix64: near numbers give far ones.
        let mut mixed = (self.variant ^ self.made.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(among).unwrap_or(1)).unwrap_or(0)
    }
}
