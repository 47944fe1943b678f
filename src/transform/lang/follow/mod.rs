//! Follows a program over shapes instead of values: what it may give, and what it does that no document can make right.
//!
//! Every outcome of the program is in the shape that comes out (`soundness` holds that), so what is not in it cannot
//! happen. A place of the program is wrong only if it is wrong each time that it is reached.

mod calls;
mod fit;
mod join;
mod lazy;
mod operators;
mod paths;
mod schema;
mod shape;
#[cfg(test)]
mod soundness;
mod update;
mod walk;
mod words;

use std::ops::Range;

use super::Program;
pub(in crate::transform) use shape::Shape;

/// Something that is wrong in a program, or that may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::transform) struct Finding {
    /// One of [`crate::diagnostic::codes`].
    pub(in crate::transform) code: &'static str,
    /// Bytes of the source.
    pub(in crate::transform) span: Range<usize>,
    pub(in crate::transform) message: String,
    pub(in crate::transform) hint: String,
    /// Whether it is wrong for every document that gets there.
    pub(in crate::transform) certain: bool,
}

/// What the outputs are for.
#[derive(Clone, Copy, Debug)]
pub(in crate::transform) struct Target<'a> {
    /// What they must be.
    pub(in crate::transform) shape: &'a Shape,
    /// The name of the contract.
    pub(in crate::transform) name: &'a str,
    /// Whether a string may stand for a number, as XML is written.
    pub(in crate::transform) text_for_numbers: bool,
}

/// The stack of the thread that follows a program: enough for `walk::MAX_LEVELS`.
const STACK_BYTES: usize = 256 << 20;

impl Program {
    /// Follows the program from documents of a shape, whose contract has this name, to what its outputs are for.
    pub(in crate::transform) fn follow(
        &self,
        source: &str,
        (input, name): (&Shape, &str),
        target: Option<Target<'_>>,
    ) -> Vec<Finding> {
        let follow = || {
            let mut walk = walk::Walk::new(&self.code, source, name);
            let made = walk.program(input);
            if let Some(target) = target {
                fit::fit(&mut walk, &self.code.main, &made, target);
            }
            walk.findings()
        };
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, follow);
            thread.ok().and_then(|thread| thread.join().ok()).unwrap_or_default()
        })
    }
}
