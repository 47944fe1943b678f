//! The attributes of a complex type, inherited ones included, and the simple type of its content.

use xsd_schema::arenas::{ComplexTypeDefData, ResolvedAttributeUse};
use xsd_schema::parser::frames::{
    AttributeUseKind, AttributeUseResult, ComplexContentResult, DerivationMethod, TypeRefResult, WildcardResult,
};
use xsd_schema::{AttributeGroupKey, ComplexTypeKey, NameId, SimpleTypeKey, TypeKey};

use super::compile::Compiler;
use super::model;
use super::prefixes::XSI;
use super::types::{Attribute, Namespaces, SimpleIx, Wildcard};
use crate::message::Text;

/// Derivations longer than this are cut; none is.
const MAX_CHAIN: usize = 100;

type Qualified = (Option<NameId>, NameId);

/// One attribute use before its name is settled in the plan.
struct Use {
    name: Qualified,
    simple: Option<SimpleTypeKey>,
    required: bool,
    fixed: Option<Text>,
    by_wildcard: bool,
}

impl Compiler<'_> {
    /// The attributes of a complex type and its attribute wildcard (XML Schema part 1, section 3.4.2).
    pub(super) fn attributes(&mut self, key: ComplexTypeKey) -> (Vec<Attribute>, Option<Wildcard>) {
        let mut uses: Vec<Use> = Vec::new();
        let mut hidden: Vec<Qualified> = Vec::new();
        let mut any: Option<Wildcard> = None;
        let mut inherits = true;
        let mut current = Some(key);
        for _ in 0..MAX_CHAIN {
            let Some((key, data)) = current.and_then(|key| Some((key, self.set.arenas.complex_types.get(key)?))) else {
                break;
            };
            let extension = data.derivation_method == Some(DerivationMethod::Extension);
            let base = match data.resolved_base_type {
                Some(TypeKey::Complex(base)) if base != key && !self.set.is_any_type(TypeKey::Complex(base)) => {
                    Some(base)
                }
                _ => None,
            };
            let mut own = Vec::new();
            let mut prohibited = Vec::new();
            self.uses(&data.attributes, &data.resolved_attributes, data.target_namespace, &mut own, &mut prohibited);
            let mut groups = Vec::new();
            let mut wildcards: Vec<(&WildcardResult, Option<NameId>)> =
                own_wildcard(data).map(|wildcard| (wildcard, data.target_namespace)).into_iter().collect();
            for group in &data.resolved_attribute_groups {
                self.group(*group, &mut groups, &mut own, &mut wildcards);
            }
            for one in own {
                if !hidden.contains(&one.name) && !uses.iter().any(|known| known.name == one.name) {
                    uses.push(one);
                }
            }
            if inherits {
                let found = wildcards
                    .first()
                    .map(|(wildcard, target)| self.wildcard(&model::wildcard(self.set, wildcard, *target)));
                any = match (any, found) {
                    (Some(a), Some(b)) => Some(union(a, &b)),
                    (a, b) => a.or(b),
                };
            }
            inherits &= extension;
            if !extension {
                hidden.append(&mut prohibited);
            }
            current = base;
        }
        if let Some(wildcard) = any.as_ref().filter(|wildcard| !wildcard.skip) {
            self.admitted(wildcard, &mut uses);
        }
        let attributes = self.keyed(uses, any.is_some());
        (attributes, any)
    }

    /// The global attributes that a wildcard admits.
    fn admitted(&self, wildcard: &Wildcard, uses: &mut Vec<Use>) {
        for (key, data) in self.set.arenas.attributes.iter() {
            let Some(local) = data.name else { continue };
            let uri = data.target_namespace.map_or("", |id| self.set.name_table.resolve_ref(id));
            let name = (data.target_namespace, local);
            let global = self.set.lookup_attribute(data.target_namespace, local) == Some(key);
            if global && uri != XSI && wildcard.namespaces.admits(uri) && !uses.iter().any(|one| one.name == name) {
                let simple = data.resolved_type.and_then(|key| key.as_simple());
                uses.push(Use { name, simple, required: false, fixed: None, by_wildcard: true });
            }
        }
    }

    fn keyed(&mut self, uses: Vec<Use>, wildcard: bool) -> Vec<Attribute> {
        let locals: Vec<NameId> = uses.iter().map(|one| one.name.1).collect();
        uses.into_iter()
            .map(|one| {
                let (namespace, local) = one.name;
                let shared = locals.iter().filter(|other| **other == local).count() > 1;
                let name = self.name(namespace, local);
                let key = Text::from(format!("@{}", self.key(name, shared || (wildcard && namespace.is_some()))));
                let simple = self.simple_ix(one.simple);
                Attribute { name, key, simple, required: one.required, fixed: one.fixed, by_wildcard: one.by_wildcard }
            })
            .collect()
    }

    fn group<'a>(
        &'a self,
        key: AttributeGroupKey,
        seen: &mut Vec<AttributeGroupKey>,
        uses: &mut Vec<Use>,
        wildcards: &mut Vec<(&'a WildcardResult, Option<NameId>)>,
    ) {
        let Some(data) = self.set.arenas.attribute_groups.get(key).filter(|_| !seen.contains(&key)) else { return };
        seen.push(key);
        self.uses(&data.attributes, &data.resolved_attributes, data.target_namespace, uses, &mut Vec::new());
        wildcards.extend(data.attribute_wildcard.as_ref().map(|wildcard| (wildcard, data.target_namespace)));
        for nested in &data.resolved_attribute_groups {
            self.group(*nested, seen, uses, wildcards);
        }
    }

    fn uses(
        &self,
        written: &[AttributeUseResult],
        resolved: &[ResolvedAttributeUse],
        target: Option<NameId>,
        uses: &mut Vec<Use>,
        prohibited: &mut Vec<Qualified>,
    ) {
        for (at, one) in written.iter().enumerate() {
            let resolved = resolved.get(at);
            let global =
                resolved.and_then(|found| found.resolved_ref).and_then(|key| self.set.arenas.attributes.get(key));
            let frame = &one.attribute;
            let name = match (&frame.ref_name, frame.name, global) {
                (None, Some(name), _) => {
                    let namespace = self.set.effective_local_attribute_namespace(
                        frame.target_namespace,
                        frame.form.as_deref(),
                        frame.source.as_ref(),
                        target,
                    );
                    (namespace, name)
                }
                (Some(reference), _, _) => (reference.namespace, reference.local_name),
                (None, None, Some(data)) => (data.target_namespace, data.name.unwrap_or(NameId(0))),
                (None, None, None) => continue,
            };
            if one.use_kind == AttributeUseKind::Prohibited {
                prohibited.push(name);
                continue;
            }
            let by_name = || match &frame.type_ref {
                Some(TypeRefResult::QName(name)) => self.set.lookup_type(name.namespace, name.local_name),
                _ => None,
            };
            let simple = resolved
                .and_then(|found| found.resolved_type)
                .or_else(|| global.and_then(|data| data.resolved_type))
                .or_else(by_name)
                .and_then(|key| key.as_simple());
            let fixed = frame.fixed_value.as_ref().or_else(|| global.and_then(|data| data.fixed_value.as_ref()));
            uses.push(Use {
                name,
                simple,
                required: one.use_kind == AttributeUseKind::Required,
                fixed: fixed.map(|text| Text::from(text.as_str())),
                by_wildcard: false,
            });
        }
    }

    /// The simple type of a complex type's simple content.
    pub(super) fn simple_content(&mut self, key: ComplexTypeKey) -> SimpleIx {
        let mut current = key;
        let mut found = None;
        for _ in 0..MAX_CHAIN {
            let Some(data) = self.set.arenas.complex_types.get(current) else { break };
            if let Some(TypeKey::Simple(own)) = data.resolved_simple_content_type {
                found = Some(own);
                break;
            }
            match data.resolved_base_type {
                Some(TypeKey::Simple(base)) => {
                    found = Some(base);
                    break;
                }
                Some(TypeKey::Complex(base)) if base != current => current = base,
                _ => break,
            }
        }
        self.simple_ix(found)
    }
}

fn own_wildcard(data: &ComplexTypeDefData) -> Option<&WildcardResult> {
    data.attribute_wildcard.as_ref().or(match &data.content {
        ComplexContentResult::Complex(content) => content.attribute_wildcard.as_ref(),
        ComplexContentResult::Simple(content) => content.attribute_wildcard.as_ref(),
        ComplexContentResult::Empty => None,
    })
}

/// What an extension and its base admit together.
fn union(own: Wildcard, base: &Wildcard) -> Wildcard {
    let namespaces = match (&own.namespaces, &base.namespaces) {
        (Namespaces::Only(a), Namespaces::Only(b)) => Namespaces::Only(a.iter().chain(b).cloned().collect()),
        (Namespaces::Not(a), Namespaces::Not(b)) => {
            Namespaces::Not(a.iter().filter(|uri| b.contains(uri)).cloned().collect())
        }
        (Namespaces::Not(a), Namespaces::Only(b)) | (Namespaces::Only(b), Namespaces::Not(a)) => {
            Namespaces::Not(a.iter().filter(|uri| !b.contains(uri)).cloned().collect())
        }
        (Namespaces::Any, _) | (_, Namespaces::Any) => Namespaces::Any,
    };
    Wildcard { namespaces, ..own }
}
