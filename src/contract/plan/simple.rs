//! Simple types: what they are in JSON, how their white space counts.
//!
//! A union is a string, unless all its members are the same thing in JSON: the type of a JSON value is then the same
//! for every document, and a union's text is kept as it stands.

use xsd_schema::parser::frames::SimpleTypeVariety;
use xsd_schema::{FacetSet, SchemaSet, SimpleTypeKey, TypeKey, WhitespaceMode, XmlTypeCode};

use super::compile::Compiler;
use super::types::{Facets, Kind, Simple, Whitespace};
use crate::message::Text;

/// Derivations longer than this are cut; none is.
const MAX_CHAIN: usize = 100;

impl Compiler<'_> {
    /// Reads a simple type.
    pub(super) fn simple_of(&mut self, key: SimpleTypeKey) -> Simple {
        let set = self.set;
        let chain = chain(set, key);
        let data = || chain.iter().filter_map(|key| set.arenas.simple_types.get(*key));
        let code = chain.iter().find_map(|key| set.get_type_code(*key)).unwrap_or(XmlTypeCode::String);
        let written = data().find_map(|data| data.facets.whitespace.as_ref().map(|facet| whitespace(facet.value)));
        let facet_sets: Vec<&FacetSet> = data().map(|data| &data.facets).collect();
        let variety = data().next().map_or(SimpleTypeVariety::Atomic, |data| data.variety);
        let (kind, whitespace) = match variety {
            SimpleTypeVariety::List => {
                let item = data().find_map(|data| data.resolved_item_type);
                (Kind::List(self.simple_ix(item.and_then(|key| key.as_simple()))), Whitespace::Collapse)
            }
            SimpleTypeVariety::Union => {
                let members = data().map(|data| &data.resolved_member_types).find(|list| !list.is_empty());
                self.union(members.map_or(&[][..], Vec::as_slice))
            }
            SimpleTypeVariety::Atomic => match list_item(code) {
                Some(item) => {
                    let item = set.get_built_in_simple_type_by_code(item);
                    (Kind::List(self.simple_ix(item)), Whitespace::Collapse)
                }
                None => (atomic(code, &facet_sets), written.unwrap_or_else(|| default_whitespace(code))),
            },
        };
        let facets = facets(&kind, code, &facet_sets);
        Simple { kind, whitespace, facets }
    }

    fn union(&mut self, members: &[TypeKey]) -> (Kind, Whitespace) {
        let members: Vec<Simple> = members
            .iter()
            .filter_map(|key| key.as_simple())
            .filter_map(|key| {
                let ix = self.simple_ix(Some(key));
                self.simples.get(ix as usize).cloned()
            })
            .collect();
        let kind = members.iter().map(|member| member.kind.clone()).reduce(common).unwrap_or(Kind::String);
        let whitespace =
            members.iter().map(|member| member.whitespace).reduce(|a, b| if a == b { a } else { Whitespace::Preserve });
        (kind, whitespace.unwrap_or(Whitespace::Preserve))
    }
}

/// The kind that holds what both hold, where both are the same JSON type.
fn common(a: Kind, b: Kind) -> Kind {
    match (a, b) {
        (a, b) if a == b => a,
        (Kind::Integer | Kind::Decimal, Kind::Integer | Kind::Decimal) => Kind::Decimal,
        _ => Kind::String,
    }
}

/// The type and what it is derived from by restriction, down to a built-in type.
pub(super) fn chain(set: &SchemaSet, key: SimpleTypeKey) -> Vec<SimpleTypeKey> {
    let base = |key: &SimpleTypeKey| match set.arenas.simple_types.get(*key)?.resolved_base_type {
        Some(TypeKey::Simple(base)) => Some(base),
        _ => None,
    };
    std::iter::successors(Some(key), base).take(MAX_CHAIN).collect()
}

pub(super) fn whitespace(mode: WhitespaceMode) -> Whitespace {
    match mode {
        WhitespaceMode::Preserve => Whitespace::Preserve,
        WhitespaceMode::Replace => Whitespace::Replace,
        WhitespaceMode::Collapse => Whitespace::Collapse,
    }
}

