//! `trunkline test` and `trunkline trace`: whole routes without a broker.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use trunkline::diagnostic::SourceFile;
use trunkline::endpoint::topology::Topology;
use trunkline::message::{Field, Headers};
use trunkline::runtime::{Bus, Settings};
use trunkline::testing::{bench, case};

use crate::broker::{message, queue, soon, to_queue, unique};
use crate::docs::example;
use crate::program::{Output, trunkline};
use crate::runtime::{Names, brokers, plan, take};

fn test(folder: &Path, more: &[&str]) -> Output {
    trunkline().args(["test", "--dir"]).arg(folder).args(more).run()
}

fn json(out: &Output) -> Value {
    serde_json::from_str(&out.stdout).unwrap_or_else(|error| panic!("{error}: {out:?}"))
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(path, text).expect("written");
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).expect("is there")
}

/// A project of one route that asks, chooses and sends.
fn project(cases: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let route = "\
from: { amqp: { queue: in } }
accepts: order
steps:
  - filter: { when: .id != \"test\" }
  - id: stock
    call: { amqp: { routing_key: stock }, timeout: 2s, accepts: order }
  - set: { headers: { count: .count | tostring } }
  - choice:
      - when: .count > 1
        steps:
          - id: many
            to: { amqp: { exchange: shop, routing_key: many } }
on_error: { retry: { immediate: 1, delayed: [5s, 1m] } }
";
    write(folder.path(), "routes/order.yaml", route);
    write(folder.path(), "routes/order.test.yaml", cases);
    let contract = r#"{ "type": "object", "properties": { "id": { "type": "string" }, "count": { "type": "number" } },
        "required": ["id", "count"], "additionalProperties": false }"#;
    write(folder.path(), "schemas/order.json", contract);
    folder
}

#[test]
fn the_shipped_example_is_tested_to_its_last_branch() {
    for folder in [".", "examples/canonical"] {
        let out = test(Path::new(folder), &["--coverage", "--format", "json"]);
        let report = json(&out);
        assert_eq!(out.code, 0, "{report:#}");
        assert!(report["cases"].as_u64() >= Some(20), "{report:#}");
        for part in ["branches", "steps", "failure_paths"] {
            assert_eq!(report["coverage"]["reached"][part]["percent"], 100, "{:#}", report["coverage"]);
        }
        let check = trunkline().args(["check", "--deny-warnings", "--dir", folder]).run();
        assert_eq!(check.code, 0, "{}", check.stderr);
    }
}

/// The same message, route and answers on a broker and on fakes give the same dead letter.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_test_shows_is_what_the_bus_does() {
    const LADDER: &str = "
from: { amqp: { queue: IN } }
steps:
  - id: ask
    call: { amqp: { routing_key: OTHER }, timeout: 50ms }
on_error: { retry: { immediate: 1, delayed: [300ms, 200ms] } }
";
    const CASE: &str = "
- name: nobody answers
  send:
    text: question
    properties: { message_id: m1, expiration: '3600000' }
    headers: { shop: berlin, x-death: old, CC: [audit] }
  participants: { ask: { fail: timeout } }
";
    let (client, adapter) = brokers().await.remove(0);
    let names = Names { source: unique("in"), target: unique("out"), other: unique("other") };
    client
        .declare(&Topology { queues: vec![queue(&names.other, &[])], ..Topology::default() })
        .await
        .expect("declared");
    let plan = plan(&names, LADDER);
    let file = SourceFile::new("routes/ladder.test.yaml", CASE);
    let cases = case::compile(&file, &plan, &|_| Err("none".to_owned())).expect("is right");
    let shown = bench::run(&plan, &cases.cases[0]);
    assert_eq!(shown.journey.attempts, 6);
    assert_eq!(shown.journey.delays, plan.retries().delayed);

    let bus = Bus::start([Arc::clone(&plan)], adapter, Settings::default());
    soon("ready", bus.ready()).await;
    let mut sent = message("m1", "question");
    sent.properties = cases.cases[0].delivery.message.properties.clone();
    sent.headers = cases.cases[0].delivery.message.headers.clone();
    client.sink().await.expect("a lane").send(&to_queue(&names.source), sent).await.expect("confirmed");
    let mut dead = client.source(&format!("{}.dlq", names.source), 10).await.expect("a consumer");
    let letter = take(&mut *dead, 1).await.remove(0).message;
    soon("stopped", bus.shutdown()).await;

    let fake = shown.journey.dead_letter.expect("a dead letter");
    assert_eq!(fake.body, letter.body);
    assert_eq!(timeless(fake.headers), timeless(letter.headers));
    assert_eq!(fake.properties, letter.properties);
}

