//! `trunkline.yaml`: the broker, the operator's listener, limits, the log.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::{MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::secrets;
use crate::diagnostic::{Diagnostic, SourceFile, codes, yaml};
use crate::endpoint::settings::parse_duration;
use crate::message::Limits;
use crate::telemetry::logs;

/// Variables of this prefix override settings: `TRUNKLINE__BROKER__URL`.
const PREFIX: &str = "TRUNKLINE__";

/// Everything in `trunkline.yaml`. Each value can be overridden by the environment: the path in capitals, joined by
/// two underscores, as `TRUNKLINE__BROKER__URL`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The broker: `embedded`, or where RabbitMQ is.
    pub broker: Broker,
    /// The listener for `/metrics`, `/livez` and `/readyz`.
    pub ops: Ops,
    /// Bounds on one document.
    pub limits: Limits,
    /// What is logged, and how.
    pub log: logs::Settings,
    /// The end of the process.
    pub shutdown: Shutdown,
}

/// The broker.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(with = "BrokerForm")]
pub enum Broker {
    /// In this process: for a first look and for tests. Nothing survives its end.
    Embedded,
    /// RabbitMQ.
    Amqp(Amqp),
}

/// For the generated schema only: the two forms in which a broker is written.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what `Broker` reads")]
enum BrokerForm {
    Embedded(EmbeddedWord),
    Amqp(Amqp),
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what `Broker` reads")]
enum EmbeddedWord {
    Embedded,
}

/// Where RabbitMQ is.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Amqp {
    /// `amqp://user:password@host:5672/%2f`, or `amqps://…`. Parameters: `heartbeat` (seconds), `frame_max` (bytes),
    /// `channel_max`, `connection_timeout` (milliseconds), `auth_mechanism`.
    pub url: String,
    /// Certificates for `amqps`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

/// Certificates for `amqps`. Without them the system's authorities are trusted.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Path of the authority's certificates, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// Path of the client's certificate, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// Path of the client's key, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// The operator's listener.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ops {
    /// Address and port.
    pub listen: SocketAddr,
    /// Must be `true` for an address beyond loopback: whoever reaches it can read the metrics.
    pub allow_remote: bool,
}

/// The end of the process.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Shutdown {
    /// How long messages in flight may take to finish: `250ms`, `20s`, `2m`.
    #[serde(serialize_with = "write_duration", deserialize_with = "read_duration")]
    #[schemars(with = "String")]
    pub deadline: Duration,
}

impl Default for Broker {
    fn default() -> Self {
        Self::Amqp(Amqp::default())
    }
}

impl Default for Amqp {
    fn default() -> Self {
        Self { url: "amqp://guest:guest@127.0.0.1:5672/%2f".to_owned(), tls: None }
    }
}

impl fmt::Debug for Amqp {
    /// Without the URL, which holds a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Amqp").field("tls", &self.tls).finish_non_exhaustive()
    }
}

impl Default for Ops {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 9640)), allow_remote: false }
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(20) }
    }
}

