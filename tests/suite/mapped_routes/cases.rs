//! Contracts, and for each step a route without mistakes with the changes that are mistakes.

pub(super) const SCHEMAS: &[(&str, &str)] = &[
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

pub(super) const TRANSFORMS: &[(&str, &str)] = &[
    (
        "old/order",
        "from: old/order\nto: shop/order\nmap: |\n  { id: .number, kind: \"web\", total: 0, customer: { name: \"\" }, lines: [], channels: [] }\n",
    ),
    ("order-to-line", "from: shop/order\nto: shop/line\nmap: '{ sku: .id, quantity: 1 }'\n"),
];

/// A text of the route, and the mistake in its place.
pub(super) type Mistakes = &'static [(&'static str, &'static str)];

/// What is told apart: the step, a route without mistakes, and changes each of which is one.
pub(super) const CASES: &[(&str, &str, Mistakes)] = &[
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