/// Headers without the times in them.
fn timeless(mut headers: Headers) -> Headers {
    headers.remove("trunkline-failed-at").expect("is there");
    let past = headers.get("trunkline-past-failures").and_then(Field::as_str).expect("is there");
    let mut past: Value = serde_json::from_str(past).expect("is JSON");
    past.as_array_mut().expect("a list").iter_mut().for_each(|one| one["at"] = Value::Null);
    headers.insert("trunkline-past-failures".into(), Field::text(past.to_string()));
    headers
}

const CASES: &str = "\
# Cases of the order route.
- name: one
  send: { json: { id: a, count: 1.0 } }
  participants:
    stock: { expect: { json: { id: a, count: 1.0 } }, reply: { json: { id: a, count: 1.0 } } }
  expect: { sent: {} }
- name: many, at the second attempt
  send: { json: { id: b, count: 2 } }
  participants:
    stock: [{ fail: timeout }, { reply: { json: { id: b, count: 20000000000000000001 } } }]
  expect:
    attempts: 2
    sent: { many: { json: { count: 20000000000000000001, id: b }, headers: { gone: null } } }
- name: nobody takes it
  send: { json: { id: b, count: 2 } }
  arrives: { at: 2026-01-01T00:00:00Z }
  participants:
    stock: { reply: { json: { id: b, count: 2 } } }
    many: { fail: nack }
  expect:
    outcome: dead_lettered
    failure: { class: transient, stage: send, type: nack, step: many, reason: refused }
    attempts: 6
    delays: [5s, 1m]
    dead_letter: { headers: { trunkline-failed-at: 2026-01-01T00:01:05.000Z, trunkline-attempts: 6 } }
- name: the connection is lost once
  send: { json: { id: b, count: 2 } }
  participants:
    stock: { reply: { json: { id: b, count: 2 } } }
    many: [{ fail: connection }, {}]
  expect: { attempts: 1 }
- name: the connection is lost for good
  send: { json: { id: b, count: 2 } }
  participants: { stock: { fail: connection } }
  expect: { outcome: kept }
";

#[test]
fn cases_pass_and_coverage_names_what_is_left() {
    let folder = project(CASES);
    let out = test(folder.path(), &["--coverage"]);
    assert_eq!(out.code, 0, "{out:?}");
    for line in [
        "routes/order.test.yaml: 5 passed",
        "  branches        75%  3 of 4",
        "  steps          100%  5 of 5",
        "  failure paths   66%  2 of 3",
        "  routes/order.yaml:4:5: branch `1-filter: filtered`",
        "  routes/order.yaml:1:1: failure path `a message that is not a valid order`",
    ] {
        assert!(out.stdout.lines().any(|found| found == line), "{line}\n{}", out.stdout);
    }
    let one = test(folder.path(), &["--filter", "order: nobody", "--format", "json"]);
    assert_eq!((one.code, &json(&one)["cases"]), (0, &1.into()), "{one:?}");
    let none = test(folder.path(), &["--filter", "no such case"]);
    assert_eq!((none.code, none.stdout.as_str()), (2, ""), "{none:?}");
    let by_path = test(folder.path(), &[&folder.path().join("routes/order.yaml").to_string_lossy()]);
    assert_eq!(by_path.code, 0, "{by_path:?}");
}

const WRONG: &str = "\
- name: everything is otherwise
  send: { json: { id: b, count: 2 } }
  participants:
    stock:
      - expect: { json: { id: c, count: 2.0 } }
        fail: timeout
      - reply: { json: { id: b, count: 2 } }
      - reply: { json: { id: b, count: 2 } }
  expect:
    outcome: filtered
    attempts: 1 # a comment that stays
    delays: [1s]
    reply: { text: hello }
    sent:
      # a comment of its own
      many: { json: { id: b, count: 3 }, headers: { count: 3 } }
    log: [a line]