impl Serialize for Broker {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Embedded => serializer.serialize_str("embedded"),
            Self::Amqp(amqp) => amqp.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Broker {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Broker;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`embedded` or a map with the broker's `url`")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Broker, E> {
                match text {
                    "embedded" => Ok(Broker::Embedded),
                    other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Broker, A::Error> {
                Amqp::deserialize(MapAccessDeserializer::new(map)).map(Broker::Amqp)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

fn write_duration<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{}ms", duration.as_millis()))
}

fn read_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).ok_or_else(|| {
        let expected = "a duration as `250ms`, `20s`, `2m`";
        serde::de::Error::invalid_value(serde::de::Unexpected::Str(&text), &expected)
    })
}

impl Settings {
    /// Reads the file, lays the environment over it, resolves secrets, checks the whole.
    pub fn load(
        file: &SourceFile,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let written: Self = yaml::parse(file)?;
        let mut wrong = Vec::new();
        let mut error = |code, span, message: String, hint: &str| {
            wrong.push(Diagnostic::error(code, file, span, message).hint(hint));
        };
        let mut tree = serde_json::to_value(&written).unwrap_or_default();
        for (name, value) in environment {
            let Some(path) = name.strip_prefix(PREFIX) else { continue };
            let keys: Vec<String> = path.split("__").map(str::to_lowercase).collect();
            if let Err(reason) = overlay(&mut tree, &keys, &value) {
                let hint = "the variables are the paths of the settings in capitals, joined by two underscores";
                error(codes::SETTING_INVALID, 0..0, format!("the variable `{name}`: {reason}"), hint);
            }
        }
        let mut unresolved = Vec::new();
        secrets::resolve(&mut tree, &mut unresolved);
        for secret in unresolved {
            let start = file.text.find(&secret.reference).unwrap_or_default();
            let span = start..start + secret.reference.len();
            let message = format!("the secret `{}` cannot be resolved: {}", secret.reference, secret.reason);
            error(codes::SECRET_UNRESOLVED, span, message, "set it, or take the reference out");
        }
        let settings: Option<Self> = match serde_json::from_value(tree) {
            Ok(settings) => Some(settings),
            Err(reason) => {
                error(
                    codes::SETTING_INVALID,
                    0..0,
                    format!("the settings are not valid: {reason}"),
                    "see the reference",
                );
                None
            }
        };
        if let Some(settings) = &settings
            && !settings.ops.listen.ip().is_loopback()
            && !settings.ops.allow_remote
        {
            let listen = settings.ops.listen.to_string();
            let start = file.text.find(&listen).unwrap_or_default();
            let message = format!("`{listen}` is reachable from other machines");
            let hint = "write `allow_remote: true` beside it if that is meant, or listen on 127.0.0.1";
            error(codes::SETTING_INVALID, start..start + listen.len(), message, hint);
        }
        settings.filter(|_| wrong.is_empty()).ok_or(wrong)
    }
}

/// Puts the text of a variable at its path, in the type that stands there.
fn overlay(tree: &mut Value, keys: &[String], text: &str) -> Result<(), String> {
    let Some((last, path)) = keys.split_last() else { return Ok(()) };
    let mut place = tree;
    for key in path {
        if !place.is_object() {
            *place = Value::Object(serde_json::Map::new());
        }
        let Some(members) = place.as_object_mut() else { return Ok(()) };
        place = members.entry(key.clone()).or_insert_with(|| Value::Object(serde_json::Map::new()));
    }
    if !place.is_object() {
        *place = Value::Object(serde_json::Map::new());
    }
    let Some(members) = place.as_object_mut() else { return Ok(()) };
    let value = match members.get(last) {
        Some(Value::Number(_) | Value::Bool(_)) => {
            serde_json::from_str(text).map_err(|_| format!("`{text}` is neither a number nor a boolean"))?
        }
        _ => Value::String(text.to_owned()),
    };
    members.insert(last.clone(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, environment: &[(&str, &str)]) -> Result<Settings, String> {
        let variables = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::load(&SourceFile::new("trunkline.yaml", text), variables).map_err(|wrong| {
            wrong.iter().map(|one| format!("{} {}", one.code, one.message)).collect::<Vec<_>>().join("\n")
        })
    }

    #[test]
    fn takes_defaults_file_and_environment_in_this_order() {
        let settings = load("", &[]).expect("empty is fine");
        assert_eq!(settings.ops.listen.port(), 9640);
        let text = "broker: { url: amqp://a }\nshutdown: { deadline: 2m }\n";
        let settings = load(text, &[("TRUNKLINE__LIMITS__DEPTH", "7"), ("TRUNKLINE__BROKER__URL", "amqp://b")]);
        let settings = settings.expect("is valid");
        assert_eq!((settings.limits.depth, settings.shutdown.deadline), (7, Duration::from_secs(120)));
        assert!(matches!(&settings.broker, Broker::Amqp(amqp) if amqp.url == "amqp://b"));
        assert!(matches!(load("broker: embedded\n", &[]).expect("is valid").broker, Broker::Embedded));
        let over = load("broker: embedded\n", &[("TRUNKLINE__BROKER__URL", "amqp://b")]).expect("is valid");
        assert!(matches!(over.broker, Broker::Amqp(_)));
    }

    #[test]
    fn says_what_is_wrong() {
        assert!(load("broker: { urll: x }\n", &[]).expect_err("unknown").starts_with("TL102 "));
        assert!(load("broker: memory\n", &[]).expect_err("unknown").starts_with("TL108 "));
        assert!(load("broker: { url: '${env:TRUNKLINE_NONE}' }\n", &[]).expect_err("unset").starts_with("TL501 "));
        assert!(load("ops: { listen: 0.0.0.0:9640 }\n", &[]).expect_err("remote").starts_with("TL502 "));
        assert!(load("ops: { listen: 0.0.0.0:9640, allow_remote: true }\n", &[]).is_ok());
        assert!(load("", &[("TRUNKLINE__LIMITS__DEPTH", "deep")]).expect_err("no number").starts_with("TL502 "));
        assert!(load("", &[("TRUNKLINE__LIMIT__DEPTH", "7")]).expect_err("no such").starts_with("TL502 "));
    }

    #[test]
    fn shows_no_password() {
        let settings = load("broker: { url: 'amqp://u:geheim@h' }\n", &[]).expect("is valid");
        assert!(!format!("{settings:?}").contains("geheim"));
    }
}
