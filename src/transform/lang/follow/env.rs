//! What is bound where a program is followed.

use std::rc::Rc;

use super::super::node::Node;
use super::shape::Shape;

/// What is bound, innermost first.
#[derive(Debug)]
pub(super) enum Env<'p> {
    Root,
    Value(Rc<Shape>, Rc<Env<'p>>),
    Filter(&'p Node, Rc<Env<'p>>, Rc<Env<'p>>),
    Label(Rc<Env<'p>>),
}

/// The environment without its first bindings.
pub(super) fn up<'p>(env: &Rc<Env<'p>>, hops: usize) -> Rc<Env<'p>> {
    let mut env = Rc::clone(env);
    for _ in 0..hops {
        let outer = match env.as_ref() {
            Env::Value(_, outer) | Env::Filter(_, _, outer) | Env::Label(outer) => Rc::clone(outer),
            Env::Root => break,
        };
        env = outer;
    }
    env
}
