//! What of a route its cases have reached. Everything is read from the plan's own structure: its steps, the branches
//! that they own, how they may end, and whether they depend on others.

use std::collections::BTreeSet;

use super::onlooker::{Hit, Way, identity};
use crate::message::Text;
use crate::route::Plan;

/// What can be reached of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A step.
    Step,
    /// A branch of a step, or an end that a step may bring.
    Branch,
    /// The failure of a step that depends on others, or of a message that is not accepted.
    Failure,
}

impl Part {
    /// For people and programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Branch => "branch",
            Self::Failure => "failure path",
        }
    }
}

/// Something that can be reached.
#[derive(Debug)]
pub struct Item {
    /// Its kind.
    pub part: Part,
    /// Its name, as `3-choice: otherwise`.
    pub name: String,
    /// Where the step stands in the route's file.
    pub at: usize,
    /// Whether a case has reached it.
    pub reached: bool,
}

/// What the cases of a route have reached.
pub fn of(plan: &Plan, hits: &BTreeSet<Hit>) -> Vec<Item> {
    let mut items = Vec::new();
    let ended = |step: &Text, way| hits.contains(&Hit::End(step.clone(), way));
    if let Some(contract) = plan.accepts() {
        let name = format!("a message that is not a valid {}", contract.reference());
        let reached = ended(&Text::new(), Way::Failure);
        items.push(Item { part: Part::Failure, name, at: 0, reached });
    }
    for placed in plan.all_steps() {
        let (id, at) = (&placed.id, placed.span.start);
        let mut add = |part, name, reached| items.push(Item { part, name, at, reached });
        add(Part::Step, id.to_string(), hits.contains(&Hit::Step(id.clone())));
        for (name, branch) in placed.step.describe().branches {
            add(Part::Branch, format!("{id}: {name}"), hits.contains(&Hit::Branch(identity(branch))));
        }
        if let Some(exit) = placed.step.exits().first() {
            let how = exit.name();
            add(Part::Branch, format!("{id}: goes on"), ended(id, Way::On));
            add(Part::Branch, format!("{id}: {how}"), ended(id, Way::Out));
        }
        if !placed.step.targets().is_empty() {
            add(Part::Failure, format!("{id} fails"), ended(id, Way::Failure));
        }
    }
    items
}

/// How many of these there are, and how many are reached.
pub fn count<'a>(items: impl IntoIterator<Item = &'a Item>, part: Part) -> (usize, usize) {
    let own = items.into_iter().filter(|item| item.part == part);
    own.fold((0, 0), |(reached, all), item| (reached + usize::from(item.reached), all + 1))
}

/// As people count: whole percent, rounded down, and 100 of nothing.
pub fn percent((reached, all): (usize, usize)) -> usize {
    (reached * 100).checked_div(all).unwrap_or(100)
}
