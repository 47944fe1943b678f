//! `trunkline contract docs`: a page for people about each contract.

use std::path::{Path, PathBuf};

use crate::config::{Environment, Project};
use crate::contract::docs::page;
use crate::route::graph::of_bus;

use super::super::{End, contracts, output};

/// Stands at the end of each page; a file without it is nobody's to overwrite.
const MARK: &str = "<!-- Written by `trunkline contract docs`. -->\n";

pub(super) fn run(dir: &Path, reference: Option<&str>, folder: Option<&Path>) -> Result<End, End> {
    match (reference, folder) {
        (Some(reference), None) => {
            let found = contracts::find(dir, reference)?;
            let text =
                page(&found.contract, &users(dir, reference), &found.limits).ok_or_else(|| no_root(reference))?;
            Ok(output::data(&text))
        }
        (None, Some(folder)) => all(dir, folder),
        (Some(_), Some(_)) => {
            Err(output::misuse("`--out` is for all contracts of the project", Some("leave one of the two out")))
        }
        (None, None) => Err(output::misuse(
            "no contract is named",
            Some("name a contract, or a folder for all of them with `--out`"),
        )),
    }
}

/// A page for each contract that the project's files name, and for each root of those that nobody names.
fn all(dir: &Path, folder: &Path) -> Result<End, End> {
    let project = Project::load(dir, &Environment::of_process());
    if let Some(end) = output::refuse_broken(&project) {
        return Err(end);
    }
    let limits = project.settings.limits.message();
    let mut pages: Vec<(PathBuf, String)> = Vec::new();
    for name in project.contracts.names() {
        let roots = match project.contracts.resolve(name) {
            Ok(contract) if contract.xml_schema().is_none_or(|(_, root)| root.is_some()) => vec![name.to_owned()],
            Ok(contract) => {
                let roots = contract.xml_schema().map(|(schema, _)| schema.roots()).unwrap_or_default();
                roots.iter().map(|root| format!("{name}#{}", root.local)).collect()
            }
            Err(_) => Vec::new(),
        };
        for reference in roots {
            let contract = project.contracts.resolve(&reference).ok();
            let text = contract.and_then(|contract| page(&contract, &users_in(&project, &reference), &limits));
            pages.extend(
                text.map(|text| (folder.join(format!("{}.md", reference.replace('#', "."))), text + "\n" + MARK)),
            );
        }
    }
    // Nothing is written if something is in the way.
    for (path, _) in &pages {
        match std::fs::read_to_string(path) {
            Ok(text) if !text.ends_with(MARK) => {
                let message = format!("`{}` is there already, and was not written by this command", path.display());
                return Err(output::misuse(&message, Some("name another folder with `--out`")));
            }
            _ => {}
        }
    }
    for (path, text) in &pages {
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        made.and_then(|()| std::fs::write(path, text))
            .map_err(|error| output::misuse(&format!("`{}` cannot be written: {error}", path.display()), None))?;
    }
    let list: String = pages.iter().map(|(path, _)| format!("{}\n", path.display())).collect();
    Ok(output::data(&list))
}

fn no_root(reference: &str) -> End {
    let hint = format!("name one, as `{reference}#Name`");
    output::misuse(&format!("`{reference}` names no root element, and has more than one"), Some(&hint))
}

/// Who uses a contract, as far as there is a project; a schema file anywhere has none.
fn users(dir: &Path, reference: &str) -> Vec<String> {
    let project = Project::load(dir, &Environment::of_process());
    if project.is_sound() { users_in(&project, reference) } else { Vec::new() }
}

fn users_in(project: &Project, reference: &str) -> Vec<String> {
    let mut users = Vec::new();
    for (name, transform) in &project.transforms {
        if transform.from().reference() == reference {
            users.push(format!("transform `{name}`, which maps from it"));
        }
        if transform.to().reference() == reference {
            users.push(format!("transform `{name}`, which maps to it"));
        }
    }
    let graph = of_bus(project.plans.iter().map(AsRef::as_ref));
    let label = |id: &str| graph.nodes.iter().find(|node| node.id == id).map_or("", |node| node.label.as_str());
    for edge in graph.edges.iter().filter(|edge| edge.contracts.iter().any(|one| one == reference)) {
        let words = edge.label.as_deref().map(|words| format!(" ({words})")).unwrap_or_default();
        users.push(format!("{} → {}{words}", label(&edge.from), label(&edge.to)));
    }
    users.dedup();
    users
}
