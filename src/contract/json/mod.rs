//! JSON Schema contracts: the parsed files, what is wrong in them, and validation of our own tree.

mod exact;
mod keywords;
mod lint;
mod message;
mod node;
mod refs;
mod schema;
mod source;

pub(crate) use keywords::allows;
pub(crate) use node::Document;
pub(crate) use refs::{At, is_alone, start, target};
pub use schema::JsonSchema;
pub(crate) use schema::{diagnose, is_fatal};
pub(crate) use source::{Base, Source, Sources};
