//! The whole bus in words: who talks to whom over which contracts, and what becomes of what fails.
//!
//! It tells the same graph that is drawn, so the two cannot disagree; what no graph shows stands in the plans.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use crate::route::graph::{Edge, EdgeKind, Graph, Node, NodeKind, of_bus};
use crate::route::order::Order;
use crate::route::plan::Plan;
use crate::route::retry::spell;

/// Who talks to whom over which contracts: where messages enter, the routes, whom they talk to, the contracts, the
/// queues, and what happens when a message fails. The same for the same plans, in their order.
pub fn explain_bus<'a>(plans: impl IntoIterator<Item = &'a Plan>) -> String {
    let plans: Vec<&Plan> = plans.into_iter().collect();
    let bus = Bus { graph: of_bus(plans.iter().copied()), plans };
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = bus.write(&mut text);
    text
}

struct Bus<'a> {
    plans: Vec<&'a Plan>,
    graph: Graph,
}

impl Bus<'_> {
    fn write(&self, out: &mut String) -> fmt::Result {
        let contracts = self.contracts();
        let endpoints = self.endpoints().count();
        let counts = [(self.plans.len(), "route"), (endpoints, "endpoint"), (contracts.len(), "contract")];
        writeln!(out, "This bus: {}", counts.map(|(count, name)| counted(count as u64, name)).join(", "))?;
        writeln!(out, "\nWhere messages come in from outside")?;
        self.entrances(out)?;
        writeln!(out, "\nRoutes")?;
        for (position, plan) in self.plans.iter().enumerate() {
            if position > 0 {
                writeln!(out)?;
            }
            self.route(out, plan)?;
        }
        if endpoints > 0 {
            writeln!(
                out,
                "\nEndpoints (a queue, or an exchange with its routing key unless the message decides that)"
            )?;
            self.endpoints().try_for_each(|endpoint| self.endpoint(out, endpoint))?;
        }
        if !contracts.is_empty() {
            writeln!(out, "\nContracts")?;
        }
        for (contract, uses) in contracts {
            writeln!(out, "  {contract}")?;
            uses.iter().try_for_each(|usage| writeln!(out, "    {usage}"))?;
        }
        writeln!(out, "\nQueues")?;
        self.plans.iter().try_for_each(|plan| queues(out, plan))?;
        writeln!(out, "\nWhen a message fails")?;
        self.failures(out)
    }

    fn endpoints(&self) -> impl Iterator<Item = &Node> {
        self.graph.nodes.iter().filter(|node| node.kind == NodeKind::Endpoint)
    }

    fn label<'s>(&'s self, id: &'s str) -> &'s str {
        self.graph.nodes.iter().find(|node| node.id == id).map_or(id, |node| &node.label)
    }

    /// What leads from one node to another; `None` is any.
    fn edges<'s>(
        &'s self,
        kind: EdgeKind,
        from: Option<&'s str>,
        to: Option<&'s str>,
    ) -> impl Iterator<Item = &'s Edge> {
        self.graph.edges.iter().filter(move |edge| {
            edge.kind == kind && from.is_none_or(|from| edge.from == from) && to.is_none_or(|to| edge.to == to)
        })
    }

    /// The queues to which nothing in the bus is known to send.
    fn entrances(&self, out: &mut String) -> fmt::Result {
        let is_fed = |plan: &Plan| self.edges(EdgeKind::Binds, None, Some(&queue_id(plan))).next().is_some();
        let entered: Vec<&Plan> = self.plans.iter().copied().filter(|plan| !is_fed(plan)).collect();
        if entered.is_empty() {
            writeln!(out, "  every queue gets messages from a route; others may publish to each of them")?;
        }
        for plan in entered {
            write!(out, "  {} to queue {}", accepted(plan), plan.queue())?;
            let keys = plan.topology().bindings.iter().filter(|binding| binding.queue == *plan.queue());
            for binding in keys {
                write!(out, ", by exchange {}", binding.exchange)?;
                if binding.arguments.is_empty() && !binding.routing_key.is_empty() {
                    write!(out, " with {}", binding.routing_key)?;
                }
            }
            writeln!(out, ", for route {}", plan.name())?;
        }
        Ok(())
    }

    fn route(&self, out: &mut String, plan: &Plan) -> fmt::Result {
        let own = route_id(plan);
        writeln!(out, "  {} ({})", plan.name(), plan.file().path)?;
        for line in plan.description().unwrap_or_default().trim().lines() {
            writeln!(out, "    {}", line.trim())?;
        }
        let order = match plan.order() {
            Order::None => String::new(),
            Order::Strict => ", strictly in order".to_owned(),
            Order::ByKey(key) => format!(", in order for each value of {}", key.source()),
        };
        writeln!(out, "    takes {} from queue {}{order}", accepted(plan), plan.queue())?;
        for asked in self.edges(EdgeKind::Calls, Some(&own), None) {
            let answers = self.edges(EdgeKind::Answers, Some(&asked.to), Some(&own)).flat_map(|edge| &edge.contracts);
            let answers: Vec<String> = answers.cloned().collect();
            write!(out, "    calls {} with {}", self.label(&asked.to), sent(&asked.contracts))?;
            match answers.as_slice() {
                [] => writeln!(out, ", and takes any answer")?,
                answers => writeln!(out, ", and expects {}", one_of(answers))?,
            }
        }
        for edge in self.edges(EdgeKind::Sends, Some(&own), None) {
            writeln!(out, "    sends {} to {}", sent(&edge.contracts), self.label(&edge.to))?;
        }
        match plan.reply() {
            Some(Some(contract)) => writeln!(out, "    answers the sender with {}", contract.reference())?,
            Some(None) => writeln!(out, "    answers the sender")?,
            None => {}
        }
        let tries: Vec<&str> =
            plan.all_steps().iter().filter(|placed| placed.pattern == "try").map(|placed| placed.id.as_str()).collect();
        if !tries.is_empty() {
            writeln!(out, "    handles failures of its own steps in {}", tries.join(", "))?;
        }
        let (tried, dead) = (plan.retries(), plan.dead_letter_address().routing_key);
        let most = if tried.attempts() > 1 { "up to " } else { "" };
        write!(out, "    on failure: {most}{}", counted(tried.attempts(), "attempt"))?;
        if !tried.delayed.is_empty() {
            write!(out, " over {}", spell(tried.delayed.iter().sum()))?;
        }
        writeln!(out, ", then queue {dead}")
    }

    fn endpoint(&self, out: &mut String, endpoint: &Node) -> fmt::Result {
        writeln!(out, "  {}", endpoint.label)?;
        for edge in self.edges(EdgeKind::Calls, None, Some(&endpoint.id)) {
            writeln!(out, "    is called with {} by {}", sent(&edge.contracts), self.label(&edge.from))?;
        }
        for edge in self.edges(EdgeKind::Answers, Some(&endpoint.id), None) {
            writeln!(out, "    answers {} to {}", sent(&edge.contracts), self.label(&edge.to))?;
        }
        for edge in self.edges(EdgeKind::Sends, None, Some(&endpoint.id)) {
            writeln!(out, "    gets {} from {}", sent(&edge.contracts), self.label(&edge.from))?;
        }
        for bound in self.edges(EdgeKind::Binds, Some(&endpoint.id), None) {
            for taken in self.edges(EdgeKind::Takes, Some(&bound.to), None) {
                writeln!(out, "    leads to queue {}, for route {}", self.label(&bound.to), self.label(&taken.to))?;
            }
        }
        Ok(())
    }

    /// By contract, who takes, sends, asks and answers what follows it.
    fn contracts(&self) -> BTreeMap<&str, Vec<String>> {
        let mut contracts: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for edge in &self.graph.edges {
            let (from, to) = (self.label(&edge.from), self.label(&edge.to));
            let usage = match edge.kind {
                EdgeKind::Takes => format!("taken by {to} from queue {from}"),
                EdgeKind::Sends => format!("sent by {from} to {to}"),
                EdgeKind::Calls => format!("asked by {from} of {to}"),
                EdgeKind::Answers if edge.to.starts_with(QUEUE) => format!("answered by {from} to the sender"),
                EdgeKind::Answers => format!("answered by {from} to {to}"),
                EdgeKind::Next | EdgeKind::Binds | EdgeKind::Fails => continue,
            };
            for contract in &edge.contracts {
                contracts.entry(contract).or_default().push(usage.clone());
            }
        }
        contracts
    }

    /// What holds for all routes once, and the routes by what they do else.
    fn failures(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "  permanent (contract, mapping, unroutable, ...): 1 attempt, then dead letter")?;
        let mut ladders: Vec<(String, Vec<&str>)> = Vec::new();
        for plan in &self.plans {
            let mut how = plan.retries().to_string();
            if let Some(breaker) = plan.breaker().filter(|_| !plan.endpoints().is_empty()) {
                how.push_str(&format!(", then dead letter; {breaker}, then one message is tried"));
            } else {
                how.push_str(", then dead letter");
            }
            match ladders.iter_mut().find(|(known, _)| *known == how) {
                Some((_, routes)) => routes.push(plan.name()),
                None => ladders.push((how, vec![plan.name()])),
            }
        }
        let all = ladders.len() == 1;
        for (how, routes) in ladders {
            let who = if all { "all routes".to_owned() } else { routes.join(", ") };
            writeln!(out, "  transient (timeout, nack, ...), {who}: {how}")?;
        }
        writeln!(out, "  connection lost: the message stays in its queue and is taken again")?;
        writeln!(out, "  dead letters: the message as it came, with the reason in headers `trunkline-failure-...`")?;
        if self.plans.iter().any(|plan| plan.reply().is_some()) {
            writeln!(out, "  who waits for an answer gets one with the reason in header `trunkline-error`")?;
        }
        Ok(())
    }
}

