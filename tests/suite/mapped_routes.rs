//! The mapping checker over the expressions of routes: for each step, planted mistakes are found at their places, and the
//! routes without them raise no alarm, not even under `--strict`.

use std::fmt::Write;

use trunkline::config::{Environment, Project, Settings, Sources};
use trunkline::diagnostic::{Diagnostic, SourceFile};

const SCHEMAS: &[(&str, &str)] = &[
    (
        "shop/order.json",
        r#"{ "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false,
        "required": ["id", "kind", "total", "customer", "lines", "channels"], "properties": {
        "id": { "type": "string" }, "kind": { "enum": ["web", "phone"] }, "total": { "type": "number" },
        "next": { "type": "string" }, "channels": { "type": "array", "items": { "type": "string" } },
        "customer": { "type": "object", "additionalProperties": false, "required": ["name"],
            "properties": { "name": { "type": "string" }, "email": { "type": "string" } } },
        "lines": { "type": "array", "items": { "$ref": "line.json" } } } }"#,
    ),
    (
        "shop/line.json",
        r#"{ "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false,
        "required": ["sku", "quantity"],
        "properties": { "sku": { "type": "string" }, "quantity": { "type": "integer" } } }"#,
    ),
    (
        "shop/stock.json",
        r#"{ "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false,
        "required": ["sku", "left"], "properties": { "sku": { "type": "string" }, "left": { "type": "integer" } } }"#,
    ),
    (
        "shop/offer.json",
        r#"{ "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false,
        "required": ["price", "by"], "properties": { "price": { "type": "number" }, "by": { "type": "string" } } }"#,
    ),
    (
        "shop/answer.json",
        r#"{ "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false,
        "required": ["id", "left"], "properties": { "id": { "type": "string" }, "left": { "type": "integer" } } }"#,
    ),
    (
        "old/order.json",
        r#"{ "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false,
        "required": ["number", "system"],
        "properties": { "number": { "type": "string" }, "system": { "const": "old" } } }"#,
    ),
];

const TRANSFORMS: &[(&str, &str)] = &[
    (
        "old/order",
        "from: old/order\nto: shop/order\nmap: |\n  { id: .number, kind: \"web\", total: 0, customer: { name: \"\" }, lines: [], channels: [] }\n",
    ),
    ("order-to-line", "from: shop/order\nto: shop/line\nmap: '{ sku: .id, quantity: 1 }'\n"),
];

/// A text of the route, and the mistake in its place.
type Mistakes = &'static [(&'static str, &'static str)];

