//! The walk through a program: for each node, what it may give.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::super::Code;
use super::super::node::{Arg, Kind, Node};
use super::Finding;
use super::env::{Env, up};
use super::shape::Shape;

/// Nodes that are looked at, each time counted.
const FUEL: usize = 200_000;
/// Nodes inside each other.
const MAX_LEVELS: usize = 2_000;

/// What a node gives.
#[derive(Clone, Debug)]
pub(super) struct Outs {
    pub(super) shape: Shape,
    /// Whether it gives something in any case, and never fails.
    pub(super) sure: bool,
}

impl Outs {
    pub(super) fn sure(shape: Shape) -> Self {
        Self { shape, sure: true }
    }

    /// What may fail, or give nothing.
    pub(super) fn maybe(shape: Shape) -> Self {
        Self { shape, sure: false }
    }
}

/// What was seen at one place of the program.
#[derive(Debug, Default)]
struct Seen {
    /// Whether it was right at least once.
    right: bool,
    /// What was wrong.
    wrong: Option<Finding>,
}

/// A walk.
pub(super) struct Walk<'p> {
    pub(super) code: &'p Code,
    pub(super) source: &'p str,
    /// Whether what is wrong counts as anything behind its place, so that it is told once.
    pub(super) tells: bool,
    fuel: usize,
    levels: usize,
    /// Inside of something that catches failures.
    pub(super) guarded: usize,
    /// By the address of a node and the number of a step.
    seen: BTreeMap<(usize, usize), Seen>,
}

impl<'p> Walk<'p> {
    pub(super) fn new(code: &'p Code, source: &'p str) -> Self {
        Self { code, source, tells: true, fuel: FUEL, levels: 0, guarded: 0, seen: BTreeMap::new() }
    }

    /// What the program gives.
    pub(super) fn program(&mut self, input: &Shape) -> Shape {
        let code = self.code;
        self.node(&code.main, &Rc::new(Env::Root), input).shape
    }

    /// What was found; nothing if the program was too much to be followed.
    pub(super) fn findings(self) -> Option<Vec<Finding>> {
        let wrong = self.seen.into_values().filter(|seen| !seen.right).filter_map(|seen| seen.wrong);
        (self.fuel > 0).then(|| wrong.collect())
    }

    /// Takes some of what may be done; whether anything was left.
    pub(super) fn spend(&mut self) -> bool {
        self.fuel = self.fuel.saturating_sub(1);
        self.fuel > 0
    }

    /// Notes that a step of a node was right, or what was wrong with it. Places of the library are nobody's mistake.
    pub(super) fn saw(&mut self, node: &Node, step: usize, wrong: Option<Finding>) {
        let seen = self.seen.entry((std::ptr::from_ref(node) as usize, step)).or_default();
        match wrong {
            Some(wrong) if node.span.is_some() => seen.wrong = Some(seen.wrong.take().unwrap_or(wrong)),
            Some(_) => {}
            None => seen.right = true,
        }
    }

    /// What a node gives for an input.
    pub(super) fn node(&mut self, node: &'p Node, env: &Rc<Env<'p>>, input: &Shape) -> Outs {
        if !self.spend() || self.levels >= MAX_LEVELS {
            self.fuel = 0;
            return Outs::maybe(Shape::anything());
        }
        if input.is_never() {
            return Outs::maybe(Shape::default());
        }
        self.levels += 1;
        let outs = self.node_of(node, env, input);
        self.levels -= 1;
        outs
    }

