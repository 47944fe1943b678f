//! Every mistake of a route file is found at its place, with a hint; the snapshot holds the words.

use std::fmt::Write;

use crate::diagnostic::{Diagnostic, Severity};
use crate::route::check_set;

use super::{compiled, plan};

/// A name and a route file with one kind of mistake each.
const MISTAKES: &[(&str, &str)] = &[
    ("unknown key", "from: { amqp: { queue: q } }\nacepts: a\nsteps: [to: { amqp: { routing_key: k } }]"),
    ("no source", "steps: [to: { amqp: { routing_key: k } }]"),
    ("unknown endpoint", "from: { ampq: { queue: q } }\nsteps: [to: { http: { url: x } }]"),
    ("empty endpoint", "from: {}\nreply: {}"),
    ("unknown key of an endpoint", "from: { amqp: { queue: q, prefech: 5 } }\nreply: {}"),
    ("prefetch", "from: { amqp: { queue: q, prefetch: 0 } }\nreply: {}"),
    ("size", "from: { amqp: { queue: q, prefetch_bytes: 8 MB } }\nreply: {}"),
    ("reserved queue", "from: { amqp: { queue: amq.q } }\nreply: {}"),
    (
        "bindings of others",
        "from: { amqp: { queue: q, declare: false, bindings: [{ exchange: e, routing_key: k }] } }\nreply: {}",
    ),
    ("binding without key", "from: { amqp: { queue: q, bindings: [{ exchange: e }] } }\nreply: {}"),
    (
        "headers to compare",
        "from:\n  amqp:\n    queue: q\n    bindings:\n      - { exchange: e, kind: headers }\n      - { exchange: e, kind: headers, headers: { x-a: 1 } }\n      - { exchange: f, routing_key: k, headers: { a: 1 } }\nreply: {}",
    ),
    (
        "a header that is no scalar",
        "from: { amqp: { queue: q, bindings: [{ exchange: e, kind: headers, headers: { a: [1] } }] } }\nreply: {}",
    ),
    (
        "how headers match",
        "from: { amqp: { queue: q, bindings: [{ exchange: e, kind: headers, match: some, headers: { a: 1 } }] } }\nreply: {}",
    ),
    ("exchange kind", "from: { amqp: { queue: q, bindings: [{ exchange: e, kind: topik }] } }\nreply: {}"),
    (
        "unknown steps, all at once",
        "from: { amqp: { queue: q } }\nsteps:\n  - filtre: { when: . }\n  - banana: 1\n  - to: { amqp: { routing_key: k } }",
    ),
    ("two patterns", "from: { amqp: { queue: q } }\nsteps:\n  - log: .a\n    to: { amqp: { routing_key: k } }"),
    ("no pattern", "from: { amqp: { queue: q } }\nsteps:\n  - id: a\nreply: {}"),
    ("a word", "from: { amqp: { queue: q } }\nsteps:\n  - log\nreply: {}"),
    (
        "ids",
        "from: { amqp: { queue: q } }\nsteps:\n  - { id: a, log: .a }\n  - { id: a, log: .b }\n  - { id: b c, log: .b }\nreply: {}",
    ),
    ("nothing to do", "from: { amqp: { queue: q } }"),
    (
        "claim checks",
        "from: { amqp: { queue: q } }\nsteps:\n  - claim_check: { above: 5 KB, keep: 5 }\n  - claim_check: { over: 5KiB }\n  - claim_check: fetched\n  - to: { amqp: { routing_key: k } }",
    ),
    (
        "caches",
        "from: { amqp: { queue: q } }\nsteps:\n  - call: { amqp: { routing_key: k }, cache: { key: .a, keep: 0s, stale: 1d } }\n  - call: { amqp: { routing_key: k }, cache: { key: '.a |' } }\nreply: {}",
    ),
    (
        "states",
        "from: { amqp: { queue: q } }\nsteps:\n  - state: { save: . }\n  - state: { load: a b, key: .a }\n  - state: { load: a, key: .a, save: . }\n  - state: { load: a, key: .a }\n  - state: { save: ., keep: 1d }\n  - to: { amqp: { routing_key: k } }",
    ),
    (
        "groups",
        "from: { amqp: { queue: q } }\nsteps:\n  - choice: [{ when: .a, steps: [aggregate: { key: .a, timeout: 5m }] }]\n  - aggregate: { key: .a, count: 0, timeout: 8d }\n  - aggregate: { key: .a, timeout: 5m, when: '.a |' }\nreply: {}",
    ),
    (
        "sequences",
        "from: { amqp: { queue: q } }\nsteps:\n  - call: { amqp: { routing_key: k } }\n  - resequence: { key: .a, number: 7, timeout: 500ms, limit: 0 }\n  - split: { by: .a, steps: [resequence: { key: '.a |', number: .n, timeout: 5m, keep: 1d }] }\nreply: {}",
    ),
    (
        "a message that is late",
        "from: { amqp: { queue: q } }\nordered: true\nsteps:\n  - resequence: { key: .a, number: .n, timeout: 5m, late: drop }\nreply: {}",
    ),
    ("no effect", "from: { amqp: { queue: q } }\nsteps: [log: .a]"),
    (
        "jq",
        "from: { amqp: { queue: q } }\nsteps:\n  - filter: { when: '.a | lenght > 3' }\n  - log: '.a ['\n  - set: { headers: { h: $header.a } }\nreply: {}",
    ),
    (
        "filter that nothing passes",
        "from: { amqp: { queue: q } }\nsteps:\n  - filter: { when: 'false' }\n  - log: .a\n  - log: .b\nreply: {}",
    ),
    ("reply that nothing reaches", "from: { amqp: { queue: q } }\nsteps:\n  - filter: { when: 'false' }\nreply: {}"),
    (
        "branches",
        "from: { amqp: { queue: q } }\nsteps:\n  - choice:\n      - otherwise: [log: .a]\n      - { when: .b, steps: [log: .b] }\n  - choice:\n      - { when: 'true', steps: [log: .b] }\n      - otherwise: [log: .a]\n  - choice:\n      - { when: .a, otherwise: [] }\n      - { when: null, steps: [] }\n      - { when: 'null', steps: [] }\n  - choice: []\nreply: {}",
    ),
    (
        "routing keys",
        "from: { amqp: { queue: q } }\nsteps:\n  - to: { amqp: { exchange: e } }\n  - to: { amqp: { routing_key: a, routing_key_from: .a } }\n  - to: { amqp: { exchange: '', routing_key: a } }\n  - to: []",
    ),
    (
        "keys of a call",
        "from: { amqp: { queue: q } }\nsteps:\n  - call: { http: { url: x } }\n  - call: { ampq: { routing_key: k } }\n  - call: { timeot: 3s }\n  - call: { amqp: { routing_key: k }, http: {} }\n  - call: { timeout: 3s }",
    ),
    (
        "timeout",
        "from: { amqp: { queue: q } }\nsteps:\n  - call: { amqp: { routing_key: a }, timeout: 5 sec }\n  - call: { amqp: { routing_key: a }, timeout: 1h }",
    ),
    (
        "set",
        "from: { amqp: { queue: q } }\nsteps:\n  - set: {}\n  - set: { properties: { contenttype: '\"a\"' } }\nreply: {}",
    ),
    (
        "keys of duplicates",
        "from: { amqp: { queue: q } }\nsteps:\n  - idempotent: { key: '\"order\"' }\n  - idempotent: { key: .id, keep: 2 days }\nreply: {}",
    ),
    (
        "a key that is no jq",
        "from: { amqp: { queue: q } }\nsteps:\n  - idempotent: { key: '.id |', keep: 9000h }\nreply: {}",
    ),
    ("nothing to set", "from: { amqp: { queue: q } }\nsteps:\n  - set: {}\nreply: {}"),
    ("retries", "from: { amqp: { queue: q } }\nreply: {}\non_error: { retry: { immediate: 1000 } }"),
    (
        "retries of a step",
        "from: { amqp: { queue: q } }\nsteps:\n  - { log: .a, retry: { immediate: 1 } }\n  - { to: { amqp: { routing_key: a } }, retry: { immediate: 101, delayed: [5s] } }\n  - { to: { amqp: { routing_key: a } }, retry: {} }\n  - { to: { amqp: { routing_key: a } }, retry: { imediate: 1 } }",
    ),
    (
        "a retry that says nothing",
        "from: { amqp: { queue: q } }\nsteps:\n  - { to: { amqp: { routing_key: a } }, retry: {} }",
    ),
    (
        "a step that wants to wait",
        "from: { amqp: { queue: q } }\nsteps:\n  - { log: .a, retry: { immediate: 1 } }\n  - { to: { amqp: { routing_key: a } }, retry: { immediate: 101, delayed: [5s] } }",
    ),
    ("a delay that is none", "from: { amqp: { queue: q } }\nreply: {}\non_error: { retry: { delayed: [5s, soon] } }"),
    (
        "order",
        "from: { amqp: { queue: q, prefetch: 5 } }\nordered: true\nordered_by: .a.b\nreply: {}\non_error: { retry: { delayed: [10m, 6m] } }",
    ),
    ("breaker", "from: { amqp: { queue: q } }\nreply: {}\non_error: { breaker: { failures: 0, pause: 1h } }"),
    ("a breaker that is none", "from: { amqp: { queue: q } }\nreply: {}\non_error: { breaker: on }"),
    ("one key for all", "from: { amqp: { queue: q } }\nordered_by: '\"a\"'\nreply: {}"),
    (
        "names that do not resolve",
        "from: { amqp: { queue: q } }\naccepts: chat/nothing\nsteps:\n  - transform: chat/nowhere\n  - validate: chat/none\nreply: { contract: chat/no }",
    ),
];