/// The ids of queues in the graph begin so.
const QUEUE: &str = "queue ";

fn queue_id(plan: &Plan) -> String {
    format!("{QUEUE}{}", plan.queue())
}

fn route_id(plan: &Plan) -> String {
    format!("route {}", plan.name())
}

fn counted(count: u64, name: &str) -> String {
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

/// `a`, `a or b`, `a, b or c`.
fn one_of(contracts: &[String]) -> String {
    match contracts.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

fn accepted(plan: &Plan) -> String {
    let contracts: Vec<String> = plan.taken().iter().map(|contract| contract.reference().to_owned()).collect();
    if contracts.is_empty() { "any body".to_owned() } else { one_of(&contracts) }
}

/// The contracts of what is sent, as far as they are known.
fn sent(contracts: &[String]) -> String {
    if contracts.is_empty() { "messages of no known contract".to_owned() } else { one_of(contracts) }
}

fn queues(out: &mut String, plan: &Plan) -> fmt::Result {
    let (own, dead) = (plan.queue(), plan.dead_letter_address().routing_key);
    let queues = &plan.topology().queues;
    let is_declared = queues.iter().any(|queue| queue.name == *own && queue.declare);
    let how = if is_declared { "declared at the start" } else { "must be there" };
    writeln!(out, "  {own}: messages for route {}, {how}", plan.name())?;
    let waits = queues.iter().filter(|queue| queue.name != *own && queue.name != dead);
    let waits: Vec<&str> = waits.map(|queue| queue.name.as_str()).collect();
    if !waits.is_empty() {
        writeln!(out, "    messages wait in {}", waits.join(", "))?;
    }
    writeln!(out, "    dead letters come to {dead}")
}
