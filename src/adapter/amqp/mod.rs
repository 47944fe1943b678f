//! RabbitMQ over AMQP 0-9-1, with `lapin`.
//!
//! lapin's automatic recovery is never enabled: it hides lost acknowledgements. A session that fails is thrown away
//! as a whole, and whoever holds it opens a new one.

mod acceptance;
mod declare;
mod error;
mod exchanges;
mod inspect;
mod lane;
mod mismatch;
mod probe;
mod replies;
mod session;
mod sink;
mod source;
pub mod table;
mod uri;
mod window;

use std::sync::Arc;
use std::time::{Duration, Instant};

use lapin::tcp::{OwnedIdentity, OwnedTLSConfig};
use lapin::{Connection, ConnectionProperties};
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio_util::context::TokioContext;

use crate::endpoint::{Adapter, BoxFuture, EndpointError, Session};
pub use acceptance::Acceptance;
use error::within;
pub use inspect::{Inspection, State as Standing};
pub use mismatch::{Mismatch, shown};
use session::{AmqpSession, Link};
pub use uri::Error as UriError;
pub use uri::FRAME_MIN;

/// Where the broker is, and how it is known to be the right one.
#[derive(Clone, PartialEq, Eq)]
pub struct AmqpSettings {
    /// `amqp://user:password@host:port/vhost`, or `amqps://…`.
    pub url: String,
    /// Certificates of the authority that signed the broker's certificate, PEM. Empty: the system's.
    pub ca: Option<String>,
    /// The client's certificate and key, PEM, where the broker asks for one.
    pub identity: Option<(String, String)>,
    /// A confirm that takes longer says nothing about the message any more, and ends the session.
    pub confirm_timeout: Duration,
}

impl Default for AmqpSettings {
    fn default() -> Self {
        Self { url: String::new(), ca: None, identity: None, confirm_timeout: Duration::from_secs(30) }
    }
}

/// RabbitMQ. Holds the live session, which all routes share.
pub struct Amqp {
    uri: lapin::uri::AMQPUri,
    settings: AmqpSettings,
    /// Where the connections are driven: the runtime that this was made in. Routes may run elsewhere.
    sockets: Option<Handle>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    live: Option<Arc<AmqpSession>>,
    /// The last attempt, if it failed.
    failed: Option<(Instant, EndpointError)>,
    /// Whether the last attempt got no answer at all.
    silent: bool,
}

impl Amqp {
    /// Checks the settings; connects only in [`Adapter::open`], in the runtime that this is called in, if it is.
    pub fn new(settings: AmqpSettings) -> Result<Self, UriError> {
        let uri = uri::parse(&settings.url)?;
        Ok(Self { uri, settings, sockets: Handle::try_current().ok(), state: Mutex::default() })
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        format!("{}:{}", self.uri.authority.host, self.uri.authority.port)
    }

    /// The virtual host.
    pub fn virtual_host(&self) -> &str {
        &self.uri.vhost
    }

    /// Who connects.
    pub fn user(&self) -> &str {
        &self.uri.authority.userinfo.username
    }

    /// Single flight: whoever comes while a connection is being made shares what becomes of it.
    async fn join(&self) -> Result<Arc<AmqpSession>, EndpointError> {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        if let Some(session) = state.live.as_ref().filter(|session| session.link.is_live()) {
            return Ok(session.clone());
        }
        if let Some(dead) = state.live.take() {
            dead.link.dead.cancel();
        }
        if let Some((_, error)) = state.failed.as_ref().filter(|(at, _)| *at >= asked) {
            return Err(error.clone());
        }
        // Until proven otherwise, also if this future is dropped while it waits.
        let was_silent = std::mem::replace(&mut state.silent, true);
        let opened = self.connect_both(was_silent).await;
        state.silent = false;
        match opened {
            Ok(link) => {
                let session = Arc::new(AmqpSession { link });
                state.live = Some(session.clone());
                Ok(session)
            }
            Err(Failed { error, silent }) => {
                state.silent = silent;
                state.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn connect_both(&self, was_silent: bool) -> Result<Arc<Link>, Failed> {
        let authority = &self.uri.authority;
        if was_silent && !probe::answers(&authority.host, authority.port).await {
            let error = format!("{}:{} takes connections but does not answer", authority.host, authority.port);
            return Err(Failed { error: EndpointError::Unavailable(error), silent: true });
        }
        let consume = self.connect("consume").await?;
        let frame = consume.configuration().frame_max();
        if frame != 0 && frame < uri::FRAME_MIN {
            let error = format!(
                "the broker takes frames of {frame} bytes; {} are needed, so that a dead letter can hold its reason. \
                 Raise `frame_max` of the broker",
                uri::FRAME_MIN
            );
            return Err(Failed { error: EndpointError::Refused(error), silent: false });
        }
        let publish = self.connect("publish").await?;
        Ok(Link::new(consume, publish, self.settings.confirm_timeout))
    }

    async fn connect(&self, name: &str) -> Result<Connection, Failed> {
        let properties = ConnectionProperties::default().with_connection_name(format!("trunkline {name}").into());
        let tls = OwnedTLSConfig {
            identity: self.settings.identity.as_ref().map(|(certificate, key)| OwnedIdentity::PKCS8 {
                pem: certificate.clone().into_bytes(),
                key: key.clone().into_bytes(),
            }),
            cert_chain: self.settings.ca.clone(),
        };
        let runtime = lapin::runtime::default_runtime().map_err(|error| Failed {
            error: EndpointError::Unavailable(format!("no runtime for the connection: {error}")),
            silent: false,
        })?;
        let what = format!("connecting to {}:{}", self.uri.authority.host, self.uri.authority.port);
        let started = Instant::now();
        let connect = Connection::connect_uri_with_config(self.uri.clone(), properties, tls, runtime);
        let connected = within(&what, connect).await;
        connected.map_err(|error| Failed { error, silent: started.elapsed() >= error::PATIENCE })
    }
}

/// Why there is no connection.
struct Failed {
    error: EndpointError,
    silent: bool,
}

impl Adapter for Amqp {
    fn name(&self) -> &'static str {
        "amqp"
    }

    fn open(&self) -> BoxFuture<'_, Result<Arc<dyn Session>, EndpointError>> {
        Box::pin(async move {
            let session = match &self.sockets {
                Some(sockets) => TokioContext::new(self.join(), sockets.clone()).await,
                None => self.join().await,
            };
            Ok(session? as Arc<dyn Session>)
        })
    }
}
