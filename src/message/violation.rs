//! One record for every way in which a body is not what its contract says: syntax, JSON Schema, XSD, conversion.

use std::fmt;

use serde::Serialize;

/// At most this many violations of one document are kept.
pub const MAX_VIOLATIONS: usize = 10;

/// Where and how a document breaks a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The contract's reference, as `erp/order-status#OrderStatusRequest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// JSON Pointer (RFC 6901) into JSON, XPath with indices into XML; empty for the whole document.
    pub path: String,
    /// The rule that is broken: a JSON Schema keyword, `cvc-…`, or one of ours as `json-duplicate-key`.
    pub rule: String,
    /// What is wrong, in words.
    pub message: String,
    /// The offending value, shortened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Line in the document, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Column in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// Where the rule stands: a JSON Pointer into the schema, or `file.xsd:line`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_location: Option<String>,
}

impl Violation {
    /// A violation of `rule` at `path`.
    pub fn new(rule: impl Into<String>, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { rule: rule.into(), path: path.into(), message: message.into(), ..Self::default() }
    }

    /// Adds the offending value, shortened to 80 characters.
    #[must_use]
    pub fn with_value(mut self, value: &str) -> Self {
        let mut short: String = value.chars().take(80).collect();
        if short.len() < value.len() {
            short.push('…');
        }
        self.value = Some(short);
        self
    }

    /// Adds the place in the document.
    #[must_use]
    pub fn at(mut self, line: u32, column: u32) -> Self {
        (self.line, self.column) = (Some(line), Some(column));
        self
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, "{line}:{column}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{} [{}]", self.message, self.rule)
    }
}

/// The violations of one document: at least one, at most [`MAX_VIOLATIONS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// `Err` with the first [`MAX_VIOLATIONS`] of these, `Ok` if there are none.
    pub fn none_of(mut all: Vec<Violation>) -> Result<(), Self> {
        all.truncate(MAX_VIOLATIONS);
        if all.is_empty() { Ok(()) } else { Err(Self(all)) }
    }

    /// The violations in the order in which they were found.
    pub fn iter(&self) -> std::slice::Iter<'_, Violation> {
        self.0.iter()
    }

    /// Names the contract in each.
    #[must_use]
    pub fn of_contract(mut self, contract: &str) -> Self {
        for violation in &mut self.0 {
            violation.contract = Some(contract.to_owned());
        }
        self
    }

    /// The plain list.
    pub fn into_vec(self) -> Vec<Violation> {
        self.0
    }
}

impl From<Violation> for Violations {
    fn from(violation: Violation) -> Self {
        Self(vec![violation])
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, violation) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str("; ")?;
            }
            violation.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}
