//! Why a reference gives no contract.

use crate::diagnostic::Diagnostic;

/// Why a reference gives no contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolveError {
    /// One of [`crate::diagnostic::codes`].
    pub code: &'static str,
    /// What is wrong with the reference, in one sentence.
    pub message: String,
    /// What may have been meant.
    pub hint: Option<String>,
    /// What is wrong in the schema files themselves, where they are the reason.
    pub diagnostics: Vec<Diagnostic>,
}

impl ResolveError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, diagnostics: Vec::new() }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The files of a contract are wrong.
    pub(crate) fn files(reference: &str, diagnostics: Vec<Diagnostic>) -> Self {
        let code = diagnostics.first().map_or(crate::diagnostic::codes::CONTRACT_INVALID, |first| first.code);
        let message = match diagnostics.as_slice() {
            [one] => format!("the contract `{reference}` is not valid: {}", one.message),
            many => format!("the contract `{reference}` is not valid: {} errors in its files", many.len()),
        };
        Self { code, message, hint: None, diagnostics }
    }
}
