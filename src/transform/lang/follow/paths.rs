//! Steps into a value, and what cannot be there.

use std::rc::Rc;

use super::super::node::{Node, Part, Span, Step};
use super::env::Env;
use super::lazy::Lazy;
use super::shape::Shape;
use super::walk::{Outs, Walk};
use super::{Finding, words};
use crate::diagnostic::codes;
use crate::message::Text;

/// What a step finds.
struct Found {
    outs: Outs,
    /// What is wrong, if it never finds anything.
    wrong: Option<Wrong>,
}

/// Why a step never finds anything.
enum Wrong {
    /// An object has no such member.
    Absent(Text),
    /// There is nothing to go into.
    Scalar,
}

impl<'p> Walk<'p> {
    pub(super) fn path(
        &mut self,
        node: &'p Node,
        base: &'p Node,
        steps: &'p [Step],
        env: &Rc<Env<'p>>,
        input: &Shape,
    ) -> Outs {
        let mut at = self.node(base, env, input);
        for (number, step) in steps.iter().enumerate() {
            if at.shape.is_never() {
                return Outs::maybe(Shape::default());
            }
            let found = self.step(step, env, input, &at.shape);
            let quiet = step.optional || self.guarded > 0;
            let wrong = match found.wrong {
                None => None,
                Some(Wrong::Scalar) if quiet => None,
                Some(wrong) => Some(self.impossible(node, steps, number, &at.shape, &wrong)),
            };
            let is_wrong = wrong.is_some();
            self.saw(node, number, wrong);
            let sure = at.sure && found.outs.sure && !step.optional;
            // What is told once is not told again where its value goes.
            at = if is_wrong && self.tells { Outs::maybe(Shape::anything()) } else { Outs { sure, ..found.outs } };
        }
        at
    }

    fn step(&mut self, step: &'p Step, env: &Rc<Env<'p>>, input: &Shape, value: &Shape) -> Found {
        match &step.part {
            Part::Key(key) => member(value, key),
            Part::Index(index) => {
                let index = self.node(index, env, input);
                if let (Some(key), 1) =
                    (index.shape.text.as_ref().and_then(|texts| texts.only()), index.shape.types().len())
                {
                    return member(value, &key.clone());
                }
                let shape = self.part_at(value, &index.shape);
                let numbers = index.shape.number.is_some() && index.shape.types().len() == 1;
                let scalar = value.list.is_none() && value.object.is_none() && value.text.is_none() && !value.null;
                let never = scalar || numbers && value.list.is_none() && !value.null;
                let wrong = (never && !index.shape.is_never()).then_some(Wrong::Scalar);
                Found { outs: Outs::maybe(shape), wrong }
            }
            Part::Iterate => {
                let list = value.list.as_ref().map_or(Lazy::Never, |list| list.items.clone());
                let members = value.object.as_ref().map_or(Lazy::Never, |object| object.values());
                let wrong = (value.list.is_none() && value.object.is_none()).then_some(Wrong::Scalar);
                let filled = value.list.as_ref().is_some_and(|list| list.filled);
                let sure = filled && value.types().len() == 1;
                Found { outs: Outs { shape: list.join(members).look(), sure }, wrong }
            }
            Part::Slice(from, to) => {
                for bound in [from, to].into_iter().flatten() {
                    self.node(bound, env, input);
                }
                let mut shape = Shape { null: value.null, ..Shape::default() };
                if let Some(list) = &value.list {
                    shape = shape.join(Shape::list(list.items.weak(), false, list.at));
                }
                if value.text.is_some() {
                    shape = shape.join(Shape::text());
                }
                let wrong = shape.is_never().then_some(Wrong::Scalar);
                Found { outs: Outs::maybe(shape), wrong }
            }
        }
    }

