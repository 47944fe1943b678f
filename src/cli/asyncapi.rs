//! `trunkline asyncapi`: the bus in the words of AsyncAPI.

use std::path::Path;

use crate::config::settings::Broker;
use crate::config::{Environment, Project};
use crate::route::asyncapi::{About, Server, document};

use super::{End, output};

pub(super) fn run(dir: &Path, title: &str, version: &str) -> End {
    let project = Project::load(dir, &Environment::of_process());
    if let Some(end) = output::refuse_broken(&project) {
        return end;
    }
    let settings = &project.settings;
    let server = match &settings.broker {
        Broker::Amqp(connection) => place(&connection.url),
        Broker::Embedded => None,
    };
    let about = About { title, version, server, schemas: &settings.directories.schemas };
    let document = document(project.plans.iter().map(AsRef::as_ref), &about);
    output::data(&format!("{document:#}\n"))
}

/// Where a broker's URL leads: nothing of who logs in.
fn place(url: &str) -> Option<Server> {
    let url = url::Url::parse(url).ok()?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let path = if url.path().is_empty() { "/" } else { url.path() };
    Some(Server {
        protocol: url.scheme().to_owned(),
        host: format!("{}{port}", url.host_str()?),
        path: path.to_owned(),
    })
}
