//! The places of values in the program, and when they are forgotten.

use std::sync::Arc;

use super::lazy::Lazy;
use super::scalars::Texts;
use super::shape::Shape;

impl Shape {
    /// The same values, without the places of texts and of members that are not always there: something else than the
    /// place may decide whether they get further.
    pub(super) fn weak(&self) -> Self {
        let mut shape = self.clone();
        shape.forget_scalars();
        if let Some(list) = &mut shape.list {
            list.items = list.items.weak();
            list.each = list.each.as_ref().map(|each| each.iter().map(Lazy::weak).collect());
        }
        if let Some(object) = &mut shape.object {
            for field in object.fields.values_mut() {
                field.shape = field.shape.weak();
                field.key = field.key.filter(|_| field.certain);
            }
        }
        shape
    }

    /// The same values, for another program than that which makes them: without any places.
    pub(super) fn elsewhere(&self) -> Self {
        let mut shape = self.clone();
        shape.forget_scalars();
        if let Some(list) = &mut shape.list {
            (list.items, list.at) = (list.items.elsewhere(), None);
            list.each = list.each.as_ref().map(|each| each.iter().map(Lazy::elsewhere).collect());
        }
        if let Some(object) = &mut shape.object {
            if object.at.take().is_some() {
                object.of.clear();
            }
            object.rest = object.rest.as_ref().map(Lazy::elsewhere);
            for field in object.fields.values_mut() {
                (field.shape, field.key, field.value) = (field.shape.elsewhere(), None, None);
            }
        }
        shape
    }

    fn forget_scalars(&mut self) {
        self.text.iter_mut().for_each(Texts::forget_places);
        self.number.iter_mut().for_each(|numbers| numbers.which.forget_places());
    }
}

impl Lazy {
    pub(super) fn weak(&self) -> Self {
        match self {
            Self::Shape(shape) => Self::Shape(Arc::new(shape.weak())),
            other => other.clone(),
        }
    }

    fn elsewhere(&self) -> Self {
        let all = |parts: &[Self]| Arc::new(parts.iter().map(Self::elsewhere).collect());
        match self {
            Self::Shape(shape) => Self::Shape(Arc::new(shape.elsewhere())),
            Self::Join(parts) => Self::Join(all(parts)),
            Self::Meet(parts) => Self::Meet(all(parts)),
            Self::Any | Self::Never | Self::Schema(_) => self.clone(),
        }
    }
}
