//! Keywords that say something of a single text or number, taken out of their schema.

use jsonschema::PatternOptions;

use super::exact::{KEYWORDS, keyword};
use super::node::{Document, to_serde};
use crate::message::Value;

/// Whether a value is as the keywords of a small schema say, by the engine that validates with the whole one. What the
/// engine does not take as a schema says nothing.
pub(crate) fn allows(keywords: &Value, value: &Value) -> bool {
    let mut options = jsonschema::options_for::<Document>()
        .with_pattern_options(PatternOptions::regex())
        .should_validate_formats(true)
        .should_ignore_unknown_formats(true);
    for name in KEYWORDS {
        options = options.with_keyword(name, keyword(name));
    }
    options.build(&to_serde(keywords)).map_or(true, |validator| validator.is_valid(value))
}
