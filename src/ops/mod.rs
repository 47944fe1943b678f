//! The HTTP face for operators: metrics and probes.
//!
//! - `GET /metrics`: Prometheus' text format.
//! - `GET /livez`: the process answers; says nothing of the broker, so that nobody restarts the bus for its sake.
//! - `GET /readyz`: 200 if every route takes messages, else 503; the body says per route what is missing.
//! - `POST /reload`, if the settings allow it: reads the files again; 200 with what changed, 422 with what is wrong.

pub mod systemd;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::runtime::{Probe, Reloaded};
use crate::telemetry::events;
use crate::telemetry::metrics::Metrics;

/// Prometheus' text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Where operators reach the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// Whether it may be one that other machines reach. What is served there is not authenticated.
    pub allow_remote: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9640)), allow_remote: false }
    }
}

/// The listener cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not loopback, and the settings do not allow that.
    #[error(
        "`{0}` can be reached from other machines, and what is served there is not authenticated; \
         listen on a loopback address as 127.0.0.1, or allow remote access in the settings"
    )]
    Remote(SocketAddr),
    /// The address cannot be bound.
    #[error("cannot listen on `{address}`: {error}; choose another address in the settings")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
}

/// The running listener; it ends when this is dropped.
pub struct Ops {
    address: SocketAddr,
    task: AbortHandle,
}

impl Ops {
    /// The address that is listened on; with port 0 in the settings, the one that was found.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Ops {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct App {
    probe: Probe,
    metrics: Metrics,
}

/// Asks for a reload. The answer is what it did, or the first mistake of the files.
pub type ReloadRequest = oneshot::Sender<Result<Reloaded, String>>;

/// Serves metrics and probes, before the first route is up and until the last one has ended.
///
/// With `reload` it takes requests for that too, which is refused beyond loopback: they are not authenticated.
pub async fn serve(
    settings: &Settings,
    probe: Probe,
    metrics: Metrics,
    reload: Option<mpsc::Sender<ReloadRequest>>,
) -> Result<Ops, Error> {
    let address = settings.listen;
    if !address.ip().is_loopback() && !settings.allow_remote {
        return Err(Error::Remote(address));
    }
    let reload = reload.filter(|_| address.ip().is_loopback());
    let bind = |error| Error::Bind { address, error };
    let listener = TcpListener::bind(address).await.map_err(bind)?;
    let address = listener.local_addr().map_err(bind)?;
    let upkeep = metrics.clone().upkeep();
    let mut app = Router::new()
        .route("/metrics", get(render))
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .with_state(App { probe, metrics });
    if let Some(requests) = reload {
        app = app.merge(Router::new().route("/reload", post(reload_now)).with_state(requests));
    }
    let task = tokio::spawn(async move {
        tokio::select! {
            // Accept errors are retried by it; it does not end.
            _ended = axum::serve(listener, app) => {}
            () = upkeep => {}
        }
    });
    events::listening(&address.to_string());
    Ok(Ops { address, task: task.abort_handle() })
}

async fn render(State(app): State<App>) -> Response {
    // Sets the metrics of the bus as a whole.
    let _report = app.probe.report();
    ([(header::CONTENT_TYPE, METRICS_TYPE)], app.metrics.render()).into_response()
}

async fn ready(State(app): State<App>) -> Response {
    let report = app.probe.report();
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(status, &report)
}

fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec_pretty(body) {
        Ok(body) => (status, [(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn reload_now(State(requests): State<mpsc::Sender<ReloadRequest>>, headers: HeaderMap) -> Response {
    // A page in an operator's browser is no operator.
    if headers.contains_key(header::ORIGIN) {
        return (StatusCode::FORBIDDEN, "not from a browser\n").into_response();
    }
    let (answer, answered) = oneshot::channel();
    if requests.send(answer).await.is_err() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the bus ends\n").into_response();
    }
    match answered.await {
        Ok(Ok(reloaded)) => json(StatusCode::OK, &reloaded),
        Ok(Err(reason)) => (StatusCode::UNPROCESSABLE_ENTITY, reason + "\n").into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the bus ends\n").into_response(),
    }
}

#[cfg(test)]
mod tests;
