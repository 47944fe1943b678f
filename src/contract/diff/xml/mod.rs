//! Two XSDs: whether every document of one is a document of the other.
//!
//! Content models are automata; whether one admits all that the other does is seen by walking both at once, from pair of
//! states to pair of states. Each pair of types is compared once.

mod view;

use std::collections::{HashSet, VecDeque};

use super::{Break, Breaks, Sides};
use crate::contract::plan::Plan;
use crate::contract::plan::rules::{Constraint, Field, Letter, Model, State, Step, UseIx, Value};
use crate::contract::plan::types::{NameIx, TypeIx, Wildcard};
use crate::format::xml::ExpandedName;
use crate::message::Text;
use view::{Content, View};

/// Pairs of states of two content models.
const MOST_STATES: usize = 50_000;

/// What `from` admits and `to` refuses.
pub(super) fn breaks(from: &Plan, to: &Plan, sides: Sides) -> Vec<Break> {
    let mut walk = Walk { from, to, sides, breaks: Breaks::default(), seen: HashSet::new(), open: VecDeque::new() };
    walk.roots();
    while let Some((own, other, path)) = walk.open.pop_front() {
        walk.types(own, other, &path);
    }
    walk.breaks.0
}

struct Walk<'p> {
    from: &'p Plan,
    to: &'p Plan,
    sides: Sides,
    breaks: Breaks,
    seen: HashSet<(TypeIx, TypeIx)>,
    /// The nearest to the root first, so that paths are short.
    open: VecDeque<(TypeIx, TypeIx, String)>,
}

impl<'p> Walk<'p> {
    fn roots(&mut self) {
        let Sides { from: one, to: other } = self.sides;
        for root in &self.from.roots {
            let path = format!("/{}", self.from.local(root.name));
            let known = self.name(root.name);
            let Some(wanted) = self.to.roots.iter().find(|wanted| Some(wanted.name) == known) else {
                let message = format!("the {one} contract admits this root element, the {other} one does not");
                self.breaks.add(&path, message);
                continue;
            };
            match (self.from.rules.root, self.to.rules.root) {
                (Some((own, found)), Some((name, wanted))) if own == root.name && known == Some(name) => {
                    self.element(found, wanted, &path);
                }
                _ => self.queue(root.type_ix, wanted.type_ix, &path),
            }
        }
    }

    /// The other plan's name of the same namespace and local part.
    fn name(&self, name: NameIx) -> Option<NameIx> {
        let own = self.from.names.get(name as usize)?;
        let namespace = self.from.uri(own.namespace).clone();
        self.to.name_ix(&ExpandedName { namespace, local: own.local.clone() })
    }

    fn queue(&mut self, own: TypeIx, other: TypeIx, path: &str) {
        if self.seen.insert((own, other)) {
            self.open.push_back((own, other, path.to_owned()));
        }
    }

    fn refused(&mut self, path: &str, what: &str) {
        let Sides { from, to } = self.sides;
        self.breaks.add(path, format!("the {from} contract admits {what}, the {to} one does not"));
    }

    fn cannot_tell(&mut self, path: &str, what: &str) {
        let to = self.sides.to;
        self.breaks.add(path, format!("whether the {to} contract admits the same cannot be told: {what}"));
    }

