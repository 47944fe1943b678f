//! Patterns, and loops that hand a state on.

use std::rc::Rc;

use super::super::node::{Fold, Node, Pattern};
use super::env::Env;
use super::shape::Shape;
use super::walk::{Outs, Walk};

/// Times that a loop's state is looked at before it may be anything.
const MAX_ROUNDS: usize = 4;

impl<'p> Walk<'p> {
    /// Binds the variables of a pattern; whether that works in any case.
    pub(super) fn bind(
        &mut self,
        pattern: &'p Pattern,
        outer: &Rc<Env<'p>>,
        env: &Rc<Env<'p>>,
        value: &Shape,
    ) -> (Rc<Env<'p>>, bool) {
        match pattern {
            Pattern::Var => (Rc::new(Env::Value(Rc::new(value.clone()), Rc::clone(env))), true),
            Pattern::Parts(parts) => {
                let mut env = Rc::clone(env);
                for (index, pattern) in parts {
                    let key = self.node(index, outer, value);
                    let part = self.part_at(value, &key.shape);
                    (env, _) = self.bind(pattern, outer, &env, &part);
                }
                (env, false)
            }
        }
    }

    pub(super) fn reduce(&mut self, fold: &'p Fold, env: &Rc<Env<'p>>, input: &Shape) -> Outs {
        let (source, init) = (self.node(&fold.source, env, input), self.node(&fold.init, env, input));
        let mut state = init.shape;
        for round in 0.. {
            let (inner, _) = self.bind(&fold.pattern, env, env, &source.shape);
            let next = self.node(&fold.update, &inner, &state);
            // Without an output the state is null.
            let next = if fold.update.one { next.shape } else { next.shape.or_null() };
            let joined = state.clone().join(next);
            if joined == state {
                break;
            }
            state = if round < MAX_ROUNDS { joined } else { Shape::anything() };
        }
        Outs::maybe(state)
    }

    pub(super) fn foreach(
        &mut self,
        fold: &'p Fold,
        extract: Option<&'p Node>,
        env: &Rc<Env<'p>>,
        input: &Shape,
    ) -> Outs {
        let (source, init) = (self.node(&fold.source, env, input), self.node(&fold.init, env, input));
        let (mut state, mut given) = (init.shape, Shape::default());
        for round in 0.. {
            let (inner, _) = self.bind(&fold.pattern, env, env, &source.shape);
            let next = self.node(&fold.update, &inner, &state).shape;
            let out = extract.map_or_else(|| next.clone(), |extract| self.node(extract, &inner, &next).shape);
            let joined = state.clone().join(next.or_null());
            let all = given.clone().join(out);
            if joined == state && all == given {
                break;
            }
            (state, given) = if round < MAX_ROUNDS { (joined, all) } else { (Shape::anything(), Shape::anything()) };
        }
        Outs::maybe(given)
    }
}
