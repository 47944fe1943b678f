//! `trunkline explain`: a route in words and as a drawing, or the whole bus.

use std::path::Path;

use crate::config::{Environment, Project};
use crate::route::explain::{explain, explain_bus};
use crate::route::graph::{of_bus, of_route};

use super::graph::{GraphStyle, draw};
use super::{End, output};

/// One route.
pub(super) fn route(dir: &Path, route: &str, style: GraphStyle) -> End {
    let project = Project::load(dir, &Environment::of_process());
    if let Some(plan) = project.plans.iter().find(|plan| plan.name() == route) {
        return match style {
            GraphStyle::Text => output::data(&explain(plan)),
            style => draw(&of_route(plan), style),
        };
    }
    output::no_route(&project, route)
}

/// All routes together.
pub(super) fn bus(dir: &Path, style: GraphStyle) -> End {
    let project = Project::load(dir, &Environment::of_process());
    if let Some(end) = output::refuse_broken(&project) {
        return end;
    }
    let plans = project.plans.iter().map(AsRef::as_ref);
    match style {
        GraphStyle::Text => output::data(&explain_bus(plans)),
        style => draw(&of_bus(plans), style),
    }
}
