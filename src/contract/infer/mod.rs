//! Schemas proposed from example documents: what all of them have in common, and nothing that they do not show.
//!
//! A proposal is a beginning for people to go on from. The examples are valid under it; what is narrower than that is
//! said only where enough examples agree.

mod json;
mod texts;
pub mod xml;

pub use json::{Formats, Seen};
