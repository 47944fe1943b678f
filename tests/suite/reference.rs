//! The pages of `docs/reference/` are made from the code, so that they cannot drift from it.
//! `TRUNKLINE_UPDATE_DOCS=1` writes them anew.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use serde_json::Value;

use trunkline::cli::Arguments;
use trunkline::diagnostic::codes;
use trunkline::telemetry::names;

const MADE: &str = "<!-- Made from the code; to change it, change the code. -->\n";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Compares a page with what the code says, or writes it.
fn holds(page: &str, made: &str) {
    let path = root().join("docs/reference").join(page);
    if std::env::var_os("TRUNKLINE_UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().expect("has a folder")).expect("is writable");
        std::fs::write(&path, made).expect("is writable");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == made, "docs/reference/{page} is not what the code says; run `TRUNKLINE_UPDATE_DOCS=1 cargo test`");
}

#[test]
fn diagnostics() {
    let mut page = format!("{MADE}# Diagnostics\n\n");
    page += "What `trunkline check` and `trunkline run` say of a project's files. An error prevents the project from\n";
    page += "running; a warning does not. The examples are what the program prints.\n";
    let examples = examples(&root().join("tests/cases/check"));
    for (code, meaning) in codes::ALL {
        write!(page, "\n## {code}\n\n{meaning}\n").expect("writes");
        if let Some(example) = examples.get(*code) {
            write!(page, "\n```text\n{example}\n```\n").expect("writes");
        }
    }
    holds("diagnostics.md", &page);
}

/// The first finding of each code among the planted mistakes.
fn examples(cases: &Path) -> BTreeMap<String, String> {
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(cases).expect("is there").map(|entry| entry.expect("is readable").path()).collect();
    folders.sort();
    let mut examples = BTreeMap::new();
    for folder in folders {
        let said = std::fs::read_to_string(folder.join("expected.stderr")).expect("is there");
        for finding in said.split("\n\n") {
            let code = finding.split(['[', ']']).nth(1).unwrap_or_default();
            examples.entry(code.to_owned()).or_insert_with(|| finding.to_owned());
        }
    }
    examples
}

#[test]
fn commands() {
    let mut command = Arguments::command().term_width(100);
    command.build();
    let mut page = format!("{MADE}# Commands\n\n");
    page += "Data goes to stdout, everything else to stderr. Where a command takes a file, `-` is standard input.\n";
    page += "Colours are written to terminals only, and never where `NO_COLOR` is set.\n\n";
    page += "| exit code | meaning |\n| --- | --- |\n";
    page += "| 0 | valid, or done |\n";
    page += "| 1 | the input is not valid; of `check --deny-warnings`: there are warnings; of `doctor`: the broker differs; of `test`: a case failed; of `trace`: the message failed |\n";
    page += "| 2 | the command was misused, the project is broken, or the broker cannot be asked |\n";
    let mut section = |title: &str, command: &mut clap::Command| {
        let help = command.render_long_help().to_string();
        let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
        write!(page, "\n## {title}\n\n```text\n{}\n```\n", lines.join("\n")).expect("writes");
    };
    section("trunkline", &mut command);
    let names: Vec<String> = command.get_subcommands().map(|one| one.get_name().to_owned()).collect();
    for name in names.iter().filter(|name| *name != "help") {
        section(name, command.find_subcommand_mut(name).expect("is listed"));
    }
    holds("commands.md", &page);
}

#[test]
fn metrics() {
    let mut page = format!("{MADE}# Metrics and log fields\n\n");
    page += "Metrics stand at `/metrics` of the operator's listener, in Prometheus' text format. Besides these, there are\n";
    page +=
        "the usual figures of the process (`process_…`). Labels hold names from the project's files and fixed words\n";
    page += "only: never an id, an address or a customer's value.\n\n";
    page += "| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n";
    for metric in names::METRICS {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let (name, kind, labels) = (metric.name, metric.kind.name(), labels.join(", "));
        writeln!(page, "| `{name}` | {kind} | {labels} | {} |", metric.help).expect("writes");
    }
    page += "\n## Fields of the log\n\n| field | meaning |\n| --- | --- |\n";
    for (name, meaning) in names::LOG_FIELDS {
        writeln!(page, "| `{name}` | {meaning} |").expect("writes");
    }
    holds("metrics.md", &page);
}

