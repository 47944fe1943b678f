//! The mapping language: a path, a predicate, a sum, an order of eleven fields.

#![expect(clippy::expect_used, reason = "a benchmark that cannot start has nothing to measure")]

use trunkline::message::{Limits, Number, Text, Value};
use trunkline::transform::lang::{Program, Tables};

fn main() {
    divan::main();
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    members.into_iter().map(|(key, value)| (Text::from(key), value)).collect()
}

fn number(text: &str) -> Value {
    Value::Number(Number::parse(text).expect("a number"))
}

/// An order of about two kilobytes.
fn order() -> Value {
    let line = |at: i64| {
        object([
            ("sku", Value::from(format!("SKU-{at:06}").as_str())),
            ("text", Value::from("A thing of good quality, in its box")),
            ("quantity", Value::from(at)),
            ("price", number("19.99")),
            ("tax_rate", number("0.19")),
        ])
    };
    let customer = object([
        ("id", Value::from("C-10023")),
        ("name", Value::from("Ada Example")),
        ("email", Value::from("ada@shop.example")),
        ("street", Value::from("1 Example Street")),
        ("city", Value::from("Sampletown")),
        ("zip", Value::from("01234")),
        ("country", Value::from("DE")),
    ]);
    object([
        ("id", number("12345678901234567890")),
        ("number", Value::from("0000104711")),
        ("placed_at", Value::from("2026-01-31T12:00:00Z")),
        ("currency", Value::from("EUR")),
        ("source", Value::from("web")),
        ("express", Value::Bool(false)),
        ("customer", customer),
        ("lines", (1..=8).map(line).collect()),
    ])
}

const ORDER: &str = r#"
{ Order: {
    Id: .id,
    Number: .number,
    OrderedAt: .placed_at,
    Currency: .currency,
    Channel: (.source | table("channel")),
    Customer: { "@id": .customer.id, Name: .customer.name, City: "\(.customer.zip) \(.customer.city)" },
    Express: (.express // false),
    Total: ([.lines[] | .price * .quantity] | add),
    Lines: [.lines[] | { Article: .sku, Quantity: .quantity }] } }
"#;

fn program(source: &str) -> Program {
    let channel = [("web", "W"), ("store", "S")].map(|(key, value)| (Text::from(key), Value::from(value)));
    let tables: Tables = [("channel".to_owned(), channel.into_iter().collect())].into();
    Program::compile(source, &[], &tables).expect("compiles")
}

#[divan::bench(args = [
    ("path", ".customer.id"),
    ("predicate", ".currency == \"EUR\" and (.lines | length) > 3"),
    ("any", "any(.lines[]; .quantity > 7)"),
    ("sum", "[.lines[] | .price * .quantity] | add"),
    ("regex", ".customer.email | test(\"@shop\\\\.example$\")"),
    ("update", ".lines |= map(select(.quantity > 2)) | .customer.city |= ascii_upcase"),
    ("group", ".lines | group_by(.quantity % 3) | map(length)"),
    ("order", ORDER),
])]
fn run(bencher: divan::Bencher<'_, '_>, (_, source): (&str, &str)) {
    let (program, input, limits) = (program(source), order(), Limits::default());
    bencher.bench_local(|| program.run(divan::black_box(&input), &[], &limits).expect("runs"));
}

/// jaq on the same order, for comparison; its lookup table is an object.
#[divan::bench]
fn order_by_jaq(bencher: divan::Bencher<'_, '_>) {
    use jaq_core::data::JustLut;
    use jaq_core::load::{Arena, File, Loader};
    use jaq_json::Val;

    let source = ORDER.replace("(.source | table(\"channel\"))", "{web: \"W\", store: \"S\"}[.source]");
    let arena = Arena::default();
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let modules = Loader::new(defs).load(&arena, File { code: &source, path: () });
    let funs = jaq_core::funs::<JustLut<Val>>().chain(jaq_std::funs()).chain(jaq_json::funs());
    let filter = jaq_core::Compiler::default().with_funs(funs).compile(modules.expect("parses"));
    let filter = filter.expect("compiles");
    let text = program("tojson").run(&order(), &[], &Limits::default()).expect("runs");
    let text = text.first().and_then(Value::as_str).expect("a text");
    let input = jaq_json::read::parse_single(text.as_bytes()).expect("JSON");
    bencher.bench_local(|| {
        let context = jaq_core::Ctx::<JustLut<Val>>::new(&filter.lut, jaq_core::Vars::new([]));
        filter.id.run((context, divan::black_box(input.clone()))).map(|output| output.ok()).collect::<Vec<_>>()
    });
}

#[divan::bench]
fn compile() -> Program {
    program(divan::black_box(ORDER))
}
