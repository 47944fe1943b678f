//! From a transform file to a compiled transform, or to everything that is wrong with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::lang::Tables;
use super::model::{Cell, Model};
use super::{Embedded, Uses};
use crate::contract::{Contract, Registry};
use crate::diagnostic::yaml::{self, Spanned};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::message::{Number, Text, Value};

/// A mapping from a document of one contract to one of another: immutable, shared between messages.
#[derive(Debug)]
pub struct Transform {
    name: String,
    from: Arc<Contract>,
    to: Arc<Contract>,
    pub(super) map: Embedded,
}

impl Transform {
    /// Compiles a transform file. `name` is its path below `transforms/` without the ending.
    pub fn compile(name: &str, file: &SourceFile, registry: &Registry) -> Result<Self, Vec<Diagnostic>> {
        let model: Model = yaml::parse(file)?;
        let mut wrong = Vec::new();
        let from = resolve(registry, file, &model.from, &mut wrong);
        let to = resolve(registry, file, &model.to, &mut wrong);
        let map = Embedded::compile(file, &model.map, &tables(file, &model.tables));
        match (from, to, map.map_err(|mistakes| wrong.extend(mistakes))) {
            (Some(from), Some(to), Ok(map)) => Ok(Self { name: name.to_owned(), from, to, map }),
            _ => Err(wrong),
        }
    }

    /// The name, as `chat/order-status-to-erp`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The contract of the documents that come in.
    pub fn from(&self) -> &Arc<Contract> {
        &self.from
    }

    /// The contract of the documents that go out.
    pub fn to(&self) -> &Arc<Contract> {
        &self.to
    }

    /// The file that it comes from.
    pub fn file(&self) -> &SourceFile {
        self.map.file()
    }

    /// The variables that the mapping looks at.
    pub fn uses(&self) -> Uses {
        self.map.uses()
    }
}

fn resolve(
    registry: &Registry,
    file: &SourceFile,
    reference: &Spanned<String>,
    wrong: &mut Vec<Diagnostic>,
) -> Option<Arc<Contract>> {
    match registry.resolve(reference) {
        Ok(contract) => Some(contract),
        Err(error) => {
            if error.diagnostics.is_empty() {
                let diagnostic = Diagnostic::error(error.code, file, reference.span.clone(), error.message);
                wrong.push(Diagnostic { hint: error.hint, ..diagnostic });
            }
            // What is wrong in the schema is said at the schema, once.
            wrong.extend(error.diagnostics);
            None
        }
    }
}

fn tables(file: &SourceFile, written: &BTreeMap<String, BTreeMap<String, Spanned<Cell>>>) -> Tables {
    let value = |cell: &Spanned<Cell>| match (&cell.value.0, file.text.get(cell.span.clone())) {
        // YAML reads 1.10 as a double; the file has it as written.
        (Value::Number(number), Some(text)) => {
            Value::Number(Number::parse(text.trim()).unwrap_or_else(|| number.clone()))
        }
        (value, _) => value.clone(),
    };
    let table = |cells: &BTreeMap<String, Spanned<Cell>>| {
        cells.iter().map(|(key, cell)| (Text::from(key.as_str()), value(cell))).collect()
    };
    written.iter().map(|(name, cells)| (name.clone(), table(cells))).collect()
}