    /// What stands at a key or index that is itself only known by its shape.
    pub(super) fn part_at(&self, value: &Shape, index: &Shape) -> Shape {
        if let (Some(key), 1) = (index.text.as_ref().and_then(|texts| texts.only()), index.types().len()) {
            return member(value, key).outs.shape;
        }
        // A slice, or where an array stands in an array.
        if index.object.is_some() || index.list.is_some() {
            return Shape::anything();
        }
        let mut shape = Shape { null: value.null, ..Shape::default() };
        if let (Some(list), Some(_)) = (&value.list, &index.number) {
            shape = shape.join(list.items.look().weak()).or_null();
        }
        if let (Some(object), Some(_)) = (&value.object, &index.text) {
            shape = shape.join(object.values().look().weak()).or_null();
        }
        shape
    }

    fn impossible(&self, node: &Node, steps: &[Step], number: usize, value: &Shape, wrong: &Wrong) -> Finding {
        let span = self.place(node.span, steps, number);
        match wrong {
            Wrong::Absent(key) => {
                let (message, hint) = Self::absent(key, value);
                Finding { code: codes::MAPPING_PATH, span, message, hint, certain: true }
            }
            Wrong::Scalar => {
                let message = format!("this goes into {}, which has no parts of this kind", words::types(value));
                let hint = match (&value.object, &value.list) {
                    (None, Some(_)) => "it is an array: `.[]` gives its items".to_owned(),
                    (Some(object), _) => words::names("it has", object.fields.keys().map(|name| name.as_str())),
                    _ => "take the value itself".to_owned(),
                };
                Finding { code: codes::MAPPING_TYPE, span, message, hint, certain: true }
            }
        }
    }

    /// What to say of a member that an object cannot have.
    pub(super) fn absent(key: &str, value: &Shape) -> (String, String) {
        let object = value.object.as_ref();
        let contracts: Vec<&str> = object.into_iter().flat_map(|object| &object.of).map(AsRef::as_ref).collect();
        let message = match (object.is_some_and(|object| object.at.is_none()), contracts.as_slice()) {
            (true, []) => format!("there is no `{key}` here"),
            (true, names) => format!("`{}` has no `{key}` here", names.join("` or `")),
            (false, _) => format!("the object that is made here has no `{key}`"),
        };
        let known = || object.into_iter().flat_map(|object| object.fields.keys()).map(|name| name.as_str());
        (message, words::meant(key, known, "there is"))
    }

    /// The place of one step in the source of a path.
    pub(super) fn place(&self, span: Span, steps: &[Step], number: usize) -> std::ops::Range<usize> {
        let Some((start, end)) = span else { return 0..0 };
        let (mut from, end) = (start as usize, end as usize);
        let mut found = from..end;
        for step in steps.iter().take(number + 1) {
            let text = self.source.get(from..end).unwrap_or_default();
            let next = match &step.part {
                Part::Key(key) => text.find(key.as_str()).map(|at| (from + at, key.len())),
                Part::Index(index) => index.span.map(|(a, b)| (a as usize, (b - a) as usize)),
                Part::Iterate => text.find("[]").map(|at| (from + at, 2)),
                Part::Slice(..) => None,
            };
            let Some((at, length)) = next.filter(|(at, length)| *at >= from && at + length <= end) else {
                return from..end;
            };
            found = at..at + length;
            from = at + length;
        }
        found
    }
}

/// The member of a constant name.
fn member(value: &Shape, key: &str) -> Found {
    let found = value.object.as_ref().map(|object| object.get(key));
    let types = value.types().len();
    match found {
        Some(Some((shape, certain))) => {
            let sure = types - usize::from(value.null) == 1;
            let shape = if certain && !value.null { shape } else { shape.or_null() };
            Found { outs: Outs { shape, sure }, wrong: None }
        }
        Some(None) => Found { outs: Outs::maybe(Shape::null()), wrong: Some(Wrong::Absent(Text::from(key))) },
        None if value.null => Found { outs: Outs { shape: Shape::null(), sure: types == 1 }, wrong: None },
        None => Found { outs: Outs::maybe(Shape::default()), wrong: Some(Wrong::Scalar) },
    }
}
