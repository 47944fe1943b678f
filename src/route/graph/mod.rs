//! Routes as graphs: one route with its steps, or the whole bus with who talks to whom over which contracts.

mod draw;

use std::sync::Arc;

use serde::Serialize;

use crate::contract::Contract;
use crate::endpoint::topology::Topology;

pub use draw::{dot, mermaid, text};

use super::plan::{Placed, Plan, Sequence};

/// Nodes and the edges between them.
#[derive(Debug, Default, Serialize)]
pub struct Graph {
    /// In the order of the files.
    pub nodes: Vec<Node>,
    /// In the order of the files.
    pub edges: Vec<Edge>,
}

/// A place that messages come to.
#[derive(Debug, Serialize)]
pub struct Node {
    /// Unique in its graph.
    pub id: String,
    /// What it is.
    pub kind: NodeKind,
    /// For people.
    pub label: String,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// A route of the bus.
    Route,
    /// A step of a route.
    Step,
    /// A queue that a route takes from.
    Queue,
    /// Where a route sends to, or whom it calls.
    Endpoint,
    /// Where a message's way ends.
    End,
}

/// A way of messages.
#[derive(Debug, Serialize)]
pub struct Edge {
    /// The id of a node.
    pub from: String,
    /// The id of a node.
    pub to: String,
    /// What goes this way.
    pub kind: EdgeKind,
    /// The contracts of the messages, as far as they are known.
    pub contracts: Vec<String>,
    /// The branch or condition, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// What goes along an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeKind {
    /// A message that a route takes.
    Takes,
    /// A message from step to step.
    Next,
    /// A message that is sent.
    Sends,
    /// A request whose answer is waited for.
    Calls,
    /// The answer to a request.
    Answers,
    /// By a binding of the broker.
    Binds,
    /// A message that failed for good.
    Fails,
}

impl EdgeKind {
    fn name(self) -> &'static str {
        match self {
            Self::Takes => "takes",
            Self::Next => "",
            Self::Sends => "sends",
            Self::Calls => "calls",
            Self::Answers => "answers",
            Self::Binds => "is bound to",
            Self::Fails => "fails",
        }
    }
}

fn names<'a>(contracts: impl IntoIterator<Item = &'a Arc<Contract>>) -> Vec<String> {
    contracts.into_iter().map(|contract| contract.reference().to_owned()).collect()
}

fn replied(plan: &Plan) -> Vec<String> {
    names(plan.reply().flatten())
}

/// One route: its steps and branches, whom it talks to, and where messages end.
pub fn of_route(plan: &Plan) -> Graph {
    let mut graph = Graph::default();
    let queue = graph.node("queue", NodeKind::Queue, format!("queue {}", plan.queue()));
    let mut open =
        vec![Open { from: queue.clone(), kind: EdgeKind::Takes, contracts: names(plan.taken()), label: None }];
    open = graph.sequence(plan.steps(), open);
    let (id, label, contracts) = match plan.reply() {
        Some(_) => ("reply", "answer to the sender", replied(plan)),
        None => ("done", "done", Vec::new()),
    };
    graph.node(id, NodeKind::End, label.to_owned());
    for mut one in open {
        if one.contracts.is_empty() {
            one.contracts.clone_from(&contracts);
        }
        graph.enter(one, id);
    }
    let dead = plan.dead_letter_address().routing_key;
    let dead = graph.node("dead-letters", NodeKind::End, format!("dead letters: queue {dead}"));
    graph.edge(&queue, &dead, EdgeKind::Fails, Vec::new(), Some(plan.retries().to_string()));
    graph
}

/// The whole bus: its routes, the queues that they take from, and whom they send to and call.
pub fn of_bus<'a>(plans: impl IntoIterator<Item = &'a Plan>) -> Graph {
    let mut graph = Graph::default();
    let plans: Vec<&Plan> = plans.into_iter().collect();
    for plan in &plans {
        let queue = graph.node(&format!("queue {}", plan.queue()), NodeKind::Queue, plan.queue().to_string());
        let route = graph.node(&format!("route {}", plan.name()), NodeKind::Route, plan.name().to_owned());
        graph.edge(&queue, &route, EdgeKind::Takes, names(plan.taken()), None);
        if plan.reply().is_some() {
            graph.edge(&route, &queue, EdgeKind::Answers, replied(plan), None);
        }
        for placed in plan.all_steps() {
            graph.talk(&route, placed);
        }
    }
    for plan in &plans {
        graph.bind(plan);
    }
    graph
}

/// An edge whose end is not known yet.
struct Open {
    from: String,
    kind: EdgeKind,
    contracts: Vec<String>,
    label: Option<String>,
}

impl Graph {
    fn node(&mut self, id: &str, kind: NodeKind, label: String) -> String {
        if !self.nodes.iter().any(|node| node.id == id) {
            self.nodes.push(Node { id: id.to_owned(), kind, label });
        }
        id.to_owned()
    }

