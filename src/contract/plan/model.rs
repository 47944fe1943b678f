//! The content model of a complex type with every reference resolved: group references followed, an
//! extension's particles after its base's, prohibited particles (`maxOccurs="0"`) gone.

use std::collections::HashMap;

use xsd_schema::parser::frames::{
    ComplexContentResult, Compositor, DerivationMethod, ElementFrameResult, ModelGroupDefResult, NamespaceToken,
    ParticleResult, ParticleTerm, ProcessContents, TypeRefResult, WildcardNamespace, WildcardResult,
};
use xsd_schema::{ComplexTypeKey, ElementKey, IdentityConstraintKey, ModelGroupKey, NameId, SchemaSet, TypeKey};

use super::Error;

/// Groups nested deeper than this are refused.
const MAX_DEPTH: usize = 100;

/// A term with its occurrence.
#[derive(Clone, Debug)]
pub struct Particle {
    /// `minOccurs`
    pub min: u32,
    /// `maxOccurs`; `None` is unbounded.
    pub max: Option<u32>,
    /// What occurs.
    pub term: Term,
}

/// What a particle stands for.
#[derive(Clone, Debug)]
pub enum Term {
    /// An element declaration.
    Element(Declared),
    /// All of them, in this order.
    Sequence(Vec<Particle>),
    /// One of them.
    Choice(Vec<Particle>),
    /// All of them, in any order.
    All(Vec<Particle>),
    /// Elements of certain namespaces.
    Wildcard(Wildcard),
}

/// An element declaration as a content model uses it.
#[derive(Clone, Debug)]
pub struct Declared {
    /// The namespace, if it has one.
    pub namespace: Option<NameId>,
    /// The local name.
    pub local: NameId,
    /// Its type; `None` is `xs:anyType`.
    pub type_key: Option<TypeKey>,
    /// Whether `xsi:nil` is allowed.
    pub nillable: bool,
    /// Whether only its substitutes may stand in a document.
    pub is_abstract: bool,
    /// Its default or fixed value.
    pub default: Option<String>,
    /// Whether that value is fixed.
    pub is_fixed: bool,
    /// Its identity constraints.
    pub constraints: Vec<IdentityConstraintKey>,
    /// The global declaration, if it is a reference to one: the head of a substitution group.
    pub global: Option<ElementKey>,
}

/// `xs:any` or `xs:anyAttribute`.
#[derive(Clone, Debug)]
pub struct Wildcard {
    /// The namespaces it admits.
    pub namespaces: Namespaces,
    /// What is done with what it admits.
    pub process: Process,
}

/// A namespace constraint (XML Schema part 1, section 3.10.1); `None` is no namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namespaces {
    /// Every one.
    Any,
    /// Every one but these.
    Not(Vec<Option<NameId>>),
    /// Only these.
    Only(Vec<Option<NameId>>),
}

impl Namespaces {
    /// Whether it admits the namespace.
    pub fn admits(&self, namespace: Option<NameId>) -> bool {
        match self {
            Self::Any => true,
            Self::Not(list) => !list.contains(&namespace),
            Self::Only(list) => list.contains(&namespace),
        }
    }
}

/// `processContents`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// A declaration must exist.
    Strict,
    /// A declaration counts where there is one.
    Lax,
    /// Nothing is looked at.
    Skip,
}

/// What stands between the tags of a complex type.
#[derive(Clone, Debug)]
pub enum Content {
    /// Nothing.
    Empty,
    /// A value.
    Simple,
    /// Elements, with text between them if mixed.
    Elements {
        /// Whether text may stand between the elements.
        mixed: bool,
        /// The model; `None` admits no element.
        particle: Option<Particle>,
    },
}

/// The content of a complex type.
pub fn content(set: &SchemaSet, key: ComplexTypeKey) -> Result<Content, Error> {
    content_at(set, key, 0)
}

fn content_at(set: &SchemaSet, key: ComplexTypeKey, depth: usize) -> Result<Content, Error> {
    let Some(data) = set.arenas.complex_types.get(key).filter(|_| depth < MAX_DEPTH) else {
        return Err(Error::Depth { name: type_name(set, key) });
    };
    let own = match &data.content {
        ComplexContentResult::Simple(_) => return Ok(Content::Simple),
        ComplexContentResult::Empty => None,
        ComplexContentResult::Complex(definition) => {
            let mut walk = Walk {
                set,
                namespace: data.target_namespace,
                elements: &data.resolved_content_particle_elements,
                types: &data.resolved_content_particle_types,
                flat: 0,
                redefined: None,
            };
            let particle = definition.particle.as_ref().map(|p| walk.particle(p, depth)).transpose()?.flatten();
            let mixed = data.mixed || definition.mixed;
            if data.derivation_method == Some(DerivationMethod::Extension)
                && let Some(TypeKey::Complex(base)) = data.resolved_base_type
                && base != key
            {
                return extended(content_at(set, base, depth + 1)?, particle, mixed);
            }
            Some((mixed, particle))
        }
    };
    Ok(match own {
        Some((false, None)) | None if !data.mixed => Content::Empty,
        Some((mixed, particle)) => Content::Elements { mixed, particle },
        None => Content::Elements { mixed: true, particle: None },
    })
}

