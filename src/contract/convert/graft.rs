//! An `#any` fragment, put into the document that is being written.

use super::to_xml::Writer;
use crate::contract::plan::types::Elements;
use crate::message::Value;

/// Puts a fragment out, where a wildcard of the content model admits it.
pub(super) fn graft(writer: &mut Writer<'_>, _elements: &Elements, value: &Value) {
    let Value::String(_) = value else {
        return writer.refuse("string-expected", "the text of one XML element is expected");
    };
    writer.refuse("any-fragment", "fragments are not read yet");
}
