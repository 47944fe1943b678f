//! From a transform file to a compiled transform, or to everything that is wrong with it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::VARIABLES;
use super::lang::{Program, Tables};
use super::model::{Cell, Model};
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
    pub(super) program: Program,
    pub(super) file: SourceFile,
    pub(super) map: Spanned<String>,
}

impl Transform {
    /// Compiles a transform file. `name` is its path below `transforms/` without the ending.
    pub fn compile(name: &str, file: &SourceFile, registry: &Registry) -> Result<Self, Vec<Diagnostic>> {
        let model: Model = yaml::parse(file)?;
        let mut wrong = Vec::new();
        let from = resolve(registry, file, &model.from, &mut wrong);
        let to = resolve(registry, file, &model.to, &mut wrong);
        let program = Program::compile(&model.map, &VARIABLES, &tables(file, &model.tables));
        let program = program.map_err(|errors| {
            wrong.extend(errors.into_iter().map(|error| {
                let span = in_file(file, &model.map, &error.span);
                let diagnostic = Diagnostic::error(error.code, file, span, error.message);
                Diagnostic { hint: error.hint, ..diagnostic }
            }));
        });
        match (from, to, program) {
            (Some(from), Some(to), Ok(program)) => {
                Ok(Self { name: name.to_owned(), from, to, program, file: file.clone(), map: model.map })
            }
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
        &self.file
    }

    /// The mapping as written.
    pub fn source(&self) -> &str {
        &self.map
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

/// The bytes of the file for bytes of the program.
pub(super) fn in_file(file: &SourceFile, map: &Spanned<String>, span: &Range<usize>) -> Range<usize> {
    let offset = |at| yaml::scalar_offset(file, &map.span, &map.value, at);
    let start = offset(span.start);
    start..offset(span.end).max(start)
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
