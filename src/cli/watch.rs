//! Watches the files of the project by looking at them from time to time: that also sees what is mounted, linked or
//! written by another machine, where the system tells of no change.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::{Fingerprint, Settings};

/// How often a command that waits for changes looks at what it was made from.
const LOOK: Duration = Duration::from_millis(250);

/// Waits until what is seen is no longer what was before, and has stayed so from one look to the next.
pub(super) fn until_changed<S: PartialEq>(before: &S, seen: impl Fn() -> S) {
    let mut last = None;
    loop {
        std::thread::sleep(LOOK);
        let now = seen();
        if now != *before && last.as_ref() == Some(&now) {
            return;
        }
        last = Some(now);
    }
}

/// Looks at the files of a project.
pub(super) struct Watcher {
    folder: PathBuf,
    settings: Settings,
    /// As they were when they were loaded last.
    loaded: Option<Fingerprint>,
    /// As they were at the last look.
    seen: Option<Fingerprint>,
}

impl Watcher {
    pub(super) fn new(folder: &Path, settings: &Settings) -> Self {
        let mut watcher = Self { folder: folder.to_owned(), settings: settings.clone(), loaded: None, seen: None };
        watcher.loaded = settings.reload.watch.map(|_| Fingerprint::of(folder, settings));
        watcher
    }

    /// Waits until files have changed, and have stayed so from one look to the next: who writes many files is not met in
    /// the middle of it. Never, if nobody wants it. Safe to cancel.
    pub(super) async fn changed(&mut self) {
        let Some(every) = self.settings.reload.watch else { return std::future::pending().await };
        loop {
            tokio::time::sleep(every.0).await;
            let Some(now) = self.look().await else { continue };
            let known = self.loaded.as_ref() == Some(&now);
            let steady = self.seen.as_ref() == Some(&now);
            self.seen = Some(now);
            if !known && steady {
                return;
            }
        }
    }

    /// What is there now is about to be loaded.
    pub(super) async fn loads(&mut self) {
        if self.settings.reload.watch.is_some() {
            self.loaded = self.look().await;
        }
    }

    async fn look(&self) -> Option<Fingerprint> {
        let (folder, settings) = (self.folder.clone(), self.settings.clone());
        tokio::task::spawn_blocking(move || Fingerprint::of(&folder, &settings)).await.ok()
    }
}
