//! Checks the document against a contract in the middle of a route.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::contract::{Contract, Format};
use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{Diagnostic, codes};
use crate::endpoint::BoxFuture;
use crate::message::Failure;
use crate::route::compile::{Compiler, Place};
use crate::route::run::Run;

use super::{Description, Flow, Pattern, Step};

/// Checks the document against a contract. From here on the document has this contract.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Validate(Spanned<String>);

/// A contract in its place.
#[derive(Debug)]
pub(super) struct Validation {
    contract: Arc<Contract>,
}

impl Pattern for Validate {
    fn compile(&self, _: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        let Some(contract) = compiler.contract(&self.0) else {
            compiler.flow.becomes_anything();
            return None;
        };
        let other = compiler.flow.known().find(|known| known.format() != contract.format()).cloned();
        if let Some(other) = other {
            let message = format!(
                "`{}` describes {}, but a document of `{}` reaches this step",
                contract.reference(),
                match contract.format() {
                    Format::Json => "JSON",
                    Format::Xml => "XML",
                },
                other.reference(),
            );
            compiler.report(
                Diagnostic::error(codes::CONTRACT_MISMATCH, compiler.file, self.0.span.clone(), message)
                    .hint("put a `transform` between them, or name a contract of the same format"),
            );
        }
        compiler.enters(&contract, &self.0);
        compiler.flow.becomes(Some(contract.clone()));
        Some(Box::new(Validation::of(contract)))
    }
}

impl Validation {
    pub(super) fn of(contract: Arc<Contract>) -> Self {
        Self { contract }
    }
}

impl Step for Validation {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        let outcome = run.document_as(&self.contract).map(|_| Flow::Continue);
        Box::pin(std::future::ready(outcome))
    }

    fn reads(&self) -> Vec<&Arc<Contract>> {
        vec![&self.contract]
    }

    fn describe(&self) -> Description<'_> {
        Description::line(format!("validate against {}", self.contract.reference()))
    }
}
