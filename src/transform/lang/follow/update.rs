//! Updates over shapes, for paths of plain steps from the input; any other path makes anything.

use std::rc::Rc;

use super::super::node::{Kind, Node, Part, Span, Step};
use super::env::Env;
use super::lazy::Lazy;
use super::operators;
use super::shape::{Field, Object, Shape};
use super::walk::{Outs, Walk};

/// Gives the new shape of a place, and whether the place stays in any case.
type Change<'c, 'p> = &'c mut dyn FnMut(&mut Walk<'p>, &Shape) -> (Shape, bool);

impl<'p> Walk<'p> {
    pub(super) fn updated(&mut self, node: &'p Node, env: &Rc<Env<'p>>, input: &Shape) -> Outs {
        let shape = match &node.kind {
            Kind::Update(path, value) => {
                self.update(path, input, node.span, &mut |walk, old| (walk.node(value, env, old).shape, value.one))
            }
            Kind::Assign(path, value) => {
                let new = self.node(value, env, input).shape;
                self.update(path, input, node.span, &mut |_, _| (new.clone(), true))
            }
            Kind::UpdateMath(path, op, value) => {
                let new = self.node(value, env, input).shape;
                self.update(path, input, node.span, &mut |_, old| (operators::math(*op, old, &new, false, None), true))
            }
            Kind::UpdateAlternative(path, value) => {
                let new = self.node(value, env, input).shape;
                self.update(path, input, node.span, &mut |_, old| (old.clone().that_holds().join(new.clone()), true))
            }
            _ => None,
        };
        Outs::maybe(shape.unwrap_or_else(Shape::anything))
    }

    fn update(&mut self, path: &'p Node, value: &Shape, at: Span, change: Change<'_, 'p>) -> Option<Shape> {
        match &path.kind {
            Kind::Path(base, steps) if matches!(base.kind, Kind::Identity) => {
                self.change(steps, value, path.span.or(at), change)
            }
            _ => None,
        }
    }

    fn change(&mut self, steps: &'p [Step], value: &Shape, at: Span, change: Change<'_, 'p>) -> Option<Shape> {
        let Some((step, rest)) = steps.split_first() else {
            let (new, stays) = change(self, value);
            return stays.then_some(new);
        };
        if step.optional || !self.spend() {
            return None;
        }
        match &step.part {
            Part::Key(key) => {
                let mut found = Shape::default();
                if value.null {
                    let new = self.change(rest, &Shape::null(), at, change)?;
                    if !new.is_never() {
                        let field = Field { shape: Lazy::of(new), certain: true, key: at, value: at };
                        found =
                            Shape::object(Object { fields: [(key.clone(), field)].into(), at, ..Object::default() });
                    }
                }
                if let Some(object) = &value.object {
                    let old = match object.get(key) {
                        Some((shape, true)) => shape,
                        Some((shape, false)) => shape.or_null(),
                        None => Shape::null(),
                    };
                    let new = self.change(rest, &old, at, change)?;
                    if !new.is_never() {
                        let field = Field { shape: Lazy::of(new), certain: true, key: at, value: at };
                        let mut object = object.clone();
                        object.fields.insert(key.clone(), field);
                        found = found.join(Shape::object(object));
                    }
                }
                Some(found)
            }
            Part::Iterate => {
                let mut found = Shape { null: value.null, ..Shape::default() };
                if let Some(list) = &value.list {
                    let new = self.inner(&list.items, rest, at, change)?;
                    found = found.join(Shape::list(new, list.filled, list.at));
                }
                if let Some(object) = &value.object {
                    let mut object = object.clone();
                    for field in object.fields.values_mut() {
                        field.shape = self.inner(&field.shape, rest, at, change)?;
                    }
                    if let Some(other) = object.rest.take() {
                        object.rest = Some(self.inner(&other, rest, at, change)?);
                    }
                    found = found.join(Shape::object(object));
                }
                Some(found)
            }
            Part::Index(_) | Part::Slice(..) => None,
        }
    }

    fn inner(&mut self, part: &Lazy, rest: &'p [Step], at: Span, change: Change<'_, 'p>) -> Option<Lazy> {
        let old = part.look();
        match old.is_never() {
            true => Some(Lazy::Never),
            false => self.change(rest, &old, at, change).map(Lazy::of),
        }
    }

    /// `del(…)`: what is removed may still be there where that is not simple to say.
    pub(super) fn deleted(&mut self, path: &'p Node, input: &Shape) -> Shape {
        let steps = match &path.kind {
            Kind::Path(base, steps) if matches!(base.kind, Kind::Identity) => steps,
            _ => return Shape::anything(),
        };
        let ([Step { part: Part::Key(key), .. }], true) = (&**steps, input.object.is_some()) else {
            return Shape::anything();
        };
        let mut shape = input.clone();
        if let Some(object) = &mut shape.object {
            let gone = Field { shape: Lazy::Never, certain: false, key: None, value: None };
            match object.rest.is_some() {
                true => drop(object.fields.insert(key.clone(), gone)),
                false => drop(object.fields.remove(key)),
            }
        }
        shape
    }
}
