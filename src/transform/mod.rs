//! Transforms: declarative mappings from one contract to another.

pub mod lang;

mod check;
mod compile;
mod documents;
mod embedded;
mod model;
mod run;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::message::Value;

pub use check::{Entrance, Use, Wanted, admits};
pub use compile::Transform;
pub use documents::{Documents, of_json};
pub use embedded::Embedded;
pub use model::{Cell, Model};

/// The variables of every mapping and expression, in the order in which a run binds them: `$headers`,
/// `$properties`, `$route`, `$message`, `$state`.
pub const VARIABLES: [&str; 5] = ["headers", "properties", "route", "message", "state"];

/// A value for each of [`VARIABLES`].
pub type Variables = [Value; VARIABLES.len()];

/// Whether a program looks at each of [`VARIABLES`].
pub type Uses = [bool; VARIABLES.len()];

/// The transforms of a project by name, as `chat/order-status-to-erp`.
pub type Transforms = BTreeMap<String, Arc<Transform>>;
