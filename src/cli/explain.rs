//! `trunkline explain`: a route in words and as a drawing.

use std::path::Path;

use crate::config::{Environment, Project};
use crate::route::explain;
use crate::route::graph::of_route;

use super::graph::{GraphStyle, draw};
use super::{End, output};

pub(super) fn run(dir: &Path, route: &str, style: GraphStyle) -> End {
    let project = Project::load(dir, &Environment::of_process());
    if let Some(plan) = project.plans.iter().find(|plan| plan.name() == route) {
        return match style {
            GraphStyle::Text => output::data(&explain(plan)),
            style => draw(&of_route(plan), style),
        };
    }
    output::no_route(&project, route)
}
