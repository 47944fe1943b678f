//! `broker:` — the embedded one, or where RabbitMQ is.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::adapter::amqp::AmqpSettings;

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

impl Connection {
    /// The adapter's settings; reads the certificates.
    pub fn adapter(&self, folder: &Path) -> std::io::Result<AmqpSettings> {
        let read =
            |path: &Option<String>| path.as_ref().map(|path| std::fs::read_to_string(folder.join(path))).transpose();
        let identity = read(&self.tls.certificate)?.zip(read(&self.tls.key)?);
        Ok(AmqpSettings { url: self.url.clone(), ca: read(&self.tls.ca)?, identity, ..AmqpSettings::default() })
    }
}
