//! Routes whose documents have contracts: how they flow at compile time, what happens to bodies at run time.

use std::collections::BTreeSet;

use crate::contract::{Files, Registry};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::endpoint::Delivery;
use crate::message::{Class, Failure, Kind, Limits, Message, Properties, Stage};
use crate::route::fake::Fake;
use crate::route::{Library, Outcome, Plan, Processed, SubRoutes, compile};
use crate::transform::{Transform, Transforms};

use super::{delivery, process};

const XSD: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:erp" elementFormDefault="qualified">
  <xs:element name="Order"><xs:complexType><xs:sequence>
    <xs:element name="Number" type="xs:string"/>
    <xs:element name="Price" type="xs:decimal"/>
  </xs:sequence></xs:complexType></xs:element>
</xs:schema>"#;

/// The contracts `order` (JSON), `state` (JSON) and `erp#Order` (XML), and transforms between them.
fn compiled(text: &str) -> (Option<Plan>, Vec<Diagnostic>) {
    let schema = |required: &str| format!(r#"{{"type": "object", "required": ["{required}"]}}"#);
    let files: Files = [("order.json", schema("id")), ("state.json", schema("state")), ("erp.xsd", XSD.to_owned())]
        .into_iter()
        .map(|(path, text)| (path.into(), SourceFile::new(format!("schemas/{path}"), text)))
        .collect();
    let contracts = Registry::new(files);
    let transforms: Transforms = [
        ("to-state", "from: order\nto: state\nmap: '{ state: .id, price, channel: $headers.channel }'"),
        ("to-nothing", "from: order\nto: state\nmap: '{}'"),
        ("failing", "from: order\nto: state\nmap: |\n  { state:\n      (.id | error(\"no\")) }"),
        ("to-erp", "from: order\nto: erp#Order\nmap: '{ Order: { Price: .price, Number: .id } }'"),
        ("from-erp", "from: erp#Order\nto: order\nmap: '{ id: .Order.Number, price: .Order.Price }'"),
    ]
    .into_iter()
    .map(|(name, text)| {
        let file = SourceFile::new(format!("transforms/{name}.yaml"), text);
        (name.to_owned(), Transform::compile(name, &file, &contracts).expect("a transform without mistakes").into())
    })
    .collect();
    let broken = BTreeSet::from(["broken".to_owned()]);
    let sub_routes = SubRoutes::default();
    let library = Library {
        store: false,
        contracts: &contracts,
        transforms: &transforms,
        broken_transforms: &broken,
        sub_routes: &sub_routes,
        limits: Limits::default(),
    };
    compile("test", &SourceFile::new("routes/test.yaml", text), &library)
}

fn plan(text: &str) -> Plan {
    let (plan, diagnostics) = compiled(&format!("from: {{ amqp: {{ queue: q }} }}\n{text}"));
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    plan.expect("a route without errors")
}

fn codes(text: &str) -> Vec<String> {
    let (_, diagnostics) = compiled(&format!("from: {{ amqp: {{ queue: q }} }}\n{text}"));
    let line = |diagnostic: &Diagnostic| {
        let (line, column) = diagnostic.file.line_column(diagnostic.span.start);
        format!("{line}:{column} {}", diagnostic.code)
    };
    diagnostics.iter().map(line).collect()
}

fn incoming(body: &'static str, content_type: Option<&str>) -> Delivery {
    let mut delivery = delivery(body.as_bytes());
    delivery.message.properties = Properties {
        content_type: content_type.map(Into::into),
        reply_to: Some("answers".into()),
        ..Properties::default()
    }
    .into();
    delivery
}

fn run(text: &str, body: &'static str, ports: &Fake) -> Processed {
    process(&plan(text), &incoming(body, None), ports)
}

fn failure(processed: Processed) -> Failure {
    processed.result.expect_err("a failure")
}

const TO: &str = "  - to: { amqp: { routing_key: out } }\n";

#[test]
fn contracts_flow_through_the_steps() {
    let none: [&str; 0] = [];
    assert_eq!(codes(&format!("accepts: order\nsteps:\n  - transform: to-erp\n  - transform: from-erp\n{TO}")), none);
    assert_eq!(codes(&format!("steps:\n  - transform: to-erp\n{TO}")), none, "the transform's contract reads the body");
    assert_eq!(codes(&format!("accepts: state\nsteps:\n  - transform: to-erp\n{TO}")), ["4:16 TL405"]);
    assert_eq!(codes("accepts: order\nsteps: [transform: to-state]\nreply: { contract: order }"), ["4:20 TL405"]);
    assert_eq!(codes("accepts: order\nsteps: [transform: to-erp]\nreply: { contract: erp#Order }"), none);
    assert_eq!(codes("accepts: order\nsteps: [validate: erp#Order]\nreply: {}"), ["3:19 TL405"]);
    assert_eq!(codes("accepts: order\nsteps: [validate: state]\nreply: { contract: state }"), none);
}

#[test]
fn a_broken_transform_is_reported_once_with_its_file() {
    assert!(codes(&format!("accepts: order\nsteps:\n  - transform: broken\n  - transform: from-erp\n{TO}")).is_empty());
    assert_eq!(codes(&format!("accepts: order\nsteps:\n  - transform: to-erb\n{TO}")), ["4:16 TL306"]);
}

#[test]
fn an_answer_has_its_own_contract() {
    let call = |accepts: &str| {
        format!(
            "accepts: order\nsteps:\n  - call: {{ amqp: {{ routing_key: k }}{accepts} }}\n  - transform: from-erp\nreply: {{ contract: order }}"
        )
    };
    assert!(codes(&call(", accepts: erp#Order")).is_empty());
    assert!(codes(&call("")).is_empty());
    assert_eq!(codes(&call(", accepts: state")), ["5:16 TL405"]);
}

#[test]
fn branches_join_their_contracts() {
    let choice = |otherwise: &str| {
        format!(
            "accepts: order\nsteps:\n  - choice:\n      - when: .a\n        steps: [transform: to-state]\n{otherwise}  - validate: state\nreply: {{ contract: state }}"
        )
    };
    assert!(codes(&choice("      - otherwise: [transform: to-state]\n")).is_empty());
    let reply = format!("{}\n", choice("").replace("  - validate: state\n", ""));
    assert_eq!(codes(&reply), ["7:20 TL405"], "without `otherwise` the message may come as it was");
    let filtered = choice("      - otherwise: [filter: { when: 'false' }]\n").replace("  - validate: state\n", "");
    assert_eq!(codes(&filtered), ["7:37 TL404"], "a branch that ends does not count");
}

#[test]
fn what_is_unchanged_leaves_as_the_very_bytes() {
    let ports = Fake::new();
    let body = "{ \"id\" : \"007\", \"price\": 1.10 }";
    let plan =
        plan(&format!("accepts: order\nsteps:\n  - filter: {{ when: .price == 1.1 }}\n  - validate: order\n{TO}"));
    let incoming = incoming(body, Some("application/vnd.shop+json"));
    assert_eq!(process(&plan, &incoming, &ports).result.expect("delivered"), Outcome::Delivered);
    let message = &ports.sent()[0].1;
    assert_eq!(message.body.as_ptr(), incoming.message.body.as_ptr());
    assert_eq!(message.properties.content_type.as_deref(), Some("application/vnd.shop+json"));
}

#[test]
fn transform_writes_its_target() {
    let ports = Fake::new();
    let text = format!(
        "accepts: order\nsteps:\n  - set: {{ headers: {{ channel: '\"web\"' }} }}\n  - transform: to-state\n{TO}"
    );
    run(&text, r#"{"id": "007", "price": 1.10}"#, &ports).result.expect("delivered");
    let message = &ports.sent()[0].1;
    assert_eq!(message.body, r#"{"state":"007","price":1.10,"channel":"web"}"#);
    assert_eq!(message.properties.content_type.as_deref(), Some("application/json"));
}

#[test]
fn what_a_transform_makes_is_validated() {
    let failure =
        failure(run(&format!("accepts: order\nsteps:\n  - transform: to-nothing\n{TO}"), r#"{"id":1}"#, &Fake::new()));
    assert_eq!((failure.kind, failure.stage, failure.class), (Kind::Contract, Stage::Process, Class::Permanent));
    assert_eq!(failure.step.as_deref(), Some("1-transform"));
    assert!(failure.reason.starts_with("not valid under state: "), "{}", failure.reason);
    assert!(failure.violations.is_some());
}

#[test]
fn a_mapping_that_fails_names_its_place() {
    let failure = failure(run(
        &format!("accepts: order\nsteps:\n  - {{ id: map, transform: failing }}\n{TO}"),
        r#"{"id":1}"#,
        &Fake::new(),
    ));
    assert_eq!((failure.kind, failure.step.as_deref()), (Kind::Mapping, Some("map")));
    assert!(failure.reason.starts_with("transforms/failing.yaml:5:"), "{}", failure.reason);
}

#[test]
fn what_is_not_accepted_is_refused_before_the_first_step() {
    let text = "accepts: order\nsteps: [log: '\"never\"']\nreply: {}";
    for (body, kind) in [
        ("\u{0}rubbish", Kind::Syntax),
        (r#"{"id":1,"id":2}"#, Kind::Syntax),
        ("", Kind::Syntax),
        (r#"{"price":1}"#, Kind::Contract),
    ] {
        let ports = Fake::new();
        let failure = failure(run(text, body, &ports));
        assert_eq!((failure.kind, failure.stage, failure.step), (kind, Stage::Receive, None), "{body}");
        assert!(ports.logged().is_empty());
    }
    let deep = "[".repeat(100) + &"]".repeat(100);
    let failure = failure(run(text, deep.leak(), &Fake::new()));
    assert_eq!(failure.kind, Kind::Limit);
}

#[test]
fn a_content_type_that_contradicts_the_contract_is_refused() {
    let plan = plan("accepts: order\nreply: {}");
    let body = r#"{"id":1}"#;
    let of = |content_type| process(&plan, &incoming(body, Some(content_type)), &Fake::new()).result;
    let failure = of("text/xml; charset=utf-8").expect_err("contradicts");
    assert_eq!((failure.kind, failure.stage), (Kind::ContentType, Stage::Receive));
    for fine in ["application/json", "text/plain", ""] {
        of(fine).expect("does not contradict");
    }
    let mut zipped = incoming(body, None);
    zipped.message.properties.content_encoding = Some("gzip".into());
    assert_eq!(process(&plan, &zipped, &Fake::new()).result.expect_err("not read").kind, Kind::ContentType);
}

#[test]
fn an_answer_is_held_to_its_contract() {
    let text =
        "steps:\n  - id: erp\n    call: { amqp: { routing_key: k }, accepts: state }\nreply: { contract: state }";
    let ports = Fake::new();
    ports.answer(Ok(Message { body: r#"{"state":"sent"}"#.into(), ..Message::default() }));
    run(text, "anything", &ports).result.expect("delivered");
    assert_eq!(ports.sent()[0].1.body, r#"{"state":"sent"}"#);
    let ports = Fake::new();
    ports.answer(Ok(Message { body: "{}".into(), ..Message::default() }));
    let failure = failure(run(text, "anything", &ports));
    assert_eq!((failure.kind, failure.stage, failure.step.as_deref()), (Kind::Contract, Stage::Process, Some("erp")));
    assert_eq!(ports.called().len(), 1, "a broken contract is not tried again");
}

#[test]
fn bodies_without_contract_are_read_when_a_step_looks() {
    let text = format!("steps:\n  - filter: {{ when: .price == 1.1 }}\n{TO}");
    let ports = Fake::new();
    run(&text, r#"{ "price": 1.10 }"#, &ports).result.expect("delivered");
    assert_eq!(ports.sent()[0].1.body, r#"{ "price": 1.10 }"#);
    let failure = failure(run(&text, "rubbish", &Fake::new()));
    assert_eq!(
        (failure.kind, failure.stage, failure.step.as_deref()),
        (Kind::Syntax, Stage::Process, Some("1-filter"))
    );
}

#[test]
fn a_reply_without_known_contract_is_validated() {
    let failure = failure(run("steps: []\nreply: { contract: state }", "{}", &Fake::new()));
    assert_eq!((failure.kind, failure.step.as_deref()), (Kind::Contract, Some("reply")));
}

#[test]
fn messages_of_many_contracts_become_messages_of_one() {
    let steps = "steps:
  - id: one
    normalize:
      to: order
      inputs:
        - { when: '$headers.from == \"erp\"', transform: from-erp }
        - { when: '$headers.from == \"shop\"' }
reply: { contract: order }";
    let erp = r#"<Order xmlns="urn:erp"><Number>7</Number><Price>1.50</Price></Order>"#;
    for (from, body, expected) in [
        ("erp", erp, Ok(r#"{"id":"7","price":1.50}"#)),
        ("shop", r#"{ "id": 8 }"#, Ok(r#"{ "id": 8 }"#)),
        ("shop", "{}", Err("one.2")),
        ("nobody", "{}", Err("one")),
    ] {
        let ports = Fake::new();
        let mut delivery = incoming(body, None);
        delivery.message.headers.insert("from".into(), crate::message::Field::text(from));
        let processed = process(&plan(steps), &delivery, &ports);
        match expected {
            Ok(body) => {
                processed.result.expect("no failure");
                assert_eq!(&ports.sent()[0].1.body[..], body.as_bytes());
            }
            Err(step) => {
                let failure = processed.result.expect_err("refused");
                assert_eq!((failure.kind, failure.step.as_deref()), (Kind::Contract, Some(step)), "{failure}");
            }
        }
    }
    let said =
        |steps: &str| codes(&format!("steps:\n  - normalize: {steps}\n  - to: {{ amqp: {{ routing_key: k }} }}"));
    assert_eq!(said("{ to: order, inputs: [{ transform: to-state }] }"), ["3:51 TL405"]);
    assert_eq!(said("{ to: order, inputs: [{}, {}] }"), ["3:42 TL404"]);
    assert_eq!(said("{ to: order, inputs: [] }"), ["3:5 TL402"]);
    let late = "accepts: state\nsteps: [normalize: { to: order, inputs: [{}] }, to: { amqp: { routing_key: k } }]";
    assert_eq!(codes(late), ["3:9 TL405"]);
}
