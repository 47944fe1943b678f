//! What is bound while a program runs: a list on the stack, innermost first.

use super::node::Node;
use super::ops::NULL;
use super::stop::{Flow, Stop, fail};
use crate::message::Value;

/// One binding, and the ones around it.
pub(super) struct Env<'e> {
    up: Option<&'e Env<'e>>,
    bound: Bound<'e>,
}

/// What a name stands for.
pub(super) enum Bound<'e> {
    /// The end of the list.
    Nothing,
    Value(&'e Value),
    /// A filter, to be run where it was written.
    Filter(&'e Node, &'e Env<'e>),
    Label(u64),
}

impl<'e> Env<'e> {
    pub(super) fn root() -> Self {
        Self { up: None, bound: Bound::Nothing }
    }

    pub(super) fn new(up: &'e Env<'e>, bound: Bound<'e>) -> Self {
        Self { up: Some(up), bound }
    }

    /// The list without its first bindings.
    pub(super) fn up(&self, hops: usize) -> &Env<'e> {
        let mut env = self;
        for _ in 0..hops {
            match env.up {
                Some(up) => env = up,
                None => break,
            }
        }
        env
    }

    pub(super) fn value(&self, hops: usize) -> &Value {
        match &self.up(hops).bound {
            Bound::Value(value) => value,
            _ => &NULL,
        }
    }

    pub(super) fn filter(&self, hops: usize) -> Flow<(&'e Node, &'e Env<'e>)> {
        match &self.up(hops).bound {
            Bound::Filter(node, env) => Ok((node, env)),
            _ => Err(fail("the parameter is not a filter")),
        }
    }

    pub(super) fn label(&self, hops: usize) -> Stop {
        match &self.up(hops).bound {
            Bound::Label(label) => Stop::Break(*label),
            _ => fail("the label is not bound"),
        }
    }
}
