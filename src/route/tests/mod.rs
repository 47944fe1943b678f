//! Whole routes on fake ports.

mod aggregate;
mod cache;
mod claim_check;
mod contracts;
mod control;
mod diagnostics;
mod enrich;
mod idempotent;
mod interleaved;
mod resequence;
mod schema;
mod split;
mod state;
mod steps;
mod sub_routes;
mod untouched;
mod waits;
mod ways;

use std::collections::BTreeSet;

use bytes::Bytes;
use futures_util::FutureExt;

use crate::contract::{Files, Registry};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::endpoint::{Address, Delivery, Tag};
use crate::message::{Headers, Limits, Message, Properties};
use crate::transform::Transforms;

use super::fake::Fake;
use super::{Library, Plan, Processed, SubRoutes, compile};

/// The plan and the findings of a route file.
fn compiled(text: &str) -> (Option<Plan>, Vec<Diagnostic>) {
    compiled_with(text, &SubRoutes::default())
}

/// The same beside files of steps.
fn compiled_with(text: &str, sub_routes: &SubRoutes) -> (Option<Plan>, Vec<Diagnostic>) {
    let contracts = Registry::new(Files::new());
    let (transforms, broken) = (Transforms::new(), BTreeSet::new());
    let library = Library {
        contracts: &contracts,
        transforms: &transforms,
        broken_transforms: &broken,
        sub_routes,
        limits: Limits::default(),
        store: true,
    };
    compile("test", &SourceFile::new("routes/test.yaml", text), &library)
}

/// The plan of a route file without mistakes.
fn plan(text: &str) -> Plan {
    let (plan, diagnostics) = compiled(text);
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    plan.expect("a route without errors")
}

/// A route with these steps, which tries nothing again.
fn route(steps: &str) -> String {
    format!("from: {{ amqp: {{ queue: q }} }}\non_error: {{ retry: {{ immediate: 0 }} }}\n{steps}")
}

/// A message as it comes from a queue.
fn delivery(body: &'static [u8]) -> Delivery {
    Delivery {
        tag: Tag(1),
        redelivered: false,
        address: Address { exchange: "shop".into(), routing_key: "order.create".into() },
        message: Message {
            headers: Headers::new(),
            properties: Properties::default().into(),
            body: Bytes::from_static(body),
        },
    }
}

/// Fakes never wait, so a run is done when it is polled once.
fn process(plan: &Plan, delivery: &Delivery, ports: &Fake) -> Processed {
    plan.process(delivery, ports).now_or_never().expect("fakes never wait")
}

/// What becomes of a message in a [`route`] with these steps.
fn run(steps: &str, delivery: &Delivery, ports: &Fake) -> Processed {
    process(&plan(&route(steps)), delivery, ports)
}

/// The routing keys of all that was sent.
fn keys(ports: &Fake) -> Vec<String> {
    ports.sent().iter().map(|(address, _)| address.routing_key.to_string()).collect()
}
