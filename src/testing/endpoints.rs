//! The participants of a route, by name: from the plan alone, whatever steps it has.

use std::collections::BTreeSet;

use crate::endpoint::Address;
use crate::route::Plan;
use crate::route::breaker::Endpoint;

/// The name of the answer to the sender.
pub const REPLY: &str = "reply";

/// Who gets messages of a route.
#[derive(Clone, Debug)]
pub struct Role {
    /// As it is written: a step's id, or an endpoint.
    pub name: String,
    /// Whether it is called, and not only sent to.
    pub calls: bool,
    /// The step, if that is what is named.
    step: Option<String>,
    /// Its endpoints; none for the answer to the sender.
    endpoints: Vec<Endpoint>,
}

impl Role {
    /// Whether a message to this address, sent by this step if that is known, is for it. `reply_to` is the address of
    /// who asked.
    pub fn takes(&self, to: &Address, step: Option<&str>, reply_to: Option<&str>) -> bool {
        if is_reply(to, reply_to) {
            return self.name == REPLY;
        }
        let other = self.step.as_deref().zip(step).is_some_and(|(own, sender)| own != sender);
        !other && self.endpoints.iter().any(|endpoint| endpoint.is_at(to))
    }
}

/// Whether a message is the answer to who asked.
pub fn is_reply(to: &Address, reply_to: Option<&str>) -> bool {
    to.exchange.is_empty() && reply_to == Some(to.routing_key.as_str())
}

/// Everything that a plan sends to or calls.
#[derive(Debug)]
pub struct Endpoints {
    roles: Vec<Role>,
    steps: BTreeSet<String>,
}

impl Endpoints {
    /// Those of a plan.
    pub fn of(plan: &Plan) -> Self {
        let mut roles: Vec<Role> = Vec::new();
        let mut steps = BTreeSet::new();
        for placed in plan.all_steps() {
            steps.insert(placed.id.to_string());
            let endpoints: Vec<Endpoint> = placed.step.targets().iter().map(Endpoint::of).collect();
            if endpoints.is_empty() {
                continue;
            }
            let calls = placed.step.calls();
            for endpoint in &endpoints {
                let name = endpoint.to_string();
                match roles.iter_mut().find(|role| role.step.is_none() && role.name == name) {
                    Some(role) => role.calls |= calls,
                    None => roles.push(Role { name, calls, step: None, endpoints: vec![endpoint.clone()] }),
                }
            }
            let step = Some(placed.id.to_string());
            roles.insert(0, Role { name: placed.id.to_string(), calls, step, endpoints });
        }
        if plan.reply().is_some() {
            roles.push(Role { name: REPLY.to_owned(), calls: false, step: None, endpoints: Vec::new() });
        }
        Self { roles, steps }
    }

    /// The participant of this name. A step's id goes before an endpoint.
    pub fn role(&self, name: &str) -> Option<Role> {
        self.roles.iter().find(|role| role.name == name).cloned()
    }

    /// The participant whose messages go there.
    pub fn at(&self, to: &Address, step: Option<&str>) -> Option<&Role> {
        self.roles.iter().find(|role| role.takes(to, step, None))
    }

    /// Every name, for people.
    pub fn names(&self) -> Vec<String> {
        self.roles.iter().map(|role| role.name.clone()).collect()
    }

    /// Whether there is a step of this id.
    pub fn has_step(&self, id: &str) -> bool {
        self.steps.contains(id)
    }

    /// The ids of all steps.
    pub fn steps(&self) -> Vec<&str> {
        self.steps.iter().map(String::as_str).collect()
    }
}