#[test]
fn settings() {
    let mut introduction = "`trunkline.yaml` in the project's folder. Every key may be left out; the defaults are the ones below.\n\n\
        The environment overrides the file: the path of a key in capitals, joined by two underscores, as\n\
        `TRUNKLINE__BROKER__URL` for `broker.url`.\n\n\
        A secret is named, not written: `${env:NAME}` is the value of an environment variable,\n\
        `${file:/run/secrets/name}` the text of a file without its last newline. References stand in scalar values only,\n\
        are resolved after the file is parsed, and what they give is never logged or shown.\n"
        .to_owned();
    introduction += "\n```yaml\nbroker:\n  url: amqp://shop:${file:/run/secrets/broker}@rabbit.example:5672/%2f\nlog: { format: human }\n```\n";
    file_kind("settings", "Settings", &introduction, &schemars::schema_for!(trunkline::config::Settings));
}

#[test]
fn route() {
    let introduction = "`routes/….yaml`: where messages come from, what is done with them, where they go. The name of a route is its\n\
        path below `routes/` without the ending.\n";
    file_kind("route", "Routes", introduction, &schemars::schema_for!(trunkline::route::model::Route));
}

#[test]
fn steps() {
    let introduction = "`steps/….yaml`: steps that several routes share, each by a step `run`. The name of such a file is its path\n\
        below `steps/` without the ending. The steps are those of [routes](route.md).\n";
    let schema = schemars::schema_for!(trunkline::route::model::SubRoute);
    let mut page = format!("{MADE}# Steps\n\n{introduction}\n");
    page += "Editors complete and check them with [steps.schema.json](steps.schema.json).\n";
    Pages { root: schema.as_value(), page: &mut page }.object("Keys", schema.as_value());
    holds("steps.md", &page.replace("](#steps)", "](route.md#step)").replace("](#step)", "](route.md#step)"));
    let json = serde_json::to_string_pretty(schema.as_value()).expect("is JSON");
    holds("steps.schema.json", &format!("{json}\n"));
}

#[test]
fn transform() {
    let introduction = "`transforms/….yaml`: a mapping from a document of one contract to one of another. The name of a transform is\n\
        its path below `transforms/` without the ending.\n";
    file_kind("transform", "Transforms", introduction, &schemars::schema_for!(trunkline::transform::Model));
}

#[test]
fn test() {
    let introduction = "`routes/….test.yaml`, beside the route of that name: a list of cases. [Testing](../testing.md) tells how they run.\n";
    let case = schemars::schema_for!(trunkline::testing::model::Case);
    let file = schemars::schema_for!(Vec<trunkline::testing::model::Case>);
    file_kind_of("test", "Tests", introduction, case.as_value(), file.as_value());
}

/// The page of a kind of file, and its JSON Schema for editors.
fn file_kind(name: &str, title: &str, introduction: &str, schema: &schemars::Schema) {
    file_kind_of(name, title, introduction, schema.as_value(), schema.as_value());
}

/// The page of what a file holds, and the JSON Schema of the file.
fn file_kind_of(name: &str, title: &str, introduction: &str, schema: &Value, file: &Value) {
    let json = serde_json::to_string_pretty(file).expect("is JSON");
    holds(&format!("{name}.schema.json"), &format!("{json}\n"));
    let mut page = format!("{MADE}# {title}\n\n{introduction}\n");
    writeln!(page, "Editors complete and check it with [{name}.schema.json]({name}.schema.json).").expect("writes");
    Pages { root: schema, page: &mut page }.object("Keys", schema);
    let definitions = schema.get("$defs").and_then(Value::as_object);
    for (name, definition) in definitions.into_iter().flatten() {
        Pages { root: schema, page: &mut page }.definition(name, definition);
    }
    holds(&format!("{name}.md"), &page);
}

struct Pages<'a> {
    root: &'a Value,
    page: &'a mut String,
}

