//! One run of a program: what it may still spend, and what it shares.

use std::cell::Cell;

use super::Code;
use super::format;
use super::node::Node;
use super::stop::{Flow, fail, limit};
use crate::message::{Limits, Value};

/// Levels of evaluation inside each other; bounds the stack.
const MAX_DEPTH: u32 = 320;
/// Levels of a value that is only an intermediate result; bounds the recursion over it.
const MAX_VALUE_DEPTH: usize = 512;

/// One run of a program: what it may still spend, and the variables of the run.
pub(super) struct Run<'p> {
    code: &'p Code,
    pub(super) globals: &'p [Value],
    limits: &'p Limits,
    steps: Cell<u64>,
    depth: Cell<u32>,
    labels: Cell<u64>,
    sample: Cell<u64>,
}

impl<'p> Run<'p> {
    pub(super) fn new(code: &'p Code, globals: &'p [Value], limits: &'p Limits) -> Self {
        Self {
            code,
            globals,
            limits,
            steps: Cell::new(limits.steps),
            depth: Cell::new(0),
            labels: Cell::new(0),
            sample: Cell::new(0),
        }
    }

    /// Spends evaluation steps.
    #[inline]
    pub(super) fn charge(&self, steps: usize) -> Flow {
        let left = self.steps.get().checked_sub(u64::try_from(steps).unwrap_or(u64::MAX));
        match left {
            Some(left) => {
                self.steps.set(left);
                Ok(())
            }
            None => Err(limit(format!("the mapping takes more than {} steps", self.limits.steps))),
        }
    }

    /// Spends what the making of a text of this length costs, of which so many bytes are written anew.
    pub(super) fn charge_text(&self, len: usize, written: usize) -> Flow {
        if len > self.limits.output_bytes {
            return Err(limit(format!("the mapping makes a text of more than {} bytes", self.limits.output_bytes)));
        }
        self.charge(written / 16)
    }

    /// Spends what the making of an array or object of this length costs.
    pub(super) fn charge_items(&self, len: usize, copied: usize) -> Flow {
        if len > self.limits.nodes {
            return Err(limit(format!("the mapping makes a list of more than {} values", self.limits.nodes)));
        }
        self.charge(copied)
    }

    /// Looks at every 64th value that is built, on average, so that no value gets so deep that dropping it is
    /// unsafe. What leaves the program is measured exactly, at its end.
    pub(super) fn built(&self, value: &Value) -> Flow {
        let next = self.sample.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.sample.set(next);
        if next >> 58 == 0 && format::deeper_than(value, MAX_VALUE_DEPTH) {
            return Err(limit(format!("the mapping builds a value of more than {MAX_VALUE_DEPTH} levels")));
        }
        Ok(())
    }

    pub(super) fn limits(&self) -> &Limits {
        self.limits
    }

    pub(super) fn max_items(&self) -> usize {
        self.limits.nodes
    }

    /// Runs something one level deeper.
    #[inline(always)]
    pub(super) fn deeper<T>(&self, inner: impl FnOnce() -> Flow<T>) -> Flow<T> {
        let depth = self.depth.get();
        if depth >= MAX_DEPTH {
            return Err(limit(format!("the mapping nests more than {MAX_DEPTH} evaluations")));
        }
        self.depth.set(depth + 1);
        let flow = inner();
        self.depth.set(depth);
        flow
    }

    pub(super) fn fresh_label(&self) -> u64 {
        let label = self.labels.get() + 1;
        self.labels.set(label);
        label
    }

    pub(super) fn body(&self, def: usize) -> Flow<&'p Node> {
        let def = self.code.defs.get(def).and_then(Option::as_ref);
        def.map(|def| &def.body).ok_or_else(|| fail("the function is not defined"))
    }
}
