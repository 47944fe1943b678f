//! Transforms: declarative mappings from one contract to another.

pub mod lang;