impl Pages<'_> {
    /// A definition: an object, a choice of words, or one pattern of several.
    fn definition(&mut self, name: &str, schema: &Value) {
        let alternatives = schema["oneOf"].as_array().map(Vec::as_slice).unwrap_or_default();
        if alternatives.iter().any(|one| one.get("properties").is_some()) {
            write!(self.page, "\n## {name}\n\n{}\n", text(schema)).expect("writes");
            self.page.push_str("\n| pattern | settings | meaning |\n| --- | --- | --- |\n");
            for one in alternatives {
                for (key, settings) in one["properties"]
                    .as_object()
                    .into_iter()
                    .flatten()
                    .filter(|(key, _)| *key != "id" && *key != "retry")
                {
                    let (kind, meaning) = (self.kind(settings), self.meaning(settings));
                    writeln!(self.page, "| `{key}` | {kind} | {meaning} |").expect("writes");
                }
            }
        } else if !alternatives.is_empty() || schema.get("enum").is_some() {
            write!(self.page, "\n## {name}\n\n{}\n\n| value | meaning |\n| --- | --- |\n", text(schema))
                .expect("writes");
            for one in alternatives {
                let word = one["const"].as_str().unwrap_or_default();
                writeln!(self.page, "| `{word}` | {} |", cell(&text(one))).expect("writes");
            }
            for word in schema["enum"].as_array().into_iter().flatten() {
                writeln!(self.page, "| `{}` | |", word.as_str().unwrap_or_default()).expect("writes");
            }
        } else if schema.get("properties").is_some() {
            self.object(name, schema);
        } else {
            write!(self.page, "\n## {name}\n\n{}\n\nIts value: {}.\n", text(schema), self.kind(schema))
                .expect("writes");
        }
    }

    fn object(&mut self, name: &str, schema: &Value) {
        let about = text(schema);
        write!(self.page, "\n## {name}\n").expect("writes");
        if !about.is_empty() {
            write!(self.page, "\n{about}\n").expect("writes");
        }
        self.page.push_str("\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n");
        let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
        for (key, value) in schema["properties"].as_object().into_iter().flatten() {
            let default = match (required.iter().any(|one| one == key), value.get("default")) {
                (true, _) => "required".to_owned(),
                (_, Some(Value::Null) | None) | (_, Some(Value::Object(_))) => String::new(),
                (_, Some(Value::String(text))) => format!("`{text}`"),
                (_, Some(other)) => format!("`{other}`"),
            };
            let (kind, meaning) = (self.kind(value), self.meaning(value));
            writeln!(self.page, "| `{key}` | {kind} | {default} | {meaning} |").expect("writes");
        }
    }

    fn meaning(&self, schema: &Value) -> String {
        let own = text(schema);
        match (own.is_empty(), self.target(schema)) {
            (true, Some((_, target))) => cell(&text(target)),
            _ => cell(&own),
        }
    }

    fn target<'s>(&'s self, schema: &'s Value) -> Option<(&'s str, &'s Value)> {
        let name = schema["$ref"].as_str()?.strip_prefix("#/$defs/")?;
        Some((name, &self.root["$defs"][name]))
    }

    /// The type in words, with a link where it has a section.
    fn kind(&self, schema: &Value) -> String {
        if let Some((name, _)) = self.target(schema) {
            return format!("[{name}](#{})", name.to_lowercase());
        }
        for key in ["anyOf", "oneOf", "allOf"] {
            if let Some(all) = schema[key].as_array() {
                let kinds: Vec<String> =
                    all.iter().filter(|one| one["type"] != "null").map(|one| self.kind(one)).collect();
                return kinds.join(" or ");
            }
        }
        if let Some(word) = schema["const"].as_str() {
            return format!("`{word}`");
        }
        let kind = match &schema["type"] {
            Value::String(kind) => kind.as_str(),
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or(""),
            _ => "any",
        };
        match kind {
            "array" => format!("list of {}", self.kind(&schema["items"])),
            "object" => match (schema["properties"].as_object(), schema.get("additionalProperties")) {
                (Some(properties), _) => {
                    let keys: Vec<String> =
                        properties.iter().map(|(key, value)| format!("`{key}`: {}", self.kind(value))).collect();
                    format!("map of {}", keys.join(", "))
                }
                (None, Some(value @ Value::Object(_))) => format!("map to {}", self.kind(value)),
                _ => "map".to_owned(),
            },
            "string" if schema["pattern"].as_str().is_some_and(|pattern| pattern.contains("KiB")) => "size".to_owned(),
            "string" if schema["pattern"].as_str().is_some_and(|pattern| pattern.contains("ms")) => {
                "duration".to_owned()
            }
            "string" => "text".to_owned(),
            "integer" => "whole number".to_owned(),
            "boolean" => "`true` or `false`".to_owned(),
            other => other.to_owned(),
        }
    }
}

fn text(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().to_owned()
}

/// The first paragraph, in one line.
fn cell(text: &str) -> String {
    let first = text.split("\n\n").next().unwrap_or_default();
    first.replace('\n', " ").replace('|', "\\|")
}
