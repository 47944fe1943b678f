//! The command line: one file per command. Data goes to stdout, everything else to stderr.

mod asyncapi;
mod check;
mod contract;
mod contracts;
mod demo;
mod convert;
mod dlq;
mod doctor;
mod explain;
mod files;
mod fmt;
mod graph;
mod input;
mod new;
mod output;
mod reload;
mod run;
mod schema;
mod test;
mod trace;
mod transform;
mod validate;
mod visit;
mod watch;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// How a command ended. The numbers are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything is valid, or done.
    Good = 0,
    /// The input is not valid.
    Invalid = 1,
    /// The command was misused, or the project is broken.
    Misuse = 2,
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        Self::from(end as u8)
    }
}

/// An enterprise service bus: validates, converts, routes and delivers messages between systems that do not know
/// each other.
#[derive(Debug, Parser)]
#[command(
    name = "trunkline",
    version,
    after_help = "Exit codes: 0 valid or done, 1 invalid input or a difference, 2 misuse or a broken project."
)]
pub struct Arguments {
    /// The project's folder.
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the bus until SIGTERM or SIGINT; messages in flight are finished first.
    Run {
        /// Use the broker in this process instead of the one in the settings: nothing survives its end.
        #[arg(long)]
        embedded: bool,
    },
    /// Check the whole project: settings, contracts, transforms, routes, test files.
    Check {
        /// How findings are written.
        #[arg(long, value_enum, default_value_t = Style::Human)]
        format: Style,
        /// Tell also where a mapping may go wrong, and where nothing is known of what it makes.
        #[arg(long)]
        strict: bool,
        /// Take warnings for errors.
        #[arg(long)]
        deny_warnings: bool,
    },
    /// Compare what the routes declare with what the broker has, before anything is started. Changes nothing.
    Doctor {
        /// How findings are written.
        #[arg(long, value_enum, default_value_t = Style::Human)]
        format: Style,
        /// Take what is not there yet, and what the bus would make at its start, for a difference.
        #[arg(long)]
        complete: bool,
        /// RabbitMQ's management API, as `http://user:password@host:15672`, instead of `broker.management`: it tells
        /// of bindings, policies, permissions and alarms.
        #[arg(long, value_name = "URL")]
        management: Option<String>,
    },
    /// The dead letters of a route: list them with their reasons, put them back into its queue.
    #[command(subcommand)]
    Dlq(dlq::Command),
    /// Validate documents against a contract; without a file, the contract alone.
    Validate {
        /// A contract of the project, as `erp/order#Order`, or the path of a schema file anywhere.
        contract: String,
        /// The documents; `-` is standard input.
        files: Vec<PathBuf>,
        /// How violations are written.
        #[arg(long, value_enum, default_value_t = Style::Human)]
        format: Style,
    },
    /// Show the example integration at work between simulated participants, with bad messages among the good ones.
    Demo {
        /// Use the in-process broker, whatever the settings say.
        #[arg(long)]
        embedded: bool,
        /// How many messages are sent.
        #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        messages: u32,
    },
    /// Convert a document to the other format by its contract: XML to JSON, JSON to XML.
    Convert {
        /// A contract of the project, as `erp/order#Order`, or the path of a schema file anywhere: an XSD.
        #[arg(required_unless_present = "no_contract")]
        contract: Option<String>,
        /// The document; `-` or left out is standard input.
        file: Option<PathBuf>,
        /// The document's format, where its content does not tell.
        #[arg(long, value_enum)]
        from: Option<Format>,
        /// Convert without a contract: XML to an ordered tree of names, attributes and children, JSON to XML in the
        /// vocabulary of XPath's `json-to-xml`. FILE is then the only argument.
        #[arg(long)]
        no_contract: bool,
    },
    /// Run a transform on a document: read and validated by its `from`, written and validated by its `to`.
    Transform {
        /// The transform, as `chat/order-status-to-erp`.
        name: String,
        /// The document; `-` is standard input.
        file: PathBuf,
        /// Run again whenever the document or a file of the project changes: a place to try a mapping out.
        #[arg(long)]
        watch: bool,
    },
    /// Run the cases of the test files: whole routes, without a broker, with participants that do what the case says.
    ///
    /// Test files stand beside the routes, as `routes/chat/order.test.yaml` beside `routes/chat/order.yaml`. Exit code
    /// 1 if a case fails.
    Test {
        /// Folders, routes or test files; all if left out.
        paths: Vec<PathBuf>,
        /// Only cases in whose name, as `route: case`, this text stands.
        #[arg(long, value_name = "NAME")]
        filter: Option<String>,
        /// Tell which branches, steps and failure paths no case has reached.
        #[arg(long)]
        coverage: bool,
        /// Write what the cases have shown into their expectations. Comments stay; look at the changes.
        #[arg(long)]
        update: bool,
        /// Run again whenever a file of the project changes, or a document below `examples/` or `tests/`.
        #[arg(long)]
        watch: bool,
        /// How the report is written.
        #[arg(long, value_enum, default_value_t = test::TestStyle::Human)]
        format: test::TestStyle,
    },
    /// Follow one message through a route, step by step, without a broker: what each step changed, what it decided and
    /// why, how long it took, and where in the files it failed. Exit code 1 if it fails.
    Trace {
        /// The route, as `chat/order-status`.
        route: String,
        /// The message's body; `-` is standard input.
        message: PathBuf,
        /// What a step that calls or sends gets, by the step's id or the endpoint: the file of an answer, or `timeout`,
        /// `nack`, `unroutable`, `connection`. As `erp=answer.xml`.
        #[arg(long = "participant", value_name = "NAME=FILE", value_parser = pair)]
        participants: Vec<(String, String)>,
        /// A header of the message, as `priority=high`.
        #[arg(long = "header", value_name = "NAME=TEXT", value_parser = pair)]
        headers: Vec<(String, String)>,
    },
    /// What can be made from a contract, and a contract from documents.
    #[command(subcommand)]
    Contract(contract::Command),
    /// Tell in words and with a drawing what a route does, and what happens on failure; without a route, tell of the
    /// whole bus who talks to whom over which contracts.
    Explain {
        /// The route, as `chat/order-status`; the whole bus if left out.
        route: Option<String>,
        /// How it is written; all but `text` draw: the steps of the route, or the bus as `graph` does.
        #[arg(long, value_enum, default_value_t = graph::GraphStyle::Text)]
        format: graph::GraphStyle,
    },
    /// Draw the whole bus: which routes take from which queues, whom they send to and call, and over which contracts.
    Graph {
        /// How it is written.
        #[arg(long, value_enum, default_value_t = graph::GraphStyle::Text)]
        format: graph::GraphStyle,
    },
    /// Write files to begin with: a route with a test file, a transform, a contract. They pass `check` as they are;
    /// nothing is overwritten.
    #[command(subcommand)]
    New(new::Command),
    /// Lay the project's YAML files out: indentation, spaces and blank lines; comments stay, and the document is the same.
    ///
    /// Prints the files that it has changed. What it does not know (tags, …) it leaves alone, says so, and ends
    /// with exit code 1.
    Fmt {
        /// Files; all of the project if left out; `-` is standard input, whose layout goes to standard output.
        files: Vec<PathBuf>,
        /// Change nothing; exit code 1 if something would change.
        #[arg(long)]
        check: bool,
    },
    /// Print the bus as an AsyncAPI 3 document: queues and exchanges as channels, what routes take, send and ask as
    /// operations, contracts as messages.
    Asyncapi {
        /// The title of the document.
        #[arg(long, value_name = "TEXT", default_value = "Messages of this bus")]
        title: String,
        /// The version of the interface that it describes.
        #[arg(long, value_name = "VERSION", default_value = "1.0.0")]
        interface: String,
    },
    /// Print the JSON Schema by which editors complete and check a kind of file.
    Schema {
        /// The kind of file.
        #[arg(required_unless_present = "write", conflicts_with = "write")]
        kind: Option<schema::Kind>,
        /// Write all of them to `.trunkline/`, and to `.vscode/settings.json`, if that is not there, which files they are
        /// of.
        #[arg(long)]
        write: bool,
    },
    /// Print the version.
    Version,
    /// Print the completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Style {
    /// For people.
    Human,
    /// For programs.
    Json,
}

