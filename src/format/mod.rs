//! Bytes to document and back: JSON and XML, strictly.

pub mod xml;
