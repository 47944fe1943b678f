//! What is known of a single number or text: its kind, which ones it may be, and what keywords of a schema say of it.

use std::collections::BTreeMap;

use super::super::node::Span;
use crate::contract::Outline;
use crate::message::{Members, Number, Text, Value};

/// Texts, or numbers, that are kept apart.
pub(super) const MAX_KNOWN: usize = 64;
/// Sets of keywords that are kept of one value.
const MAX_RULES: usize = 8;

/// Numbers: with nothing after the point, with something, or both.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Numbers {
    pub(super) whole: bool,
    pub(super) broken: bool,
    pub(super) which: Which<Number>,
}

/// Strings: any, or these. A text that stands in the program is known with its place as long as nothing but its way
/// decides whether it gets further.
pub(super) type Texts = Which<Text>;

/// Which values of a kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Which<T: Ord> {
    Any,
    OneOf(BTreeMap<T, Span>),
    /// Those that keywords of a schema allow.
    Ruled(Vec<Value>),
}

/// A text or a number.
pub(super) trait Scalar: Ord + Clone {
    fn value(&self) -> Value;
}

impl Scalar for Text {
    fn value(&self) -> Value {
        Value::String(self.clone())
    }
}

impl Scalar for Number {
    fn value(&self) -> Value {
        Value::Number(self.clone())
    }
}

impl<T: Scalar> Which<T> {
    fn allows(rules: &[Value], one: &T) -> bool {
        rules.iter().all(|rules| Outline::allows(rules, &one.value()))
    }

    pub(super) fn admit(&self, one: &T) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(all) => all.contains_key(one),
            Self::Ruled(rules) => Self::allows(rules, one),
        }
    }

    pub(super) fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::OneOf(all), other) | (other, Self::OneOf(all)) => all.keys().any(|one| other.admit(one)),
            _ => true,
        }
    }

    /// The only one, if there is one.
    pub(super) fn only(&self) -> Option<&T> {
        match self {
            Self::OneOf(all) if all.len() == 1 => all.keys().next(),
            _ => None,
        }
    }

    pub(super) fn join(self, other: Self) -> Self {
        match (self, other) {
            (Self::OneOf(mut a), Self::OneOf(b)) => {
                for (one, at) in b {
                    let known = a.entry(one).or_insert(at);
                    // What also comes from elsewhere is not only a matter of this place.
                    *known = known.filter(|_| at.is_some());
                }
                bounded(a)
            }
            (Self::Ruled(a), Self::Ruled(b)) if a == b => Self::Ruled(a),
            _ => Self::Any,
        }
    }

    /// What is in both; nothing if that is nothing.
    pub(super) fn meet(self, other: Self) -> Option<Self> {
        let met = match (self, other) {
            (Self::Any, other) | (other, Self::Any) => other,
            (Self::OneOf(all), other) | (other, Self::OneOf(all)) => {
                Self::OneOf(all.into_iter().filter(|(one, _)| other.admit(one)).collect())
            }
            (Self::Ruled(mut a), Self::Ruled(b)) => {
                let room = MAX_RULES.saturating_sub(a.len());
                let new: Vec<Value> = b.into_iter().filter(|rules| !a.contains(rules)).take(room).collect();
                a.extend(new);
                Self::Ruled(a)
            }
        };
        Some(met).filter(|met| !matches!(met, Self::OneOf(all) if all.is_empty()))
    }

    /// The same values, without the places in the program.
    pub(super) fn forget_places(&mut self) {
        if let Self::OneOf(all) = self {
            all.values_mut().for_each(|at| *at = None);
        }
    }

    /// Those that are known by name, with their places.
    pub(super) fn known(&self) -> impl Iterator<Item = (&T, Span)> {
        let all = match self {
            Self::OneOf(all) => Some(all),
            _ => None,
        };
        all.into_iter().flatten().map(|(one, at)| (one, *at))
    }
}

pub(super) fn bounded<T: Ord>(all: BTreeMap<T, Span>) -> Which<T> {
    if all.len() > MAX_KNOWN { Which::Any } else { Which::OneOf(all) }
}

/// Those that keywords of a schema allow, of the ones that are named.
pub(super) fn ruled<T: Ord>(schema: &Members, keywords: &[&'static str]) -> Which<T> {
    let said = |name: &&'static str| Some((Text::borrowed(name), schema.get(name)?.clone()));
    let said: Members = keywords.iter().filter_map(said).collect();
    if said.iter().next().is_none() { Which::Any } else { Which::Ruled(vec![Value::object(said)]) }
}

impl Texts {
    /// One text behind the other. What stands in the program by one way only is a text of the program again, made at `at`.
    pub(super) fn followed_by(&self, other: &Self, at: Span) -> Self {
        let (Self::OneOf(first), Self::OneOf(last)) = (self, other) else { return Self::Any };
        if first.len().saturating_mul(last.len()) > MAX_KNOWN {
            return Self::Any;
        }
        // Which one goes with which is not known where both are several.
        let alone = first.len() == 1 || last.len() == 1;
        let mut all = BTreeMap::new();
        for (one, here) in first {
            for (other, there) in last {
                let place = at.filter(|_| alone && here.is_some() && there.is_some());
                all.insert(Text::from(format!("{one}{other}")), place);
            }
        }
        Self::OneOf(all)
    }
}

impl Numbers {
    pub(super) const ANY: Self = Self { whole: true, broken: true, which: Which::Any };
    pub(super) const WHOLE: Self = Self { whole: true, broken: false, which: Which::Any };

    /// A number that stands in the program.
    pub(super) fn only(number: &Number, at: Span) -> Self {
        let whole = number.is_integer();
        Self { whole, broken: !whole, which: Which::OneOf([(number.clone(), at)].into()) }
    }

    /// Numbers of the same kind: what becomes of them when somebody computes.
    pub(super) fn kind(&self) -> Self {
        Self { which: Which::Any, ..*self }
    }

    pub(super) fn admit(&self, number: &Number) -> bool {
        let kind = if number.is_integer() { self.whole } else { self.broken };
        kind && self.which.admit(number)
    }

    pub(super) fn meets(&self, other: &Self) -> bool {
        (self.whole && other.whole || self.broken && other.broken) && self.which.meets(&other.which)
    }

    pub(super) fn join(self, other: Self) -> Self {
        let (whole, broken) = (self.whole || other.whole, self.broken || other.broken);
        Self { whole, broken, which: self.which.join(other.which) }
    }

    pub(super) fn meet(self, other: Self) -> Option<Self> {
        let (whole, broken) = (self.whole && other.whole, self.broken && other.broken);
        let which = self.which.meet(other.which)?;
        (whole || broken).then_some(Self { whole, broken, which })
    }
}