/// What is told apart: the step, a route without mistakes, and changes each of which is one.
const CASES: &[(&str, &str, Mistakes)] = &[
    (
        "call with merge",
        "
from: { amqp: { queue: q } }
accepts: shop/order
steps:
  - call:
      amqp: { exchange: erp, routing_key: stock }
      accepts: shop/stock
      merge: '{ id: .message.id, left: .reply.left }'
      contract: shop/answer
  - to: { amqp: { exchange: out, routing_key_from: .id } }
",
        &[
            (".reply.left", ".reply.lft"),
            (".message.id", ".mesage.id"),
            (".message.id", ".message.number"),
            ("left: .reply.left", "rest: .reply.left"),
            ("left: .reply.left", "left: .reply.sku"),
            (", left: .reply.left", ""),
            ("routing_key_from: .id", "routing_key_from: .idd"),
            ("routing_key_from: .id", "routing_key_from: .left"),
        ],
    ),
    (
        "what a merge without a contract makes",
        "
from: { amqp: { queue: q } }
accepts: shop/order
steps:
  - call:
      amqp: { exchange: erp, routing_key: stock }
      accepts: shop/stock
      merge: '.message + { left: .reply.left, mood: (if .reply.left > 9 then \"calm\" else \"tense\" end) }'
  - choice:
      - when: .left > 0 and .customer.name != \"\"
        steps:
          - to: { amqp: { exchange: out, routing_key: left } }
      - when: .mood == \"tense\"
        steps:
          - log: .mood
  - call:
      amqp: { exchange: erp, routing_key: answer }
      accepts: shop/stock
      merge: '{ id: .message.id, left: (.message.left - .reply.left) }'
  - validate: shop/answer
  - to: { amqp: { exchange: out, routing_key: all } }
",
        &[
            ("when: .left > 0", "when: .lft > 0"),
            (".customer.name != ", ".customer.nme != "),
            ("when: .mood == \"tense\"", "when: .mood == \"tens\""),
            ("when: .mood == \"tense\"", "when: .mood == \"furious\""),
            ("(.message.left - ", "(.message.stock - "),
            ("{ id: .message.id, left:", "{ id: .message.id, stock:"),
            ("{ id: .message.id, left:", "{ id: .message.lines, left:"),
        ],
    ),
    (
        "call with request",
        "
from: { amqp: { queue: q } }
steps:
  - call:
      amqp: { exchange: erp, routing_key: stock }
      request: order-to-line
      accepts: shop/stock
      merge: '{ id: .message.id, left: .reply.left }'
      contract: shop/answer
  - to: { amqp: { exchange: out, routing_key: all } }
",
        &[(".message.id", ".message.number"), (".message.id", ".message.lines")],
    ),
    (
        "normalize",
        "
from: { amqp: { queue: q } }
steps:
  - normalize:
      to: shop/order
      inputs:
        - { when: .system == \"old\", transform: old/order }
        - { when: .customer.name != null }
  - to: { amqp: { exchange: out, routing_key: all } }
",
        &[
            (".system ==", ".sytem =="),
            (".customer.name", ".client.name"),
            ("== \"old\"", "== \"odl\""),
            ("when: .system == \"old\"", "when: .kind == \"web\""),
        ],
    ),
    (
        "loop",
        "
from: { amqp: { queue: q } }
accepts: shop/order
steps:
  - loop:
      while: .next != null
      at_most: 9
      steps:
        - choice:
            - when: .total > 0
              steps:
                - log: .id
        - call: { amqp: { exchange: shop, routing_key_from: .next // \"\" }, accepts: shop/order }
  - to: { amqp: { exchange: out, routing_key: all } }
",
        &[
            ("while: .next", "while: .nxt"),
            ("while: .next != null", "while: .kind == \"fax\""),
            ("when: .total", "when: .totl"),
            ("routing_key_from: .next", "routing_key_from: .nxt"),
        ],
    ),
    (
        "routing slip",
        "
from: { amqp: { queue: q } }
accepts: shop/order
steps:
  - routing_slip:
      names: .channels
      stations:
        web:
          - log: .customer.name
        phone:
          - to: { amqp: { exchange: phone, routing_key_from: .kind } }
  - to: { amqp: { exchange: out, routing_key_from: .id } }
",
        &[
            ("names: .channels", "names: .channel"),
            ("names: .channels", "names: .lines"),
            ("names: .channels", "names: .kind"),
            ("log: .customer.name", "log: .customer.fullname"),
            ("routing_key_from: .kind", "routing_key_from: .kin"),
            ("routing_key_from: .id", "routing_key_from: .idd"),
        ],
    ),
    (
        "scatter-gather",
        "
from: { amqp: { queue: q } }
accepts: shop/order
steps:
  - scatter_gather:
      ask:
        north: { amqp: { exchange: north, routing_key: offer }, accepts: shop/offer }
        south: { amqp: { exchange: south, routing_key_from: .kind }, accepts: shop/offer }
      gather: '{ id: .message.id, best: (.replies | [.north, .south] | min_by(.price) | .by), north: .replies.north.price }'
  - to: { amqp: { exchange: out, routing_key_from: .id } }
",
        &[
            (".message.id", ".message.number"),
            ("min_by(.price)", "min_by(.prize)"),
            ("| .by)", "| .seller)"),
            (".replies.north.price", ".replies.east.price"),
            ("routing_key_from: .kind", "routing_key_from: .kin"),
            ("routing_key_from: .id", "routing_key_from: .message.id"),
        ],
    ),
    (
        "the first answer",
        "
from: { amqp: { queue: q } }
accepts: shop/order
steps:
  - scatter_gather:
      ask:
        north: { amqp: { exchange: north, routing_key: offer }, accepts: shop/offer }
        south: { amqp: { exchange: south, routing_key: offer }, accepts: shop/offer }
      until: first
  - filter: { when: .price > 0 }
  - to: { amqp: { exchange: out, routing_key_from: .by } }
",
        &[("when: .price", "when: .prize"), ("routing_key_from: .by", "routing_key_from: .price")],
    ),
    (
        "recipients and what is set",
        "
from: { amqp: { queue: q } }
accepts: shop/order
steps:
  - set: { headers: { customer: .customer.name } }
  - recipient_list:
      names: .channels
      allow:
        web: { amqp: { exchange: out, routing_key_from: .id } }
",
        &[
            ("customer: .customer.name", "customer: .customer.nam"),
            ("names: .channels", "names: '[.total]'"),
            ("routing_key_from: .id", "routing_key_from: .customer"),
        ],
    ),
    (
        "split",
        "
from: { amqp: { queue: q } }
accepts: shop/order
steps:
  - split:
      by: '.lines | map(. + { order: 1 })'
      steps:
        - to: { amqp: { exchange: out, routing_key_from: '\"\\(.order).\\(.sku)\"' } }
  - split:
      by: .lines
      contract: shop/line
      steps:
        - log: .sku
",
        &[
            ("by: '.lines |", "by: '.items |"),
            ("\\(.order).", "\\(.oder)."),
            ("by: .lines\n", "by: .customer\n"),
            ("by: .lines\n", "by: '[.customer]'\n"),
            ("log: .sku", "log: .article"),
        ],
    ),
    (
        "aggregate",
        "
from: { amqp: { queue: q } }
accepts: shop/order
steps:
  - aggregate:
      key: .customer.name
      part: '{ id, last: (.next == null) }'
      when: any(.[]; .last)
      timeout: 10s
  - to: { amqp: { exchange: out, routing_key_from: '.[0].id // \"\"' } }
",
        &[
            ("key: .customer.name", "key: .customer"),
            ("key: .customer.name", "key: .client.name"),
            ("part: '{ id,", "part: '{ number,"),
            ("; .last)", "; .complete)"),
            (".[0].id // \"\"", ".id"),
            (".[0].id", ".[0].number"),
        ],
    ),
    (
        "resequence",
        "
from: { amqp: { queue: q } }
accepts: shop/line
ordered_by: .sku
steps:
  - resequence: { key: .sku, number: .quantity, timeout: 10s }
  - to: { amqp: { exchange: out, routing_key_from: .sku } }
",
        &[
            ("key: .sku", "key: .sky"),
            ("number: .quantity", "number: .sku"),
            ("number: .quantity", "number: .number"),
            ("routing_key_from: .sku", "routing_key_from: .quantity"),
        ],
    ),
    (
        "keys of the store",
        "
from: { amqp: { queue: q } }
accepts: shop/order
ordered_by: .customer.name
steps:
  - state: { load: chat, key: .id }
  - state: { save: '{ seen: .total }' }
  - call:
      amqp: { exchange: erp, routing_key: stock }
      accepts: shop/stock
      cache: { key: .kind }
  - to: { amqp: { exchange: out, routing_key_from: .sku } }
",
        &[
            ("ordered_by: .customer.name", "ordered_by: .customer.nme"),
            ("key: .id", "key: .lines"),
            ("key: .id", "key: .idd"),
            ("seen: .total", "seen: .totals"),
            ("key: .kind", "key: .kin"),
            ("routing_key_from: .sku", "routing_key_from: .id"),
        ],
    ),
    (
        "conditions that never hold",
        "
from: { amqp: { queue: q } }
accepts: shop/order
steps:
  - filter: { when: .kind == \"web\" or .total > 1000 }
  - choice:
      - when: .kind == \"phone\"
        steps:
          - to: { amqp: { exchange: out, routing_key: phone } }
",
        &[
            (".kind == \"phone\"", ".kind == \"fone\""),
            (".kind == \"phone\"", ".kind == \"fax\""),
            (".kind == \"phone\"", ".id == 5"),
            (".kind == \"web\" or .total > 1000", ".kind == \"wbe\" or .total > 1000"),
        ],
    ),
];

fn settings() -> Settings {
    let folder = tempfile::tempdir().expect("made");
    std::fs::write(folder.path().join("trunkline.yaml"), "store: { path: state/keys.redb }\n").expect("written");
    Settings::load(folder.path(), &Environment::default()).expect("is right")
}

fn sources(routes: &[(&str, &str)]) -> Sources {
    let named = |folder: &str, all: &[(&str, &str)]| {
        let file =
            |(name, text): &(&str, &str)| ((*name).to_owned(), SourceFile::new(format!("{folder}/{name}.yaml"), *text));
        all.iter().map(file).collect()
    };
    let schema = |(path, text): &(&str, &str)| ((*path).into(), SourceFile::new(format!("schemas/{path}"), *text));
    Sources {
        routes: named("routes", routes),
        transforms: named("transforms", TRANSFORMS),
        schemas: SCHEMAS.iter().map(schema).collect(),
        ..Sources::default()
    }
}

/// What is told of routes.
fn told(settings: &Settings, sources: &Sources, strict: bool) -> Vec<Diagnostic> {
    let mut project = Project::compile(settings.clone(), sources, Vec::new());
    assert!(project.is_sound(), "{:#?}", project.diagnostics);
    project.diagnostics.clear();
    project.check_mappings(strict);
    project.diagnostics
}

/// `TL307 12:9 text: message; hint`
fn line(found: &Diagnostic) -> String {
    let (line, column) = found.file.line_column(found.span.start);
    let text = found.file.text.get(found.span.clone()).unwrap_or_default();
    let hint = found.hint.as_deref().unwrap_or("no hint");
    format!("{} {line}:{column} `{text}`: {}; {hint}", found.code, found.message)
}

#[test]
fn routes_without_mistakes_raise_no_alarm() {
    let settings = settings();
    for (title, route, _) in CASES {
        let found = told(&settings, &sources(&[("r", route)]), true);
        assert!(found.is_empty(), "{title}: {:#?}", found.iter().map(line).collect::<Vec<_>>());
    }
}

#[test]
fn planted_mistakes_in_routes_are_found_at_their_places() {
    let settings = settings();
    let mut shown = String::new();
    for (title, route, mistakes) in CASES {
        writeln!(shown, "{title}").expect("writes");
        for (right, wrong) in *mistakes {
            assert!(route.contains(right), "{title} has no {right}");
            let route = route.replacen(right, wrong, 1);
            let found = told(&settings, &sources(&[("r", &route)]), false);
            writeln!(shown, "  {} -> {}", right.trim(), wrong.trim()).expect("writes");
            assert!(!found.is_empty(), "nothing is found: {title}: {right} -> {wrong}");
            for one in &found {
                writeln!(shown, "    {}", line(one)).expect("writes");
            }
        }
    }
    insta::assert_snapshot!(shown);
}

/// Nothing is known of these documents, or not in each round: no alarm, and `--strict` tells where.
const UNKNOWN: &str = "
from: { amqp: { queue: q } }
steps:
  - filter: { when: .anything == 1 }
  - call:
      amqp: { exchange: erp, routing_key_from: .key }
      merge: '{ id: .reply.id, whole: .message }'
  - loop:
      while: .page != null
      at_most: 3
      steps:
        - choice:
            - when: .page > 1
              steps:
                - log: .id
        - call:
            amqp: { exchange: erp, routing_key: page }
            merge: '.message + { page: .reply.next }'
  - routing_slip:
      names: $headers.slip
      stations:
        web:
          - log: .page
        phone:
          - call: { amqp: { exchange: erp, routing_key: other } }
  - to: { amqp: { exchange: out, routing_key: all } }
";

#[test]
fn where_nothing_is_known_only_strict_tells() {
    let settings = settings();
    let all = sources(&[("r", UNKNOWN)]);
    assert_eq!(told(&settings, &all, false), []);
    let found = told(&settings, &all, true);
    insta::assert_snapshot!(found.iter().map(line).collect::<Vec<_>>().join("\n"));
}

/// Steps that two routes share: what one of them needs is no mistake of the other's.
#[test]
fn shared_steps_are_wrong_only_if_they_are_wrong_for_all_who_run_them() {
    let settings = settings();
    let route = |contract: &str| {
        format!("from: {{ amqp: {{ queue: q-{contract} }} }}\naccepts: shop/{contract}\nsteps:\n  - run: both\n")
    };
    let (stock, line_of) = (route("stock"), route("line"));
    let mut all = sources(&[("stock", &stock), ("line", &line_of)]);
    let steps =
        "steps:\n  - log: .left // .quantity\n  - log: .sku\n  - to: { amqp: { exchange: out, routing_key: all } }\n";
    all.steps.insert("both".to_owned(), SourceFile::new("steps/both.yaml", steps));
    assert_eq!(told(&settings, &all, false), []);
    all.steps
        .insert("both".to_owned(), SourceFile::new("steps/both.yaml", steps.replace("log: .sku", "log: .article")));
    let found = told(&settings, &all, false);
    insta::assert_snapshot!(found.iter().map(line).collect::<Vec<_>>().join("\n"));
}
