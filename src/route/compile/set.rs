//! Routes against each other.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, codes};
use crate::route::plan::Plan;

/// What is wrong among routes that are right by themselves.
pub fn check_set<'a>(plans: impl IntoIterator<Item = &'a Plan>) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let mut queues: BTreeMap<&str, &Plan> = BTreeMap::new();
    let mut kinds: BTreeMap<&str, (&str, &Plan)> = BTreeMap::new();
    for plan in plans {
        let at = |code, message: String| Diagnostic::error(code, &plan.file, plan.queue_span.clone(), message);
        if let Some(other) = queues.insert(&plan.queue, plan) {
            let message = format!("the queue `{}` is taken by the route `{}` already", plan.queue, other.name);
            diagnostics.push(at(codes::ROUTE_SOURCE_SHARED, message).hint("give each route a queue of its own"));
        }
        for exchange in plan.topology.exchanges.iter().filter(|exchange| exchange.declare) {
            let (kind, other) = *kinds.entry(&exchange.name).or_insert((&exchange.kind, plan));
            if kind != exchange.kind {
                let message = format!(
                    "this route declares the exchange `{}` as {}, the route `{}` as {kind}",
                    exchange.name, exchange.kind, other.name
                );
                diagnostics.push(at(codes::VALUE_INVALID, message).hint("write the same `kind` in both"));
            }
        }
    }
    diagnostics
}