fn words(diagnostic: &Diagnostic) -> String {
    let (line, column) = diagnostic.file.line_column(diagnostic.span.start);
    let under = diagnostic.file.text.get(diagnostic.span.clone()).unwrap_or("?").lines().next().unwrap_or_default();
    let severity = if diagnostic.severity == Severity::Error { "error" } else { "warning" };
    let mut text = format!("  {line}:{column} {severity} {} {}\n    at `{under}`", diagnostic.code, diagnostic.message);
    for (name, part) in [("label", &diagnostic.label), ("hint", &diagnostic.hint)] {
        if let Some(part) = part {
            write!(text, "\n    {name}: {part}").expect("a string");
        }
    }
    text
}

#[test]
fn mistakes_are_named() {
    let mut all = String::new();
    for (name, text) in MISTAKES {
        let (plan, diagnostics) = compiled(text);
        let errors = diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
        assert_eq!(plan.is_none(), errors, "{name}: a plan comes instead of errors");
        assert!(!diagnostics.is_empty(), "{name}");
        writeln!(all, "{name}").expect("a string");
        for diagnostic in &diagnostics {
            writeln!(all, "{}", words(diagnostic)).expect("a string");
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn every_diagnostic_has_a_hint() {
    for (name, text) in MISTAKES {
        for diagnostic in compiled(text).1 {
            let of_route = diagnostic.code.starts_with("TL4");
            assert!(!of_route || diagnostic.hint.is_some(), "{name}: {}", diagnostic.message);
        }
    }
}

#[test]
fn routes_are_checked_against_each_other() {
    let a = plan("from: { amqp: { queue: q } }\nsteps: [to: { amqp: { exchange: e, routing_key: k } }]");
    let b = plan("from: { amqp: { queue: q } }\nsteps: [to: { amqp: { exchange: e, routing_key: k, kind: direct } }]");
    let found: Vec<_> = check_set([&a, &b]).iter().map(|diagnostic| diagnostic.code).collect();
    assert_eq!(found, ["TL408", "TL108"]);
    assert!(check_set([&a]).is_empty());
}

#[test]
fn explains_itself() {
    let plan = plan(
        "description: Orders of the shop.
from: { amqp: { queue: shop.orders, bindings: [{ exchange: shop, routing_key: order.* }, { exchange: events, kind: headers, headers: { type: order, urgent: true, version: 2 } }] } }
steps:
  - filter: { when: .topic == \"orders/create\" }
  - idempotent: { key: .order.number, keep: 168h }
  - set: { headers: { shop-order: .order.number }, properties: { type: '\"erp.order\"' } }
  - id: erp
    call: { amqp: { exchange: erp, routing_key: order.create }, timeout: 3s }
    retry: { immediate: 1 }
  - choice:
      - { when: .ok, steps: [to: { amqp: { exchange: chat, routing_key_from: '\"notify.\" + $headers.channel' } }] }
      - otherwise: [log: '\"refused\"', to: { amqp: { routing_key: refused } }]
reply: {}
on_error: { retry: { immediate: 3, delayed: [5s, 90s] } }",
    );
    insta::assert_snapshot!(crate::route::explain(&plan));
}

#[test]
fn explains_its_order() {
    let steps = "steps: [to: { amqp: { routing_key: k } }]\non_error: { retry: { delayed: [5s] } }";
    let strict = plan(&format!("from: {{ amqp: {{ queue: q }} }}\nordered: true\n{steps}"));
    let by_key = plan(&format!(
        "from: {{ amqp: {{ queue: q, prefetch_bytes: 1KiB }} }}\nordered_by: $headers.customer\n{steps}"
    ));
    insta::assert_snapshot!(format!("{}\n{}", crate::route::explain(&strict), crate::route::explain(&by_key)));
}
