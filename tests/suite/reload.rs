//! A new set of routes in place of the running one: nothing is lost, doubled, or touched without need.

use std::collections::BTreeSet;
use std::sync::Arc;

use trunkline::endpoint::topology::Topology;
use trunkline::runtime::{Bus, Settings, State};

use crate::broker::{message, queue, soon, to_queue, unique};
use crate::daemon::Start;
use crate::runtime::{Names, brokers, numbered, plan, take, take_either};

const OLD: &str = "from: { amqp: { queue: IN } }\nsteps: [ { to: { amqp: { routing_key: OUT } } } ]\n";
const NEW: &str = "from: { amqp: { queue: IN } }\nsteps: [ { to: { amqp: { routing_key: OTHER } } } ]\n";
/// The broker refuses it: there is no such queue.
const REFUSED: &str =
    "from: { amqp: { queue: IN.gone, declare: false } }\nsteps: [ { to: { amqp: { routing_key: OTHER } } } ]\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_route_takes_over_under_load() {
    const COUNT: usize = 3_000;
    for (client, adapter) in brokers().await {
        let names = Names { source: unique("in"), target: unique("out"), other: unique("other") };
        let queues = vec![queue(&names.target, &[]), queue(&names.other, &[])];
        client.declare(&Topology { queues, ..Topology::default() }).await.expect("declared");
        let mut bus = Bus::start([plan(&names, OLD)], adapter, Settings::default());
        soon("ready", bus.ready()).await;
        let unchanged = bus.reload([plan(&names, OLD)], None);
        assert_eq!((unchanged.unchanged.len(), unchanged.changed.len()), (1, 0));
        assert_eq!(bus.status().routes[0].state, State::Up, "was not touched");

        let sink = client.sink().await.expect("a lane");
        let to = to_queue(&names.source);
        let load = async {
            for message in numbered(COUNT) {
                sink.send(&to, message).await.expect("confirmed");
            }
        };
        let (mut old, mut new) = (
            client.source(&names.target, 1000).await.expect("a consumer"),
            client.source(&names.other, 1000).await.expect("a consumer"),
        );
        let reloaded = async {
            let before = take(&mut *old, 100).await;
            let reloaded = bus.reload([plan(&names, NEW)], None);
            assert_eq!((reloaded.unchanged.len(), reloaded.changed.len()), (0, 1));
            before
        };
        let ((), before) = tokio::join!(load, reloaded);
        let mut seen: Vec<_> = before.into_iter().map(|delivery| delivery.message.body).collect();
        while seen.len() < COUNT {
            let (_, batch) = take_either(&mut *old, &mut *new).await;
            seen.extend(batch.into_iter().map(|delivery| delivery.message.body));
        }
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), COUNT, "each came once");
        // The old plan takes nothing any more, and nothing came twice.
        sink.send(&to, message("last", "last")).await.expect("confirmed");
        assert_eq!(take(&mut *new, 1).await[0].message.body, "last");
        sink.send(&to_queue(&names.target), message("end", "end")).await.expect("confirmed");
        assert_eq!(take(&mut *old, 1).await[0].message.body, "end");
        assert_eq!(soon("drained", bus.shutdown()).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_the_broker_refuses_leaves_the_old_one_at_work() {
    for (client, adapter) in brokers().await {
        let names = Names { source: unique("in"), target: unique("out"), other: unique("other") };
        let queues = vec![queue(&names.target, &[]), queue(&names.other, &[])];
        client.declare(&Topology { queues, ..Topology::default() }).await.expect("declared");
        let mut bus = Bus::start([plan(&names, OLD)], adapter, Settings::default());
        soon("ready", bus.ready()).await;
        bus.reload([plan(&names, REFUSED)], None);
        soon("refused", async {
            while bus.status().routes[0].state != State::Refused {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let sink = client.sink().await.expect("a lane");
        let mut old = client.source(&names.target, 10).await.expect("a consumer");
        sink.send(&to_queue(&names.source), message("m1", "still")).await.expect("confirmed");
        assert_eq!(take(&mut *old, 1).await[0].message.body, "still");
        // What is refused can be replaced in turn, and then the first one ends.
        bus.reload([plan(&names, NEW)], None);
        soon("ready", bus.ready()).await;
        bus.reload(Vec::<Arc<trunkline::route::Plan>>::new(), None);
        assert!(bus.status().routes.is_empty());
        assert_eq!(soon("drained", bus.shutdown()).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_reloads_on_sighup_and_keeps_what_runs_if_a_file_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    };
    write("trunkline.yaml", "broker: embedded\n");
    write("routes/a.yaml", "from: { amqp: { queue: a } }\nsteps: [ { to: { amqp: { routing_key: b } } } ]\n");
    let bus = Start::project(folder.path()).ready().await;
    write("routes/b.yaml", "from: { amqp: { queue: c } }\nstep: []\n");
    bus.signal("-HUP");
    let refused = bus.logged("not reloaded").await;
    assert!(refused.contains("routes/b.yaml:2:1: unknown key `step`"), "{refused}");
    write("routes/b.yaml", "from: { amqp: { queue: c } }\nsteps: [ { to: { amqp: { routing_key: b } } } ]\n");
    write("trunkline.yaml", "broker: embedded\nshutdown: { deadline: 5s }\n");
    bus.signal("-HUP");
    assert!(bus.logged("takes effect with the next start").await.contains("shutdown"));
    let reloaded = bus.logged("\"message\":\"reloaded\"").await;
    assert!(reloaded.contains(r#""added":"[\"b\"]""#) && reloaded.contains(r#""changed":"[]""#), "{reloaded}");
    bus.logged("\"route\":\"b\"").await;
    bus.stop().await;
}

const A: &str = "from: { amqp: { queue: a } }\nsteps: [ { to: { amqp: { routing_key: b } } } ]\n";
const B: &str = "from: { amqp: { queue: c } }\nsteps: [ { to: { amqp: { routing_key: b } } } ]\n";
const WRONG: &str = "from: { amqp: { queue: c } }\nstep: []\n";

/// A project with the route `a`, and what writes its files.
fn project(settings: &str) -> (tempfile::TempDir, impl Fn(&str, &str)) {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().to_owned();
    std::fs::create_dir(root.join("routes")).expect("made");
    let write = move |path: &str, text: &str| std::fs::write(root.join(path), text).expect("written");
    write("trunkline.yaml", &format!("broker: embedded\n{settings}\n"));
    write("routes/a.yaml", A);
    (folder, write)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_reloads_when_it_is_asked_over_http() {
    let (folder, write) = project("reload: { http: true }");
    let bus = Start::project(folder.path()).ready().await;
    write("routes/b.yaml", WRONG);
    let (status, mistake) = bus.post("/reload", None).await;
    assert_eq!((status, mistake.contains("routes/b.yaml:2:1: unknown key `step`")), (422, true), "{mistake}");
    let report = bus.get("/readyz").await.1;
    assert!(report.contains("reload_refused") && report.contains("routes/b.yaml"), "{report}");
    assert!(bus.get("/metrics").await.1.contains("trunkline_reloads_total{result=\"refused\"} 1"));

    write("routes/b.yaml", B);
    assert_eq!(bus.post("/reload", Some("http://shop.example")).await.0, 403);
    let (status, done) = bus.post("/reload", None).await;
    let done: serde_json::Value = serde_json::from_str(&done).expect("is JSON");
    assert_eq!(
        (status, &done["added"], &done["unchanged"]),
        (200, &serde_json::json!(["b"]), &serde_json::json!(["a"]))
    );
    bus.logged("\"route\":\"b\"").await;
    assert!(!bus.get("/readyz").await.1.contains("reload_refused"));
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reloads_over_http_unless_the_settings_say_so() {
    let (folder, _write) = project("");
    let bus = Start::project(folder.path()).ready().await;
    assert_eq!(bus.post("/reload", None).await.0, 404);
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_reloads_when_its_files_change() {
    let (folder, write) = project("reload: { watch: 50ms }");
    let bus = Start::project(folder.path()).ready().await;
    write("routes/b.yaml", WRONG);
    assert!(bus.logged("not reloaded").await.contains("routes/b.yaml:2:1"));
    write("routes/b.yaml", B);
    let reloaded = bus.logged("\"message\":\"reloaded\"").await;
    assert!(reloaded.contains(r#""added":"[\"b\"]""#) && reloaded.contains(r#""changed":"[]""#), "{reloaded}");
    bus.logged("\"route\":\"b\"").await;
    bus.stop().await;
}