    fn node_of(&mut self, node: &'p Node, env: &Rc<Env<'p>>, input: &Shape) -> Outs {
        match &node.kind {
            Kind::Identity => Outs::sure(input.clone()),
            Kind::Recurse => Outs::sure(Shape::anything()),
            Kind::Empty | Kind::Break(_) => Outs::maybe(Shape::default()),
            Kind::Const(value) => Outs::sure(self.constant(value, node.span)),
            Kind::Var(hops) => match up(env, *hops).as_ref() {
                Env::Value(shape, _) => Outs::sure(shape.weak()),
                _ => Outs::sure(Shape::anything()),
            },
            Kind::Global(_) => Outs::sure(Shape::anything()),
            Kind::Closure(hops) => match up(env, *hops).as_ref() {
                Env::Filter(filter, outer, _) => self.node(filter, outer, input),
                _ => Outs::maybe(Shape::anything()),
            },
            Kind::Path(base, steps) => self.path(node, base, steps, env, input),
            Kind::Pipe(left, right) => {
                let left = self.node(left, env, input);
                let right = self.node(right, env, &left.shape);
                Outs { sure: left.sure && right.sure, ..right }
            }
            Kind::Bind(source, pattern, body) => {
                let bound = self.node(source, env, input);
                let (inner, sure) = self.bind(pattern, env, env, &bound.shape);
                let body = self.node(body, &inner, input);
                Outs { sure: bound.sure && sure && body.sure, ..body }
            }
            Kind::Comma(parts) => {
                let all: Vec<Outs> = parts.iter().map(|part| self.node(part, env, input)).collect();
                let sure = all.iter().all(|outs| outs.sure);
                let shape = all.into_iter().map(|outs| outs.shape).reduce(Shape::join).unwrap_or_default();
                Outs { shape, sure }
            }
            Kind::Array(inner) => self.array(inner, env, input),
            Kind::Record(keys, values) => self.record(node, keys.all.iter(), values, env, input),
            Kind::Object(entries) => self.object(node, entries, env, input),
            Kind::Interpolate(encoding, pieces) => self.interpolated(node, *encoding, pieces, env, input),
            Kind::Format(_) => Outs::maybe(Shape::text()),
            Kind::Not(inner) => {
                let outs = self.node(inner, env, input);
                let shape = Shape { yes: outs.shape.may_be_false(), no: outs.shape.may_be_true(), ..Shape::default() };
                Outs { shape, sure: outs.sure }
            }
            Kind::And(left, right) => self.both(left, right, env, input, true),
            Kind::Or(left, right) => self.both(left, right, env, input, false),
            Kind::Alternative(left, right) => {
                self.guarded += 1;
                let first = self.node(left, env, input);
                self.guarded -= 1;
                if first.sure && !first.shape.may_be_false() {
                    return first;
                }
                let other = self.node(right, env, input);
                Outs { shape: first.shape.that_holds().join(other.shape), sure: other.sure }
            }
            Kind::If(condition, then, otherwise) => self.branches(condition, then, otherwise, env, input),
            Kind::Try(body, catch) => {
                self.guarded += 1;
                let tried = self.node(body, env, input);
                self.guarded -= 1;
                let Some(catch) = catch else { return Outs { sure: false, ..tried } };
                let caught = self.node(catch, env, &Shape::anything());
                Outs { shape: tried.shape.join(caught.shape), sure: tried.sure || caught.sure && body.one }
            }
            Kind::Negate(inner) => self.negate(node, inner, env, input),
            Kind::Math(op, left, right, repeat) => {
                let (l, r) = (self.node(left, env, input), self.node(right, env, input));
                let shape = self.math(node, *op, &l.shape, &r.shape, *repeat);
                Outs { shape, sure: false }
            }
            Kind::Compare(op, left, right) => {
                let (l, r) = (self.node(left, env, input), self.node(right, env, input));
                let shape = super::operators::compare(*op, &l.shape, &r.shape);
                let wrong = [(left, &r.shape), (right, &l.shape)];
                let wrong = wrong.into_iter().find_map(|(text, other)| super::operators::never_equal(*op, text, other));
                self.saw(node, 0, wrong);
                Outs { shape, sure: l.sure && r.sure }
            }
            Kind::Reduce(fold) => self.reduce(fold, env, input),
            Kind::Foreach(fold, extract) => self.foreach(fold, extract.as_deref(), env, input),
            Kind::Label(body) => {
                let inner = Rc::new(Env::Label(Rc::clone(env)));
                let outs = self.node(body, &inner, input);
                // What is left early has given the first of these only.
                Outs::maybe(outs.shape.weak())
            }
            Kind::Assign(..) | Kind::Update(..) | Kind::UpdateMath(..) | Kind::UpdateAlternative(..) => {
                self.updated(node, env, input)
            }
            Kind::Call(def, args, hops) => {
                let Some(Some(def)) = self.code.defs.get(*def) else { return Outs::maybe(Shape::anything()) };
                let mut scope = up(env, *hops);
                let mut sure = true;
                for arg in args {
                    scope = Rc::new(match arg {
                        Arg::Filter(filter) => Env::Filter(filter, Rc::clone(env), scope),
                        Arg::Value(value) => {
                            let outs = self.node(value, env, input);
                            sure &= outs.sure;
                            Env::Value(Rc::new(outs.shape), scope)
                        }
                    });
                }
                let outs = self.node(&def.body, &scope, input);
                Outs { sure: outs.sure && sure, ..outs }
            }
            Kind::Native(native, args) => self.native(node, native.name, args, env, input),
            Kind::Special(special, args) => self.special(node, *special, args, env, input),
            Kind::Regex(op, _, with) => self.regex(node, *op, with.as_deref(), env, input),
            Kind::Table(name, table) => self.table(node, name, table, input),
        }
    }

    fn branches(
        &mut self,
        condition: &'p Node,
        then: &'p Node,
        otherwise: &'p Node,
        env: &Rc<Env<'p>>,
        input: &Shape,
    ) -> Outs {
        let truth = self.node(condition, env, input);
        match (truth.shape.may_be_true(), truth.shape.may_be_false()) {
            (true, true) => {
                // What the branches get is what the condition has let through, which is not followed.
                let input = input.weak();
                let (then, otherwise) = (self.node(then, env, &input), self.node(otherwise, env, &input));
                let sure = truth.sure && then.sure && otherwise.sure;
                Outs { shape: then.shape.join(otherwise.shape), sure }
            }
            (true, false) => {
                let then = self.node(then, env, input);
                Outs { sure: truth.sure && then.sure, ..then }
            }
            (false, true) => {
                let otherwise = self.node(otherwise, env, input);
                Outs { sure: truth.sure && otherwise.sure, ..otherwise }
            }
            (false, false) => Outs::maybe(Shape::default()),
        }
    }

    /// `and`, where `wanted` is true, and `or`.
    fn both(&mut self, left: &'p Node, right: &'p Node, env: &Rc<Env<'p>>, input: &Shape, wanted: bool) -> Outs {
        let first = self.node(left, env, input);
        let (holds, ends) = match wanted {
            true => (first.shape.may_be_true(), first.shape.may_be_false()),
            false => (first.shape.may_be_false(), first.shape.may_be_true()),
        };
        let mut found = Shape::default();
        if ends {
            found = Shape::one_truth(!wanted);
        }
        let mut sure = first.sure;
        if holds {
            let second = self.node(right, env, input);
            sure &= second.sure;
            let truth = Shape { yes: second.shape.may_be_true(), no: second.shape.may_be_false(), ..Shape::default() };
            found = found.join(truth);
        }
        Outs { shape: found, sure }
    }
}
