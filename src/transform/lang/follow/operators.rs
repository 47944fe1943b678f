//! Operators over shapes.

use std::rc::Rc;

use jaq_core::ops::{Cmp, Math};

use super::super::node::{Kind, Node, Span};
use super::env::Env;
use super::lazy::Lazy;
use super::scalars::{Numbers, Texts};
use super::shape::{Field, List, MAX_EACH, Object, Shape};
use super::walk::{Outs, Walk};
use super::{Finding, words};
use crate::diagnostic::{codes, did_you_mean};
use crate::message::Value;

impl<'p> Walk<'p> {
    /// `l op r`; told if it never works.
    pub(super) fn math(&mut self, node: &'p Node, op: Math, l: &Shape, r: &Shape, repeat: bool) -> Shape {
        let found = math(op, l, r, repeat, node.span);
        let known = !l.is_never() && !r.is_never();
        let wrong = (known && found.is_never() && self.guarded == 0).then(|| {
            let (l, r) = (words::types(l), words::types(r));
            let (message, hint) = match op {
                Math::Add => (
                    format!("{l} and {r} cannot be added"),
                    "make both text, as in `\"\\(.a) \\(.b)\"`, or both numbers, with `tonumber`",
                ),
                Math::Sub => (
                    format!("{r} cannot be subtracted from {l}"),
                    "numbers and arrays have a difference: see `tonumber`",
                ),
                Math::Mul => (format!("{l} and {r} cannot be multiplied"), "make both numbers, with `tonumber`"),
                Math::Div => (format!("{l} cannot be divided by {r}"), "make both numbers, with `tonumber`"),
                Math::Rem => (format!("{l} and {r} have no remainder"), "make both numbers, with `tonumber`"),
            };
            self.finding(node, codes::MAPPING_TYPE, message, hint)
        });
        self.seen(node, wrong, found)
    }

    /// Notes what was found of a node as a whole. What is told once is not told again where its value goes.
    pub(super) fn seen(&mut self, node: &'p Node, wrong: Option<Finding>, found: Shape) -> Shape {
        let is_wrong = wrong.as_ref().is_some_and(|wrong| wrong.certain);
        self.saw(node, 0, wrong);
        if is_wrong && self.tells { Shape::anything() } else { found }
    }

    pub(super) fn negate(&mut self, node: &'p Node, inner: &'p Node, env: &Rc<Env<'p>>, input: &Shape) -> Outs {
        let outs = self.node(inner, env, input);
        let never = outs.shape.number.is_none() && !outs.shape.is_never() && self.guarded == 0;
        let wrong = never.then(|| {
            let message = format!("{} cannot be negated", words::types(&outs.shape));
            self.finding(node, codes::MAPPING_TYPE, message, "make it a number, with `tonumber`")
        });
        let shape =
            self.seen(node, wrong, Shape { number: outs.shape.number.as_ref().map(Numbers::kind), ..Shape::default() });
        Outs { sure: outs.sure && outs.shape.types() == ["number"], shape }
    }

    /// Something that is wrong with a whole node.
    pub(super) fn finding(&self, node: &Node, code: &'static str, message: String, hint: &str) -> Finding {
        let span = node.span.map_or(0..0, |(start, end)| start as usize..end as usize);
        Finding { code, span, message, hint: hint.to_owned(), certain: true }
    }
}

/// What `l op r` may give; never, if it always fails. `repeat` allows the repetition of strings. `at` is where.
pub(super) fn math(op: Math, l: &Shape, r: &Shape, repeat: bool, at: Span) -> Shape {
    let numbers = l.number.as_ref().zip(r.number.as_ref()).map(|(a, b)| match (a.broken || b.broken, op) {
        (false, Math::Add | Math::Sub | Math::Mul) | (_, Math::Rem) => Numbers::WHOLE,
        _ => Numbers::ANY,
    });
    let mut found = Shape { number: numbers, ..Shape::default() };
    let texts = l.text.is_some() && r.text.is_some();
    match op {
        Math::Add => {
            if l.null {
                found = found.join(r.clone());
            }
            if r.null {
                found = found.join(l.clone());
            }
            if let (Some(a), Some(b)) = (&l.text, &r.text) {
                found = found.join(Shape { text: Some(a.followed_by(b, at)), ..Shape::default() });
            }
            if let (Some(a), Some(b)) = (&l.list, &r.list) {
                found = found.join(both(a, b));
            }
            if let (Some(a), Some(b)) = (&l.object, &r.object) {
                found = found.join(Shape::object(merge(a, b)));
            }
        }
        Math::Sub => {
            if let (Some(a), Some(_)) = (&l.list, &r.list) {
                found = found.join(Shape::list(a.items.clone(), false, a.at));
            }
        }
        Math::Mul => {
            if repeat && (l.text.is_some() && r.number.is_some() || l.number.is_some() && r.text.is_some()) {
                found = found.join(Shape::text().or_null());
            }
            if l.object.is_some() && r.object.is_some() {
                found = found.join(Shape::object(Object { rest: Some(Lazy::Any), ..Object::default() }));
            }
        }
        Math::Div => {
            if texts {
                found = found.join(Shape::list(Lazy::of(Shape::text()), false, None));
            }
        }
        Math::Rem => {}
    }
    found
}

