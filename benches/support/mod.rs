//! What the benchmarks share: the order that they move, and the project that moves it.

#![allow(dead_code, reason = "each benchmark uses a part")]

use std::path::Path;

use trunkline::config::{Environment, Project};

/// The body of every message, in bytes.
pub const BODY: usize = 2048;

/// The shipped example, compiled.
pub fn project() -> Project {
    let project = Project::load(Path::new(env!("CARGO_MANIFEST_DIR")), &Environment::default());
    assert!(project.is_sound(), "{:?}", project.diagnostics);
    project
}

/// An order event of the shop with six lines, of exactly [`BODY`] bytes: real content, and a note that fills it up.
pub fn order() -> Vec<u8> {
    let mut lines = Vec::new();
    for at in 0..6_u64 {
        let id = 12_345_678_901_234_567_890_u64 + at;
        lines.push(format!(
            r#"{{"id":{id},"sku":"007-441{at}-B","title":"Oak shelf, {at}0 cm, <oiled> & waxed","quantity":{},"price":"19.9{at}","tax_rate":0.19,"store":"010{at}","serials":["A{at}1","A{at}2"]}}"#,
            at + 1
        ));
    }
    let event = |note: &str| {
        format!(
            r#"{{"id":"evt_01JD9Q5W3A","topic":"orders/create","created_at":"2026-11-18T09:30:02Z","test":false,"order":{{"number":"W-2026-004711","source":"web","currency":"EUR","placed_at":"2026-11-18T09:30:00Z","customer":{{"id":90071992547409931234,"first_name":"Ida","last_name":"Brandt","email":"ida@example.org","phone":null,"tags":["vip","newsletter"]}},"billing_address":{{"name":"Ida Brandt","address1":"Königstraße 7","address2":"Hinterhaus","zip":"01067","city":"Dresden","province":null,"country_code":"DE"}},"shipping_address":null,"deliver_on":null,"line_items":[{}],"discounts":[{{"code":"WELCOME","amount":"5.00"}}],"shipping":{{"carrier":"DHL","price":"4.90"}},"note":"{note}"}}}}"#,
            lines.join(",")
        )
    };
    let bare = event("").len();
    assert!(bare < BODY, "{bare}");
    let body = event(&"Please ring twice. ".repeat(BODY / 19)[..BODY - bare]);
    assert_eq!(body.len(), BODY);
    body.into_bytes()
}

/// The value in the middle.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Prints whether a floor holds.
pub fn floor(what: &str, measured: f64, relation: &str, floor: f64) {
    let holds = if relation == "<" { measured < floor } else { measured >= floor };
    println!("{} {what}: {measured:.2} ({relation} {floor})", if holds { "PASS" } else { "FAIL" });
}
