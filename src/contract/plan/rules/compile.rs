//! Reads the rules from the engine's component model, beside the plan.

use std::sync::Arc;

use xsd_schema::parser::frames::{ComplexContentResult, DerivationMethod, IdentityKind, SimpleTypeVariety};
use xsd_schema::{ComplexTypeKey, FacetSet, IdentityConstraintKey, SimpleTypeKey, TypeKey, XmlTypeCode};

use super::super::compile::Compiler;
use super::super::model::{Content, Declared, Particle, Process, Term};
use super::super::simple::{chain, default_whitespace, is_integer, list_item, whitespace};
use super::super::types::{Attribute, Whitespace};
use super::model::{Graph, Leaf, Letters, MAX_LEAVES, Model};
use super::value::{Bound, Check, Form};
use super::{
    AttributeRule, Beyond, ComplexRules, Constraint, ContentRules, TypeRules, Use, UseIx, Value, identity, pattern,
};
use crate::message::Text;

/// Derivations longer than this are left to the engine.
const MAX_CHAIN: usize = 100;

impl Compiler<'_> {
    /// The use of an element declaration.
    pub(in super::super) fn use_of(&mut self, declared: &Declared) -> UseIx {
        if let Some(known) = declared.global.and_then(|key| self.global_uses.get(&key)) {
            return *known;
        }
        let ix = u32::try_from(self.rules.uses.len()).unwrap_or(u32::MAX);
        if let Some(key) = declared.global {
            self.global_uses.insert(key, ix);
        }
        let value = declared.default.as_deref();
        let value = value.map(|text| Value { text: Text::from(text), is_fixed: declared.is_fixed });
        let constraints = declared.constraints.iter().map(|key| self.constraint(*key)).collect();
        let type_ix = self.type_ix(declared.type_key);
        self.rules.uses.push(Use { type_ix, nillable: declared.nillable, value, constraints });
        ix
    }

    fn constraint(&mut self, key: IdentityConstraintKey) -> Option<Constraint> {
        self.rules.has_constraints = true;
        let set = self.set;
        let data = set.arenas.identity_constraints.get(key)?;
        let mut name = |uri: &str, local: &str| self.name_of(uri, local);
        let mut path = |xpath: &str, bindings| identity::path(xpath, bindings, &set.name_table, &mut name);
        let selector = path(&data.selector.xpath, &data.selector.ns_snapshot)?;
        let fields = data.fields.iter().map(|field| path(&field.xpath, &field.ns_snapshot)).collect::<Option<_>>()?;
        let is_key = match data.kind {
            IdentityKind::Key => true,
            IdentityKind::Unique => false,
            IdentityKind::Keyref => return None,
        };
        selector.attribute.is_none().then_some(Constraint { selector: selector.elements, fields, is_key })
    }

    /// The rules of a simple type.
    pub(in super::super) fn check_of(&self, key: SimpleTypeKey) -> Arc<Check> {
        Arc::new(self.check_below(key, 0))
    }

    pub(super) fn check_below(&self, key: SimpleTypeKey, depth: usize) -> Check {
        self.check_at(key, depth).unwrap_or_else(|| Check::beyond(self.beyond(key, &[], depth)))
    }

    fn check_at(&self, key: SimpleTypeKey, depth: usize) -> Option<Check> {
        let set = self.set;
        let chain = chain(set, key);
        if depth >= MAX_CHAIN || chain.len() >= MAX_CHAIN {
            return None;
        }
        let data = || chain.iter().filter_map(|key| set.arenas.simple_types.get(*key));
        let code = chain.iter().find_map(|key| set.get_type_code(*key)).unwrap_or(XmlTypeCode::String);
        let mut check = match data().next().map_or(SimpleTypeVariety::Atomic, |data| data.variety) {
            SimpleTypeVariety::List => {
                let item = data().find_map(|data| data.resolved_item_type)?.as_simple()?;
                let mut check = Check::of(Form::List(Box::new(self.check_at(item, depth + 1)?)), Whitespace::Collapse);
                // `xs:NMTOKENS` and its like have one item at least.
                check.min_length = usize::from(list_item(code).is_some());
                check
            }
            SimpleTypeVariety::Union => {
                let members = data().map(|data| &data.resolved_member_types).find(|list| !list.is_empty())?;
                let members = members.iter().map(|key| self.check_at(key.as_simple()?, depth + 1));
                Check::of(Form::Union(members.collect::<Option<_>>()?), Whitespace::Preserve)
            }
            SimpleTypeVariety::Atomic if list_item(code).is_some() => return None,
            SimpleTypeVariety::Atomic => {
                let written = data().find_map(|data| data.facets.whitespace.as_ref());
                let space = written.map_or_else(|| default_whitespace(code), |facet| whitespace(facet.value));
                let mut check = Check::of(form(code)?, space);
                check.bounds.extend(built_in_bounds(code));
                check
            }
        };
        let derived = chain.iter().filter(|key| set.get_type_code(**key).is_none());
        for data in derived.filter_map(|key| set.arenas.simple_types.get(*key)) {
            restrict(&mut check, &data.facets)?;
        }
        Some(check)
    }

    /// The rules of a complex type whose attributes and content are known.
    pub(in super::super) fn rules_of(
        &mut self,
        key: ComplexTypeKey,
        attributes: &[Attribute],
        content: &Content,
    ) -> TypeRules {
        let rule = |compiler: &Self, attribute: &Attribute| {
            let check = compiler.checks.get(attribute.simple as usize).cloned();
            AttributeRule {
                name: attribute.name,
                required: attribute.required,
                check: check.unwrap_or_else(|| Arc::new(Check::beyond(Beyond::default()))),
                fixed: attribute.fixed.clone(),
            }
        };
        let attributes: Vec<AttributeRule> =
            attributes.iter().filter(|attribute| !attribute.by_wildcard).map(|one| rule(self, one)).collect();
        let content = match content {
            Content::Empty => ContentRules::Empty,
            Content::Simple => ContentRules::Simple(Arc::new(self.check_of_content(key))),
            Content::Elements { mixed, particle } => {
                let model =
                    particle.as_ref().map_or(Some(Model::Sequence(Vec::new())), |particle| self.model(particle));
                ContentRules::Elements { model: model.unwrap_or(Model::Unknown), mixed: *mixed }
            }
        };
        if self.set.arenas.complex_types.get(key).is_none_or(|data| data.is_abstract) {
            return TypeRules::Unknown;
        }
        let required = attributes.iter().filter(|attribute| attribute.required).count();
        TypeRules::Complex(Box::new(ComplexRules { attributes, required, content }))
    }

    /// The simple type of simple content, with the facets that restrictions add on the way to it.
    fn check_of_content(&self, key: ComplexTypeKey) -> Check {
        let set = self.set;
        let mut facets = Vec::new();
        let mut current = key;
        for _ in 0..MAX_CHAIN {
            let Some(data) = set.arenas.complex_types.get(current) else { break };
            if let ComplexContentResult::Simple(content) = &data.content
                && content.derivation == DerivationMethod::Restriction
            {
                facets.push(&content.facets);
            }
            let simple = match (data.resolved_simple_content_type, data.resolved_base_type) {
                (Some(TypeKey::Simple(own)), _) => own,
                (_, Some(TypeKey::Simple(base))) => base,
                (_, Some(TypeKey::Complex(base))) if base != current => {
                    current = base;
                    continue;
                }
                _ => break,
            };
            let restricted = self.check_at(simple, 0).and_then(|mut check| {
                facets.iter().try_for_each(|set| restrict(&mut check, set))?;
                Some(check)
            });
            return restricted.unwrap_or_else(|| Check::beyond(self.beyond(simple, &facets, 0)));
        }
        Check::beyond(Beyond::default())
    }

    fn model(&mut self, particle: &Particle) -> Option<Model> {
        let once = particle.min == 1 && particle.max == Some(1);
        match &particle.term {
            Term::All(parts) if particle.max == Some(1) => {
                let leaves: Option<Vec<Leaf>> = parts.iter().map(|part| self.leaf(part)).collect();
                let leaves = leaves.filter(|leaves| once && leaves.len() <= 64);
                Some(Model::All(leaves.filter(|leaves| leaves.iter().all(|leaf| leaf.max == 1))?))
            }
            _ => {
                if is_flat(particle) {
                    return self.sequence(particle).map(Model::Sequence);
                }
                let mut graph = Graph::default();
                let whole = self.fragment(particle, &mut graph)?;
                (graph.first, graph.last, graph.nullable) = (whole.first, whole.last, whole.nullable);
                Some(Model::Graph(graph))
            }
        }
    }

    /// Nested sequences of leaves, flat.
    fn sequence(&mut self, particle: &Particle) -> Option<Vec<Leaf>> {
        let Term::Sequence(parts) = &particle.term else { return Some(vec![self.leaf(particle)?]) };
        let mut all = Vec::with_capacity(parts.len());
        for part in parts {
            all.append(&mut self.sequence(part)?);
        }
        Some(all)
    }

    fn leaf(&mut self, particle: &Particle) -> Option<Leaf> {
        let term = match &particle.term {
            Term::Element(declared) => {
                let members = self.members(declared);
                let mut letters = Vec::with_capacity(members.len());
                for member in &members {
                    letters.push((self.name(member.namespace, member.local), self.use_of(member)));
                }
                match letters.as_slice() {
                    [(name, found)] => Letters::One(*name, *found),
                    _ => Letters::Some(letters),
                }
            }
            Term::Wildcard(wildcard) => {
                self.rules.has_lax |= wildcard.process == Process::Lax;
                if wildcard.process != Process::Skip {
                    self.admit_globals(&wildcard.namespaces);
                }
                Letters::Wildcard(self.wildcard(wildcard))
            }
            Term::Sequence(_) | Term::Choice(_) | Term::All(_) => return None,
        };
        Some(Leaf { min: particle.min, max: particle.max.unwrap_or(u32::MAX), term })
    }

    fn fragment(&mut self, particle: &Particle, graph: &mut Graph) -> Option<Fragment> {
        let parts = match &particle.term {
            Term::Sequence(parts) | Term::Choice(parts) => parts,
            Term::All(_) => return None,
            Term::Element(_) | Term::Wildcard(_) => {
                let leaf = self.leaf(particle)?;
                let at = u32::try_from(graph.leaves.len()).ok().filter(|_| graph.leaves.len() < MAX_LEAVES)?;
                let nullable = leaf.min == 0;
                graph.leaves.push(leaf);
                graph.follow.push(Vec::new());
                return Some(Fragment { first: vec![at], last: vec![at], nullable });
            }
        };
        let in_order = matches!(particle.term, Term::Sequence(_));
        let mut whole: Option<Fragment> = None;
        // As often as it must occur, then as often as it may, the last time again and again where that is unbounded.
        let (least, most) = (particle.min, particle.max.unwrap_or(particle.min.max(1)));
        for time in 0..most {
            let mut once: Option<Fragment> = None;
            for part in parts {
                let part = self.fragment(part, graph)?;
                once = Some(match once {
                    None => part,
                    Some(before) if in_order => before.then(part, graph),
                    Some(before) => before.or(part),
                });
            }
            let mut once = once.unwrap_or_else(|| Fragment::empty(in_order));
            if particle.max.is_none() && time + 1 == most {
                once.again(graph);
            }
            once.nullable |= time >= least;
            whole = Some(match whole {
                None => once,
                Some(before) => before.then(once, graph),
            });
        }
        whole
    }
}

