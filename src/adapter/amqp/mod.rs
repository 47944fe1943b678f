//! RabbitMQ over AMQP 0-9-1, with `lapin`.
//!
//! lapin's automatic recovery is never enabled: it hides lost acknowledgements. A session that fails is thrown away
//! as a whole, and whoever holds it opens a new one.

mod error;
mod lane;
mod replies;
mod session;
mod source;
pub mod table;
mod uri;

use std::sync::Arc;

use lapin::tcp::{OwnedIdentity, OwnedTLSConfig};
use lapin::{Connection, ConnectionProperties};
use tokio::sync::Mutex;

use crate::endpoint::{Adapter, BoxFuture, EndpointError, Session};
use error::within;
use session::{AmqpSession, Link};
pub use uri::Error as UriError;

/// Where the broker is, and how it is known to be the right one.
#[derive(Clone, Default)]
pub struct AmqpSettings {
    /// `amqp://user:password@host:port/vhost`, or `amqps://…`.
    pub url: String,
    /// Certificates of the authority that signed the broker's certificate, PEM. Empty: the system's.
    pub ca: Option<String>,
    /// The client's certificate and key, PEM, where the broker asks for one.
    pub identity: Option<(String, String)>,
}

/// RabbitMQ. Holds the live session, which all routes share.
pub struct Amqp {
    uri: lapin::uri::AMQPUri,
    settings: AmqpSettings,
    live: Mutex<Option<Arc<Link>>>,
}

impl Amqp {
    /// Checks the settings; connects only in [`Adapter::open`].
    pub fn new(settings: AmqpSettings) -> Result<Self, UriError> {
        let uri = uri::parse(&settings.url)?;
        Ok(Self { uri, settings, live: Mutex::new(None) })
    }

    async fn connect(&self, name: &str) -> Result<Connection, EndpointError> {
        let properties = ConnectionProperties::default().with_connection_name(format!("trunkline {name}").into());
        let tls = OwnedTLSConfig {
            identity: self.settings.identity.as_ref().map(|(certificate, key)| OwnedIdentity::PKCS8 {
                pem: certificate.clone().into_bytes(),
                key: key.clone().into_bytes(),
            }),
            cert_chain: self.settings.ca.clone(),
        };
        let runtime = lapin::runtime::default_runtime()
            .map_err(|error| EndpointError::Unavailable(format!("no runtime for the connection: {error}")))?;
        let what = format!("connecting to {}:{}", self.uri.authority.host, self.uri.authority.port);
        within(&what, Connection::connect_uri_with_config(self.uri.clone(), properties, tls, runtime)).await
    }

    /// Single flight: whoever comes while a connection is being made waits for it.
    async fn link(&self) -> Result<Arc<Link>, EndpointError> {
        let mut live = self.live.lock().await;
        if let Some(link) = live.as_ref().filter(|link| link.is_live()) {
            return Ok(link.clone());
        }
        if let Some(dead) = live.take() {
            dead.dead.cancel();
        }
        let consume = self.connect("consume").await?;
        let publish = self.connect("publish").await?;
        let frame_max = usize::try_from(publish.configuration().frame_max()).unwrap_or(usize::MAX);
        let link = Link::new(consume, publish, frame_max);
        *live = Some(link.clone());
        Ok(link)
    }
}

impl Adapter for Amqp {
    fn name(&self) -> &'static str {
        "amqp"
    }

    fn open(&self) -> BoxFuture<'_, Result<Arc<dyn Session>, EndpointError>> {
        Box::pin(async move { Ok(Arc::new(AmqpSession { link: self.link().await? }) as Arc<dyn Session>) })
    }
}