fn extended(base: Content, own: Option<Particle>, mixed: bool) -> Result<Content, Error> {
    Ok(match (base, own) {
        (Content::Elements { mixed: base_mixed, particle: Some(base) }, Some(own)) => Content::Elements {
            mixed: mixed || base_mixed,
            particle: Some(Particle { min: 1, max: Some(1), term: Term::Sequence(vec![base, own]) }),
        },
        (Content::Elements { mixed: base_mixed, particle }, own) => {
            Content::Elements { mixed: mixed || base_mixed, particle: particle.or(own) }
        }
        (Content::Empty, None) if !mixed => Content::Empty,
        (_, own) => Content::Elements { mixed, particle: own },
    })
}

/// A type's name for messages.
pub(super) fn type_name(set: &SchemaSet, key: ComplexTypeKey) -> String {
    let name = set.arenas.complex_types.get(key).and_then(|data| data.name);
    name.map_or_else(|| "(anonymous)".to_owned(), |name| set.name_table.resolve(name))
}

/// Walks particles in document order. Local declarations are found by their position in that order.
struct Walk<'s> {
    set: &'s SchemaSet,
    namespace: Option<NameId>,
    elements: &'s [Option<ElementKey>],
    types: &'s [Option<TypeKey>],
    flat: usize,
    redefined: Option<(NameId, Option<NameId>, ModelGroupKey)>,
}

impl<'s> Walk<'s> {
    fn particle(&mut self, particle: &ParticleResult, depth: usize) -> Result<Option<Particle>, Error> {
        let term = match &particle.term {
            ParticleTerm::Element(element) => Some(Term::Element(self.element(element, particle))),
            ParticleTerm::Group(group) => self.group(group, depth + 1)?,
            ParticleTerm::Any(any) => Some(Term::Wildcard(wildcard(self.set, any, self.namespace))),
        };
        let present = particle.max_occurs != Some(0);
        Ok(term.filter(|_| present).map(|term| Particle { min: particle.min_occurs, max: particle.max_occurs, term }))
    }

    fn particles(&mut self, particles: &[ParticleResult], depth: usize) -> Result<Vec<Particle>, Error> {
        particles.iter().filter_map(|particle| self.particle(particle, depth).transpose()).collect()
    }

    fn group(&mut self, group: &ModelGroupDefResult, depth: usize) -> Result<Option<Term>, Error> {
        if depth >= MAX_DEPTH {
            return Err(Error::Depth { name: "a model group".to_owned() });
        }
        let Some(reference) = &group.ref_name else {
            let particles = self.particles(&group.particles, depth)?;
            return Ok(composed(group.compositor, particles));
        };
        let key = match self.redefined {
            Some((name, namespace, original)) if (name, namespace) == (reference.local_name, reference.namespace) => {
                Some(original)
            }
            _ => self.set.lookup_model_group(reference.namespace, reference.local_name),
        };
        let Some(data) = key.and_then(|key| self.set.arenas.model_groups.get(key)) else {
            return Err(Error::Unresolved { kind: "group", name: self.set.name_table.resolve(reference.local_name) });
        };
        let mut inner = Walk {
            set: self.set,
            namespace: data.target_namespace,
            elements: &data.resolved_particle_elements,
            types: &data.resolved_particle_types,
            flat: 0,
            redefined: data.redefine_original.zip(data.name).map(|(key, name)| (name, data.target_namespace, key)),
        };
        let particles = inner.particles(&data.particles, depth)?;
        Ok(composed(data.compositor, particles))
    }