/// Whether a particle is nothing but leaves and single sequences of them.
fn is_flat(particle: &Particle) -> bool {
    match &particle.term {
        Term::Element(_) | Term::Wildcard(_) => true,
        Term::Sequence(parts) => particle.min == 1 && particle.max == Some(1) && parts.iter().all(is_flat),
        Term::Choice(_) | Term::All(_) => false,
    }
}

/// A part of an automaton under construction.
struct Fragment {
    first: Vec<u32>,
    last: Vec<u32>,
    nullable: bool,
}

impl Fragment {
    /// Nothing: what a sequence of nothing admits, and a choice of nothing does not.
    fn empty(nullable: bool) -> Self {
        Self { first: Vec::new(), last: Vec::new(), nullable }
    }

    fn then(mut self, mut next: Self, graph: &mut Graph) -> Self {
        link(graph, &self.last, &next.first);
        if self.nullable {
            self.first.extend(&next.first);
        }
        if next.nullable {
            next.last.append(&mut self.last);
        }
        Self { first: self.first, last: next.last, nullable: self.nullable && next.nullable }
    }

    fn or(mut self, mut other: Self) -> Self {
        self.first.append(&mut other.first);
        self.last.append(&mut other.last);
        Self { first: self.first, last: self.last, nullable: self.nullable || other.nullable }
    }

