//! What the engine reports, told in the words and places of the document.

use std::cell::RefCell;

use xsd_schema::TypeKey;
use xsd_schema::ids::NameId as EngineName;
use xsd_schema::parser::location::SourceRef;
use xsd_schema::validation::{ExpectedAttribute, ExpectedElement, PathStep, SchemaInfo, ValidationError};

use super::engine::Engine;
use super::load::from_location;
use super::names::{MARK, MAX_UNKNOWN, Names, PREFIX, UNKNOWN_TYPE};
use super::validate::{Found, Root, XSI};
use super::walk::{children, root, text};
use crate::diagnostic::did_you_mean;
use crate::format::xml::{Attribute, Element, ExpandedName, Node, Tree, path};
use crate::message::{MAX_VIOLATIONS, Violation};

/// Element content that the content model does not allow.
const UNEXPECTED: &str = "cvc-complex-type.2.4";

/// Gathers the violations of a slow walk.
pub(crate) struct Report<'a> {
    engine: &'a Engine,
    tree: &'a Tree,
    names: &'a Names<'a>,
    /// The open elements with the places of their declarations.
    open: Vec<(usize, Option<String>)>,
    expected_elements: Vec<ExpectedElement>,
    expected_attributes: Vec<ExpectedAttribute>,
    /// Elements with a child that is not expected.
    confused: Vec<usize>,
    found: Vec<Found>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(engine: &'a Engine, tree: &'a Tree, names: &'a Names<'a>) -> Self {
        Self {
            engine,
            tree,
            names,
            open: Vec::new(),
            expected_elements: Vec::new(),
            expected_attributes: Vec::new(),
            confused: Vec::new(),
            found: Vec::new(),
        }
    }

    /// What may come next, asked before the step that may fail.
    pub(crate) fn expect_elements(&mut self, expected: Vec<ExpectedElement>) {
        self.expected_elements = expected;
    }

    /// What attributes the open element may have.
    pub(crate) fn expect_attributes(&mut self, expected: Vec<ExpectedAttribute>) {
        self.expected_attributes = expected;
    }

    /// The element at this index of the tape is open now.
    pub(crate) fn enter(&mut self, at: usize, info: &SchemaInfo) {
        let arenas = &self.engine.set().arenas;
        let of_type = || match info.schema_type? {
            TypeKey::Simple(key) => arenas.simple_types.get(key)?.source.as_ref(),
            TypeKey::Complex(key) => arenas.complex_types.get(key)?.source.as_ref(),
        };
        let of_element = info.element_decl.and_then(|key| arenas.elements.get(key)?.source.as_ref());
        let place = of_element.or_else(of_type).and_then(|source| self.schema_place(source));
        self.open.push((at, place));
    }

    /// The innermost element is closed.
    pub(crate) fn leave(&mut self) {
        self.open.pop();
    }

    /// An element has more attributes that the schema does not know than anybody means.
    pub(crate) fn too_many_unknown(&mut self, at: usize) {
        let message = format!("the element has more than {MAX_UNKNOWN} attributes that the schema does not know");
        self.push(Violation::new("cvc-complex-type.3.2.2", path(self.tree, at), message), at);
    }

    /// Whether no more violations are kept.
    pub(crate) fn is_full(&self) -> bool {
        self.found.len() >= MAX_VIOLATIONS
    }

    /// The violations, in the order found.
    pub(crate) fn finish(mut self) -> Vec<Found> {
        self.found.truncate(MAX_VIOLATIONS);
        self.found
    }

    /// Takes what the engine reported in the last step.
    pub(crate) fn take(&mut self, errors: &RefCell<Vec<ValidationError>>) {
        for error in errors.borrow_mut().drain(..) {
            self.add(&error);
        }
    }

    fn add(&mut self, error: &ValidationError) {
        if error.constraint == UNEXPECTED {
            return self.add_structure(error);
        }
        let at = self.place_of(error).or_else(|| self.open.last().map(|(at, _)| *at)).unwrap_or_default();
        let Some(Node::Start(element)) = self.tree.nodes().get(at) else { return };
        let attribute = self.attribute_of(error, element);
        let place = match attribute {
            Some(attribute) => self.attribute_path(at, attribute),
            None => path(self.tree, at),
        };
        let subject = attribute.map_or(element.name, |attribute| attribute.name);
        let message = self.message(error, element, &self.tree.name(subject).local);
        let mut violation = Violation::new(error.constraint, place, message);
        violation.schema_location = self.open.iter().rev().find(|(open, _)| *open == at).and_then(|(_, at)| at.clone());
        if let Some(attribute) = attribute {
            violation = violation.with_value(&attribute.value);
        } else if is_about_value(error.constraint) {
            violation = violation.with_value(&text(self.tree, (at, element)));
        }
        self.push(violation, at);
    }

    /// A child that is not expected, or children that are missing: the engine names the parent for both.
    fn add_structure(&mut self, error: &ValidationError) {
        let parent = self.place_of(error);
        let Some(&(at, _)) = self.open.last() else { return };
        let Some(Node::Start(element)) = self.tree.nodes().get(at) else { return };
        let subject = &self.tree.name(element.name).local;
        let expected: Vec<ExpandedName> =
            self.expected_elements.iter().flat_map(|one| self.alternatives(one)).collect();
        let message = if parent == Some(at) {
            // After a child that was not expected nothing is complete.
            if self.confused.contains(&at) {
                return;
            }
            incomplete(subject, &expected)
        } else {
            self.confused.extend(parent);
            unexpected(self.tree.name(element.name), &expected)
        };
        let mut violation = Violation::new(error.constraint, path(self.tree, at), message);
        let declared = self.open.iter().rev().find(|(open, _)| Some(*open) == parent);
        violation.schema_location = declared.and_then(|(_, place)| place.clone());
        self.push(violation, at);
    }

    fn push(&mut self, violation: Violation, at: usize) {
        let offset = match self.tree.nodes().get(at) {
            Some(Node::Start(element)) => element.offset,
            _ => 0,
        };
        // One rule broken at one place is one violation, in however many words the engine says it.
        // An element that is not expected is then also "not declared", which says nothing more.
        let same = |(known, _): &Found| {
            known.path == violation.path
                && (known.rule == violation.rule || (violation.rule == "cvc-elt.1" && known.rule == UNEXPECTED))
        };
        if !self.is_full() && !self.found.iter().any(same) {
            self.found.push((violation, offset));
        }
    }

    /// The index of the element that an error is about, by the engine's path to it.
    fn place_of(&self, error: &ValidationError) -> Option<usize> {
        let mut steps = error.instance_path()?.steps();
        steps.next()?;
        let mut here = root(self.tree)?;
        for step in steps {
            let Some(position) = step.position() else { break };
            let table = self.engine.names();
            let local = table.get(step.name().local_name());
            let namespace = step.name().namespace().and_then(|namespace| table.get(namespace));
            let is_named = |(_, child): &(usize, &Element)| {
                let (child_namespace, child_local) = self.names.element(child.name);
                Some(child_local) == local && child_namespace == namespace
            };
            here = children(self.tree, here).filter(is_named).nth(position.saturating_sub(1))?;
        }
        Some(here.0)
    }

    /// The attribute that an error is about.
    fn attribute_of(&self, error: &ValidationError, element: &Element) -> Option<&'a Attribute> {
        let last = error.instance_path()?.last()?;
        let PathStep::Attribute { name, .. } = last else { return None };
        let attributes = self.tree.attributes(element);
        if let Some(number) = name.local_name().strip_prefix(MARK) {
            let number = number.parse().ok()?;
            return attributes.iter().filter(|attribute| self.names.is_unknown(attribute.name)).nth(number);
        }
        attributes.iter().find(|attribute| {
            let known = self.tree.name(attribute.name);
            known.local == name.local_name() && known.namespace == name.namespace_uri()
        })
    }

    fn message(&self, error: &ValidationError, element: &Element, subject: &str) -> String {
        match error.constraint {
            "cvc-complex-type.3.2.2" => {}
            "cvc-elt.4.1" => {
                return format!("the schema has no type `{}`, which `xsi:type` names", self.xsi_type(element));
            }
            _ => return self.translated(&error.message, element, subject),
        }
        let allowed = self.expected_attributes.iter().map(|one| self.expanded(one.namespace, one.local_name));
        let names: Vec<String> = allowed.map(|name| attribute_name(&name)).collect();
        let meant = did_you_mean(subject, names.iter().map(String::as_str).filter(|name| *name != subject));
        let hint = match meant {
            Some(meant) => format!("; did you mean `{meant}`?"),
            None if names.is_empty() => "; it has none".to_owned(),
            None => format!("; allowed: {}", list(&names)),
        };
        format!("the attribute `{subject}` is not allowed in `{}`{hint}", self.tree.name(element.name).local)
    }

    /// What may stand for an expected element: itself, or the members of its substitution group if it is abstract.
    fn alternatives(&self, expected: &ExpectedElement) -> Vec<ExpandedName> {
        let elements = &self.engine.set().arenas.elements;
        let head = expected.element_key.filter(|key| elements.get(*key).is_some_and(|element| element.is_abstract));
        let Some(head) = head else {
            return vec![self.expanded(expected.namespace, expected.local_name)];
        };
        let mut heads = vec![head];
        let mut found = Vec::new();
        let mut next = 0;
        while let Some(head) = heads.get(next).copied() {
            next += 1;
            for (key, element) in elements {
                if element.resolved_substitution_groups.contains(&head) && !heads.contains(&key) {
                    heads.push(key);
                    if let Some(name) = element.name.filter(|_| !element.is_abstract) {
                        found.push(self.expanded(element.target_namespace, name));
                    }
                }
            }
        }
        found.sort_by_key(|name| name.local.to_string());
        found
    }

    fn expanded(&self, namespace: Option<EngineName>, local: EngineName) -> ExpandedName {
        let resolve = |name| self.engine.names().try_resolve(name).unwrap_or_default().into();
        ExpandedName { namespace: namespace.map(resolve).unwrap_or_default(), local: resolve(local) }
    }

    /// The engine's own words, with the document's names in backticks for its stand-ins and quotes.
    fn translated(&self, message: &str, element: &Element, subject: &str) -> String {
        let mut words = String::with_capacity(message.len());
        let mut rest = message;
        while let Some((before, after)) = rest.split_once(MARK) {
            words.push_str(before);
            words.push_str(subject);
            rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
        }
        words.push_str(rest);
        if words.contains(PREFIX) {
            let given = self.xsi_type(element);
            let local = given.rsplit(':').next().unwrap_or_default();
            words = words.replace(UNKNOWN_TYPE, given).replace(&format!("{PREFIX}:{local}"), given);
        }
        let mut characters = words.chars();
        // A sentence's first letter, unless it begins an acronym.
        let is_word = words.chars().nth(1).is_some_and(char::is_lowercase);
        let first = characters.next().map(|first| if is_word { first.to_ascii_lowercase() } else { first });
        first.into_iter().chain(characters).map(|c| if c == '\'' { '`' } else { c }).collect()
    }

    /// The value of `xsi:type` as it was written.
    fn xsi_type(&self, element: &Element) -> &str {
        let is_type = |attribute: &&Attribute| {
            let name = self.tree.name(attribute.name);
            name.namespace == XSI && name.local == "type"
        };
        let attribute = self.tree.attributes(element).iter().find(is_type);
        attribute.map(|attribute| attribute.value.as_str()).unwrap_or_default()
    }

    fn attribute_path(&self, at: usize, attribute: &Attribute) -> String {
        let prefix = self.tree.prefix(attribute.prefix);
        let colon = if prefix.is_empty() { "" } else { ":" };
        let local = &self.tree.name(attribute.name).local;
        format!("{}/@{prefix}{colon}{local}", path(self.tree, at))
    }

    /// Where a declaration stands, as `erp/order.xsd:12`.
    fn schema_place(&self, source: &SourceRef) -> Option<String> {
        let location = self.engine.set().locate(Some(source))?;
        Some(format!("{}:{}", from_location(&location.base_uri)?, location.line))
    }
}

