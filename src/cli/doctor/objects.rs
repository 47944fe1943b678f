//! Exchanges and queues: what AMQP tells of them.

use crate::adapter::amqp::{Inspection, Mismatch, Standing, shown};
use crate::endpoint::topology::{Binding, Exchange, Queue, Topology};
use crate::message::Text;
use crate::route::Plan;

use super::finding::Finding;
use super::wanted::Wanted;

/// The queues that steps name by the default exchange and that no route declares: others must.
pub(super) fn foreign_queues(wanted: &Wanted<'_>) -> Topology {
    let mut queues: Vec<Queue> = Vec::new();
    for destination in wanted.destinations.iter().filter(|destination| destination.exchange().is_empty()) {
        let Some(name) = destination.routing_key() else { continue };
        let known = wanted.topology.queues.iter().chain(&queues).any(|queue| queue.name == *name);
        if !known {
            queues.push(Queue { name: name.clone(), arguments: Default::default(), declare: false });
        }
    }
    Topology { queues, ..Topology::default() }
}

/// Compares exchanges and queues with what was found of them.
pub(super) fn compare(wanted: &Wanted<'_>, found: &Inspection, user: &str) -> Vec<Finding> {
    let Topology { exchanges, queues, .. } = &wanted.topology;
    let exchanges = exchanges.iter().zip(&found.exchanges).flat_map(|(exchange, state)| {
        let routes = wanted.of_exchange(&exchange.name);
        of_exchange(exchange, state, user).into_iter().map(move |finding| finding.of(&routes))
    });
    let queues = queues.iter().zip(&found.queues).flat_map(|(queue, state)| {
        let routes = wanted.of_queue(&queue.name);
        of_queue(queue, state, user).into_iter().map(move |finding| finding.of(&routes))
    });
    exchanges.chain(queues).chain(bindings_to_come(wanted, found)).collect()
}

/// Bindings of what is not there yet cannot be there either. Of the others, AMQP does not tell.
fn bindings_to_come(wanted: &Wanted<'_>, found: &Inspection) -> impl Iterator<Item = Finding> {
    let Topology { exchanges, queues, bindings } = &wanted.topology;
    let is_missing = |state: &Standing| matches!(state, Standing::Missing);
    let exchanges = exchanges.iter().map(|exchange| &exchange.name).zip(&found.exchanges);
    let queues = queues.iter().map(|queue| &queue.name).zip(&found.queues);
    let missing: Vec<&Text> =
        exchanges.chain(queues).filter(|(_, state)| is_missing(state)).map(|(name, _)| name).collect();
    let to_come = bindings.iter().filter(move |one| missing.contains(&&one.exchange) || missing.contains(&&one.queue));
    to_come.map(|binding| binding_to_come(binding, &wanted.of_queue(&binding.queue)))
}

/// A binding that the bus makes at its start.
pub(super) fn binding_to_come(binding: &Binding, routes: &[String]) -> Finding {
    let arguments = binding.arguments.iter().map(|(name, value)| format!(", {name} {}", shown(Some(value))));
    let declared = format!("routing key `{}`{}", binding.routing_key, arguments.collect::<String>());
    Finding::to_be_made(
        format!("binding of queue `{}` to exchange `{}`", binding.queue, binding.exchange),
        declared,
        routes,
    )
}

fn of_exchange(exchange: &Exchange, state: &Standing, user: &str) -> Vec<Finding> {
    let subject = format!("exchange `{}`", exchange.name);
    let declared = format!("type `{}`", exchange.kind);
    match state {
        Standing::Missing if exchange.declare => vec![Finding::to_be_made(subject, declared, &[])],
        Standing::Missing => vec![must_be_there(subject)],
        Standing::Refused(reason) => vec![refused(subject, declared, reason, user)],
        Standing::There { differs, .. } => differs
            .iter()
            .map(|one| {
                let remedy = match (one.argument.as_str(), kind(one)) {
                    ("type", Some(kind)) => {
                        format!("write `kind: {kind}` in the routes if that is meant, or delete the exchange")
                    }
                    _ => "delete the exchange, or take it as it is with `declare: false`".to_owned(),
                };
                differing(&subject, one).remedy(remedy)
            })
            .collect(),
    }
}

/// The type that the exchange has, if a route can name it.
fn kind(one: &Mismatch) -> Option<&str> {
    one.theirs.as_ref()?.as_str().filter(|kind| ["direct", "topic", "fanout", "headers"].contains(kind))
}

fn of_queue(queue: &Queue, state: &Standing, user: &str) -> Vec<Finding> {
    let subject = format!("queue `{}`", queue.name);
    match state {
        Standing::Missing if queue.declare => {
            vec![Finding::to_be_made(subject, arguments(queue), &[])]
        }
        Standing::Missing => vec![must_be_there(subject)],
        Standing::Refused(reason) => vec![refused(subject, arguments(queue), reason, user)],
        Standing::There { differs, messages } => {
            let holds = match messages {
                0 => "it is empty now".to_owned(),
                1 => "it holds 1 message now".to_owned(),
                more => format!("it holds {more} messages now"),
            };
            let remedy = format!("delete the queue when it is empty ({holds}), or take it with `declare: false`");
            differs.iter().map(|one| differing(&subject, one).remedy(&remedy)).collect()
        }
    }
}

fn differing(subject: &str, one: &Mismatch) -> Finding {
    let said = |value| format!("{} {}", one.argument, shown(value));
    Finding::difference(subject).declared(said(one.ours.as_ref())).there(said(one.theirs.as_ref()))
}

fn must_be_there(subject: String) -> Finding {
    let finding =
        Finding::difference(subject).declared("must be there (`declare: false`)").there("nothing of that name");
    finding.remedy("declare it, or let the bus do so and remove `declare: false`")
}

fn refused(subject: String, declared: String, reason: &str, user: &str) -> Finding {
    let remedy = match reason.contains("ACCESS_REFUSED") {
        true => format!("let the user `{user}` configure it: `rabbitmqctl set_permissions`"),
        false => "see to it that the broker can answer".to_owned(),
    };
    Finding::difference(subject).declared(declared).there(format!("the broker says: {reason}")).remedy(remedy)
}

/// `x-queue-type `quorum`, …`
fn arguments(queue: &Queue) -> String {
    let all = queue.arguments.iter().map(|(name, value)| format!("{name} {}", shown(Some(value))));
    all.collect::<Vec<_>>().join(", ")
}

/// Queues that steps send to and that nobody has made.
pub(super) fn compare_foreign(wanted: &Wanted<'_>, asked: &Topology, found: &Inspection) -> Vec<Finding> {
    let states = asked.queues.iter().zip(&found.queues);
    let missing = states.filter(|(_, state)| matches!(state, Standing::Missing)).map(|(queue, _)| &queue.name);
    missing.map(|name| nobody_takes(wanted, name)).collect()
}

fn nobody_takes(wanted: &Wanted<'_>, name: &Text) -> Finding {
    let sends = |plan: &Plan| {
        let mut all = plan.endpoints().iter();
        all.any(|one| one.exchange().is_empty() && one.routing_key() == Some(name))
    };
    Finding::difference(format!("queue `{name}`"))
        .declared("steps send to it; no route declares it")
        .there("nothing of that name")
        .remedy("let its reader declare it before messages come: each of them becomes a dead letter until then")
        .of(&wanted.by(sends))
}
