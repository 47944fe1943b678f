//! `trunkline run`: the bus itself, from a checked project to its last message.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::adapter::store::{FileStore, RedisStore};
use crate::config::{Project, Settings};
use crate::endpoint::store::Store;
use crate::ops::{self, systemd};
use crate::runtime::{self, Asked, Bus, Handle, Signals, Threads};
use crate::telemetry::{events, logs, metrics};

use super::reload::Running;
use super::watch::Watcher;
use super::{End, output};

pub(super) fn run(folder: &Path, embedded: bool) -> End {
    let project = Running::load(folder, embedded);
    if let Some(end) = output::refuse_broken(&project) {
        return end;
    }
    output::diagnostics(&project.diagnostics);
    match serve(folder, embedded, project) {
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
    Store(#[from] crate::adapter::store::Error),
    #[error("not an address of Redis: {0}")]
    Redis(String),
    #[error(transparent)]
    Logs(#[from] logs::Error),
    #[error(transparent)]
    Metrics(#[from] metrics::Error),
    #[error(transparent)]
    Ops(#[from] ops::Error),
    #[error("the process cannot be set up: {0}")]
    Process(#[from] std::io::Error),
}

fn serve(folder: &Path, embedded: bool, project: Project) -> Result<(), Error> {
    logs::install(&project.settings.log)?;
    let metrics = metrics::install()?;
    // This thread waits for all sockets: the broker's, the store's, those of operators. The routes have threads of their
    // own, which end first.
    let sockets = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let threads = Threads::start(project.settings.threads)?;
    sockets.block_on(async {
        let (running, adapter) = Running::new(folder, embedded, project.settings)?;
        let mut signals = Signals::listen()?;
        let store = store(folder, &running.settings)?;
        let bus = Bus::start_at(threads.places(), project.plans, adapter, store, bounds(&running.settings));
        let ops = &running.settings.ops;
        let listener = ops::Settings { listen: ops.listen, allow_remote: ops.allow_remote };
        // One at a time; whoever asks meanwhile waits.
        let (requests, mut asked) = mpsc::channel(1);
        let reload = running.settings.reload.http.then_some(requests);
        let _ops = ops::serve(&listener, bus.probe(), metrics, reload).await?;
        let watcher = Watcher::new(folder, &running.settings);
        tokio::select! {
            () = live(bus, running, &mut signals, &mut asked, watcher) => Ok(()),
            () = systemd::watchdog() => Ok(()),
        }
    })
}

/// From the first route to the last message: reloads when asked, and drains when asked to stop.
async fn live(
    mut bus: Handle,
    mut running: Running,
    signals: &mut Signals,
    requests: &mut mpsc::Receiver<ops::ReloadRequest>,
    mut watcher: Watcher,
) {
    let probe = bus.probe();
    let announce = async {
        probe.ready().await;
        events::ready();
        systemd::ready();
        std::future::pending().await
    };
    tokio::pin!(announce);
    loop {
        let asked_by = tokio::select! {
            asked = signals.next() => match asked {
                Asked::Stop => break,
                Asked::Reload => None,
            },
            Some(request) = requests.recv() => Some(request),
            () = watcher.changed() => None,
            never = &mut announce => never,
        };
        systemd::reloading();
        watcher.loads().await;
        let reloaded = running.reload(&mut bus).await;
        systemd::ready();
        if let Some(asked_by) = asked_by {
            // Who asked may have gone.
            let _gone = asked_by.send(reloaded);
        }
    }
    systemd::stopping();
    tokio::select! {
        biased;
        _left = bus.shutdown() => {}
        // Asked a second time: what is in flight will be delivered again.
        () = signals.stop() => {}
    }
}

/// The store that the settings name, if they do.
pub(super) fn store(folder: &Path, settings: &Settings) -> Result<Option<Arc<dyn Store>>, Error> {
    let Some(store) = &settings.store else { return Ok(None) };
    Ok(match (&store.redis, &store.path) {
        (Some(url), _) => Some(Arc::new(RedisStore::new(url).map_err(Error::Redis)?)),
        (None, Some(path)) => {
            let bytes = u64::try_from(store.bytes.0).unwrap_or(u64::MAX);
            Some(Arc::new(FileStore::open(&folder.join(path), store.keys, bytes)?))
        }
        (None, None) => None,
    })
}

/// The runtime's bounds from the settings.
pub(super) fn bounds(settings: &Settings) -> runtime::Settings {
    runtime::Settings {
        drain_deadline: settings.shutdown.deadline.0,
        in_flight_bytes: settings.in_flight.bytes.0,
        total_messages: settings.in_flight.total_messages,
        total_bytes: settings.in_flight.total_bytes.0,
        pending_calls: settings.in_flight.calls,
    }
}