    fn element(&mut self, own: UseIx, other: UseIx, path: &str) {
        let uses = (self.from.rules.uses.get(own as usize), self.to.rules.uses.get(other as usize));
        let (Some(own), Some(other)) = uses else { return };
        if own.nillable && !other.nillable {
            self.refused(path, "`xsi:nil`");
        }
        let text = |value: &Value| value.text.to_string();
        match (&own.value, &other.value) {
            (Some(own), Some(wanted)) if own.is_fixed && wanted.is_fixed && own.text == wanted.text => {}
            (_, Some(wanted)) if wanted.is_fixed => self.refused(path, &format!("other values than `{}`", wanted.text)),
            (Some(own), other) if other.as_ref().map(text) != Some(text(own)) => {
                let Sides { from, .. } = self.sides;
                self.breaks.add(path, format!("an empty element means `{}` in the {from} contract only", own.text));
            }
            _ => {}
        }
        match (&own.constraints, &other.constraints) {
            (_, Some(wanted)) if wanted.is_empty() => {}
            (Some(own), Some(wanted)) => {
                let own: Vec<String> = own.iter().map(|one| written(self.from, one)).collect();
                if wanted.iter().any(|one| !own.contains(&written(self.to, one))) {
                    self.refused(path, "values twice that must be unique");
                }
            }
            _ => self.cannot_tell(path, "its identity constraints"),
        }
        self.queue(own.type_ix, other.type_ix, path);
    }

    fn types(&mut self, own_ix: TypeIx, other_ix: TypeIx, path: &str) {
        let own = View::of(self.from, own_ix);
        let other = View::of(self.to, other_ix);
        if other.complex.is_some_and(|complex| complex.is_any_type) {
            return;
        }
        if own.complex.is_some_and(|complex| complex.is_any_type) {
            return self.refused(path, "any content");
        }
        self.derived(&own, &other, path);
        match (own.is_abstract(), other.is_abstract()) {
            (true, _) => return,
            (false, true) => return self.refused(path, "an element without `xsi:type`"),
            (false, false) => {}
        }
        self.attributes(&own, &other, path);
        self.content(own.content(), other.content(), path);
    }

    /// Types that `xsi:type` may name.
    fn derived(&mut self, own: &View<'p>, other: &View<'p>, path: &str) {
        let known = other.all_derived(self.to);
        for (name, ix) in own.all_derived(self.from) {
            let wanted = self.name(name);
            match known.iter().find(|(known, _)| Some(*known) == wanted) {
                Some((_, other)) => self.queue(ix, *other, path),
                None => {
                    let what = format!("`xsi:type=\"{}\"`", self.from.prefixed(name));
                    self.refused(path, &what);
                }
            }
        }
    }

    fn attributes(&mut self, own: &View<'p>, other: &View<'p>, path: &str) {
        let Sides { from: one, to: whose } = self.sides;
        let (own_rules, other_rules) = (own.attributes(), other.attributes());
        let wanted_any = other.complex.and_then(|complex| complex.any_attribute.as_ref());
        for rule in own_rules {
            let path = format!("{path}/@{}", self.from.local(rule.name));
            let uri = uri(self.from, rule.name);
            let known = self.name(rule.name);
            let Some(wanted) = other_rules.iter().find(|wanted| Some(wanted.name) == known) else {
                if !wanted_any.is_some_and(|any| !any.strict && any.namespaces.admits(&uri)) {
                    self.refused(&path, "this attribute");
                }
                continue;
            };
            if let Some(fixed) = wanted.fixed.as_ref().filter(|fixed| rule.fixed.as_ref() != Some(*fixed)) {
                self.refused(&path, &format!("other values than `{fixed}`"));
            }
            if let Some(why) = rule.check.beyond_of(&wanted.check) {
                self.refused(&path, &why);
            }
        }
        let own_any = own.complex.and_then(|complex| complex.any_attribute.as_ref());
        for wanted in other_rules {
            let path = format!("{path}/@{}", self.to.local(wanted.name));
            let rule = own_rules.iter().find(|rule| self.name(rule.name) == Some(wanted.name));
            if wanted.required && !rule.is_some_and(|rule| rule.required) {
                let message = format!("it must be there in the {whose} contract, and need not in the {one} one");
                self.breaks.add(&path, message);
            }
            let uri = uri(self.to, wanted.name);
            if rule.is_none() && own_any.is_some_and(|any| any.namespaces.admits(&uri)) {
                self.refused(&path, "any value");
            }
        }
        if let Some(any) = own_any {
            let is_wider =
                |uri: &Text| any.namespaces.admits(uri) && !wanted_any.is_some_and(|wanted| admits(wanted, any, uri));
            if self.probes().iter().any(is_wider) {
                self.refused(&format!("{path}/@*"), "other attributes");
            }
        }
    }