    fn again(&self, graph: &mut Graph) {
        link(graph, &self.last, &self.first);
    }
}

fn link(graph: &mut Graph, from: &[u32], to: &[u32]) {
    for at in from {
        if let Some(follow) = graph.follow.get_mut(*at as usize) {
            follow.extend(to.iter().filter(|to| !follow.contains(to)).copied().collect::<Vec<_>>());
        }
    }
}

/// Adds facets; `None` where one of them is beyond these rules.
fn restrict(check: &mut Check, facets: &FacetSet) -> Option<()> {
    let size = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    if !facets.assertions.is_empty() || facets.explicit_timezone.is_some() {
        return None;
    }
    for any in facets.patterns.iter().filter(|any| !any.is_empty()) {
        let patterns = any.iter().map(|facet| pattern::translate(&facet.value));
        check.patterns.push(patterns.collect::<Option<_>>()?);
    }
    if let Some(enumeration) = &facets.enumeration {
        let mut values: Vec<Text> = enumeration.values.iter().map(|value| Text::from(value.as_str())).collect();
        values.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        check.enumerations.push(values);
    }
    let exact = facets.length.as_ref().map(|facet| size(facet.value));
    let least = exact.or_else(|| facets.min_length.as_ref().map(|facet| size(facet.value)));
    let most = exact.or_else(|| facets.max_length.as_ref().map(|facet| size(facet.value)));
    check.min_length = check.min_length.max(least.unwrap_or(0));
    check.max_length = check.max_length.min(most.unwrap_or(usize::MAX));
    let bounds = [
        facets.min_inclusive.as_ref().map(|facet| (&facet.value, true, true)),
        facets.min_exclusive.as_ref().map(|facet| (&facet.value, false, true)),
        facets.max_inclusive.as_ref().map(|facet| (&facet.value, true, false)),
        facets.max_exclusive.as_ref().map(|facet| (&facet.value, false, false)),
    ];
    let bound = |(value, inclusive, is_lower): (&String, bool, bool)| Bound {
        value: Text::from(value.trim()),
        inclusive,
        is_lower,
    };
    check.bounds.extend(bounds.into_iter().flatten().map(bound));
    let digits = |value: u32| usize::try_from(value).unwrap_or(usize::MAX);
    let total = facets.total_digits.as_ref().map_or(usize::MAX, |facet| digits(facet.value));
    let fraction = facets.fraction_digits.as_ref().map_or(usize::MAX, |facet| digits(facet.value));
    check.total_digits = check.total_digits.min(total);
    check.fraction_digits = check.fraction_digits.min(fraction);
    let has_size = !check.bounds.is_empty() || check.total_digits != usize::MAX || check.fraction_digits != usize::MAX;
    let is_number = matches!(check.form, Form::Decimal | Form::Integer);
    let has_length = check.min_length > 0 || check.max_length != usize::MAX;
    let is_text =
        matches!(check.form, Form::Text | Form::Language | Form::Uri | Form::NmToken | Form::NcName | Form::List(_));
    ((is_number || !has_size) && (is_text || !has_length)).then_some(())
}

