//! A project on disk: its settings, its files, everything compiled; and how findings are shown.

mod files;
mod project;
pub mod render;
mod secrets;
pub mod settings;

pub use files::{read_file, read_schemas};
pub use project::Project;
pub use settings::Settings;
