//! The bus as an AsyncAPI 3.0 document: its queues and exchanges as channels, what routes take, send and ask as
//! operations, contracts as messages. It is read from the plans, so that it tells what runs.
//!
//! Payloads refer to the project's schema files: who resolves them needs the document beside these.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::breaker::Endpoint;
use super::plan::{Placed, Plan};
use crate::contract::{Contract, Format};
use crate::endpoint::topology::Topology;

/// The version of the specification.
const VERSION: &str = "3.0.0";
/// Where the address for an answer stands, in the words of the specification.
const REPLY_TO: &str = "$message.header#/replyTo";

/// What the plans do not know.
#[derive(Clone, Debug)]
pub struct About<'a> {
    /// The name of the bus.
    pub title: &'a str,
    /// The version of its interface.
    pub version: &'a str,
    /// Where the broker is; `None` leaves it open.
    pub server: Option<Server>,
    /// The folder of the schema files, from the document on.
    pub schemas: &'a str,
}

/// Where the broker is.
#[derive(Clone, Debug)]
pub struct Server {
    /// `amqp` or `amqps`.
    pub protocol: String,
    /// The host, with its port if it is a special one.
    pub host: String,
    /// The virtual host as a path, as `/%2f`.
    pub path: String,
}

/// The document.
pub fn document<'a>(plans: impl IntoIterator<Item = &'a Plan>, about: &About<'_>) -> Value {
    let plans: Vec<&Plan> = plans.into_iter().collect();
    let mut topology = Topology::default();
    plans.iter().for_each(|plan| topology.merge(plan.topology()));
    let mut writer = Writer { schemas: about.schemas, topology, ..Writer::default() };
    for plan in &plans {
        writer.route(plan);
    }
    let mut document = json!({
        "asyncapi": VERSION,
        "info": { "title": about.title, "version": about.version },
        "channels": writer.channels,
        "operations": writer.operations,
        "components": { "messages": writer.messages },
    });
    if let (Some(Server { protocol, host, path }), Some(document)) = (&about.server, document.as_object_mut()) {
        let server = json!({ "host": host, "pathname": path, "protocol": protocol, "protocolVersion": "0.9.1" });
        document.insert("servers".to_owned(), json!({ "broker": server }));
    }
    document
}

#[derive(Default)]
struct Writer<'a> {
    schemas: &'a str,
    topology: Topology,
    channels: Map<String, Value>,
    operations: Map<String, Value>,
    messages: Map<String, Value>,
    /// Which name each thing has: different things that are alike in letters and digits get different names.
    names: BTreeMap<String, String>,
    taken: BTreeSet<String>,
}

