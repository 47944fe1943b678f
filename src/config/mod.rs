//! A project on disk: its settings, its files, everything compiled; and how findings are shown.

mod decode;
mod environment;
mod files;
mod fingerprint;
pub mod layout;
mod project;
mod references;
pub mod render;
mod secrets;
pub mod settings;
pub mod store;
pub(crate) mod tree;
mod units;
mod unused;

pub use environment::Environment;
pub use fingerprint::Fingerprint;
pub use project::{Project, SETTINGS_FILE, Sources, test_files};
pub use settings::Settings;
pub use units::{Duration, Size};
