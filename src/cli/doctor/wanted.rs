//! What all routes together want of the broker, and which of them wants what.

use std::sync::Arc;

use crate::endpoint::topology::Topology;
use crate::route::Plan;
use crate::route::breaker::Endpoint;

/// Everything that the routes declare or send to.
pub(super) struct Wanted<'a> {
    plans: &'a [Arc<Plan>],
    pub(super) topology: Topology,
    /// Each once.
    pub(super) destinations: Vec<Endpoint>,
}

impl<'a> Wanted<'a> {
    pub(super) fn of(plans: &'a [Arc<Plan>]) -> Self {
        let mut topology = Topology::default();
        let mut destinations: Vec<Endpoint> = Vec::new();
        for plan in plans {
            topology.merge(plan.topology());
            for destination in plan.endpoints() {
                if !destinations.contains(destination) {
                    destinations.push(destination.clone());
                }
            }
        }
        Self { plans, topology, destinations }
    }

    pub(super) fn routes(&self) -> usize {
        self.plans.len()
    }

    /// The names of the routes of which something holds.
    pub(super) fn by(&self, wants: impl Fn(&Plan) -> bool) -> Vec<String> {
        self.plans.iter().filter(|plan| wants(plan)).map(|plan| plan.name().to_owned()).collect()
    }

    pub(super) fn of_exchange(&self, name: &str) -> Vec<String> {
        self.by(|plan| plan.topology().exchanges.iter().any(|exchange| exchange.name == name))
    }

    pub(super) fn of_queue(&self, name: &str) -> Vec<String> {
        self.by(|plan| plan.topology().queues.iter().any(|queue| queue.name == name))
    }

    pub(super) fn of_destination(&self, destination: &Endpoint) -> Vec<String> {
        self.by(|plan| plan.endpoints().contains(destination))
    }

    /// Whether the bus takes messages from a queue.
    pub(super) fn is_source(&self, queue: &str) -> bool {
        self.plans.iter().any(|plan| plan.queue() == queue)
    }
}
