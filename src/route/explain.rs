//! A plan in words, with its flow drawn; and the whole bus in words.

mod bus;

pub use bus::explain_bus;

use std::fmt::{self, Write};

use crate::endpoint::topology::Topology;
use crate::message::Field;

use super::order::Order;
use super::plan::{Plan, Sequence};
use super::retry::{spell, wait_queue};

/// What a route does: its flow, what happens when a message fails, and what stands at the broker.
pub fn explain(plan: &Plan) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_all(&mut text, plan);
    text
}

fn write_all(out: &mut String, plan: &Plan) -> fmt::Result {
    writeln!(out, "Route {} ({})", plan.name(), plan.file().path)?;
    if let Some(description) = plan.description() {
        writeln!(out, "{}", description.trim())?;
    }
    writeln!(out)?;
    flow(out, plan)?;
    writeln!(out, "\nWhen a message fails")?;
    failures(out, plan)?;
    writeln!(out, "\nAt the broker")?;
    broker(out, plan.topology())
}

fn flow(out: &mut String, plan: &Plan) -> fmt::Result {
    match plan.order() {
        Order::None => writeln!(out, "  from queue {}, at most {} messages at a time", plan.queue(), plan.prefetch())?,
        Order::Strict => writeln!(out, "  from queue {}, strictly in order, one message at a time", plan.queue())?,
        Order::ByKey(key) => {
            writeln!(out, "  from queue {}, at most {} messages at a time,", plan.queue(), plan.prefetch())?;
            writeln!(out, "   |   in order for each value of {}", key.source())?;
        }
    }
    if let Some(bytes) = plan.prefetch_bytes() {
        writeln!(out, "   |   at most {bytes} bytes of bodies at a time")?;
    }
    match plan.accepts() {
        Some(contract) => writeln!(out, "   |   accepts {}", contract.reference())?,
        None => writeln!(out, "   |   accepts any body")?,
    }
    sequence(out, plan.steps(), "  ")?;
    match plan.reply() {
        Some(Some(contract)) => {
            writeln!(out, "   v\n  reply to the sender's reply_to, contract {}", contract.reference())
        }
        Some(None) => writeln!(out, "   v\n  reply to the sender's reply_to"),
        None => writeln!(out, "   v\n  done: acknowledged when all that was sent is confirmed"),
    }
}

fn sequence(out: &mut String, steps: &Sequence, indent: &str) -> fmt::Result {
    for placed in steps.iter() {
        let description = placed.step.describe();
        writeln!(out, "{indent} v\n{indent}[{}] {}", placed.id, description.text)?;
        if let Some(retry) = placed.retry {
            writeln!(out, "{indent} |   attempts at once: {}, whatever the route says", retry.saturating_add(1))?;
        }
        for (name, branch) in &description.branches {
            writeln!(out, "{indent} +-- {name}")?;
            sequence(out, branch, &format!("{indent} |   "))?;
        }
    }
    Ok(())
}

fn failures(out: &mut String, plan: &Plan) -> fmt::Result {
    let dead = plan.dead_letter_address().routing_key;
    writeln!(out, "  transient (timeout, nack, ...): {}, then dead letter", plan.retries())?;
    for delay in &plan.retries().delayed {
        match plan.order() {
            Order::None => writeln!(out, "    waits {} in queue {}", spell(*delay), wait_queue(plan.queue(), *delay))?,
            Order::Strict => writeln!(out, "    waits {} in its place; no other message is taken", spell(*delay))?,
            Order::ByKey(_) => writeln!(out, "    waits {} in its place, before all others of its key", spell(*delay))?,
        }
    }
    match plan.breaker() {
        Some(_) if plan.endpoints().is_empty() => {}
        Some(breaker) => writeln!(out, "  {breaker}, then one message is tried")?,
        None => writeln!(out, "  failures of an endpoint never stop the route")?,
    }
    writeln!(out, "  permanent (contract, mapping, unroutable, ...): 1 attempt, then dead letter")?;
    writeln!(out, "  connection lost: the message stays in its queue and is taken again")?;
    writeln!(out, "  dead letters: queue {dead}, with the reason in headers `trunkline-failure-...`")?;
    if plan.reply().is_some() {
        writeln!(out, "  the sender then gets an answer with the reason in header `trunkline-error`")?;
    }
    Ok(())
}

fn broker(out: &mut String, topology: &Topology) -> fmt::Result {
    let how = |declare: bool| if declare { "declared" } else { "must be there" };
    for exchange in &topology.exchanges {
        writeln!(out, "  exchange {} ({}), {}", exchange.name, exchange.kind, how(exchange.declare))?;
    }
    for queue in &topology.queues {
        write!(out, "  queue {}, {}", queue.name, how(queue.declare))?;
        if queue.declare {
            for (name, value) in &queue.arguments {
                write!(out, ", {name}={}", Argument(value))?;
            }
        }
        writeln!(out)?;
    }
    for binding in &topology.bindings {
        let (queue, exchange, key) = (&binding.queue, &binding.exchange, &binding.routing_key);
        write!(out, "  binding {exchange} -> {queue}")?;
        if binding.arguments.is_empty() {
            write!(out, ", routing key {key}")?;
        }
        for (name, value) in &binding.arguments {
            write!(out, ", {name}={}", Argument(value))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

struct Argument<'a>(&'a Field);

impl fmt::Display for Argument<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Field::I64(int) => int.fmt(f),
            Field::Bool(flag) => flag.fmt(f),
            other => match other.as_str() {
                Some("") => f.write_str("\"\""),
                Some(text) => f.write_str(text),
                None => write!(f, "{other:?}"),
            },
        }
    }
}