/// The items of both.
fn both(a: &List, b: &List) -> Shape {
    let mut shape = Shape::list(a.items.clone().join(b.items.clone()), a.filled || b.filled, a.at.or(b.at));
    // What the program writes down is known one by one.
    let each = |list: &List| match &list.each {
        Some(each) => Some(each.to_vec()),
        None => list.at.map(|_| vec![list.items.clone()]),
    };
    if let (Some(list), Some(a), Some(b)) = (&mut shape.list, each(a), each(b)) {
        list.each = (a.len().saturating_add(b.len()) <= MAX_EACH).then(|| a.into_iter().chain(b).collect());
    }
    shape
}

/// The members of both; those of the right side win.
fn merge(left: &Object, right: &Object) -> Object {
    let mut fields = left.fields.clone();
    if let Some(rest) = &right.rest {
        for (_, field) in fields.iter_mut().filter(|(name, _)| !right.fields.contains_key(*name)) {
            field.shape = field.shape.clone().join(rest.clone());
        }
    }
    for (name, new) in &right.fields {
        let old = fields.remove(name);
        let old_rest = left.rest.as_ref();
        let field = match (new.certain, old) {
            (true, _) => new.clone(),
            (false, Some(old)) => Field {
                shape: old.shape.join(new.shape.clone()),
                certain: old.certain,
                key: old.key.or(new.key),
                value: old.value.or(new.value),
            },
            (false, None) => {
                let shape = old_rest.map_or_else(|| new.shape.clone(), |rest| new.shape.clone().join(rest.clone()));
                Field { shape, ..new.clone() }
            }
        };
        fields.insert(name.clone(), field);
    }
    let rest = match (&left.rest, &right.rest) {
        (Some(a), Some(b)) => Some(a.clone().join(b.clone())),
        (a, b) => a.clone().or_else(|| b.clone()),
    };
    let of = super::join::contracts(left.of.clone(), right.of.clone());
    Object { fields, rest, at: left.at.or(right.at), of }
}

/// What a comparison may give.
pub(super) fn compare(op: Cmp, l: &Shape, r: &Shape) -> Shape {
    if l.is_never() || r.is_never() {
        return Shape::default();
    }
    let (same, other) = match op {
        Cmp::Eq => (true, false),
        Cmp::Ne => (false, true),
        _ => return Shape::truth(),
    };
    match (may_be_equal(l, r), only(l) && only(r)) {
        (false, _) => Shape::one_truth(other),
        (true, true) => Shape::one_truth(same),
        (true, false) => Shape::truth(),
    }
}

/// A text of the program that is compared with others, none of which it is. Only what is close to one of them is a
/// mistake beyond doubt.
pub(super) fn never_equal(op: Cmp, text: &Node, other: &Shape) -> Option<Finding> {
    let (Kind::Const(Value::String(text)), Some((start, end))) = (&text.kind, text.span) else { return None };
    let known = match (op, &other.text) {
        (Cmp::Eq | Cmp::Ne, Some(Texts::OneOf(known))) if !known.contains_key(text) => known,
        _ => return None,
    };
    let names = || known.keys().map(|known| known.as_str());
    let certain = did_you_mean(text, names()).is_some();
    let message = format!("this is never \"{text}\"");
    let span = start as usize..end as usize;
    Some(Finding { code: codes::MAPPING_TYPE, span, message, hint: words::meant(text, names, "there is"), certain })
}

/// Whether the shape is one value.
fn only(shape: &Shape) -> bool {
    let scalar = shape.number.is_none() && shape.list.is_none() && shape.object.is_none();
    let texts = shape.text.as_ref().map_or(0, |texts| if texts.only().is_some() { 1 } else { 2 });
    let singles = [shape.null, shape.yes, shape.no].into_iter().filter(|there| *there).count();
    scalar && singles + texts == 1
}

/// Whether some value is in both.
pub(super) fn may_be_equal(l: &Shape, r: &Shape) -> bool {
    let texts = l.text.as_ref().zip(r.text.as_ref()).is_some_and(|(a, b)| a.meets(b));
    let numbers = l.number.as_ref().zip(r.number.as_ref()).is_some_and(|(a, b)| a.meets(b));
    let parts = l.list.is_some() && r.list.is_some() || l.object.is_some() && r.object.is_some();
    l.null && r.null || l.yes && r.yes || l.no && r.no || texts || numbers || parts
}