/// The lexical space of a built-in type; `None` is the engine's.
fn form(code: XmlTypeCode) -> Option<Form> {
    Some(match code {
        XmlTypeCode::AnySimpleType
        | XmlTypeCode::AnyAtomicType
        | XmlTypeCode::String
        | XmlTypeCode::NormalizedString
        | XmlTypeCode::Token => Form::Text,
        XmlTypeCode::Language => Form::Language,
        XmlTypeCode::Boolean => Form::Boolean,
        XmlTypeCode::Decimal => Form::Decimal,
        XmlTypeCode::Float | XmlTypeCode::Double => Form::Double,
        code if is_integer(code) => Form::Integer,
        XmlTypeCode::Date => Form::Date,
        XmlTypeCode::Time => Form::Time,
        XmlTypeCode::DateTime => Form::DateTime,
        XmlTypeCode::AnyUri => Form::Uri,
        XmlTypeCode::NmToken => Form::NmToken,
        XmlTypeCode::Name | XmlTypeCode::NCName => Form::NcName,
        XmlTypeCode::HexBinary => Form::HexBinary,
        XmlTypeCode::Base64Binary => Form::Base64Binary,
        _ => return None,
    })
}

/// The bounds that a built-in integer type has by itself (XML Schema part 2, section 3.3).
fn built_in_bounds(code: XmlTypeCode) -> Vec<Bound> {
    let (least, most) = match code {
        XmlTypeCode::NonPositiveInteger => (None, Some("0")),
        XmlTypeCode::NegativeInteger => (None, Some("-1")),
        XmlTypeCode::Long => (Some("-9223372036854775808"), Some("9223372036854775807")),
        XmlTypeCode::Int => (Some("-2147483648"), Some("2147483647")),
        XmlTypeCode::Short => (Some("-32768"), Some("32767")),
        XmlTypeCode::Byte => (Some("-128"), Some("127")),
        XmlTypeCode::NonNegativeInteger => (Some("0"), None),
        XmlTypeCode::UnsignedLong => (Some("0"), Some("18446744073709551615")),
        XmlTypeCode::UnsignedInt => (Some("0"), Some("4294967295")),
        XmlTypeCode::UnsignedShort => (Some("0"), Some("65535")),
        XmlTypeCode::UnsignedByte => (Some("0"), Some("255")),
        XmlTypeCode::PositiveInteger => (Some("1"), None),
        _ => (None, None),
    };
    let bound = |value: &'static str, is_lower| Bound { value: Text::borrowed(value), inclusive: true, is_lower };
    least.map(|value| bound(value, true)).into_iter().chain(most.map(|value| bound(value, false))).collect()
}
