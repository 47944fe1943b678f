//! Text of a message: short text inline, long text a shared slice of the body.

/// UTF-8 text that clones without copying.
///
/// Up to 23 bytes are stored inline; longer text is a reference-counted slice, so that a value read
/// from a body shares the body's memory.
pub type Text = hipstr::HipStr<'static>;
