//! `trunkline new`: files to begin with, which pass `check` as they are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::config::{Environment, Settings, Sources};
use crate::contract::{Contract, Format, Registry};
use crate::format::json;
use crate::message::Limits;

use super::{End, files, output};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// A route that passes on what it takes, and a test file with one case.
    Route {
        /// The route, as `chat/order-status`.
        name: String,
        /// The queue that it takes from; left out, the name with `.` for `/`.
        #[arg(long)]
        queue: Option<String>,
        /// The contract of what it accepts.
        #[arg(long, value_name = "CONTRACT")]
        accepts: Option<String>,
    },
    /// A mapping that makes an example document of the contract `--to`: put paths where its values are.
    Transform {
        /// The transform, as `chat/order-status-to-erp`.
        name: String,
        /// The contract of the documents that come in.
        #[arg(long, value_name = "CONTRACT")]
        from: String,
        /// The contract of the documents that go out.
        #[arg(long, value_name = "CONTRACT")]
        to: String,
    },
    /// A contract of a document with one member.
    Contract {
        /// The contract, as `chat/order-status-request`.
        name: String,
        /// An XSD rather than a JSON Schema.
        #[arg(long)]
        xsd: bool,
    },
}

pub(super) fn run(dir: &Path, command: &Command) -> Result<End, End> {
    let settings = Settings::load(dir, &Environment::of_process()).map_err(|wrong| {
        output::diagnostics(&wrong);
        output::misuse("the settings are broken", None)
    })?;
    let folders = &settings.directories;
    let limits = settings.limits.message();
    let contracts = || Registry::new(Sources::read(dir, folders, &mut Vec::new()).schemas);
    let made: Vec<(PathBuf, String)> = match command {
        Command::Route { name, queue, accepts } => {
            check_name(name)?;
            let accepts = accepts.as_deref().map(|reference| resolve(&contracts(), reference)).transpose()?;
            let queue = queue.clone().unwrap_or_else(|| name.replace('/', "."));
            let path = |ending: &str| dir.join(&folders.routes).join(format!("{name}{ending}"));
            let test = case(accepts.as_deref(), &limits)?;
            vec![(path(".yaml"), route(&queue, accepts.as_deref())), (path(".test.yaml"), test)]
        }
        Command::Transform { name, from, to } => {
            check_name(name)?;
            let contracts = contracts();
            let (from, to) = (resolve(&contracts, from)?, resolve(&contracts, to)?);
            vec![(dir.join(&folders.transforms).join(format!("{name}.yaml")), transform(&from, &to, &limits)?)]
        }
        Command::Contract { name, xsd } => {
            check_name(name)?;
            let folder = dir.join(&folders.schemas);
            let [json, xml] = ["json", "xsd"].map(|ending| folder.join(format!("{name}.{ending}")));
            let (path, other, text) = if *xsd { (xml, json, xml_schema(name)) } else { (json, xml, json_schema(name)) };
            if other.exists() {
                let message = format!("the contract `{name}` is there already, as `{}`", other.display());
                return Err(output::misuse(&message, Some("take another name")));
            }
            vec![(path, text)]
        }
    };
    files::write_new(&made)?;
    let list: String = made.iter().map(|(path, _)| format!("{}\n", path.display())).collect();
    Ok(output::data(&list))
}

/// A name is a path below its folder.
fn check_name(name: &str) -> Result<(), End> {
    let fits = |char: char| char.is_ascii_alphanumeric() || "-_.".contains(char);
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && part.chars().all(fits);
    if name.split('/').all(is_part) && !name.ends_with(".test") {
        return Ok(());
    }
    let hint = "names are of letters, digits, `-`, `_` and `.`, in folders with `/`, as `chat/order-status`";
    Err(output::misuse(&format!("`{name}` is no name"), Some(hint)))
}

fn resolve(contracts: &Registry, reference: &str) -> Result<Arc<Contract>, End> {
    contracts.resolve(reference).map_err(|error| {
        output::diagnostics(&error.diagnostics);
        output::misuse(&format!("{} ({})", error.message, error.code), error.hint.as_deref())
    })
}

