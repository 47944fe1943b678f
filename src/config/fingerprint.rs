//! By what a change of a project's files is seen: which there are, how long, and of what time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::files;
use super::project::SETTINGS_FILE;
use super::settings::{Broker, Settings};

/// The files of a project at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint(BTreeMap<PathBuf, (u64, Option<SystemTime>)>);

impl Fingerprint {
    /// Looks at the settings, the files in the folders that they name, the certificates, and the files of secrets.
    pub fn of(folder: &Path, settings: &Settings) -> Self {
        let mut paths = vec![folder.join(SETTINGS_FILE)];
        let directories = &settings.directories;
        for below in [&directories.routes, &directories.steps, &directories.transforms, &directories.schemas] {
            paths.extend(files::paths(&folder.join(below)));
        }
        if let Broker::Amqp(connection) = &settings.broker {
            let tls = &connection.tls;
            paths.extend([&tls.ca, &tls.certificate, &tls.key].into_iter().flatten().map(|path| folder.join(path)));
        }
        let written = std::fs::read_to_string(folder.join(SETTINGS_FILE)).unwrap_or_default();
        let secrets = written.split("${file:").skip(1).filter_map(|rest| rest.split_once('}'));
        paths.extend(secrets.map(|(path, _)| folder.join(path)));
        let stamp = |path: PathBuf| {
            let metadata = std::fs::metadata(&path).ok()?;
            Some((path, (metadata.len(), metadata.modified().ok())))
        };
        Self(paths.into_iter().filter_map(stamp).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_file_that_counts_changes_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, text).expect("written");
        };
        let settings = Settings::default();
        let now = || Fingerprint::of(folder.path(), &settings);
        write("trunkline.yaml", "broker: { url: 'amqp://u:${file:pw}@h' }\n");
        let mut before = now();
        for path in ["pw", "routes/a/b.yaml", "transforms/t.yaml", "schemas/s.xsd", "trunkline.yaml"] {
            for text in ["one", "three"] {
                write(path, text);
                let after = now();
                // The settings name the file of the secret no longer.
                assert_ne!(before, after, "{path}");
                before = after;
            }
        }
        write("README.md", "is no file of the project");
        assert_eq!(now(), before);
        std::fs::remove_file(folder.path().join("routes/a/b.yaml")).expect("removed");
        assert_ne!(now(), before);
    }
}