pub(super) fn default_whitespace(code: XmlTypeCode) -> Whitespace {
    match code {
        XmlTypeCode::String | XmlTypeCode::AnySimpleType | XmlTypeCode::AnyAtomicType => Whitespace::Preserve,
        XmlTypeCode::NormalizedString => Whitespace::Replace,
        _ => Whitespace::Collapse,
    }
}

pub(super) fn list_item(code: XmlTypeCode) -> Option<XmlTypeCode> {
    match code {
        XmlTypeCode::NmTokens => Some(XmlTypeCode::NmToken),
        XmlTypeCode::IdRefs => Some(XmlTypeCode::IdRef),
        XmlTypeCode::Entities => Some(XmlTypeCode::Entity),
        _ => None,
    }
}

/// Whether the built-in type is `xs:integer` or derived from it.
pub(super) fn is_integer(code: XmlTypeCode) -> bool {
    matches!(
        code,
        XmlTypeCode::Integer
            | XmlTypeCode::NonPositiveInteger
            | XmlTypeCode::NegativeInteger
            | XmlTypeCode::Long
            | XmlTypeCode::Int
            | XmlTypeCode::Short
            | XmlTypeCode::Byte
            | XmlTypeCode::NonNegativeInteger
            | XmlTypeCode::UnsignedLong
            | XmlTypeCode::UnsignedInt
            | XmlTypeCode::UnsignedShort
            | XmlTypeCode::UnsignedByte
            | XmlTypeCode::PositiveInteger
    )
}

fn atomic(code: XmlTypeCode, facets: &[&FacetSet]) -> Kind {
    match code {
        XmlTypeCode::Boolean => {
            let matches = |text: &str| {
                let mut steps = facets.iter().flat_map(|set| &set.patterns).filter(|step| !step.is_empty());
                steps.all(|step| step.iter().any(|pattern| pattern.matches(text)))
            };
            let pick = |long, short| if !matches(long) && matches(short) { short } else { long };
            Kind::Boolean { yes: pick("true", "1"), no: pick("false", "0") }
        }
        XmlTypeCode::Decimal => Kind::Decimal,
        XmlTypeCode::Float | XmlTypeCode::Double => Kind::Double,
        code if is_integer(code) => Kind::Integer,
        XmlTypeCode::QName | XmlTypeCode::Notation => Kind::QName,
        _ => Kind::String,
    }
}

fn facets(kind: &Kind, code: XmlTypeCode, sets: &[&FacetSet]) -> Facets {
    let mut found = Facets::default();
    // The length of bytes is not that of the text.
    let bytes = matches!(code, XmlTypeCode::HexBinary | XmlTypeCode::Base64Binary);
    if matches!(kind, Kind::List(_)) || *kind == Kind::String && !bytes {
        let exact = sets.iter().find_map(|set| set.length.as_ref().map(|facet| facet.value));
        found.min_length =
            exact.or_else(|| sets.iter().find_map(|set| set.min_length.as_ref().map(|facet| facet.value)));
        found.max_length =
            exact.or_else(|| sets.iter().find_map(|set| set.max_length.as_ref().map(|facet| facet.value)));
    }
    match kind {
        Kind::String => {
            found.enumeration = sets.iter().find_map(|set| set.enumeration.as_ref()).map(|facet| {
                let mut values: Vec<Text> = facet.values.iter().map(|value| Text::from(value.as_str())).collect();
                values.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
                values
            });
            let patterns = sets.iter().flat_map(|set| &set.patterns).filter(|any| !any.is_empty());
            found.patterns = patterns.map(|any| any.iter().map(|facet| facet.value.clone()).collect()).collect();
        }
        Kind::Integer | Kind::Decimal => {
            let text = |value: &str| Text::from(value.trim());
            found.minimum = sets.iter().find_map(|set| {
                let inclusive = set.min_inclusive.as_ref().map(|facet| (text(&facet.value), true));
                inclusive.or_else(|| set.min_exclusive.as_ref().map(|facet| (text(&facet.value), false)))
            });
            found.maximum = sets.iter().find_map(|set| {
                let inclusive = set.max_inclusive.as_ref().map(|facet| (text(&facet.value), true));
                inclusive.or_else(|| set.max_exclusive.as_ref().map(|facet| (text(&facet.value), false)))
            });
        }
        Kind::List(_) | Kind::QName | Kind::Double | Kind::Boolean { .. } => {}
    }
    found
}
