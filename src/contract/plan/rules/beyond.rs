//! What the schema says of a simple type that only the engine can tell: enough to compare it with another one, and to
//! make an example of it.

use xsd_schema::parser::frames::SimpleTypeVariety;
use xsd_schema::{FacetSet, SimpleTypeKey, TypeKey, XmlTypeCode};

use super::super::compile::Compiler;
use super::super::simple::chain;
use super::value::Check;
use crate::message::Text;

/// Unions of unions deeper than this are cut; none is.
const MAX_DEPTH: usize = 20;

/// A simple type in the words of its schema.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beyond {
    /// The built-in type that it is derived from, in the engine's name for it, as `Duration`.
    pub(crate) built_in: String,
    /// The items of a list, the members of a union.
    pub(crate) members: Vec<Check>,
    /// One of each list must match, in XML Schema's own dialect.
    pub(crate) patterns: Vec<Vec<String>>,
    /// The text must be in each list.
    pub(crate) enumerations: Vec<Vec<Text>>,
    /// All other facets, as `minLength 3`.
    pub(crate) others: Vec<String>,
}

impl Compiler<'_> {
    /// What the schema says of a type, with the facets that a restriction of simple content adds.
    pub(super) fn beyond(&self, key: SimpleTypeKey, more: &[&FacetSet], depth: usize) -> Beyond {
        let set = self.set;
        let chain = chain(set, key);
        let data = || chain.iter().filter_map(|key| set.arenas.simple_types.get(*key));
        let code = chain.iter().find_map(|key| set.get_type_code(*key)).unwrap_or(XmlTypeCode::String);
        let variety = data().next().map_or(SimpleTypeVariety::Atomic, |data| data.variety);
        let members: Vec<TypeKey> = match variety {
            _ if depth >= MAX_DEPTH => Vec::new(),
            SimpleTypeVariety::List => data().find_map(|data| data.resolved_item_type).into_iter().collect(),
            SimpleTypeVariety::Union => data()
                .map(|data| &data.resolved_member_types)
                .find(|list| !list.is_empty())
                .cloned()
                .unwrap_or_default(),
            SimpleTypeVariety::Atomic => Vec::new(),
        };
        let members = members.iter().filter_map(TypeKey::as_simple).filter(|member| *member != key);
        let mut beyond = Beyond {
            built_in: match variety {
                SimpleTypeVariety::List => "list".to_owned(),
                SimpleTypeVariety::Union => "union".to_owned(),
                SimpleTypeVariety::Atomic => format!("{code:?}"),
            },
            members: members.map(|member| self.check_below(member, depth + 1)).collect(),
            ..Beyond::default()
        };
        let derived = chain.iter().filter(|key| set.get_type_code(**key).is_none());
        let own = derived.filter_map(|key| set.arenas.simple_types.get(*key)).map(|data| &data.facets);
        for facets in more.iter().copied().chain(own) {
            beyond.add(facets);
        }
        beyond
    }
}

impl Beyond {
    fn add(&mut self, facets: &FacetSet) {
        let patterns = facets.patterns.iter().filter(|any| !any.is_empty());
        self.patterns.extend(patterns.map(|any| any.iter().map(|facet| facet.value.clone()).collect()));
        let enumeration = facets.enumeration.as_ref();
        self.enumerations
            .extend(enumeration.map(|facet| facet.values.iter().map(|value| Text::from(value.as_str())).collect()));
        let number = |name: &str, value: Option<u64>| value.map(|value| format!("{name} {value}"));
        let text = |name: &str, value: Option<&String>| value.map(|value| format!("{name} {value}"));
        let others = [
            number("length", facets.length.as_ref().map(|facet| facet.value)),
            number("minLength", facets.min_length.as_ref().map(|facet| facet.value)),
            number("maxLength", facets.max_length.as_ref().map(|facet| facet.value)),
            text("minInclusive", facets.min_inclusive.as_ref().map(|facet| &facet.value)),
            text("minExclusive", facets.min_exclusive.as_ref().map(|facet| &facet.value)),
            text("maxInclusive", facets.max_inclusive.as_ref().map(|facet| &facet.value)),
            text("maxExclusive", facets.max_exclusive.as_ref().map(|facet| &facet.value)),
            number("totalDigits", facets.total_digits.as_ref().map(|facet| facet.value.into())),
            number("fractionDigits", facets.fraction_digits.as_ref().map(|facet| facet.value.into())),
            number("assertions", u64::try_from(facets.assertions.len()).ok().filter(|count| *count > 0)),
        ];
        self.others.extend(others.into_iter().flatten());
    }
}