    fn edge(&mut self, from: &str, to: &str, kind: EdgeKind, contracts: Vec<String>, label: Option<String>) {
        let alike = |edge: &&mut Edge| edge.from == from && edge.to == to && edge.kind == kind && edge.label == label;
        match self.edges.iter_mut().find(alike) {
            Some(edge) => {
                for contract in contracts {
                    if !edge.contracts.contains(&contract) {
                        edge.contracts.push(contract);
                    }
                }
            }
            None => self.edges.push(Edge { from: from.to_owned(), to: to.to_owned(), kind, contracts, label }),
        }
    }

    fn enter(&mut self, open: Open, to: &str) {
        self.edge(&open.from, to, open.kind, open.contracts, open.label);
    }

    /// Draws steps, which are entered from there, and gives what leads on from them. Steps nest as deep as a file of
    /// YAML may.
    fn sequence(&mut self, steps: &Sequence, mut open: Vec<Open>) -> Vec<Open> {
        for placed in steps.iter() {
            let description = placed.step.describe();
            let id = format!("step {}", placed.id);
            self.node(&id, NodeKind::Step, format!("{}: {}", placed.id, description.text));
            for one in open.drain(..) {
                self.enter(one, &id);
            }
            self.talk(&id, placed);
            for exit in placed.step.exits() {
                let name = exit.name();
                let end = self.node(name, NodeKind::End, name.to_owned());
                self.edge(&id, &end, EdgeKind::Next, Vec::new(), Some(name.to_owned()));
            }
            let contracts = names(&placed.gives);
            let leads = |label| Open { from: id.clone(), kind: EdgeKind::Next, contracts: contracts.clone(), label };
            if description.branches.is_empty() {
                open.push(leads(None));
            }
            for (name, branch) in description.branches {
                let entry = Open { contracts: names(&placed.takes), ..leads(Some(name)) };
                open.extend(self.sequence(branch, vec![entry]));
            }
        }
        open
    }

    /// Draws whom a step talks to.
    fn talk(&mut self, from: &str, placed: &Placed) {
        for talk in placed.talks() {
            let name = talk.to.to_string();
            let to = self.node(&format!("endpoint {name}"), NodeKind::Endpoint, name);
            let kind = if talk.answer.is_some() { EdgeKind::Calls } else { EdgeKind::Sends };
            self.edge(from, &to, kind, names(talk.sent), None);
            if let Some(answer) = talk.answer {
                self.edge(&to, from, EdgeKind::Answers, names(answer), None);
            }
        }
    }

    /// Draws which endpoints lead into a route's queue.
    fn bind(&mut self, plan: &Plan) {
        let queue = format!("queue {}", plan.queue());
        let endpoints: Vec<(String, String)> = self
            .nodes
            .iter()
            .filter(|node| node.kind == NodeKind::Endpoint)
            .map(|node| (node.id.clone(), node.label.clone()))
            .collect();
        for (id, name) in endpoints {
            let bound = match name.split_once('/') {
                None => name == plan.queue().as_str(),
                Some((exchange, key)) => is_bound(plan.topology(), plan.queue(), exchange, key),
            };
            if bound {
                self.edge(&id, &queue, EdgeKind::Binds, Vec::new(), None);
            }
        }
    }
}

/// Whether messages to an exchange with this key come into a queue, as far as the routing key decides that.
fn is_bound(topology: &Topology, queue: &str, exchange: &str, key: &str) -> bool {
    let kind = topology.exchanges.iter().find(|one| one.name == exchange).map(|one| one.kind.as_str());
    topology.bindings.iter().filter(|one| one.queue == queue && one.exchange == exchange).any(|one| match kind {
        Some("topic") => {
            let (pattern, key): (Vec<&str>, Vec<&str>) =
                (one.routing_key.as_str().split('.').collect(), key.split('.').collect());
            matches(&pattern, &key)
        }
        Some("fanout") => true,
        Some("headers") => false,
        _ => one.routing_key == key,
    })
}

/// Whether the words of a topic's pattern fit a key: `*` is one word, `#` any number of them.
fn matches(pattern: &[&str], key: &[&str]) -> bool {
    // Whether the pattern so far fits the first words of the key, for each number of them.
    let mut fits: Vec<bool> = (0..=key.len()).map(|words| words == 0).collect();
    for word in pattern {
        fits = if *word == "#" {
            fits.iter()
                .scan(false, |any, fits| {
                    *any |= *fits;
                    Some(*any)
                })
                .collect()
        } else {
            let next = fits.iter().zip(key).map(|(fits, own)| *fits && (*word == "*" || word == own));
            std::iter::once(false).chain(next).collect()
        };
    }
    fits.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_topics_fit_words() {
        let fits = |pattern: &str, key: &str| {
            let words = |text: &'static str| text.split('.').collect::<Vec<_>>();
            let (pattern, key) = (pattern.to_owned().leak(), key.to_owned().leak());
            matches(&words(pattern), &words(key))
        };
        for (pattern, key) in
            [("a.*", "a.b"), ("#", "a.b.c"), ("a.#", "a"), ("#.c", "a.b.c"), ("*.b.#", "a.b"), ("a", "a")]
        {
            assert!(fits(pattern, key), "{pattern} {key}");
        }
        for (pattern, key) in [("a.*", "a"), ("a.*", "a.b.c"), ("#.c", "a.b"), ("*", "a.b"), ("a.b", "a.c")] {
            assert!(!fits(pattern, key), "{pattern} {key}");
        }
    }
}