/// A root element that is not what the contract says.
pub(crate) fn wrong_root(tree: &Tree, wanted: Root<'_>) -> Option<Found> {
    let (_, element) = root(tree)?;
    let name = tree.name(element.name);
    let candidates = match wanted {
        Root::Only(name) => std::slice::from_ref(name),
        Root::AnyOf(names) => names,
    };
    if candidates.contains(name) {
        return None;
    }
    let same_local = candidates.iter().find(|candidate| candidate.local == name.local);
    let message = match same_local {
        Some(candidate) => format!(
            "the root element `{}` has {}; expected {}",
            name.local,
            namespace_words(name),
            namespace_words(candidate)
        ),
        None => {
            format!("the root element is `{}`; expected {}", name.local, list(&locals(candidates)))
        }
    };
    let place = path(tree, root(tree)?.0);
    Some((Violation::new("cvc-elt.1", place, message), element.offset))
}

fn namespace_words(name: &ExpandedName) -> String {
    if name.namespace.is_empty() { "no namespace".to_owned() } else { format!("the namespace `{}`", name.namespace) }
}

/// An attribute as it is written; the prefix of its namespace is the document's affair, but for `xml:`.
fn attribute_name(name: &ExpandedName) -> String {
    let prefix = if name.namespace == "http://www.w3.org/XML/1998/namespace" { "xml:" } else { "" };
    format!("{prefix}{}", name.local)
}

