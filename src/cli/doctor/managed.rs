//! What only the management API tells: bindings, policies, alarms, and how things are that the bus did not declare.

use serde_json::{Map, Value};

use crate::adapter::amqp::shown;
use crate::adapter::embedded::topic;
use crate::adapter::management::{BindingFacts, Error, Management, Node};
use crate::endpoint::topology::{Binding, Exchange, Queue};
use crate::message::{Field, Headers};
use crate::route::breaker::Endpoint;

use super::finding::{Finding, Level};
use super::objects::binding_to_come;
use super::wanted::Wanted;

/// The API, for one virtual host.
pub(super) struct Manager<'a> {
    pub(super) api: &'a Management,
    pub(super) vhost: &'a str,
}

/// What policies can do to a queue of ours.
const POLICIES: [(&str, &str); 7] = [
    ("expires", "the queue is deleted, with all that is in it, when nobody has used it for so many milliseconds"),
    ("message-ttl", "messages are taken out after so many milliseconds"),
    ("max-length", "more messages are refused, and routes that send to it wait"),
    ("max-length-bytes", "more bytes are refused, and routes that send to it wait"),
    (
        "delivery-limit",
        "a message that was given so often and never settled is a dead letter of the broker's, without a reason",
    ),
    ("consumer-timeout", "a message that is not settled for so many milliseconds is taken away and given again"),
    ("dead-letter-exchange", "messages that the broker takes out go there"),
];

impl Manager<'_> {
    /// Nodes that are down, do not see each other, or take no messages.
    pub(super) async fn nodes(&self) -> Result<Vec<Finding>, Error> {
        Ok(self.api.nodes().await?.unwrap_or_default().iter().filter_map(of_node).collect())
    }

    /// Exchanges whose type AMQP does not tell, because the bus does not declare them.
    pub(super) async fn exchange(&self, wanted: &Wanted<'_>, exchange: &Exchange) -> Result<Option<Finding>, Error> {
        let found = self.api.exchange(self.vhost, &exchange.name).await?;
        let differs = found.filter(|found| !exchange.declare && found.kind != exchange.kind.as_str());
        Ok(differs.map(|found| {
            Finding::difference(format!("exchange `{}`", exchange.name))
                .declared(format!("type `{}`", exchange.kind))
                .there(format!("type `{}`", found.kind))
                .remedy(format!("write `kind: {}` in the routes if that is meant", found.kind))
                .of(&wanted.of_exchange(&exchange.name))
        }))
    }

    /// A queue's policies, the arguments of one that the bus does not declare, and its bindings.
    pub(super) async fn queue(&self, wanted: &Wanted<'_>, queue: &Queue) -> Result<Vec<Finding>, Error> {
        let Some(found) = self.api.queue(self.vhost, &queue.name).await? else { return Ok(Vec::new()) };
        let mut findings = of_policies(wanted, queue, &found.policies());
        if !queue.declare {
            findings.extend(of_arguments(queue, &found.arguments()));
        }
        let bindings = self.api.bindings_of_queue(self.vhost, &queue.name).await?.unwrap_or_default();
        findings.extend(of_bindings(wanted, queue, &bindings));
        let routes = wanted.of_queue(&queue.name);
        Ok(findings.into_iter().map(|finding| finding.of(&routes)).collect())
    }

    /// Whether anything takes what is sent to an exchange.
    pub(super) async fn destination(&self, wanted: &Wanted<'_>, to: &Endpoint) -> Result<Option<Finding>, Error> {
        if to.exchange().is_empty() {
            return Ok(None);
        }
        let Some(exchange) = self.api.exchange(self.vhost, to.exchange()).await? else { return Ok(None) };
        let bindings = self.api.bindings_to_exchange(self.vhost, to.exchange()).await?.unwrap_or_default();
        let ours = wanted.topology.bindings.iter().filter(|binding| binding.exchange == *to.exchange());
        let keys = bindings.iter().map(|binding| binding.routing_key.as_str());
        let mut keys = keys.chain(ours.map(|binding| binding.routing_key.as_str()));
        let taken = match (exchange.kind.as_str(), to.routing_key()) {
            ("direct", Some(key)) => keys.any(|bound| bound == key.as_str()),
            ("topic", Some(key)) => keys.any(|bound| topic::matches(bound, key)),
            _ => keys.next().is_some(),
        };
        Ok((!taken).then(|| {
            let key = to
                .routing_key()
                .filter(|key| !key.is_empty())
                .map_or_else(String::new, |key| format!(", routing key `{key}`"));
            Finding::difference(format!("exchange `{}`{key}", to.exchange()))
                .declared("steps send to it")
                .there("no queue is bound for that")
                .remedy(
                    "let the reader bind its queue before messages come: each of them becomes a dead letter until then",
                )
                .of(&wanted.of_destination(to))
        }))
    }
}