fn sample(contract: &Contract, limits: &Limits) -> Result<Bytes, End> {
    contract.sample(0, limits).map_err(|error| {
        let hint = "name a root element, as `erp/order#Order`";
        output::misuse(&format!("no example of `{}`: {error}", contract.reference()), Some(hint))
    })
}

fn route(queue: &str, accepts: Option<&Contract>) -> String {
    let accepts = accepts.map(|contract| format!("accepts: {}\n", quoted(contract.reference()))).unwrap_or_default();
    let out = quoted(&format!("{queue}.out"));
    let queue = quoted(queue);
    format!(
        "description: Takes what comes to its queue and passes it on.\n\
         from:\n  amqp: {{ queue: {queue} }}\n{accepts}\
         steps:\n  - to: {{ amqp: {{ routing_key: {out} }} }}\n\
         on_error:\n  retry: {{ immediate: 2, delayed: [5s, 1m, 10m] }}\n"
    )
}

/// A test file with an example that is passed on.
fn case(accepts: Option<&Contract>, limits: &Limits) -> Result<String, End> {
    let send = match accepts {
        None => "  send: { text: hello }\n".to_owned(),
        Some(contract) => {
            let body = sample(contract, limits)?;
            let text = String::from_utf8_lossy(&body);
            match contract.format() {
                Format::Json => format!("  send:\n    json:\n{}", indented(&text, "      ")),
                Format::Xml => format!("  send:\n    xml: |\n{}", indented(&text, "      ")),
            }
        }
    };
    Ok(format!("- name: an example is passed on\n{send}  expect: {{ outcome: delivered }}\n"))
}

fn transform(from: &Contract, to: &Contract, limits: &Limits) -> Result<String, End> {
    // Mappings see the JSON form, also of XML; JSON is a jq program that makes itself.
    let form = |contract: &Contract| {
        let body = sample(contract, limits)?;
        let document = contract.read(&body, limits).map_err(|_| output::misuse("the example is not valid", None))?;
        Ok(json::pretty(&document))
    };
    let (source, target) = (form(from)?, form(to)?);
    Ok(format!(
        "from: {}\nto: {}\n\
         # A jq program that builds the target. This one makes an example: put the paths of the source where its values\n\
         # are, as `.id` for `\"id\"`. A document of the source looks like this:\n{}\
         map: |\n{}",
        quoted(from.reference()),
        quoted(to.reference()),
        indented(&source, "#   "),
        indented(&target, "  ")
    ))
}

fn indented(text: &str, by: &str) -> String {
    text.lines().map(|line| format!("{by}{line}\n")).collect()
}

/// A text that YAML might read as something else stands in quotes.
fn quoted(text: &str) -> String {
    let is_plain = text.chars().all(|char| char.is_ascii_alphanumeric() || "-_./#".contains(char));
    let is_word =
        text.starts_with(|char: char| char.is_ascii_alphabetic()) && !["true", "false", "null"].contains(&text);
    if is_plain && is_word && !text.contains(" #") { text.to_owned() } else { format!("{text:?}") }
}

fn json_schema(name: &str) -> String {
    format!(
        "{{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n  \"title\": \"{name}\",\n  \
         \"type\": \"object\",\n  \"properties\": {{\n    \"id\": {{ \"type\": \"string\", \"minLength\": 1 }}\n  }},\n  \
         \"required\": [\"id\"],\n  \"additionalProperties\": false\n}}\n"
    )
}

/// The root element is the last part of the name, as `OrderStatus` for `erp/order-status`.
fn xml_schema(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    let words = last.split(|char: char| !char.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let capital = |word: &str| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        first.to_ascii_uppercase() + rest
    };
    let root: String = words.map(capital).collect();
    let root = if root.starts_with(|char: char| char.is_ascii_alphabetic()) { root } else { format!("Document{root}") };
    let urn = name.replace(['/', '.'], ":");
    format!(
        "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns=\"urn:{urn}\" targetNamespace=\"urn:{urn}\"\n           \
         elementFormDefault=\"qualified\">\n  <xs:element name=\"{root}\">\n    <xs:complexType>\n      <xs:sequence>\n        \
         <xs:element name=\"Id\" type=\"xs:string\"/>\n      </xs:sequence>\n    </xs:complexType>\n  </xs:element>\n</xs:schema>\n"
    )
}