/// The words for children that are missing.
fn incomplete(subject: &str, expected: &[ExpandedName]) -> String {
    match expected {
        [] => format!("the content of `{subject}` is not complete"),
        names => format!("the content of `{subject}` is not complete; expected {}", list(&locals(names))),
    }
}

/// The words for a child that is not expected.
fn unexpected(subject: &ExpandedName, expected: &[ExpandedName]) -> String {
    let local = &subject.local;
    if let Some(same) = expected.iter().find(|name| name.local == *local && name.namespace != subject.namespace) {
        return format!("the element `{local}` has {}; expected {}", namespace_words(subject), namespace_words(same));
    }
    let names = locals(expected);
    match did_you_mean(local, names.iter().map(String::as_str).filter(|name| *name != local)) {
        Some(meant) => format!("the element `{local}` is not expected here; did you mean `{meant}`?"),
        None if names.is_empty() => format!("the element `{local}` is not expected here"),
        None => format!("the element `{local}` is not expected here; expected {}", list(&names)),
    }
}

fn locals(names: &[ExpandedName]) -> Vec<String> {
    let mut locals: Vec<String> = names.iter().map(|name| name.local.to_string()).collect();
    locals.dedup();
    locals
}

/// Names for people: `a`, `b` or `c`; at most eight of them.
fn list(names: &[String]) -> String {
    const MOST: usize = 8;
    let shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    match (shown.split_last(), names.len().checked_sub(MOST).filter(|more| *more > 0)) {
        (_, Some(more)) => format!("{} or one of {more} others", shown.join(", ")),
        (Some((last, [])), None) => last.clone(),
        (Some((last, before)), None) => format!("{} or {last}", before.join(", ")),
        (None, None) => "nothing".to_owned(),
    }
}

/// Whether a rule speaks of the text of an element rather than of its structure.
fn is_about_value(rule: &str) -> bool {
    rule.starts_with("cvc-datatype")
        || rule.ends_with("-valid")
        || rule.starts_with("cvc-simple-type")
        || rule.starts_with("cvc-type.3")
        || rule.starts_with("cvc-elt.5")
        || rule.starts_with("cvc-id.")
}
