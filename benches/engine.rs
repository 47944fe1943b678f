//! The engine alone, without a broker: what each stage of one order costs, from JSON bytes to validated XML bytes.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot start has nothing to measure"
)]

use std::time::Duration;

use bytes::Bytes;
use trunkline::contract::convert::to_xml;
use trunkline::contract::vouches;
use trunkline::format::{json, xml};
use trunkline::message::{Limits, Value};

mod support;

use support::{order, project};

/// The stage that the XSD engine does, and for most documents the plan in its place.
const XSD: &str = "validate XML";
/// How long each stage is measured.
const EACH: Duration = Duration::from_secs(1);
const BATCHES: usize = 25;

/// What this thread has used of the processor; other programs on the machine do not count.
fn used() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let nanoseconds = text.split(' ').next().and_then(|number| number.parse().ok());
    Duration::from_nanos(nanoseconds.expect("a number"))
}

/// Processor seconds of one run, from the fastest of all batches: what else the machine does can only add to it.
fn measure(run: &mut dyn FnMut()) -> f64 {
    let started = used();
    let mut warm = 0_u32;
    while used() - started < EACH / 4 {
        run();
        warm += 1;
    }
    let size = (warm * 4 / BATCHES as u32).max(1);
    let batches = (0..BATCHES).map(|_| {
        let started = used();
        for _ in 0..size {
            run();
        }
        (used() - started).as_secs_f64() / f64::from(size)
    });
    batches.fold(f64::INFINITY, f64::min)
}

fn main() {
    let project = project();
    let limits = Limits::default();
    let accepts = project.contracts.resolve("shop/order-event").expect("a contract");
    let transform = &project.transforms["shop/order-to-erp"];
    let sends = transform.to();
    let plan = sends.xml_plan().expect("an XSD contract with one root");
    let (schema, root) = sends.xml_schema().expect("an XSD contract");
    let nothing = [const { Value::Null }; 4];

    let body = Bytes::from(order());
    let event = json::read(&body, &limits).expect("JSON");
    let mapped = transform.run(&event, &nothing, &limits).expect("mapped");
    let tree = to_xml(&plan, &mapped, &limits).expect("converted");
    let sent = xml::write(&tree, &limits).expect("written");

    // With `cargo bench --bench engine -- STAGE` one stage runs alone, to be looked at with a profiler.
    let only = std::env::args().nth(1).filter(|argument| !argument.starts_with('-'));
    let seconds = |name: &'static str, run: &mut dyn FnMut()| {
        let wanted = only.as_deref().is_none_or(|only| only == name);
        (name, if wanted { measure(run) } else { 0.0 })
    };
    let mut stages = vec![
        seconds("read JSON", &mut || drop(json::read(&body, &limits).expect("JSON"))),
        seconds("validate JSON", &mut || accepts.validate(&event, &limits).expect("valid")),
        seconds("map", &mut || drop(transform.run(&event, &nothing, &limits).expect("mapped"))),
        seconds("convert to XML", &mut || drop(to_xml(&plan, &mapped, &limits).expect("converted"))),
        seconds(XSD, &mut || assert!(vouches(&plan, &tree))),
        seconds("write XML", &mut || drop(xml::write(&tree, &limits).expect("written"))),
    ];
    let back = Bytes::from(sent);
    let (_, chain) = seconds("chain", &mut || {
        let event = accepts.read(&body, &limits).expect("valid JSON");
        let order = transform.run(&event, &nothing, &limits).expect("mapped");
        drop(sends.write(&order, &limits).expect("valid XML"));
    });
    let (_, reverse) = seconds("back", &mut || drop(sends.read(&back, &limits).expect("valid XML")));
    let (_, engine) = seconds("XSD engine", &mut || schema.check(&tree, root, None).expect("valid"));
    stages.retain(|(_, seconds)| *seconds > 0.0);

    println!("One order, {} bytes of JSON to {} bytes of XML, one core:\n", body.len(), back.len());
    println!("| stage | microseconds | share |\n| --- | ---: | ---: |");
    for (stage, seconds) in &stages {
        println!("| {stage} | {:.1} | {:.0} % |", seconds * 1e6, seconds / chain * 100.0);
    }
    println!("| the whole chain | {:.1} | |", chain * 1e6);
    println!("| the XSD engine, for what the plan cannot tell | {:.1} | |", engine * 1e6);
    println!("| the way back: read, validate, convert XML to JSON | {:.1} | |", reverse * 1e6);
    let all: f64 = stages.iter().map(|(_, seconds)| seconds).sum();
    let xsd: f64 = stages.iter().filter(|(stage, _)| *stage == XSD).map(|(_, seconds)| seconds).sum();
    println!();
    support::floor("the whole chain, messages per second", 1.0 / chain, ">=", 8_000.0);
    support::floor("everything but XSD validation, microseconds", (all - xsd) * 1e6, "<", 40.0);
}
