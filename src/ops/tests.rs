use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Error, Ops, Settings, serve};
use crate::adapter::embedded::Broker;
use crate::contract::{Files, Registry};
use crate::diagnostic::SourceFile;
use crate::endpoint::topology::{Queue, Topology};
use crate::endpoint::{Adapter, BoxFuture, EndpointError, Session};
use crate::message::Limits;
use crate::route::{Library, Plan, SubRoutes, compile};
use crate::runtime::{self, Bus, Handle};
use crate::telemetry::metrics;

/// A broker that is never there.
struct Absent;

impl Adapter for Absent {
    fn name(&self) -> &'static str {
        "absent"
    }
    fn open(&self) -> BoxFuture<'_, Result<Arc<dyn Session>, EndpointError>> {
        Box::pin(std::future::ready(Err(EndpointError::Unavailable("connection refused".to_owned()))))
    }
}

/// The metrics of a process are one set, so every test names its route differently.
fn plan(name: &str) -> Arc<Plan> {
    let contracts = Registry::new(Files::new());
    let text = "from: { amqp: { queue: in } }\nsteps: [ { to: { amqp: { routing_key: out } } } ]\n";
    let (transforms, broken) = (Default::default(), Default::default());
    let limits = Limits::default();
    let sub_routes = SubRoutes::default();
    let library = Library {
        contracts: &contracts,
        transforms: &transforms,
        broken_transforms: &broken,
        sub_routes: &sub_routes,
        limits,
        store: false,
    };
    let (plan, diagnostics) = compile(name, &SourceFile::new("routes/ops-test.yaml", text), &library);
    Arc::new(plan.unwrap_or_else(|| panic!("{diagnostics:?}")))
}

async fn start(route: &str, adapter: Arc<dyn Adapter>) -> (Handle, Ops) {
    let bus = Bus::start([plan(route)], adapter, runtime::Settings::default());
    let settings = Settings { listen: "127.0.0.1:0".parse().unwrap(), ..Settings::default() };
    let ops = serve(&settings, bus.probe(), metrics::install().unwrap(), None).await.unwrap();
    (bus, ops)
}

async fn get(ops: &Ops, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(ops.address()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_and_metrics_of_a_bus_that_is_well() {
    let broker = Broker::default();
    let client = broker.client().open().await.unwrap();
    let out = Queue { name: "out".into(), arguments: Default::default(), declare: true };
    client.declare(&Topology { queues: vec![out], ..Topology::default() }).await.unwrap();
    let (bus, ops) = start("ops-well", Arc::new(broker.client())).await;
    tokio::time::timeout(Duration::from_secs(10), bus.ready()).await.unwrap();
    let (status, body) = get(&ops, "/readyz").await;
    assert_eq!(status, 200, "{body}");
    let report: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(report["broker"]["note"], "embedded broker: not durable");
    assert_eq!(report["routes"][0]["name"], "ops-well");
    assert_eq!(report["routes"][0]["state"], "up");
    let (status, body) = get(&ops, "/metrics").await;
    assert_eq!(status, 200);
    assert!(body.contains("trunkline_route_up{route=\"ops-well\"} 1"), "{body}");
    let probe = bus.probe();
    bus.shutdown().await;
    assert!(!probe.report().ready);
    let (status, body) = get(&ops, "/readyz").await;
    assert_eq!(status, 503);
    assert!(body.contains("stopped"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_broker_it_lives_and_is_not_ready() {
    let (bus, ops) = start("ops-absent", Arc::new(Absent)).await;
    let down = async {
        while bus.status().routes[0].reason.is_none() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), down).await.unwrap();
    let (status, body) = get(&ops, "/readyz").await;
    assert_eq!(status, 503);
    assert!(body.contains("connection refused"), "{body}");
    assert_eq!(get(&ops, "/livez").await.0, 200);
}

#[tokio::test]
async fn other_machines_reach_it_only_if_the_settings_say_so() {
    let bus = Bus::start([plan("ops-remote")], Arc::new(Absent), runtime::Settings::default());
    let settings = Settings { listen: "0.0.0.0:0".parse().unwrap(), allow_remote: false };
    let refused = serve(&settings, bus.probe(), metrics::install().unwrap(), None).await;
    assert!(matches!(refused, Err(Error::Remote(_))));
    let allowed = Settings { allow_remote: true, ..settings };
    assert!(serve(&allowed, bus.probe(), metrics::install().unwrap(), None).await.is_ok());
}
