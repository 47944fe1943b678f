//! `trunkline contract`: what can be made from a contract, and how one is made.

mod diff;
mod docs;
mod infer;
mod json_schema;
mod sample;

use std::path::{Path, PathBuf};

use super::{End, Style};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Print the JSON Schema of the JSON form that documents of an XSD are converted to.
    JsonSchema {
        /// A contract of the project, as `erp/order#Order`, or the path of a schema file anywhere: an XSD.
        contract: String,
    },
    /// Print a valid example document: JSON of a JSON Schema, XML of an XSD. The same one each time.
    ///
    /// What may be left out is there, as long as the document stays small. Exit code 1 if no valid one could be made.
    Sample {
        /// A contract of the project, as `erp/order#Order`, or the path of a schema file anywhere.
        contract: String,
        /// Another example: each number makes other choices where the contract leaves some.
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        variant: u64,
    },
    /// Compare two contracts of one format: which documents of one does the other one refuse?
    ///
    /// Backward compatible: the new contract admits every document of the old one. Forward compatible: the old one admits
    /// every document of the new one. Where that cannot be told, it is said, and taken for a break. Exit code 1 if
    /// what is required does not hold.
    Diff {
        /// The old contract: one of the project, as `erp/order#Order`, or the path of a schema file anywhere.
        old: String,
        /// The new contract.
        new: String,
        /// What must hold for exit code 0.
        #[arg(long, value_enum, default_value_t = diff::Required::Full)]
        require: diff::Required,
        /// How it is written.
        #[arg(long, value_enum, default_value_t = Style::Human)]
        format: Style,
    },
    /// Write a page for people, in Markdown: the members of the documents with their types and rules, who uses the
    /// contract, and an example.
    Docs {
        /// A contract of the project, as `erp/order#Order`, or the path of a schema file anywhere: its page is printed.
        contract: Option<String>,
        /// Write a page for each contract of the project into this folder.
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
    },
    /// Propose a schema from example documents: a JSON Schema of JSON, an XSD of XML. It says what all have in common.
    ///
    /// What was in every object or element is required. A type that is narrower than text, a format or a list of values is
    /// proposed only where enough examples agree. The examples are valid under what is proposed.
    Infer {
        /// Documents of one format; `-` is standard input.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Write the XSDs into this folder, one for each namespace; nothing is overwritten.
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
    },
}

pub(super) fn run(dir: &Path, command: &Command) -> End {
    let result = match command {
        Command::JsonSchema { contract } => Ok(json_schema::run(dir, contract)),
        Command::Sample { contract, variant } => sample::run(dir, contract, *variant),
        Command::Diff { old, new, require, format } => diff::run(dir, [old, new], *require, *format),
        Command::Docs { contract, out } => docs::run(dir, contract.as_deref(), out.as_deref()),
        Command::Infer { files, out } => infer::run(files, out.as_deref()),
    };
    result.unwrap_or_else(|end| end)
}
