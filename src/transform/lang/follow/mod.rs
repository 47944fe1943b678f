//! Follows a program over shapes instead of values: what it may give, and what it does that no document can make right.
//!
//! Every outcome of the program is in the shape that comes out (`soundness` holds that), so what is not in it cannot
//! happen. A place of the program is wrong only if it is wrong each time that it is reached.

mod calls;
mod env;
mod fit;
mod folds;
mod join;
mod lazy;
mod made;
mod operators;
mod parts;
mod paths;
mod places;
mod scalars;
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
    /// Whether it is told where nothing is known of a value.
    pub(in crate::transform) tells_unknown: bool,
}

/// The stack of the thread that follows a program: enough for `walk::MAX_LEVELS`.
const STACK_BYTES: usize = 256 << 20;

/// A program that was followed.
#[derive(Debug)]
pub(in crate::transform) struct Followed {
    /// In order of place; none if the program was too much to be followed.
    pub(in crate::transform) findings: Vec<Finding>,
    /// What it gives.
    pub(in crate::transform) made: Shape,
}

impl Program {
    /// Follows the program from documents of a shape to what its outputs are for.
    pub(in crate::transform) fn follow(&self, source: &str, input: &Shape, target: Option<Target<'_>>) -> Followed {
        let followed = deep(|| {
            let mut walk = walk::Walk::new(&self.code, source);
            let made = walk.program(input);
            let mut findings = walk.findings()?;
            let whole = self.code.main.span.or_else(|| Some((0, u32::try_from(source.len()).ok()?)));
            findings.extend(target.iter().flat_map(|target| fit::fit(&made, *target, whole)));
            findings.sort_by(|a, b| (a.span.start, a.span.end, a.code).cmp(&(b.span.start, b.span.end, b.code)));
            findings.dedup();
            Some(Followed { findings, made })
        });
        followed.unwrap_or_else(|| Followed { findings: Vec::new(), made: Shape::anything() })
    }

    /// What the program gives for documents of a shape, whatever may be wrong.
    pub(in crate::transform) fn gives(&self, source: &str, input: &Shape) -> Shape {
        let given = deep(|| {
            let mut walk = walk::Walk::new(&self.code, source);
            walk.tells = false;
            let made = walk.program(input);
            walk.findings().map(|_| made)
        });
        given.unwrap_or_else(Shape::anything)
    }
}

/// Does something that recurses with a program.
fn deep<T: Send>(work: impl FnOnce() -> Option<T> + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        thread.ok().and_then(|thread| thread.join().ok()).flatten()
    })
}

/// What of these values does not fit, wherever they were made.
pub(in crate::transform) fn misfits(made: &Shape, target: Target<'_>) -> Vec<Finding> {
    fit::fit(&made.elsewhere(), target, None)
}
