//! RabbitMQ's management API (HTTP, of the plugin `rabbitmq_management`): what AMQP does not tell of bindings, policies,
//! permissions and alarms. Read only.

use std::time::Duration;

use base64::Engine;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::header::{AUTHORIZATION, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// No answer is larger: thousands of bindings.
const LARGEST: usize = 16 << 20;

/// Where the API is, and who asks.
pub struct Management {
    base: Url,
    authorization: String,
}

/// Why an answer is missing. No message shows the password.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is no address.
    #[error("not an address of the management API: {0}; expected `http://user:password@host:15672`")]
    Address(String),
    /// Nobody answers, or not as the API does.
    #[error("the management API at {at} does not answer: {reason}")]
    Unavailable {
        /// Host and port.
        at: String,
        /// Why.
        reason: String,
    },
    /// The user is unknown, or may not see this.
    #[error("the management API at {at} refuses the user `{user}` at {path}")]
    Denied {
        /// Host and port.
        at: String,
        /// Who asked.
        user: String,
        /// What for.
        path: String,
    },
}

/// The version of the broker.
#[derive(Debug, Deserialize)]
pub struct Overview {
    /// As `3.10.8`.
    pub rabbitmq_version: String,
}

/// One node of the cluster.
#[derive(Debug, Deserialize)]
pub struct Node {
    /// As `rabbit@host`.
    pub name: String,
    /// Whether it is up; the other values are there only then.
    #[serde(default)]
    pub running: bool,
    /// Whether it has too little memory, and takes no messages.
    #[serde(default)]
    pub mem_alarm: bool,
    /// Whether it has too little room on its disk, and takes no messages.
    #[serde(default)]
    pub disk_free_alarm: bool,
    /// Nodes that it does not see.
    #[serde(default)]
    pub partitions: Vec<String>,
}

/// A queue as it stands.
#[derive(Debug, Deserialize)]
pub struct QueueFacts {
    /// With what it was declared; of quorum type also where that came from a default.
    #[serde(default)]
    pub arguments: Value,
    /// What policies add to it.
    #[serde(default)]
    pub effective_policy_definition: Value,
}

/// An exchange as it stands.
#[derive(Debug, Deserialize)]
pub struct ExchangeFacts {
    /// `topic`, …
    #[serde(rename = "type")]
    pub kind: String,
}

/// A binding as it stands.
#[derive(Debug, Deserialize)]
pub struct BindingFacts {
    /// The exchange; empty for the default one.
    pub source: String,
    /// The queue or exchange.
    pub destination: String,
    /// `queue` or `exchange`.
    pub destination_type: String,
    /// The key or pattern.
    pub routing_key: String,
    /// What a headers exchange compares.
    #[serde(default)]
    pub arguments: Value,
}

/// What a user may do in a virtual host: regular expressions over names.
#[derive(Debug, Deserialize)]
pub struct Permission {
    /// The virtual host.
    pub vhost: String,
    /// Declare and delete.
    pub configure: String,
    /// Publish, bind a queue.
    pub write: String,
    /// Consume, bind to an exchange.
    pub read: String,
}

