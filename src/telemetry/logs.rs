//! The log: one line per event on stderr, JSON or for people.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "LogFormat")]
pub enum Format {
    /// One JSON object per line.
    #[default]
    Json,
    /// For people.
    Human,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Log")]
pub struct Settings {
    /// How the log is written.
    pub format: Format,
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives as `info,trunkline=debug`. What the AMQP client writes
    /// itself is left out, because the bus tells the same; `info,lapin=info` shows it.
    pub level: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { format: Format::default(), level: "info".to_owned() }
    }
}

/// The log cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The level is not one.
    #[error("`{level}` is not a log level: {reason}; write `info`, or directives as `info,trunkline=debug`")]
    Level {
        /// What stands in the settings.
        level: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The process has a log already.
    #[error("the log is set up already: {0}")]
    Installed(String),
}

/// Sets up the log of this process.
pub fn install(settings: &Settings) -> Result<(), Error> {
    let level = settings.level.as_str();
    let filter = EnvFilter::from_str(&format!("lapin=off,{level}"))
        .map_err(|error| Error::Level { level: level.to_owned(), reason: error.to_string() })?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE)
        .with_target(false);
    let installed = match settings.format {
        Format::Json => log.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
        Format::Human => log.try_init(),
    };
    installed.map_err(|error| Error::Installed(error.to_string()))
}
