//! A reload, whoever asks for it: the project as it is now, checked as a whole, in place of what runs; or what runs goes on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::adapter::amqp::{Amqp, AmqpSettings};
use crate::adapter::embedded::Broker as EmbeddedBroker;
use crate::config::settings::Broker;
use crate::config::{Environment, Project, Settings};
use crate::diagnostic::{Diagnostic, Severity};
use crate::endpoint::Adapter;
use crate::runtime::{Handle, Reloaded};
use crate::telemetry::events;

use super::output;
use super::run::Error;

/// The project that runs.
pub(super) struct Running {
    folder: PathBuf,
    embedded: bool,
    pub(super) settings: Settings,
    /// What the connections to the broker are made with, certificates included.
    connection: Option<AmqpSettings>,
}

impl Running {
    /// Reads a project; `embedded` overrides the broker of its settings.
    pub(super) fn load(folder: &Path, embedded: bool) -> Project {
        let mut project = Project::load(folder, &Environment::of_process());
        if embedded {
            project.settings.broker = Broker::Embedded;
        }
        project
    }

    /// What runs with these settings, and the adapter for it.
    pub(super) fn new(folder: &Path, embedded: bool, settings: Settings) -> Result<(Self, Arc<dyn Adapter>), Error> {
        let connection = connection(folder, &settings)?;
        let adapter = connect(connection.as_ref())?;
        Ok((Self { folder: folder.to_owned(), embedded, settings, connection }, adapter))
    }

    /// Puts the files as they are now into effect, or says why not; gives what it did, or the first mistake.
    pub(super) async fn reload(&mut self, bus: &mut Handle) -> Result<Reloaded, String> {
        let loaded = self.load_again().await;
        match loaded {
            Ok((project, adapter)) => Ok(bus.reload(project.plans, adapter)),
            Err((errors, first)) => {
                bus.refuse_reload(errors, &first);
                Err(first)
            }
        }
    }

    /// The project as it is now, and another adapter if one is needed; or how many mistakes there are, and the first.
    async fn load_again(&mut self) -> Result<(Project, Option<Arc<dyn Adapter>>), (usize, String)> {
        let (folder, embedded) = (self.folder.clone(), self.embedded);
        let load = tokio::task::spawn_blocking(move || Self::load(&folder, embedded));
        let project = match load.await {
            Ok(project) => project,
            Err(panicked) => return Err((1, panicked.to_string())),
        };
        let errors = || project.diagnostics.iter().filter(|one| one.severity == Severity::Error);
        if let Some(first) = errors().next() {
            output::diagnostics(&project.diagnostics);
            return Err((errors().count(), in_a_line(first)));
        }
        let adapter = self.reconnect(&project.settings).map_err(|error| (1, error.to_string()))?;
        self.warn_of_restart(&project.settings);
        Ok((project, adapter))
    }

    /// Another adapter, if the broker is to be reached in another way than so far.
    fn reconnect(&mut self, new: &Settings) -> Result<Option<Arc<dyn Adapter>>, Error> {
        let connection = connection(&self.folder, new)?;
        if connection == self.connection || connection.is_none() || self.connection.is_none() {
            return Ok(None);
        }
        let adapter = connect(connection.as_ref())?;
        self.connection = connection;
        Ok(Some(adapter))
    }

    fn warn_of_restart(&self, new: &Settings) {
        let old = &self.settings;
        let kind = |settings: &Settings| matches!(settings.broker, Broker::Embedded);
        for (section, changed) in [
            ("broker", kind(old) != kind(new)),
            ("ops", old.ops != new.ops),
            ("in_flight", old.in_flight != new.in_flight),
            ("threads", old.threads != new.threads),
            ("store", old.store != new.store),
            ("log", old.log != new.log),
            ("shutdown", old.shutdown != new.shutdown),
            ("reload", old.reload != new.reload),
        ] {
            if changed {
                events::restart_needed(section);
            }
        }
    }
}

/// The adapter of the broker that the settings name.
pub(super) fn adapter(folder: &Path, settings: &Settings) -> Result<Arc<dyn Adapter>, Error> {
    connect(connection(folder, settings)?.as_ref())
}

fn connect(connection: Option<&AmqpSettings>) -> Result<Arc<dyn Adapter>, Error> {
    match connection {
        None => Ok(Arc::new(EmbeddedBroker::default().client())),
        Some(connection) => Ok(Arc::new(Amqp::new(connection.clone())?)),
    }
}

fn connection(folder: &Path, settings: &Settings) -> Result<Option<AmqpSettings>, Error> {
    match &settings.broker {
        Broker::Embedded => Ok(None),
        Broker::Amqp(connection) => connection.adapter(folder).map(Some).map_err(Error::Certificate),
    }
}

fn in_a_line(found: &Diagnostic) -> String {
    let (line, column) = found.file.line_column(found.span.start);
    format!("{}:{line}:{column}: {} ({})", found.file.path, found.message, found.code)
}
