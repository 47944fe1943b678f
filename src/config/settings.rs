//! `trunkline.yaml`: broker, listener, limits, log, shutdown, directories.

mod broker;
mod check;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use broker::{Broker, Connection, Tls};

use super::decode::decode;
use super::environment::Environment;
use super::files;
use super::project::SETTINGS_FILE;
use super::secrets;
use super::store::Store;
use super::tree::Node;
use super::units::{Duration, Size};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::message;
use crate::telemetry::logs;

/// The settings of a bus. Every value can be given by the environment: `TRUNKLINE__BROKER__URL` sets `broker.url`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The broker: `embedded`, or where RabbitMQ is.
    pub broker: Broker,
    /// The HTTP listener for `/metrics`, `/livez` and `/readyz`.
    pub ops: Ops,
    /// What one message may cost. Beyond a bound it is refused, never cut.
    pub limits: Limits,
    /// What may be under way at a time.
    pub in_flight: InFlight,
    /// Threads for work on bodies, beside the one that all routes share; with 0 it is done there. Left out, it depends on
    /// the cores of the machine.
    pub threads: Option<usize>,
    /// Where routes remember the keys of processed messages. Without it no route can be `idempotent`.
    pub store: Option<Store>,
    /// The log, on stderr.
    pub log: logs::Settings,
    /// How the bus ends.
    pub shutdown: Shutdown,
    /// What makes the bus read its files again, besides SIGHUP.
    pub reload: Reload,
    /// Where the files of the project are, seen from its folder.
    pub directories: Directories,
}

/// The HTTP listener for operations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ops {
    /// Address and port.
    pub listen: SocketAddr,
    /// Must be `true` for an address beyond loopback: whoever reaches it can read the metrics.
    pub allow_remote: bool,
}

/// What one message may cost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of one body.
    pub body: Size,
    /// Levels of nesting.
    pub depth: usize,
    /// Nodes of a document: values, elements, attributes.
    pub nodes: usize,
    /// Evaluation steps of one run of a mapping.
    pub steps: u64,
    /// Bytes of one document that a mapping or conversion makes.
    pub output: Size,
}

/// What may be under way at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct InFlight {
    /// Bodies in flight per route; when they are reached, the route takes nothing more. A route sets its own bound with
    /// `prefetch_bytes`.
    pub bytes: Size,
    /// Bodies in flight of all routes together. Each may use its equal part, and beyond that what is not used.
    pub total_bytes: Size,
    /// Messages in flight of all routes together, shared in the same way.
    pub total_messages: usize,
    /// Requests per route that may wait for their answers.
    pub calls: usize,
}

/// How the bus ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Shutdown {
    /// How long messages in flight may take to finish; what is not finished then goes back to the broker.
    pub deadline: Duration,
}

/// What makes the bus read its files again, besides SIGHUP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Reload {
    /// How often the files are looked at, as `5s`; left out, they are not. A change that has lasted from one look to the
    /// next is put into effect.
    pub watch: Option<Duration>,
    /// Whether `POST /reload` does it. Only where the HTTP listener is on a loopback address.
    pub http: bool,
}

/// Where the files of the project are.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Directories {
    /// The routes.
    pub routes: String,
    /// The steps that routes share.
    pub steps: String,
    /// The transforms.
    pub transforms: String,
    /// The contracts.
    pub schemas: String,
}

impl Default for Ops {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 9640)), allow_remote: false }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let message::Limits { body_bytes, depth, nodes, steps, output_bytes } = message::Limits::default();
        Self { body: Size(body_bytes), depth, nodes, steps, output: Size(output_bytes) }
    }
}

impl Limits {
    /// The limits as the engine takes them.
    pub fn message(&self) -> message::Limits {
        let Self { body, depth, nodes, steps, output } = self.clone();
        message::Limits { body_bytes: body.0, depth, nodes, steps, output_bytes: output.0 }
    }
}

impl Default for InFlight {
    fn default() -> Self {
        Self { bytes: Size(64 << 20), total_bytes: Size(256 << 20), total_messages: 20_000, calls: 4096 }
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { deadline: Duration(std::time::Duration::from_secs(20)) }
    }
}

impl Default for Directories {
    fn default() -> Self {
        let [routes, steps, transforms, schemas] = ["routes", "steps", "transforms", "schemas"].map(str::to_owned);
        Self { routes, steps, transforms, schemas }
    }
}

impl Settings {
    /// Reads the settings of the project in a folder: the file if there is one, the environment over it, secrets
    /// resolved, the whole checked.
    pub fn load(folder: &Path, environment: &Environment) -> Result<Self, Vec<Diagnostic>> {
        let file = match std::fs::exists(folder.join(SETTINGS_FILE)) {
            Ok(false) => SourceFile::new(SETTINGS_FILE, ""),
            _ => files::read(folder, SETTINGS_FILE).map_err(|found| vec![found])?,
        };
        Self::read(&file, environment, folder)
    }

    /// In place of settings that are broken: no route is told that it lacks what may stand in there.
    pub(super) fn unknown() -> Self {
        Self { store: Some(Store::default()), ..Self::default() }
    }

    fn read(file: &SourceFile, environment: &Environment, folder: &Path) -> Result<Self, Vec<Diagnostic>> {
        let mut tree = Node::parse(file)?;
        tree.overlay(environment);
        let mut wrong = Vec::new();
        secrets::resolve(&mut tree, environment, folder, &mut wrong);
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let settings: Self = decode(&tree).map_err(|diagnostic| vec![diagnostic])?;
        let wrong = settings.check(&tree, folder);
        if wrong.is_empty() { Ok(settings) } else { Err(wrong) }
    }
}
