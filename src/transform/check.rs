//! Follows mappings and expressions against the contracts on both sides, before any message comes.

use std::sync::Arc;

use super::lang::{Finding, Shape, Target};
use super::{Embedded, Transform};
use crate::contract::{Contract, Format};
use crate::diagnostic::{Diagnostic, Severity};
use crate::message::Value;

impl Transform {
    /// What the mapping reads that no document of its source has, and what it makes that is none of its target: errors.
    /// With `strict` also what only may be so: warnings.
    pub fn check(&self, strict: bool) -> Vec<Diagnostic> {
        let (from, to) = (shape(self.from()), shape(self.to()));
        let text_for_numbers = self.to().format() == Format::Xml;
        let target = Target { shape: &to, name: self.to().reference(), text_for_numbers };
        self.map.followed((&from, self.from().reference()), Some(target), strict)
    }
}

impl Embedded {
    /// What the expression reads that no document of these contracts has; with `strict` also what only may be so.
    pub fn check(&self, contracts: &[Arc<Contract>], strict: bool) -> Vec<Diagnostic> {
        let Some(input) = contracts.iter().map(|contract| shape(contract)).reduce(Shape::join) else {
            return Vec::new();
        };
        let names: Vec<&str> = contracts.iter().map(|contract| contract.reference()).collect();
        self.followed((&input, &names.join("` or `")), None, strict)
    }

    fn followed(&self, input: (&Shape, &str), target: Option<Target<'_>>, strict: bool) -> Vec<Diagnostic> {
        let diagnostic = |finding: Finding| {
            let severity = if finding.certain { Severity::Error } else { Severity::Warning };
            let found = Diagnostic::error(finding.code, self.file(), self.place(&finding.span), finding.message);
            Diagnostic { severity, ..found.hint(finding.hint) }
        };
        let findings = self.program().follow(self.source(), input, target);
        findings.into_iter().filter(|finding| strict || finding.certain).map(diagnostic).collect()
    }
}

/// Whether a document is one that the checker counts with. Every valid document is, and most others are not.
pub fn admits(contract: &Contract, document: &Value) -> bool {
    shape(contract).admits(document)
}

fn shape(contract: &Contract) -> Shape {
    contract.outline().map_or_else(Shape::anything, |outline| Shape::of(&outline))
}