impl Management {
    /// Reads an address, as `http://user:password@host:15672`.
    ///
    /// # Errors
    /// It is not one.
    pub fn new(address: &str) -> Result<Self, Error> {
        let wrong = |reason: &str| Error::Address(reason.to_owned());
        let mut base = Url::parse(address).map_err(|error| wrong(&error.to_string()))?;
        if base.scheme() != "http" || base.host_str().is_none() {
            return Err(wrong("only `http` is spoken"));
        }
        if base.username().is_empty() {
            return Err(wrong("it names no user"));
        }
        let decoded = |text: &str| {
            let pair = format!("x={}", text.replace('+', "%2B"));
            url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        let (user, password) = (decoded(base.username()), decoded(base.password().unwrap_or_default()));
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        base.set_query(None);
        base.set_fragment(None);
        if base.set_password(None).is_err() || base.set_username(&user).is_err() {
            return Err(wrong("it cannot have a user"));
        }
        Ok(Self { base, authorization: format!("Basic {encoded}") })
    }

    /// The broker's version. Whoever is refused here is refused everywhere.
    pub async fn overview(&self) -> Result<Option<Overview>, Error> {
        self.get(&["overview"]).await
    }

    /// The nodes of the cluster.
    pub async fn nodes(&self) -> Result<Option<Vec<Node>>, Error> {
        self.get(&["nodes"]).await
    }

    /// A queue, if it is there.
    pub async fn queue(&self, vhost: &str, name: &str) -> Result<Option<QueueFacts>, Error> {
        self.get(&["queues", vhost, name]).await
    }

    /// An exchange, if it is there.
    pub async fn exchange(&self, vhost: &str, name: &str) -> Result<Option<ExchangeFacts>, Error> {
        self.get(&["exchanges", vhost, name]).await
    }

    /// Every binding of a queue, if it is there.
    pub async fn bindings_of_queue(&self, vhost: &str, name: &str) -> Result<Option<Vec<BindingFacts>>, Error> {
        self.get(&["queues", vhost, name, "bindings"]).await
    }

    /// Every binding to an exchange, if it is there.
    pub async fn bindings_to_exchange(&self, vhost: &str, name: &str) -> Result<Option<Vec<BindingFacts>>, Error> {
        self.get(&["exchanges", vhost, name, "bindings", "source"]).await
    }

    /// What a user may do.
    pub async fn permissions(&self, user: &str) -> Result<Option<Vec<Permission>>, Error> {
        self.get(&["users", user, "permissions"]).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Option<T>, Error> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("api").extend(path);
        }
        match tokio::time::timeout(PATIENCE, self.answer(&url)).await {
            Err(_) => Err(self.unavailable(format!("nothing came within {PATIENCE:?}"))),
            Ok(Err(error)) => Err(self.unavailable(error.to_string())),
            Ok(Ok((StatusCode::NOT_FOUND, _))) => Ok(None),
            Ok(Ok((StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _))) => {
                Err(Error::Denied { at: self.at(), user: self.base.username().to_owned(), path: url.path().to_owned() })
            }
            Ok(Ok((StatusCode::OK, body))) => serde_json::from_slice(&body)
                .map(Some)
                .map_err(|error| self.unavailable(format!("{} gives something else: {error}", url.path()))),
            Ok(Ok((status, _))) => Err(self.unavailable(format!("{} gives {status}", url.path()))),
        }
    }

    async fn answer(&self, url: &Url) -> Result<(StatusCode, Vec<u8>), Box<dyn std::error::Error + Send + Sync>> {
        let stream = TcpStream::connect(self.at()).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let request = Request::get(url.path())
            .header(HOST, self.at())
            .header(AUTHORIZATION, &self.authorization)
            .body(Empty::<&[u8]>::new())?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST).collect().await?;
        Ok((status, body.to_bytes().to_vec()))
    }

    fn unavailable(&self, reason: String) -> Error {
        Error::Unavailable { at: self.at(), reason }
    }

    fn at(&self) -> String {
        format!("{}:{}", self.base.host_str().unwrap_or_default(), self.base.port_or_known_default().unwrap_or(80))
    }
}

impl QueueFacts {
    /// The arguments by name.
    pub fn arguments(&self) -> Map<String, Value> {
        self.arguments.as_object().cloned().unwrap_or_default()
    }

    /// The policies' keys. RabbitMQ writes none as an empty list.
    pub fn policies(&self) -> Map<String, Value> {
        self.effective_policy_definition.as_object().cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_who_asks() {
        let management = Management::new("http://us%40er:p%2Bw+x@host:15672/rabbit/").expect("is one");
        assert_eq!(management.at(), "host:15672");
        let given = management.authorization.strip_prefix("Basic ").expect("is basic");
        let decoded = base64::engine::general_purpose::STANDARD.decode(given).expect("is base64");
        assert_eq!(decoded, b"us@er:p+w+x");
        for wrong in ["", "host:15672", "https://u:p@h", "http://h:15672", "http://u:secret@"] {
            let error = Management::new(wrong).err().expect(wrong).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