/// The format of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// XML 1.0.
    Xml,
    /// RFC 8259.
    Json,
}

/// `name=value`.
fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as `name=value`")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let dir = &arguments.dir;
    let end = match &arguments.command {
        Command::Demo { embedded, messages } => demo::run(dir, *embedded, *messages as usize),
        Command::Run { embedded } => run::run(dir, *embedded),
        Command::Check { format, strict, deny_warnings } => check::run(dir, *format, *strict, *deny_warnings),
        Command::Doctor { format, complete, management } => {
            let asked = doctor::Asked { style: *format, complete: *complete, management: management.as_deref() };
            doctor::run(dir, &asked)
        }
        Command::Dlq(command) => dlq::run(dir, command),
        Command::Validate { contract, files, format } => validate::run(dir, contract, files, *format),
        Command::Convert { contract, file, from, no_contract } => {
            let stdin = || Path::new("-");
            match (no_contract, contract, file) {
                (true, _, Some(_)) => output::misuse("`--no-contract` takes one file and nothing else", None),
                (true, file, None) => convert::generic(dir, file.as_deref().map_or_else(stdin, Path::new), *from),
                (false, contract, file) => {
                    let contract = contract.as_deref().unwrap_or_default();
                    convert::run(dir, contract, file.as_deref().unwrap_or_else(stdin), *from)
                }
            }
        }
        Command::Transform { name, file, watch: false } => transform::run(dir, name, file),
        Command::Transform { name, file, watch: true } => transform::watch(dir, name, file),
        Command::Test { paths, filter, coverage, update, watch, format } => {
            let asked = test::Asked {
                paths,
                filter: filter.as_deref(),
                coverage: *coverage,
                update: *update,
                watch: *watch,
                style: *format,
            };
            test::run(dir, &asked)
        }
        Command::Trace { route, message, participants, headers } => {
            trace::run(dir, &trace::Asked { route, message, participants, headers })
        }
        Command::Contract(command) => contract::run(dir, command),
        Command::Explain { route: Some(route), format } => explain::route(dir, route, *format),
        Command::Explain { route: None, format } => explain::bus(dir, *format),
        Command::Graph { format } => graph::run(dir, *format),
        Command::New(command) => new::run(dir, command).unwrap_or_else(|end| end),
        Command::Fmt { files, check } => fmt::run(dir, files, *check).unwrap_or_else(|end| end),
        Command::Asyncapi { title, interface } => asyncapi::run(dir, title, interface),
        Command::Schema { kind, .. } => {
            kind.map_or_else(|| schema::write(dir), schema::print).unwrap_or_else(|end| end)
        }
        Command::Version => output::data(&format!("trunkline {}\n", env!("CARGO_PKG_VERSION"))),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Arguments::command(), "trunkline", &mut script);
            output::bytes(&script)
        }
    };
    end.into()
}
