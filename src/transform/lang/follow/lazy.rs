//! Shapes that are looked at when they are needed, so that large and recursive contracts cost what is used of them.

use std::sync::Arc;

use super::schema;
use super::shape::Shape;
use crate::contract::Outline;

/// Alternatives that wait to be joined.
const MAX_WAITING: usize = 16;
/// References, joins and meets inside each other at one place.
const MAX_LOOKS: usize = 16;

/// A shape that is looked at when it is needed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Lazy {
    Any,
    Never,
    Shape(Arc<Shape>),
    Schema(Outline),
    Join(Arc<Vec<Lazy>>),
    Meet(Arc<Vec<Lazy>>),
}

impl Lazy {
    pub(super) fn of(shape: Shape) -> Self {
        if shape.is_never() {
            Self::Never
        } else if shape.is_anything() {
            Self::Any
        } else {
            Self::Shape(Arc::new(shape))
        }
    }

    pub(super) fn look(&self) -> Shape {
        self.look_within(0)
    }

    pub(super) fn look_within(&self, looks: usize) -> Shape {
        if looks > MAX_LOOKS {
            return Shape::anything();
        }
        match self {
            Self::Any => Shape::anything(),
            Self::Never => Shape::default(),
            Self::Shape(shape) => shape.as_ref().clone(),
            Self::Schema(outline) => schema::shape(outline, looks + 1),
            Self::Join(parts) => {
                parts.iter().map(|part| part.look_within(looks + 1)).reduce(Shape::join).unwrap_or_default()
            }
            Self::Meet(parts) => {
                parts.iter().map(|part| part.look_within(looks + 1)).reduce(Shape::meet).unwrap_or_else(Shape::anything)
            }
        }
    }

    pub(super) fn join(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Self::Any, _) | (_, Self::Any) => Self::Any,
            (Self::Never, other) | (other, Self::Never) => other,
            (Self::Shape(a), Self::Shape(b)) => Self::of(a.as_ref().clone().join(b.as_ref().clone())),
            (a, b) => {
                let mut parts: Vec<Self> = Vec::new();
                for side in [a, b] {
                    let all = match side {
                        Self::Join(parts) => parts.as_ref().clone(),
                        other => vec![other],
                    };
                    for part in all {
                        if !parts.contains(&part) {
                            parts.push(part);
                        }
                    }
                }
                if parts.len() > MAX_WAITING { Self::Any } else { Self::Join(Arc::new(parts)) }
            }
        }
    }

    pub(super) fn meet(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Self::Any, other) | (other, Self::Any) => other,
            (Self::Never, _) | (_, Self::Never) => Self::Never,
            (a, b) => Self::Meet(Arc::new(vec![a, b])),
        }
    }

    pub(super) fn size(&self) -> usize {
        match self {
            Self::Any | Self::Never | Self::Schema(_) => 1,
            Self::Shape(shape) => shape.size.saturating_add(1),
            Self::Join(parts) | Self::Meet(parts) => {
                parts.iter().fold(1, |size, part| size.saturating_add(part.size()))
            }
        }
    }
}