    fn content(&mut self, own: Content<'p>, other: Content<'p>, path: &str) {
        match (own, other) {
            (Content::Simple(own), Content::Simple(other)) => {
                if let Some(why) = own.beyond_of(other) {
                    self.refused(path, &why);
                }
            }
            (Content::Empty, Content::Empty) => {}
            (Content::Empty, Content::Simple(check)) if check.holds("") => {}
            (Content::Empty, Content::Elements { model, .. }) if model.may_end(State::default()) => {}
            (Content::Simple(_), Content::Elements { model, mixed: true }) if model.may_end(State::default()) => {}
            (Content::Elements { model: own, mixed }, Content::Elements { model: other, mixed: other_mixed }) => {
                if mixed && !other_mixed {
                    self.refused(path, "text between the elements");
                }
                self.models(own, other, path);
            }
            (own, other) => {
                let Sides { from, to } = self.sides;
                let message =
                    format!("it holds {} in the {from} contract, {} in the {to} one", own.name(), other.name());
                self.breaks.add(path, message);
            }
        }
    }

    /// Walks both content models at once.
    fn models(&mut self, own: &'p Model, other: &'p Model, path: &str) {
        if matches!(own, Model::Unknown) || matches!(other, Model::Unknown) {
            return self.cannot_tell(path, "a content model");
        }
        let Sides { from: one, to: whose } = self.sides;
        let (from, to) = (self.from, self.to);
        let own_uri = |name: NameIx| uri(from, name);
        let other_uri = |name: NameIx| uri(to, name);
        let start = (State::default(), State::default());
        let mut seen = HashSet::from([start]);
        let mut open = VecDeque::from([(start, String::new())]);
        while let Some(((mine, theirs), after)) = open.pop_front() {
            if seen.len() > MOST_STATES {
                return self.cannot_tell(path, "the content models are too large");
            }
            if own.may_end(mine) && !other.may_end(theirs) {
                let demanded = other.next(theirs, &other_uri).into_iter().filter_map(|letter| match letter {
                    Letter::Name(name, _) => Some(format!("`{}`", to.local(name))),
                    Letter::Any(_) => None,
                });
                let demanded = demanded.take(3).collect::<Vec<_>>().join(" or ");
                let demanded = if demanded.is_empty() { "more elements".to_owned() } else { demanded };
                self.breaks
                    .add(path, format!("the {whose} contract demands {demanded}{after}, the {one} one does not"));
            }
            for letter in own.next(mine, &own_uri) {
                let mut next = (mine, theirs);
                match letter {
                    Letter::Name(name, found) => {
                        let local = from.local(name);
                        let below = format!("{path}/{local}");
                        let uri = own_uri(name);
                        own.step(&mut next.0, Some(name), || &uri);
                        match other.step(&mut next.1, self.name(name), || &uri) {
                            Some(Step::Use(wanted)) => self.element(found, wanted, &below),
                            Some(Step::Wildcard(wildcard)) => self.admitted(name, found, wildcard, &below),
                            None => {
                                self.refused(&below, &format!("it{after}"));
                                continue;
                            }
                        }
                        let pair = (own.settled(next.0), other.settled(next.1));
                        if seen.insert(pair) {
                            open.push_back((pair, format!(" after `{local}`")));
                        }
                    }
                    Letter::Any(wildcard) => {
                        let below = format!("{path}/*");
                        for letter in other.next(theirs, &other_uri) {
                            if let Letter::Name(name, _) = letter
                                && wildcard.namespaces.admits(&other_uri(name))
                            {
                                self.refused(&format!("{path}/{}", to.local(name)), "any content");
                            }
                        }
                        for uri in self.probes().iter().filter(|uri| wildcard.namespaces.admits(uri)) {
                            let mut next = (mine, theirs);
                            own.step(&mut next.0, None, || uri);
                            match other.step(&mut next.1, None, || uri) {
                                Some(Step::Wildcard(wanted)) if admits(wanted, wildcard, uri) => {}
                                _ => {
                                    self.refused(&below, &format!("other elements{after}"));
                                    continue;
                                }
                            }
                            let pair = (own.settled(next.0), other.settled(next.1));
                            if seen.insert(pair) {
                                open.push_back((pair, String::new()));
                            }
                        }
                        self.globals(wildcard, &below);
                    }
                }
            }
        }
    }

