//! `trunkline explain`: a route in words and as a drawing.

use std::path::Path;

use crate::config::{Environment, Project};
use crate::diagnostic::did_you_mean;
use crate::route::explain;

use super::{End, output};

pub(super) fn run(dir: &Path, route: &str) -> End {
    let project = Project::load(dir, &Environment::of_process());
    if let Some(plan) = project.plans.iter().find(|plan| plan.name() == route) {
        return output::data(&explain(plan));
    }
    if let Some(end) = output::refuse_broken(&project) {
        return end;
    }
    let similar = did_you_mean(route, project.plans.iter().map(|plan| plan.name()));
    let hint = similar.map(|similar| format!("did you mean `{similar}`?"));
    output::misuse(&format!("no route `{route}`"), hint.as_deref())
}