fn of_node(node: &Node) -> Option<Finding> {
    let (there, remedy) = if !node.running {
        ("it does not run", "start it: a queue needs most of its nodes")
    } else if !node.partitions.is_empty() {
        ("it does not see all of its cluster", "repair the network between the nodes")
    } else if node.mem_alarm {
        (
            "it has a memory alarm and takes no messages",
            "let consumers work, or give it memory; the bus waits until then",
        )
    } else if node.disk_free_alarm {
        ("it has a disk alarm and takes no messages", "make room on its disk; the bus waits until then")
    } else {
        return None;
    };
    let finding = Finding::difference(format!("node `{}`", node.name)).declared("the broker takes messages");
    Some(finding.there(there).remedy(remedy))
}

fn of_policies(wanted: &Wanted<'_>, queue: &Queue, policies: &Map<String, Value>) -> Vec<Finding> {
    let findings = POLICIES.into_iter().filter_map(|(key, meaning)| {
        let value = policies.get(key)?;
        // Of the queue's argument and the policy, the smaller number holds; else the argument.
        let argument = queue.arguments.get(format!("x-{key}").as_str());
        let overruled = match (argument, value.as_i64()) {
            (Some(Field::I64(ours)), Some(theirs)) => *ours <= theirs,
            (ours, _) => ours.is_some(),
        };
        let loses = key == "expires" || key == "message-ttl" && !wanted.is_source(&queue.name) && argument.is_none();
        let level = if loses { Level::Difference } else { Level::Note };
        let finding = Finding::new(level, format!("policy of queue `{}`", queue.name));
        let finding = finding.declared(format!("{key} {}", shown(argument))).there(format!("{key} `{}`", plain(value)));
        (!overruled)
            .then(|| finding.remedy(format!("{meaning}; take the queue out of the policy if that is not meant")))
    });
    findings.collect()
}

/// How a queue that is taken as it is differs from one that the bus would declare.
fn of_arguments(queue: &Queue, found: &Map<String, Value>) -> Vec<Finding> {
    let findings = queue.arguments.iter().filter_map(|(name, ours)| {
        let theirs = found.get(name.as_str());
        if theirs == Some(&json(ours)) {
            return None;
        }
        let there = theirs.map_or_else(|| "none".to_owned(), |value| format!("`{}`", plain(value)));
        let (level, remedy) = match name.as_str() {
            "x-single-active-consumer" => {
                (Level::Difference, "declare the queue with it: else several instances mix up the order")
            }
            "x-dead-letter-exchange" => (
                Level::Note,
                "without one, what the broker takes out of the queue is gone; the bus' own dead letters are not",
            ),
            "x-dead-letter-strategy" | "x-dead-letter-routing-key" => return None,
            _ => (Level::Note, "the queue is taken as it is (`declare: false`); this is how the bus would declare it"),
        };
        let finding =
            Finding::new(level, format!("queue `{}`", queue.name)).declared(format!("{name} {}", shown(Some(ours))));
        Some(finding.there(format!("{name} {there}")).remedy(remedy))
    });
    findings.collect()
}

fn of_bindings(wanted: &Wanted<'_>, queue: &Queue, found: &[BindingFacts]) -> Vec<Finding> {
    let ours = || wanted.topology.bindings.iter().filter(|binding| binding.queue == queue.name);
    let is_there = |binding: &&Binding| found.iter().any(|there| same(binding, there));
    let missing = ours().filter(|binding| !is_there(binding)).map(|binding| binding_to_come(binding, &[]));
    let foreign =
        found.iter().filter(|there| !there.source.is_empty() && queue.declare && there.destination_type == "queue");
    let foreign = foreign.filter(|there| !ours().any(|binding| same(binding, there))).map(|there| {
        let arguments = there.arguments.as_object().cloned().unwrap_or_default();
        Finding::note(format!("binding of queue `{}` to exchange `{}`", there.destination, there.source))
            .declared("no route has it")
            .there(key_and_arguments(&there.routing_key, &arguments))
            .remedy("remove it if it is left over from an older route: the bus never removes bindings")
    });
    missing.chain(foreign).collect()
}

fn same(ours: &Binding, there: &BindingFacts) -> bool {
    let arguments = there.arguments.as_object().cloned().unwrap_or_default();
    there.source == ours.exchange.as_str()
        && there.destination == ours.queue.as_str()
        && there.routing_key == ours.routing_key.as_str()
        && arguments == table(&ours.arguments)
}

fn key_and_arguments(key: &str, arguments: &Map<String, Value>) -> String {
    let all = arguments.iter().map(|(name, value)| format!(", {name} `{}`", plain(value)));
    format!("routing key `{key}`{}", all.collect::<String>())
}

fn table(headers: &Headers) -> Map<String, Value> {
    headers.iter().map(|(name, value)| (name.to_string(), json(value))).collect()
}

/// An argument as the API writes it.
fn json(field: &Field) -> Value {
    match field {
        Field::Bool(flag) => (*flag).into(),
        Field::I64(number) => (*number).into(),
        other => other.as_str().into(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
