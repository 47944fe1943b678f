//! `trunkline.yaml`: broker, listener, limits, log, shutdown, directories.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::decode::decode;
use super::environment::Environment;
use super::files;
use super::project::SETTINGS_FILE;
use super::secrets;
use super::store::Store;
use super::tree::Node;
use super::units::{Duration, Size};
use crate::adapter::amqp::{Amqp, AmqpSettings};
use crate::adapter::management::Management;
use crate::diagnostic::{Diagnostic, SourceFile, codes};
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

/// The broker.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Broker {
    /// In this process, not durable: for a first look and for tests.
    Embedded,
    /// RabbitMQ.
    #[serde(untagged)]
    Amqp(Connection),
}

/// Where RabbitMQ is, and how it is known to be the right one.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Connection {
    /// `amqp://user:password@host:5672/%2f`, or `amqps://…` for TLS.
    pub url: String,
    /// Certificates for `amqps`.
    pub tls: Tls,
    /// Where the broker's management API is, as `http://user:password@host:15672`; for `trunkline doctor`, which asks
    /// it for bindings, policies, permissions and alarms.
    pub management: Option<String>,
}

/// Certificates for `amqps`: paths of PEM files, seen from the project's folder.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// The authority that signed the broker's certificate. Left out: the authorities of this machine.
    pub ca: Option<String>,
    /// The client's certificate, where the broker asks for one.
    pub certificate: Option<String>,
    /// The key of the client's certificate.
    pub key: Option<String>,
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

impl Default for Broker {
    fn default() -> Self {
        Self::Amqp(Connection::default())
    }
}

impl Default for Connection {
    fn default() -> Self {
        Self { url: "amqp://guest:guest@127.0.0.1:5672/%2f".to_owned(), tls: Tls::default(), management: None }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL holds a password.
        f.debug_struct("Connection").field("tls", &self.tls).finish_non_exhaustive()
    }
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

impl<'de> Deserialize<'de> for Broker {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BrokerVisitor)
    }
}

struct BrokerVisitor;

impl<'de> Visitor<'de> for BrokerVisitor {
    type Value = Broker;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`embedded`, or a map as `url: amqp://…`")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Broker, E> {
        match word {
            "embedded" => Ok(Broker::Embedded),
            word => Err(E::invalid_value(de::Unexpected::Str(word), &self)),
        }
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Broker, M::Error> {
        Connection::deserialize(MapAccessDeserializer::new(map)).map(Broker::Amqp)
    }
}

impl JsonSchema for Broker {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Broker".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "oneOf": [{ "const": "embedded" }, generator.subschema_for::<Connection>()] })
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

    fn check(&self, tree: &Node, folder: &Path) -> Vec<Diagnostic> {
        let mut wrong = Vec::new();
        let mut add = |path: &[&str], message: String, hint: &str| {
            let place = tree.place_of(path);
            let found = Diagnostic::error(codes::SETTING_INVALID, &place.file, place.span.clone(), message);
            wrong.push(found.hint(hint));
        };
        if let Broker::Amqp(connection) = &self.broker {
            if let Err(error) = Amqp::new(AmqpSettings { url: connection.url.clone(), ..AmqpSettings::default() }) {
                let hint = "write `amqp://user:password@host:5672/%2f`, or `broker: embedded`";
                add(&["broker", "url"], error.to_string(), hint);
            }
            if let Some(Err(error)) = connection.management.as_deref().map(Management::new) {
                let hint = "write `http://user:password@host:15672`, or remove it";
                add(&["broker", "management"], error.to_string(), hint);
            }
            let Tls { ca, certificate, key } = &connection.tls;
            if certificate.is_some() != key.is_some() {
                let message = "a client certificate needs both `certificate` and `key`".to_owned();
                add(&["broker", "tls"], message, "give both, or neither");
            }
            for (name, path) in [("ca", ca), ("certificate", certificate), ("key", key)] {
                if let Some(Err(error)) = path.as_ref().map(|path| std::fs::metadata(folder.join(path))) {
                    let message = format!("the file cannot be read: {error}");
                    add(&["broker", "tls", name], message, "name a PEM file, seen from the project's folder");
                }
            }
        }
        if !self.ops.listen.ip().is_loopback() && !self.ops.allow_remote {
            let message = format!("`{}` is reachable from other machines", self.ops.listen);
            let hint = "write `allow_remote: true` beside it if that is meant, or listen on 127.0.0.1";
            add(&["ops", "listen"], message, hint);
        }
        if self.reload.http && !self.ops.listen.ip().is_loopback() {
            let message = format!("whoever reaches `{}` could reload the bus", self.ops.listen);
            add(&["reload", "http"], message, "listen on 127.0.0.1, or remove `http` and use SIGHUP or `watch`");
        }
        if self.reload.watch.is_some_and(|every| every.0.is_zero()) {
            add(&["reload", "watch"], "the files cannot be looked at all the time".to_owned(), "write `5s`, or more");
        }
        if let Err(error) = self.log.level.parse::<tracing_subscriber::EnvFilter>() {
            let hint = "write `info`, or directives as `info,trunkline=debug`";
            add(&["log", "level"], format!("`{}` is not a log level: {error}", self.log.level), hint);
        }
        if let Some(store) = &self.store {
            store.check(&mut add);
        }
        for (name, value) in [("depth", self.limits.depth), ("nodes", self.limits.nodes)] {
            if value == 0 {
                add(&["limits", name], format!("a limit of 0 for `{name}` refuses every message"), "write 1 or more");
            }
        }
        let InFlight { bytes, total_bytes, total_messages, calls: _ } = self.in_flight;
        let all = [("bytes", bytes.0), ("total_bytes", total_bytes.0), ("total_messages", total_messages)];
        for (name, _) in all.into_iter().filter(|(_, value)| *value == 0) {
            add(&["in_flight", name], format!("a bound of 0 for `{name}` lets nothing pass"), "write 1 or more");
        }
        if self.limits.depth > MOST_LEVELS {
            let message = format!("{} levels of nesting are more than the engine can walk", self.limits.depth);
            add(&["limits", "depth"], message, &format!("write a number from 1 to {MOST_LEVELS}"));
        }
        wrong
    }
}

