//! `trunkline explain` without a route: the whole bus in words.

use std::path::Path;

use super::write;
use crate::program::{Output, trunkline};

fn explain(folder: &Path, arguments: &[&str]) -> Output {
    trunkline().arg("explain").args(arguments).arg("--dir").arg(folder).run()
}

fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        write(folder.path(), name, text);
    }
    folder
}

#[test]
fn the_bus_in_words() {
    for (name, folder) in [("example", "."), ("canonical", "examples/canonical")] {
        let out = explain(Path::new(folder), &[]);
        assert_eq!((out.code, out.stderr.as_str()), (0, ""), "{out:?}");
        insta::assert_snapshot!(format!("bus_in_words_{name}"), out.stdout);
    }
}

/// Orders, computed addresses, queues of others, requests that a step makes aside, and messages that stay in the bus.
#[test]
fn what_is_not_as_usual_is_told() {
    let folder = project(&[
        (
            "routes/first.yaml",
            "from: { amqp: { queue: in, declare: false } }
ordered_by: .id
steps:
  - to: { amqp: { exchange: shop, routing_key_from: .kind } }
  - to: { amqp: { routing_key: next } }
on_error: { retry: { immediate: 0, delayed: [] }, breaker: off }
",
        ),
        (
            "routes/second.yaml",
            "description: |
  Asks two,
  and answers.
from: { amqp: { queue: next } }
ordered: true
steps:
  - scatter_gather:
      ask:
        north: { amqp: { exchange: north, routing_key: ask }, accepts: answer }
        south: { amqp: { exchange: south, routing_key: ask } }
      gather: '.replies'
  - to: { amqp: { routing_key: in } }
reply: {}
",
        ),
        ("schemas/answer.json", "{ \"type\": \"object\" }"),
    ]);
    let out = explain(folder.path(), &[]);
    assert_eq!((out.code, out.stderr.as_str()), (0, ""), "{out:?}");
    insta::assert_snapshot!(out.stdout);
}

#[test]
fn other_formats_draw_what_graph_draws() {
    for format in ["mermaid", "dot", "json"] {
        let graph = trunkline().args(["graph", "--format", format]).run();
        let out = explain(Path::new("."), &["--format", format]);
        assert_eq!((out.code, &out.stdout), (0, &graph.stdout), "{out:?}");
    }
}

#[test]
fn nothing_is_told_of_a_broken_project() {
    let out = explain(project(&[("routes/a.yaml", "from: 1")]).path(), &[]);
    assert_eq!((out.code, out.stdout.as_str()), (2, ""), "{out:?}");
}