- name: nobody plays the stock
  send: { json: { id: b, count: 2 } }
  expect: { sent: {} }
";

#[test]
fn what_is_otherwise_is_shown_at_its_place() {
    let folder = project(WRONG);
    let out = test(folder.path(), &[]);
    assert_eq!(out.code, 1, "{out:?}");
    let shown = out.stdout.lines().filter(|line| !line.contains("failed, in")).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(shown);

    let junit = test(folder.path(), &["--format", "junit"]);
    assert_eq!(junit.code, 1);
    let read = trunkline::format::xml::read(junit.stdout.as_bytes(), &trunkline::message::Limits::default());
    assert!(read.is_ok(), "{read:?}");
    assert!(junit.stdout.contains("<failure message=\"participants.stock, "), "{}", junit.stdout);
    let report = json(&test(folder.path(), &["--format", "json"]));
    assert_eq!(report["results"][0]["mismatches"][0]["what"], "participants.stock", "{report:#}");
    assert_eq!(report["failed"], 2);
}

#[test]
fn an_update_writes_what_was_shown_and_keeps_comments() {
    let cases = "\
# The first.
- name: new
  send: { json: { id: b, count: 2.50 } } # sent
  participants:
    stock: { reply: { json: { id: b, count: 2.50 } } }
# The second.
- name: wrong
  send: { json: { id: b, count: 2 } }
  participants:
    stock: { fail: timeout }
  expect:
    attempts: 1 # too few
    failure: { type: nack, step: stock }
    dead_letter: { json_file: letter.json }
- name: in a file
  send: { json: { id: b, count: 2 } }
  participants:
    stock: { reply: { json: { id: b, count: 3 } } }
  expect: { sent: { many: { json_file: many.json } } }
";
    let folder = project(cases);
    write(folder.path(), "routes/letter.json", "{}");
    write(folder.path(), "routes/many.json", "{}");
    assert_eq!(test(folder.path(), &[]).code, 1);
    let out = test(folder.path(), &["--update"]);
    let text = read(folder.path(), "routes/order.test.yaml");
    assert_eq!(out.code, 0, "{out:?}\n{text}");
    assert_eq!(test(folder.path(), &[]).code, 0);
    insta::assert_snapshot!(text);
    assert_eq!(read(folder.path(), "routes/many.json"), "{\n  \"id\": \"b\",\n  \"count\": 3\n}\n");
    assert_eq!(read(folder.path(), "routes/letter.json"), "{\n  \"id\": \"b\",\n  \"count\": 2\n}\n");
}

#[test]
fn mistakes_in_test_files_have_places() {
    let cases = "\
- name: one
  send: { json: { id: 007 }, text: two bodies, properties: { mesage_id: a } }
  participants:
    stok: { reply: { json: 1 } }
    many: { fail: timeout }
    stock: {}
  expect:
    delays: [5 seconds]
    failure: { step: stcok }
- name: one
  send: { json_file: no/such.json }
";
    let folder = project(cases);
    let out = test(folder.path(), &[]);
    assert_eq!((out.code, out.stdout.as_str()), (2, ""), "{out:?}");
    insta::assert_snapshot!(out.stderr);
}

