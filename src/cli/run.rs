//! `trunkline run`: the bus itself, from a checked project to its last message.

use std::path::Path;
use std::sync::Arc;

use crate::adapter::amqp::Amqp;
use crate::adapter::embedded::Broker as EmbeddedBroker;
use crate::config::settings::Broker;
use crate::config::{Environment, Project, Settings};
use crate::endpoint::Adapter;
use crate::ops;
use crate::runtime::{self, Bus, Signals, run_until_signal};
use crate::telemetry::{logs, metrics};

use super::{End, output};

pub(super) fn run(folder: &Path, embedded: bool) -> End {
    let mut project = Project::load(folder, &Environment::of_process());
    if let Some(end) = output::refuse_broken(&project) {
        return end;
    }
    output::diagnostics(&project.diagnostics);
    if embedded {
        project.settings.broker = Broker::Embedded;
    }
    match serve(folder, project) {
        Ok(()) => End::Good,
        Err(error) => output::misuse(&error.to_string(), None),
    }
}

/// Why the bus did not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("a certificate cannot be read: {0}")]
    Certificate(std::io::Error),
    #[error(transparent)]
    Uri(#[from] crate::adapter::amqp::UriError),
    #[error(transparent)]
    Logs(#[from] logs::Error),
    #[error(transparent)]
    Metrics(#[from] metrics::Error),
    #[error(transparent)]
    Ops(#[from] ops::Error),
    #[error("the process cannot be set up: {0}")]
    Process(#[from] std::io::Error),
}

fn serve(folder: &Path, project: Project) -> Result<(), Error> {
    let settings = project.settings;
    logs::install(&settings.log)?;
    let metrics = metrics::install()?;
    let plans = project.plans;
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let adapter = threads.block_on(async { adapter(folder, &settings) })?;
    threads.block_on(async move {
        let mut signals = Signals::listen()?;
        let bus = Bus::start(plans, adapter, bounds(&settings));
        let listener = ops::Settings { listen: settings.ops.listen, allow_remote: settings.ops.allow_remote };
        let _ops = ops::serve(&listener, bus.probe(), metrics).await?;
        run_until_signal(bus, &mut signals).await;
        Ok(())
    })
}

/// The adapter of the broker that the settings name.
pub(super) fn adapter(folder: &Path, settings: &Settings) -> Result<Arc<dyn Adapter>, Error> {
    match &settings.broker {
        Broker::Embedded => Ok(Arc::new(EmbeddedBroker::default().client())),
        Broker::Amqp(connection) => {
            let settings = connection.adapter(folder).map_err(Error::Certificate)?;
            Ok(Arc::new(Amqp::new(settings)?))
        }
    }
}

/// The runtime's bounds from the settings.
pub(super) fn bounds(settings: &Settings) -> runtime::Settings {
    runtime::Settings {
        drain_deadline: settings.shutdown.deadline.0,
        in_flight_bytes: settings.in_flight.bytes.0,
        pending_calls: settings.in_flight.calls,
    }
}
