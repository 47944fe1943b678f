//! A contract: reads and validates bodies into documents, validates and writes documents as bodies.

use std::sync::Arc;

use bytes::Bytes;

use super::Format;
use super::json::JsonSchema;
use super::outline::Outline;
use super::plan::Plan;
use super::xml::XmlContract;
use super::xsd::Schema;
use crate::format::json;
use crate::format::xml::ExpandedName;
use crate::message::{Limits, Value, Violations};

/// A named, compiled description of a document.
#[derive(Debug)]
pub struct Contract {
    reference: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Json(JsonSchema),
    Xml(XmlContract),
}

impl Contract {
    pub(crate) fn json(reference: &str, schema: JsonSchema) -> Self {
        Self { reference: reference.to_owned(), kind: Kind::Json(schema) }
    }

    pub(crate) fn xml(reference: &str, contract: XmlContract) -> Self {
        Self { reference: reference.to_owned(), kind: Kind::Xml(contract) }
    }

    /// The reference by which it was resolved, as `erp/order-status#OrderStatusRequest`.
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// JSON for JSON Schema, XML for XSD.
    pub fn format(&self) -> Format {
        match self.kind {
            Kind::Json(_) => Format::Json,
            Kind::Xml(_) => Format::Xml,
        }
    }

    /// The compiled JSON Schema, if the contract is one.
    pub(crate) fn json_schema(&self) -> Option<&JsonSchema> {
        match &self.kind {
            Kind::Json(schema) => Some(schema),
            Kind::Xml(_) => None,
        }
    }

    /// The compiled XSD and the root element that the reference names, if the contract is one.
    pub fn xml_schema(&self) -> Option<(&Schema, Option<&ExpandedName>)> {
        match &self.kind {
            Kind::Json(_) => None,
            Kind::Xml(contract) => Some(contract.schema()),
        }
    }

    /// The plan by which documents of an XSD with a known root element are converted.
    pub fn xml_plan(&self) -> Option<Arc<Plan>> {
        match &self.kind {
            Kind::Json(_) => None,
            Kind::Xml(contract) => contract.known_plan(),
        }
    }

    /// The JSON Schema of its documents in JSON form; nothing if their root element is not known.
    pub fn outline(&self) -> Option<Outline> {
        let outline = match &self.kind {
            Kind::Json(schema) => schema.outline(),
            Kind::Xml(contract) => Some(Outline::alone(contract.known_plan()?.outline(&self.reference))),
        };
        outline.map(|outline| outline.of(&self.reference))
    }

    /// Reads a body strictly, validates it, and gives the document: JSON as it stands, XML by the contract's plan.
    pub fn read(&self, body: &Bytes, limits: &Limits) -> Result<Value, Violations> {
        self.read_body(body, limits).map_err(|violations| violations.of_contract(&self.reference))
    }

    /// Validates a document and writes its body: the reverse of [`Contract::read`].
    pub fn write(&self, document: &Value, limits: &Limits) -> Result<Bytes, Violations> {
        self.write_body(document, limits).map_err(|violations| violations.of_contract(&self.reference))
    }

    /// Validates a document that a mapping made, as [`Contract::write`] would.
    pub fn validate(&self, document: &Value, limits: &Limits) -> Result<(), Violations> {
        match &self.kind {
            Kind::Json(schema) => Violations::none_of(schema.validate(document))
                .map_err(|violations| violations.of_contract(&self.reference)),
            Kind::Xml(_) => self.write(document, limits).map(drop),
        }
    }

    fn read_body(&self, body: &Bytes, limits: &Limits) -> Result<Value, Violations> {
        match &self.kind {
            Kind::Json(schema) => {
                let value = json::read(body, limits)?;
                let mut violations = schema.validate(&value);
                for violation in &mut violations {
                    if let Some((line, column)) = json::locate(body, &violation.path) {
                        (violation.line, violation.column) = (Some(line), Some(column));
                    }
                }
                Violations::none_of(violations).map(|()| value)
            }
            Kind::Xml(contract) => contract.read(body, limits),
        }
    }

    fn write_body(&self, document: &Value, limits: &Limits) -> Result<Bytes, Violations> {
        match &self.kind {
            Kind::Json(schema) => {
                Violations::none_of(schema.validate(document))?;
                Ok(json::write(document, limits)?.into())
            }
            Kind::Xml(contract) => contract.write(document, limits),
        }
    }
}
