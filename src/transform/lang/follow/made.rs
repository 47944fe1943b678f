//! What a program writes down: constants, objects, arrays and texts, with the places of their parts.

use std::rc::Rc;

use super::super::node::{Format, Kind, Node, Piece, Span};
use super::env::Env;
use super::lazy::Lazy;
use super::scalars::Texts;
use super::shape::{Field, Object, Shape};
use super::walk::{Outs, Walk};
use crate::message::{Text, Value};

impl<'p> Walk<'p> {
    pub(super) fn array(&mut self, inner: &'p Node, env: &Rc<Env<'p>>, input: &Shape) -> Outs {
        let Kind::Comma(parts) = &inner.kind else {
            let items = self.node(inner, env, input);
            return Outs { shape: Shape::list(Lazy::of(items.shape), items.sure, inner.span), sure: items.sure };
        };
        let all: Vec<Outs> = parts.iter().map(|part| self.node(part, env, input)).collect();
        let sure = all.iter().all(|outs| outs.sure);
        let filled = all.iter().any(|outs| outs.sure);
        let each = all.into_iter().map(|outs| outs.shape).filter(|shape| !shape.is_never()).collect();
        let mut shape = Shape::list_of(each, inner.span);
        if let Some(list) = &mut shape.list {
            list.filled = filled;
        }
        Outs { shape, sure }
    }

    /// An object whose keys are known.
    pub(super) fn record<'k>(
        &mut self,
        node: &'p Node,
        keys: impl Iterator<Item = &'k Text>,
        values: &'p [Node],
        env: &Rc<Env<'p>>,
        input: &Shape,
    ) -> Outs {
        let places = self.keys_at(node.span);
        let mut object = Object { at: node.span, ..Object::default() };
        let mut sure = true;
        for (key, value) in keys.zip(values) {
            let outs = self.node(value, env, input);
            sure &= outs.sure;
            if outs.shape.is_never() {
                return Outs::maybe(Shape::default());
            }
            let place = places.and_then(|keys| keys.iter().find(|(known, _)| known == key)).and_then(|(_, at)| *at);
            let field = Field {
                shape: Lazy::of(outs.shape),
                certain: true,
                key: place.or(value.span).or(node.span),
                value: value.span.or(place).or(node.span),
            };
            object.fields.insert(key.clone(), field);
        }
        Outs { shape: Shape::object(object), sure }
    }

    pub(super) fn object(
        &mut self,
        node: &'p Node,
        entries: &'p [(Node, Node)],
        env: &Rc<Env<'p>>,
        input: &Shape,
    ) -> Outs {
        let mut object = Object { at: node.span, ..Object::default() };
        let mut sure = true;
        for (key, value) in entries {
            let (name, outs) = (self.node(key, env, input), self.node(value, env, input));
            sure &= name.sure && outs.sure;
            if outs.shape.is_never() {
                return Outs::maybe(Shape::default());
            }
            let shape = Lazy::of(outs.shape);
            match name.shape.text.as_ref().and_then(|texts| texts.only()) {
                Some(name) => {
                    let (key, value) = (key.span.or(node.span), value.span.or(key.span).or(node.span));
                    object.fields.insert(name.clone(), Field { shape, certain: true, key, value });
                }
                None => {
                    // Whichever name it is, it may be one of those that are known.
                    for field in object.fields.values_mut() {
                        field.shape = field.shape.clone().join(shape.clone());
                    }
                    object.rest = Some(object.rest.map_or(shape.clone(), |rest| rest.join(shape)));
                }
            }
        }
        Outs { shape: Shape::object(object), sure }
    }

    /// A text with values in it.
    pub(super) fn interpolated(
        &mut self,
        node: &'p Node,
        encoding: Format,
        pieces: &'p [Piece],
        env: &Rc<Env<'p>>,
        input: &Shape,
    ) -> Outs {
        let mut text = Texts::OneOf([(Text::new(), node.span)].into());
        let mut sure = true;
        for piece in pieces {
            let next = match piece {
                Piece::Text(piece) => Some(Texts::OneOf([(piece.clone(), node.span)].into())),
                Piece::Node(inner) => {
                    let outs = self.node(inner, env, input);
                    sure &= outs.sure && !outs.shape.is_never();
                    let is_text = outs.shape.types() == ["string"] && matches!(encoding, Format::Text);
                    outs.shape.text.filter(|_| is_text)
                }
            };
            text = next.map_or(Texts::Any, |next| text.followed_by(&next, node.span));
        }
        Outs { shape: Shape { text: Some(text), ..Shape::default() }, sure }
    }

    /// A value of the program, with the places of its keys where they are known.
    pub(super) fn constant(&self, value: &Value, at: Span) -> Shape {
        let members = match value {
            Value::Array(items) => return self.constant_items(items, at),
            Value::Object(members) => members,
            _ => return Shape::exactly(value, at),
        };
        let mut shape = Shape::exactly(value, at);
        if let (Some(object), Some(keys)) = (&mut shape.object, self.keys_at(at)) {
            for (name, field) in &mut object.fields {
                let place = keys.iter().find(|(known, _)| known == name).and_then(|(_, at)| *at);
                let Some(key) = place else { continue };
                (field.key, field.value) = (Some(key), Some(key));
                match members.get(name) {
                    Some(inner @ Value::Object(_)) => {
                        field.shape = Lazy::of(self.constant(inner, self.object_after(key.1, at)));
                    }
                    Some(Value::Array(items)) => {
                        let mut inner = self.constant_items(items, at.map(|(_, end)| (key.1, end)));
                        inner.list.iter_mut().for_each(|list| list.at = Some(key));
                        field.shape = Lazy::of(inner);
                    }
                    _ => {}
                }
            }
        }
        shape
    }

    /// Constant items, of which the objects stand one behind the other.
    fn constant_items(&self, items: &[Value], at: Span) -> Shape {
        let mut from = at.map(|(start, _)| start);
        let each = items.iter().map(|item| {
            let place = match item {
                Value::Object(members) if members.iter().next().is_some() => {
                    from.and_then(|from| self.object_after(from, at))
                }
                _ => None,
            };
            from = place.map(|(_, end)| end).or(from);
            self.constant(item, place.or(at))
        });
        Shape::list_of(each.collect(), at)
    }

    fn keys_at(&self, object: Span) -> Option<&'p [(Text, Span)]> {
        object?;
        self.code.keys.iter().find(|keys| keys.object == object).map(|keys| keys.keys.as_slice())
    }

    /// The first object that begins after a place.
    fn object_after(&self, from: u32, within: Span) -> Span {
        let after = self.code.keys.iter().filter_map(|keys| keys.object).filter(|object| object.0 >= from);
        after
            .min_by_key(|object| (object.0, u32::MAX - object.1))
            .filter(|object| within.is_some_and(|within| object.1 <= within.1))
    }
}
