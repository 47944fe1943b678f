//! Contracts: what a document must be, and how it stands in bytes.

#[expect(clippy::module_inception, reason = "the room is named after its main thing")]
mod contract;
mod closure;
pub mod infer;
mod json;
pub mod convert;
pub mod diff;
pub mod docs;
mod outline;
mod place;
pub mod plan;
mod reference;
mod registry;
mod resolve;
pub mod sample;
mod vouch;
#[cfg(test)]
mod tests;
mod xml;
pub mod xsd;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use contract::Contract;
pub use outline::Outline;
pub use registry::Registry;
pub use resolve::ResolveError;
pub use vouch::vouches;

use crate::diagnostic::SourceFile;
pub use crate::format::Format;

/// The schema files of a project by their path below `schemas/`, as `erp/order.xsd`.
pub type Files = BTreeMap<Arc<str>, SourceFile>;
