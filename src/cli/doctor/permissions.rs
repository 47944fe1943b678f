//! What the bus must be allowed to do, against what its user may do: RabbitMQ's three regular expressions over names.

use std::collections::BTreeSet;

use regex::Regex;

use crate::adapter::management::{Error, Permission};
use crate::runtime::Work;

use super::finding::Finding;
use super::managed::Manager;
use super::wanted::Wanted;

/// By this name permissions know the default exchange.
const DEFAULT_EXCHANGE: &str = "amq.default";
/// A queue for answers has a name of the broker's making.
const ANSWERS: &str = "amq.gen-answers";

/// Names that one expression must match.
#[derive(Default)]
struct Needs {
    configure: BTreeSet<String>,
    write: BTreeSet<String>,
    read: BTreeSet<String>,
}

impl Manager<'_> {
    /// What the user lacks. `None` if that cannot be told.
    pub(super) async fn permissions(&self, wanted: &Wanted<'_>, user: &str) -> Result<Option<Vec<Finding>>, Error> {
        let Some(all) = self.api.permissions(user).await? else { return Ok(None) };
        let nothing = || Permission {
            vhost: self.vhost.to_owned(),
            configure: String::new(),
            write: String::new(),
            read: String::new(),
        };
        let may = all.into_iter().find(|one| one.vhost == self.vhost).unwrap_or_else(nothing);
        let Needs { configure, write, read } = needs(wanted);
        let mut findings = Vec::new();
        for (kind, expression, names) in
            [("configure", &may.configure, configure), ("write", &may.write, write), ("read", &may.read, read)]
        {
            let Some(lacking) = lacking(expression, &names) else { return Ok(None) };
            if !lacking.is_empty() {
                let finding = Finding::difference(format!("permission of user `{user}` to {kind}"));
                let finding = finding.declared(lacking.join(", ")).there(format!("`{expression}`"));
                findings.push(finding.remedy("widen it with `rabbitmqctl set_permissions`"));
            }
        }
        Ok(Some(findings))
    }
}

/// What AMQP asks permissions for, of what the routes do.
fn needs(wanted: &Wanted<'_>) -> Needs {
    let mut needs = Needs::default();
    // Dead letters, waiting messages and answers.
    needs.write.insert(DEFAULT_EXCHANGE.to_owned());
    let topology = &wanted.topology;
    for exchange in topology.exchanges.iter().filter(|exchange| exchange.declare) {
        needs.configure.insert(exchange.name.to_string());
    }
    for queue in &topology.queues {
        if queue.declare {
            needs.configure.insert(queue.name.to_string());
        }
        if wanted.is_source(&queue.name) || queue.declare && queue.arguments.contains_key("x-dead-letter-exchange") {
            needs.read.insert(queue.name.to_string());
        }
    }
    for binding in &topology.bindings {
        needs.write.insert(binding.queue.to_string());
        needs.read.insert(binding.exchange.to_string());
    }
    for destination in wanted.destinations.iter().filter(|destination| !destination.exchange().is_empty()) {
        needs.write.insert(destination.exchange().to_string());
    }
    if !wanted.by(Work::calls).is_empty() {
        needs.configure.insert(ANSWERS.to_owned());
        needs.read.insert(ANSWERS.to_owned());
    }
    needs
}

/// The names that an expression does not match. `None` if it is one that only the broker understands.
fn lacking(expression: &str, names: &BTreeSet<String>) -> Option<Vec<String>> {
    // An empty one matches nothing.
    let expression = Regex::new(if expression.is_empty() { "^$" } else { expression }).ok()?;
    Some(names.iter().filter(|name| !expression.is_match(name)).map(|name| format!("`{name}`")).collect())
}