    fn element(&mut self, frame: &ElementFrameResult, particle: &ParticleResult) -> Declared {
        let flat = self.flat;
        self.flat += 1;
        if let Some(reference) = &frame.ref_name {
            let key = self.set.lookup_element(reference.namespace, reference.local_name);
            return match key {
                Some(key) => global(self.set, key),
                None => Declared {
                    namespace: reference.namespace,
                    local: reference.local_name,
                    type_key: None,
                    nillable: false,
                    is_abstract: false,
                    default: None,
                    is_fixed: false,
                    constraints: Vec::new(),
                    global: None,
                },
            };
        }
        let key = self.elements.get(flat).copied().flatten();
        let declared = key.and_then(|key| self.set.arenas.elements.get(key));
        let by_name = || match &frame.type_ref {
            Some(TypeRefResult::QName(name)) => self
                .set
                .lookup_type(name.namespace, name.local_name)
                .or_else(|| self.set.get_built_in_type_by_qname(name.namespace, name.local_name)),
            _ => None,
        };
        Declared {
            namespace: self.set.effective_local_element_namespace(
                frame.target_namespace,
                frame.form.as_deref(),
                particle.source.as_ref().or(frame.source.as_ref()),
                self.namespace,
            ),
            local: frame.name.unwrap_or(NameId(0)),
            type_key: declared
                .and_then(|data| data.resolved_type)
                .or_else(|| self.types.get(flat).copied().flatten())
                .or_else(by_name),
            nillable: frame.nillable,
            is_abstract: false,
            default: frame.fixed_value.clone().or_else(|| frame.default_value.clone()),
            is_fixed: frame.fixed_value.is_some(),
            constraints: declared.map(|data| data.identity_constraints.clone()).unwrap_or_default(),
            global: None,
        }
    }
}

fn composed(compositor: Option<Compositor>, particles: Vec<Particle>) -> Option<Term> {
    match compositor.unwrap_or(Compositor::Sequence) {
        _ if particles.is_empty() => None,
        Compositor::Sequence => Some(Term::Sequence(particles)),
        Compositor::Choice => Some(Term::Choice(particles)),
        Compositor::All => Some(Term::All(particles)),
    }
}

/// A global element declaration. Without a type of its own it has its substitution group head's.
pub fn global(set: &SchemaSet, key: ElementKey) -> Declared {
    let none = Declared {
        namespace: None,
        local: NameId(0),
        type_key: None,
        nillable: false,
        is_abstract: false,
        default: None,
        is_fixed: false,
        constraints: Vec::new(),
        global: Some(key),
    };
    set.arenas.elements.get(key).map_or(none, |data| Declared {
        namespace: data.target_namespace,
        local: data.name.unwrap_or(NameId(0)),
        type_key: data.resolved_type.or_else(|| head_type(set, key)),
        nillable: data.nillable,
        is_abstract: data.is_abstract,
        default: data.fixed_value.clone().or_else(|| data.default_value.clone()),
        is_fixed: data.fixed_value.is_some(),
        constraints: data.identity_constraints.clone(),
        global: Some(key),
    })
}

fn head_type(set: &SchemaSet, key: ElementKey) -> Option<TypeKey> {
    let mut key = key;
    for _ in 0..MAX_DEPTH {
        let data = set.arenas.elements.get(key)?;
        match data.resolved_type {
            Some(found) => return Some(found),
            None => key = *data.resolved_substitution_groups.first()?,
        }
    }
    None
}

/// Resolves a wildcard's namespace constraint.
pub fn wildcard(set: &SchemaSet, any: &WildcardResult, fallback: Option<NameId>) -> Wildcard {
    let document = any.source.as_ref().and_then(|source| set.documents.get(source.doc_id as usize));
    let target = document.map_or(fallback, |document| document.target_namespace);
    let resolve = |list: &[NamespaceToken]| list.iter().map(|token| token.resolve(target)).collect();
    let namespaces = match &any.namespace {
        WildcardNamespace::Any => Namespaces::Any,
        WildcardNamespace::Other if target.is_some() => Namespaces::Not(vec![target, None]),
        WildcardNamespace::Other => Namespaces::Not(vec![None]),
        WildcardNamespace::TargetNamespace => Namespaces::Only(vec![target]),
        WildcardNamespace::Local => Namespaces::Only(vec![None]),
        WildcardNamespace::List(list) => Namespaces::Only(resolve(list)),
    };
    let process = match any.process_contents {
        ProcessContents::Strict => Process::Strict,
        ProcessContents::Lax => Process::Lax,
        ProcessContents::Skip => Process::Skip,
    };
    Wildcard { namespaces, process }
}

/// For every global element, the elements that name it as their substitution group's head.
pub fn substitutes(set: &SchemaSet) -> HashMap<ElementKey, Vec<ElementKey>> {
    let mut members: HashMap<ElementKey, Vec<ElementKey>> = HashMap::new();
    for (key, data) in set.arenas.elements.iter() {
        for head in &data.resolved_substitution_groups {
            members.entry(*head).or_default().push(key);
        }
    }
    members
}
