//! A graph as text, as Mermaid and as Graphviz have it.

use std::fmt::{self, Write};

use super::{Edge, EdgeKind, Graph, NodeKind};

impl Graph {
    fn label<'a>(&'a self, id: &'a str) -> &'a str {
        self.nodes.iter().find(|node| node.id == id).map_or(id, |node| &node.label)
    }
}

impl Edge {
    /// What stands beside the arrow.
    fn text(&self) -> String {
        let contracts = self.contracts.join(" | ");
        let parts = [self.kind.name(), self.label.as_deref().unwrap_or_default(), contracts.as_str()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// A line for each edge.
pub fn text(graph: &Graph) -> String {
    let mut out = String::new();
    for edge in &graph.edges {
        let what = edge.text();
        let arrow = if what.is_empty() { "->".to_owned() } else { format!("-- {what} ->") };
        // Writing to a string does not fail.
        let _ = writeln!(out, "{} {arrow} {}", graph.label(&edge.from), graph.label(&edge.to));
    }
    out
}

/// A Mermaid flowchart.
pub fn mermaid(graph: &Graph) -> String {
    let mut out = String::from("flowchart LR\n");
    // Writing to a string does not fail.
    let _ = write_mermaid(&mut out, graph);
    out
}

fn write_mermaid(out: &mut String, graph: &Graph) -> fmt::Result {
    let quoted = |text: &str| format!("\"{}\"", text.replace('#', "#35;").replace('"', "#quot;"));
    let id = |id: &str| graph.nodes.iter().position(|node| node.id == id).unwrap_or_default();
    for (position, node) in graph.nodes.iter().enumerate() {
        let label = quoted(&node.label);
        match node.kind {
            NodeKind::Route | NodeKind::Step => writeln!(out, "  n{position}[{label}]")?,
            NodeKind::Queue => writeln!(out, "  n{position}[({label})]")?,
            NodeKind::Endpoint => writeln!(out, "  n{position}>{label}]")?,
            NodeKind::End => writeln!(out, "  n{position}([{label}])")?,
        }
    }
    for edge in &graph.edges {
        let (from, to, text) = (id(&edge.from), id(&edge.to), edge.text());
        let line = if matches!(edge.kind, EdgeKind::Answers | EdgeKind::Fails) { "-.->" } else { "-->" };
        match text.is_empty() {
            true => writeln!(out, "  n{from} {line} n{to}")?,
            false => writeln!(out, "  n{from} {line}|{}| n{to}", quoted(&text))?,
        }
    }
    Ok(())
}

/// A graph for Graphviz.
pub fn dot(graph: &Graph) -> String {
    let mut out = String::from("digraph trunkline {\n  rankdir=LR;\n");
    // Writing to a string does not fail.
    let _ = write_dot(&mut out, graph);
    out.push_str("}\n");
    out
}

fn write_dot(out: &mut String, graph: &Graph) -> fmt::Result {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    for node in &graph.nodes {
        let shape = match node.kind {
            NodeKind::Route | NodeKind::Step => "box",
            NodeKind::Queue => "cylinder",
            NodeKind::Endpoint => "cds",
            NodeKind::End => "oval",
        };
        writeln!(out, "  {} [label={}, shape={shape}];", quoted(&node.id), quoted(&node.label))?;
    }
    for edge in &graph.edges {
        let style = if matches!(edge.kind, EdgeKind::Answers | EdgeKind::Fails) { ", style=dashed" } else { "" };
        let (from, to, text) = (quoted(&edge.from), quoted(&edge.to), quoted(&edge.text()));
        writeln!(out, "  {from} -> {to} [label={text}{style}];")?;
    }
    Ok(())
}
