//! XML Schema 1.0 contracts: loading, and validation of an XML tree.

mod directives;
mod explain;
mod engine;
mod load;
mod names;
mod report;
mod schema;
mod scope;
#[cfg(test)]
mod tests;
mod validate;
mod walk;

pub(crate) use directives::directives;
pub(crate) use load::{from_location, to_location};
pub use schema::Schema;
