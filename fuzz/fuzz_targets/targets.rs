//! What is done with foreign bytes, and what must hold then. The fuzzer and the tests run the same functions.

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::types::parsing::parse_field_table;
use trunkline::adapter::amqp::table::{from_lapin, to_lapin};
use trunkline::contract::{Files, Registry};
use trunkline::diagnostic::SourceFile;
use trunkline::format::{json, xml};
use trunkline::message::{Limits, Value};
use trunkline::route::{Library, SubRoutes, compile};
use trunkline::transform::Transforms;
use trunkline::transform::lang::{Program, Tables};

/// Small enough for a fuzzer to reach.
fn limits() -> Limits {
    Limits { body_bytes: 64 << 10, depth: 64, steps: 20_000, output_bytes: 256 << 10, ..Limits::default() }
}

/// XML that is accepted is written as XML that means the same; what is refused has a place and a reason.
pub fn xml(data: &[u8]) -> bool {
    match xml::read(data, &limits()) {
        Ok(tree) => {
            let written = xml::write(&tree, &Limits::default()).expect("what was read can be written");
            let again = xml::read(&written, &Limits::default()).expect("what was written can be read");
            let of = |tree| xml::canonical(tree);
            assert_eq!(of(&tree), of(&again), "{}", String::from_utf8_lossy(&written));
            true
        }
        Err(violation) => {
            assert!(!violation.message.is_empty() && !violation.rule.is_empty());
            false
        }
    }
}

/// JSON that is accepted is written as JSON that is the same, digit by digit.
pub fn json(data: &[u8]) -> bool {
    match json::read(&Bytes::copy_from_slice(data), &limits()) {
        Ok(value) => {
            let written = json::write(&value, &Limits::default()).expect("what was read can be written");
            let again = json::read(&Bytes::from(written.clone()), &Limits::default()).expect("can be read");
            assert_eq!(json::write(&again, &Limits::default()).expect("written"), written);
            true
        }
        Err(violation) => {
            assert!(violation.line.is_some() && !violation.message.is_empty());
            false
        }
    }
}

/// A header table as it comes from the wire is the same after its way through a message, or is refused.
pub fn headers(data: &[u8]) -> bool {
    let Ok((_, table)) = parse_field_table(data) else { return false };
    let (properties, headers) = from_lapin(&BasicProperties::default().with_headers(table));
    let Ok(back) = to_lapin(&properties, &headers, 128 << 10) else { return false };
    assert_eq!(from_lapin(&back), (properties, headers));
    true
}

/// A program is refused with a place, or ends on every document: with values, or with a reason.
pub fn mapping(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let (source, document) = text.split_once('\0').unwrap_or((text, "{\"a\": [1, {\"b\": \"007\"}], \"c\": null}"));
    match Program::compile(source, &[], &Tables::default()) {
        Ok(program) => {
            let body = Bytes::copy_from_slice(document.as_bytes());
            let input = json::read(&body, &limits()).unwrap_or(Value::Null);
            if let Ok(values) = program.run(&input, &[], &limits()) {
                for value in &values {
                    json::write(value, &Limits::default()).expect("a result can be written");
                }
            }
            true
        }
        Err(errors) => {
            for error in &errors {
                assert!(source.get(error.span.clone()).is_some(), "{:?} of {source:?}", error.span);
            }
            assert!(!errors.is_empty());
            false
        }
    }
}

/// A route is compiled, or every mistake has a place in its file.
pub fn route(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let file = SourceFile::new("routes/fuzz.yaml", text);
    let contracts = Registry::new(Files::new());
    let (transforms, broken) = (Transforms::new(), Default::default());
    let sub_routes = SubRoutes::default();
    let library = Library {
        contracts: &contracts,
        transforms: &transforms,
        broken_transforms: &broken,
        sub_routes: &sub_routes,
        limits: limits(),
        store: true,
    };
    let (plan, diagnostics) = compile("fuzz", &file, &library);
    for diagnostic in &diagnostics {
        assert!(text.get(diagnostic.span.clone()).is_some(), "{diagnostic:?}");
    }
    assert!(plan.is_some() || !diagnostics.is_empty());
    plan.is_some()
}