#[test]
fn a_trace_tells_changes_branches_and_places() {
    let folder = project(CASES);
    write(folder.path(), "message.json", r#"{ "id": "a", "count": 1 }"#);
    write(folder.path(), "answer.json", r#"{ "id": "a", "count": 5 }"#);
    let path = |name: &str| folder.path().join(name).display().to_string();
    let trace = |participant: &str| {
        let dir = path("");
        trunkline().args(["trace", "--dir", &dir, "order", &path("message.json"), "--participant", participant]).run()
    };
    let out = trace(&format!("stock={}", path("answer.json")));
    assert_eq!(out.code, 0, "{out:?}");
    let timeless: Vec<&str> = out.stdout.lines().filter(|line| !line.trim_start().starts_with("took ")).collect();
    insta::assert_snapshot!(timeless.join("\n"));
    assert!(out.stdout.contains("took "));
    let out = trace("stock=timeout");
    assert_eq!(out.code, 1, "{out:?}");
    for part in ["no answer within 2s", "at routes/order.yaml:6:5", "dead_lettered after 6 attempts over 1m5s"] {
        assert!(out.stdout.contains(part), "{part}: {}", out.stdout);
    }
    assert_eq!(trace("stok=timeout").code, 2);
}

#[test]
fn a_test_file_without_its_route_is_told() {
    let folder = example();
    write(folder.path(), "routes/chat/order-sttus.test.yaml", "[]");
    let out = test(folder.path(), &[]);
    assert_eq!(out.code, 2, "{out:?}");
    assert!(out.stderr.contains("there is no route `chat/order-sttus` to test"), "{out:?}");
    assert!(out.stderr.contains("rename it to `chat/order-status.test.yaml`"), "{out:?}");
}

#[test]
fn graphs_tell_who_talks_to_whom() {
    let out = trunkline().args(["graph"]).run();
    assert_eq!(out.code, 0, "{out:?}");
    for line in [
        "chat.order-status -- takes chat/order-status-request -> chat/order-status",
        "chat/order-status -- calls erp/order-status#OrderStatusRequest -> erp/order.status",
        "erp/order.status -- answers erp/order-status#OrderStatusResponse -> chat/order-status",
        "chat/order-status -- answers chat/order-status-reply -> chat.order-status",
        "shop/new-order -- sends erp/order#Order -> erp/order.create",
    ] {
        assert!(out.stdout.lines().any(|found| found == line), "{line}\n{}", out.stdout);
    }
    let out = trunkline().args(["graph", "--format", "json"]).run();
    let graph = json(&out);
    let (nodes, edges) = (graph["nodes"].as_array().expect("a list"), graph["edges"].as_array().expect("a list"));
    let known = |end: &Value| nodes.iter().any(|node| node["id"] == *end);
    assert!(edges.iter().all(|edge| known(&edge["from"]) && known(&edge["to"])), "{graph:#}");

    for (format, begins) in [("mermaid", "flowchart LR\n"), ("dot", "digraph trunkline {\n")] {
        let bus = trunkline().args(["graph", "--format", format]).run();
        assert!(bus.stdout.starts_with(begins), "{bus:?}");
        let route = trunkline().args(["explain", "erp/shipment-notice", "--format", format]).run();
        assert_eq!(route.code, 0, "{route:?}");
        insta::assert_snapshot!(format!("route_as_{format}"), route.stdout);
    }
}

/// A message that a binding leads back into the bus is drawn as such.
#[test]
fn a_graph_follows_bindings() {
    let folder = project("[]");
    let next = "\
from: { amqp: { queue: next, bindings: [{ exchange: shop, routing_key: 'many.#' }] } }
steps: [to: { amqp: { routing_key: in } }]
";
    write(folder.path(), "routes/next.yaml", next);
    let out = trunkline().args(["graph", "--dir"]).arg(folder.path()).run();
    for line in ["shop/many -- is bound to -> next", "in -- is bound to -> in"] {
        assert!(out.stdout.lines().any(|found| found == line), "{line}\n{}", out.stdout);
    }
}

#[test]
fn what_was_processed_before_is_remembered() {
    let cases = "\
- name: the same order again
  before: [{ json: { id: a, count: 1 } }]
  send: { json: { id: a, count: 2 } }
  expect: { outcome: duplicate, sent: {} }
- name: another order
  before: [{ json: { id: a, count: 1 } }]
  send: { json: { id: b, count: 2 } }
  expect: { sent: { 2-to: {} } }
";
    let folder = project(cases);
    let route = "\
from: { amqp: { queue: in } }
accepts: order
steps:
  - idempotent: { key: .id }
  - to: { amqp: { routing_key: out } }
";
    write(folder.path(), "routes/order.yaml", route);
    write(folder.path(), "trunkline.yaml", "store: { path: state/keys.redb }\n");
    let out = test(folder.path(), &["--coverage"]);
    assert_eq!(out.code, 0, "{out:?}");
    assert!(out.stdout.contains("  branches       100%  2 of 2"), "{}", out.stdout);
    assert!(!folder.path().join("state").exists(), "a test opens no store");
}
