//! `trunkline graph`: who talks to whom over which contracts.

use std::path::Path;

use crate::config::{Environment, Project};
use crate::route::graph::{Graph, dot, mermaid, of_bus, text};

use super::{End, output};

/// How a graph is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum GraphStyle {
    /// For people.
    Text,
    /// A Mermaid flowchart, as documentation shows it.
    Mermaid,
    /// For Graphviz.
    Dot,
    /// Nodes and edges, for programs.
    Json,
}

pub(super) fn run(dir: &Path, style: GraphStyle) -> End {
    let project = Project::load(dir, &Environment::of_process());
    if let Some(end) = output::refuse_broken(&project) {
        return end;
    }
    draw(&of_bus(project.plans.iter().map(AsRef::as_ref)), style)
}

/// Writes a graph to stdout.
pub(super) fn draw(graph: &Graph, style: GraphStyle) -> End {
    match style {
        GraphStyle::Text => output::data(&text(graph)),
        GraphStyle::Mermaid => output::data(&mermaid(graph)),
        GraphStyle::Dot => output::data(&dot(graph)),
        GraphStyle::Json => match serde_json::to_string_pretty(graph) {
            Ok(json) => output::data(&(json + "\n")),
            Err(error) => output::misuse(&format!("the graph cannot be written: {error}"), None),
        },
    }
}