/// Readers and evaluators keep one frame per level; this many fit into any thread's stack.
const MOST_LEVELS: usize = 256;

impl Connection {
    /// The adapter's settings; reads the certificates.
    pub fn adapter(&self, folder: &Path) -> std::io::Result<AmqpSettings> {
        let read =
            |path: &Option<String>| path.as_ref().map(|path| std::fs::read_to_string(folder.join(path))).transpose();
        let identity = read(&self.tls.certificate)?.zip(read(&self.tls.key)?);
        Ok(AmqpSettings { url: self.url.clone(), ca: read(&self.tls.ca)?, identity, ..AmqpSettings::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, environment: &Environment) -> Result<Settings, Vec<String>> {
        let file = SourceFile::new("trunkline.yaml", text);
        Settings::read(&file, environment, Path::new(".")).map_err(|wrong| {
            let line = |found: Diagnostic| {
                let (line, column) = found.file.line_column(found.span.start);
                let hint = found.hint.unwrap_or_default();
                format!("{}:{line}:{column} {} {} ({hint})", found.file.path, found.code, found.message)
            };
            wrong.into_iter().map(line).collect()
        })
    }

    fn url(settings: &Settings) -> &str {
        match &settings.broker {
            Broker::Amqp(connection) => &connection.url,
            Broker::Embedded => "embedded",
        }
    }

    #[test]
    fn defaults_are_complete() {
        let settings = read("", &Environment::default()).expect("is right");
        assert_eq!(url(&settings), "amqp://guest:guest@127.0.0.1:5672/%2f");
        assert!(settings.ops.listen.ip().is_loopback());
        assert_eq!(settings.limits.message(), message::Limits::default());
    }

    #[test]
    fn what_reloads_the_bus_is_checked() {
        let remote = "ops: { listen: '0.0.0.0:9640', allow_remote: true }\nreload: { http: true, watch: 0s }\n";
        let wrong = read(remote, &Environment::default()).expect_err("is wrong");
        assert!(wrong[0].starts_with("trunkline.yaml:2:17 TL502 whoever reaches `0.0.0.0:9640`"), "{wrong:?}");
        assert!(wrong[1].starts_with("trunkline.yaml:2:30 TL502 the files cannot be looked at"), "{wrong:?}");
        let settings = read("reload: { http: true, watch: 5s }\n", &Environment::default()).expect("is right");
        assert_eq!(settings.reload.watch, Some(Duration(std::time::Duration::from_secs(5))));
    }

    #[test]
    fn the_environment_overrides_any_value() {
        let environment = Environment::default()
            .with("TRUNKLINE__BROKER__URL", "amqp://u:p@h:5672/%2f")
            .with("TRUNKLINE__LIMITS__DEPTH", "12")
            .with("TRUNKLINE__LIMITS__BODY", "64KiB")
            .with("TRUNKLINE__LOG__FORMAT", "human")
            .with("TRUNKLINE_OTHER", "x");
        let settings = read("broker: embedded\nlimits: { depth: 5 }\n", &environment).expect("is right");
        assert_eq!(url(&settings), "amqp://u:p@h:5672/%2f");
        assert_eq!((settings.limits.depth, settings.limits.body), (12, Size(65_536)));
        assert_eq!(settings.log.format, logs::Format::Human);
        let settings =
            read("broker: { url: 'amqp://a' }", &Environment::default().with("TRUNKLINE__BROKER", "embedded"));
        assert_eq!(url(&settings.expect("is right")), "embedded");
    }

    #[test]
    fn a_wrong_variable_is_named_without_its_value() {
        let environment = Environment::default().with("TRUNKLINE__LIMITS__DEPTH", "hunter2");
        assert_eq!(
            read("", &environment).expect_err("is wrong"),
            ["the environment:1:1 TL104 the value given here is not a whole number (write a whole number here)"]
        );
        let environment = Environment::default().with("TRUNKLINE__A", "").with("TRUNKLINE__BROKR__URL", "x");
        let wrong = read("", &environment).expect_err("is wrong");
        assert!(wrong[0].starts_with("the environment:1:1 TL102 unknown key `a`"), "{wrong:?}");
    }

    #[test]
    fn secrets_are_resolved_in_scalars_and_never_shown() {
        let folder = tempfile::tempdir().expect("makes a folder");
        std::fs::write(folder.path().join("pw"), "s3cret\n").expect("writes");
        let text =
            format!("broker:\n  url: amqp://${{env:USER_NAME}}:${{file:{}/pw}}@h:5672/%2f\n", folder.path().display());
        let environment = Environment::default().with("USER_NAME", "erp");
        assert_eq!(url(&read(&text, &environment).expect("is right")), "amqp://erp:s3cret@h:5672/%2f");

        let wrong = read("broker:\n  url: ${env:NOPE}\n", &environment).expect_err("is wrong");
        assert!(
            wrong[0].starts_with("trunkline.yaml:2:8 TL501 the environment variable `NOPE` is not set"),
            "{wrong:?}"
        );
        let wrong = read("log:\n  format: ${env:USER_NAME}\n", &environment).expect_err("is wrong");
        assert!(!wrong[0].contains("erp"), "{wrong:?}");
        assert!(wrong[0].starts_with("trunkline.yaml:2:11 TL108"), "{wrong:?}");
        let wrong = read("limits:\n  depth: ${env:USER_NAME}\n", &environment).expect_err("is wrong");
        assert!(!wrong[0].contains("erp"), "{wrong:?}");
        let wrong = read("broker: ${vault:x}\n", &environment).expect_err("is wrong");
        assert!(wrong[0].contains("write `${env:NAME}`"), "{wrong:?}");
    }

    #[test]
    fn mistakes_have_places() {
        let wrong = |text| read(text, &Environment::default()).expect_err("is wrong").remove(0);
        assert_eq!(wrong("broker: { ulr: x }\n"), "trunkline.yaml:1:11 TL102 unknown key `ulr` (did you mean `url`?)");
        assert!(wrong("limits:\n  body: 16MB\n").starts_with("trunkline.yaml:2:9 TL108 `16MB` is not a size"));
        assert!(wrong("limits:\n  depth: many\n").starts_with("trunkline.yaml:2:10 TL104 expected a whole number"));
        assert!(wrong("broker: embeded\n").starts_with("trunkline.yaml:1:9 TL108 `embeded` is not `embedded`"));
        assert!(wrong("broker:\n  url: localhost\n").starts_with("trunkline.yaml:2:8 TL502 not a broker's URI"));
        assert!(wrong("broker: { tls: { key: x } }\n").starts_with("trunkline.yaml:1:16 TL502"));
        assert!(wrong("log: { level: 'a=b=c' }\n").starts_with("trunkline.yaml:1:15 TL502"));
        assert!(wrong("ops: { listen: '0.0.0.0:9640' }\n").starts_with("trunkline.yaml:1:16 TL502"));
        assert!(wrong("ops: { listen: 9640 }\n").starts_with("trunkline.yaml:1:16 TL104"));
    }

    #[test]
    fn debug_shows_no_password() {
        let settings = read("broker: { url: 'amqp://u:s3cret@h' }", &Environment::default()).expect("is right");
        assert!(!format!("{settings:?}").contains("s3cret"));
    }
}
