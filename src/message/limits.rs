//! What a message may cost: the bounds that every reader and evaluator keeps.

use serde::{Deserialize, Serialize};

/// Bounds on one document. Beyond a bound the document is refused, never cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of one body.
    pub body_bytes: usize,
    /// Levels of nesting.
    pub depth: usize,
    /// Nodes: values, elements, attributes.
    pub nodes: usize,
    /// Evaluation steps of one run of a mapping.
    pub steps: u64,
    /// Bytes of one document that a mapping or conversion may make.
    pub output_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes: 16 << 20, depth: 64, nodes: 1_000_000, steps: 10_000_000, output_bytes: 64 << 20 }
    }
}
