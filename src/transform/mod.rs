//! Transforms: declarative mappings from one contract to another.

pub mod lang;

mod compile;
mod model;
mod run;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use compile::Transform;
pub use model::{Cell, Model};

/// The variables of every mapping and expression, in the order in which a run binds them: `$headers`,
/// `$properties`, `$route`, `$message`.
pub const VARIABLES: [&str; 4] = ["headers", "properties", "route", "message"];

/// The transforms of a project by name, as `chat/order-status-to-erp`.
pub type Transforms = BTreeMap<String, Arc<Transform>>;