impl Writer<'_> {
    fn route(&mut self, plan: &Plan) {
        let (channel, messages) = self.queue(plan.queue(), &plan.taken());
        let mut takes = json!({ "action": "receive", "channel": channel, "messages": messages });
        if let (Some(words), Some(operation)) = (plan.description(), takes.as_object_mut()) {
            operation.insert("summary".to_owned(), words.into());
        }
        if let (Some(answer), Some(operation)) = (plan.reply(), takes.as_object_mut()) {
            let answers: Vec<&Arc<Contract>> = answer.into_iter().collect();
            let words = format!("Answers of the route {}, at the `reply_to` of what it took.", plan.name());
            operation.insert("reply".to_owned(), self.reply(&format!("{} answers", plan.name()), &words, &answers));
        }
        let name = self.name(&format!("route {} takes", plan.name()), &format!("{}.takes", plan.name()));
        self.operations.insert(name, takes);
        for placed in plan.all_steps() {
            self.step(plan, placed);
        }
    }

    fn step(&mut self, plan: &Plan, placed: &Placed) {
        for (number, talk) in placed.talks().enumerate() {
            let (channel, messages) = self.endpoint(&talk.to, &talk.sent);
            let summary = placed.step.describe().text;
            let mut sends = json!({ "action": "send", "channel": channel, "messages": messages, "summary": summary });
            let id = format!("{} {} {number}", plan.name(), placed.id);
            if let (Some(answer), Some(operation)) = (talk.answer, sends.as_object_mut()) {
                let answers: Vec<&Arc<Contract>> = answer.into_iter().collect();
                let words = format!("Answers to the step {} of the route {}.", placed.id, plan.name());
                operation.insert("reply".to_owned(), self.reply(&format!("{id} answers"), &words, &answers));
            }
            let name = self.name(&format!("step {id}"), &format!("{}.{}", plan.name(), placed.id));
            self.operations.insert(name, sends);
        }
    }

    /// The reference to the channel of a queue, and those to its messages.
    fn queue(&mut self, queue: &str, contracts: &[&Arc<Contract>]) -> (Value, Value) {
        let channel = json!({
            "address": queue,
            "title": format!("queue {queue}"),
            "bindings": { "amqp": {
                "is": "queue",
                "queue": { "name": queue, "durable": true, "exclusive": false, "autoDelete": false },
                "bindingVersion": "0.3.0",
            } },
        });
        self.channel(&format!("queue {queue}"), queue, channel, contracts)
    }

    fn endpoint(&mut self, endpoint: &Endpoint, contracts: &[&Arc<Contract>]) -> (Value, Value) {
        let exchange = endpoint.exchange();
        match endpoint.routing_key() {
            Some(queue) if exchange.is_empty() => self.queue(queue, contracts),
            key => {
                let kind =
                    self.topology.exchanges.iter().find(|one| one.name == *exchange).map(|one| one.kind.as_str());
                let known = ["topic", "direct", "fanout", "headers"];
                let kind = if exchange.is_empty() { Some("default") } else { kind.filter(|kind| known.contains(kind)) };
                let mut binding = json!({ "name": exchange.as_str(), "durable": true });
                if let (Some(kind), Some(binding)) = (kind, binding.as_object_mut()) {
                    binding.insert("type".to_owned(), kind.into());
                }
                let amqp = json!({ "is": "routingKey", "exchange": binding, "bindingVersion": "0.3.0" });
                let channel = json!({
                    // Unknown where each message says to whom it goes.
                    "address": key.map(|key| key.as_str()),
                    "title": endpoint.to_string(),
                    "bindings": { "amqp": amqp },
                });
                self.channel(&format!("exchange {endpoint}"), &endpoint.to_string(), channel, contracts)
            }
        }
    }

    fn reply(&mut self, id: &str, words: &str, contracts: &[&Arc<Contract>]) -> Value {
        let channel = json!({ "address": null, "description": words });
        let (channel, messages) = self.channel(&format!("reply {id}"), id, channel, contracts);
        json!({ "address": { "location": REPLY_TO }, "channel": channel, "messages": messages })
    }

    /// Adds messages to a channel, which is made when it is first met.
    fn channel(&mut self, key: &str, wanted: &str, channel: Value, contracts: &[&Arc<Contract>]) -> (Value, Value) {
        let name = self.name(key, wanted);
        let mut messages: Vec<String> = contracts.iter().map(|contract| self.message(contract)).collect();
        if messages.is_empty() {
            self.messages
                .entry("any")
                .or_insert_with(|| json!({ "title": "Any body", "summary": "Of no known contract." }));
            messages.push("any".to_owned());
        }
        let channel = self.channels.entry(name.clone()).or_insert(channel);
        if let Some(channel) = channel.as_object_mut() {
            let known = channel.entry("messages").or_insert_with(|| json!({}));
            for message in &messages {
                if let Some(known) = known.as_object_mut() {
                    known.insert(message.clone(), json!({ "$ref": format!("#/components/messages/{message}") }));
                }
            }
        }
        let of = |message: &String| json!({ "$ref": format!("#/channels/{name}/messages/{message}") });
        (json!({ "$ref": format!("#/channels/{name}") }), messages.iter().map(of).collect())
    }

    fn message(&mut self, contract: &Contract) -> String {
        let reference = contract.reference();
        let name = self.name(&format!("contract {reference}"), reference);
        let (file, root) = reference.split_once('#').unwrap_or((reference, ""));
        let folder = self.schemas.trim_matches('/');
        let message = match contract.format() {
            Format::Json => {
                let root = if root.is_empty() { String::new() } else { format!("#{root}") };
                json!({
                    "title": reference,
                    "contentType": "application/json",
                    "payload": {
                        "schemaFormat": "application/schema+json",
                        "schema": { "$ref": format!("./{folder}/{file}.json{root}") },
                    },
                })
            }
            Format::Xml => {
                let root = contract.xml_schema().and_then(|(_, root)| root).map_or(root, |root| root.local.as_str());
                json!({
                    "title": reference,
                    "contentType": "application/xml",
                    "summary": format!("A document with the root element `{root}`."),
                    "payload": {
                        "schemaFormat": "application/xml",
                        "schema": { "$ref": format!("./{folder}/{file}.xsd") },
                    },
                })
            }
        };
        self.messages.entry(name.clone()).or_insert(message);
        name
    }

    /// A name of letters, digits, `.`, `-` and `_`, always the same for the same thing.
    fn name(&mut self, key: &str, wanted: &str) -> String {
        if let Some(known) = self.names.get(key) {
            return known.clone();
        }
        let plain = |char: char| if char.is_ascii_alphanumeric() || "-_.".contains(char) { char } else { '_' };
        let base: String = wanted.chars().map(plain).collect();
        let mut name = base.clone();
        let mut number = 2_usize;
        while !self.taken.insert(name.clone()) {
            name = format!("{base}_{number}");
            number += 1;
        }
        self.names.insert(key.to_owned(), name.clone());
        name
    }
}