    /// A declared element where the other contract has a wildcard.
    fn admitted(&mut self, name: NameIx, found: UseIx, wildcard: &Wildcard, path: &str) {
        if wildcard.skip {
            return;
        }
        let global = self.name(name).and_then(|name| self.to.rules.globals.get(&name).copied());
        match global {
            Some(Some(wanted)) => self.element(found, wanted, path),
            Some(None) => self.cannot_tell(path, "a wildcard admits it"),
            None if wildcard.strict => self.refused(path, "it"),
            None => {}
        }
    }

    /// What a wildcard that looks at declarations finds.
    fn globals(&mut self, wildcard: &Wildcard, path: &str) {
        if wildcard.skip {
            return;
        }
        let mut globals: Vec<(NameIx, Option<UseIx>)> =
            self.from.rules.globals.iter().map(|(name, found)| (*name, *found)).collect();
        globals.sort_unstable();
        for (name, found) in globals {
            let (Some(found), true) = (found, wildcard.namespaces.admits(&uri(self.from, name))) else { continue };
            let wanted = self.name(name).and_then(|name| self.to.rules.globals.get(&name).copied().flatten());
            match wanted {
                Some(wanted) => self.element(found, wanted, path),
                None if wildcard.strict => self.refused(path, &format!("`{}`", self.from.local(name))),
                None => {}
            }
        }
        let own: HashSet<NameIx> = self.from.rules.globals.keys().filter_map(|name| self.name(*name)).collect();
        let to = self.to;
        let is_new = |name: &&NameIx| !own.contains(name) && wildcard.namespaces.admits(&uri(to, **name));
        if !wildcard.strict && to.rules.globals.keys().any(|name| is_new(&name)) {
            self.cannot_tell(path, "it declares elements that a wildcard admits");
        }
    }

    /// Namespaces to try where a wildcard admits many: those that either contract knows, and one of nobody.
    fn probes(&self) -> Vec<Text> {
        let known = self.from.namespaces.iter().chain(&self.to.namespaces).map(|namespace| namespace.uri.clone());
        let mut all: Vec<Text> = known.chain([Text::borrowed("urn:of:nobody")]).collect();
        all.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        all.dedup();
        all
    }
}

fn uri(plan: &Plan, name: NameIx) -> Text {
    plan.names.get(name as usize).map(|name| plan.uri(name.namespace).clone()).unwrap_or_default()
}

/// Whether a wildcard admits of a namespace what another one does.
fn admits(wanted: &Wildcard, own: &Wildcard, uri: &str) -> bool {
    let strictness = |one: &Wildcard| if one.skip { 0 } else { 1 + u8::from(one.strict) };
    wanted.namespaces.admits(uri) && strictness(wanted) <= strictness(own)
}

/// An identity constraint with its names in full.
fn written(plan: &Plan, constraint: &Constraint) -> String {
    let name = |ix: &NameIx| format!("{{{}}}{}", uri(plan, *ix), plan.local(*ix));
    let path = |elements: &[NameIx]| elements.iter().map(name).collect::<Vec<_>>().join("/");
    let field =
        |field: &Field| format!("{}@{}", path(&field.elements), field.attribute.as_ref().map(name).unwrap_or_default());
    let fields: Vec<String> = constraint.fields.iter().map(field).collect();
    format!("{} {} {}", path(&constraint.selector), fields.join(","), constraint.is_key)
}
