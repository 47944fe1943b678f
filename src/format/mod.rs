//! Bytes to document and back: JSON and XML, strictly.

mod position;
pub(crate) mod scan;
pub mod generic;
pub mod json;
pub mod xml;

pub use position::line_column;

/// The two forms of a document in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 8259.
    Json,
    /// XML 1.0.
    Xml,
}
